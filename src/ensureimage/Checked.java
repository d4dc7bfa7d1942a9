// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Recipe;
import java.time.Duration;
import java.util.Optional;

/**
 * An image was looked up and nothing was built.
 *
 * @param fingerprint the label that the image has or, if it is missing or stale, would get
 * @param took for the look-up
 * @param details what else was learned; empty if nothing was
 */
public record Checked(Recipe recipe, Status status, String fingerprint, Duration took, Optional<Details> details)
        implements Outcome {
}
