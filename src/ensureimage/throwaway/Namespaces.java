// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Namespaces that live as long as a pipe of this JVM is open: their PID 1 is, or waits for, a {@code cat} that reads it.
 * When PID 1 ends, the kernel kills whatever else is in there, and what only that used goes too. They are in a session
 * of their own, so that no Ctrl-C reaches them.
 */
final class Namespaces implements AutoCloseable {

    static final List<String> ALL = List.of("--mount", "--pid", "--net", "--ipc", "--uts");

    /** Ends after all that is in there. */
    private final Process process;
    private final long pid;

    private Namespaces(Process process) {
        this.process = process;
        this.pid = Machine.child(process).orElseThrow().pid();
    }

    /**
     * Makes new ones.
     *
     * @param kinds options of unshare and nsenter, see {@link #ALL}
     * @param init  the command line of PID 1
     */
    static Namespaces open(List<String> kinds, String... init) throws EngineUnavailable {
        return hold(unshare(Stream.concat(Stream.of("--fork", "--kill-child"), kinds.stream()), init));
    }

    /**
     * Makes namespaces in which all is as on the machine, with two exceptions.
     *
     * @param shared those that are as in these
     * @param fresh  those that are new
     */
    Namespaces openView(List<String> shared, String... fresh) throws EngineUnavailable {
        return hold(entrance(shared, unshare(Stream.of(fresh), "cat")));
    }

    private static List<String> unshare(Stream<String> options, String... line) {
        return Stream.of(Stream.of("unshare", "--propagation", "slave"), options, Stream.of("--"), Stream.of(line))
                .flatMap(words -> words).toList();
    }

    private static Namespaces hold(List<String> line) throws EngineUnavailable {
        try {
            var words = Stream.concat(Stream.of("setsid"), line.stream()).toList();
            var process = new ProcessBuilder(words).start(); // its stdin stays open, which a Command's does not
            // The echo says that unshare is done; before that, a mount in there could still reach the machine.
            if (Machine.echoes(process)) {
                return new Namespaces(process);
            }
            throw new EngineUnavailable("cannot make namespaces; in a container, that takes a privileged one: "
                    + new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip());
        } catch (IOException e) {
            throw new EngineUnavailable("cannot make namespaces: " + e.getMessage());
        }
    }

    /** PID 1, as this machine counts. */
    long pid() {
        return pid;
    }

    /** A file in there, as this machine reaches it. */
    Path path(String inside) {
        return Path.of("/proc/" + pid + "/root" + inside);
    }

    /** The command line that runs a command in some of these namespaces; it can be added to. */
    List<String> entrance(List<String> kinds, List<String> line) {
        var words = new ArrayList<>(List.of("nsenter", "--target", Long.toString(pid)));
        words.addAll(kinds);
        words.add("--");
        words.addAll(line);
        return words;
    }

    /** What ends just after all that is in there: to be waited for. */
    Process process() {
        return process;
    }

    /** Ends all that is in there, and waits for that. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
        } catch (IOException e) {
            // it has ended before
        }
        try {
            if (process.waitFor(20, TimeUnit.SECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
