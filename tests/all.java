///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Runs the tests: all, or some, once or many times
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//DEPS org.junit.platform:junit-platform-console-standalone:1.14.4
//SOURCES ExpectedSkips.java
//SOURCES Gate.java
//SOURCES Harness.java
//SOURCES InstalledForm.java
//SOURCES ShownCommands.java
//SOURCES Signer.java
//SOURCES TestConsole.java
//SOURCES TestFailure.java
//SOURCES TestReport.java
//SOURCES TestRun.java
//SOURCES TestSelection.java
//SOURCES TestSummary.java
//SOURCES Workbench.java
//SOURCES *Test.java
//SOURCES ../*.java
//SOURCES ../src/**/*.java

import ensureimage.testing.EngineStarts;
import ensureimage.testing.Harness;
import ensureimage.testing.Journal;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import org.junit.platform.launcher.core.LauncherFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The test runner. Every {@code tests/*Test.java} is compiled in, together with the scripts under test.
 *
 * <p>Run: {@code ./jbangw tests/all.java --help}.
 */
@Command(name = "all", sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = "./jbangw tests/all.java [OPTIONS] [CLASS[#METHOD] ...]",
        description = {"%nRuns the tests: all of them, or those that are named.%n"},
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {" 0:at least one test ran and none failed", " 2:bad usage, or a name that is not there",
            "10:a test failed, or was skipped without being expected to, or none ran"},
        footer = {"", "Of a failure the console shows " + TestFailure.MOST_LINES + " lines at most. All the rest, with"
                + " every command of the test, is in a file below $${XDG_CACHE_HOME:-~/.cache}/ensure_image/tests. The"
                + " folders that a failed test has used are kept until the next run."})
class all implements Callable<Integer> {

    static final int FAILED = 10;
    static final int USAGE = 2;
    private static final int AT_ONCE = Runtime.getRuntime().availableProcessors() + 2; // some wait for an engine
    /**
     * Those that take the longest begin first, so that none of them is left alone at the end. These are they in a checkout
     * that does not remember how long they took.
     */
    private static final List<String> FIRST = List.of("EnsureImageTest", "WithDockerTest", "WorkflowsTest",
            "FingerprintDifferentialTest", "ShownCommandsTest", "InputsTest", "RaceFleetTest", "RaceReproTest",
            "ShareFaultsTest", "NamingRaceTest", "JbangwTest", "FreshnessTest", "PredictionTest", "ImagesTest");
    /** Held, or its level is forgotten. It tells that there is no database, each time. */
    private static final Logger LIBRARY = Logger.getLogger("net.jqwik");

    @Parameters(paramLabel = "CLASS[#METHOD]", description = "Only these.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--only", paramLabel = "PATTERN",
            description = "Only tests of which CLASS#METHOD contains this text, in upper or lower case. * stands for any "
                    + "characters, ? for one. May be repeated.")
    private List<String> patterns = new ArrayList<>();

    @Option(names = "--failed", description = "Only those that failed in the last run of this checkout.")
    private boolean failed;

    @Option(names = "--list", description = "Print their names and run nothing.")
    private boolean list;

    @Option(names = "--times", paramLabel = "N", defaultValue = "1",
            description = "Run them so many times, each time as a run of its own, and print how often each one failed.")
    private int times;

    @Option(names = "--shuffle", paramLabel = "SEED",
            description = "Run classes and methods in the order that this number decides. With --times each run has "
                    + "another one: SEED, SEED + 1, ...")
    private Long seed;

    @Option(names = "--at-once", paramLabel = "N",
            description = "How many classes run at once. Default: two more than there are processors")
    private int atOnce = AT_ONCE;

    @Option(names = {"-v", "--verbose"}, description = "Print a line for each test, and what it prints.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help message and exit.")
    private boolean help;

    /** The folder that a run of {@code --times} is to use. */
    @Option(names = "--run", hidden = true)
    private Path folder;

    @Spec
    private CommandSpec spec;

    public static void main(String... arguments) {
        System.exit(execute(arguments));
    }

    static int execute(String... arguments) {
        return new CommandLine(new all())
                .setParameterExceptionHandler((e, line) -> {
                    System.err.println("all: " + e.getMessage() + "\nSee: ./jbangw tests/all.java --help");
                    return USAGE;
                })
                .setExecutionExceptionHandler((e, line, parsed) -> {
                    if (!(e instanceof TestSelection.NoSuchTest)) {
                        throw e;
                    }
                    System.err.println("all: " + e.getMessage());
                    return USAGE;
                })
                .execute(arguments);
    }

    @Override
    public Integer call() throws TestSelection.NoSuchTest, IOException, InterruptedException {
        if (times < 1 || atOnce < 1) {
            throw new TestSelection.NoSuchTest((times < 1 ? "--times" : "--at-once") + " takes a number from 1");
        }
        List<TestSelection.Part> parts = selected();
        if (list) {
            parts.forEach(part -> part.tests().keySet().forEach(System.out::println));
            return 0;
        }
        if (parts.isEmpty()) {
            System.out.println("No test failed in the last run of this checkout.");
            return 0;
        }
        return times > 1 ? again(parts) : once(parts);
    }

    private List<TestSelection.Part> selected() throws TestSelection.NoSuchTest {
        List<TestSelection.Part> parts = names.isEmpty() ? TestSelection.everything() : TestSelection.named(names);
        if (!patterns.isEmpty()) {
            parts = TestSelection.matching(parts, patterns);
        }
        if (failed) {
            TestRun last = TestRun.last().orElseThrow(
                    () -> new TestSelection.NoSuchTest("no run of this checkout is remembered"));
            parts = TestSelection.among(parts, last.outcomes().stream()
                    .filter(outcome -> outcome.kind() == TestRun.Kind.FAILED).map(TestRun.Outcome::id)
                    .collect(Collectors.toSet()));
        }
        return parts;
    }

    // ---- Once

    private int once(List<TestSelection.Part> parts) {
        LIBRARY.setLevel(Level.WARNING);
        long start = System.nanoTime();
        TestRun run = folder == null ? TestRun.begin() : TestRun.named(folder);
        PrintStream out = Journal.captureOutput();
        TestReport report = new TestReport(out, run, parts.size(), verbose);
        ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor(action -> {
            Thread thread = new Thread(action, "watch");
            thread.setDaemon(true);
            return thread;
        });
        watch.scheduleAtFixedRate(report::tellWhatTakesLong, 1, 1, TimeUnit.SECONDS);
        try {
            run(parts, report);
        } finally {
            watch.shutdownNow();
            report.console().live("");
            Harness.closeAll();
        }
        List<TestRun.Outcome> outcomes = report.outcomes();
        TestSummary.failures(report.failures()).forEach(report.console()::line);
        if (folder == null) {
            TestSummary.processors().ifPresent(report.console()::line);
            TestSummary.time(outcomes, EngineStarts.all(), EngineStarts.ofCommands())
                    .forEach(report.console()::line);
        }
        report.console().line(String.format(Locale.ROOT, "%nTook %d min %d s%n%s", minutes(start), seconds(start) % 60,
                TestSummary.counts(outcomes)));
        return succeeded(outcomes) ? 0 : FAILED;
    }

    private static boolean succeeded(List<TestRun.Outcome> outcomes) {
        return outcomes.stream().noneMatch(outcome -> outcome.kind() == TestRun.Kind.FAILED)
                && outcomes.stream().anyMatch(outcome -> outcome.kind() == TestRun.Kind.PASSED);
    }

    private static long seconds(long start) {
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
    }

    private static long minutes(long start) {
        return TimeUnit.SECONDS.toMinutes(seconds(start));
    }

    /** Some at a time; then those that run alone. */
    private void run(List<TestSelection.Part> all, TestReport report) {
        List<TestSelection.Part> parts = new ArrayList<>(all);
        if (seed == null) {
            Map<String, Double> lately = TestRun.lately();
            parts.sort(Comparator.comparingDouble(part -> -expected(part.name(), lately)));
        } else {
            Collections.shuffle(parts, new Random(seed));
        }
        ExecutorService pool = Executors.newFixedThreadPool(atOnce);
        try {
            var running = parts.stream().filter(part -> !part.alone())
                    .map(part -> CompletableFuture.runAsync(() -> run(part, report), pool)).toList();
            running.forEach(CompletableFuture::join);
            parts.stream().filter(TestSelection.Part::alone).forEach(part -> run(part, report));
        } finally {
            pool.shutdownNow();
        }
    }

    /** How many seconds the class will take, or a guess. */
    private static double expected(String name, Map<String, Double> lately) {
        double guess = FIRST.contains(name) ? (FIRST.size() - FIRST.indexOf(name)) * 20 : 10;
        return lately.getOrDefault(name, guess);
    }

    private void run(TestSelection.Part part, TestReport report) {
        report.begins(part);
        LauncherFactory.create().execute(TestSelection.request(part.selectors(), Optional.ofNullable(seed)), report);
        report.ended(part);
    }

    // ---- Many times

    /** Each time in a JVM of its own, so with engines of its own. */
    private int again(List<TestSelection.Part> parts) throws IOException, InterruptedException {
        TestRun all = TestRun.begin();
        List<List<TestRun.Outcome>> runs = new ArrayList<>();
        boolean green = true;
        for (int i = 0; i < times; i++) {
            System.out.printf("%nRun %d of %d%s%n", i + 1, times, seed == null ? "" : ", shuffled by " + (seed + i));
            Path own = all.folder().resolveSibling(all.folder().getFileName() + "-" + (i + 1) + "-of-" + times + "-"
                    + ProcessHandle.current().pid());
            green &= oneOf(parts, i, own) == 0;
            runs.add(TestRun.named(own).outcomes());
            runs.get(i).forEach(all::ended);
        }
        System.out.println();
        TestSummary.table(runs).forEach(System.out::println);
        List<TestRun.Outcome> together = runs.stream().flatMap(List::stream).toList();
        System.out.println("\n" + TestSummary.counts(together));
        return green ? 0 : FAILED;
    }

    private int oneOf(List<TestSelection.Part> parts, int number, Path own) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-classpath", System.getProperty("java.class.path"), "all", "--run", own.toString()));
        if (seed != null) {
            line.addAll(List.of("--shuffle", Long.toString(seed + number)));
        }
        line.addAll(List.of("--at-once", Integer.toString(atOnce)));
        if (verbose) {
            line.add("--verbose");
        }
        parts.stream().flatMap(part -> part.tests().keySet().stream()).forEach(line::add);
        Process process = new ProcessBuilder(line).inheritIO().start();
        Thread end = new Thread(() -> {
            process.destroy();
            process.onExit().join(); // it has engines to take down
        }, "end the run");
        Runtime.getRuntime().addShutdownHook(end);
        int status = process.waitFor();
        Runtime.getRuntime().removeShutdownHook(end);
        return status;
    }
}
