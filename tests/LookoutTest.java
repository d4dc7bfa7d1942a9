// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ensureimage.engine.Docker;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A builder that sees another one at the same build waits for it, but only for a moment. */
class LookoutTest {
    private static final int LIMIT = 10; // minutes
    private final String app = "lookout-" + UUID.randomUUID() + ":1";
    private final CountDownLatch release = new CountDownLatch(1);
    private final CountDownLatch held = new CountDownLatch(1);
    private final Path locks = Harness.newFolder();
    private Workbench bench;

    @BeforeEach
    void open() {
        bench = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
        bench.write("Dockerfile", "FROM busybox\nLABEL test=" + app + "\nRUN true\n");
    }

    @Test
    void aBuilderThatWaitsUntilTheOtherHasBuiltTakesItsImage() throws Exception {
        FutureTask<Ensured> first = start(Duration.ofMinutes(LIMIT), holding());
        held.await(LIMIT, TimeUnit.MINUTES);
        FutureTask<Ensured> second =
                new FutureTask<>(() -> ensure(Duration.ofMinutes(LIMIT), Listener.NONE, Policy.IF_STALE));
        Thread waiting = new Thread(second);
        waiting.start();
        Harness.eventually("it waits", Duration.ofMinutes(LIMIT), () -> Arrays.stream(waiting.getStackTrace())
                .anyMatch(frame -> frame.getClassName().contains("SingleFlight")));
        release.countDown();
        Ensured own = first.get(LIMIT, TimeUnit.MINUTES);
        Ensured others = second.get(LIMIT, TimeUnit.MINUTES);
        assertEquals(Ensured.How.BUILT, own.how());
        assertEquals(Ensured.How.BUILT_BY_ANOTHER, others.how());
        assertEquals(0, others.builds());
        assertEquals(own.id(), others.id());
    }

    @Test
    void aBuilderThatHangsIsNotWaitedFor() throws Exception {
        FutureTask<Ensured> first = start(Duration.ofMillis(1), holding());
        held.await(LIMIT, TimeUnit.MINUTES);
        Ensured second = ensure(Duration.ofMillis(1), Listener.NONE, Policy.IF_STALE);
        assertEquals(Ensured.How.BUILT, second.how());
        assertEquals(1, second.builds());
        assertFalse(first.isDone(), "control: it still hangs");
        release.countDown();
        first.get(LIMIT, TimeUnit.MINUTES);
    }

    @Test
    void aBuilderThatBuildsInAnyCaseDoesNotWait() throws Exception {
        FutureTask<Ensured> first = start(Duration.ofMinutes(LIMIT), holding());
        held.await(LIMIT, TimeUnit.MINUTES);
        Ensured second = ensure(Duration.ofMinutes(LIMIT), Listener.NONE, Policy.ALWAYS);
        assertEquals(1, second.builds());
        assertFalse(first.isDone(), "control: it still hangs");
        release.countDown();
        first.get(LIMIT, TimeUnit.MINUTES);
    }

    private FutureTask<Ensured> start(Duration moment, Listener listener) {
        FutureTask<Ensured> task = new FutureTask<>(() -> ensure(moment, listener, Policy.IF_STALE));
        new Thread(task).start();
        return task;
    }

    /** Has built, and does not name what it built until it is released. */
    private Listener holding() {
        return new Listener() {
            @Override
            public void step(Recipe recipe, Step step) {
                if (step == Step.NAMING) {
                    held.countDown();
                    try {
                        release.await(LIMIT, TimeUnit.MINUTES);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }
            }
        };
    }

    private Ensured ensure(Duration moment, Listener listener, Policy policy) throws Exception {
        Docker docker = bench.docker();
        Freshness freshness = new Freshness(docker, Cache.open(Map.of()));
        Tools tools = new Tools(docker, freshness, new Planner(docker, freshness), policy,
                new Limits(2, Duration.ofMinutes(LIMIT), 1), Optional.empty(),
                Optional.of(new SingleFlight(Optional.of(locks), moment)), Optional.empty());
        return new OneImage(tools, Builds.apart(docker),
                Recipe.inFolder(Reference.parse(app), bench.folder, BuildOptions.NONE), listener)
                .ensure();
    }
}
