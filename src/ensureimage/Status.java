// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Change;
import java.util.List;

/** What a look-up found under a reference. */
public sealed interface Status {

    /** @param id of the image */
    record Current(String id) implements Status {
    }

    /**
     * As far as a look-up can know, it is current; but it is built from something that only docker build can compare.
     *
     * @param id of the image
     */
    record Uncertain(String id) implements Status {
    }

    /** No image has the reference. */
    record Missing() implements Status {
    }

    /**
     * The image was built from other inputs than those of now, or is not one of ours.
     *
     * @param id of that image
     * @param why what has changed; empty if nothing is known but that it is stale
     */
    record Stale(String id, List<Change> why) implements Status {
    }
}
