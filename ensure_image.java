///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Ensures that the engine holds a Docker image, builds it if missing or stale, also from many processes at once
//JAVA 17+
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//SOURCES src/ensureimage/Cache.java
//SOURCES src/ensureimage/Freshness.java
//SOURCES src/ensureimage/SingleFlight.java
//SOURCES src/ensureimage/engine/Docker.java
//SOURCES src/ensureimage/engine/EngineFacts.java
//SOURCES src/ensureimage/engine/EngineSocket.java
//SOURCES src/ensureimage/engine/KnownLine.java
//SOURCES src/ensureimage/engine/Processes.java
//SOURCES src/ensureimage/engine/Verdict.java
//SOURCES src/ensureimage/recipe/Fingerprint.java
//SOURCES src/ensureimage/recipe/ImageCollection.java
//SOURCES src/ensureimage/recipe/Recipe.java
//SOURCES src/ensureimage/recipe/Reference.java
//SOURCES src/ensureimage/report/RunReport.java
//SOURCES src/ensureimage/report/Terminal.java
//COMPILE_OPTIONS -XDstringConcat=inline

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Ensures that the engine holds an image built from just these inputs: looks it up, builds it if it is missing or
 * stale, and takes a lost race for what it is, a success.
 *
 * <p>The rule it keeps: a message of {@code docker} only opens a question. The answer is always looked up in the
 * engine, by the fingerprint of the inputs that every image carries as a label. So there is no success without the
 * right image, and no failure because somebody else was faster.
 */
@Command(name = "ensure_image", versionProvider = ensure_image.About.class,
        sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = {
            "ensure_image [OPTIONS] REF[=DIR]... [-- DOCKER BUILD OPTIONS...]",
            "       ensure_image [OPTIONS] --all [-- DOCKER BUILD OPTIONS...]"},
        description = {"", "Ensures that the engine holds the image REF, built from what is in its folder now: "
                + "builds it if it is missing or stale. Safe to run many times at once: whoever loses the race for the tag succeeds "
                + "too.",
            ""},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            " 0:every image is there and current",
            " 2:bad usage: reference, option, Dockerfile or context",
            "10:a build failed",
            "11:with --check: an image is missing or stale",
            "69:no engine: docker not installed, not running, or no permission",
            "75:gave up after the last attempt at a transient failure",
            "124:timed out",
            "130:interrupted"},
        footerHeading = "%nExamples:%n",
        footer = {
            "  ensure_image app-test:1                     from images/app-test/1/",
            "  ensure_image app-test=docker/test           from docker/test/",
            "  ensure_image app-test=. -f test.Dockerfile  from another Dockerfile",
            "  ensure_image --all                          everything in images/, bases first",
            "  IMAGE=$(ensure_image -q app-test)           the image ID, for docker run",
            "  ensure_image --check app-test               tells what is stale and why",
            "  ensure_image app-test -- --network host     options for docker build",
            "  source <(ensure_image --completion)         completion, for bash and zsh"})
public final class ensure_image implements Callable<Integer> {

    static final String VERSION = "0.1.0";
    private static final Duration ABOUT_LIMIT = Duration.ofSeconds(30);
    private static final Set<String> FLAGS = Set.of("-q", "--quiet", "--all", "--if-missing", "--single-flight");
    private static final int BUG = 70; // as ExitCode.BUG, for when that class cannot be loaded

    // ------------------------------------------------------------------------------------------------ options

    @Parameters(arity = "0..*", paramLabel = "REF[=DIR]",
            description = "Image reference, NAME[:TAG]. DIR is its build context; by default REF names it: "
                    + "images/NAME/TAG/, else images/NAME/ if the tag is 'latest' or that folder holds the Dockerfile.")
    private List<String> arguments = List.of();

    @Option(names = {"-a", "--all"}, description = "Every image of the collection, the folder of --images.")
    private boolean all;

    @Option(names = "--images", paramLabel = "DIR",
            description = "The collection: where the folders of the images are (default: ${DEFAULT-VALUE}). An image "
                    + "that is built FROM another one of it is built after that one, and becomes stale with it.")
    private Path images = Path.of("images");

    @ArgGroup(validate = false, heading = "%nWhat it is built from:%n")
    private final Inputs inputs = new Inputs();

    @ArgGroup(exclusive = true, heading = "%nWhen it is built (default: if it is missing or stale):%n")
    private When when = new When();

    @ArgGroup(validate = false, heading = "%nMany at once:%n")
    private final Crowd crowd = new Crowd();

    @ArgGroup(validate = false, heading = "%nWhat is printed:%n")
    private final Output output = new Output();

    @ArgGroup(validate = false, heading = "%nOther options:%n")
    private final Others others = new Others();

    static final class Inputs {
        @Option(names = {"-f", "--file"}, paramLabel = "FILE",
                description = "Dockerfile (default: DIR/Dockerfile); - reads it from stdin.")
        private Path dockerfile;

        @Option(names = "--build-arg", paramLabel = "NAME[=VALUE]",
                description = "Build argument, without VALUE from the environment; may be repeated.")
        private List<String> arguments = List.of();

        @Option(names = "--target", paramLabel = "STAGE", description = "Stage of the Dockerfile to build.")
        private String target;

        @Option(names = "--platform", paramLabel = "OS/ARCH", description = "Platform to build for.")
        private String platform;
    }

    static final class When {
        @Option(names = "--check",
                description = "Only report what is missing or stale, and why; exit 11 if anything is.")
        private boolean check;

        @Option(names = "--if-missing", description = "Whatever image is under the reference will do.")
        private boolean ifMissing;

        @Option(names = "--force", description = "Build, whatever is there.")
        private boolean force;

        Rule rule() {
            return force ? Rule.ALWAYS : ifMissing ? Rule.IF_MISSING : Rule.IF_STALE;
        }
    }

    static final class Crowd {
        @Option(names = {"-j", "--jobs"}, paramLabel = "N",
                description = "How many images at once (default: the number of processors).")
        private int jobs = Runtime.getRuntime().availableProcessors();

        @Option(names = "--attempts", paramLabel = "N",
                description = "How often to build when the tag is lost to others or an export fails for a passing "
                        + "reason (default: ${DEFAULT-VALUE}).")
        private int attempts = 5;

        @Option(names = "--timeout", paramLabel = "SECONDS",
                description = "Limit for one image, attempts and waits included (default: ${DEFAULT-VALUE}).")
        private int timeoutSeconds = 300;

        @Option(names = "--single-flight", description = "Let one process on this machine build, the others that want "
                + "the same from the same inputs wait for it: saves work, changes no outcome.")
        private boolean singleFlight;

        @Option(names = "--wait", paramLabel = "SECONDS",
                description = "With --single-flight: how long to wait before building anyway (default: "
                        + "${DEFAULT-VALUE}).")
        private int waitSeconds = 120;
    }

    static final class Output {
        @Option(names = {"-q", "--quiet"}, description = "Only the image IDs, one a line.")
        private boolean quiet;

        @Option(names = "--format", paramLabel = "text|json",
                description = "json: one object a line for every image.")
        private String format = "text";

        @Option(names = {"-v", "--verbose"}, description = "The output of every build, and stack traces.")
        private boolean verbose;
    }

    static final class Others {
        @Option(names = "--docker", paramLabel = "COMMAND",
                description = "The docker command line client, or podman (default: ${DEFAULT-VALUE}).")
        private String docker = "docker";

        @Option(names = "--completion", description = "Print the completion for bash and zsh.")
        private boolean completion;

        @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
        private boolean help;

        @Option(names = {"-V", "--version"}, versionHelp = true,
                description = "Print the version; with --verbose all that a report of a mistake needs.")
        private boolean version;
    }

    @Spec
    private CommandSpec spec;

    private List<String> given = List.of();
    private List<String> passThrough = List.of();

    public static void main(String... arguments) {
        int status = BUG;
        try {
            status = execute(arguments);
        } catch (Throwable e) { // too few file descriptors to load classes, for example
            System.err.println(e);
        } finally {
            System.exit(status);
        }
    }

    /** Runs the command line and returns its exit status; what follows {@code --} goes to {@code docker build}. */
    static int execute(String... arguments) {
        List<String> all = Arrays.asList(arguments);
        int separator = all.indexOf("--");
        ensure_image script = new ensure_image();
        script.passThrough = separator < 0 ? List.of() : all.subList(separator + 1, all.size());
        script.given = separator < 0 ? all : all.subList(0, separator);
        return script.takesAsIs(script.given) ? script.call() : Parser.run(script);
    }

    /**
     * Takes a command line that has only references and flags, and says whether it was one. It spares picocli, whose
     * loading takes longer than all else of a run in which nothing changed.
     */
    boolean takesAsIs(List<String> line) {
        Set<String> flags = new HashSet<>();
        List<String> references = new ArrayList<>();
        for (String word : line) {
            if (!word.isEmpty() && !word.startsWith("-") && !word.startsWith("@")) {
                references.add(word);
            } else if (!FLAGS.contains(word) || !flags.add(word.equals("-q") ? "--quiet" : word)) {
                return false;
            }
        }
        arguments = references;
        all = flags.contains("--all");
        when.ifMissing = flags.contains("--if-missing");
        crowd.singleFlight = flags.contains("--single-flight");
        output.quiet = flags.contains("--quiet");
        return true;
    }

    /** All other command lines. */
    private static final class Parser {
        static int run(ensure_image script) {
            return new CommandLine(script)
                    .setParameterExceptionHandler((e, ignored) -> {
                        script.report(new Failed(ExitCode.USAGE, Text.mistake(e), Text.didYouMean(e)));
                        return ExitCode.USAGE.status;
                    })
                    .execute(script.given.toArray(String[]::new));
        }

        static int completion(CommandLine commandLine) {
            commandLine.getOut().println(AutoComplete.bash("ensure_image", commandLine));
            return ExitCode.ENSURED.status;
        }
    }

    @Override
    public Integer call() {
        try {
            return others.completion ? Parser.completion(spec.commandLine()) : ensure().status;
        } catch (Exception e) {
            return report(e).status;
        }
    }

    private ExitCode ensure() throws Failed {
        checkOptions();
        Docker docker = new Docker(others.docker, System.getenv());
        Recipe.Options options = Recipe.Options.of(inputs.arguments, inputs.target, inputs.platform, passThrough,
                docker.environment());
        List<Images.Image> wanted = new Images(images, options).wanted(all, arguments, inputs.dockerfile);
        Cache cache = Cache.of(System.getenv());
        Reports.Style style = new Reports.Style(output.format, output.quiet, output.verbose);
        try (Report report = Reports.of(style)) {
            Builder builder = new Builder(docker, new Freshness(docker, cache), when.rule(), crowd.attempts,
                    Duration.ofSeconds(crowd.timeoutSeconds), flights(cache), report);
            return new Run(builder, when.check, new Semaphore(crowd.jobs), report).all(wanted);
        }
    }

    private void checkOptions() throws Failed {
        for (String argument : given) {
            Recipe.requireReadable("an argument", argument);
        }
        if (arguments.isEmpty() && !all) {
            throw new Failed(ExitCode.USAGE, Text.NO_REFERENCE, Text.SEE_HELP);
        }
        if (!arguments.isEmpty() && all) {
            throw new Failed(ExitCode.USAGE, "--all names every image, but there are references too", Text.SEE_HELP);
        }
        if (inputs.dockerfile != null && (all || arguments.size() > 1)) {
            throw new Failed(ExitCode.USAGE, "--file names one Dockerfile, but there are several references", "");
        }
        if (Stream.of(crowd.attempts, crowd.timeoutSeconds, crowd.jobs, crowd.waitSeconds).anyMatch(n -> n < 1)) {
            throw new Failed(ExitCode.USAGE, "--attempts, --timeout, --jobs and --wait take numbers from 1", "");
        }
    }

    /** What {@code --version} prints: with {@code --verbose}, also what it runs on. */
    static final class About implements IVersionProvider {
        @Spec
        private CommandSpec spec;

        @Override
        public String[] getVersion() {
            String own = "ensure_image " + VERSION;
            ensure_image script = (ensure_image) spec.userObject();
            return script.output.verbose
                    ? new String[] {own, "Java " + System.getProperty("java.runtime.version") + ", "
                            + System.getProperty("os.name") + " " + System.getProperty("os.arch"),
                        jbang(), engine(script)}
                    : new String[] {own};
        }

        /** What jbangw says that it is; else what is on PATH, for a JVM cannot tell what started it. */
        private static String jbang() {
            String known = System.getenv("JBANGW_JBANG");
            if (known != null) {
                return "JBang " + Text.printable(known) + ", through jbangw";
            }
            try {
                return new Processes.Command(List.of("jbang", "version"), Map.of(), new byte[0])
                        .run(ABOUT_LIMIT, line -> {}).out().stream().findFirst()
                        .map(version -> "JBang " + Text.printable(version) + " on PATH").orElse("JBang ?");
            } catch (IOException | TimeoutException e) {
                return "JBang: none on PATH";
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return "JBang ?";
            }
        }

        private static String engine(ensure_image script) {
            try {
                Docker docker = new Docker(script.others.docker, System.getenv());
                return EngineFacts.of(docker, new Stopwatch(ABOUT_LIMIT, "the version")).toString();
            } catch (Failed e) {
                return e.getMessage();
            }
        }
    }

    private Optional<SingleFlight> flights(Cache cache) {
        if (!crowd.singleFlight) {
            return Optional.empty();
        }
        return Optional.of(new SingleFlight(cache.folder("flights"), Duration.ofSeconds(crowd.waitSeconds)));
    }

    /** Shows a failure that belongs to no image in one or two lines: what failed, what to do. */
    private ExitCode report(Exception e) {
        Failed failed = e instanceof Failed known ? known
                : new Failed(ExitCode.BUG, "unexpected: " + Text.printable(e), Text.SEE_HELP);
        PrintWriter err = new PrintWriter(System.err, true);
        err.println(Text.error(failed.getMessage()));
        if (!failed.hint.isEmpty()) {
            err.println(failed.hint);
        }
        if (output.verbose && failed.code != ExitCode.USAGE) {
            e.printStackTrace(err);
        }
        return failed.code;
    }

    // -------------------------------------------------------------------------------------------- many images

    /** Several images, each after its bases, some at a time: who waits for a base is not one of them. */
    record Run(Builder builder, boolean check, Semaphore jobs, Report report) {

        /**
         * Ensures them all and returns the worst outcome. One's failure stops what is built on it and nothing else,
         * except that nothing goes on without an engine.
         *
         * @param images bases before what is built on them
         */
        ExitCode all(List<Images.Image> images) {
            report.begin(images);
            if (images.size() > 1) {
                builder.lookAhead(images.stream().map(Images.Image::recipe).toList());
            }
            ExecutorService pool = Executors.newFixedThreadPool(images.size());
            try {
                Map<Reference, Future<Result>> results = new ConcurrentHashMap<>();
                for (Images.Image image : images) {
                    results.put(image.reference(), pool.submit(() -> {
                        try {
                            return one(image, results);
                        } finally {
                            report.done(image);
                        }
                    }));
                }
                ExitCode worst = ExitCode.ENSURED;
                for (Images.Image image : images) {
                    worst = ExitCode.worse(worst, show(image, results.get(image.reference())));
                    if (worst.endsAll) {
                        break;
                    }
                }
                return worst;
            } finally {
                pool.shutdownNow();
            }
        }

        private ExitCode show(Images.Image image, Future<Result> future) {
            try {
                Result result = join(future);
                report.ended(image, result);
                return result.outcome().code;
            } catch (Failed failed) {
                report.failed(image, failed);
                return failed.code;
            }
        }

        /** One image on its bases; again, with its bases, if one of them was replaced while it was built. */
        private Result one(Images.Image image, Map<Reference, Future<Result>> results) throws Failed {
            for (int round = 1;; round++) {
                SortedMap<String, String> bases = new TreeMap<>();
                for (Images.Image base : image.bases()) {
                    Result result = round == 1 ? base(image, results.get(base.reference())) : one(base, results);
                    bases.put(base.reference().toString(), result.fingerprint());
                }
                try {
                    return one(image.recipe().on(bases));
                } catch (BaseReplaced e) {
                    if (round == builder.attempts()) {
                        throw e;
                    }
                }
            }
        }

        private Result one(Recipe recipe) throws Failed {
            try {
                jobs.acquire();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Text.interrupted();
            }
            try {
                return check ? builder.check(recipe) : builder.ensure(recipe);
            } finally {
                jobs.release();
            }
        }

        private static Result base(Images.Image image, Future<Result> base) throws Failed {
            try {
                return join(base);
            } catch (Failed failed) {
                throw Text.baseFailed(image.recipe(), failed);
            }
        }

        static <T> T join(Future<T> future) throws Failed {
            try {
                return future.get();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Text.interrupted();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof Failed failed) {
                    throw failed;
                }
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ the loop

    /** What happens to an image on the way, for whoever watches; from several threads. */
    interface Events {
        /** A step of the loop begins. */
        default void step(Recipe recipe, Step step) {
        }

        /** A line that docker printed while it built. */
        default void output(Recipe recipe, String line) {
        }

        /** Something that a person wants to know, in one short sentence. */
        void tell(Recipe recipe, String message);
    }

    /** How a whole run is shown. */
    interface Report extends Events, AutoCloseable {
        /** Before anything else; bases come before what is built on them. */
        void begin(List<Images.Image> images);

        /** Nothing is being done for an image any more. Its outcome follows when those before it have ended. */
        void done(Images.Image image);

        /** An image is ensured or, with {@code --check}, looked up. In the order of {@link #begin}. */
        void ended(Images.Image image, Result result);

        void failed(Images.Image image, Failed failed);

        @Override
        void close();
    }

    /** Where the loop is. */
    enum Step { LOOKING_UP, WAITING, BUILDING, NAMING, PAUSING }

    /** When an image that is there will do. */
    enum Rule { IF_MISSING, IF_STALE, ALWAYS }

    /** One process that wants the image: looks it up, builds it, and judges by what the engine holds, not by words. */
    record Builder(Docker docker, Freshness freshness, Rule rule, int attempts, Duration timeout,
            Optional<SingleFlight> flights, Events events) {

        /**
         * Ensures that the engine holds the recipe's image, built from what its inputs are now.
         *
         * @throws Failed if it does not: the build failed, the engine is away, time or attempts ran out
         */
        Result ensure(Recipe recipe) throws Failed {
            Stopwatch watch = new Stopwatch(timeout, recipe.reference());
            Outcome ifThere = Outcome.PRESENT;
            boolean owed = rule == Rule.ALWAYS;
            Verdict verdict = null;
            for (int builds = 0;;) {
                Freshness.Found found = lookUp(recipe, rule, watch);
                if (found.isCurrent() && !owed) {
                    return new Result(recipe, ifThere, found, builds, watch.elapsed());
                }
                if (builds == attempts) {
                    throw Text.gaveUp(recipe, found, verdict, attempts, watch.elapsed());
                }
                if (verdict != null && verdict.kind() == Verdict.Kind.CLAIMED && found.isStale()) { // by another folder
                    pause(recipe, Text.TAKEN, builds, watch);
                }
                Fingerprints.Fingerprint inputs = freshness.fingerprint(found);
                try (SingleFlight.Turn turn = turn(recipe, inputs, watch)) {
                    if (turn.kind() == SingleFlight.Kind.LANDED) {
                        ifThere = Outcome.BUILT_BY_ANOTHER;
                        owed = false;
                        continue;
                    }
                    events.tell(recipe, Text.building(recipe, found, ++builds, attempts));
                    verdict = buildAndName(recipe, inputs, watch);
                    switch (verdict.kind()) {
                        case DONE -> {
                            turn.succeeded();
                            return new Result(recipe, found.isMissing() ? Outcome.BUILT : Outcome.REBUILT,
                                    found.as(verdict.id(), inputs), builds, watch.elapsed());
                        }
                        case CLAIMED -> {
                            turn.succeeded(); // as far as those who wait are concerned: they look it up themselves
                            events.tell(recipe, Text.claimed(verdict));
                            ifThere = Outcome.BUILT_BY_ANOTHER;
                            owed = false;
                        }
                        case TRANSIENT -> pause(recipe, Text.passing(verdict), builds, watch);
                        case INPUTS_CHANGED -> events.tell(recipe, Text.INPUTS_CHANGED);
                        case INTERRUPTED -> throw Text.interrupted();
                        case NO_ENGINE -> throw docker.noEngine(verdict.line());
                        case FAILED -> {
                            freshness.checkBases(recipe, watch); // it may have failed for want of one
                            if (verdict.missedOneOf(recipe.bases().keySet())) {
                                throw new BaseReplaced(Text.buildFailed(recipe, verdict));
                            }
                            turn.failed();
                            if (owed || !lookUp(recipe, Rule.IF_STALE, watch).isCurrent()) {
                                throw Text.buildFailed(recipe, verdict);
                            }
                            events.tell(recipe, recipe.options().redacted(Text.unknown(verdict)));
                            ifThere = Outcome.BUILT_BY_ANOTHER;
                        }
                    }
                }
            }
        }

        /** What {@link #ensure} would find, without building anything. */
        Result check(Recipe recipe) throws Failed {
            Stopwatch watch = new Stopwatch(timeout, recipe.reference());
            Freshness.Found found = lookUp(recipe, Rule.IF_STALE, watch);
            if (!found.isCurrent()) { // what is built on it is to be compared with what it would become
                found = found.as(Optional.empty(), freshness.fingerprint(found));
            }
            Outcome outcome = found.isCurrent() ? Outcome.PRESENT : found.isStale() ? Outcome.STALE : Outcome.MISSING;
            return new Result(recipe, outcome, found, 0, watch.elapsed());
        }

        /** Looks all up at once. What goes wrong, each of them will meet and tell. */
        void lookAhead(List<Recipe> recipes) {
            try {
                freshness.lookAhead(recipes, new Stopwatch(timeout, "all images"));
            } catch (Failed failed) {
                return;
            }
        }

        private Freshness.Found lookUp(Recipe recipe, Rule rule, Stopwatch watch) throws Failed {
            events.step(recipe, Step.LOOKING_UP);
            return freshness.find(recipe, rule, watch);
        }

        /**
         * Builds without a name, and names the image when it is known that it is what its label says. So nobody ever
         * finds an image under the tag whose inputs changed while they were read, and the image that had the tag before
         * keeps its ID: the engine's own tag code keeps it, BuildKit would drop it (Docker 26.1, 28.5, containerd).
         */
        private Verdict buildAndName(Recipe recipe, Fingerprints.Fingerprint inputs, Stopwatch watch) throws Failed {
            events.step(recipe, Step.BUILDING);
            Docker.Built built = docker.build(recipe, inputs.value(), watch,
                    line -> events.output(recipe, recipe.options().redacted(line)));
            Verdict verdict = Verdict.of(built.process(), recipe.reference());
            List<String> ids = built.ids().isEmpty() ? verdict.id().stream().toList() : built.ids();
            if (ids.isEmpty()) {
                return verdict.kind() == Verdict.Kind.DONE ? verdict.as(Verdict.Kind.FAILED) : verdict;
            }
            if (!freshness.unchanged(recipe, inputs)) {
                return verdict.as(Verdict.Kind.INPUTS_CHANGED);
            }
            freshness.checkBases(recipe, watch);
            events.step(recipe, Step.NAMING);
            return name(recipe, ids, watch);
        }

        /**
         * Names the image by the first of its IDs that the engine knows, and looks whether it is still there then. While
         * others take the tag for images of theirs, the engine can drop ours with it: its tag code deletes the name
         * without looking again whose it is by then (Docker 26.1, {@code daemon/containerd/image_tag.go}).
         */
        private Verdict name(Recipe recipe, List<String> ids, Stopwatch watch) throws Failed {
            Verdict verdict = null;
            for (String id : ids) {
                verdict = Verdict.of(docker.tag(id, recipe.reference(), watch), recipe.reference()).on(id);
                if (verdict.kind() == Verdict.Kind.DONE && docker.lookUp(List.of(id), watch).isEmpty()) {
                    return verdict.as(Verdict.Kind.CLAIMED);
                }
                if (verdict.kind() != Verdict.Kind.TRANSIENT) {
                    break;
                }
            }
            return verdict;
        }

        private SingleFlight.Turn turn(Recipe recipe, Fingerprints.Fingerprint inputs, Stopwatch watch) throws Failed {
            if (flights.isEmpty()) {
                return SingleFlight.ALONE;
            }
            events.step(recipe, Step.WAITING);
            String key = String.join("\n", docker.engine(), recipe.reference().toString(), inputs.value());
            try {
                return flights.get().turn(key, watch.left(), message -> events.tell(recipe, message));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Text.interrupted();
            }
        }

        private void pause(Recipe recipe, String why, int builds, Stopwatch watch) throws Failed {
            events.tell(recipe, why);
            events.step(recipe, Step.PAUSING);
            watch.pause(builds);
        }
    }

    /** Time spent on one image against its limit. */
    static final class Stopwatch {
        private final long start = System.nanoTime();
        private final Duration limit;
        private final Object subject;

        Stopwatch(Duration limit, Object subject) {
            this.limit = limit;
            this.subject = subject;
        }

        Duration elapsed() {
            return Duration.ofNanos(System.nanoTime() - start);
        }

        Duration left() {
            return limit.minus(elapsed());
        }

        /** A short random pause, so that builders that collided once do not collide again; longer every time. */
        void pause(int attempt) throws Failed {
            try {
                Thread.sleep(ThreadLocalRandom.current().nextLong(50, 50 + 200L * attempt));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Text.interrupted();
            }
        }
    }

    // --------------------------------------------------------------------------------- outcomes and exit codes

    /** How an image came to be there; or, with {@code --check}, what is the matter with it. */
    enum Outcome {
        PRESENT, BUILT, REBUILT, BUILT_BY_ANOTHER, MISSING(ExitCode.NOT_CURRENT), STALE(ExitCode.NOT_CURRENT);

        final ExitCode code;

        Outcome() {
            this(ExitCode.ENSURED);
        }

        Outcome(ExitCode code) {
            this.code = code;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** What was found when the image was last looked up, after so many builds of our own. */
    record Result(Recipe recipe, Outcome outcome, Freshness.Found found, int builds, Duration took) {

        String id() {
            return found.id();
        }

        String fingerprint() {
            return found.fingerprint();
        }
    }

    /** Exit statuses, mildest first. Never 1, 3 or 4: those are JBang's own. */
    enum ExitCode {
        ENSURED(0),
        /** With {@code --check}: missing or stale. */
        NOT_CURRENT(11),
        /** The last attempt at a failure that passes by itself failed too. */
        GAVE_UP(75),
        TIMED_OUT(124),
        /** The build failed for a reason of its own. */
        BUILD_FAILED(10),
        USAGE(2),
        /** docker is not installed, the engine is not running, or does not let us in. */
        NO_ENGINE(69),
        INTERRUPTED(130),
        /** A mistake of this script. */
        BUG(70);

        final int status;
        /** Nothing that comes after it can succeed. */
        final boolean endsAll;

        ExitCode(int status) {
            this.status = status;
            this.endsAll = status == 69 || status == 130 || status == 70;
        }

        static ExitCode worse(ExitCode a, ExitCode b) {
            return Stream.of(a, b).max(Comparator.naturalOrder()).orElseThrow();
        }
    }

    /** The image could not be ensured: what failed, on what, why; what to do next; what the build printed. */
    static class Failed extends Exception {
        private static final long serialVersionUID = 1L;
        final transient ExitCode code;
        final String hint;
        final transient List<String> output;

        Failed(ExitCode code, String message, String hint) {
            this(code, message, hint, List.of());
        }

        Failed(ExitCode code, String message, String hint, List<String> output) {
            super(message);
            this.code = code;
            this.hint = hint;
            this.output = output;
        }
    }

    /** An image was built on one that had another one's name by then, or on one that had none at that moment. */
    static final class BaseReplaced extends Failed {
        private static final long serialVersionUID = 1L;

        BaseReplaced(Recipe recipe, String base) {
            super(ExitCode.GAVE_UP, "gave up: " + recipe.reference() + ": its base " + base
                    + " keeps being replaced while it is built", "Does another folder share that tag?");
        }

        /** @param build which did not find the base; if that stays so, it is the failure */
        BaseReplaced(Failed build) {
            super(build.code, build.getMessage(), build.hint, build.output);
        }
    }

    // ------------------------------------------------------------------------------------------------ wording

    /** All that a person reads. */
    static final class Text {
        static final String SEE_HELP = "See: ensure_image --help";
        static final String NO_REFERENCE = "no reference: which image?";
        static final String DOCKERFILE_HINT = "Name another one with --file, or another folder with REF=DIR.";
        static final String PERMISSION_HINT = "Run as a user of the group 'docker', or set DOCKER_HOST.";
        static final String ENGINE_HINT = "Start it, or set DOCKER_HOST. To see its state: docker version";
        static final String DOCKER_HINT = "Install the docker client, or name one with --docker.";
        static final String TAKEN = "another image took the tag, trying again";
        static final String INPUTS_CHANGED = "its inputs changed while it was built, building again";
        static final String NOT_OURS = "it was not built by ensure_image";
        static final String TIMEOUT_HINT = "Allow more with --timeout SECONDS.";

        private static final Pattern COLOUR = Pattern.compile("\u001b\\[[0-9;]*m");
        private static final Set<Byte> UNPRINTABLE = Set.of(Character.CONTROL, Character.FORMAT, Character.SURROGATE,
                Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR);

        private Text() {
        }

        static String mistake(ParameterException e) {
            return printable(e.getMessage()).replaceFirst("^Error: ", "");
        }

        static String didYouMean(ParameterException e) {
            List<String> nearest = e instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions()
                    : List.of();
            return nearest.isEmpty() ? SEE_HELP : "Did you mean " + String.join(" or ", nearest) + "?";
        }

        static String error(String message) {
            return "ensure_image: " + message;
        }

        static String event(Recipe recipe, String message) {
            return recipe.reference() + ": " + message;
        }

        static String building(Recipe recipe, Freshness.Found found, int attempt, int attempts) {
            String why = found.isStale() ? stale(found) + "; " : "";
            return why + "building from " + printable(recipe.context())
                    + (attempt == 1 ? "" : " (attempt " + attempt + " of " + attempts + ")");
        }

        static String stale(Freshness.Found found) {
            return found.why().isEmpty() ? "stale" : "stale: " + found.why();
        }

        static String claimed(Verdict verdict) {
            return "another build named it first, looking it up (" + printable(verdict.line()) + ")";
        }

        static String passing(Verdict verdict) {
            return "a passing failure, trying again (" + printable(verdict.line()) + ")";
        }

        static String unknown(Verdict verdict) {
            return "warning: the build failed, but another one of the same inputs made the image meanwhile ("
                    + printable(verdict.line()) + ")";
        }

        static String result(Result result) {
            String what = result.outcome().code == ExitCode.NOT_CURRENT ? result.found().why() : result.id();
            return String.format(Locale.ROOT, "%-16s  %s  %s", result.outcome(), result.recipe().reference(), what)
                    .strip() + (result.builds() == 0 ? "" : "  " + seconds(result.took()));
        }

        static Failed buildFailed(Recipe recipe, Verdict verdict) {
            Processes.Finished build = verdict.process();
            if (build.status() == 0) {
                return new Failed(ExitCode.BUILD_FAILED, "the build made no image: " + where(recipe),
                        "Is the builder one that does not load images? Try: -- --load", build.err());
            }
            List<String> output = new ArrayList<>(build.out());
            output.addAll(build.err());
            String what = verdict.id().isPresent() ? "the image cannot be named: " : "build failed: ";
            output.replaceAll(recipe.options()::redacted);
            return new Failed(ExitCode.BUILD_FAILED, what + where(recipe) + ", after "
                    + seconds(build.took()) + ", docker's exit status " + build.status(), "", output);
        }

        static Failed baseFailed(Recipe recipe, Failed base) {
            return new Failed(base.code, "not built: " + where(recipe) + ": what it is built on failed", "");
        }

        /** @param last how the last attempt ended */
        static Failed gaveUp(Recipe recipe, Freshness.Found found, Verdict last, int attempts, Duration took) {
            String but = switch (last.kind()) {
                case TRANSIENT -> "the last time " + printable(last.line());
                case INPUTS_CHANGED -> "its inputs changed meanwhile, each time";
                default -> found.isStale() ? "the engine holds another image under that tag"
                        : "the engine does not hold it";
            };
            String hint = switch (last.kind()) {
                case TRANSIENT -> "It may pass when less is going on. Allow more with --attempts N.";
                case INPUTS_CHANGED -> "What writes to the context? Leave that out with a .dockerignore file.";
                default -> found.isStale() ? "Does another folder share the tag?"
                        : "Is something removing it meanwhile?";
            };
            return new Failed(ExitCode.GAVE_UP, "gave up: " + where(recipe) + ": built " + attempts
                    + (attempts == 1 ? " time in " : " times in ") + seconds(took) + ", but " + but, hint);
        }

        static Failed timedOut(Stopwatch watch, String what) {
            return new Failed(ExitCode.TIMED_OUT, "timed out after " + seconds(watch.limit) + ": " + watch.subject
                    + ": docker " + printable(what), TIMEOUT_HINT);
        }

        static Failed silent(Processes.Finished process) {
            return new Failed(ExitCode.NO_ENGINE,
                    "docker image inspect did not answer: it printed nothing that is known "
                            + "and ended with status " + process.status(),
                    ENGINE_HINT);
        }

        static Failed noTemporaryFolder(UncheckedIOException e) {
            return new Failed(ExitCode.USAGE, "no folder for temporary files: " + printable(e.getCause().getMessage()),
                    "Make room or set XDG_CACHE_HOME.");
        }

        static Failed unreadable(Recipe recipe, Fingerprints.Unreadable e) {
            return new Failed(ExitCode.USAGE, e.getMessage() + ": an input of " + where(recipe),
                    "Make it readable, or leave it out with a .dockerignore file.");
        }

        static Failed notToBePassed(String option) {
            boolean other = List.of("--iidfile", "--metadata-file").contains(option);
            return new Failed(ExitCode.USAGE, option + " cannot be passed to docker build",
                    other ? "The image ID is printed by --quiet and --format json." : "Give it before the --.");
        }

        static Failed interrupted() {
            return new Failed(ExitCode.INTERRUPTED, "interrupted", "");
        }

        private static String where(Recipe recipe) {
            return recipe.reference() + " (Dockerfile " + printable(recipe.dockerfile()) + ", context "
                    + printable(recipe.context()) + ")";
        }

        static String seconds(Duration duration) {
            return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
        }

        /** A line of another program, marked as such, so that it cannot pass for one of ours. */
        static String quoted(String line) {
            return "  | " + printable(line);
        }

        /** Text from elsewhere with its control characters made visible: it cannot move the cursor or end a line. */
        static String printable(Object text) {
            return COLOUR.matcher(String.valueOf(text)).replaceAll("").codePoints()
                    .mapToObj(c -> c == '\t' || !UNPRINTABLE.contains((byte) Character.getType(c))
                            ? Character.toString(c)
                            : String.format(Locale.ROOT, "\\u%04x", c))
                    .collect(Collectors.joining());
        }
    }
}
