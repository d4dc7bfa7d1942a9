// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import java.util.function.Consumer;

/** What makes the builds of images. */
@FunctionalInterface
interface Builds {

    /**
     * Makes one, which gives the image no name. A failed build is a result, too, and no exception.
     *
     * @param recipe what docker is to build by the plan
     * @param cache where else finished steps are looked for
     */
    Docker.Built make(Plan plan, Recipe recipe, BuildCache cache, Deadline deadline, Consumer<String> listener)
            throws EngineException, InterruptedException;

    /** Does something that may take long; no other build waits for this thread until it is done. */
    default <T> T aside(Work<T> work) throws EngineException, RecipeException, InterruptedException {
        return work.run();
    }

    /** What takes long. @param <T> the type of its result */
    @FunctionalInterface
    interface Work<T> {
        T run() throws EngineException, RecipeException, InterruptedException;
    }

    /** Each by itself. */
    static Builds apart(Docker docker) {
        return (plan, recipe, cache, deadline, listener) -> docker.build(recipe, plan.labels().values(), cache,
                deadline, listener);
    }
}
