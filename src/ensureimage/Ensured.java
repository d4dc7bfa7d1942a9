// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Recipe;
import java.time.Duration;
import java.util.Optional;

/**
 * The engine held the image, under its reference and current, when it was last asked.
 *
 * @param id of the image that was built from the recipe's inputs, such as {@code sha256:…}; it stays good when another
 *         process takes the tag
 * @param fingerprint the image's label; empty for an image that this library did not build ({@link Policy#IF_MISSING})
 * @param builds how often this call built it
 * @param shared what came of sharing it; empty if no registry was to be asked, as for an image that was there
 * @param took from the first look-up on
 */
public record Ensured(Recipe recipe, String id, How how, String fingerprint, int builds, Optional<Shared> shared,
        Duration took) implements Outcome {

    /** How the image came to be there. */
    public enum How {
        /** It was there and current at the first look-up. */
        PRESENT,
        /** It was missing; this call built it. */
        BUILT,
        /** It was stale; this call built it. */
        REBUILT,
        /** Another process or thread built it while this call tried to. */
        BUILT_BY_ANOTHER,
        /** Another machine had built it from the same inputs; this call pulled it. */
        PULLED
    }
}
