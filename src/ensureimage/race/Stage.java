// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.EngineFacts;
import ensureimage.engine.Processes;
import ensureimage.recipe.Reference;
import ensureimage.report.ExitCode;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.Machine;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Where a run takes place: an engine, a temporary folder, and a number that nothing else there has. Closing it removes
 * what the run made. If the JVM is told to end before that, as by Ctrl-C, the thread that opened it is interrupted, and
 * the JVM waits until it has closed it.
 */
public final class Stage implements AutoCloseable {
    private final AtomicInteger rounds = new AtomicInteger();
    private final Site site;
    private final EngineFacts engine;
    private final Optional<ThrowawayEngine> throwaway;
    private final String id = String.format("%08x", ThreadLocalRandom.current().nextInt());
    private final DemoImage demo;
    private final Judge judge = new Judge(this);
    private final Traces traces = new Traces(this);
    private final ExitGuard guard;

    private Stage(Site site, EngineFacts engine, Optional<ThrowawayEngine> throwaway) throws NotPlayed {
        this.site = site;
        this.engine = engine;
        this.throwaway = throwaway;
        this.demo = DemoImage.load(id);
        this.guard = new ExitGuard();
    }

    // ---- Opening one

    /**
     * On the current engine.
     *
     * @param docker its client
     * @param environment of the client, whole
     */
    public static Stage openCurrent(String docker, Map<String, String> environment)
            throws NotPlayed, InterruptedException {
        return open(docker, environment, Optional.empty());
    }

    /**
     * On a throwaway engine, which is closed with the stage.
     *
     * @throws NotPlayed {@link ExitCode#NO_ENGINE} if it cannot be started
     */
    public static Stage openThrowaway(EngineSpec spec, Machine machine, Progress progress)
            throws NotPlayed, InterruptedException {
        ThrowawayEngine engine;
        try {
            engine = ThrowawayEngine.start(spec, machine, progress);
        } catch (EngineUnavailable e) {
            throw new NotPlayed(ExitCode.NO_ENGINE, Words.unavailable(e), List.of());
        }
        Map<String, String> environment = new TreeMap<>(machine.environment());
        environment.putAll(engine.environment());
        try {
            return open(engine.docker().toString(), environment, Optional.of(engine));
        } catch (NotPlayed | InterruptedException | RuntimeException e) {
            engine.close();
            throw e;
        }
    }

    /**
     * On the current engine if builds can race for a tag there; else on a throwaway one, and tells why.
     *
     * @param spec of the throwaway one
     */
    public static Stage openSuitable(String docker, Map<String, String> environment, EngineSpec spec, Machine machine,
            Progress progress) throws NotPlayed, InterruptedException {
        String why;
        try {
            Stage current = openCurrent(docker, environment);
            if (current.engine.tagRace() == EngineFacts.TagRace.POSSIBLE) {
                return current;
            }
            why = Words.cannotRace(current.engine);
            current.discard();
        } catch (NotPlayed e) {
            if (e.code() != ExitCode.NO_ENGINE) {
                throw e;
            }
            why = e.getMessage();
        }
        progress.notice(Words.throwaway(why));
        return openThrowaway(spec, machine, progress);
    }

    private static Stage open(String command, Map<String, String> environment, Optional<ThrowawayEngine> throwaway)
            throws NotPlayed, InterruptedException {
        Map<String, String> own = new TreeMap<>(environment);
        own.put("BUILDKIT_PROGRESS", "plain"); // what a Track reads
        Path root = makeRoot();
        try {
            Site site = Site.open(command, own, root);
            return new Stage(site, EngineFacts.ask(site.docker(), Site.deadline()), throwaway);
        } catch (EngineException e) {
            delete(root);
            throw NotPlayed.noEngine(e);
        }
    }

    private static Path makeRoot() throws NotPlayed {
        try {
            return Files.createTempDirectory("race_repro-");
        } catch (IOException e) {
            throw NotPlayed.broken("cannot make a folder: " + e);
        }
    }

    // ---- What is there

    /** The engine. */
    EngineFacts engine() {
        return engine;
    }

    /** What a person is told of the engine before the run: two lines. */
    public String description() {
        return Words.engine(engine);
    }

    DemoImage demo() {
        return demo;
    }

    Judge judge() {
        return judge;
    }

    /** The tag that all builders want. */
    Reference reference() {
        return Reference.find("race-repro-" + id).orElseThrow();
    }

    /** Every image and container of the run has it. */
    String label() {
        return "race_repro.run=" + id;
    }

    Path root() {
        return site.folder();
    }

    /** For builders that share this folder. */
    Site site(Path folder) {
        return new Site(site.command(), site.docker(), folder);
    }

    /** A folder of one round, and that round's number; closing it deletes it. */
    record Folder(Path path, String round) implements AutoCloseable {
        @Override
        public void close() throws NotPlayed {
            delete(path);
        }
    }

    Folder openFolder() throws NotPlayed {
        String round = id + "." + rounds.incrementAndGet();
        try {
            return new Folder(Files.createDirectory(root().resolve(round)), round);
        } catch (IOException e) {
            throw NotPlayed.broken("cannot make a folder: " + e);
        }
    }

    /** Runs docker; every exit status is a result. */
    Processes.Finished docker(String... arguments) throws NotPlayed, InterruptedException {
        try {
            return site.docker().run(Site.deadline(), List.of(arguments), line -> {});
        } catch (EngineException e) {
            throw NotPlayed.noEngine(e);
        }
    }

    /** Whether the engine holds an image of that name or ID, and under which ID. */
    Optional<String> lookUp(String handle) throws NotPlayed, InterruptedException {
        try {
            Docker docker = site.docker();
            return Optional.ofNullable(docker.lookUp(List.of(handle), Site.deadline()).get(handle))
                    .map(image -> image.id());
        } catch (EngineException e) {
            throw NotPlayed.noEngine(e);
        }
    }

    // ---- Removing it

    /** Removes the images of a round, and returns what there was besides the one that all wanted. */
    Round.Left tidy() throws NotPlayed, InterruptedException {
        return traces.removeImages();
    }

    /**
     * Also after an interruption, of which the thread is told again at the end. A throwaway engine goes with everything
     * in it.
     */
    @Override
    public void close() throws NotPlayed {
        boolean interrupted = Thread.interrupted();
        try {
            delete(root());
            if (throwaway.isEmpty()) {
                traces.removeAll();
            }
        } catch (InterruptedException e) {
            interrupted = true;
        } finally {
            throwaway.ifPresent(ThrowawayEngine::close);
            guard.close();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Closes it before anything was played: the engine has nothing to be removed. */
    private void discard() throws NotPlayed {
        guard.close();
        delete(root());
    }

    static void delete(Path folder) throws NotPlayed {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            throw NotPlayed.broken("cannot remove " + folder + ": " + e);
        }
    }
}
