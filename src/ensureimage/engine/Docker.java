import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The docker command line client: the one place that starts it. It is spared where its engine can be asked itself. */
final class Docker {
    static final String LABEL = "ensure_image.fingerprint";
    private static final String TRIGGERS = "{{if .OnBuild}}triggers{{else}}-{{end}}";
    private static final String FORMAT = "{{.Id}} {{with .Config}}" + TRIGGERS
            + "{{with .Labels}} {{json (index . \"" + LABEL + "\")}}{{end}}{{end}}";
    private static final Pattern NO_SUCH_IMAGE = Pattern.compile(
            "(?:Error response from daemon: |Error: )?(?:(?:no such image: [^ ]+: )?No such image: (?<name>[^ ]+)"
                    + "|(?:inspecting object: )?(?<podman>[^ ]+): image not known)");
    /** Podman does not tell of triggers; so there may be some. */
    private static final Pattern NO_TRIGGERS = Pattern.compile(".* can't evaluate field OnBuild in type .*");
    private static final Pattern NO_METADATA = Pattern.compile("(?:Error: )?unknown flag: --metadata-file");
    private static final Pattern ID = Pattern.compile("sha256:[0-9a-f]{64}");
    private static final Pattern DIGEST =
            Pattern.compile("\"containerimage\\.digest\":\\s*\"(" + ID + ")\"");

    /** Variables that docker, its plugins, Go or the loader read: an argument of that name must not reach them. */
    private static final Pattern READ_BY_DOCKER = Pattern.compile("(?i)"
            + "(?:DOCKER|BUILDX|BUILDKIT|COMPOSE|CONTAINER|OTEL|GO|LD|SSH|SSL|XDG|LC|DBUS|STORAGE|REGISTRY)[A-Z0-9_]*"
            + "|PATH|HOME|USER|LANG|TERM|TMPDIR|[A-Z]*_PROXY|[^A-Z_].*|.*\\W.*");

    /** No attestation, unless asked for: it makes every image another one. And output that does not depend. */
    private static final Map<String, String> FOR_BUILDS = Map.of("BUILDX_NO_DEFAULT_ATTESTATIONS", "1",
            "BUILDX_METADATA_PROVENANCE", "disabled", "BUILDKIT_PROGRESS", "plain");

    private final String command;
    private final Map<String, String> environment;
    private final AtomicBoolean metadata;
    private final AtomicBoolean triggers = new AtomicBoolean(true);
    private final Optional<EngineSocket> socket;

    /** Uses {@code command}, a name on PATH or a path, with this environment added to our own. */
    Docker(String command, Map<String, String> environment) {
        this(command, environment, EngineSocket.of(command, with(environment)));
    }

    /** @param socket of the engine that the command uses in this environment, if that is known */
    Docker(String command, Map<String, String> environment, Optional<EngineSocket> socket) {
        this.command = command;
        this.environment = with(environment);
        this.metadata = new AtomicBoolean(!"0".equals(environment.get("DOCKER_BUILDKIT")));
        this.socket = socket;
    }

    private static Map<String, String> with(Map<String, String> more) {
        Map<String, String> all = new TreeMap<>(System.getenv());
        all.putAll(more);
        return all;
    }

    Map<String, String> environment() {
        return environment;
    }

    /** What tells this engine from others, as far as that can be told without asking it. */
    String engine() {
        return Stream.of("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME")
                .map(name -> environment.getOrDefault(name, "")).collect(Collectors.joining("\n", command + "\n", ""));
    }

    /**
     * What the engine holds at this moment under these names. One is left out only if the engine says that there is no
     * such image, or not all of it.
     */
    Map<String, Held> lookUp(Collection<String> names, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        Optional<Map<String, Held>> images = ask("image", watch, engine -> engine.images(names, watch.left()));
        return images.isPresent() ? images.get() : lookUpByCommand(names, watch);
    }

    private Map<String, Held> lookUpByCommand(Collection<String> names, ensure_image.Stopwatch watch)
            throws ensure_image.Failed {
        String format = triggers.get() ? FORMAT : FORMAT.replace(TRIGGERS, "triggers");
        List<String> arguments = new ArrayList<>(List.of("image", "inspect", "--format", format, "--"));
        arguments.addAll(names);
        Processes.Finished finished = run(watch, arguments, ignored -> {});
        List<String> found = new ArrayList<>(names);
        if (finished.status() != 0) {
            if (triggers.get() && says(finished, NO_TRIGGERS)) {
                triggers.set(false);
                return lookUpByCommand(names, watch);
            }
            if (says(finished, FailureText.HALF_GONE.pattern)) {
                return names.size() == 1 ? new HashMap<>() : lookUpEach(names, watch); // it does not say which
            }
            found.removeAll(missing(finished.err()));
        }
        List<String> lines = finished.out().stream().filter(text -> !text.isBlank()).toList();
        if (found.size() != lines.size()) {
            String line = Verdict.lastLine(finished.err());
            throw line.isEmpty() ? ensure_image.Text.silent(finished) : noEngine(line);
        }
        Map<String, Held> images = new HashMap<>();
        for (int i = 0; i < found.size(); i++) {
            images.put(found.get(i), Held.parse(lines.get(i)));
        }
        return images;
    }

    /** Whether this line says that there is no such image, or not all of it. */
    static boolean saysMissing(String line) {
        return NO_SUCH_IMAGE.matcher(line).matches() || FailureText.HALF_GONE.pattern.matcher(line).matches();
    }

    private static List<String> missing(List<String> errors) {
        return errors.stream().map(NO_SUCH_IMAGE::matcher).filter(Matcher::matches)
                .map(text -> text.group("name") != null ? text.group("name") : text.group("podman")).toList();
    }

    private Map<String, Held> lookUpEach(Collection<String> names, ensure_image.Stopwatch watch)
            throws ensure_image.Failed {
        Map<String, Held> images = new HashMap<>();
        for (String name : names) {
            images.putAll(lookUpByCommand(List.of(name), watch));
        }
        return images;
    }

    /** Runs one {@code docker build} without a name for the image; its result is a value, whatever it is. */
    Built build(Recipe recipe, String fingerprint, ensure_image.Stopwatch watch, Consumer<String> listener)
            throws ensure_image.Failed {
        try (Cache.Scratch scratch = scratch()) {
            Path id = scratch.path().resolve("id");
            Path digest = scratch.path().resolve("metadata");
            List<String> options = new ArrayList<>(List.of("--label", LABEL + "=" + fingerprint,
                    "--iidfile", id.toString()));
            boolean withMetadata = metadata.get();
            if (withMetadata) {
                options.addAll(List.of("--metadata-file", digest.toString()));
            }
            Processes.Finished process = build(recipe, options, FOR_BUILDS, watch, listener);
            if (withMetadata && process.status() != 0 && says(process, NO_METADATA)) {
                metadata.set(false); // the legacy builder, podman
                return build(recipe, fingerprint, watch, listener);
            }
            return new Built(process, Stream.of(found(DIGEST, digest, 1), found(ID, id, 0)).flatMap(Optional::stream)
                    .distinct().toList());
        }
    }

    private Cache.Scratch scratch() throws ensure_image.Failed {
        try {
            return Cache.of(environment).scratch();
        } catch (UncheckedIOException e) {
            throw ensure_image.Text.noTemporaryFolder(e);
        }
    }

    /** Runs one {@code docker build} with these options and variables besides the recipe's own. */
    Processes.Finished build(Recipe recipe, List<String> options, Map<String, String> environment,
            ensure_image.Stopwatch watch, Consumer<String> listener) throws ensure_image.Failed {
        List<String> line = new ArrayList<>(List.of("build", "--file", recipe.dockerfile().path().toString()));
        Map<String, String> variables = new TreeMap<>(environment);
        recipe.options().arguments().forEach((name, value) -> {
            boolean byName = !READ_BY_DOCKER.matcher(name).matches() || value.equals(this.environment.get(name));
            if (byName) {
                variables.put(name, value); // not on the command line, which every user of the machine can read
            }
            line.addAll(List.of("--build-arg", byName ? name : name + "=" + value));
        });
        addOption(line, "--target", recipe.options().target());
        addOption(line, "--platform", recipe.options().platform());
        line.addAll(recipe.options().passThrough());
        line.addAll(options);
        // After "--" even a folder whose name begins with a dash is a folder, and after "./" one that is called "-".
        line.addAll(List.of("--", Path.of(".").resolve(recipe.context()).toString()));
        byte[] input = recipe.dockerfile().isStdin() ? recipe.dockerfile().given() : new byte[0];
        return run(watch, line, variables, input, listener);
    }

    private static boolean says(Processes.Finished process, Pattern line) {
        return process.err().stream().anyMatch(each -> line.matcher(each).matches());
    }

    private static void addOption(List<String> line, String name, String value) {
        if (value != null) {
            line.addAll(List.of(name, value));
        }
    }

    private static Optional<String> found(Pattern pattern, Path file, int group) {
        try {
            Matcher matcher = pattern.matcher(Files.readString(file));
            return matcher.find() ? Optional.of(matcher.group(group)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Gives an image the name; what had it keeps its ID. */
    Processes.Finished tag(String id, Reference reference, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        Optional<Processes.Finished> answer = ask("tag", watch, engine -> engine.tag(id, reference, watch.left()));
        return answer.isPresent() ? answer.get()
                : run(watch, List.of("tag", id, reference.toString()), line -> {});
    }

    /** What the engine answers at its socket; empty if docker is to be asked. */
    private <T> Optional<T> ask(String what, ensure_image.Stopwatch watch, Question<T> question)
            throws ensure_image.Failed {
        try {
            return socket.isPresent() ? question.ask(socket.get()) : Optional.empty();
        } catch (TimeoutException e) {
            throw ensure_image.Text.timedOut(watch, what);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ensure_image.Text.interrupted();
        }
    }

    /** @param <T> of the answer */
    @FunctionalInterface
    private interface Question<T> {
        Optional<T> ask(EngineSocket engine) throws TimeoutException, InterruptedException;
    }

    /** The failure for a client that cannot reach its engine, told by what it printed. */
    ensure_image.Failed noEngine(String line) {
        if (FailureText.NO_PERMISSION.pattern.matcher(line).matches()) {
            return noEngine("no permission to use the engine at " + host(), ensure_image.Text.PERMISSION_HINT);
        }
        if (FailureText.ENGINE_AWAY.pattern.matcher(line).matches()) {
            return noEngine("the engine is not running: no answer at " + host(), ensure_image.Text.ENGINE_HINT);
        }
        return noEngine("the engine failed: " + ensure_image.Text.printable(line), ensure_image.Text.ENGINE_HINT);
    }

    private static ensure_image.Failed noEngine(String message, String hint) {
        return new ensure_image.Failed(ensure_image.ExitCode.NO_ENGINE, message, hint);
    }

    private String host() {
        String host = environment.getOrDefault("DOCKER_HOST", "");
        return host.isEmpty() ? "its default address" : ensure_image.Text.printable(host);
    }

    /** Runs any docker command; every exit status is a result. */
    Processes.Finished run(ensure_image.Stopwatch watch, List<String> arguments, Consumer<String> listener)
            throws ensure_image.Failed {
        return run(watch, arguments, Map.of(), new byte[0], listener);
    }

    private Processes.Finished run(ensure_image.Stopwatch watch, List<String> arguments, Map<String, String> variables,
            byte[] input, Consumer<String> listener) throws ensure_image.Failed {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(arguments);
        Map<String, String> all = new TreeMap<>(environment);
        all.putAll(variables);
        all.entrySet().removeIf(inherited -> inherited.getValue().equals(System.getenv(inherited.getKey())));
        try {
            return new Processes.Command(line, all, input).run(watch.left(), listener);
        } catch (NoSuchFileException e) {
            throw noEngine("docker is not installed: cannot start '"
                    + ensure_image.Text.printable(command) + "'", ensure_image.Text.DOCKER_HINT);
        } catch (IOException e) {
            throw noEngine("cannot run '" + ensure_image.Text.printable(command) + "': "
                    + ensure_image.Text.printable(e.getMessage()), "");
        } catch (TimeoutException e) {
            throw ensure_image.Text.timedOut(watch, arguments.get(0));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ensure_image.Text.interrupted();
        }
    }

    // ---- What it tells

    /**
     * A build that has ended, and the IDs that its image may have: the digest of its manifest, as the containerd store
     * has it, and that of its configuration, as the classic one has it. A builder in a container (buildx) cannot know
     * which.
     */
    record Built(Processes.Finished process, List<String> ids) {
    }

    /**
     * An image that the engine holds.
     *
     * @param triggers whether it may have ONBUILD instructions
     * @param fingerprint of what it was built from; empty if that was not done by us
     */
    record Held(String id, boolean triggers, String fingerprint) {

        /** From a line in {@link Docker#FORMAT}. */
        static Held parse(String line) {
            String[] words = line.split(" ", 3);
            String id = words[0].contains(":") ? words[0] : "sha256:" + words[0]; // podman leaves that out, here
            return new Held(id, words.length == 1 || !words[1].equals("-"),
                    words.length < 3 ? "" : words[2].replaceAll("^\"|\"$", ""));
        }
    }
}
