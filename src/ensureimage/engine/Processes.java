// SPDX-License-Identifier: Apache-2.0
//DEPS org.zeroturnaround:zt-exec:1.13.0

package ensureimage.engine;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.StartedProcess;

/**
 * Starts processes from argument lists and owns them: none outlives its time limit, its caller or this JVM.
 *
 * <p>Safe from many threads. A shutdown hook is registered for as long as a process runs, and only then.
 */
public final class Processes {
    private static final Duration GRACE = Duration.ofSeconds(5);
    private static final int NO_SUCH_FILE = 2; // ENOENT
    private static final Pattern REASON = Pattern.compile("error=(?<errno>\\d+), (?<text>.*)");

    private Processes() {
    }

    /** The environment that a process gets if nothing else is said. */
    public static Map<String, String> inherited() {
        return new ProcessBuilder().environment();
    }

    /**
     * A process that has ended.
     *
     * @param status its exit status; 128 + N if signal N ended it
     * @param out the last lines of its stdout, at most some 256,000 characters
     * @param err the same of its stderr
     * @param took from its start to its end
     */
    public record Finished(int status, List<String> out, List<String> err, Duration took) {
    }

    /**
     * What to run.
     *
     * @param line the program, a name on this JVM's PATH or a path, and its arguments
     * @param environment added to this JVM's own
     * @param input for its stdin, which then ends
     */
    public record Command(List<String> line, Map<String, String> environment, byte[] input) {

        /** The same. @param limit after which the process is ended */
        public Finished run(Duration limit, Consumer<String> listener)
                throws IOException, TimeoutException, InterruptedException {
            return run(new Deadline(limit)::left, listener);
        }

        /**
         * Runs it to its end. However this returns, the process has ended; if it had to be ended, all below it have, too.
         *
         * @param left how much time it has at that moment; asked again when that is over, and then the process is ended
         * @param listener gets each line of both streams as it comes, from several threads
         * @throws NoSuchFileException if there is no such program
         * @throws IOException if it cannot be started, why; its message names no value of the environment
         * @throws TimeoutException if it did not end within the limit
         */
        public Finished run(Supplier<Duration> left, Consumer<String> listener)
                throws IOException, TimeoutException, InterruptedException {
            long start = System.nanoTime();
            Lines out = new Lines(listener);
            Lines err = new Lines(listener);
            ProcessExecutor executor = new ProcessExecutor(line)
                    .redirectInput(input.length == 0 ? null : new ByteArrayInputStream(input))
                    .redirectOutput(out)
                    .redirectError(err)
                    .closeTimeout(1, TimeUnit.SECONDS);
            // What is inherited anyway is not said again: Java may have lost bytes of it that the locale does not have.
            Map<String, String> inherited = inherited();
            environment.forEach((name, value) -> {
                if (!value.equals(inherited.get(name))) {
                    executor.environment(name, value);
                }
            });
            try (Owner owner = new Owner()) {
                StartedProcess started = start(executor);
                owner.own(started.getProcess());
                ProcessResult result = await(started, left);
                return new Finished(result.getExitValue(), out.kept(), err.kept(),
                        Duration.ofNanos(System.nanoTime() - start));
            } catch (ExecutionException e) {
                throw new IOException("lost " + line.get(0));
            }
        }

        private static ProcessResult await(StartedProcess started, Supplier<Duration> left)
                throws ExecutionException, TimeoutException, InterruptedException {
            while (true) {
                try {
                    return started.getFuture().get(Math.max(1, left.get().toMillis()), TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    if (left.get().toMillis() <= 0) {
                        throw e;
                    }
                }
            }
        }

        private StartedProcess start(ProcessExecutor executor) throws IOException {
            try {
                return executor.start();
            } catch (IOException e) { // only the innermost message does not print the environment
                Matcher reason = REASON.matcher(String.valueOf(innermost(e).getMessage()));
                boolean known = reason.find();
                if (known && Integer.parseInt(reason.group("errno")) == NO_SUCH_FILE) {
                    throw new NoSuchFileException(line.get(0));
                }
                throw new IOException(known ? reason.group("text") : "it cannot be started");
            }
        }
    }

    /**
     * Ends its process when closed, or when the JVM is told to end before that.
     *
     * <p>Once the JVM is being ended, no hook can be registered. What starts a process then is a hook itself, or a
     * thread that one waits for: it cleans up, and is not disturbed.
     */
    private static final class Owner implements AutoCloseable {
        /** Empty if it could not be started. */
        private final CompletableFuture<Optional<Process>> process = new CompletableFuture<>();
        private final Thread hook = new Thread(() -> process.join().ifPresent(Processes::end), "end a process");

        Owner() {
            try {
                Runtime.getRuntime().addShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the JVM is being ended
            }
        }

        void own(Process started) {
            process.complete(Optional.of(started));
        }

        @Override
        public void close() {
            process.complete(Optional.empty());
            process.join().ifPresent(Processes::end);
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the same
            }
        }
    }

    /** Whether this JVM is being ended: what fails then was made to. */
    public static boolean areEnding() {
        Thread hook = new Thread("is never started");
        try {
            Runtime.getRuntime().addShutdownHook(hook);
            Runtime.getRuntime().removeShutdownHook(hook);
            return false;
        } catch (IllegalStateException e) {
            return true;
        }
    }

    private static Throwable innermost(Throwable e) {
        return e.getCause() == null ? e : innermost(e.getCause());
    }

    /** Ends a process and all below it: asks first, so that docker cancels the build on the engine, then kills. */
    private static void end(Process process) {
        if (!process.isAlive()) {
            return; // what it left has another parent by now
        }
        List<ProcessHandle> tree = Stream.concat(Stream.of(process.toHandle()), process.descendants()).toList();
        tree.forEach(ProcessHandle::destroy);
        long deadline = System.nanoTime() + GRACE.toNanos();
        while (tree.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < deadline) {
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        tree.forEach(ProcessHandle::destroyForcibly);
    }

    /** Splits a stream into lines at newlines only, hands each on, and keeps the last ones; its memory is bounded. */
    static final class Lines extends OutputStream {
        private static final int LONGEST_LINE = 64 * 1024;
        private static final int KEPT = 256 * 1024;
        private final Consumer<String> listener;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();
        private final Deque<String> kept = new ArrayDeque<>();
        private int size;

        Lines(Consumer<String> listener) {
            this.listener = listener;
        }

        @Override
        public synchronized void write(int b) {
            if (b == '\n') {
                endLine();
            } else if (line.size() < LONGEST_LINE) {
                line.write(b);
            }
        }

        @Override
        public synchronized void write(byte[] bytes, int offset, int length) {
            for (int i = offset; i < offset + length; i++) {
                write(bytes[i]);
            }
        }

        private void endLine() {
            String text = line.toString(StandardCharsets.UTF_8).stripTrailing();
            line.reset();
            kept.addLast(text);
            for (size += text.length() + 1; size > KEPT;) { // an empty line takes room too
                size -= kept.removeFirst().length() + 1;
            }
            listener.accept(text);
        }

        /** The lines kept; also the last one if no newline ended it. */
        synchronized List<String> kept() {
            if (line.size() > 0) {
                endLine();
            }
            return List.copyOf(kept);
        }
    }
}
