// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.report.Wording;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * SingleFlight among real processes and threads. What they would build is a line in a file, so that the file tells how
 * many built; a build lasts until the test ends it, so that nothing depends on how fast a process is.
 *
 * <p>Run: {@code ./jbangw tests/all.java SingleFlightTest}
 */
class SingleFlightTest {

    private static final String KEY = "unix:///var/run/docker.sock\napp:1\nv1:0123";
    /** SHA-256 of {@link #KEY}, from sha256sum. */
    private static final String KEY_FILE = "43376f9dfc67e2d345b4268f003d2b89980e3df3aaffd74b524ccb3d1e754b33";
    private static final String NO_FOLDER = "no usable cache folder: not waiting for others that build the same";
    private static final Duration SOON = Harness.SOON;
    private static final Duration LONG = Duration.ofMinutes(10);

    private final List<Harness.Running> processes = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private Path folder;
    private Site site;

    @BeforeEach
    void newFolders() throws IOException {
        folder = Harness.newFolder();
        site = new Site(Harness.newFolder());
    }

    @AfterEach
    void endAll() {
        processes.forEach(Harness.Running::close);
        threads.shutdownNow();
    }

    // ---- One builds, the others wait

    @ParameterizedTest
    @CsvSource({"8, 0", "0, 8", "4, 4"})
    void oneBuildsTheOthersLand(int processes, int threads) throws Exception {
        List<Wanting> all = start("want", LONG, processes, threads);
        Harness.eventually("one builds", SOON, () -> count(all, "MINE") == 1);
        Harness.eventually("the others wait", SOON,
                () -> count(all, "waiting for .*, which is building it") == all.size() - 1);
        assertEquals(List.of(KEY_FILE), files(folder));

        site.end("succeeded");

        awaitEnd(all);
        assertEquals(all.size() - 1, count(all, "LANDED"));
        assertEquals(1, site.built());
        assertEquals(List.of(), files(folder), "lock files left");
    }

    /** The control: those of the test above would all build. */
    @ParameterizedTest
    @CsvSource({"8, 0", "0, 8", "4, 4"})
    void withoutAFolderAllBuild(int processes, int threads) throws Exception {
        folder = folder.resolve("none");
        List<Wanting> all = start("want", LONG, processes, threads);
        Harness.eventually("all build", SOON, () -> count(all, "ALONE") == all.size());
        site.end("succeeded");
        awaitEnd(all);
        assertEquals(all.size(), site.built());
    }

    @Test
    void threadsOfSeveralProcessesWaitForOne() throws Exception {
        List<Wanting> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(process("want", LONG, 4));
        }
        Harness.eventually("15 wait", SOON, () -> count(all, "waiting for .*") == 15);
        site.end("succeeded");
        awaitEnd(all);
        assertEquals(15, count(all, "LANDED"));
        assertEquals(1, site.built());
        assertEquals(List.of(), files(folder), "lock files left");
    }

    @Test
    void aBuilderThatWaitsTellsOnceForWhichProcess() throws Exception {
        Wanting builder = process("want", LONG, 1);
        builder.await("MINE");
        Wanting waiting = process("want", LONG, 1);
        waiting.await("waiting for .*");
        site.end("succeeded");
        awaitEnd(List.of(builder, waiting));
        assertEquals(List.of("waiting for process " + builder.pid() + ", which is building it", "LANDED"),
                waiting.lines());
    }

    @Test
    void aBuilderThatComesLaterHasATurnOfItsOwn() throws Exception {
        site.end("succeeded");
        for (int i = 1; i <= 2; i++) {
            Wanting next = process("want", LONG, 1);
            awaitEnd(List.of(next));
            assertEquals(List.of("MINE"), next.lines());
            assertEquals(i, site.built());
        }
    }

    @Test
    void differentKeysDoNotWait() throws Exception {
        SingleFlight flight = flight(LONG);
        try (SingleFlight.Turn one = flight.turn("one", LONG, SingleFlightTest::unexpected);
                SingleFlight.Turn other = flight.turn("other", LONG, SingleFlightTest::unexpected)) {
            assertEquals(SingleFlight.Kind.MINE, one.kind());
            assertEquals(SingleFlight.Kind.MINE, other.kind());
            assertEquals(2, files(folder).size());
        }
        assertEquals(List.of(), files(folder));
    }

    @Test
    void lockFilesAreTheUsersAloneAndDoNotShowTheKey() throws Exception {
        try (SingleFlight.Turn turn = turn(LONG)) {
            assertEquals(SingleFlight.Kind.MINE, turn.kind());
            Path file = folder.resolve(KEY_FILE);
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        }
    }

    // ---- A builder that does not succeed

    @ParameterizedTest
    @CsvSource({"3, 0", "0, 3", "2, 2"})
    void afterAFailureAllThatWaitedBuildWithoutALock(int processes, int threads) throws Exception {
        Wanting builder = process("want", LONG, 1);
        builder.await("MINE");
        List<Wanting> waiting = start("want", LONG, processes, threads);
        Harness.eventually("all wait", SOON, () -> count(waiting, "waiting for .*") == waiting.size());

        site.end("failed");

        awaitEnd(List.of(builder));
        awaitEnd(waiting);
        assertEquals(waiting.size(), count(waiting, "ALONE"));
        assertEquals(waiting.size(), count(waiting, "the other build has failed, building it in this process"));
        assertEquals(List.of(), files(folder), "lock files left");
    }

    @Test
    void aBuilderThatIsKilledIsReplacedByOneOfThoseThatWait() throws Exception {
        Wanting builder = process("want", LONG, 1);
        builder.await("MINE");
        List<Wanting> waiting = start("want", LONG, 3, 0);
        Harness.eventually("all wait", SOON, () -> count(waiting, "waiting for .*") == 3);

        builder.signal("KILL");

        Harness.eventually("one takes over", SOON, () -> count(waiting, "MINE") == 1);
        assertEquals(0, count(waiting, "LANDED"), "nothing has been built");
        site.end("succeeded");
        awaitEnd(waiting);
        assertEquals(1, count(waiting, "MINE"));
        assertEquals(2, count(waiting, "LANDED"));
        assertEquals(2, site.built(), "the one that was killed, and the one that took over");
        assertEquals(List.of(), files(folder), "lock files left");
    }

    @Test
    void aKilledBuilderLeavesAFileThatTheNextOneTakesOver() throws Exception {
        Wanting builder = process("want", LONG, 1);
        builder.await("MINE");
        builder.signal("KILL");
        assertEquals(List.of(KEY_FILE), files(folder));

        try (SingleFlight.Turn turn = turn(LONG)) {
            assertEquals(SingleFlight.Kind.MINE, turn.kind());
            assertEquals(ProcessHandle.current().pid() + "\n", Files.readString(folder.resolve(KEY_FILE)));
        }
        assertEquals(List.of(), files(folder), "lock files left");
    }

    @Test
    void aTerminatedBuilderLeavesNoFileAndIsReplaced() throws Exception {
        Wanting builder = process("want", LONG, 1);
        builder.await("MINE");
        builder.signal("TERM");
        assertEquals(List.of(), files(folder));

        Wanting next = process("want", LONG, 1);
        next.await("MINE");
        Wanting waiting = process("want", LONG, 1);
        waiting.await("waiting for .*");
        next.signal("TERM");
        waiting.await("MINE");
    }

    /** The next one may have landed before the last of the others looks again: then more than one build, in turn. */
    @ParameterizedTest
    @CsvSource({"3, 0", "0, 3", "2, 2"})
    void aBuilderThatGivesUpWithoutAWordIsReplaced(int processes, int threads) throws Exception {
        SingleFlight.Turn first = turn(LONG);
        List<Wanting> waiting = start("want", LONG, processes, threads);
        Harness.eventually("all wait", SOON, () -> count(waiting, "waiting for .*") == waiting.size());

        first.close();

        Harness.eventually("one takes over", SOON, () -> count(waiting, "MINE") == 1);
        assertEquals(1, site.built(), "at once");
        site.end("succeeded");
        awaitEnd(waiting);
        assertEquals(waiting.size(), count(waiting, "MINE|LANDED"));
        assertEquals(List.of(), files(folder), "lock files left");
    }

    @Test
    void closingTwiceDoesNotEndTheNextTurn() throws Exception {
        SingleFlight.Turn first = turn(LONG);
        first.close();
        try (SingleFlight.Turn second = turn(LONG)) {
            first.close();
            assertEquals(SingleFlight.Kind.MINE, second.kind());
            assertEquals(List.of(KEY_FILE), files(folder));
            assertEquals(SingleFlight.Kind.ALONE, turn(Duration.ZERO).kind());
        }
    }

    // ---- The end of the wait

    @ParameterizedTest
    @CsvSource({"1, 0", "0, 1"})
    void aBuilderThatHasWaitedLongEnoughBuilds(int processes, int threads) throws Exception {
        try (SingleFlight.Turn builder = turn(LONG)) {
            Wanting waiting = start("want", Duration.ofMillis(300), processes, threads).get(0);
            waiting.await("ALONE");
            assertEquals(SingleFlight.Kind.MINE, builder.kind());
            assertEquals(List.of("waited long enough, building it in this process", "ALONE"), waiting.lines().stream()
                    .filter(line -> !line.startsWith("waiting for ")).toList());
            assertEquals(List.of(KEY_FILE), files(folder), "the builder's");
        }
    }

    @Test
    void theShorterOfTheTwoWaitsCounts() throws Exception {
        try (SingleFlight.Turn builder = turn(LONG)) {
            assertEquals(SingleFlight.Kind.ALONE, flight(Duration.ofMillis(50)).turn(KEY, LONG, tell -> {}).kind());
            assertEquals(SingleFlight.Kind.ALONE, flight(LONG).turn(KEY, Duration.ofMillis(50), tell -> {}).kind());
            assertEquals(SingleFlight.Kind.MINE, builder.kind());
        }
        try (SingleFlight.Turn free = turn(Duration.ofSeconds(-1))) {
            assertEquals(SingleFlight.Kind.MINE, free.kind(), "nothing holds the lock");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aWaitCanBeInterrupted(boolean process) throws Exception {
        Wanting builder = process ? process("want", LONG, 1) : thread("want", LONG);
        builder.await("MINE");
        CompletableFuture<Thread> waiting = new CompletableFuture<>();
        Future<SingleFlight.Turn> turn = threads.submit(() -> flight(LONG).turn(KEY, LONG,
                message -> waiting.complete(Thread.currentThread())));
        waiting.get().interrupt();
        ExecutionException failure = assertThrows(ExecutionException.class, turn::get);
        assertEquals(InterruptedException.class, failure.getCause().getClass());
        site.end("succeeded");
        builder.awaitEnd();
        try (SingleFlight.Turn next = turn(LONG)) {
            assertEquals(SingleFlight.Kind.MINE, next.kind());
        }
    }

    // ---- Trouble with the folder

    @Test
    void withoutAFolderOneMessageSaysSo() throws Exception {
        assertAlone(Optional.empty(), NO_FOLDER);
    }

    @Test
    void aFolderThatIsNoneIsReportedOnce() throws Exception {
        Path file = Harness.write(folder.resolve("file"), "mine");
        assertAlone(Optional.of(file), cannotLock(file));
        assertEquals("mine", Files.readString(file));
        Path none = folder.resolve("none");
        assertAlone(Optional.of(none), cannotLock(none));
    }

    @Test
    void theCacheGivesNoFolderThatOthersCouldHavePrepared() throws Exception {
        Cache cache = Cache.open(Map.of("XDG_CACHE_HOME", folder.toString()));
        Path flights = cache.folder("flights").orElseThrow();
        assertEquals(Optional.of(flights), cache.folder("flights"));
        Files.setAttribute(flights, "unix:uid", 12345);
        assertAlone(cache.folder("flights"), NO_FOLDER);
        Files.delete(flights);
        Files.createSymbolicLink(flights, Harness.newFolder());
        assertAlone(cache.folder("flights"), NO_FOLDER);
    }

    @Test
    void aLinkInPlaceOfTheLockFileIsNotFollowed() throws Exception {
        Path victim = Harness.write(site.folder.resolve("victim"), "as it was");
        Files.createSymbolicLink(folder.resolve(KEY_FILE), victim);
        assertAlone(Optional.of(folder), cannotLock(folder));
        assertEquals("as it was", Files.readString(victim));
    }

    @Test
    void aFolderInPlaceOfTheLockFileIsReportedOnce() throws Exception {
        Files.createDirectory(folder.resolve(KEY_FILE));
        assertAlone(Optional.of(folder), cannotLock(folder));
    }

    @Test
    void aLockOfThisJvmThatIsNotOursIsReportedOnce() throws Exception {
        try (FileChannel channel = FileChannel.open(folder.resolve(KEY_FILE), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE)) {
            assertTrue(channel.lock().isValid());
            assertAlone(Optional.of(folder), cannotLock(folder));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "12", "x\n", "1;\u001b[31mred\n", "99999999999999999999\n", "7\nSUCCEEDED", "7\nGONE\n",
        "-1\n", "\u0660\n"})
    void nothingElseThanANumberIsShownOfALockFile(String content) throws Exception {
        Harness.write(site.folder.resolve("content"), content);
        process("lock", LONG, 1).await("locked");
        Wanting waiting = thread("want", LONG);
        waiting.await("waiting for another process, which is building it");
        site.end("unlocked");
        waiting.await("MINE");
        assertEquals(2, waiting.lines().size(), waiting.lines().toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "garbage", "12\nSUCCEEDED\n", "12\nFAILED\n"})
    void whatIsFoundInAnUnlockedFileDoesNotCount(String content) throws Exception {
        Harness.write(folder.resolve(KEY_FILE), content);
        try (SingleFlight.Turn turn = turn(LONG)) {
            assertEquals(SingleFlight.Kind.MINE, turn.kind());
        }
        assertEquals(List.of(), files(folder));
    }

    // ---- Removing a file that others have open

    @Test
    void aBuilderThatGetsTheLockOfARemovedFileStartsOver() throws Exception {
        Site own = new Site(Harness.newFolder());
        Wanting holder = process("lock", LONG, 1, own);
        holder.await("locked");
        Wanting waiting = process("want", LONG, 1);
        waiting.await("waiting for .*"); // and has the file open
        own.end("replaced"); // the holder removes it, makes another one under its name, and ends

        waiting.await("MINE");
        assertEquals(waiting.pid() + "\n", Files.readString(folder.resolve(KEY_FILE)), "the file that is there now");
        Wanting third = process("want", LONG, 1);
        third.await("waiting for process " + waiting.pid() + ", which is building it");
    }

    /** Also the control that a JVM's lock outlives all that its other threads do with the same file. */
    @Test
    void neverTwoHoldAKeyAtOnce() throws Exception {
        List<Wanting> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(process("hurry", LONG, 2));
        }
        awaitEnd(all);
        assertEquals(0, count(all, "ALONE"));
        assertEquals(0, count(all, "TWO"));
        assertTrue(count(all, "MINE") >= ROUNDS, "turns that were had: " + count(all, "MINE"));
        assertEquals(List.of(), files(folder), "lock files left");
    }

    // ---- Builders, each in a process or a thread

    private static final int ROUNDS = 150;

    /** A process: MODE FOLDER SITE WAIT THREADS; each of its threads plays the part. */
    public static void main(String... arguments) throws Exception {
        Part part = new Part(arguments[0], Path.of(arguments[1]), new Site(Path.of(arguments[2])),
                Duration.parse(arguments[3]));
        ExecutorService pool = Executors.newCachedThreadPool();
        List<Future<?>> parts = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(arguments[4]); i++) {
            parts.add(pool.submit(() -> part.play(System.out::println)));
        }
        for (Future<?> each : parts) {
            each.get();
        }
        pool.shutdown();
    }

    /** What all share: every build is a line in a file, and lasts until the test ends it. */
    private record Site(Path folder) {
        void build() throws IOException {
            Files.writeString(folder.resolve("built"), "built\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        long built() throws IOException {
            return Files.readString(folder.resolve("built")).lines().count();
        }

        void end(String how) throws IOException {
            Harness.write(folder.resolve("end.new"), how);
            Files.move(folder.resolve("end.new"), folder.resolve("end"));
        }

        String awaitEnd() throws IOException, InterruptedException {
            while (!Files.exists(folder.resolve("end"))) {
                Thread.sleep(10);
            }
            return Files.readString(folder.resolve("end"));
        }
    }

    private record Part(String mode, Path folder, Site site, Duration most) {
        Void play(Consumer<String> tell) throws Exception {
            switch (mode) {
                case "want" -> want(tell);
                case "hurry" -> hurry(tell);
                default -> lock(tell);
            }
            return null;
        }

        private void want(Consumer<String> tell) throws Exception {
            SingleFlight flight = new SingleFlight(Optional.of(folder), most);
            try (SingleFlight.Turn turn = flight.turn(KEY, LONG, notice -> tell.accept(Wording.notice(notice)))) {
                if (turn.kind() != SingleFlight.Kind.LANDED) {
                    site.build();
                }
                tell.accept(turn.kind().name());
                if (turn.kind() != SingleFlight.Kind.LANDED) {
                    switch (site.awaitEnd()) {
                        case "succeeded" -> turn.succeeded();
                        case "failed" -> turn.failed();
                        default -> {}
                    }
                }
            }
        }

        /** As many turns as can be, each so short that they meet where one ends and the next begins. */
        private void hurry(Consumer<String> tell) throws Exception {
            SingleFlight flight = new SingleFlight(Optional.of(folder), most);
            Path inside = site.folder().resolve("inside");
            for (int i = 0; i < ROUNDS; i++) {
                try (SingleFlight.Turn turn = flight.turn(KEY, LONG, message -> {})) {
                    tell.accept(turn.kind().name());
                    if (turn.kind() == SingleFlight.Kind.MINE) {
                        if (!inside.toFile().createNewFile()) {
                            tell.accept("TWO");
                        }
                        Files.deleteIfExists(inside);
                        if (i % 2 == 0) {
                            turn.succeeded();
                        }
                    }
                }
            }
        }

        /** Holds the lock file as another program might: with what the test wants in it. */
        private void lock(Consumer<String> tell) throws Exception {
            Path file = folder.resolve(KEY_FILE);
            Path content = site.folder().resolve("content");
            Harness.write(file, Files.exists(content) ? Files.readString(content) : "");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                if (channel.lock().isValid()) {
                    tell.accept("locked");
                }
                if (site.awaitEnd().equals("replaced")) {
                    Files.delete(file);
                    Harness.write(file, "");
                }
            }
        }
    }

    /** A builder under way: a process, or a thread of this one. */
    private record Wanting(Harness.Running process, Future<?> thread, List<String> told) {
        List<String> lines() {
            if (process == null) {
                return List.copyOf(told);
            }
            String out = process.out();
            return out.substring(0, out.lastIndexOf('\n') + 1).lines().toList();
        }

        /** Returns when it has told a line like this. */
        void await(String line) {
            Harness.eventually(line, SOON, () -> lines().stream().anyMatch(told -> told.matches(line)));
        }

        long pid() {
            return process.pid();
        }

        void signal(String name) {
            process.signal(name);
            process.await();
        }

        void awaitEnd() throws Exception {
            if (process == null) {
                thread.get();
            } else {
                process.await().succeeded();
            }
        }
    }

    private Wanting process(String mode, Duration wait, int threads) {
        return process(mode, wait, threads, site);
    }

    private Wanting process(String mode, Duration wait, int threads, Site site) {
        Harness.Running process =
                Harness.script("ensureimage.SingleFlightTest", mode, folder.toString(), site.folder().toString(),
                        wait.toString(), Integer.toString(threads)).start();
        processes.add(process);
        return new Wanting(process, null, List.of());
    }

    private Wanting thread(String mode, Duration wait) {
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        Part part = new Part(mode, folder, site, wait);
        return new Wanting(null, threads.submit(() -> part.play(told::add)), told);
    }

    private List<Wanting> start(String mode, Duration wait, int processes, int threads) {
        List<Wanting> all = new ArrayList<>();
        for (int i = 0; i < processes; i++) {
            all.add(process(mode, wait, 1));
        }
        for (int i = 0; i < threads; i++) {
            all.add(thread(mode, wait));
        }
        return all;
    }

    private static void awaitEnd(List<Wanting> all) throws Exception {
        for (Wanting each : all) {
            each.awaitEnd();
        }
    }

    private static long count(List<Wanting> all, String line) {
        return all.stream().flatMap(each -> each.lines().stream()).filter(told -> told.matches(line)).count();
    }

    // ---- Helpers

    private SingleFlight flight(Duration wait) {
        return new SingleFlight(Optional.of(folder), wait);
    }

    private SingleFlight.Turn turn(Duration most) throws InterruptedException {
        return flight(LONG).turn(KEY, most, message -> {});
    }

    /** Two turns, both to build alone, and one message. */
    private static void assertAlone(Optional<Path> folder, String message) throws InterruptedException {
        SingleFlight flight = new SingleFlight(folder, LONG);
        List<String> told = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            try (SingleFlight.Turn turn = flight.turn(KEY, LONG, notice -> told.add(Wording.notice(notice)))) {
                assertEquals(SingleFlight.Kind.ALONE, turn.kind());
            }
        }
        assertEquals(List.of(message), told);
    }

    private static String cannotLock(Path folder) {
        return "cannot lock files in " + folder + ": not waiting for others that build the same";
    }

    private static void unexpected(Notice notice) {
        throw new AssertionError(Wording.notice(notice));
    }

    private static List<String> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
