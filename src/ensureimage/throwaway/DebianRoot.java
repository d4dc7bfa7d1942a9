// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The Debian packages of a Docker version, unpacked in the cache. Engines share it and never write to it. */
public final class DebianRoot {

    static final String BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx";
    /** To be raised when what this file makes of the packages changes. */
    private static final int FORMAT = 1;

    private final Path home;
    private final Path folder;

    private DebianRoot(Path home) {
        this.home = home;
        this.folder = home.resolve("root");
    }

    // ---- where it comes from --------------------------------------------------------------------------------------

    /** From the cache, or unpacked now. */
    static DebianRoot provide(DebianRelease release, Machine machine, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        var packages = new DebianPackages("Docker " + release,
                release.suite() + "-" + machine.architecture() + "-" + FORMAT, release.suite(), "essential",
                release.packages(), release.isTesting());
        return new DebianRoot(packages.provide(machine, progress,
                (home, tmp) -> new DebianRoot(home).complete(tmp, machine)));
    }

    private void complete(Path tmp, Machine machine) throws EngineUnavailable, IOException, InterruptedException {
        makeBusybox(tmp, machine);
        var version = machine.run(program("usr/sbin/dockerd", "--version"));
        Files.writeString(home.resolve("version"), version.replaceFirst("(?s)\\D*([\\d.]+).*", "$1"));
    }

    /** A base image that needs no registry: the static busybox, with a link for each of its applets. */
    private void makeBusybox(Path tmp, Machine machine)
            throws EngineUnavailable, IOException, InterruptedException {
        var image = tmp.resolve("busybox");
        for (var name : List.of("bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "tmp", "usr/bin",
                "usr/sbin", "var/tmp")) {
            Files.createDirectories(image.resolve(name));
        }
        for (var name : List.of("tmp", "var/tmp")) {
            Files.setAttribute(image.resolve(name), "unix:mode", 01777);
        }
        var busybox = Path.of(file("usr/bin/busybox"));
        Files.copy(busybox, image.resolve("bin/busybox"), StandardCopyOption.COPY_ATTRIBUTES);
        var applets = machine.run(List.of(busybox.toString(), "--list-full"));
        for (var applet : applets.split("\n")) {
            var link = image.resolve(applet);
            if (!Files.exists(link)) {
                Files.createDirectories(link.getParent());
                Files.createSymbolicLink(link, Path.of("/bin/busybox"));
            }
        }
        Files.writeString(image.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n"
                + "nobody:x:65534:65534:nobody:/:/bin/false\n");
        Files.writeString(image.resolve("etc/group"), "root:x:0:\nnogroup:x:65534:\n");
        machine.run(List.of("tar", "-C", image.toString(), "--sort=name", "-cf", busyboxTar().toString(), "."));
    }

    // ---- what is in it --------------------------------------------------------------------------------------------

    /** Docker's full version, as in 26.1.5. */
    String version() throws IOException {
        return Files.readString(home.resolve("version"));
    }

    /** The files of busybox, for {@link BusyboxArchive}. */
    Path busyboxTar() {
        return home.resolve("busybox.tar");
    }

    /** The root of the packages' files. */
    Path folder() {
        return folder;
    }

    String file(String name) {
        return folder.resolve(name).toString();
    }

    List<String> program(String name, String... arguments) throws IOException {
        return program(folder, name, arguments);
    }

    /**
     * The command line that runs a program of a Debian tree on this machine, with the libraries that it was built for.
     *
     * @param folder the root of the tree
     * @param name   the program's path in it
     */
    public static List<String> program(Path folder, String name, String... arguments) throws IOException {
        return DebianPackages.program(folder, name, arguments);
    }
}
