// SPDX-License-Identifier: Apache-2.0
//SOURCES EngineStarts.java
//SOURCES ImageFiles.java
//SOURCES Journal.java
//SOURCES Pasteable.java
//SOURCES Programs.java

package ensureimage.testing;

import ensureimage.engine.CacheFolder;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.Machine;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the tests share: running programs from outside as a user does, temporary folders, waiting.
 *
 * <p>Whatever it starts or makes, it also ends and removes: when a command is over, at the end of the run, or when the
 * test JVM is told to stop.
 */
public final class Harness {

    /** Nothing is timed: this is only how long to wait for what never comes, on a machine that is busy with other things. */
    public static final Duration SOON = Duration.ofMinutes(4);
    private static final Duration TIMEOUT = Duration.ofMinutes(12);
    private static final int MOMENT = 50; // ms
    private static final Duration GRACE = Duration.ofSeconds(3);
    private static final List<AutoCloseable> CLOSED_AT_END = new ArrayList<>();
    private static final Set<Running> RUNNING = ConcurrentHashMap.newKeySet();
    private static final Set<Path> KEPT = ConcurrentHashMap.newKeySet();
    private static volatile boolean ending;

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            ending = true;
            closeAll();
        }, "close what the tests left"));
    }

    private Harness() {
    }

    // ---- Commands

    /** A program with its arguments, as a process of its own. */
    public static Command command(String... line) {
        return new Command(List.of(line));
    }

    /**
     * One of the scripts (`ensure_image`), as a process of its own. It is the class that was compiled into this run, so
     * it starts without JBang; {@link #jbangw} goes the user's way.
     */
    public static Command script(String name, String... arguments) {
        return java(Stream.concat(Archive.OPTION.stream(), Stream.of(name)), arguments);
    }

    /** A JVM with this run's classes. Many of these start at once: the quick compiler and one collector are cheaper. */
    private static Command java(Stream<String> options, String... arguments) {
        var java = Stream.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-classpath", System.getProperty("java.class.path"));
        return new Command(Stream.of(java, options, Arrays.stream(arguments)).flatMap(part -> part).toList());
    }

    /** The classes of scripts that fail, as a JVM likes to have them: a start takes half of the time. */
    private static final class Archive {
        static final Optional<String> OPTION = make();

        private static Optional<String> make() {
            var folder = newFolder();
            write(folder.resolve("Dockerfile"), "FROM scratch\n");
            var classes = Stream
                    .of(List.of("ensure_image", "--format", "json", "--verbose", "--docker", "false", "app=."),
                            List.of("with_docker", "no-such-program"), List.of("race_repro", "--strategy", "no-such"))
                    .flatMap(line -> loadedBy(line, folder)).distinct().collect(Collectors.joining("\n"));
            var list = write(folder.resolve("classes"), classes);
            var archive = "-XX:SharedArchiveFile=" + folder.resolve("archive");
            var made = java(Stream.of("-Xshare:dump", "-XX:SharedClassListFile=" + list, archive)).run();
            return made.status() == 0 ? Optional.of(archive) : Optional.empty();
        }

        private static Stream<String> loadedBy(List<String> line, Path folder) {
            var list = folder.resolve(line.get(0));
            java(Stream.of("-XX:DumpLoadedClassList=" + list, line.get(0)),
                    line.subList(1, line.size()).toArray(String[]::new)).in(folder).run();
            try {
                return Files.readAllLines(list).stream();
            } catch (IOException e) {
                return Stream.of(); // another kind of JVM
            }
        }
    }

    /** The wrapper of this checkout. */
    public static Command jbangw(String... arguments) {
        return new Command(Stream.concat(Stream.of(root().resolve("jbangw").toString()), Arrays.stream(arguments))
                .toList());
    }

    /** Starts them at the same moment; the results in the same order, once all have ended. */
    public static List<Result> together(int count, IntFunction<Command> commands) {
        var barrier = new CyclicBarrier(count);
        var pool = Executors.newFixedThreadPool(count);
        try {
            List<Future<Result>> results = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                var command = commands.apply(i);
                results.add(pool.submit(() -> {
                    barrier.await();
                    return command.run();
                }));
            }
            List<Result> ended = new ArrayList<>();
            for (var result : results) {
                ended.add(result.get());
            }
            return ended;
        } catch (Exception e) {
            throw new AssertionError("one of " + count + " commands could not be run: " + e.getMessage(), e);
        } finally {
            pool.shutdownNow();
        }
    }

    /**
     * A process that has ended.
     *
     * @param command as it can be pasted into a shell
     */
    public record Result(String command, int status, String out, String err) {

        /** This result, or an error with everything that the program printed. */
        public Result expect(int expected) {
            if (status != expected) {
                throw new AssertionError("expected exit status " + expected + ", got " + this);
            }
            return this;
        }

        public Result succeeded() {
            return expect(0);
        }

        @Override
        public String toString() {
            return "exit status " + status + " of " + command + "\n--- stdout\n" + out + "--- stderr\n" + err;
        }
    }

    /** How to start a process; each method but the last two changes it and returns it. */
    public static final class Command {

        private final List<String> line;
        private final Map<String, String> environment = new TreeMap<>(System.getenv());
        private Path folder = root();
        private byte[] input = {};
        private Duration timeout = TIMEOUT;

        private Command(List<String> line) {
            this.line = List.copyOf(line);
            without("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "JBANGW_JBANG", "JBANGW_SCRIPT",
                    "ENSURE_IMAGE_SHARE",
                    "ENSURE_IMAGE_SHARE_VERIFY"); // what is printed does not depend on where tests run
        }

        /** The program and its arguments. */
        public List<String> line() {
            return line;
        }

        /** The same with all that was said of it, started by another program that takes a command line: `setsid`. */
        public Command startedBy(String... starter) {
            var command = new Command(Stream.concat(Arrays.stream(starter), line.stream()).toList());
            command.environment.clear();
            command.environment.putAll(environment);
            command.folder = folder;
            command.input = input;
            command.timeout = timeout;
            return command;
        }

        public Command env(String name, Object value) {
            environment.put(name, value.toString());
            return this;
        }

        public Command env(Map<String, String> values) {
            environment.putAll(values);
            return this;
        }

        public Command without(String... names) {
            List.of(names).forEach(environment::remove);
            return this;
        }

        /** The working folder; the repository's root unless told. */
        public Command in(Path folder) {
            this.folder = folder;
            return this;
        }

        /** What stdin holds; it is at its end at once unless told. */
        public Command input(String text) {
            input = text.getBytes(StandardCharsets.UTF_8);
            return this;
        }

        /** After this the whole process tree is killed and the test fails. */
        public Command timeout(Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        public Result run() {
            try (var running = start()) {
                return running.await();
            }
        }

        /** Starts it and returns at once. */
        public Running start() {
            var builder = new ProcessBuilder(line).directory(folder.toFile());
            builder.environment().clear();
            builder.environment().putAll(environment);
            try {
                var running = new Running(this, builder.start());
                RUNNING.add(running);
                stopIfEnding();
                return running;
            } catch (IOException e) {
                throw new UncheckedIOException("cannot start " + String.join(" ", line), e);
            }
        }
    }

    /** A process under way. Closing it kills it with all its descendants. */
    public static final class Running implements AutoCloseable {

        private final Command command;
        private final Process process;
        private final Drain out;
        private final Drain err;

        private Running(Command command, Process process) {
            this.command = command;
            this.process = process;
            this.out = new Drain(process.getInputStream());
            this.err = new Drain(process.getErrorStream());
            var feeder = new Thread(this::feed, "stdin");
            feeder.setDaemon(true);
            feeder.start();
        }

        private void feed() {
            try (var stdin = process.getOutputStream()) {
                stdin.write(command.input);
            } catch (IOException e) {
                // It ended, or closed its stdin, without reading all: its right.
            }
        }

        public long pid() {
            return process.pid();
        }

        public boolean isAlive() {
            return process.isAlive();
        }

        /** What it has printed so far. */
        public String out() {
            return out.text();
        }

        public String err() {
            return err.text();
        }

        /** Sends a signal (`TERM`, `INT`, `KILL`) to this process alone. */
        public void signal(String name) {
            command("kill", "-" + name, Long.toString(pid())).run().succeeded();
        }

        /** Its result, once it has ended by itself. */
        public Result await() {
            try {
                if (!process.waitFor(command.timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                    close();
                    throw new AssertionError("still running after " + command.timeout.toSeconds() + " s, killed: "
                            + result(-1));
                }
                // A descendant that outlives it may hold its pipes: what has come until then is what there is.
                out.await(GRACE);
                err.await(GRACE);
                return result(process.exitValue());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting for " + String.join(" ", command.line), e);
            }
        }

        private Result result(int status) {
            Result result = new Result(Pasteable.of(command.line, command.folder, command.environment), status,
                    out.text(), err.text());
            Journal.current().ifPresent(journal -> journal.ran(result));
            EngineStarts.toldBy(result.err);
            return result;
        }

        @Override
        public void close() {
            RUNNING.remove(this);
            if (!process.isAlive()) {
                return;
            }
            var tree = Stream.concat(process.descendants(), Stream.of(process.toHandle())).toList();
            tree.forEach(ProcessHandle::destroy);
            var end = System.nanoTime() + GRACE.toNanos();
            while (tree.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < end) {
                pause();
            }
            tree.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /** Reads a stream to its end in a thread of its own, so that neither pipe can fill up. */
    private static final class Drain {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final Thread thread;

        Drain(InputStream stream) {
            thread = new Thread(() -> copy(stream), "drain");
            thread.setDaemon(true);
            thread.start();
        }

        private void copy(InputStream stream) {
            try {
                stream.transferTo(bytes);
            } catch (IOException e) {
                // The process was killed.
            }
        }

        void await(Duration limit) throws InterruptedException {
            thread.join(limit.toMillis());
        }

        String text() {
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }

    // ---- Engines

    private static final Map<EngineSpec, Object> ENGINES = new ConcurrentHashMap<>();

    /**
     * A throwaway engine. The first test that wants it starts it, all share it, and it goes down at the end of the run;
     * so a test names its images after itself. One that spoils its engine starts its own through {@code with_docker}.
     */
    public static ThrowawayEngine engine(String version, EngineSpec.Store store) {
        return engine(new EngineSpec(version, store));
    }

    /** The same; those of equal specifications are shared. */
    public static ThrowawayEngine engine(EngineSpec spec) {
        var engine = ENGINES.computeIfAbsent(spec, Harness::startEngine);
        if (engine instanceof Exception failure) {
            // A machine that cannot run engines has not passed these tests: no skipping.
            throw new AssertionError("no engine " + spec.version() + " (" + spec.store() + "): " + failure.getMessage(),
                    failure);
        }
        return (ThrowawayEngine) engine;
    }

    /** The engine, or why there is none: that would take as long to find out the second time. */
    private static Object startEngine(EngineSpec spec) {
        try {
            var engine = ownEngine(spec);
            closeAtEnd(engine);
            return engine;
        } catch (EngineUnavailable e) {
            return e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return e;
        }
    }

    /** A throwaway engine for one test, which is to close it. */
    public static ThrowawayEngine ownEngine(EngineSpec spec) throws EngineUnavailable, InterruptedException {
        var start = System.nanoTime();
        var engine = ThrowawayEngine.start(spec, machine(), ThrowawayEngine.Progress.NONE);
        EngineStarts.started(spec, engine, (System.nanoTime() - start) / 1e9);
        return engine;
    }

    /**
     * A real registry for one test, which is to close it; an engine reaches it by {@link ThrowawayEngine#reach}.
     *
     * @param disk most that it may hold, in MB
     */
    public static ThrowawayRegistry ownRegistry(int disk) throws EngineUnavailable, InterruptedException {
        return ThrowawayRegistry.start(machine(), disk, ThrowawayEngine.Progress.NONE);
    }

    /** This machine, as {@code with_docker} sees it. */
    public static Machine machine() {
        return new Machine(System.getenv(), CacheFolder.find(System.getenv()), Path.of("").toAbsolutePath(),
                System.getProperty("os.arch"));
    }

    // ---- Waiting

    /**
     * Returns as soon as the condition holds; fails if it does not within the time. One that takes long, as a command
     * does, is asked less often: whatever it waits for needs the processors, too.
     */
    public static void eventually(String what, Duration limit, Callable<Boolean> condition) {
        var end = System.nanoTime() + limit.toNanos();
        try {
            for (var asked = System.nanoTime(); !condition.call(); asked = System.nanoTime()) {
                var now = System.nanoTime();
                if (now > end) {
                    throw new AssertionError("not within " + limit.toSeconds() + " s: " + what);
                }
                Thread.sleep(Math.max(MOMENT, 2 * TimeUnit.NANOSECONDS.toMillis(now - asked)));
            }
        } catch (Exception e) {
            throw new AssertionError("while waiting for: " + what, e);
        }
    }

    /** A moment, for a loop that looks again and again. */
    public static void pause() {
        try {
            Thread.sleep(MOMENT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    // ---- Files

    /** The folder of this checkout: the one above the working folder (or that itself) that holds jbangw. */
    public static Path root() {
        for (var folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve("jbangw")) && Files.exists(folder.resolve("tests"))) {
                return folder;
            }
        }
        throw new IllegalStateException("run the tests from a folder of the checkout");
    }

    /** A file or folder of this checkout, by its path from the root. */
    public static Path projectFile(String path) {
        return root().resolve(path);
    }

    /** A new, empty folder; removed at the end of the run. */
    public static Path newFolder() {
        return newFolder(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** The same, in that folder. */
    public static Path newFolder(Path parent) {
        try {
            var folder = Files.createTempDirectory(parent, "ensure_image-test-").toRealPath();
            Journal.current().ifPresent(journal -> journal.made(folder));
            closeAtEnd(() -> {
                if (!KEPT.contains(folder)) {
                    delete(folder);
                }
            });
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Does not remove this one of the new folders at the end of the run. */
    public static void keep(Path folder) {
        KEPT.add(folder);
    }

    /** An executable file with this text: a shell script. A new file each time, as an update is. */
    public static Path program(Path file, String script) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        write(file, "#!/bin/sh\n" + script);
        if (!file.toFile().setExecutable(true)) {
            throw new IllegalStateException("not executable: " + file);
        }
        return file;
    }

    /** Writes a file, and the folders that lead to it. */
    public static Path write(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void delete(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path done, IOException e) throws IOException {
                Files.delete(done);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    // ---- The end of the run

    public static void closeAtEnd(AutoCloseable resource) {
        synchronized (CLOSED_AT_END) {
            CLOSED_AT_END.add(resource);
        }
        stopIfEnding();
    }

    /** The test thread lives on while the shutdown hook cleans up: what it began now would not be ended any more. */
    private static void stopIfEnding() {
        while (ending) {
            LockSupport.park();
        }
    }

    /** Ends every process still running, then closes the rest, last made first. May be called twice. */
    public static void closeAll() {
        for (var running : RUNNING) {
            running.close();
        }
        while (true) {
            AutoCloseable resource;
            synchronized (CLOSED_AT_END) {
                if (CLOSED_AT_END.isEmpty()) {
                    return;
                }
                resource = CLOSED_AT_END.remove(CLOSED_AT_END.size() - 1);
            }
            try {
                resource.close();
            } catch (Exception e) {
                System.err.println("tests: could not clean up: " + e);
            }
        }
    }
}
