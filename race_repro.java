///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Shows the race of concurrent Docker builds for one tag, and what each remedy makes of it
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0
//SOURCES Terminal.java
//SOURCES ensure_image.java
//SOURCES with_docker.java
//FILES race-demo/Dockerfile=images/race-demo/Dockerfile

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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
 * <p>The rule it keeps: the ground truth comes from the engine, read at the moment of each answer; no strategy is
 * believed, ours neither. Builders race because they join one running build step and leave it together.
 */
@Command(name = "race_repro", version = "race_repro " + ensure_image.VERSION, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true, separator = " ",
        customSynopsis = "race_repro [OPTIONS]",
        description = {"", "Lets N builders want the same missing image at once, R times, and counts who was told the "
            + "truth. Needs nothing: where no engine answers, or the engine at hand cannot race, it starts a "
            + "throwaway one.", ""},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            " 0:'ensure' told every builder the truth",
            " 2:bad usage",
            "10:'ensure' told at least one builder something false, or the demo image does not build",
            "69:no engine: none answers, and a throwaway one cannot be started here",
            "124:timed out",
            "130:interrupted"},
        footerHeading = "%nStrategies:%n",
        footer = {
            "  naive      look the tag up, build if it is missing; a failure is a failure",
            "  substring  the same, but a failure that says \"already exists\" is a success",
            "  ensure     ensure_image: a lost race is a question, the engine answers it",
            "",
            "Scenarios:",
            "  same       all builders want one tag from one folder; the tag is missing",
            "",
            "Examples:",
            "  race_repro                          all strategies, under a minute",
            "  race_repro -n 16 -r 20              more builders, more rounds: better figures",
            "  race_repro --strategy naive -r 1    just the bug",
            "  race_repro --engine throwaway:28.5  on another engine"})
public final class race_repro implements Callable<Integer> {

    private static final int ENSURE_WAS_FALSE = 10;
    private static final int DEFAULT_ROUNDS = 5;
    private static final int DEFAULT_WITHIN = 55;

    // ------------------------------------------------------------------------------------------------ options

    @Option(names = {"-n", "--builders"}, paramLabel = "N", defaultValue = "8",
            description = "Builders that start together (default: ${DEFAULT-VALUE}).")
    private int builders;

    @Option(names = {"-r", "--rounds"}, paramLabel = "R",
            description = "Rounds (default: " + DEFAULT_ROUNDS + ", or as many as fit into --within).")
    private Integer rounds;

    @Option(names = "--within", paramLabel = "SECONDS",
            description = "Start no round, after the first, that would end later (default: " + DEFAULT_WITHIN
                + "; with -r no limit).")
    private Integer within;

    @Option(names = "--strategy", paramLabel = "NAME",
            description = "What to compare: ${COMPLETION-CANDIDATES}; may be repeated (default: all).")
    private Set<Strategy> strategies = EnumSet.allOf(Strategy.class);

    @Option(names = "--scenario", paramLabel = "NAME", defaultValue = "same",
            description = "What to put them through: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Scenario scenario;

    @Option(names = "--step-seconds", paramLabel = "S", defaultValue = "1",
            description = "How long the shared build step takes (default: ${DEFAULT-VALUE}).")
    private double stepSeconds;

    @Option(names = "--base", paramLabel = "IMAGE", defaultValue = "busybox",
            description = "What the demo image is built from; it needs a shell (default: ${DEFAULT-VALUE}).")
    private String base;

    @Option(names = "--engine", paramLabel = "WHICH", defaultValue = "",
            description = "current, throwaway or throwaway:VERSION (default: current if it can race, else throwaway).")
    private String engine;

    @Option(names = "--docker", paramLabel = "COMMAND", defaultValue = "docker",
            description = "The docker command line client of the current engine (default: ${DEFAULT-VALUE}).")
    private String dockerCommand;

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
        if (builders < 1 || builders > 99 || rounds != null && rounds < 1 || within != null && within < 1
                || !(stepSeconds >= 0 && stepSeconds <= 60)) {
            throw usage("-n takes 1 to 99, -r and --within numbers from 1, --step-seconds 0 to 60");
        }
        Terminal terminal = Terminal.detect();
        CountDownLatch cleaned = cleanUpBeforeExit();
        try (Live live = new Live(err(), terminal.progress()); Stage stage = Stage.open(engine, dockerCommand, live)) {
            live.show("", List.of());
            out().println(Text.engine(stage.engine));
            out().flush();
            List<Round> played = play(stage, live);
            live.show("", List.of());
            Report report = new Report(stage.engine, played, strategies, terminal);
            report.lines().forEach(out()::println);
            out().flush();
            return report.isFalse(Strategy.ENSURE) ? ENSURE_WAS_FALSE : ensure_image.ExitCode.ENSURED.status;
        } finally {
            cleaned.countDown();
        }
    }

    /** On Ctrl-C this thread is interrupted, and the JVM waits until it has taken everything down. */
    private static CountDownLatch cleanUpBeforeExit() {
        Thread main = Thread.currentThread();
        CountDownLatch cleaned = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                if (cleaned.getCount() > 0) {
                    main.interrupt();
                    cleaned.await(30, TimeUnit.SECONDS);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        return cleaned;
    }

    private static ensure_image.Failed usage(String message) {
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
     * Plays all rounds. The first in the list, number 0, is one lone builder: the measure of the others. In each round
     * every procedure takes its turn, so that whatever else the machine does hits all alike.
     */
    private List<Round> play(Stage stage, Live live) throws ensure_image.Failed, InterruptedException {
        Round warmUp = play(stage, live, Procedure.CHECK_THEN_BUILD, 0, 1);
        if (!warmUp.runs().get(0).there()) {
            throw new ensure_image.Failed(ensure_image.ExitCode.BUILD_FAILED, "the demo image does not build, even "
                    + "alone, from " + ensure_image.Text.printable(base), Text.BASE_HINT,
                    warmUp.runs().get(0).ended().output());
        }
        List<Round> played = new ArrayList<>(List.of(play(stage, live, Procedure.CHECK_THEN_BUILD, 0, 1)));
        Set<Procedure> procedures = strategies.stream().map(strategy -> strategy.procedure)
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Procedure.class)));
        int wanted = rounds != null ? rounds : DEFAULT_ROUNDS;
        double limit = within != null ? within : rounds != null ? Double.MAX_VALUE : DEFAULT_WITHIN;
        double begin = 0;
        for (int number = 1; number <= wanted; number++) {
            double now = stage.clock.seconds();
            if (number > 1 && now + (now - begin) > limit) {
                live.tell(Text.outOfTime(number - 1, wanted));
                break;
            }
            begin = now;
            for (Procedure procedure : procedures) {
                Round round = play(stage, live, procedure, number, builders);
                live.tell(Text.played(round));
                played.add(round);
            }
        }
        return played;
    }

    /** Plays one round: builders that start together, each of whose answers is checked as it comes. */
    private Round play(Stage stage, Live live, Procedure procedure, int number, int crowd)
            throws ensure_image.Failed, InterruptedException {
        Recipe recipe = scenario.prepare(stage, stage.recipe(base, stepSeconds));
        Clock clock = new Clock();
        CyclicBarrier barrier = new CyclicBarrier(crowd, clock::start);
        List<Track> tracks = Stream.generate(() -> new Track(clock::seconds)).limit(crowd).toList();
        live.show(Text.playing(procedure, number), tracks);
        var pool = Executors.newFixedThreadPool(crowd);
        try {
            var answers = pool.invokeAll(tracks.stream().<Callable<Run>>map(track -> () -> {
                barrier.await();
                Ended ended = procedure.run(stage, recipe, track);
                track.enter(ended.success() ? Phase.THERE : Phase.FAILED);
                return new Run(track, ended, Truth.holds(stage, recipe));
            }).toList());
            List<Run> runs = new ArrayList<>();
            for (var answer : answers) {
                runs.add(answer.get());
            }
            return new Round(procedure, number, runs);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ensure_image.Failed failed) {
                throw failed;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            pool.shutdownNow();
            pool.awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    /** A round that was played. */
    record Round(Procedure procedure, int number, List<Run> runs) {

        /** Seconds from the start until the last answer. */
        double wall() {
            return runs.stream().mapToDouble(run -> run.track().last().at()).max().orElse(0);
        }

        long lost() {
            return runs.stream().filter(run -> run.track().race().isPresent()).count();
        }

        /** How often the slow step ran: as often as there are different stamps, for builders share its output. */
        long stepRuns() {
            return runs.stream().flatMap(run -> run.track().stamps().stream()).distinct().count();
        }
    }

    /** One builder in one round: its course, its end, and whether the engine held its image at that moment. */
    record Run(Track track, Ended ended, boolean there) {
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

    /** What a builder does. */
    enum Procedure {
        /** Looks the tag up and builds if it is missing, as test suites do. */
        CHECK_THEN_BUILD {
            @Override
            Ended run(Stage stage, Recipe recipe, Track track) throws ensure_image.Failed {
                var watch = Stage.watch();
                track.step(recipe, ensure_image.Step.LOOKING_UP);
                if (!stage.docker.lookUp(List.of(recipe.reference().toString()), watch).isEmpty()) {
                    return Ended.THERE;
                }
                track.step(recipe, ensure_image.Step.BUILDING);
                var build = stage.docker.build(recipe, List.of("--tag", recipe.reference().toString()), Map.of(), watch,
                        line -> track.output(recipe, line));
                var verdict = Verdict.of(build, recipe.reference());
                if (verdict.kind() == Verdict.Kind.NO_ENGINE) {
                    throw stage.docker.noEngine(verdict.line());
                }
                return new Ended(build.status() == 0, build.err());
            }
        },

        /** Leaves it to ensure_image. */
        ENSURE_IMAGE {
            @Override
            Ended run(Stage stage, Recipe recipe, Track track) throws ensure_image.Failed {
                try {
                    stage.builder(track).ensure(recipe);
                    return Ended.THERE;
                } catch (ensure_image.Failed failed) {
                    if (OURS_TO_REPORT.contains(failed.code)) {
                        return new Ended(false, failed.output);
                    }
                    throw failed;
                }
            }
        };

        /** Answers about the image; the others say that there was no experiment. */
        private static final Set<ensure_image.ExitCode> OURS_TO_REPORT = EnumSet.of(ensure_image.ExitCode.BUILD_FAILED,
            ensure_image.ExitCode.GAVE_UP, ensure_image.ExitCode.TIMED_OUT);

        /** Plays one builder; throws only if the engine is away or the run is interrupted. */
        abstract Ended run(Stage stage, Recipe recipe, Track track) throws ensure_image.Failed;
    }

    /** How a procedure ended, and what docker printed if it failed. */
    record Ended(boolean success, List<String> output) {
        static final Ended THERE = new Ended(true, List.of());
    }

    /** A procedure, and how its end is read: whether the caller is told that the image is there. */
    enum Strategy {
        NAIVE(Procedure.CHECK_THEN_BUILD, Ended::success),

        /** The rule as first decided. It acts as {@link #NAIVE} does, so both read the very same builds. */
        SUBSTRING(Procedure.CHECK_THEN_BUILD, ended -> ended.success()
            || ended.output().stream().anyMatch(line -> line.contains("already exists"))),

        ENSURE(Procedure.ENSURE_IMAGE, Ended::success);

        final Procedure procedure;
        private final Predicate<Ended> reading;

        Strategy(Procedure procedure, Predicate<Ended> reading) {
            this.procedure = procedure;
            this.reading = reading;
        }

        boolean falseFailure(Run run) {
            return !reading.test(run.ended()) && run.there();
        }

        boolean falseSuccess(Run run) {
            return reading.test(run.ended()) && !run.there();
        }

        /** What the caller is told, as the end of a bar. */
        Phase answer(Run run) {
            return !reading.test(run.ended()) ? Phase.FAILED
                    : run.track().race().isPresent() ? Phase.TOLERATED : Phase.THERE;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    // --------------------------------------------------------------------------------------------- scenarios

    /** What the builders find, and what they want. */
    enum Scenario {
        /** One folder, one tag, and the tag is missing. With the tag there, BuildKit updates it and cannot fail. */
        SAME {
            @Override
            Recipe prepare(Stage stage, Recipe fresh) throws ensure_image.Failed {
                stage.removeTag(fresh.reference());
                return fresh;
            }
        };

        /** Sets the engine up for a round, and returns what the builders want; {@code fresh} was never built before. */
        abstract Recipe prepare(Stage stage, Recipe fresh) throws ensure_image.Failed;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    // ------------------------------------------------------------------------------------------ ground truth

    /** What the engine holds, asked of the engine. */
    static final class Truth {
        private static final String FORMAT = "{{index .Config.Labels \"race-demo.round\"}}";

        private Truth() {
        }

        /** Whether the tag is there at this moment, on an image that was built from the recipe's inputs. */
        static boolean holds(Stage stage, Recipe recipe) throws ensure_image.Failed {
            String tag = recipe.reference().toString();
            while (true) {
                var seen = stage.docker("image", "inspect", "--format", FORMAT, tag);
                if (seen.status() == 0) {
                    return seen.out().contains(Stage.inputs(recipe));
                }
                if (stage.docker.lookUp(List.of(recipe.reference().toString()), Stage.watch()).isEmpty()) {
                    return false;
                }  // else it came in between
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ engine

    /** Where a run takes place: an engine, the demo's folder, and a name and label that nothing else there has. */
    static final class Stage implements AutoCloseable {
        static final Duration LIMIT = Duration.ofSeconds(120);
        private static final int ATTEMPTS = 5;
        private static final String THROWAWAY = "26.1";
        private static final String ROUND = "ROUND";
        private static final AtomicInteger ROUNDS = new AtomicInteger();

        final Docker docker;
        final Facts engine;
        final Clock clock = new Clock();
        private final with_docker.Engine throwaway;
        private final String id = String.format("%08x", ThreadLocalRandom.current().nextInt());
        private final Path folder;

        /** @param throwaway null for an engine that was there before */
        private Stage(Docker docker, Facts engine, with_docker.Engine throwaway) throws IOException {
            this.docker = docker;
            this.engine = engine;
            this.throwaway = throwaway;
            this.folder = Files.createTempDirectory("race_repro-");
            // From the script's own resources, so that it is there however the script was started.
            try (InputStream dockerfile = race_repro.class.getResourceAsStream("/race-demo/Dockerfile")) {
                Files.copy(dockerfile, folder.resolve("Dockerfile"));
            }
        }

        /** Opens the engine that the user named; else the current one if it can race; else a throwaway one. */
        static Stage open(String wanted, String command, Live live)
                throws ensure_image.Failed, IOException, InterruptedException {
            if (wanted.startsWith("throwaway")) {
                return throwaway(wanted, live);
            }
            if (!List.of("", "current").contains(wanted)) {
                throw usage("--engine is current, throwaway or throwaway:VERSION, not '" + wanted + "'");
            }
            String why;
            try {
                var docker = docker(command, System.getenv());
                Facts engine = Facts.of(docker);
                if (engine.canRace() || wanted.equals("current")) {
                    return new Stage(docker, engine, null);
                }
                why = Text.cannotRace(engine);
            } catch (ensure_image.Failed failed) {
                if (failed.code != ensure_image.ExitCode.NO_ENGINE || wanted.equals("current")) {
                    throw failed;
                }
                why = failed.getMessage();
            }
            live.tell(Text.throwaway(why));
            return throwaway("throwaway:" + THROWAWAY, live);
        }

        private static Stage throwaway(String wanted, Live live)
                throws ensure_image.Failed, IOException, InterruptedException {
            String version = wanted.equals("throwaway") ? THROWAWAY : wanted.replaceFirst("throwaway:", "");
            try {
                var engine = with_docker.start(new with_docker.Spec(version, with_docker.Store.CONTAINERD), live);
                var docker = docker(engine.docker().toString(), engine.environment());
                return new Stage(docker, Facts.of(docker), engine);
            } catch (IllegalArgumentException e) {
                throw usage(e.getMessage());
            } catch (with_docker.Failure e) {
                throw new ensure_image.Failed(ensure_image.ExitCode.NO_ENGINE, e.getMessage(), "");
            }
        }

        private static Docker docker(String command, Map<String, String> environment) {
            Map<String, String> own = new TreeMap<>(environment);
            own.put("BUILDKIT_PROGRESS", "plain");  // what Track reads
            return new Docker(command, own);
        }

        static ensure_image.Stopwatch watch() {
            return new ensure_image.Stopwatch(LIMIT, "race_repro");
        }

        Processes.Finished docker(String... arguments) throws ensure_image.Failed {
            return docker.run(watch(), List.of(arguments), line -> { });
        }

        String label() {
            return "race_repro.run=" + id;
        }

        /** ensure_image, as it comes; only that it leaves nothing in the user's cache. */
        ensure_image.Builder builder(Track track) {
            var freshness = new Freshness(docker, Cache.of(Map.of()));
            return new ensure_image.Builder(docker, freshness, ensure_image.Rule.IF_STALE, ATTEMPTS, LIMIT,
                    Optional.empty(), track);
        }

        /** What to build, with inputs that no build had before: its slow step is in no cache. */
        Recipe recipe(String base, double stepSeconds) throws ensure_image.Failed {
            Map<String, String> arguments = Map.of(ROUND, id + "." + ROUNDS.incrementAndGet(), "BASE", base,
                    "STEP_SECONDS", Double.toString(stepSeconds));
            return Recipe.of("race-repro-" + id, folder,
                    new Recipe.Options(arguments, Set.of(), null, null, List.of("--label", label())));
        }

        /** What tells the recipe's inputs from all others. */
        static String inputs(Recipe recipe) {
            return recipe.options().arguments().get(ROUND);
        }

        void removeTag(Reference reference) throws ensure_image.Failed {
            docker("image", "rm", "--force", reference.toString());
        }

        /** Removes what the run made; a throwaway engine goes with everything in it. */
        @Override
        public void close() throws ensure_image.Failed, IOException {
            boolean interrupted = Thread.interrupted();
            try (throwaway) {
                Files.delete(folder.resolve("Dockerfile"));
                Files.delete(folder);
                if (throwaway == null) {
                    removeAll();
                }
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        /** Removes until a listing is empty: after Ctrl-C clients are being ended, and a last build may come in. */
        private void removeAll() throws ensure_image.Failed {
            for (int attempt = 0; attempt < 10; attempt++) {
                var found = docker("image", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=" + label());
                if (found.status() == 0 && found.out().isEmpty()) {
                    return;
                }
                docker(Stream.concat(Stream.of("image", "rm", "--force"), found.out().stream().distinct())
                        .toArray(String[]::new));
            }
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "could not remove all the images that it made",
                    "They have the label " + label());
        }
    }

    /** An engine, and whether builds can race for a tag on it. */
    record Facts(String version, boolean containerdStore, String builder) {

        static Facts of(Docker docker) throws ensure_image.Failed {
            var info = docker.run(Stage.watch(), List.of("info", "--format",
                    "{{.ServerVersion}} {{json .DriverStatus}}"), line -> { });
            String[] words = (info.out().isEmpty() ? "" : info.out().get(0)).split(" ", 2);
            if (info.status() != 0 || words[0].isEmpty()) {
                throw docker.noEngine(info.err().isEmpty() ? "" : info.err().get(info.err().size() - 1));
            }
            var buildx = docker.run(Stage.watch(), List.of("buildx", "version", "--"), line -> { });
            String[] names = buildx.status() == 0 ? String.join(" ", buildx.out()).split(" ") : new String[0];
            return new Facts(words[0], words[1].contains("io.containerd.snapshotter"),
                    names.length > 1 ? "BuildKit through buildx " + names[1] : "legacy builder, there is no buildx");
        }

        boolean canRace() {
            return containerdStore && !hasFix();
        }

        /** BuildKit 0.28 has it, which first ships in Docker 29.3. */
        private boolean hasFix() {
            String[] numbers = version.split("[^0-9]+");
            return numbers.length > 1 && Integer.parseInt(numbers[0]) * 1000 + Integer.parseInt(numbers[1]) >= 29_003;
        }

        String why() {
            return !containerdStore ? "with the classic image store the last build takes the tag"
                    : hasFix() ? "BuildKit has the fix since Docker 29.3"
                    : "containerd image store, Docker before 29.3";
        }
    }

    // ------------------------------------------------------------------------------------ a builder's course

    /** Where a builder is. Each has its mark in the timeline, and an ANSI colour or 0. */
    enum Phase {
        WAITING(' ', ' ', 0), LOOKING_UP('.', '\u00b7', 0), BUILDING('-', '\u2591', 34), EXPORTING('=', '\u2592', 33),
        NAMING('#', '\u2588', 35), PAUSING('~', '~', 0), THERE('o', '\u2713', 32),
        TOLERATED('t', '\u2248', 32), FAILED('x', '\u2717', 31);

        private final char ascii;
        private final char unicode;
        final int colour;

        Phase(char ascii, char unicode, int colour) {
            this.ascii = ascii;
            this.unicode = unicode;
            this.colour = colour;
        }

        String mark(Terminal terminal) {
            return terminal.paint(colour, String.valueOf(terminal.unicode() ? unicode : ascii));
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** A phase that begins at this moment, in seconds since the start. */
    record Mark(Phase phase, double at) {
    }

    /** A race that a builder lost: the line that says so, and when the builder named the tag. */
    record Race(String line, double at) {
    }

    /** One builder's course through a round, read from its steps and from what docker prints. */
    static final class Track implements ensure_image.Events {
        private static final Pattern STAMP = Pattern.compile("#.* race-demo ran: [0-9a-f]{8}-[0-9a-f-]{27}");
        private static final Pattern EXPORT = Pattern.compile("#\\d+ (?:exporting to image|unpacking to .*)");
        private static final Pattern NAME = Pattern.compile("#\\d+ naming to .*");

        private final DoubleSupplier seconds;
        private final List<Mark> marks = new ArrayList<>(List.of(new Mark(Phase.WAITING, 0)));
        private final Set<String> stamps = new HashSet<>();
        private Race race;

        /** @param seconds the time since the start of the round */
        Track(DoubleSupplier seconds) {
            this.seconds = seconds;
        }

        @Override
        public void step(Recipe recipe, ensure_image.Step step) {
            enter(switch (step) {
                case LOOKING_UP -> Phase.LOOKING_UP;
                case WAITING -> Phase.WAITING;
                case BUILDING -> Phase.BUILDING;
                case NAMING -> Phase.NAMING;
                case PAUSING -> Phase.PAUSING;
            });
        }

        @Override
        public void tell(Recipe recipe, String message) {
            // Steps and output say it all.
        }

        @Override
        public synchronized void output(Recipe recipe, String line) {
            if (STAMP.matcher(line).find()) {
                stamps.add(line.substring(line.lastIndexOf(' ') + 1));
            } else if (EXPORT.matcher(line).matches()) {
                enter(Phase.EXPORTING);
            } else if (NAME.matcher(line).matches()) {
                enter(Phase.NAMING);
            } else if (race == null && Stream.of(FailureText.values())
                    .anyMatch(known -> known.kind == Verdict.Kind.CLAIMED
                            && known.pattern.matcher(line).matches())) {
                race = new Race(line, last().phase() == Phase.NAMING ? last().at() : seconds.getAsDouble());
            }
        }

        synchronized void enter(Phase phase) {
            if (last().phase() != phase) {
                marks.add(new Mark(phase, seconds.getAsDouble()));
            }
        }

        synchronized List<Mark> marks() {
            return List.copyOf(marks);
        }

        synchronized Mark last() {
            return marks.get(marks.size() - 1);
        }

        /** What each real run of the slow step printed. */
        synchronized Set<String> stamps() {
            return Set.copyOf(stamps);
        }

        synchronized Optional<Race> race() {
            return Optional.ofNullable(race);
        }
    }

    // ------------------------------------------------------------------------------------------------- table

    /** All that a run shows at its end. */
    record Report(Facts engine, List<Round> played, Set<Strategy> strategies, Terminal terminal) {

        List<String> lines() {
            Telling telling = Telling.of(played, strategies);
            List<String> lines = new ArrayList<>(List.of("", Text.TABLE_HEAD));
            strategies.stream().sorted().map(this::row).forEach(lines::add);
            lines.add("");
            lines.addAll(Text.legend(played.get(0).wall(), strategies));
            lines.add("");
            lines.addAll(new Timeline(telling, terminal).lines());
            lines.add("");
            lines.addAll(telling.firstRace().map(race -> Text.said(race.line())).orElse(Text.noRace(engine)));
            strategies.stream().sorted().map(strategy -> Text.conclusion(strategy, falseAnswers(strategy),
                    rounds(strategy).mapToInt(round -> round.runs().size()).sum())).forEach(lines::add);
            return lines;
        }

        boolean isFalse(Strategy strategy) {
            return strategies.contains(strategy) && falseAnswers(strategy) > 0;
        }

        private long falseAnswers(Strategy strategy) {
            return rounds(strategy).mapToLong(round -> new Telling(strategy, round).falseAnswers()).sum();
        }

        private String row(Strategy strategy) {
            List<Run> runs = rounds(strategy).flatMap(round -> round.runs().stream()).toList();
            double[] walls = rounds(strategy).mapToDouble(Round::wall).sorted().toArray();
            double median = (walls[(walls.length - 1) / 2] + walls[walls.length / 2]) / 2;
            return String.format(Locale.ROOT, "  %-10s %10s %s %s %10s %10.1fx", strategy,
                    Text.share(rounds(strategy).mapToLong(Round::lost).sum(), runs.size()),
                    falsely(runs, strategy::falseFailure), falsely(runs, strategy::falseSuccess),
                    rounds(strategy).mapToLong(Round::stepRuns).sum() + " in " + walls.length,
                    median / played.get(0).wall());
        }

        private String falsely(List<Run> runs, Predicate<Run> isFalse) {
            long count = runs.stream().filter(isFalse).count();
            return terminal.paint((count == 0 ? Phase.THERE : Phase.FAILED).colour,
                    String.format("%15s", Text.share(count, runs.size())));
        }

        private Stream<Round> rounds(Strategy strategy) {
            return played.stream().filter(round -> round.number() > 0 && round.procedure() == strategy.procedure);
        }
    }

    // ---------------------------------------------------------------------------------------------- timeline

    /** A round as a strategy reads it. */
    record Telling(Strategy strategy, Round round) {

        /** The most telling one: with the most false answers; then with the most lost races. */
        static Telling of(List<Round> played, Set<Strategy> strategies) {
            return strategies.stream().sorted(Comparator.reverseOrder()).flatMap(strategy -> played.stream()
                    .filter(round -> round.number() > 0 && round.procedure() == strategy.procedure)
                    .map(round -> new Telling(strategy, round)))
                    .max(Comparator.comparingLong(Telling::falseAnswers).thenComparing(one -> one.round().lost()))
                    .orElseThrow();
        }

        long falseAnswers() {
            return round.runs().stream().filter(this::isFalse).count();
        }

        boolean isFalse(Run run) {
            return strategy.falseFailure(run) || strategy.falseSuccess(run);
        }

        Optional<Race> firstRace() {
            return round.runs().stream().flatMap(run -> run.track().race().stream())
                    .min(Comparator.comparingDouble(Race::at));
        }
    }

    /** A round as a picture of 80 columns: a bar a builder, and the moment of the race. */
    record Timeline(Telling telling, Terminal terminal) {
        private static final int WIDTH = 52;
        private static final int MOST_BARS = 24;

        List<String> lines() {
            List<Run> runs = telling.round().runs();
            List<String> lines = new ArrayList<>(List.of(Text.timeline(telling), ""));
            for (int i = 0; i < Math.min(MOST_BARS, runs.size()); i++) {
                lines.add(String.format("  %2d %s %s", i + 1, bar(runs.get(i)), telling.strategy().answer(runs.get(i))
                        + (telling.isFalse(runs.get(i)) ? ", falsely" : "")));
            }
            if (runs.size() > MOST_BARS) {
                lines.add("     and " + (runs.size() - MOST_BARS) + " more");
            }
            String end = Text.seconds(telling.round().wall());
            lines.add("     0" + " ".repeat(WIDTH - 1 - end.length()) + end);
            telling.firstRace().ifPresent(race -> lines.add("     " + pointer(race.at())));
            lines.add("");
            Set<Phase> seen = EnumSet.noneOf(Phase.class);
            runs.forEach(run -> run.track().marks().forEach(mark -> seen.add(mark.phase())));
            runs.forEach(run -> seen.add(telling.strategy().answer(run)));
            lines.add(seen.stream().filter(phase -> phase != Phase.WAITING)
                    .map(phase -> phase.mark(terminal) + " " + phase).collect(Collectors.joining("  ", "     ", "")));
            return lines;
        }

        private String bar(Run run) {
            Phase[] cells = new Phase[WIDTH];
            Arrays.fill(cells, Phase.WAITING);
            int end = column(run.track().last().at());
            for (Mark mark : run.track().marks()) {
                int latest = mark.phase() == Phase.NAMING ? end - 1 : end;  // short, but what this is about
                Arrays.fill(cells, Math.max(0, Math.min(column(mark.at()), latest)), end, mark.phase());
            }
            cells[end] = telling.strategy().answer(run);
            return Stream.of(cells).map(phase -> phase.mark(terminal)).collect(Collectors.joining());
        }

        private int column(double seconds) {
            return Math.min(WIDTH - 1, (int) (seconds / telling.round().wall() * WIDTH));
        }

        private String pointer(double at) {
            int column = column(at);
            String text = "the race, at " + Text.seconds(at);
            String mark = terminal.paint(Phase.FAILED.colour, "^");
            return column > text.length() ? " ".repeat(column - text.length() - 1) + text + " " + mark
                    : " ".repeat(column) + mark + " " + text;
        }
    }

    // ----------------------------------------------------------------------------------------------- progress

    /** Progress: one line that is drawn over on a terminal, lines that stay elsewhere. */
    static final class Live implements with_docker.Progress, AutoCloseable {
        private final PrintWriter err;
        private final boolean live;
        private final Thread ticker = new Thread(this::tick, "progress");
        private String status = "";
        private List<Track> tracks = List.of();

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
        synchronized void show(String now, List<Track> builders) {
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

    /** All that a person reads. */
    static final class Text {
        static final String SEE_HELP = "See: race_repro --help";
        static final String BASE_HINT = "Is the base image there, or can it be pulled? Name another one with --base.";
        static final String TABLE_HEAD =
            "  strategy    lost race   false failure   false success  step runs   wall time";

        private Text() {
        }

        static String engine(Facts engine) {
            return "Docker " + ensure_image.Text.printable(engine.version()) + ", "
                    + (engine.containerdStore() ? "containerd" : "classic") + " image store, "
                    + ensure_image.Text.printable(engine.builder()) + "\nBuilds "
                    + (engine.canRace() ? "can" : "cannot") + " race for a tag here: " + engine.why();
        }

        static String cannotRace(Facts engine) {
            return "builds cannot race on the current engine, Docker " + ensure_image.Text.printable(engine.version())
                    + ": " + engine.why();
        }

        static String throwaway(String why) {
            return Character.toUpperCase(why.charAt(0)) + why.substring(1) + ". So this uses a throwaway engine.";
        }

        static String playing(Procedure procedure, int number) {
            return number == 0 ? "one lone build: " : "round " + number + ", " + strategies(procedure) + ": ";
        }

        static String phases(List<Track> tracks) {
            return tracks.stream().map(track -> track.last().phase()).collect(Collectors.groupingBy(phase -> phase,
                    () -> new EnumMap<>(Phase.class), Collectors.counting())).entrySet().stream()
                    .map(entry -> entry.getValue() + " " + entry.getKey()).collect(Collectors.joining(", "));
        }

        static String played(Round round) {
            return String.format(Locale.ROOT, "round %d, %-17s %s lost the race, %s", round.number(),
                    strategies(round.procedure()) + ":", share(round.lost(), round.runs().size()),
                    seconds(round.wall()));
        }

        private static String strategies(Procedure procedure) {
            return Stream.of(Strategy.values()).filter(strategy -> strategy.procedure == procedure)
                    .map(Strategy::toString).collect(Collectors.joining("/"));
        }

        static String outOfTime(int rounds, int of) {
            return "stopping after " + share(rounds, of) + " rounds, to keep it short; for all: -r " + of;
        }

        static String share(long count, int of) {
            return count + " of " + of;
        }

        static List<String> legend(double lone, Set<Strategy> strategies) {
            List<String> lines = new ArrayList<>(List.of(
                "  lost race      another builder named the tag first, \"already exists\"",
                "  false failure  the caller was told \"failed\", and the engine held the image",
                "  false success  the caller was told \"there\", and the engine did not hold it",
                "  step runs      how often the shared build step ran, in so many rounds",
                "  wall time      until the last answer, median; 1.0x is one lone build, " + seconds(lone)));
            if (strategies.containsAll(Set.of(Strategy.NAIVE, Strategy.SUBSTRING))) {
                lines.add("  naive and substring are two readings of the same builds");
            }
            return lines;
        }

        static String timeline(Telling telling) {
            int runs = telling.round().runs().size();
            return "The most telling round: " + telling.strategy() + ", round " + telling.round().number() + ". "
                    + share(telling.round().lost(), runs) + " lost the race, " + telling.falseAnswers() + " misled.";
        }

        static List<String> said(String line) {
            return List.of("What docker said to the first who lost:", ensure_image.Text.quoted(line), "");
        }

        static List<String> noRace(Facts engine) {
            return List.of(engine.canRace() ? "Nobody lost a race this time. Try more rounds: -r 20"
                    : "Nobody lost a race: " + engine.why(), "");
        }

        static String conclusion(Strategy strategy, long falseAnswers, int runs) {
            return String.format("%-10s %s", strategy, falseAnswers == 0 ? "told all " + runs + " builders the truth"
                    : "told " + share(falseAnswers, runs) + " builders something false");
        }

        static String seconds(double seconds) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
    }
}
