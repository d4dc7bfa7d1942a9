// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.HeldImage;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.ImageFiles;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Builders of one reference that all reach its naming at the same moment, on a real engine. They are threads, so that
 * a barrier can stop each of them just before it names its image.
 */
class NamingRaceTest {

    private static final int BUILDERS = 12;
    private static final int ROUNDS = 4;
    private static final int MOST_ROUNDS = 60;
    private static final int LIMIT = 10; // minutes, against a hang
    private static final String RACE = "already exists";

    private final String app = "naming-race-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;

    /** All have built it, and it is removed before the first of them names it; each has one attempt only. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void aBuilderWhoseImageIsGoneDoesNotClaimSuccess(String version) throws Exception {
        open(version);
        for (Builder builder : race(1, this::removeAll, "one")) {
            assertTrue(builder.gaveUp(), builder.toString());
        }
        Builder last = race(20, () -> {}, "one").get(0);
        assertNotNull(last.ensured, "nothing is left in the way: " + last);
    }

    private void removeAll() {
        String ids = bench.docker("image", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=test=" + app)
                .succeeded().out();
        assertFalse(ids.isBlank(), "control: it was built");
        ids.lines().distinct().forEach(id -> bench.docker("image", "rm", "--force", id).succeeded());
    }

    /** The name is taken away again and again; each builder has one attempt only. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void aBuilderWhoseNameIsRemovedAtTheSameTimeSucceedsOrGivesUp(String version) throws Exception {
        open(version);
        for (int round = 0; round < ROUNDS; round++) {
            AtomicBoolean over = new AtomicBoolean();
            Thread remover = new Thread(() -> {
                while (!over.get()) {
                    bench.docker("image", "rm", "--force", app);
                }
            });
            remover.start();
            try {
                for (Builder builder : race(1, () -> {}, "one")) {
                    assertTrue(builder.ensured != null || builder.gaveUp(), builder.toString());
                }
            } finally {
                over.set(true);
                remover.join();
            }
        }
        Builder last = race(20, () -> {}, "one").get(0);
        assertNotNull(last.ensured, "nothing is left in the way: " + last);
    }

    /**
     * Two folders, one tag, all at once: each builder gets the ID of its own folder's image, or of none that is still there.
     * While the tag goes to and fro, the engine can drop an image that it takes the tag from (docs/decision.md).
     */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void aBuilderThatFindsAnothersImageUnderTheTagBuildsItsOwn(String version) throws Exception {
        open(version);
        boolean taken = false;
        boolean lost = false;
        for (int round = 0; round < MOST_ROUNDS && !(taken && lost); round++) {
            bench.docker("image", "rm", "--force", app);
            List<Builder> builders = race(20, () -> {}, "one", "two");
            Map<String, Optional<String>> contents = new HashMap<>();
            for (Builder builder : builders) {
                assertNotNull(builder.ensured, builder.toString());
                Optional<String> content = contents.computeIfAbsent(builder.ensured.id(), this::who);
                assertEquals(builder.folder(), content.orElse(builder.folder()), "the image is the folder's own");
            }
            assertTrue(contents.size() >= 2, "each folder has its image");
            assertTrue(contents.getOrDefault(bench.imageId(app), Optional.empty()).isPresent(),
                    "the tag is on an image that a builder was given: " + builders);
            taken |= builders.stream().anyMatch(builder -> builder.heard(notice -> notice instanceof Notice.Taken));
            lost |= builders.stream().anyMatch(builder -> builder.heard(
                    notice -> notice instanceof Notice.Claimed claimed && claimed.line().contains(RACE)));
        }
        assertTrue(taken, "control: a builder found another folder's image under the tag");
        assertTrue(lost, "control: a builder was told that the tag already exists");
    }

    /** The engine finds the image by the name, and then reads the image's names, from which it may have been taken. */
    @Test
    void anImageThatLosesItsNameWhileItIsLookedUpIsFoundAllTheSame() throws Exception {
        open("26.1");
        String id = alone("one");
        Docker docker =
                new Docker(bench.client(bench.client() + " \"$@\" | sed 's/\"RepoTags\":\\[[^]]*]/\"RepoTags\":[]/'")
                        .toString(), bench.environment(), () -> {
                            throw new IOException("nothing is built");
                        }, Optional.empty());
        Map<String, HeldImage> found = docker.lookUp(List.of(app + ":latest"), new Deadline(Harness.SOON));
        assertEquals(id, found.get(app + ":latest").id());
        assertFalse(found.get(app + ":latest").names().contains(app + ":latest"), "control: the name is not told");
    }

    /** What is promised of an ID: the tag may go to another folder's image, one naming after the other. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void anIdStaysGoodWhenAnotherFolderTakesTheTag(String version) throws Exception {
        open(version);
        String first = alone("one");
        for (String name : List.of("two", "one", "two")) {
            String id = alone(name);
            assertEquals(id, bench.imageId(app), "it has the tag");
            assertEquals(Optional.of(name), who(id));
            assertEquals(Optional.of("one"), who(first), "the ID that was given first is good");
        }
    }

    @SuppressWarnings("try") // closing waits, and may be interrupted
    private String alone(String name) throws Exception {
        Builder builder;
        try (Together together = new Together(1, () -> {})) {
            builder = together.start(recipe(name), 1);
        }
        assertNotNull(builder.ensured, builder.toString());
        return builder.ensured.id();
    }

    /** What folder an image is of; empty if it is gone. */
    private Optional<String> who(String id) {
        return ImageFiles.read(id, "/who", bench.environment());
    }

    // ---- Builders

    private void open(String version) {
        bench = new Workbench(version, EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
        for (String name : List.of("one", "two")) {
            bench.write(name + "/Dockerfile", "FROM busybox\nLABEL test=" + app + "\nRUN echo " + name + " > /who\n");
        }
    }

    private Recipe recipe(String name) throws RecipeException {
        return Recipe.inFolder(Reference.parse(app), bench.folder.resolve(name), BuildOptions.NONE);
    }

    /**
     * Runs builders of these folders in turn, all at once.
     *
     * @param before what happens when all have built and none has named its image
     */
    @SuppressWarnings("try") // closing waits, and may be interrupted
    private List<Builder> race(int attempts, Runnable before, String... folders) throws Exception {
        List<Builder> builders = new ArrayList<>();
        try (Together together = new Together(BUILDERS, before)) {
            for (int i = 0; i < BUILDERS; i++) {
                builders.add(together.start(recipe(folders[i % folders.length]), attempts));
            }
        }
        return builders;
    }

    /** Builders that stop before their first naming until all have come so far. */
    @SuppressWarnings("try")
    private final class Together implements AutoCloseable {
        private final CyclicBarrier barrier;
        private final List<Future<?>> running = new ArrayList<>();
        private final ExecutorService pool;

        Together(int count, Runnable before) {
            barrier = new CyclicBarrier(count, before);
            pool = Executors.newFixedThreadPool(count);
        }

        Builder start(Recipe recipe, int attempts) {
            Builder builder = new Builder(barrier);
            running.add(pool.submit(() -> builder.run(recipe, attempts)));
            return builder;
        }

        @Override
        public void close() throws Exception {
            try {
                for (Future<?> future : running) {
                    future.get(2 * LIMIT, TimeUnit.MINUTES);
                }
            } finally {
                pool.shutdownNow();
            }
        }
    }

    private final class Builder implements Listener {
        private final CyclicBarrier barrier;
        private final ConcurrentLinkedQueue<Notice> notices = new ConcurrentLinkedQueue<>();
        private boolean met;
        private Ensured ensured;
        private NotEnsured failed;

        Builder(CyclicBarrier barrier) {
            this.barrier = barrier;
        }

        Void run(Recipe recipe, int attempts) throws BaseReplaced, InterruptedException {
            Docker docker = bench.docker();
            Freshness freshness = new Freshness(docker, Cache.open(Map.of()));
            Tools tools = new Tools(docker, freshness, new Planner(docker, freshness), Policy.IF_STALE,
                    new Limits(attempts, Duration.ofMinutes(LIMIT), 1), Optional.empty(),
                    Optional.empty(), Optional.empty());
            try {
                ensured = new OneImage(tools, Builds.apart(docker), recipe, this).ensure();
            } catch (NotEnsured e) {
                failed = e;
            }
            return null;
        }

        @Override
        public void step(Recipe recipe, Step step) {
            if (step == Step.NAMING && !met) {
                met = true;
                try {
                    barrier.await(LIMIT, TimeUnit.MINUTES);
                } catch (Exception e) {
                    throw new IllegalStateException("not all builders came to the naming", e);
                }
            }
        }

        @Override
        public void notice(Recipe recipe, Notice notice) {
            notices.add(notice);
        }

        String folder() {
            return ensured.recipe().context().getFileName().toString();
        }

        boolean gaveUp() {
            return failed instanceof NotEnsured.GaveUp;
        }

        boolean heard(Predicate<Notice> what) {
            return notices.stream().anyMatch(what);
        }

        @Override
        public String toString() {
            return notices + " " + (failed == null ? ensured : failed);
        }
    }
}
