///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Shows the race of concurrent Docker builds for one tag, and what each remedy makes of it
//JAVA 17+
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0
//SOURCES src/ensureimage/race/Builder.java
//SOURCES src/ensureimage/race/Claims.java
//SOURCES src/ensureimage/race/HtmlPage.java
//SOURCES src/ensureimage/race/JsonReport.java
//SOURCES src/ensureimage/race/Reports.java
//SOURCES src/ensureimage/race/Results.java
//SOURCES src/ensureimage/race/Stage.java
//SOURCES src/ensureimage/race/TableText.java
//SOURCES src/ensureimage/race/Timeline.java
//SOURCES src/ensureimage/race/Track.java
//SOURCES ensure_image.java
//SOURCES with_docker.java
//FILES race-demo/Dockerfile=images/race-demo/Dockerfile

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Launches builders of one tag at the same moment, round after round, and compares what each strategy tells its caller
 * with what the engine then holds.
 *
 * <p>The rule it keeps: the ground truth comes from the engine, read at the moment of each answer from a file inside
 * the image; no strategy is believed, ours neither. Builders race because they join one running build step and leave
 * it together.
 */
@Command(name = "race_repro", version = "race_repro " + ensure_image.VERSION, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true, separator = " ",
        customSynopsis = "race_repro [OPTIONS]",
        description = {"", "Lets N builders want an image at once, R times, and counts who was told the truth. Needs "
                + "nothing: where no engine answers, or the engine at hand cannot race, it starts a throwaway one.",
            ""},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            " 0:'ensure' and 'single-flight' told every builder the truth",
            " 2:bad usage",
            "10:they told at least one builder something false, or the demo image does not build",
            "69:no engine: none answers, and a throwaway one cannot be started here",
            "124:timed out",
            "130:interrupted"},
        footerHeading = "%nStrategies, * by default:%n",
        footer = {
            "* naive          look the tag up, build if it is missing; a failure is a failure",
            "* substring      the same, but a failure that says \"already exists\" is a success",
            "* ensure         ensure_image: a lost race is a question, the engine answers it",
            "  single-flight  ensure_image --single-flight: one builds, the others wait",
            "  unique-tag     as naive, with a tag of its own for every builder",
            "  lock           as naive, inside an exclusive file lock",
            "  prebuild       one build first; then the builders only look the tag up",
            "  rmi-first      docker rmi -f, then docker build",
            "",
            "Scenarios, * by default:",
            "* same        one folder, one tag, and the tag is missing",
            "* failing     the same, but a step fails and says \"already exists\"",
            "  shared-tag  two folders, one tag",
            "  stale       the tag is there, built before a file of the folder changed",
            "  removed     as soon as the tag is there, somebody removes it, once",
            "",
            "It removes what it made, also after Ctrl-C: images, containers, and the steps",
            "in the build cache, which carry its number. What BuildKit keeps of the contexts",
            "that it was sent carries nothing (some kB), and stays until BuildKit drops it.",
            "",
            "Examples:",
            "  race_repro                          the story, in less than a minute",
            "  race_repro --all -r 5               every strategy in every scenario",
            "  race_repro --strategy naive -r 1    just the bug",
            "  race_repro --scenario shared-tag    another scenario",
            "  race_repro --until-race --strategy naive --scenario same",
            "  race_repro --engine throwaway:28.5  on another engine",
            "  race_repro --report race.html --report race.json"})
public final class race_repro implements Callable<Integer> {

    private static final int FALSE_ANSWERS = 10;
    private static final int DEFAULT_ROUNDS = 5;
    private static final int ROUNDS_UNTIL_RACE = 50;
    private static final int DEFAULT_WITHIN = 50;

    // ------------------------------------------------------------------------------------------------ options

    @Option(names = {"-n", "--builders"}, paramLabel = "N", defaultValue = "8",
            description = "Builders that start together (default: ${DEFAULT-VALUE}).")
    private int builders;

    @Option(names = {"-r", "--rounds"}, paramLabel = "R",
            description = "Rounds (default: " + DEFAULT_ROUNDS + ", or as many as fit into --within).")
    private Integer rounds;

    @Option(names = "--within", paramLabel = "SECONDS",
            description = "Start no round, after the first, that would end later (default: " + DEFAULT_WITHIN
                    + "; none with -r, --all or --until-race).")
    private Integer within;

    @Option(names = "--until-race", description = "Stop after the first round in which somebody lost the race "
            + "(at most " + ROUNDS_UNTIL_RACE + " rounds, or -r).")
    private boolean untilRace;

    @Option(names = "--all", description = "Every strategy in every scenario, unless the next two options name "
            + "some; one round, or -r, each of some minutes.")
    private boolean all;

    @Option(names = "--strategy", paramLabel = "NAME", description = "What to compare, see below; may be repeated.")
    private List<Strategy> strategies = List.of();

    @Option(names = "--scenario", paramLabel = "NAME",
            description = "What to put them through, see below; may be repeated.")
    private List<Scenario> scenarios = List.of();

    @Option(names = "--processes", description = "Every builder in a JVM of its own, as test processes are; else they "
            + "are threads that each run their own docker processes.")
    private boolean processes;

    @Option(names = "--step-seconds", paramLabel = "S", defaultValue = "1",
            description = "How long the shared build step takes (default: ${DEFAULT-VALUE}).")
    private double stepSeconds;

    @Option(names = "--seed", paramLabel = "NUMBER", description = "Decides whose turn it is when, and who wants which "
            + "folder (default: random, and told in the reports).")
    private Long seed;

    @Option(names = "--base", paramLabel = "IMAGE", defaultValue = "busybox",
            description = "What the demo image is built from; it needs a shell (default: ${DEFAULT-VALUE}).")
    private String base;

    @Option(names = "--engine", paramLabel = "WHICH", defaultValue = "",
            description = "current, throwaway[:VERSION] or dind[:VERSION], as with_docker --engine has them "
                    + "(default: current if it can race, else throwaway).")
    private String engine;

    @Option(names = "--docker", paramLabel = "COMMAND", defaultValue = "docker",
            description = "The docker command line client of the current engine (default: ${DEFAULT-VALUE}).")
    private String dockerCommand;

    @Option(names = "--report", paramLabel = "FILE", description = "Also write a report: FILE.html, .md (which also "
            + "goes to $$GITHUB_STEP_SUMMARY, if set), .json (see docs/race-report.md), or .svg, the timeline alone; "
            + "may be repeated.")
    private List<Path> reports = List.of();

    @Option(names = {"-v", "--verbose"}, description = "Show stack traces.")
    private boolean verbose;

    @Spec
    private CommandSpec spec;

    public static void main(String... arguments) {
        System.exit(execute(arguments));
    }

    /** Runs the command line and returns its exit status. */
    static int execute(String... arguments) {
        race_repro script = new race_repro();
        return new CommandLine(script)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, ignored) -> script.report(usage(e.getMessage())))
                .setExecutionExceptionHandler((e, commandLine, ignored) -> script.report(e))
                .execute(arguments);
    }

    @Override
    public Integer call() throws Exception {
        Plan plan = plan();
        for (Path report : reports) {
            RaceReports.Format.of(report);
        }
        Terminal terminal = Terminal.detect();
        CountDownLatch cleaned = cleanUpBeforeExit();
        try (Live live = new Live(err(), terminal.progress());
                RaceStage stage = RaceStage.open(engine, dockerCommand, live)) {
            live.show("", List.of());
            out().println(Text.engine(stage.engine));
            out().flush();
            RaceResults results = new Play(plan, stage, live).all();
            live.show("", List.of());
            new RaceReports.OnTerminal(results, terminal).lines().forEach(out()::println);
            out().flush();
            for (Path report : reports) {
                RaceReports.write(results, report, System.getenv());
            }
            return results.isFalse(Strategy.ENSURE) || results.isFalse(Strategy.SINGLE_FLIGHT) ? FALSE_ANSWERS
                    : ensure_image.ExitCode.ENSURED.status;
        } finally {
            cleaned.countDown();
        }
    }

    private Plan plan() throws ensure_image.Failed {
        if (builders < 1 || builders > 99 || rounds != null && rounds < 1 || within != null && within < 1
                || !(stepSeconds >= 0 && stepSeconds <= 60)) {
            throw usage("-n takes 1 to 99, -r and --within numbers from 1, --step-seconds 0 to 60");
        }
        int most = rounds != null ? rounds : untilRace ? ROUNDS_UNTIL_RACE : all ? 1 : DEFAULT_ROUNDS;
        double limit = within != null ? within : rounds != null || all || untilRace ? Double.MAX_VALUE : DEFAULT_WITHIN;
        return new Plan(picked(scenarios, Scenario.values(), scenario -> scenario.story),
                picked(strategies, Strategy.values(), strategy -> strategy.story), builders, most, limit, untilRace,
                processes, stepSeconds, seed != null ? seed : ThreadLocalRandom.current().nextInt(1_000_000), base,
                spec.commandLine().getParseResult().originalArgs());
    }

    /** Those that the user named; else all, or those that tell the story. In the order of their declaration. */
    private <T extends Enum<T>> List<T> picked(List<T> named, T[] every, Predicate<T> story) {
        return Stream.of(every).filter(one -> named.isEmpty() ? all || story.test(one) : named.contains(one)).toList();
    }

    /** On Ctrl-C this thread is interrupted, and the JVM waits until it has taken everything down. */
    private static CountDownLatch cleanUpBeforeExit() {
        Thread main = Thread.currentThread();
        CountDownLatch cleaned = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                if (cleaned.getCount() > 0) {
                    main.interrupt();
                    cleaned.await(120, TimeUnit.SECONDS);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        return cleaned;
    }

    static ensure_image.Failed usage(String message) {
        return new ensure_image.Failed(ensure_image.ExitCode.USAGE, ensure_image.Text.printable(message),
                Text.SEE_HELP);
    }

    private int report(Exception e) {
        ensure_image.Failed failed = e instanceof ensure_image.Failed known ? known
                : e instanceof InterruptedException ? ensure_image.Text.interrupted()
                : new ensure_image.Failed(ensure_image.ExitCode.BUG, "unexpected: " + e, "");
        failed.output.forEach(line -> err().println(ensure_image.Text.quoted(line)));
        err().println("race_repro: " + failed.getMessage());
        if (!failed.hint.isEmpty()) {
            err().println(failed.hint);
        }
        if (verbose) {
            e.printStackTrace(err());
        }
        err().flush();
        return failed.code.status;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }

    // ------------------------------------------------------------------------------------------------ the run

    /**
     * What is to be played.
     *
     * @param rounds at most so many
     * @param within seconds: after the first, no round begins that would end later
     * @param arguments the command line
     */
    record Plan(List<Scenario> scenarios, List<Strategy> strategies, int builders, int rounds, double within,
            boolean untilRace, boolean processes, double stepSeconds, long seed, String base, List<String> arguments) {

        /** Strategies that act alike read the very same builds. */
        List<Procedure> procedures() {
            return strategies.stream().map(strategy -> strategy.procedure).distinct().toList();
        }
    }

    /** Plays a plan on an engine. */
    static final class Play {
        private final Plan plan;
        private final RaceStage stage;
        private final Live live;
        private final Random random;

        Play(Plan plan, RaceStage stage, Live live) {
            this.plan = plan;
            this.stage = stage;
            this.live = live;
            this.random = new Random(plan.seed());
        }

        /**
         * Plays all rounds. One lone builder before them is the measure of the others. In each round every procedure
         * takes its turn in every scenario, so that whatever else the machine does hits all alike.
         */
        RaceResults all() throws ensure_image.Failed, InterruptedException {
            lone(); // fetches the base image
            double lone = lone().wall();
            List<RaceResults.Round> played = new ArrayList<>();
            double begin = 0;
            for (int number = 1; number <= plan.rounds(); number++) {
                double now = stage.clock.seconds();
                if (number > 1 && now + (now - begin) > plan.within()) {
                    live.tell(Text.outOfTime(number - 1, plan.rounds()));
                    again(number - 1, played);
                    break;
                }
                begin = now;
                List<RaceResults.Round> round = round(number);
                played.addAll(round);
                if (plan.untilRace() && round.stream().anyMatch(one -> one.lost() > 0)) {
                    break;
                }
            }
            return new RaceResults(stage.engine, plan, lone, played);
        }

        /** If time is short and nobody has lost the plain race yet: that again, as often as there is time for. */
        private void again(int number, List<RaceResults.Round> played)
                throws ensure_image.Failed, InterruptedException {
            if (!plan.scenarios().contains(Scenario.SAME) || !plan.strategies().contains(Strategy.NAIVE)
                    || !stage.engine.canRace()) {
                return;
            }
            List<RaceResults.Round> plain = new ArrayList<>(played.stream()
                    .filter(round -> round.scenario() == Scenario.SAME && round.procedure() == Strategy.NAIVE.procedure)
                    .toList());
            double longest = plain.stream().mapToDouble(RaceResults.Round::wall).max().orElse(0);
            while (plain.stream().allMatch(round -> round.lost() == 0)
                    && stage.clock.seconds() + longest + 1 < plan.within()) {
                RaceResults.Round round = play(Scenario.SAME, Strategy.NAIVE.procedure, number, plan.builders());
                live.tell(Text.played(round, plan));
                plain.add(round);
                played.add(round);
            }
        }

        private RaceResults.Round lone() throws ensure_image.Failed, InterruptedException {
            RaceResults.Round round = play(Scenario.SAME, Procedure.CHECK_THEN_BUILD, 0, 1);
            if (round.runs().get(0).held() != RaceResults.Held.HIS) {
                throw new ensure_image.Failed(ensure_image.ExitCode.BUILD_FAILED, "the demo image does not build, even "
                        + "alone, from " + ensure_image.Text.printable(plan.base()), Text.BASE_HINT,
                        round.runs().get(0).ended().output());
            }
            return round;
        }

        private List<RaceResults.Round> round(int number) throws ensure_image.Failed, InterruptedException {
            List<RaceResults.Round> rounds = new ArrayList<>();
            for (Scenario scenario : plan.scenarios()) {
                List<Procedure> procedures = new ArrayList<>(plan.procedures());
                Collections.shuffle(procedures, random);
                for (Procedure procedure : procedures) {
                    RaceResults.Round round = play(scenario, procedure, number, plan.builders());
                    live.tell(Text.played(round, plan));
                    rounds.add(round);
                }
            }
            return rounds;
        }

        /** Plays one round: builders that start together, each of whose answers is checked as it comes. */
        private RaceResults.Round play(Scenario scenario, Procedure procedure, int number, int crowd)
                throws ensure_image.Failed, InterruptedException {
            try (RaceStage.Folder folder = stage.folder()) {
                List<Wish> wishes = scenario.prepare(new Setting(stage, plan, folder, crowd, random));
                Site site = new Site(stage.docker, stage.command, folder.path());
                Clock clock = new Clock();
                List<RaceTrack> tracks = wishes.stream().map(wish -> new RaceTrack(clock::seconds)).toList();
                live.show(Text.playing(scenario, procedure, number), tracks);
                try (Crew crew = new Crew(crowd + 1)) {
                    Removal removal = scenario.removes ? crew.remover(stage, wishes.get(0), clock) : Removal.NONE;
                    List<Future<RaceResults.Run>> answers = new ArrayList<>();
                    Start start = new Start(crowd, folder.path());
                    for (int i = 0; i < crowd; i++) {
                        int builder = i + 1;
                        Wish wish = wishes.get(i);
                        RaceTrack track = tracks.get(i);
                        answers.add(crew.pool.submit(() -> {
                            Ended ended = plan.processes()
                                    ? RaceBuilder.inProcess(procedure, site, wish.recipe(), builder, track, start)
                                    : RaceBuilder.inThread(procedure, site, wish.recipe(), builder, track, start);
                            track.enter(ended.success() ? RaceTrack.Phase.THERE : RaceTrack.Phase.FAILED);
                            return new RaceResults.Run(track, ended,
                                    stage.judge.held(ended.handle(), wish.inputs()));
                        }));
                    }
                    start.awaitAll(answers);
                    clock.start();
                    removal.begin();
                    List<RaceTrack> before = procedure.prebuilds ? prebuild(site, wishes, clock) : List.of();
                    start.go();
                    List<RaceResults.Run> runs = Crew.join(answers);
                    removal.end(); // who judged was perhaps faster than the remover, so excuses come last
                    return new RaceResults.Round(scenario, procedure, number,
                            runs.stream().map(removal::excuse).toList(), before,
                            stage.tidy(wishes.get(0).recipe().reference()));
                }
            }
        }

        /** One build of everything that is wanted, one after the other, before the others start. */
        private static List<RaceTrack> prebuild(Site site, List<Wish> wishes, Clock clock) throws ensure_image.Failed {
            List<RaceTrack> tracks = new ArrayList<>();
            for (Wish wish : wishes.stream().distinct().toList()) {
                RaceTrack track = new RaceTrack(clock::seconds);
                tracks.add(track);
                Ended ended = Procedure.build(site, wish.recipe(), track);
                track.enter(ended.success() ? RaceTrack.Phase.THERE : RaceTrack.Phase.FAILED);
            }
            return tracks;
        }
    }

    /** The threads of a round. None outlives it. */
    static final class Crew implements AutoCloseable {
        final ExecutorService pool;

        Crew(int most) {
            pool = Executors.newFixedThreadPool(most);
        }

        Removal remover(RaceStage stage, Wish wish, Clock clock) {
            Removal removal = new Removal(stage, wish.recipe().reference(), clock);
            removal.done = pool.submit(removal);
            return removal;
        }

        static <T> List<T> join(List<Future<T>> futures) throws ensure_image.Failed, InterruptedException {
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(join(future));
            }
            return results;
        }

        static <T> T join(Future<T> future) throws ensure_image.Failed, InterruptedException {
            try {
                return future.get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof ensure_image.Failed failed) {
                    throw failed;
                }
                throw new IllegalStateException(e.getCause());
            }
        }

        @Override
        public void close() {
            pool.shutdownNow();
            try {
                pool.awaitTermination(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The moment at which all builders start, be they threads or, by a file, processes. */
    static final class Start {
        final CountDownLatch ready;
        final Path file;
        private final CountDownLatch gone = new CountDownLatch(1);

        Start(int crowd, Path folder) {
            ready = new CountDownLatch(crowd);
            file = folder.resolve("go");
        }

        /** Waits until all are ready; also returns, if one of them has ended instead. */
        void awaitAll(List<? extends Future<?>> builders) throws InterruptedException {
            while (!ready.await(20, TimeUnit.MILLISECONDS) && builders.stream().noneMatch(Future::isDone)) {
            }
        }

        void await() throws InterruptedException {
            ready.countDown();
            gone.await();
        }

        void go() {
            gone.countDown();
            try {
                Files.createFile(file);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** Seconds since a start. */
    static final class Clock {
        private volatile long start = System.nanoTime();

        void start() {
            start = System.nanoTime();
        }

        double seconds() {
            return (System.nanoTime() - start) / 1e9;
        }
    }

    // -------------------------------------------------------------------------------------------- strategies

    /** Where a builder works: the engine, and a folder of this round that all its builders share. */
    record Site(Docker docker, String command, Path folder) {
        static final Duration LIMIT = Duration.ofSeconds(300);
        private static final int ATTEMPTS = 5;

        static ensure_image.Stopwatch watch() {
            return new ensure_image.Stopwatch(LIMIT, "race_repro");
        }

        /** ensure_image, as it comes; only that it leaves nothing in the user's cache. */
        ensure_image.Result ensure(Recipe recipe, boolean singleFlight, ensure_image.Events events)
                throws ensure_image.Failed {
            var freshness = new Freshness(docker, Cache.of(Map.of()));
            var flights = singleFlight ? Optional.of(new SingleFlight(Optional.of(folder), LIMIT))
                    : Optional.<SingleFlight>empty();
            return new ensure_image.Builder(docker, freshness, ensure_image.Rule.IF_STALE, ATTEMPTS, LIMIT, flights,
                    events).ensure(recipe);
        }
    }

    /** What a builder does. */
    enum Procedure {
        /** Looks the tag up and builds if it is missing, as test suites do. */
        CHECK_THEN_BUILD {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                return isThere(site, recipe, events) ? Ended.there(recipe) : build(site, recipe, events);
            }
        },

        /** Leaves it to ensure_image, which hands out the image's ID. */
        ENSURE {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                return ensure(site, recipe, false, events);
            }
        },

        SINGLE_FLIGHT {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                return ensure(site, recipe, true, events);
            }
        },

        UNIQUE_TAG {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                Reference shared = recipe.reference();
                Reference own = new Reference(shared.domain(), shared.path(), "builder-" + builder);
                return CHECK_THEN_BUILD.run(site, new Recipe(own, recipe.context(), recipe.dockerfile(),
                        recipe.options(), recipe.bases()), builder, events);
            }
        },

        LOCK {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                events.step(recipe, ensure_image.Step.WAITING);
                THREADS.lock(); // a file lock is the whole JVM's
                try (FileChannel file = FileChannel.open(site.folder().resolve("lock"), StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
                    file.lock(); // until the file is closed
                    return CHECK_THEN_BUILD.run(site, recipe, builder, events);
                } catch (IOException e) {
                    throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "cannot lock a file: " + e, "");
                } finally {
                    THREADS.unlock();
                }
            }
        },

        /** Looks the tag up; what was to be built has been built before. */
        PREBUILD(true) {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                return isThere(site, recipe, events) ? Ended.there(recipe)
                        : new Ended(false, List.of(), recipe.reference().toString());
            }
        },

        RMI_FIRST {
            @Override
            Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events) throws ensure_image.Failed {
                events.step(recipe, ensure_image.Step.LOOKING_UP);
                site.docker().run(Site.watch(), List.of("image", "rm", "--force", recipe.reference().toString()),
                        line -> {});
                return build(site, recipe, events);
            }
        };

        private static final ReentrantLock THREADS = new ReentrantLock();

        /** Answers about the image; the others say that there was no experiment. */
        private static final Set<ensure_image.ExitCode> OURS_TO_REPORT = EnumSet.of(ensure_image.ExitCode.BUILD_FAILED,
                ensure_image.ExitCode.GAVE_UP, ensure_image.ExitCode.TIMED_OUT);

        /** Whether everything is built once, before the builders start. */
        final boolean prebuilds;

        Procedure() {
            this(false);
        }

        Procedure(boolean prebuilds) {
            this.prebuilds = prebuilds;
        }

        /**
         * Plays one builder; throws only if the engine is away or the run is interrupted.
         *
         * @param builder its number, from 1
         */
        abstract Ended run(Site site, Recipe recipe, int builder, ensure_image.Events events)
                throws ensure_image.Failed;

        private static boolean isThere(Site site, Recipe recipe, ensure_image.Events events)
                throws ensure_image.Failed {
            events.step(recipe, ensure_image.Step.LOOKING_UP);
            return !site.docker().lookUp(List.of(recipe.reference().toString()), Site.watch()).isEmpty();
        }

        /** One {@code docker build}, as anybody runs it. */
        static Ended build(Site site, Recipe recipe, ensure_image.Events events) throws ensure_image.Failed {
            events.step(recipe, ensure_image.Step.BUILDING);
            var build = site.docker().build(recipe, List.of("--tag", recipe.reference().toString()), Map.of(),
                    Site.watch(), line -> events.output(recipe, line));
            var verdict = Verdict.of(build, recipe.reference());
            switch (verdict.kind()) {
                case NO_ENGINE -> throw site.docker().noEngine(verdict.line());
                case INTERRUPTED -> throw ensure_image.Text.interrupted();
                default -> {}
            }
            return new Ended(build.status() == 0, build.err(), recipe.reference().toString());
        }

        private static Ended ensure(Site site, Recipe recipe, boolean singleFlight, ensure_image.Events events)
                throws ensure_image.Failed {
            try {
                return new Ended(true, List.of(), site.ensure(recipe, singleFlight, events).id());
            } catch (ensure_image.Failed failed) {
                if (OURS_TO_REPORT.contains(failed.code)) {
                    return new Ended(false, failed.output, recipe.reference().toString());
                }
                throw failed;
            }
        }
    }

    /**
     * How a procedure ended.
     *
     * @param success as far as docker says, or ensure_image
     * @param output what docker printed, if it failed
     * @param handle the image that the caller is handed for {@code docker run}: a tag, or an ID
     */
    record Ended(boolean success, List<String> output, String handle) {

        static Ended there(Recipe recipe) {
            return new Ended(true, List.of(), recipe.reference().toString());
        }
    }

    /** A procedure, and how its end is read: whether the caller is told that the image is there. */
    enum Strategy {
        NAIVE(Procedure.CHECK_THEN_BUILD, true),

        /** The rule as first decided. It acts as {@link #NAIVE} does, so both read the very same builds. */
        SUBSTRING(Procedure.CHECK_THEN_BUILD, true) {
            @Override
            boolean tells(Ended ended) {
                return ended.success() || ended.output().stream().anyMatch(line -> line.contains("already exists"));
            }
        },

        ENSURE(Procedure.ENSURE, true),
        SINGLE_FLIGHT(Procedure.SINGLE_FLIGHT, false),
        UNIQUE_TAG(Procedure.UNIQUE_TAG, false),
        LOCK(Procedure.LOCK, false),
        PREBUILD(Procedure.PREBUILD, false),
        RMI_FIRST(Procedure.RMI_FIRST, false);

        final Procedure procedure;
        /** Whether it is played by default. */
        final boolean story;

        Strategy(Procedure procedure, boolean story) {
            this.procedure = procedure;
            this.story = story;
        }

        /** Whether the caller is told "there". */
        boolean tells(Ended ended) {
            return ended.success();
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    // --------------------------------------------------------------------------------------------- scenarios

    /** What the builders find, and what they want. */
    enum Scenario {
        /** With the tag there, BuildKit updates it and cannot fail. */
        SAME(true, false, "one folder, one tag, and the tag is missing"),

        FAILING(true, false, "the same, but a step fails and says \"already exists\"") {
            @Override
            List<Wish> prepare(Setting setting) throws ensure_image.Failed {
                Wish wish = setting.wish("a", 1);
                return Collections.nCopies(setting.crowd(), setting.failing(wish));
            }
        },

        SHARED_TAG(false, false, "two folders, one tag: half of the builders want each") {
            @Override
            List<Wish> prepare(Setting setting) throws ensure_image.Failed {
                List<Wish> two = List.of(setting.wish("a", 1), setting.wish("b", 1));
                List<Wish> wishes = new ArrayList<>(
                        IntStream.range(0, setting.crowd()).mapToObj(i -> two.get(i % 2)).toList());
                Collections.shuffle(wishes, setting.random());
                return wishes;
            }
        },

        STALE(false, false, "the tag is there, built before a file of the folder changed") {
            @Override
            List<Wish> prepare(Setting setting) throws ensure_image.Failed {
                setting.buildNow(setting.wish("a", 1));
                return Collections.nCopies(setting.crowd(), setting.wish("a", 2));
            }
        },

        REMOVED(false, true, "as soon as the tag is there, somebody removes it, once");

        /** Whether it is played by default. */
        final boolean story;
        final boolean removes;
        final String description;

        Scenario(boolean story, boolean removes, String description) {
            this.story = story;
            this.removes = removes;
            this.description = description;
        }

        /** Sets the engine up for a round, and returns what each builder wants, of inputs that are in no cache. */
        List<Wish> prepare(Setting setting) throws ensure_image.Failed {
            return Collections.nCopies(setting.crowd(), setting.wish("a", 1));
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** What a builder wants, and what is to be found in the image then. */
    record Wish(Recipe recipe, Inputs inputs) {
    }

    /** What tells an image's inputs from all others: the file of this text is in the folder, and so in the image. */
    record Inputs(String round, String folder, int version) {

        String text() {
            return String.join(" ", round, folder, Integer.toString(version));
        }

        RaceResults.Held compare(String found) {
            return found.equals(text()) ? RaceResults.Held.HIS
                    : found.startsWith(String.join(" ", round, folder, "")) ? RaceResults.Held.STALE
                    : RaceResults.Held.WRONG;
        }
    }

    /** What a scenario has to set a round up. */
    record Setting(RaceStage stage, Plan plan, RaceStage.Folder folder, int crowd, Random random) {

        /** A wish for what is in this folder now: inputs of this version. */
        Wish wish(String name, int version) throws ensure_image.Failed {
            Inputs inputs = new Inputs(folder.round(), name, version);
            Path context = stage.write(folder.path().resolve(name), inputs);
            Map<String, String> arguments = Map.of("BASE", plan.base(), "STEP_SECONDS",
                    Double.toString(plan.stepSeconds()));
            return new Wish(Recipe.of(stage.name, context,
                    new Recipe.Options(arguments, Set.of(), null, null, List.of("--label", stage.label()))), inputs);
        }

        Wish failing(Wish wish) {
            return new Wish(with(wish.recipe(), "STEP_STATUS", "9"), wish.inputs());
        }

        /** With ensure_image, so that its label is there to be compared; others do not look at it. */
        void buildNow(Wish wish) throws ensure_image.Failed {
            new Site(stage.docker, stage.command, folder.path()).ensure(with(wish.recipe(), "STEP_SECONDS", "0"), false,
                    (recipe, message) -> {});
        }

        private static Recipe with(Recipe recipe, String argument, String value) {
            Map<String, String> arguments = new TreeMap<>(recipe.options().arguments());
            arguments.put(argument, value);
            return new Recipe(recipe.reference(), recipe.context(), recipe.dockerfile(), new Recipe.Options(arguments,
                    Set.of(), null, null, recipe.options().passThrough()), recipe.bases());
        }
    }

    /** Somebody who removes the tag, once, as soon as it is there. */
    static final class Removal implements Callable<Void> {
        static final Removal NONE = new Removal(null, null, null);
        private final RaceStage stage;
        private final Reference reference;
        private final Clock clock;
        private final CountDownLatch begun = new CountDownLatch(1);
        private Future<Void> done;
        private volatile boolean over;
        private volatile double removed = -1;

        private Removal(RaceStage stage, Reference reference, Clock clock) {
            this.stage = stage;
            this.reference = reference;
            this.clock = clock;
        }

        void begin() {
            begun.countDown();
        }

        void end() throws ensure_image.Failed, InterruptedException {
            over = true;
            if (done != null) {
                Crew.join(done);
            }
        }

        @Override
        public Void call() throws ensure_image.Failed, InterruptedException {
            begun.await();
            while (!over && removed < 0) {
                var finished = stage.docker("image", "rm", "--force", reference.toString());
                if (finished.out().stream().anyMatch(line -> line.startsWith("Untagged: "))) {
                    removed = clock.seconds();
                }
            }
            return null;
        }

        /**
         * Nobody sees a removal that comes while he asks. So whoever is told before it, or less than one of his own
         * questions after it, is told the truth of that moment.
         */
        RaceResults.Run excuse(RaceResults.Run run) {
            return new RaceResults.Run(run.track(), run.ended(), excuses(removed, run.track(), run.held()));
        }

        static RaceResults.Held excuses(double removed, RaceTrack track, RaceResults.Held held) {
            return held == RaceResults.Held.MISSING && removed >= 0
                    && removed >= track.last().at() - track.longestQuestion() ? RaceResults.Held.REMOVED : held;
        }
    }

    // ----------------------------------------------------------------------------------------------- progress

    /** Progress: one line that is drawn over on a terminal, lines that stay elsewhere. */
    static final class Live implements with_docker.Progress, AutoCloseable {
        private final PrintWriter err;
        private final boolean live;
        private final Thread ticker = new Thread(this::tick, "progress");
        private String status = "";
        private List<RaceTrack> tracks = List.of();

        Live(PrintWriter err, boolean live) {
            this.err = err;
            this.live = live;
            ticker.setDaemon(true);
            ticker.start();
        }

        /** A line that stays. */
        synchronized void tell(String line) {
            err.println((live ? "\r\u001b[K" : "") + line);
            err.flush();
        }

        /** What is being done now, and by whom; on a terminal only. */
        synchronized void show(String now, List<RaceTrack> builders) {
            status = now;
            tracks = builders;
            draw();
        }

        @Override
        public void step(String what) {
            show(what, List.of());
            if (!live) {
                tell(what);
            }
        }

        @Override
        public void notice(String what) {
            tell(what);
        }

        private synchronized void draw() {
            if (live) {
                String line = status + Text.phases(tracks);
                err.print("\r\u001b[K" + line.substring(0, Math.min(79, line.length())));
                err.flush();
            }
        }

        private void tick() {
            try {
                while (true) {
                    Thread.sleep(200);
                    draw();
                }
            } catch (InterruptedException e) {
                // The run is over.
            }
        }

        @Override
        public void close() {
            ticker.interrupt();
            show("", List.of());
        }
    }

    // ------------------------------------------------------------------------------------------------ wording

    /** What a person reads while it runs; what he reads at the end is in {@link RaceText}. */
    static final class Text {
        static final String SEE_HELP = "See: race_repro --help";
        static final String BASE_HINT = "Is the base image there, or can it be pulled? Name another one with --base.";

        private Text() {
        }

        static String engine(EngineFacts engine) {
            return "Docker " + ensure_image.Text.printable(engine.version()) + ", "
                    + (engine.containerdStore() ? "containerd" : "classic") + " image store, "
                    + ensure_image.Text.printable(engine.builder()) + "\n" + canRace(engine);
        }

        static String canRace(EngineFacts engine) {
            return "Builds " + (engine.canRace() ? "can" : "cannot") + " race for a tag here: " + engine.why();
        }

        static String cannotRace(EngineFacts engine) {
            return "builds cannot race on the current engine, Docker " + ensure_image.Text.printable(engine.version())
                    + ": " + engine.why();
        }

        static String throwaway(String why) {
            return Character.toUpperCase(why.charAt(0)) + why.substring(1) + ". So this uses a throwaway engine.";
        }

        static String playing(Scenario scenario, Procedure procedure, int number) {
            return number == 0 ? "one lone build: "
                    : scenario + ", "
                            + strategies(procedure, List.of(Strategy.values())) + ", round " + number + ": ";
        }

        static String phases(List<RaceTrack> tracks) {
            return tracks.stream().map(track -> track.last().phase()).collect(Collectors.groupingBy(phase -> phase,
                    () -> new EnumMap<>(RaceTrack.Phase.class), Collectors.counting())).entrySet().stream()
                    .map(entry -> entry.getValue() + " " + entry.getKey()).collect(Collectors.joining(", "));
        }

        static String played(RaceResults.Round round, Plan plan) {
            return String.format(Locale.ROOT, "round %d, %-10s  %-15s  %d of %d lost the race, %s", round.number(),
                    round.scenario(), strategies(round.procedure(), plan.strategies()), round.lost(),
                    round.runs().size(), seconds(round.wall()));
        }

        private static String strategies(Procedure procedure, List<Strategy> among) {
            return among.stream().filter(strategy -> strategy.procedure == procedure)
                    .map(Strategy::toString).collect(Collectors.joining("/"));
        }

        static String outOfTime(int rounds, int of) {
            return "stopping after " + rounds + " of " + of + " rounds, to keep it short; for all: -r " + of;
        }

        static String seconds(double seconds) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
    }
}
