// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Journal;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/**
 * What a run prints while it goes on: a line per class that is done, a failure when it happens, and what takes long. Every
 * outcome goes to the run's folder as well.
 */
final class TestReport implements TestExecutionListener {

    private static final int WIDTH = 160;
    private static final int LONG = 60; // seconds

    private final TestConsole console;
    private final TestRun run;
    private final boolean verbose;
    private final Map<String, Started> started = new LinkedHashMap<>();
    private final List<List<String>> failures = new ArrayList<>();
    private final List<TestRun.Outcome> outcomes = new ArrayList<>();
    private final Map<String, Integer> counts = new HashMap<>();
    private final Map<String, Long> classes = new HashMap<>();
    private final int classCount;
    private int classesDone;

    /** A test that runs, or a class. */
    private static final class Started {
        private final TestIdentifier test;
        private final Journal journal;
        private final long at = System.nanoTime();
        private int told;

        Started(TestIdentifier test, Journal journal) {
            this.test = test;
            this.journal = journal;
        }

        double seconds() {
            return (System.nanoTime() - at) / 1e9;
        }
    }

    /**
     * @param classCount how many classes will run
     * @param verbose whether each test gets a line, and what it printed
     */
    TestReport(PrintStream out, TestRun run, int classCount, boolean verbose) {
        this.console = new TestConsole(out);
        this.run = run;
        this.classCount = classCount;
        this.verbose = verbose;
    }

    // ---- Classes

    synchronized void begins(TestSelection.Part part) {
        classes.put(part.name(), System.nanoTime());
    }

    synchronized void ended(TestSelection.Part part) {
        classesDone++;
        int width = Integer.toString(classCount).length();
        List<String> told = new ArrayList<>();
        for (TestRun.Kind kind : TestRun.Kind.values()) {
            int count = counts.getOrDefault(part.name() + kind, 0);
            if (count > 0) {
                told.add(count + " " + kind.name().toLowerCase(Locale.ROOT));
            }
        }
        console.line(String.format(Locale.ROOT, "[%" + width + "d/%d] %6.1f s  %-28s %s", classesDone, classCount,
                (System.nanoTime() - classes.remove(part.name())) / 1e9, part.name(), String.join(", ", told)));
    }

    // ---- Tests, each in the thread that runs it

    @Override
    public void executionStarted(TestIdentifier test) {
        Journal journal = Journal.open();
        synchronized (this) {
            started.put(test.getUniqueId(), new Started(test, journal));
            live();
        }
    }

    @Override
    public synchronized void executionSkipped(TestIdentifier test, String reason) {
        skipped(test, 0, reason, Optional.empty());
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        synchronized (this) {
            Started begun = started.remove(test.getUniqueId());
            Throwable cause = result.getThrowable().orElseGet(() -> new AssertionError("no reason is given"));
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (test.isTest()) {
                        ended(test, TestRun.Kind.PASSED, begun.seconds(), "");
                        if (verbose) {
                            begun.journal.printed().lines()
                                    .forEach(line -> console.line("                 " + printable(line)));
                        }
                    }
                }
                case ABORTED -> skipped(test, begun.seconds(), String.valueOf(cause.getMessage()),
                        Optional.of(begun.journal));
                // Also a class, which JUnit calls a container: a @BeforeAll that throws, a class that cannot be loaded.
                case FAILED -> failed(test, begun.seconds(), cause, begun.journal);
            }
            live();
            begun.journal.close();
        }
    }

    private void skipped(TestIdentifier test, double seconds, String reason, Optional<Journal> journal) {
        String told = reason.replaceFirst("^Assumption failed: ", "");
        Optional<String> expected = ExpectedSkips.reason(TestSelection.id(test));
        if (expected.isPresent()) {
            ended(test, TestRun.Kind.SKIPPED, seconds, ": " + printable(told) + "; it needs " + expected.get());
            return;
        }
        Throwable cause = new AssertionError("skipped, which is not expected: " + told
                + "\nA skip is a failure until tests/ExpectedSkips.java names it, with what it would take to run it.");
        cause.setStackTrace(new StackTraceElement[0]);
        Journal empty = Journal.open();
        empty.close();
        failed(test, seconds, cause, journal.orElse(empty));
    }

    private void failed(TestIdentifier test, double seconds, Throwable cause, Journal journal) {
        TestFailure failure = new TestFailure(name(test), cause, journal);
        String id = TestSelection.id(test);
        List<String> lines = failure.lines(run.write(id + suffix(test), failure.everything()), id);
        run.keep(journal.folders());
        failures.add(lines);
        ended(test, TestRun.Kind.FAILED, seconds, "");
        lines.forEach(console::line);
    }

    private void ended(TestIdentifier test, TestRun.Kind kind, double seconds, String detail) {
        TestRun.Outcome outcome = new TestRun.Outcome(kind, seconds, TestSelection.id(test), name(test));
        outcomes.add(outcome);
        run.ended(outcome);
        counts.merge(outcome.id().replaceFirst("#.*", "") + kind, 1, Integer::sum);
        if (verbose || kind == TestRun.Kind.SKIPPED) {
            String word = Map.of(TestRun.Kind.PASSED, "ok", TestRun.Kind.FAILED, "FAIL", TestRun.Kind.SKIPPED, "skip")
                    .get(kind);
            console.line(String.format(Locale.ROOT, "%-4s %6.1f s  %s%s", word, seconds, outcome.name(), detail));
        }
    }

    // ---- What goes on

    private void live() {
        Deque<String> running = new ArrayDeque<>();
        started.values().stream().filter(each -> each.test.isTest()).forEach(each -> running.add(name(each.test)));
        console.live(String.format(Locale.ROOT, "[%d/%d] %d tests, %d failed; %s", classesDone, classCount,
                outcomes.size(), failures.size(), String.join("; ", running)));
    }

    /** To be called now and then: names the tests that take more than a minute, once a minute. */
    synchronized void tellWhatTakesLong() {
        for (Started each : started.values()) {
            int minutes = (int) (each.seconds() / LONG);
            if (each.test.isTest() && minutes > each.told) {
                each.told = minutes;
                console.line("     " + minutes + " min    " + name(each.test) + " is still running");
            }
        }
    }

    // ---- The end

    synchronized List<TestRun.Outcome> outcomes() {
        return List.copyOf(outcomes);
    }

    /** The lines of each failure, once more. */
    synchronized List<List<String>> failures() {
        return List.copyOf(failures);
    }

    TestConsole console() {
        return console;
    }

    // ---- Names

    private static String name(TestIdentifier test) {
        String display = printable(test.getDisplayName());
        return method(test)
                .map(method -> TestSelection.id(test).replaceFirst("#.*", ": ") + words(method.getMethodName())
                        + suffix(test))
                .orElse(test.getSource().filter(ClassSource.class::isInstance).isPresent() ? TestSelection.id(test)
                        : display);
    }

    /** One run of a parameterised test is called "[1] …". */
    private static String suffix(TestIdentifier test) {
        String display = printable(test.getDisplayName());
        return display.startsWith("[") ? " " + display : "";
    }

    private static Optional<MethodSource> method(TestIdentifier test) {
        return test.getSource().filter(MethodSource.class::isInstance).map(MethodSource.class::cast);
    }

    /** {@code aNameLikeThis} or {@code a_name_like_this} as a sentence. */
    private static String words(String name) {
        return name.replace('_', ' ')
                .replaceAll("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ")
                .toLowerCase(Locale.ROOT);
    }

    private static String printable(String text) {
        return TestFailure.cut(text.strip().replaceAll("\\p{Cntrl}", "?"), WIDTH);
    }
}
