// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Docker;
import ensureimage.recipe.BuilderKind;
import java.time.Duration;
import java.util.Optional;

/**
 * What the work on one image needs; the same for all images of a run.
 *
 * @param flights if those that want the same wait for one builder
 * @param lookout for the only image of a run, where they do not: sees others at the same build
 */
record Tools(Docker docker, Freshness freshness, Planner planner, Policy policy, Limits limits,
        Optional<SingleFlight> flights, Optional<SingleFlight> lookout, Optional<SharedRepository> repository) {

    /**
     * Waits for a moment if another process is at the same build. If that build ends by then, its image is there; if not,
     * the caller's own build joins it, for BuildKit shares running steps.
     *
     * @param builds how many there were; a retry does not wait again
     */
    SingleFlight.Turn lookOut(Plan plan, int builds, String key, Duration most) throws InterruptedException {
        boolean looks = builds == 0 && policy != Policy.ALWAYS && plan.expected().builder() == BuilderKind.BUILDKIT;
        return looks && lookout.isPresent() ? lookout.get().turn(key, most, notice -> {}) : SingleFlight.ALONE;
    }
}
