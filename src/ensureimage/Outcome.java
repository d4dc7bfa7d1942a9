// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Recipe;

/** What became of one image. */
public sealed interface Outcome permits Ensured, Checked, NotEnsured {

    /** {@return what the image was, or was to be, built from} */
    Recipe recipe();
}
