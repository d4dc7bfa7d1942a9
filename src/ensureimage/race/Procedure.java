// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.engine.EngineException;
import ensureimage.engine.Processes;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/** What a builder does. */
enum Procedure {
    /** Looks the tag up and builds if it is missing, as test suites do. */
    CHECK_THEN_BUILD {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, InterruptedException {
            return isThere(site, recipe, listener) ? Ending.success(recipe) : build(site, recipe, listener);
        }
    },

    /** Leaves it to ensure_image, which returns the image's ID. */
    ENSURE {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, NotPlayed, InterruptedException {
            return ensure(site, recipe, false, listener);
        }
    },

    /** The same, but one builder of the machine builds and the others wait for it. */
    SINGLE_FLIGHT {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, NotPlayed, InterruptedException {
            return ensure(site, recipe, true, listener);
        }
    },

    /** Looks up and builds a tag that is its own. */
    UNIQUE_TAG {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, NotPlayed, InterruptedException {
            Reference shared = recipe.reference();
            Reference own = new Reference(shared.domain(), shared.path(), "builder-" + builder);
            return CHECK_THEN_BUILD.play(site, recipe.withReference(own), builder, listener);
        }
    },

    /** Looks the tag up and builds if it is missing, inside an exclusive file lock. */
    LOCK {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, NotPlayed, InterruptedException {
            listener.step(recipe, Listener.Step.WAITING);
            THREADS.lockInterruptibly(); // a file lock belongs to the whole JVM
            try (FileChannel file = FileChannel.open(site.folder().resolve("lock"), StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE)) {
                file.lock(); // until the file is closed
                return CHECK_THEN_BUILD.play(site, recipe, builder, listener);
            } catch (IOException e) {
                throw NotPlayed.broken("cannot lock a file: " + e);
            } finally {
                THREADS.unlock();
            }
        }
    },

    /** Looks the tag up; what was to be built has been built before. */
    PREBUILD {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, InterruptedException {
            return isThere(site, recipe, listener) ? Ending.success(recipe) : Ending.failure(recipe, List.of());
        }
    },

    /** Removes the tag and builds. */
    RMI_FIRST {
        @Override
        Ending play(Site site, Recipe recipe, int builder, Listener listener)
                throws EngineException, InterruptedException {
            listener.step(recipe, Listener.Step.LOOKING_UP);
            site.docker().run(Site.deadline(), List.of("image", "rm", "--force", recipe.reference().toString()),
                    line -> {});
            return build(site, recipe, listener);
        }
    };

    private static final ReentrantLock THREADS = new ReentrantLock();

    /**
     * Plays one builder.
     *
     * @param builder its number, from 1
     * @throws EngineException if the engine is away, so that there is no experiment
     * @throws NotPlayed if there is none for another reason
     */
    abstract Ending play(Site site, Recipe recipe, int builder, Listener listener)
            throws EngineException, NotPlayed, InterruptedException;

    /** Whether all that is wanted is built once, before the builders start. */
    boolean prebuilds() {
        return this == PREBUILD;
    }

    private static boolean isThere(Site site, Recipe recipe, Listener listener)
            throws EngineException, InterruptedException {
        listener.step(recipe, Listener.Step.LOOKING_UP);
        return !site.docker().lookUp(List.of(recipe.reference().toString()), Site.deadline()).isEmpty();
    }

    /** One {@code docker build --tag}. */
    static Ending build(Site site, Recipe recipe, Listener listener) throws EngineException, InterruptedException {
        listener.step(recipe, Listener.Step.BUILDING);
        Processes.Finished build = site.docker().build(recipe, List.of("--tag", recipe.reference().toString()),
                Map.of(), Site.deadline(), line -> listener.output(recipe, line));
        Verdict verdict = Verdict.read(build, recipe.reference());
        return switch (verdict.meaning()) {
            case NO_ENGINE -> throw site.docker().failure(verdict.line());
            case INTERRUPTED -> throw new InterruptedException();
            case DONE -> Ending.success(recipe);
            case CLAIMED, TEMPORARY, FAILED -> Ending.failure(recipe, build.err());
        };
    }

    private static Ending ensure(Site site, Recipe recipe, boolean singleFlight, Listener listener)
            throws EngineException, NotPlayed, InterruptedException {
        try {
            return new Ending(true, List.of(), site.ensure(recipe, singleFlight, listener).id());
        } catch (NotEnsured.BuildFailed failed) {
            return Ending.failure(recipe, failed.output());
        } catch (NotEnsured.GaveUp | NotEnsured.TimedOut failed) {
            return Ending.failure(recipe, List.of());
        } catch (NotEnsured.NoEngine failed) {
            throw failed.engine();
        } catch (NotEnsured failed) { // no demo image has another failure
            throw NotPlayed.broken("unexpected: " + failed);
        }
    }
}
