// SPDX-License-Identifier: Apache-2.0
//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8
//SOURCES BakeTargets.java
//SOURCES BuildCache.java
//SOURCES Bake.java
//SOURCES BakeFile.java
//SOURCES BakeMetadata.java
//SOURCES BakeProgress.java
//SOURCES BuildCommand.java
//SOURCES BuildFiles.java
//SOURCES BuildOutput.java
//SOURCES BuildProgress.java
//SOURCES CacheFolder.java
//SOURCES ClientConfig.java
//SOURCES ClientFacts.java
//SOURCES ComposeConfig.java
//SOURCES Cosign.java
//SOURCES Deadline.java
//SOURCES EngineException.java
//SOURCES EngineFacts.java
//SOURCES EngineRelay.java
//SOURCES EngineSocket.java
//SOURCES HeldImage.java
//SOURCES HttpExchange.java
//SOURCES ImageInspect.java
//SOURCES ImageLayout.java
//SOURCES JsonTree.java
//SOURCES KnownLine.java
//SOURCES Platform.java
//SOURCES Processes.java
//SOURCES RegistryLine.java
//SOURCES RegistryTransfers.java
//SOURCES ScratchSpace.java
//SOURCES TargetOptions.java
//SOURCES TransferWatch.java
//SOURCES Verdict.java
//SOURCES Witness.java
//SOURCES package-info.java
//SOURCES ../recipe/Recipe.java

package ensureimage.engine;

import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The docker command line client: the one place that starts it. It is not started where the engine's socket can be asked.
 *
 * <p>Safe from many threads. Each method that asks docker throws an {@link EngineException} if docker or its engine
 * cannot answer, and an {@link InterruptedException} if the thread is interrupted while it waits; the process has ended
 * by then.
 */
public final class Docker {
    /** How the names of our labels begin. */
    public static final String LABELS = "ensure_image.";
    /** The label that has the fingerprint of an image's inputs. */
    public static final String LABEL = LABELS + "fingerprint";
    private static final String DEBUG = "DEBUG";
    private static final Pattern NO_METADATA = Pattern.compile("(?:Error: )?unknown flag: --metadata-file");

    /** No attestation, unless asked for: it makes every image another one. And plain output, which can be read here. */
    static final Map<String, String> FOR_BUILDS = Map.of("BUILDX_NO_DEFAULT_ATTESTATIONS", "1",
            "BUILDX_METADATA_PROVENANCE", "max", "BUILDKIT_PROGRESS", "plain");

    private final String command;
    private final Map<String, String> environment;
    private final ScratchSpace scratch;
    private final Optional<EngineSocket> socket;
    private final AtomicBoolean metadata;
    private final AtomicReference<String> platform = new AtomicReference<>(); // not asked yet: null

    /**
     * Uses a client.
     *
     * @param command a name on PATH, or a path
     * @param environment of the client; whatever it lacks, the client inherits from this JVM
     * @param scratch for the files that a build writes besides the image
     */
    public Docker(String command, Map<String, String> environment, ScratchSpace scratch) {
        this(command, environment, scratch, EngineSocket.find(command, environment));
    }

    /** The same. @param socket of the engine that the client uses in this environment, if that is known */
    public Docker(String command, Map<String, String> environment, ScratchSpace scratch,
            Optional<EngineSocket> socket) {
        this.command = command;
        this.environment = new TreeMap<>(environment);
        this.scratch = scratch;
        this.socket = socket;
        this.metadata = new AtomicBoolean(!"0".equals(environment.get("DOCKER_BUILDKIT")));
    }

    /** Of the client. */
    public Map<String, String> environment() {
        return environment;
    }

    /** What tells this engine from others, if that can be told without asking it. */
    public String identity() {
        return Stream.of("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME")
                .map(name -> environment.getOrDefault(name, "")).collect(Collectors.joining("\n", command + "\n", ""));
    }

    // ---- Look-ups

    /**
     * What the engine holds at this moment under these names or IDs. One is left out only if the engine says that there
     * is no such image, or not all of it.
     */
    public Map<String, HeldImage> lookUp(Collection<String> names, Deadline deadline)
            throws EngineException, InterruptedException {
        Optional<Map<String, HeldImage>> images =
                askSocket("image", deadline, engine -> engine.images(names, deadline.left()));
        return images.isPresent() ? images.get() : new ImageInspect(this, deadline).lookUp(List.copyOf(names));
    }

    /**
     * The same, together with images of which it is not known which of several IDs the engine has for them.
     *
     * @param ids the likely one of each image first: the others are looked up only if there is no such image
     */
    public Map<String, HeldImage> lookUp(Collection<String> names, Collection<List<String>> ids, Deadline deadline)
            throws EngineException, InterruptedException {
        Set<String> asked = new LinkedHashSet<>(names);
        ids.forEach(each -> asked.addAll(each.subList(0, Math.min(1, each.size()))));
        Map<String, HeldImage> images = new HashMap<>(lookUp(asked, deadline));
        Set<String> others = new LinkedHashSet<>();
        ids.stream().filter(each -> each.stream().noneMatch(images::containsKey)).forEach(others::addAll);
        others.removeAll(asked);
        if (!others.isEmpty()) {
            images.putAll(lookUp(others, deadline));
        }
        return images;
    }

    /**
     * What the engine builds for by itself, such as {@code linux/amd64}; asked once. Empty if it cannot be told, as with
     * podman.
     */
    public String platform(Deadline deadline) throws EngineException, InterruptedException {
        if (platform.get() == null) {
            Optional<String> told = askSocket("version", deadline, engine -> engine.platform(deadline.left()));
            platform.set(told.isPresent() ? told.get() : platformByCommand(deadline));
        }
        return platform.get();
    }

    /** Where the engine is asked without the client, if that is known. */
    Optional<EngineSocket> socket() {
        return socket;
    }

    /** Whether a question takes a process of the client; else the engine's socket is asked. */
    public boolean isAskedByCommand() {
        return socket.isEmpty();
    }

    private String platformByCommand(Deadline deadline) throws EngineException, InterruptedException {
        Processes.Finished version = run(deadline,
                List.of("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"), line -> {});
        String[] parts = version.out().isEmpty() ? new String[0] : version.out().get(0).split("/");
        return version.status() == 0 && parts.length == 2 ? Platform.join(parts[0], parts[1], "") : "";
    }

    // ---- Builds and names

    /**
     * A build that has ended.
     *
     * @param ids that its image may have: the digest of its manifest, as the containerd store has it, and that of its
     *        configuration, as the classic one has it. Which it is depends on the builder and on the engine
     * @param witness what BuildKit says that it saw; empty if it does not say
     * @param by what built it; empty if that cannot be told from its output
     * @param held what the engine held after the build of its image and of those that it is built on; empty if it was not
     *        asked
     */
    public record Built(Processes.Finished process, List<String> ids, Optional<Witness> witness,
            Optional<BuilderKind> by, Optional<Map<String, HeldImage>> held) {

        /** The same, once the engine was asked. */
        public Built with(Map<String, HeldImage> images) {
            return new Built(process, ids, witness, by, Optional.of(images));
        }
    }

    /**
     * Runs one {@code docker build} without a name for the image. A failed build is a result, too, and no exception.
     *
     * @param labels for the image
     * @param cache that it may use, and what others may use of it
     */
    public Built build(Recipe recipe, Map<String, String> labels, BuildCache cache, Deadline deadline,
            Consumer<String> listener) throws EngineException, InterruptedException {
        try (ScratchSpace.Folder folder = openScratch()) {
            Path id = folder.path().resolve("id");
            Path told = folder.path().resolve("metadata"); // has the values of build arguments: no other user can read it
            List<String> options = new ArrayList<>();
            new TreeMap<>(labels).forEach((name, value) -> options.addAll(List.of("--label", name + "=" + value)));
            options.addAll(List.of("--iidfile", id.toString()));
            boolean withMetadata = metadata.get();
            if (withMetadata) { // by buildx: another builder than the engine's own loads the image only if told to
                options.addAll(List.of("--metadata-file", told.toString(), "--load"));
                options.addAll(cache.options());
            }
            Optional<Processes.Finished> ended = buildInTime(recipe, options, cache, deadline, listener);
            if (withMetadata && (ended.isEmpty() || cache.isSuspect(ended.get()))) {
                return build(recipe, labels, cache.withoutSource(), deadline, listener);
            }
            Processes.Finished process = ended.orElseThrow();
            if (withMetadata && process.status() != 0 && says(process, NO_METADATA)) {
                metadata.set(false); // the legacy builder, podman
                return build(recipe, labels, BuildCache.NONE, deadline, listener);
            }
            return new Built(process, BuildOutput.ids(told, id), Witness.read(told), BuildOutput.builder(process),
                    Optional.empty());
        }
    }

    /** Empty if it has waited too long for its cache. */
    private Optional<Processes.Finished> buildInTime(Recipe recipe, List<String> options, BuildCache cache,
            Deadline deadline, Consumer<String> listener) throws EngineException, InterruptedException {
        if (cache.from().isEmpty()) {
            return Optional.of(build(recipe, options, FOR_BUILDS, deadline, listener));
        }
        BuildCache.Watch watch = cache.new Watch();
        try {
            return Optional.of(build(recipe, options, FOR_BUILDS, () -> {
                Duration left = watch.left();
                return left.compareTo(deadline.left()) < 0 ? left : deadline.left();
            }, line -> {
                watch.read(line);
                listener.accept(line);
            }));
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.TIMED_OUT || deadline.left().isNegative()) {
                throw e;
            }
            return Optional.empty();
        }
    }

    /** A private folder for a while; for what a build reads. */
    public ScratchSpace.Folder openScratch() throws EngineException {
        try {
            return scratch.open();
        } catch (IOException e) {
            throw new EngineException(EngineException.Kind.NO_SCRATCH, "", String.valueOf(e.getMessage()));
        }
    }

    /** Runs one {@code docker build} with these options and variables besides the recipe's own. */
    public Processes.Finished build(Recipe recipe, List<String> options, Map<String, String> variables,
            Deadline deadline, Consumer<String> listener) throws EngineException, InterruptedException {
        return build(recipe, options, variables, deadline::left, listener);
    }

    private Processes.Finished build(Recipe recipe, List<String> options, Map<String, String> variables,
            Supplier<Duration> left, Consumer<String> listener) throws EngineException, InterruptedException {
        BuildCommand build = BuildCommand.create(recipe, options, environment);
        Map<String, String> all = new TreeMap<>(variables);
        all.putAll(build.variables());
        return run(left, build.arguments(), all, build.input(), listener);
    }

    private static boolean says(Processes.Finished process, Pattern line) {
        return process.err().stream().anyMatch(each -> line.matcher(each).matches());
    }

    /** Gives an image the name; what had it keeps its ID. */
    public Processes.Finished tag(String id, Reference reference, Deadline deadline)
            throws EngineException, InterruptedException {
        Optional<Processes.Finished> answer =
                askSocket("tag", deadline, engine -> engine.tag(id, reference, deadline.left()));
        return answer.isPresent() ? answer.get()
                : run(deadline, List.of("tag", id, reference.toString()), line -> {});
    }

    /** Takes these names from their images; one that has no other is removed. A name that is not there is no failure. */
    public void untag(Collection<String> names, Deadline deadline) throws EngineException, InterruptedException {
        if (askSocket("image rm", deadline, engine -> engine.untag(names, deadline.left())).isEmpty()) {
            List<String> arguments = new ArrayList<>(List.of("image", "rm", "--"));
            arguments.addAll(names);
            run(deadline, arguments, line -> {});
        }
    }

    /**
     * Has the engine fetch an image. That it cannot is no failure: a build has the better words for it.
     *
     * @param platform which of an image for several
     */
    public void pull(String image, Optional<String> platform, Deadline deadline)
            throws EngineException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("pull", "--quiet"));
        platform.ifPresent(name -> arguments.addAll(List.of("--platform", name)));
        arguments.addAll(List.of("--", image));
        run(deadline, arguments, line -> {});
    }

    /** What the client brings into a build by itself. @param passThrough options of {@code docker build} */
    public ClientFacts clientFacts(List<String> passThrough) {
        return ClientFacts.read(command, environment, passThrough);
    }

    // ---- Asking

    /** What the engine answers at its socket; empty if docker is to be asked. */
    private <T> Optional<T> askSocket(String what, Deadline deadline, Question<T> question)
            throws EngineException, InterruptedException {
        try {
            return socket.isPresent() ? question.ask(socket.get()) : Optional.empty();
        } catch (TimeoutException e) {
            throw new EngineException(EngineException.Kind.TIMED_OUT, what, "");
        }
    }

    /** @param <T> the type of the answer */
    @FunctionalInterface
    private interface Question<T> {
        Optional<T> ask(EngineSocket engine) throws TimeoutException, InterruptedException;
    }

    /** The failure of a client that cannot reach its engine. @param line the last that it printed */
    public EngineException failure(String line) {
        return KnownLine.readFailure(line, environment.getOrDefault("DOCKER_HOST", ""));
    }

    /** Runs any docker command; every exit status is a result. */
    public Processes.Finished run(Deadline deadline, List<String> arguments, Consumer<String> listener)
            throws EngineException, InterruptedException {
        return run(deadline, arguments, Map.of(), new byte[0], listener);
    }

    Processes.Finished run(Deadline deadline, List<String> arguments, Map<String, String> variables,
            byte[] input, Consumer<String> listener) throws EngineException, InterruptedException {
        return run(deadline::left, arguments, variables, input, listener);
    }

    /** @param left how much time it has at that moment */
    Processes.Finished run(Supplier<Duration> left, List<String> arguments, Map<String, String> variables,
            byte[] input, Consumer<String> listener) throws EngineException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(command));
        line.addAll(arguments);
        Map<String, String> all = new TreeMap<>(environment);
        if (all.containsKey(DEBUG)) {
            all.put(DEBUG, ""); // buildx would print where in its sources it failed, after why (cmd/buildx/main.go)
        }
        all.putAll(variables);
        try {
            return new Processes.Command(line, all, input).run(left, listener);
        } catch (NoSuchFileException e) {
            throw new EngineException(EngineException.Kind.NOT_INSTALLED, command, "");
        } catch (IOException e) {
            throw new EngineException(EngineException.Kind.CANNOT_RUN, command, String.valueOf(e.getMessage()));
        } catch (TimeoutException e) {
            throw new EngineException(EngineException.Kind.TIMED_OUT, arguments.get(0), "");
        }
    }
}
