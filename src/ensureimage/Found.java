// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.HeldImage;
import ensureimage.recipe.Change;
import java.util.List;
import java.util.Map;

/**
 * The image under a reference, as it was a moment ago.
 *
 * @param id of the image; empty if it is missing
 * @param fingerprint the image's label; empty if it has none
 * @param why what makes it stale, if that is known
 * @param expected what a build would see
 * @param images what the engine held of {@link Expectation#names}
 * @param inputs what it was compared with, or would have been
 */
record Found(State state, String id, String fingerprint, List<Change> why, Expectation expected,
        Map<String, HeldImage> images, Expectation.Reader inputs) {

    /** What a look-up says of an image. */
    enum State {
        MISSING,
        /** It was built from other inputs. */
        STALE,
        /** As far as a look-up can know, it is the one wanted; but docker build is to be asked. */
        UNCERTAIN,
        /** It is the one wanted. */
        CURRENT
    }

    boolean isCurrent() {
        return state == State.CURRENT;
    }

    boolean isStale() {
        return state == State.STALE;
    }

    /** What it became by a build. */
    Found become(String built, String label) {
        return new Found(state, built, label, why, expected, images, inputs);
    }
}
