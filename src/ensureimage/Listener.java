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
    enum Step {
        /** The inputs are read, and the engine is asked. */
        LOOKING_UP,
        /** The image comes from the registry. */
        PULLING,
        /** Another process or thread builds the same image. */
        WAITING,
        /** {@code docker build} runs. */
        BUILDING,
        /** The image that was built gets its name. */
        NAMING,
        /** The image goes to the registry. */
        PUSHING,
        /** A moment before the next attempt. */
        PAUSING
    }

    /**
     * The work on several images begins.
     *
     * @param members bases before what is built on them
     */
    default void begin(List<ImageCollection.Member> members) {
    }

    /**
     * A step of the work on one image begins.
     *
     * @param recipe of the image
     * @param step what begins
     */
    default void step(Recipe recipe, Step step) {
    }

    /**
     * A line that docker printed while it built.
     *
     * @param recipe of the image
     * @param line not to be trusted; values that must not be shown are taken out
     */
    default void output(Recipe recipe, String line) {
    }

    /**
     * How far a pull or push is.
     *
     * @param recipe of the image
     * @param bytes of its layers, up to now
     * @param whole bytes, if all is known already, else those known up to now
     */
    default void transferred(Recipe recipe, long bytes, long whole) {
    }

    /**
     * Something that a person may want to know.
     *
     * @param recipe of the image
     * @param notice as data
     */
    default void notice(Recipe recipe, Notice notice) {
    }

    /**
     * Nothing is being done for an image any more; its outcome follows when those before it have one.
     *
     * @param member the image
     */
    default void done(ImageCollection.Member member) {
    }

    /**
     * An image has its outcome; in the order of {@link #begin}.
     *
     * @param member the image
     * @param outcome what became of it
     */
    default void ended(ImageCollection.Member member, Outcome outcome) {
    }
}
