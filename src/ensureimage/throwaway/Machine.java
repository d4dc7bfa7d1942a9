// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import ensureimage.engine.Processes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The machine that engines are started on, and what they need to know of the process and user that start them.
 *
 * @param environment  this process's own, which what it starts inherits, but for variables that a user's command must
 *                     not have; HOME, if it has one, is the user's home
 * @param cache        the project's folder for what can be made again, whether it is there or not; empty if there can be
 *                     none
 * @param folder       the current one
 * @param architecture as Java calls it, as in amd64
 */
public record Machine(Map<String, String> environment, Optional<Path> cache, Path folder, String architecture) {

    static final String SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static final Duration SHORT = Duration.ofMinutes(1);
    static final Duration LONG = Duration.ofMinutes(20);
    private static final int LONGEST_LINE = 300;

    public Machine {
        environment = Map.copyOf(environment);
    }

    static boolean isLinux() {
        return Files.isDirectory(Path.of("/proc/self/ns"));
    }

    /** On Linux only. */
    static boolean isRoot() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    }

    /** {@link #cache}, for an engine that cannot be without. */
    Path cacheFolder() throws EngineUnavailable {
        return cache.orElseThrow(
                () -> new EngineUnavailable(EngineUnavailable.Reason.NO_CACHE, "there is no folder for its files"));
    }

    /** The user's home and the current folder, by all their names. */
    Set<String> usersFolders() {
        return Stream.of(environment.getOrDefault("HOME", ""), environment.getOrDefault("PWD", ""), folder.toString())
                .map(name -> Path.of("/").resolve(name).normalize()).filter(Files::isDirectory)
                .map(Path::toString).collect(Collectors.toCollection(TreeSet::new));
    }

    /** The variables of the environment that name a proxy, as Docker reads them. */
    static boolean isProxy(String variable) {
        return variable.matches("(?i)(https?|no|all)_proxy");
    }

    // ---- programs -------------------------------------------------------------------------------------------------

    /** The user's PATH, and what a user's may lack. */
    String path() {
        return environment.getOrDefault("PATH", "") + ":" + SYSTEM_PATH;
    }

    /** A program on {@link #path}. */
    public Optional<Path> find(String program) {
        return Stream.of(path().split(":")).map(folder -> Path.of(folder, program))
                .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file)).findFirst();
    }

    /**
     * Installs the Debian package of that name, if there is no program of that name.
     *
     * @throws EngineUnavailable if it cannot be installed here
     */
    public void require(String program, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, InterruptedException {
        if (find(program).isPresent()) {
            return;
        }
        if (find("apt-get").isEmpty()) {
            throw new EngineUnavailable(EngineUnavailable.Reason.NO_APT,
                    program + " is missing and there is no apt-get to install it");
        }
        progress.step("installing " + program);
        for (var action : List.of(List.of("update"),
                List.of("install", "--yes", "--no-install-recommends", program, "debian-archive-keyring"))) {
            var line = new ArrayList<>(List.of("apt-get", "-o", "DPkg::Lock::Timeout=300"));
            line.addAll(action);
            run(line, Map.of("DEBIAN_FRONTEND", "noninteractive"), LONG, output -> {});
        }
    }

    /** Runs a command to its end, as below, that takes less than a minute. */
    String run(List<String> line) throws EngineUnavailable, InterruptedException {
        return run(line, Map.of(), SHORT, output -> {});
    }

    /**
     * Runs a command to its end.
     *
     * @param variables added to the environment
     * @param listener  gets each line that it prints, from several threads
     * @return the lines of its stdout
     * @throws EngineUnavailable if it fails; the message has the last lines that it printed
     */
    public String run(List<String> line, Map<String, String> variables, Duration limit, Consumer<String> listener)
            throws EngineUnavailable, InterruptedException {
        var name = name(line);
        var all = new TreeMap<>(Map.of("PATH", path()));
        all.putAll(variables);
        try {
            var finished = new Processes.Command(line, all, new byte[0]).run(limit, listener);
            if (finished.status() != 0) {
                throw new EngineUnavailable(name + " failed with status " + finished.status() + ": "
                        + lastLines(Stream.concat(finished.out().stream(), finished.err().stream()), 5));
            }
            return String.join("\n", finished.out());
        } catch (TimeoutException e) {
            throw new EngineUnavailable(name + " did not end within " + limit.toSeconds() + " s");
        } catch (NoSuchFileException e) {
            throw new EngineUnavailable("cannot run " + name + ": there is no such program");
        } catch (IOException e) {
            throw new EngineUnavailable("cannot run " + name + ": " + e.getMessage());
        }
    }

    /** The name of the program, not of an nsenter or a loader that it is behind. */
    private static Path name(List<String> line) {
        int before = Math.max(line.indexOf("--"), line.indexOf("--argv0"));
        return Path.of(line.get(before + 1)).getFileName();
    }

    /** The last of the lines that are not blank, each cut if it is too long. */
    static String lastLines(Stream<String> text, int count) {
        var lines = text.filter(line -> !line.isBlank())
                .map(line -> line.length() <= LONGEST_LINE ? line : line.substring(0, LONGEST_LINE) + "...").toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - count), lines.size()));
    }

    // ---- processes ------------------------------------------------------------------------------------------------

    /** Waits for the end of a process; false if it takes longer, or if this thread is interrupted: it stays so. */
    static boolean awaitEnd(ProcessHandle process, Duration limit) {
        try {
            process.onExit().get(limit.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // not yet
        }
        return false;
    }

    /** The only child of a process. {@link ProcessHandle#children} goes through all processes instead. */
    static Optional<ProcessHandle> child(Process parent) {
        try {
            var children = Path.of("/proc/%1$d/task/%1$d/children".formatted(parent.pid()));
            var child = Files.readString(children).strip();
            return child.isEmpty() ? Optional.empty() : ProcessHandle.of(Long.parseLong(child));
        } catch (IOException e) {
            return parent.children().findFirst(); // this kernel does not have that file
        }
    }

    /** Whether a {@code cat}, behind whatever starts it, is there; false if it has ended. */
    static boolean echoes(Process cat) {
        try {
            cat.getOutputStream().write('\n');
            cat.getOutputStream().flush();
            return cat.getInputStream().read() == '\n';
        } catch (IOException e) {
            return false;
        }
    }

    // ---- files ----------------------------------------------------------------------------------------------------

    /** The path by which other processes reach a file that this JVM has open and has deleted. */
    static String descriptor(Path deleted) throws IOException {
        return list(Path.of("/proc/self/fd"), "").filter(descriptor -> {
            try {
                return Files.readSymbolicLink(descriptor).toString().equals(deleted + " (deleted)");
            } catch (IOException e) {
                return false; // closed in the meantime
            }
        }).findFirst().orElseThrow(() -> new IOException("not open: " + deleted)).toString()
                .replace("self", Long.toString(ProcessHandle.current().pid()));
    }

    /** What is in a folder under names that begin so; nothing, if it cannot be read. */
    static Stream<Path> list(Path folder, String prefix) {
        try (var children = Files.list(folder)) {
            return children.filter(path -> path.getFileName().toString().startsWith(prefix)).toList().stream();
        } catch (IOException | UncheckedIOException e) {
            return Stream.of();
        }
    }
}
