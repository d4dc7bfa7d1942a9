// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;

/**
 * An image that takes the place of any base image: its shells and programs do nothing and succeed, and it has whatever
 * files, users and programs a Dockerfile was found to want.
 */
public final class StubImage {
    private static final String NAME = "ensure-image-stub";

    private final Workbench bench;
    private final Set<String> names = new TreeSet<>();
    private final Set<String> programs =
            new TreeSet<>(Set.of("/bin/sh", "/bin/bash", "/bin/ash", "/bin/dash", "/bin/zsh",
                    "/usr/bin/env", "/usr/bin/pwsh"));
    private final Set<String> users = new TreeSet<>(Set.of("node", "nginx", "www-data", "app", "nobody", "postgres"));
    private final Set<String> paths = new TreeSet<>();
    private boolean made;

    public StubImage(Workbench bench) {
        this.bench = bench;
    }

    /** It also stands for the image of this name. @return whether it did not before; the same of the others */
    public boolean standFor(String name) {
        return changed(names.add(name));
    }

    /** @param program a path, or a name on PATH */
    public boolean addProgram(String program) {
        return changed(programs.add(program.startsWith("/") ? program : "/usr/local/bin/" + program));
    }

    /** A user and a group. */
    public boolean addUser(String name) {
        return changed(users.add(name));
    }

    /** A folder with a file, or a file if the name has a dot; wildcards stand for a letter. */
    public boolean addPath(String path) {
        return changed(paths.add(path.replaceAll("\\[[^]]*\\]|[*?]+", "x").replaceAll("/+$", "")));
    }

    private boolean changed(boolean really) {
        made &= !really;
        return really;
    }

    /** Puts it under all its names. */
    public void provide() throws IOException {
        if (made) {
            return;
        }
        Path root = Harness.newFolder();
        Path files = root.resolve("root");
        for (String program : programs) {
            write(files, program, "#!/bin/busybox true\n", "rwxr-xr-x");
        }
        StringBuilder passwd = new StringBuilder("root:x:0:0::/:/bin/sh\n");
        StringBuilder group = new StringBuilder("root:x:0:\n");
        int number = 100;
        for (String user : users) {
            passwd.append("%s:x:%d:%d::/:/bin/sh%n".formatted(user, ++number, number));
            group.append("%s:x:%d:%n".formatted(user, number));
        }
        write(files, "/etc/passwd", passwd.toString(), "rw-r--r--");
        write(files, "/etc/group", group.toString(), "rw-r--r--");
        for (String path : paths) {
            boolean file = path.substring(path.lastIndexOf('/') + 1).lastIndexOf('.') > 0;
            if (!Files.exists(files.resolve("." + path))) {
                write(files, file ? path : path + "/stub", "stub\n", "rwxr-xr-x");
            }
        }
        Harness.write(root.resolve("Dockerfile"),
                "FROM busybox AS b\nFROM scratch\nCOPY --from=b /bin/busybox /bin/busybox\nCOPY root/ /\n");
        bench.docker("build", "--tag", NAME, root.toString()).succeeded();
        for (String name : names) {
            bench.docker("tag", NAME, name).succeeded();
        }
        made = true;
    }

    private static void write(Path root, String path, String text, String mode) {
        try {
            Path file = root.resolve("." + path).normalize();
            if (Files.isRegularFile(file.getParent())) {
                return; // a folder was wanted there, too
            }
            Files.setPosixFilePermissions(Harness.write(file, text), PosixFilePermissions.fromString(mode));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
