//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0

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
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.StartedProcess;

/** Starts processes from argument lists and owns them: none outlives its time limit, its caller or this JVM. */
final class Processes {
    private static final Duration GRACE = Duration.ofSeconds(5);
    private static final int NO_SUCH_FILE = 2; // ENOENT
    private static final Pattern REASON = Pattern.compile("error=(?<errno>\\d+), (?<text>.*)");
    private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Processes::end)));
    }

    private Processes() {
    }

    /** A process that has ended: its exit status, the last lines of each stream apart, and how long it took. */
    record Finished(int status, List<String> out, List<String> err, Duration took) {
    }

    /**
     * What to run.
     *
     * @param environment added to this JVM's own
     * @param input for its stdin, which then ends
     */
    record Command(List<String> line, Map<String, String> environment, byte[] input) {
        static { // what zt-exec logs with: to search for it takes as long as to start a process
            System.setProperty("slf4j.provider", "org.slf4j.nop.NOPServiceProvider");
            System.setProperty("slf4j.internal.verbosity", "WARN");
        }

        /**
         * Runs it to its end.
         *
         * @param listener gets each line of both streams as it comes, from several threads
         * @throws NoSuchFileException if there is no such program
         * @throws IOException if it cannot be started, why; its message names no value of the environment
         */
        Finished run(Duration limit, Consumer<String> listener)
                throws IOException, TimeoutException, InterruptedException {
            long start = System.nanoTime();
            Lines out = new Lines(listener);
            Lines err = new Lines(listener);
            ProcessExecutor executor = new ProcessExecutor(line)
                    .redirectInput(input.length == 0 ? null : new ByteArrayInputStream(input))
                    .redirectOutput(out)
                    .redirectError(err)
                    .closeTimeout(1, TimeUnit.SECONDS);
            executor.getEnvironment().putAll(environment);
            StartedProcess started = start(executor);
            RUNNING.add(started.getProcess());
            try {
                ProcessResult result = started.getFuture().get(Math.max(1, limit.toMillis()), TimeUnit.MILLISECONDS);
                return new Finished(result.getExitValue(), out.kept(), err.kept(),
                        Duration.ofNanos(System.nanoTime() - start));
            } catch (ExecutionException e) {
                throw new IOException("lost " + line.get(0));
            } finally {
                end(started.getProcess());
                RUNNING.remove(started.getProcess());
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
