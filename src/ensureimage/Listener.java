// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Recipe;
import java.util.List;

/** Is told what happens on the way; from several threads at once. */
public interface Listener {

    /** Hears nothing. */
    Listener NONE = new Listener() {
    };

    /** Where the work on one image is. */
    enum Step { LOOKING_UP, PULLING, WAITING, BUILDING, NAMING, PUSHING, PAUSING }

    /** The work on several images begins. @param members bases before what is built on them */
    default void begin(List<ImageCollection.Member> members) {
    }

    /** A step of the work on one image begins. */
    default void step(Recipe recipe, Step step) {
    }

    /** A line that docker printed while it built; not to be trusted. Values that must not be shown are taken out. */
    default void output(Recipe recipe, String line) {
    }

    /** How far a pull or push is. @param bytes of layers @param whole as far as it is known yet */
    default void transferred(Recipe recipe, long bytes, long whole) {
    }

    /** Something that a person may want to know. */
    default void notice(Recipe recipe, Notice notice) {
    }

    /** Nothing is being done for an image any more; its outcome follows when those before it have one. */
    default void done(ImageCollection.Member member) {
    }

    /** An image has its outcome; in the order of {@link #begin}. */
    default void ended(ImageCollection.Member member, Outcome outcome) {
    }
}
