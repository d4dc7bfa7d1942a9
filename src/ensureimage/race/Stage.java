import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** Where a run takes place: an engine, folders, and a number that nothing else there has. */
final class RaceStage implements AutoCloseable {
    private static final String THROWAWAY = "26.1";
    /** In the demo's Dockerfile, where a run puts its own number. */
    private static final String BY_HAND = "by-hand";
    private static final AtomicInteger ROUNDS = new AtomicInteger();

    final Docker docker;
    final String command;
    final EngineFacts engine;
    final race_repro.Clock clock = new race_repro.Clock();
    final Judge judge = new Judge(this);
    final Path root;
    final String name;
    private final with_docker.Engine throwaway;
    private final String id = String.format("%08x", ThreadLocalRandom.current().nextInt());
    private final String dockerfile;

    /** @param throwaway null for an engine that was there before */
    private RaceStage(Docker docker, String command, EngineFacts engine, with_docker.Engine throwaway)
            throws IOException {
        this.docker = docker;
        this.command = command;
        this.engine = engine;
        this.throwaway = throwaway;
        this.name = "race-repro-" + id;
        // From the script's own resources, so that it is there however the script was started.
        try (InputStream resource = race_repro.class.getResourceAsStream("/race-demo/Dockerfile")) {
            this.dockerfile = new String(resource.readAllBytes(), StandardCharsets.UTF_8).replace(BY_HAND, id);
        }
        this.root = Files.createTempDirectory("race_repro-");
    }

    /** Opens the engine that the user named; else the current one if it can race; else a throwaway one. */
    static RaceStage open(String wanted, String command, race_repro.Live live)
            throws ensure_image.Failed, IOException, InterruptedException {
        if (wanted.matches("(?:throwaway|dind)(?::.*)?")) {
            return throwaway(wanted, live);
        }
        if (!List.of("", "current").contains(wanted)) {
            throw race_repro.usage("--engine is current, throwaway[:VERSION] or dind[:VERSION], not '" + wanted + "'");
        }
        String why;
        try {
            var docker = docker(command, System.getenv());
            EngineFacts engine = EngineFacts.of(docker, race_repro.Site.watch());
            if (engine.canRace() || wanted.equals("current")) {
                return new RaceStage(docker, command, engine, null);
            }
            why = race_repro.Text.cannotRace(engine);
        } catch (ensure_image.Failed failed) {
            if (failed.code != ensure_image.ExitCode.NO_ENGINE || wanted.equals("current")) {
                throw failed;
            }
            why = failed.getMessage();
        }
        live.tell(race_repro.Text.throwaway(why));
        return throwaway("throwaway", live);
    }

    private static RaceStage throwaway(String wanted, race_repro.Live live)
            throws ensure_image.Failed, IOException, InterruptedException {
        String version = wanted.equals("throwaway") ? THROWAWAY : wanted.replaceFirst("throwaway:", "");
        try {
            var engine = with_docker.start(new with_docker.Spec(version, with_docker.Store.CONTAINERD), live);
            try {
                String command = engine.docker().toString();
                var docker = docker(command, engine.environment());
                return new RaceStage(docker, command, EngineFacts.of(docker, race_repro.Site.watch()), engine);
            } catch (ensure_image.Failed | IOException e) {
                engine.close();
                throw e;
            }
        } catch (IllegalArgumentException e) {
            throw race_repro.usage(e.getMessage());
        } catch (with_docker.Failure e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.NO_ENGINE, e.getMessage(), "");
        }
    }

    private static Docker docker(String command, Map<String, String> environment) {
        Map<String, String> own = new TreeMap<>(environment);
        own.put("BUILDKIT_PROGRESS", "plain"); // what RaceTrack reads
        return new Docker(command, own);
    }

    Processes.Finished docker(String... arguments) throws ensure_image.Failed {
        return docker.run(race_repro.Site.watch(), List.of(arguments), line -> {});
    }

    String label() {
        return "race_repro.run=" + id;
    }

    Folder folder() throws ensure_image.Failed {
        String round = id + "." + ROUNDS.incrementAndGet();
        try {
            return new Folder(Files.createDirectory(root.resolve(round)), round);
        } catch (IOException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "cannot make a folder: " + e, "");
        }
    }

    /** Writes a build context of these inputs, over what is in that folder. */
    Path write(Path context, race_repro.Inputs inputs) throws ensure_image.Failed {
        try {
            Files.createDirectories(context);
            Files.writeString(context.resolve("Dockerfile"), dockerfile);
            Files.writeString(context.resolve(id), inputs.text() + "\n");
            return context;
        } catch (IOException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "cannot write a build context: " + e, "");
        }
    }

    /** Removes the images of a round, and returns what there was beside the one that everybody wanted. */
    RaceResults.Left tidy(Reference wanted) throws ensure_image.Failed {
        List<String> names = new ArrayList<>();
        for (int attempt = 0; attempt < 10; attempt++) {
            var found = docker("image", "ls", "--all", "--no-trunc", "--filter", "label=" + label(), "--format",
                    "{{.ID}} {{.Repository}}:{{.Tag}}");
            if (found.status() == 0 && found.out().isEmpty()) {
                names.remove(wanted.toString());
                int untagged = (int) names.stream().filter(name -> name.contains("<none>")).count();
                return new RaceResults.Left(names.size() - untagged, untagged);
            }
            if (attempt == 0) {
                found.out().forEach(line -> names.add(line.substring(line.indexOf(' ') + 1)));
            }
            docker(Stream.concat(Stream.of("image", "rm", "--force"), found.out().stream()
                    .map(line -> line.split(" ")[0]).distinct()).toArray(String[]::new));
        }
        throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "could not remove all the images that it made",
                "They have the label " + label());
    }

    /** Removes what the run made; a throwaway engine goes with everything in it. */
    @Override
    public void close() throws ensure_image.Failed {
        boolean interrupted = Thread.interrupted();
        try (throwaway) {
            delete(root);
            if (throwaway == null) {
                removeContainers();
                tidy(Reference.parse(name)); // again and again: after Ctrl-C a last build may come in
                pruneSteps();
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void removeContainers() throws ensure_image.Failed {
        var found = docker("container", "ls", "--all", "--quiet", "--filter", "label=" + label());
        if (!found.out().isEmpty()) {
            docker(Stream.concat(Stream.of("rm", "--force"), found.out().stream()).toArray(String[]::new));
        }
    }

    /**
     * Removes our steps from the build cache: those whose description has our number. The filter takes whole
     * descriptions, quoted as JSON quotes them. What is built on others goes first, and what a build still uses when it
     * has ended goes a moment later, hence the passes.
     */
    private void pruneSteps() throws ensure_image.Failed {
        for (int pass = 0; pass < 30; pass++) {
            List<String> ours = steps();
            if (ours.isEmpty()) {
                return;
            }
            pause(pass < 3 ? 0 : 200);
            for (String description : ours) {
                docker("builder", "prune", "--force", "--all", "--filter", "description=" + description);
            }
        }
    }

    private static void pause(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // then it goes on without
        }
    }

    /**
     * Our steps in the build cache. Asked again if it fails: the engine also adds up the sizes of all snapshots, and
     * gives up on one that its garbage collection removes meanwhile (28.5: "snapshot … does not exist").
     */
    private List<String> steps() throws ensure_image.Failed {
        for (int attempt = 0; attempt < 10; attempt++) {
            var cache = docker("system", "df", "--verbose", "--format",
                    "{{range .BuildCache}}{{json .Description}}{{println}}{{end}}");
            if (cache.status() == 0) {
                return cache.out().stream().filter(line -> line.contains(id)).distinct().toList();
            }
        }
        throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "could not list the build cache, to remove its steps",
                "Their descriptions contain " + id);
    }

    static void delete(Path folder) throws ensure_image.Failed {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "cannot remove " + folder + ": " + e, "");
        }
    }

    // ------------------------------------------------------------------------------------------ ground truth

    /** What the engine holds, asked of the engine: which image, and what it was built from, by a file in it. */
    static final class Judge {
        private static final int ATTEMPTS = 20;
        private final RaceStage stage;
        private final Map<String, String> inputs = new ConcurrentHashMap<>();

        Judge(RaceStage stage) {
            this.stage = stage;
        }

        /** What somebody who wants these inputs has, at this moment, in the image of that name or ID. */
        RaceResults.Held held(String handle, race_repro.Inputs wanted) throws ensure_image.Failed {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                Map<String, Docker.Held> found = stage.docker.lookUp(List.of(handle), race_repro.Site.watch());
                if (found.isEmpty()) {
                    return RaceResults.Held.MISSING;
                }
                Optional<String> text = inputs(found.get(handle).id());
                if (text.isPresent()) {
                    return wanted.compare(text.get());
                } // else it went away in between
            }
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "cannot read the inputs in an image", "");
        }

        /** One at a time, so that each image is read once. */
        private Optional<String> inputs(String id) throws ensure_image.Failed {
            String known = inputs.get(id);
            if (known == null) {
                synchronized (this) {
                    known = inputs.get(id);
                    if (known == null) {
                        Optional<String> read = read(id);
                        read.ifPresent(text -> inputs.put(id, text));
                        return read;
                    }
                }
            }
            return Optional.of(known);
        }

        private Optional<String> read(String id) throws ensure_image.Failed {
            var created = stage.docker("create", "--label", stage.label(), id, "true");
            if (created.status() != 0 || created.out().isEmpty()) {
                return Optional.empty();
            }
            String container = created.out().get(0);
            Path copy = stage.root.resolve("read");
            try {
                var copied = stage.docker("cp", container + ":/race-demo/inputs", copy.toString());
                return copied.status() == 0 ? Optional.of(Files.readString(copy).strip()) : Optional.empty();
            } catch (IOException e) {
                return Optional.empty();
            } finally {
                stage.docker("rm", "--force", container);
            }
        }
    }

    /** A folder of one round. */
    record Folder(Path path, String round) implements AutoCloseable {
        @Override
        public void close() throws ensure_image.Failed {
            delete(path);
        }
    }

    // ------------------------------------------------------------------------------------------------ engine
}
