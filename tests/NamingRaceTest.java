import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Builders of one reference that all reach its naming at the same moment, on a real engine. They are threads, so that
 * a barrier can stop each of them just before it names its image.
 */
class NamingRaceTest {

    private static final int BUILDERS = 12;
    private static final int MOST_ROUNDS = 30;
    private static final String RACE = "already exists";

    private final String app = "naming-race-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;

    /** Nothing is lost: the image is built and gone again, and who is to name it has one attempt only. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void aBuilderWhoseImageWasRemovedMeanwhileDoesNotClaimSuccess(String version) throws Exception {
        open(version);
        boolean gaveUp = false;
        for (int round = 0; round < MOST_ROUNDS && !gaveUp; round++) {
            AtomicBoolean over = new AtomicBoolean();
            Thread remover = new Thread(() -> {
                while (!over.get()) {
                    bench.docker("image", "rm", "--force", app);
                }
            });
            remover.start();
            try {
                for (Builder builder : race(1, "one")) {
                    assertTrue(Set.of(0, 75).contains(builder.status()), builder.toString());
                    gaveUp |= builder.status() == 75;
                }
            } finally {
                over.set(true);
                remover.join();
            }
        }
        assertTrue(gaveUp, "control: the image was removed under one of them");
        assertEquals(0, race(20, "one").get(0).status(), "nothing is left in the way");
    }

    /** Two folders, one tag: each builder gets the ID of its own folder's image, and the ID stays good. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void whoFindsAnothersImageUnderTheTagBuildsItsOwn(String version) throws Exception {
        open(version);
        boolean taken = false;
        boolean lost = false;
        for (int round = 0; round < MOST_ROUNDS && !(taken && lost); round++) {
            bench.docker("image", "rm", "--force", app);
            List<Builder> builders = race(20, "one", "two");
            Set<String> ids = new HashSet<>();
            for (Builder builder : builders) {
                assertEquals(0, builder.status(), builder.toString());
                if (ids.add(builder.result.id())) {
                    assertEquals(builder.result.recipe().context().getFileName().toString(),
                            bench.cat(builder.result.id(), "/who"), "the image is the folder's own, and still there");
                }
            }
            assertTrue(ids.size() >= 2, "each folder has its image");
            taken |= builders.stream().anyMatch(builder -> builder.told(ensure_image.Text.TAKEN));
            lost |= builders.stream().anyMatch(builder -> builder.told(RACE));
        }
        assertTrue(taken, "control: somebody found another folder's image under the tag");
        assertTrue(lost, "control: somebody was told that the tag already exists");
    }

    // ---- Builders

    private void open(String version) {
        bench = new Workbench(version, with_docker.Store.CONTAINERD, "1", Harness.newFolder());
        for (String name : List.of("one", "two")) {
            bench.write(name + "/Dockerfile", "FROM busybox\nRUN echo " + name + " > /who\n");
        }
    }

    private Recipe recipe(String name) throws ensure_image.Failed {
        return Recipe.of(app, bench.folder.resolve(name), Recipe.Options.NONE);
    }

    /** Runs builders of these folders in turn, all at once. */
    @SuppressWarnings("try") // closing waits, and may be interrupted
    private List<Builder> race(int attempts, String... folders) throws Exception {
        List<Builder> builders = new ArrayList<>();
        try (Together together = new Together(BUILDERS)) {
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

        Together(int count) {
            barrier = new CyclicBarrier(count);
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
                    future.get(2, TimeUnit.MINUTES);
                }
            } finally {
                pool.shutdownNow();
            }
        }
    }

    private final class Builder implements ensure_image.Events {
        private final CyclicBarrier barrier;
        private final ConcurrentLinkedQueue<String> messages = new ConcurrentLinkedQueue<>();
        private boolean met;
        private ensure_image.Result result;
        private ensure_image.Failed failed;

        Builder(CyclicBarrier barrier) {
            this.barrier = barrier;
        }

        Void run(Recipe recipe, int attempts) {
            Docker docker = bench.docker();
            Freshness freshness = new Freshness(docker, Cache.of(Map.of()));
            try {
                result = new ensure_image.Builder(docker, freshness, ensure_image.Rule.IF_STALE, attempts,
                        Duration.ofSeconds(120), Optional.empty(), this).ensure(recipe);
            } catch (ensure_image.Failed e) {
                failed = e;
            }
            return null;
        }

        @Override
        public void step(Recipe recipe, ensure_image.Step step) {
            if (step == ensure_image.Step.NAMING && !met) {
                met = true;
                try {
                    barrier.await(1, TimeUnit.MINUTES);
                } catch (Exception e) {
                    throw new IllegalStateException("not all builders came to the naming", e);
                }
            }
        }

        @Override
        public void tell(Recipe recipe, String message) {
            messages.add(message);
        }

        int status() {
            return result != null ? 0 : failed.code.status;
        }

        boolean told(String what) {
            return messages.stream().anyMatch(message -> message.contains(what));
        }

        @Override
        public String toString() {
            return messages + " " + (failed == null ? result : failed);
        }
    }
}
