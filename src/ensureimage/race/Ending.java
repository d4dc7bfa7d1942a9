// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.Recipe;
import java.util.List;

/**
 * How a procedure ended.
 *
 * @param success whether docker, or ensure_image, reported success
 * @param output what docker printed, if it failed; not to be trusted
 * @param handle the image for the caller's {@code docker run}: a tag, or an ID
 */
record Ending(boolean success, List<String> output, String handle) {

    /** The tag can be run. */
    static Ending success(Recipe recipe) {
        return new Ending(true, List.of(), recipe.reference().toString());
    }

    static Ending failure(Recipe recipe, List<String> output) {
        return new Ending(false, output, recipe.reference().toString());
    }
}
