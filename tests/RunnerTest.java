// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The test runner from outside, with small test classes that only run by their names. */
class RunnerTest {

    /** A failure as it is on the console, by its lines. */
    private static final Pattern FAILURE = Pattern.compile("(?m)^FAIL .*\n(?: .*\n)*");
    private static final String HUGE = "{\"rounds\": [" + "\"0123456789\", ".repeat(2000) + "\"the end\"]}";

    private final Path cache = Harness.newFolder();
    private final Path folder = Harness.newFolder();

    // ---- What it runs here

    static class Failing {

        @Test
        void aTextIsHuge() {
            assertTrue(HUGE.contains("a race"), HUGE);
        }

        @Test
        void twoHugeTextsDiffer() {
            assertEquals(HUGE.replace("the end", "an end"), HUGE);
        }

        @Test
        void aCommandFails() {
            Harness.command("bash", "-c", "echo \"it's $X\"; seq 100; seq 100 >&2; exit 3")
                    .in(Harness.write(Harness.newFolder().resolve("a b/file"), "").getParent()).env("X", "a\nb").run()
                    .succeeded();
        }

        @Test
        void manyChecksFail() {
            assertAll(IntStream.range(0, 50).mapToObj(i -> () -> assertEquals(HUGE, i + HUGE)));
        }

        @Test
        void anExceptionIsThrown() {
            throw new IllegalStateException("line\n".repeat(500), new IOException("why"));
        }
    }

    /** Fails in the second of its runs. */
    static class Unsteady {

        @Test
        void seldomFails() throws IOException {
            Path runs = Path.of(System.getenv("SAMPLE")).resolve("runs");
            long run = Files.exists(runs) ? Files.size(runs) + 1 : 1;
            Harness.write(runs, "x".repeat((int) run));
            assertNotEquals(2, run);
        }

        @Test
        void succeeds() {
            System.out.println("what a test prints is not on the console");
        }
    }

    static class Skipping {

        @Test
        void cannotRun() {
            abort("no such program");
        }

        @Test
        void runs() {
        }
    }

    static class Ordered {

        @ParameterizedTest
        @ValueSource(ints = {1, 2})
        void a(int number) {
        }

        @Test
        void b() {
        }

        @Test
        void c() {
        }

        @Test
        void d() {
        }

        @Test
        void e() {
        }
    }

    // ---- Failures

    @Test
    void aFailureIsShortAndItsFileHasAllOfIt() throws IOException {
        Harness.Result run = run("RunnerTest$Failing").expect(10);
        List<String> failures = failures(run.out());
        assertEquals(10, failures.size(), "each when it happens, and each again at the end");
        assertEquals(failures.subList(0, 5), failures.subList(5, 10));
        for (String failure : failures) {
            assertTrue(failure.lines().count() <= 20, failure);
            assertTrue(failure.lines().allMatch(line -> line.length() < 250), failure);
            String test = first("again +\\./jbangw tests/all.java '(.*)'", failure);
            String source = first("at +RunnerTest.java:\\d+: (.*)", failure);
            assertTrue(source.contains("assert") || source.contains(".run()") || source.startsWith("throw "), failure);
            String all = Files.readString(Path.of(first("in full +(.*)", failure)));
            assertTrue(all.contains(test.replaceFirst(".*#", "")), "the stack trace");
            assertTrue(test.endsWith("aCommandFails") || test.endsWith("anExceptionIsThrown") || all.contains(HUGE),
                    failure);
        }
        assertTrue(run.out().endsWith("\n0 passed, 5 failed, 0 skipped\n"), run.out());
    }

    @Test
    void aFailureSaysWhatWasExpectedAndWhatCame() {
        String failure = failures(run("RunnerTest$Failing#aCommandFails").expect(10).out()).get(0);
        assertAll(failure,
                () -> assertEquals("exit status 0", first("  expected  (.*)", failure)),
                () -> assertEquals("exit status 3", first("  came      (.*)", failure)),
                () -> assertEquals("it's a", first("  stdout    \\| (.*)", failure)),
                () -> assertEquals("1", first("  stderr    \\| (.*)", failure)),
                () -> assertTrue(failure.contains("\n            | 100\n"), "the end of it"));
        String difference = failures(run("RunnerTest$Failing#twoHugeTextsDiffer").expect(10).out()).get(0);
        assertAll(difference,
                () -> assertTrue(first("  expected  (.*)", difference).endsWith("\"an end\"]}")),
                () -> assertTrue(first("  came      (.*)", difference).endsWith("\"the end\"]}")));
    }

    @Test
    void theCommandCanBePastedAndFindsItsFolder() {
        String failure = failures(run("RunnerTest$Failing#aCommandFails").expect(10).out()).get(0);
        Harness.Result pasted = Harness.command("bash", "-c", first("did +(.*)", failure)).in(folder)
                .run().expect(3);
        assertTrue(pasted.out().startsWith("it's a\nb\n1\n2\n"), pasted.toString());
        run("RunnerTest$Ordered").succeeded();
        Harness.Result gone = Harness.command("bash", "-c", first("did +(.*)", failure)).in(folder).run().expect(1);
        assertTrue(gone.err().contains("No such file"), "the next run has removed it: " + gone);
    }

    @Test
    void aSkipThatIsNotExpectedIsAFailure() {
        Harness.Result run = run("RunnerTest$Skipping").expect(10);
        assertTrue(failures(run.out()).get(0).contains("skipped, which is not expected: no such program"), run.out());
        assertTrue(run.out().endsWith("\n1 passed, 1 failed, 0 skipped\n"), run.out());
    }

    // ---- Again

    @Test
    void manyRunsEndWithHowOftenEachTestFailed() {
        Harness.Result run = run("--times", "3", "RunnerTest$Unsteady").expect(10);
        assertTrue(
                run.out().contains("\n1 of 2 tests failed:\n    1 of 3 runs  RunnerTest$Unsteady: seldom fails (run 2)"
                        + "\n\n5 passed, 1 failed, 0 skipped\n"),
                run.out());
        assertFalse(run.out().contains("what a test prints"), run.out());
        assertTrue(run("--times", "2", "RunnerTest$Unsteady").succeeded().out()
                .contains("\nNone of 2 tests failed in 2 runs.\n\n4 passed, 0 failed, 0 skipped\n"));
    }

    @Test
    void whatFailedInTheLastRunIsRunAgain() {
        assertTrue(run("--failed").expect(2).err().contains("no run of this checkout is remembered"));
        run("--times", "2", "RunnerTest$Unsteady").expect(10);
        Harness.Result again = run("--failed", "RunnerTest$Unsteady").succeeded();
        assertTrue(again.out().endsWith("\n1 passed, 0 failed, 0 skipped\n"), again.out());
        assertEquals("No test failed in the last run of this checkout.\n", run("--failed").succeeded().out());
    }

    @Test
    void aSeedDecidesTheOrder() {
        List<String> sorted = order();
        assertEquals(List.of("a [1] number=1", "a [2] number=2", "b", "c", "d", "e"), sorted);
        assertEquals(order("--shuffle", "1"), order("--shuffle", "1"));
        assertTrue(IntStream.range(1, 5).anyMatch(seed -> !order("--shuffle", "" + seed).equals(sorted)));
    }

    // ---- Which

    @Test
    void aPatternIsAPartOfANameWithWildcards() {
        List<String> all = run("--list").succeeded().out().lines().toList();
        assertTrue(all.contains("RunnerTest#aPatternIsAPartOfANameWithWildcards"), all.toString());
        assertTrue(all.stream().noneMatch(test -> test.contains("$")), "only by name: " + all);
        assertEquals("RunnerTest#aPatternIsAPartOfANameWithWildcards\n",
                run("--list", "--only", "runner*apartof?name").succeeded().out());
        assertEquals("RunnerTest$Ordered#b\n", run("--list", "RunnerTest$Ordered", "--only", "#B").succeeded().out());
        assertEquals("RunnerTest$Ordered#a\nRunnerTest$Ordered#c\n",
                run("--list", "RunnerTest$Ordered#c", "RunnerTest$Ordered#a").succeeded().out());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"NoneTest", "RunnerTest#none", "RunnerTest --only none", "Harness", "--times 0", "--times x",
                "--none"})
    void whatIsNotThereIsBadUsage(String line) {
        Harness.Result run = run(line.split(" ")).expect(2);
        assertTrue(run.err().startsWith("all: "), run.toString());
        assertEquals("", run.out());
    }

    // ---- Helpers

    private Harness.Result run(String... arguments) {
        return Harness.script("all", arguments).env("XDG_CACHE_HOME", cache).env("SAMPLE", folder).run();
    }

    private List<String> order(String... options) {
        List<String> line = new ArrayList<>(List.of(options));
        line.addAll(List.of("--verbose", "RunnerTest$Ordered"));
        return run(line.toArray(String[]::new)).succeeded().out().lines().filter(told -> told.startsWith("ok "))
                .map(told -> told.replaceFirst(".*RunnerTest\\$Ordered: ", "")).collect(Collectors.toList());
    }

    private static List<String> failures(String out) {
        return FAILURE.matcher(out).results().map(MatchResult::group).toList();
    }

    private static String first(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().findFirst().map(found -> found.group(1))
                .orElseThrow(() -> new AssertionError("no " + pattern + " in " + text));
    }
}
