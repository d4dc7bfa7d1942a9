///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Ensures that the engine holds a Docker image, building it if it is missing, also from many processes at once
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.ProcessResult;
import org.zeroturnaround.exec.StartedProcess;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Ensures that the engine holds an image: looks it up, builds it if it is missing, and takes the lost race for the
 * tag for what it is, a success.
 *
 * <p>The rule it keeps: a message of {@code docker} only opens a question. The answer is always looked up in the
 * engine. So there is no success without an image, and no failure because somebody else was faster.
 */
@Command(name = "ensure_image", version = "ensure_image " + ensure_image.VERSION, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = "ensure_image [OPTIONS] REF[=DIR]... [-- DOCKER BUILD OPTIONS...]",
        description = {"", "Ensures that the engine holds the image REF: builds it if it is missing. "
            + "Safe to run many times at once: whoever loses the race for the tag succeeds too.", ""},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            " 0:every image is there",
            " 2:bad usage: reference, option, Dockerfile or context",
            "10:a build failed",
            "69:no engine: docker not installed, not running, or no permission",
            "75:gave up after the last attempt at a transient failure",
            "124:timed out",
            "130:interrupted"},
        footerHeading = "%nExamples:%n",
        footer = {
            "  ensure_image app-test:1                     from images/app-test/1/",
            "  ensure_image app-test=docker/test           from docker/test/",
            "  ensure_image app-test=. -f test.Dockerfile  from another Dockerfile",
            "  IMAGE=$(ensure_image -q app-test)           the image ID, for docker run",
            "  ensure_image app-test -- --pull --no-cache  options for docker build"})
public final class ensure_image implements Callable<Integer> {

    static final String VERSION = "0.1.0";

    // ------------------------------------------------------------------------------------------------ options

    @Parameters(arity = "0..*", paramLabel = "REF[=DIR]",
            description = "Image reference, NAME[:TAG]. DIR is its build context; by default REF names it: "
                + "images/NAME/TAG/, else images/NAME/ if the tag is 'latest' or that folder holds the Dockerfile.")
    private List<String> arguments = List.of();

    @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "Dockerfile (default: DIR/Dockerfile).")
    private Path dockerfile;

    @Option(names = "--images", paramLabel = "DIR", defaultValue = "images",
            description = "Where the folders of the images are (default: ${DEFAULT-VALUE}).")
    private Path images;

    @Option(names = "--build-arg", paramLabel = "NAME[=VALUE]", description = "Build argument; may be repeated.")
    private List<String> buildArguments = List.of();

    @Option(names = "--target", paramLabel = "STAGE", description = "Stage of the Dockerfile to build.")
    private String target;

    @Option(names = "--platform", paramLabel = "OS/ARCH", description = "Platform to build for.")
    private String platform;

    @Option(names = "--timeout", paramLabel = "SECONDS", defaultValue = "300",
            description = "Limit for one image, retries included (default: ${DEFAULT-VALUE}).")
    private int timeoutSeconds;

    @Option(names = "--attempts", paramLabel = "N", defaultValue = "5",
            description = "How often to build when the tag is lost to others or an export fails for a passing reason "
                + "(default: ${DEFAULT-VALUE}).")
    private int attempts;

    @Option(names = "--docker", paramLabel = "COMMAND", defaultValue = "docker",
            description = "The docker command line client (default: ${DEFAULT-VALUE}).")
    private String dockerCommand;

    @Option(names = {"-q", "--quiet"}, description = "Print only the image IDs, one a line.")
    private boolean quiet;

    @Option(names = {"-v", "--verbose"}, description = "Show the output of every build, and stack traces.")
    private boolean verbose;

    @Spec
    private CommandSpec spec;

    private List<String> passThrough = List.of();

    public static void main(String... arguments) {
        System.exit(execute(arguments));
    }

    /** Runs the command line and returns its exit status; what follows {@code --} goes to {@code docker build}. */
    static int execute(String... arguments) {
        List<String> all = Arrays.asList(arguments);
        int separator = all.indexOf("--");
        ensure_image script = new ensure_image();
        script.passThrough = separator < 0 ? List.of() : all.subList(separator + 1, all.size());
        List<String> ours = separator < 0 ? all : all.subList(0, separator);
        return new CommandLine(script)
                .setParameterExceptionHandler((e, ignored) -> {
                    script.report(new Failed(ExitCode.USAGE, Text.printable(e.getMessage()), Text.didYouMean(e)));
                    return ExitCode.USAGE.status;
                })
                .setExecutionExceptionHandler((e, commandLine, ignored) -> {
                    script.report(e);
                    return e instanceof Failed failed ? failed.code.status : ExitCode.BUG.status;
                })
                .execute(ours.toArray(String[]::new));
    }

    @Override
    public Integer call() throws Failed {
        if (arguments.isEmpty()) {
            throw new Failed(ExitCode.USAGE, Text.NO_REFERENCE, Text.SEE_HELP);
        }
        if (dockerfile != null && arguments.size() > 1) {
            throw new Failed(ExitCode.USAGE, "--file names one Dockerfile, but there are several references", "");
        }
        if (attempts < 1 || timeoutSeconds < 1) {
            throw new Failed(ExitCode.USAGE, "--attempts and --timeout take numbers from 1", "");
        }
        List<Recipe> recipes = new ArrayList<>();
        for (String argument : new LinkedHashSet<>(arguments)) {
            recipes.add(recipe(argument));
        }
        Docker docker = new Docker(dockerCommand, System.getenv());
        Builder builder = new Builder(docker, attempts, Duration.ofSeconds(timeoutSeconds), events());
        ExitCode worst = ExitCode.ENSURED;
        for (Recipe recipe : recipes) {
            worst = ExitCode.worse(worst, ensureOne(builder, recipe));
        }
        return worst.status;
    }

    /** Ensures one image and reports it. One image's failure does not stop the others, a missing engine does. */
    private ExitCode ensureOne(Builder builder, Recipe recipe) throws Failed {
        try {
            Result result = builder.ensure(recipe);
            out().println(quiet ? result.id() : Text.result(result));
            return ExitCode.ENSURED;
        } catch (Failed failed) {
            if (EnumSet.of(ExitCode.NO_ENGINE, ExitCode.INTERRUPTED).contains(failed.code)) {
                throw failed;
            }
            report(failed);
            return failed.code;
        } finally {
            out().flush();
        }
    }

    private Recipe recipe(String argument) throws Failed {
        int equals = argument.indexOf('=');
        Reference reference = Reference.parse(equals < 0 ? argument : argument.substring(0, equals));
        Path context = equals < 0 ? reference.folder(images) : Path.of(argument.substring(equals + 1));
        if (!Files.isDirectory(context)) {
            throw new Failed(ExitCode.USAGE, "context not found: " + Text.printable(context)
                    + (Files.exists(context) ? " is not a folder" : ""), Text.contextHint(reference, images));
        }
        Path file = dockerfile != null ? dockerfile : context.resolve("Dockerfile");
        if (!Files.isRegularFile(file)) {
            throw new Failed(ExitCode.USAGE, "Dockerfile not found: " + Text.printable(file), Text.DOCKERFILE_HINT);
        }
        return new Recipe(reference, context, file, buildArguments, target, platform, passThrough);
    }

    private Events events() {
        return new Events() {
            @Override
            public void tell(Recipe recipe, String message) {
                if (!quiet) {
                    err().println(Text.event(recipe, message));
                }
            }

            @Override
            public void output(Recipe recipe, String line) {
                if (verbose) {
                    err().println(Text.quoted(line));
                }
            }
        };
    }

    /** Shows a failure: the build's output first, then one or two lines that say what failed and what to do. */
    private void report(Exception e) {
        if (e instanceof Failed failed) {
            if (!verbose) {
                failed.output.forEach(line -> err().println(Text.quoted(line)));
            }
            err().println(Text.error(failed.getMessage()));
            if (!failed.hint.isEmpty()) {
                err().println(failed.hint);
            }
        } else {
            err().println(Text.error("unexpected: " + Text.printable(e)));
        }
        if (verbose && !(e instanceof Failed failed && failed.code == ExitCode.USAGE)) {
            e.printStackTrace(err());
        }
        err().flush();
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    private PrintWriter err() {
        return spec.commandLine().getErr();
    }

    // ------------------------------------------------------------------------------------------------ the loop

    /** What happens on the way, for whoever watches. */
    interface Events {
        /** A step of the loop begins. */
        default void step(Recipe recipe, Step step) {
        }

        /** A line that docker printed, from any thread. */
        default void output(Recipe recipe, String line) {
        }

        /** Something that a person wants to know, in one short sentence. */
        void tell(Recipe recipe, String message);
    }

    /** Where the loop is. */
    enum Step { LOOKING_UP, BUILDING, PAUSING }

    /** One process that wants the image: looks it up, builds it, and judges by what the engine holds, not by words. */
    record Builder(Docker docker, int attempts, Duration timeout, Events events) {

        /**
         * Ensures that the engine holds the recipe's image.
         *
         * @throws Failed if it does not: the build failed, the engine is away, time or attempts ran out
         */
        Result ensure(Recipe recipe) throws Failed {
            Stopwatch watch = new Stopwatch(timeout);
            Outcome ifThere = Outcome.PRESENT;
            for (int attempt = 1; ; attempt++) {
                events.step(recipe, Step.LOOKING_UP);
                Optional<Held> held = docker.lookUp(recipe.reference(), watch);
                if (held.isPresent()) {
                    return new Result(recipe, ifThere, held.get().id(), attempt - 1, watch.elapsed());
                }
                if (attempt > attempts) {
                    throw Text.gaveUp(recipe, attempts, watch.elapsed());
                }
                events.step(recipe, Step.BUILDING);
                events.tell(recipe, Text.building(recipe, attempt, attempts));
                Finished build = docker.build(recipe, watch, line -> events.output(recipe, line));
                Verdict verdict = Verdict.of(build, recipe.reference());
                switch (verdict.kind()) {
                    case BUILT -> ifThere = Outcome.BUILT;
                    case TAG_CLAIMED -> {
                        events.tell(recipe, Text.claimed(verdict));
                        ifThere = Outcome.BUILT_BY_ANOTHER;
                    }
                    case TRANSIENT -> {
                        events.tell(recipe, Text.passing(verdict));
                        ifThere = Outcome.BUILT_BY_ANOTHER;
                        events.step(recipe, Step.PAUSING);
                        watch.pause(attempt);
                    }
                    case INTERRUPTED -> throw Text.interrupted();
                    case NO_ENGINE -> throw docker.noEngine(verdict.line());
                    case FAILED -> throw Text.buildFailed(recipe, build, verdict);
                }
            }
        }
    }

    /** Time spent on one image against its limit. */
    static final class Stopwatch {
        private final long start = System.nanoTime();
        private final Duration limit;

        Stopwatch(Duration limit) {
            this.limit = limit;
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

    // ------------------------------------------------------------------------------------- reading a failure

    /** What a finished build says of itself, in the line that is its verdict. */
    record Verdict(Kind kind, String line) {

        enum Kind {
            BUILT,
            /** Somebody else named this very image meanwhile. Whether it is there now is for the engine to say. */
            TAG_CLAIMED,
            /** An export failed because of others at work; every step is cached, trying again is cheap. */
            TRANSIENT,
            NO_ENGINE,
            INTERRUPTED,
            FAILED
        }

        /**
         * Reads the verdict on a build of {@code wanted}. Only the last line of stderr counts, and it must match from
         * its first to its last character: everything before it can be printed by a build step, and a failed step's
         * verdict begins with {@code process "} or ends in {@code returned a non-zero code}.
         */
        static Verdict of(Finished build, Reference wanted) {
            String line = lastLine(build.err());
            if (build.status() == 0) {
                return new Verdict(Kind.BUILT, line);
            }
            for (FailureText known : FailureText.values()) {
                Matcher matcher = known.pattern.matcher(line);
                if (matcher.matches() && (!known.namesTheTag || isNamed(wanted, matcher.group("ref")))) {
                    return new Verdict(known.kind, line);
                }
            }
            return new Verdict(Kind.FAILED, line);
        }

        private static boolean isNamed(Reference wanted, String named) {
            try {
                return Reference.parse(named).equals(wanted);
            } catch (Failed e) {
                return false;
            }
        }

        /**
         * The last line that is not blank, nor the pointer to its own window that Docker Desktop adds (buildx
         * {@code util/desktop/desktop.go}). Split at newlines only: a carriage return can come from a build step.
         */
        private static String lastLine(List<String> lines) {
            for (int i = lines.size() - 1; i >= 0; i--) {
                String line = lines.get(i);
                if (!line.isEmpty() && !line.startsWith("View build details: ")) {
                    return line;
                }
            }
            return "";
        }
    }

    /** The known texts, each a whole line. To add one: the line, where it was seen, and its kind. */
    enum FailureText {
        /** BuildKit's exporter, {@code exporter/containerimage/export.go}: buildx 0.13, 0.29; bake and compose alike. */
        BUILDKIT_TAG(Verdict.Kind.TAG_CLAIMED, true, "(?:ERROR: )?(?:failed to build: )?(?:target [^ ]+: )?"
            + "failed to solve: (?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

        /** Legacy builder and API, {@code daemon/containerd/image_tag.go}: Docker 26.1, 28.5. */
        ENGINE_TAG(Verdict.Kind.TAG_CLAIMED, true, "(?:Error response from daemon: )?failed to create an image [^ ]+ "
            + "with target sha256:[0-9a-f]{64} after deleting the existing one: "
            + "(?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

        /** The same place when the winner's image was removed again at once: Docker 26.1, 28.5. */
        ENGINE_TAG_GONE(Verdict.Kind.TAG_CLAIMED, true, "(?:Error response from daemon: )?creating image (?<ref>[^ ]+) "
            + "failed because it already exists, but accessing it also failed: No such image: [^ ]+"),

        /** Concurrent export on Docker 29.0 to 29.2: moby/buildkit#6521, ddev/ddev#8136. */
        PARENT_SNAPSHOT(Verdict.Kind.TRANSIENT, false, "(?:ERROR: )?(?:failed to build: )?failed to solve: "
            + "failed to prepare extraction snapshot \"[^\"]+\": parent snapshot [^ ]+ does not exist: not found"),

        /** Concurrent commits through the API (Testcontainers): Docker 28.5. */
        LEASE(Verdict.Kind.TRANSIENT, false, "(?:Error response from daemon: )?(?:failed to open writer|failed to export "
            + "layer: NotFound|failed commit on ref \"[^\"]+\": commit failed): lease does not exist(?:: not found)?"),

        /** Engine killed during a build: Docker 26.1, 28.5; {@code unexpected EOF} is the legacy builder's. */
        ENGINE_KILLED(Verdict.Kind.NO_ENGINE, false, "(?:ERROR: )?(?:(?:failed to build: )?failed to solve: Unavailable: .*"
            + "|failed to receive status: rpc error: code = Unavailable .*|unexpected EOF)"),

        /** Engine not running: Docker 20.10 to 28.5, and the new wording of 29. */
        ENGINE_AWAY(Verdict.Kind.NO_ENGINE, false, "(?:ERROR: )?(?:error during connect: .*"
            + "|Cannot connect to the Docker daemon at .*|failed to connect to the docker API at .*)"),

        /** Engine running, but not for this user: Docker 20.10 to 28.5 ({@code Got permission denied …} in 20.10). */
        NO_PERMISSION(Verdict.Kind.NO_ENGINE, false,
            "(?:ERROR: )?(?:Got )?permission denied while trying to connect to the [Dd]ocker .*"),

        /** A docker context that does not exist. */
        NO_ENDPOINT(Verdict.Kind.NO_ENGINE, false,
            "(?:ERROR: )?(?:Failed to initialize: )?unable to resolve docker endpoint: .*"),

        /** docker got a signal, as from Ctrl-C: buildx 0.13, 0.29. */
        CANCELED(Verdict.Kind.INTERRUPTED, false,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: Canceled: context canceled");

        final Verdict.Kind kind;
        final boolean namesTheTag;
        final Pattern pattern;

        FailureText(Verdict.Kind kind, boolean namesTheTag, String wholeLine) {
            this.kind = kind;
            this.namesTheTag = namesTheTag;
            this.pattern = Pattern.compile(wholeLine);
        }
    }

    // --------------------------------------------------------------------------------- what is to be ensured

    /**
     * An image reference in its canonical parts: {@code app} is {@code docker.io/library/app:latest}. Two references
     * are equal if the engine takes them for the same. Grammar: distribution/reference, {@code reference.go}.
     */
    record Reference(String domain, String path, String tag) {

        private static final Pattern DOMAIN = Pattern.compile(
            "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
                + "(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?|\\[[a-fA-F0-9:]+](?::[0-9]+)?");
        private static final Pattern PATH = Pattern.compile(
            "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");
        private static final Pattern TAG = Pattern.compile("[\\w][\\w.-]{0,127}");
        private static final Pattern IMAGE_ID = Pattern.compile("[a-f0-9]{64}");
        private static final String DOCKER_HUB = "docker.io";
        private static final int MAX_NAME = 255;

        static Reference parse(String text) throws Failed {
            if (text.contains("@")) {
                throw malformed(text, "a digest is the result of a build, it cannot be asked for");
            }
            int slash = text.indexOf('/');
            boolean hasDomain = slash > 0 && isDomain(text.substring(0, slash));
            String domain = hasDomain ? text.substring(0, slash) : DOCKER_HUB;
            String rest = hasDomain ? text.substring(slash + 1) : text;
            int colon = rest.lastIndexOf(':');
            String path = colon < 0 ? rest : rest.substring(0, colon);
            String tag = colon < 0 ? "latest" : rest.substring(colon + 1);
            if (domain.equals(DOCKER_HUB) || domain.equals("index.docker.io")) {
                domain = DOCKER_HUB;
                path = path.indexOf('/') < 0 ? "library/" + path : path;
            }
            check(text, domain.length() + 1 + path.length() <= MAX_NAME, "a name has at most 255 characters");
            check(text, DOMAIN.matcher(domain).matches(), "the registry's host name is not valid");
            check(text, !path.equals("library/"), "there is no name");
            check(text, path.equals(path.toLowerCase(Locale.ROOT)), "a name is all lower case");
            check(text, PATH.matcher(path).matches(), "a name has letters, digits, and single . _ - between them");
            check(text, TAG.matcher(tag).matches(), "a tag has up to 128 letters, digits, . _ -");
            check(text, !IMAGE_ID.matcher(text).matches(), "this is an image ID");
            return new Reference(domain, path, tag);
        }

        private static boolean isDomain(String first) {
            return first.contains(".") || first.contains(":") || first.equals("localhost")
                    || !first.equals(first.toLowerCase(Locale.ROOT));
        }

        private static void check(String text, boolean holds, String why) throws Failed {
            if (!holds) {
                throw malformed(text, why);
            }
        }

        private static Failed malformed(String text, String why) {
            return new Failed(ExitCode.USAGE, "malformed reference: '" + Text.printable(text) + "': " + why, "");
        }

        /** As people write it, but always with the tag: without one the engine may take it for an image ID. */
        @Override
        public String toString() {
            String name = domain.equals(DOCKER_HUB) ? path.replaceFirst("^library/", "") : domain + "/" + path;
            return name + ":" + tag;
        }

        /** The folder that this reference names below {@code images}; it may not exist. */
        Path folder(Path images) {
            Path name = images.resolve(path.replaceFirst("^library/", ""));
            Path own = name.resolve(tag);
            boolean shared = tag.equals("latest") || Files.exists(name.resolve("Dockerfile"));
            return Files.isDirectory(own) || !shared ? own : name;
        }
    }

    /** What an image is built from. Build arguments are {@code NAME=VALUE}, or {@code NAME} from the environment. */
    record Recipe(Reference reference, Path context, Path dockerfile, List<String> buildArguments,
            String target, String platform, List<String> passThrough) {

        /** A recipe without options, from a folder that holds its Dockerfile. */
        static Recipe of(String reference, Path context) throws Failed {
            return new Recipe(Reference.parse(reference), context, context.resolve("Dockerfile"),
                    List.of(), null, null, List.of());
        }
    }

    /** The image that the engine holds under a reference. */
    record Held(String id) {
    }

    // ------------------------------------------------------------------------------------------------- docker

    /** The docker command line client: the one place that starts it. */
    static final class Docker {
        private static final String FORMAT = "{{.Id}}";
        private static final Pattern NO_SUCH_IMAGE = Pattern.compile(
            "(?:Error response from daemon: |Error: )?(?:No such image: |[^ ]+: image not known).*");

        private final String command;
        private final Map<String, String> environment;

        /** Uses {@code command}, a name on PATH or a path, with exactly this environment. */
        Docker(String command, Map<String, String> environment) {
            this.command = command;
            this.environment = environment;
        }

        /** What the engine holds under the reference at this moment; empty only if it says that there is nothing. */
        Optional<Held> lookUp(Reference reference, Stopwatch watch) throws Failed {
            Finished finished = run(watch, List.of("image", "inspect", reference.toString(), "--format", FORMAT),
                    line -> { });
            if (finished.status() == 0) {
                return Optional.of(new Held(finished.out().get(0).strip()));
            }
            String line = Verdict.lastLine(finished.err());
            if (NO_SUCH_IMAGE.matcher(line).matches()) {
                return Optional.empty();
            }
            throw noEngine(line);
        }

        /** Runs one {@code docker build}; its result is a value, whatever it is. */
        Finished build(Recipe recipe, Stopwatch watch, Consumer<String> listener) throws Failed {
            List<String> line = new ArrayList<>(List.of("build", "--tag", recipe.reference().toString(),
                    "--file", recipe.dockerfile().toString()));
            recipe.buildArguments().forEach(argument -> line.addAll(List.of("--build-arg", argument)));
            if (recipe.target() != null) {
                line.addAll(List.of("--target", recipe.target()));
            }
            if (recipe.platform() != null) {
                line.addAll(List.of("--platform", recipe.platform()));
            }
            line.addAll(recipe.passThrough());
            // After "--" even a folder whose name begins with a dash is a folder.
            line.addAll(List.of("--", recipe.context().toString()));
            return run(watch, line, listener);
        }

        /** The failure for a client that cannot reach its engine, told by what it printed. */
        Failed noEngine(String line) {
            if (FailureText.NO_PERMISSION.pattern.matcher(line).matches()) {
                return new Failed(ExitCode.NO_ENGINE, "no permission to use the engine at " + host(), Text.PERMISSION_HINT);
            }
            if (FailureText.ENGINE_AWAY.pattern.matcher(line).matches()) {
                return new Failed(ExitCode.NO_ENGINE, "the engine is not running: no answer at " + host(),
                        Text.ENGINE_HINT);
            }
            return new Failed(ExitCode.NO_ENGINE, "the engine failed: " + Text.printable(line), Text.ENGINE_HINT);
        }

        private String host() {
            String host = environment.getOrDefault("DOCKER_HOST", "");
            return host.isEmpty() ? "its default address" : Text.printable(host);
        }

        /** Runs any docker command; every exit status is a result. */
        Finished run(Stopwatch watch, List<String> arguments, Consumer<String> listener) throws Failed {
            List<String> line = new ArrayList<>(List.of(command));
            line.addAll(arguments);
            try {
                return Processes.run(line, ownEnvironment(), watch.left(), listener);
            } catch (IOException e) {
                throw new Failed(ExitCode.NO_ENGINE, "docker is not installed: cannot start '"
                        + Text.printable(command) + "'", Text.DOCKER_HINT);
            } catch (TimeoutException e) {
                throw new Failed(ExitCode.TIMED_OUT, "timed out after " + Text.seconds(watch.limit) + ": docker "
                        + String.join(" ", arguments.subList(0, Math.min(3, arguments.size()))), Text.TIMEOUT_HINT);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Text.interrupted();
            }
        }

        private Map<String, String> ownEnvironment() {
            return environment;
        }
    }

    // ---------------------------------------------------------------------------------------------- processes

    /** A process that has ended: its exit status, the last lines of each stream apart, and how long it took. */
    record Finished(int status, List<String> out, List<String> err, Duration took) {
    }

    /** Starts processes from argument lists and owns them: none outlives its time limit, its caller or this JVM. */
    static final class Processes {
        private static final Duration GRACE = Duration.ofSeconds(5);
        private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

        static {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Processes::end)));
        }

        private Processes() {
        }

        /**
         * Runs a process to its end.
         *
         * @param environment added to this JVM's own
         * @param listener gets each line of both streams as it comes, from several threads
         * @throws IOException if it cannot be started; its message names no value of the environment
         */
        static Finished run(List<String> line, Map<String, String> environment, Duration limit,
                Consumer<String> listener) throws IOException, TimeoutException, InterruptedException {
            long start = System.nanoTime();
            Lines out = new Lines(listener);
            Lines err = new Lines(listener);
            ProcessExecutor executor = new ProcessExecutor(line)
                    .redirectOutput(out)
                    .redirectError(err)
                    .closeTimeout(1, TimeUnit.SECONDS);
            executor.getEnvironment().putAll(environment);
            StartedProcess started = start(executor, line.get(0));
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

        private static StartedProcess start(ProcessExecutor executor, String command) throws IOException {
            try {
                return executor.start();
            } catch (IOException e) {
                throw new IOException("cannot start " + command);  // zt-exec's message prints the environment
            }
        }

        /** Ends a process and all below it: asks first, so that docker cancels the build on the engine, then kills. */
        private static void end(Process process) {
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
            for (size += text.length(); size > KEPT; ) {
                size -= kept.removeFirst().length();
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

    // --------------------------------------------------------------------------------- outcomes and exit codes

    /** How an image came to be there. */
    enum Outcome {
        PRESENT, BUILT, BUILT_BY_ANOTHER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** An image that was there when it was last looked up, after so many builds of our own. */
    record Result(Recipe recipe, Outcome outcome, String id, int builds, Duration took) {
    }

    /** Exit statuses, mildest first. Never 1, 3 or 4: those are JBang's own. */
    enum ExitCode {
        ENSURED(0),
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

        ExitCode(int status) {
            this.status = status;
        }

        static ExitCode worse(ExitCode a, ExitCode b) {
            return Stream.of(a, b).max(Comparator.naturalOrder()).orElseThrow();
        }
    }

    /** The image could not be ensured: what failed, on what, why; what to do next; what the build printed. */
    static final class Failed extends Exception {
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

    // ------------------------------------------------------------------------------------------------ wording

    /** All that a person reads. */
    static final class Text {
        static final String SEE_HELP = "See: ensure_image --help";
        static final String NO_REFERENCE = "no reference: which image?";
        static final String DOCKERFILE_HINT = "Name another one with --file, or another folder with REF=DIR.";
        static final String PERMISSION_HINT = "Run as a user of the group 'docker', or set DOCKER_HOST.";
        static final String ENGINE_HINT = "Start it, or set DOCKER_HOST. To see its state: docker version";
        static final String DOCKER_HINT = "Install the docker client, or name one with --docker.";
        static final String TIMEOUT_HINT = "Allow more with --timeout SECONDS.";

        private static final Pattern COLOUR = Pattern.compile("\u001b\\[[0-9;]*m");

        private Text() {
        }

        static String didYouMean(ParameterException e) {
            List<String> nearest = e instanceof UnmatchedArgumentException unmatched ? unmatched.getSuggestions() : List.of();
            return nearest.isEmpty() ? SEE_HELP : "Did you mean " + String.join(" or ", nearest) + "?";
        }

        static String error(String message) {
            return "ensure_image: " + message;
        }

        static String event(Recipe recipe, String message) {
            return recipe.reference() + ": " + message;
        }

        static String building(Recipe recipe, int attempt, int attempts) {
            return "building from " + printable(recipe.context())
                    + (attempt == 1 ? "" : " (attempt " + attempt + " of " + attempts + ")");
        }

        static String claimed(Verdict verdict) {
            return "another build named it first, looking it up (" + printable(verdict.line()) + ")";
        }

        static String passing(Verdict verdict) {
            return "a passing failure of the export, trying again (" + printable(verdict.line()) + ")";
        }

        static String result(Result result) {
            return String.format(Locale.ROOT, "%-16s  %s  %s  %s", result.outcome(), result.recipe().reference(),
                    result.id(), seconds(result.took()));
        }

        static Failed buildFailed(Recipe recipe, Finished build, Verdict verdict) {
            List<String> output = new ArrayList<>(build.out());
            output.addAll(build.err());
            return new Failed(ExitCode.BUILD_FAILED, "build failed: " + where(recipe) + ", after "
                    + seconds(build.took()) + ", docker's exit status " + build.status(), "", output);
        }

        static Failed gaveUp(Recipe recipe, int attempts, Duration took) {
            return new Failed(ExitCode.GAVE_UP, "gave up: " + where(recipe) + ": built " + attempts
                    + (attempts == 1 ? " time in " : " times in ") + seconds(took) + ", but the engine does not hold it",
                    "Is something removing it meanwhile, or is the builder one that does not load images (try -- --load)?");
        }

        static Failed interrupted() {
            return new Failed(ExitCode.INTERRUPTED, "interrupted", "");
        }

        private static String where(Recipe recipe) {
            return recipe.reference() + " (Dockerfile " + printable(recipe.dockerfile()) + ", context "
                    + printable(recipe.context()) + ")";
        }

        static String contextHint(Reference reference, Path images) {
            return "By convention it is " + printable(images.resolve(reference.path().replaceFirst("^library/", "")))
                    + "/[" + reference.tag() + "/]. Name another one with " + reference + "=DIR or --images DIR.";
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
                    .mapToObj(c -> c == '\t' || !Character.isISOControl(c) && Character.getType(c) != Character.FORMAT
                        ? Character.toString(c) : String.format(Locale.ROOT, "\\u%04x", c))
                    .collect(Collectors.joining());
        }
    }
}
