package ensureimage.throwaway;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The Debian packages of a Docker version, unpacked in the cache. Engines share it and never write to it. */
public final class DebianRoot {

    static final String BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx";
    /** To be raised when what this file makes of the packages changes. */
    private static final int FORMAT = 1;
    private static final Pattern STEP = Pattern.compile("I: ((downloading|extracting|installing) .*?)\\.*");
    private static final Object UNPACKING = new Object();

    private final Machine machine;
    private final Path home;
    private final Path folder;

    private DebianRoot(Machine machine, Path home) {
        this.machine = machine;
        this.home = home;
        this.folder = home.resolve("root");
    }

    // ---- where it comes from --------------------------------------------------------------------------------------

    /** The folder in the cache that has those of all versions, and engines' disks for the moment that they have a name. */
    static Path engines(Machine machine) throws EngineUnavailable {
        return machine.cacheFolder().resolve("engines");
    }

    /** From the cache, or unpacked now, by one process while others wait. What has its final name is complete. */
    static DebianRoot provide(DebianRelease release, Machine machine, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        var name = release.suite() + "-" + machine.architecture() + "-" + FORMAT;
        var engines = Files.createDirectories(engines(machine));
        var home = engines.resolve(name);
        synchronized (UNPACKING) { // a FileLock is the whole JVM's
            try (var lock = FileChannel.open(engines.resolve(name + ".lock"), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE)) {
                if (!Files.exists(home) && lock.tryLock() == null) {
                    progress.step("waiting for another process that unpacks Docker " + release);
                    lock.lock();
                }
                if (!Files.exists(home)) {
                    unpack(release, home, machine, progress);
                }
            }
        }
        return new DebianRoot(machine, home);
    }

    private static void unpack(DebianRelease release, Path home, Machine machine, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        machine.require("mmdebstrap", progress);
        var prefix = home.getFileName() + ".unpacking-";
        for (var abandoned : Machine.list(home.getParent(), prefix).toList()) {
            delete(abandoned, machine); // the process that made it is dead: we have the lock
        }
        var root = new DebianRoot(machine, Files.createTempDirectory(home.getParent(), prefix));
        var namespaces = Namespaces.open(List.of("--mount", "--pid"), "cat");
        var atExit = new AtExit(() -> {
            namespaces.close();
            delete(root.home, machine);
        });
        try (atExit) {
            var tmp = Files.createDirectory(root.home.resolve("tmp"));
            root.unpackPackages(release, namespaces, progress);
            root.makeBusybox(tmp);
            var version = machine.run(root.program("usr/sbin/dockerd", "--version"));
            Files.writeString(root.home.resolve("version"), version.replaceFirst("(?s)\\D*([\\d.]+).*", "$1"));
            delete(tmp, machine);
            machine.run(List.of("sync", "--file-system", root.home.toString()), Map.of(), Machine.LONG, line -> {});
            Files.move(root.home, home, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** In namespaces of its own, so that its processes and mounts, too, end with us. */
    private void unpackPackages(DebianRelease release, Namespaces namespaces, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, InterruptedException {
        var what = "unpacking Docker " + release + " (Debian " + release.suite() + "), once";
        progress.step(what);
        var line = namespaces.entrance(List.of("--mount", "--pid"), List.of("mmdebstrap", "--mode=root",
                "--variant=essential", "--include=" + release.packages(),
                "--aptopt=APT::Install-Recommends \"false\""));
        if (release.isTesting()) {
            line.add("--aptopt=Acquire::Check-Valid-Until \"false\"");
        }
        line.addAll(List.of(release.suite(), folder.toString()));
        line.add(0, "setsid"); // a Ctrl-C is ours to handle
        var environment = Map.of("TMPDIR", home.resolve("tmp").toString(), "LC_ALL", "C.UTF-8");
        machine.run(line, environment, Machine.LONG, output -> {
            var step = STEP.matcher(output);
            if (step.matches()) {
                progress.step(what + ": " + step.group(1));
            }
        });
    }

    /** A base image that needs no registry: the static busybox, with a link for each of its applets. */
    private void makeBusybox(Path tmp) throws EngineUnavailable, IOException, InterruptedException {
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

    /** Never across a mount: there is none, and if there ever were, what is behind it would not be ours. */
    private static void delete(Path tree, Machine machine) {
        try {
            machine.run(List.of("rm", "-rf", "--one-file-system", tree.toString()), Map.of(), Machine.LONG, line -> {});
        } catch (EngineUnavailable e) {
            // the next unpacking tries again
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- what is in it --------------------------------------------------------------------------------------------

    /** Docker's full version, as in 26.1.5. */
    String version() throws IOException {
        return Files.readString(home.resolve("version"));
    }

    /** To be imported as busybox. */
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
        try (var libraries = Files.find(folder.resolve("usr/lib"), 2,
                (path, attributes) -> path.toString().matches(".*-linux-gnu[^/]*/ld-linux[^/]*"))) {
            var loader = libraries.findFirst().orElseThrow(() -> new IOException("no loader in " + folder));
            var line = new ArrayList<>(List.of(loader.toString(), "--library-path", loader.getParent().toString(),
                    "--argv0", Path.of(name).getFileName().toString(), folder.resolve(name).toString()));
            line.addAll(List.of(arguments));
            return line;
        }
    }
}
