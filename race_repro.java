///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Shows the race of concurrent Docker builds for one tag, and what each remedy makes of it
//JAVA 17+
//MAIN race_repro
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES src/ensureimage/race/Play.java
//FILES race-demo/Dockerfile=images/race-demo/Dockerfile META-INF/LICENSE=LICENSE META-INF/NOTICE=NOTICE

import ensureimage.engine.CacheFolder;
import ensureimage.race.Choice;
import ensureimage.race.FleetPlan;
import ensureimage.race.FleetPlay;
import ensureimage.race.FleetResults;
import ensureimage.race.HelpFooter;
import ensureimage.race.LiveProgress;
import ensureimage.race.NotPlayed;
import ensureimage.race.Plan;
import ensureimage.race.Play;
import ensureimage.race.Progress;
import ensureimage.race.Reports;
import ensureimage.race.Results;
import ensureimage.race.Scenario;
import ensureimage.race.Stage;
import ensureimage.race.Strategy;
import ensureimage.report.About;
import ensureimage.report.ExitCode;
import ensureimage.report.HelpPages;
import ensureimage.report.Message;
import ensureimage.report.StackTrace;
import ensureimage.report.Terminal;
import ensureimage.report.UsageWording;
import ensureimage.report.Wording;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.Machine;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of {@link Play}: options, help, exit codes, wiring. */
@Command(name = race_repro.NAME, sortOptions = false, usageHelpAutoWidth = true,
        separator = " ", customSynopsis = "race_repro [OPTIONS]",
        description = {"",
            "Starts N builds of one image at once, R times, and compares each answer with what the engine "
                    + "holds. Uses a throwaway engine if none answers, or if builds cannot race on the current one.",
            ""},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit codes:%n")
public final class race_repro implements Callable<Integer> {
    static final String NAME = "race_repro";
    private static final String BASE_HINT =
            "Is the base image there, or can it be pulled? Name another one with --base.";
    private static final String THROWAWAY = "26.1";
    private static final ExitCode FALSE_ANSWERS = ExitCode.BUILD_FAILED; // one number: 10
    private static final int DEFAULT_ROUNDS = 5;
    private static final int ROUNDS_UNTIL_RACE = 50;
    private static final int DEFAULT_WITHIN = 50;

    @Option(names = {"-n", "--builders"}, paramLabel = "N", defaultValue = "8",
            description = "Start N builders together (default: ${DEFAULT-VALUE}).")
    private int builders;

    @Option(names = {"-r", "--rounds"}, paramLabel = "R",
            description = "Play R rounds (default: " + DEFAULT_ROUNDS + ", or as many as fit into --within).")
    private Optional<Integer> rounds = Optional.empty();

    @Option(names = "--within", paramLabel = "SECONDS",
            description = "Start another round only if it should finish in this time (default: " + DEFAULT_WITHIN
                    + "; none with -r, --all or --until-race).")
    private Optional<Integer> within = Optional.empty();

    @Option(names = "--until-race", description = "Stop after the first round in which a builder lost the race "
            + "(at most " + ROUNDS_UNTIL_RACE + " rounds, or -r).")
    private boolean untilRace;

    @Option(names = "--all", description = "Play every strategy in every scenario, unless the next two options name "
            + "some. Plays one round, or -r; each takes some minutes.")
    private boolean all;

    @Option(names = "--strategy", paramLabel = "NAME", description = "Play this strategy, see below; may be repeated.")
    private List<String> strategies = List.of();

    @Option(names = "--scenario", paramLabel = "NAME", description = "Play this scenario, see below; may be repeated.")
    private List<String> scenarios = List.of();

    @Option(names = "--processes",
            description = "Run each builder in a JVM of its own, as test processes are (default: "
                    + "in threads, which run docker processes of their own).")
    private boolean processes;

    @Option(names = "--step-seconds", paramLabel = "S", defaultValue = "1",
            description = "Let the shared build step take S seconds (default: ${DEFAULT-VALUE}).")
    private double stepSeconds;

    @Option(names = "--seed", paramLabel = "NUMBER", description = "Set what decides the order of the strategies, and "
            + "which builder wants which folder (default: random; the reports name it).")
    private Optional<Long> seed = Optional.empty();

    @Option(names = "--base", paramLabel = "IMAGE", defaultValue = "busybox",
            description = "Build the demo image on IMAGE, which needs a shell (default: ${DEFAULT-VALUE}).")
    private String base;

    @Option(names = "--engine", paramLabel = "WHICH",
            description = "Play on: current, throwaway[:VERSION] or dind[:VERSION], as in with_docker --engine "
                    + "(default: current if builds can race there, else throwaway).")
    private Optional<String> engine = Optional.empty();

    @Option(names = "--docker", paramLabel = "COMMAND", defaultValue = "docker",
            description = "Use this docker command line client for the current engine (default: ${DEFAULT-VALUE}).")
    private String docker;

    @Option(names = "--report", paramLabel = "FILE",
            description = "Also write a report: FILE.html, .md (also appended to "
                    + "$$GITHUB_STEP_SUMMARY, if set), .json (see docs/race-report.md), or .svg (the timeline alone); may be "
                    + "repeated.")
    private List<Path> reports = List.of();

    @Option(names = {"-v", "--verbose"}, description = "Show stack traces.")
    private boolean verbose;

    @Option(names = {"-h", "--help", HelpPages.ALL}, usageHelp = true,
            description = "Show the options that are used most, or all.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Print the version.")
    private boolean version;

    @Spec
    private CommandSpec spec;
    private final Terminal terminal = Terminal.detect(System.getenv());

    // ---- From the command line to the exit status

    public static void main(String... arguments) {
        System.setProperty("slf4j.provider", "org.slf4j.nop.NOPServiceProvider"); // to search for one takes long
        System.setProperty("slf4j.internal.verbosity", "WARN");
        System.exit(execute(arguments));
    }

    /** Runs the command line and returns its exit status. */
    static int execute(String... arguments) {
        race_repro script = new race_repro();
        CommandLine parser = new CommandLine(script);
        parser.getCommandSpec().version(About.version(NAME));
        HelpFooter.fill(parser, List.of(arguments));
        return parser.setParameterExceptionHandler((e, ignored) -> script.fail(e))
                .setExecutionExceptionHandler((e, commandLine, ignored) -> script.fail(e))
                .execute(arguments);
    }

    @Override
    public Integer call() throws NotPlayed, InterruptedException {
        reports.forEach(file -> read("--report", () -> Reports.requireWritable(file)));
        return scenarios.stream().anyMatch(FleetPlan.SCENARIO::equalsIgnoreCase) ? playFleet() : playRace();
    }

    private int playFleet() throws NotPlayed, InterruptedException {
        Plan.mistake(builders, stepSeconds).ifPresent(text -> require(false, text));
        FleetPlan plan = read("--scenario",
                () -> FleetPlan.of(scenarios, strategies, builders, engine, stepSeconds, commandLine()));
        try (LiveProgress progress = new LiveProgress(err(), terminal.progress())) {
            FleetResults results = FleetPlay.run(plan, machine(), progress);
            progress.done();
            print(Reports.text(results, terminal));
            Reports.write(results, reports, System.getenv());
            return (results.isOursFalse() ? FALSE_ANSWERS : ExitCode.ENSURED).status();
        }
    }

    private int playRace() throws NotPlayed, InterruptedException {
        Plan plan = plan();
        try (LiveProgress progress = new LiveProgress(err(), terminal.progress()); Stage stage = openStage(progress)) {
            print(List.of(stage.description()));
            Results results = new Play(plan, stage, progress).run();
            progress.done();
            if (results.isCutShort()) {
                progress.notice("stopped after " + results.roundsPlayed() + " of " + plan.rounds()
                        + " rounds to keep it short; for all: -r " + plan.rounds());
            }
            print(Reports.text(results, terminal));
            Reports.write(results, reports, System.getenv());
            return (results.isOursFalse() ? FALSE_ANSWERS : ExitCode.ENSURED).status();
        }
    }

    // ---- What is to be played, and where

    private Plan plan() {
        Plan.mistake(builders, stepSeconds).ifPresent(text -> require(false, text));
        rounds.ifPresent(number -> require(number >= 1, "-r takes a number from 1, not " + number));
        within.ifPresent(seconds -> require(seconds >= 1, "--within takes a number from 1, not " + seconds));
        boolean limited = within.isPresent() || rounds.isEmpty() && !all && !untilRace;
        return new Plan(read("--scenario", () -> Choice.select(Scenario.values(), scenarios, all)),
                read("--strategy", () -> Choice.select(Strategy.values(), strategies, all)), builders,
                rounds.orElse(untilRace ? ROUNDS_UNTIL_RACE : all ? 1 : DEFAULT_ROUNDS),
                limited ? Optional.of(Duration.ofSeconds(within.orElse(DEFAULT_WITHIN))) : Optional.empty(), untilRace,
                processes ? Optional.of(jvm()) : Optional.empty(), stepSeconds,
                seed.orElse(ThreadLocalRandom.current().nextLong(1_000_000)), base, commandLine());
    }

    private List<String> commandLine() {
        return Stream.concat(Stream.of(NAME), spec.commandLine().getParseResult().originalArgs().stream()).toList();
    }

    /** This JVM once more, without the class to run; it starts quickly, because many start at once. */
    private static List<String> jvm() {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC", "-classpath", System.getProperty("java.class.path"));
    }

    private Stage openStage(Progress progress) throws NotPlayed, InterruptedException {
        String wanted = engine.orElse("throwaway");
        if (wanted.equals("current")) {
            return Stage.openCurrent(docker, System.getenv());
        }
        require(wanted.matches("(?:throwaway|dind)(?::.*)?"),
                "--engine is current, throwaway[:VERSION] or dind[:VERSION], not '" + wanted + "'");
        String version = wanted.equals("throwaway") ? THROWAWAY : wanted.replaceFirst("^throwaway:", "");
        EngineSpec throwaway = read("--engine", () -> new EngineSpec(version, EngineSpec.Store.CONTAINERD));
        return engine.isPresent() ? Stage.openThrowaway(throwaway, machine(), progress)
                : Stage.openSuitable(docker, System.getenv(), throwaway, machine(), progress);
    }

    private static Machine machine() {
        Map<String, String> environment = new TreeMap<>(System.getenv());
        environment.putIfAbsent("HOME", System.getProperty("user.home")); // a service may have none
        return new Machine(environment, CacheFolder.find(environment), Path.of("").toAbsolutePath(),
                System.getProperty("os.arch"));
    }

    private void require(boolean holds, String mistake) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), mistake);
        }
    }

    /** What an option's value stands for. */
    private <T> T read(String option, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), option + ": " + e.getMessage());
        }
    }

    // ---- What is printed

    private void print(List<String> lines) {
        PrintWriter out = spec.commandLine().getOut();
        lines.forEach(out::println);
        out.flush();
    }

    private int fail(Exception e) {
        UsageWording wording = new UsageWording(NAME, () -> false);
        if (e instanceof NotPlayed failure) {
            failure.output().forEach(line -> err().println(Wording.quote(line)));
            boolean demoFailed = failure.code() == ExitCode.BUILD_FAILED;
            return fail(e, failure.code(), demoFailed ? new Message(e.getMessage(), BASE_HINT) : failure.message());
        }
        return e instanceof ParameterException ? fail(e, ExitCode.USAGE, wording.mistake(e.getMessage()))
                : e instanceof InterruptedException ? fail(e, ExitCode.INTERRUPTED, new Message("interrupted"))
                : fail(e, ExitCode.BUG, wording.unexpected(e));
    }

    private int fail(Exception e, ExitCode code, Message message) {
        err().println(Wording.error(NAME, message.text()));
        if (!message.hint().isEmpty()) {
            err().println(message.hint());
        }
        if (verbose) {
            StackTrace.of(e).forEach(err()::println);
        }
        err().flush();
        return code.status();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }
}
