// SPDX-License-Identifier: Apache-2.0
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

/**
 * Debian packages to be unpacked in the cache. Whatever runs from there shares them and never writes to them.
 *
 * @param what    for people, as in Docker 26.1
 * @param folder  the name of its folder; another one when what is made of the packages changes
 * @param suite   Debian's name of the release, as in trixie
 * @param variant mmdebstrap's: {@code essential} for a root to run in, {@code extract} for the files alone
 * @param names   of the packages, with commas between
 * @param testing whether a mirror's lists of packages may be older than they say that they may be
 */
record DebianPackages(String what, String folder, String suite, String variant, String names, boolean testing) {

    private static final Pattern STEP = Pattern.compile("I: ((downloading|extracting|installing) .*?)\\.*");
    private static final Object UNPACKING = new Object();

    /** What is made of the packages besides. */
    interface Completion {
        /**
         * @param home has the packages' files in its folder {@code root}
         * @param tmp  a folder for it alone, which goes away
         */
        void complete(Path home, Path tmp) throws EngineUnavailable, IOException, InterruptedException;
    }

    /** The folder in the cache that has all of them, and disks for the moment that they have a name. */
    static Path engines(Machine machine) throws EngineUnavailable {
        return machine.cacheFolder().resolve("engines");
    }

    /**
     * From the cache, or unpacked now, by one process while others wait. What has its final name is complete.
     *
     * @return the folder with {@code root}, and whatever the completion adds
     */
    Path provide(Machine machine, ThrowawayEngine.Progress progress, Completion completion)
            throws EngineUnavailable, IOException, InterruptedException {
        var engines = Files.createDirectories(engines(machine));
        var home = engines.resolve(folder);
        synchronized (UNPACKING) { // a FileLock is the whole JVM's
            try (var lock = FileChannel.open(engines.resolve(folder + ".lock"), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE)) {
                if (!Files.exists(home) && lock.tryLock() == null) {
                    progress.step("waiting for another process that unpacks " + what);
                    lock.lock();
                }
                if (!Files.exists(home)) {
                    unpack(home, machine, progress, completion);
                }
            }
        }
        return home;
    }

    private void unpack(Path home, Machine machine, ThrowawayEngine.Progress progress, Completion completion)
            throws EngineUnavailable, IOException, InterruptedException {
        machine.require("mmdebstrap", progress);
        var prefix = folder + ".unpacking-";
        for (var abandoned : Machine.list(home.getParent(), prefix).toList()) {
            delete(abandoned, machine); // the process that made it is dead: we have the lock
        }
        var half = Files.createTempDirectory(home.getParent(), prefix);
        var namespaces = Namespaces.open(List.of("--mount", "--pid"), "cat");
        var atExit = new AtExit(() -> {
            namespaces.close();
            delete(half, machine);
        });
        try (atExit) {
            var tmp = Files.createDirectory(half.resolve("tmp"));
            fetch(half.resolve("root"), tmp, machine, namespaces, progress);
            completion.complete(half, tmp);
            delete(tmp, machine);
            machine.run(List.of("sync", "--file-system", half.toString()), Map.of(), Machine.LONG, line -> {});
            Files.move(half, home, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** In namespaces of its own, so that its processes and mounts, too, end with us. */
    private void fetch(Path root, Path tmp, Machine machine, Namespaces namespaces, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, InterruptedException {
        var step = "unpacking " + what + " (Debian " + suite + "), once";
        progress.step(step);
        var line = namespaces.entrance(List.of("--mount", "--pid"), List.of("mmdebstrap", "--mode=root",
                "--variant=" + variant, "--include=" + names, "--aptopt=APT::Install-Recommends \"false\""));
        if (testing) {
            line.add("--aptopt=Acquire::Check-Valid-Until \"false\"");
        }
        line.addAll(List.of(suite, root.toString()));
        line.add(0, "setsid"); // a Ctrl-C is ours to handle
        var environment = Map.of("TMPDIR", tmp.toString(), "LC_ALL", "C.UTF-8");
        machine.run(line, environment, Machine.LONG, output -> {
            var told = STEP.matcher(output);
            if (told.matches()) {
                progress.step(step + ": " + told.group(1));
            }
        });
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

    /**
     * The command line that runs a program of a Debian tree on this machine, with the libraries that it was built for.
     *
     * @param root of the tree
     * @param name the program's path in it
     */
    static List<String> program(Path root, String name, String... arguments) throws IOException {
        try (var libraries = Files.find(root.resolve("usr/lib"), 2,
                (path, attributes) -> path.toString().matches(".*-linux-gnu[^/]*/ld-linux[^/]*"))) {
            var loader = libraries.findFirst().orElseThrow(() -> new IOException("no loader in " + root));
            var line = new ArrayList<>(List.of(loader.toString(), "--library-path", loader.getParent().toString(),
                    "--argv0", Path.of(name).getFileName().toString(), root.resolve(name).toString()));
            line.addAll(List.of(arguments));
            return line;
        }
    }
}
