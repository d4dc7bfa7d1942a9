// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.BuilderModel.Role;

/**
 * The account of what happens to one builder, and the promises that it is held against. It knows what the engine holds,
 * and nothing of how the builder decides.
 *
 * @param builds how many the builder has begun
 * @param marks one bit per {@link Mark}
 */
record Promises(int builds, int marks) {
    static final Promises NONE = new Promises(0, 0);

    /** What has happened. */
    private enum Mark {
        /** The builder's call has begun. */
        BEGUN,
        /** Since then, and since its last build began, the tag has had an image of the builder's inputs. */
        SERVED,
        /** Since the image was named, the engine has held it at some moment. */
        HELD,
        /** Since the build began, others have got in its way: the tag, its image or its inputs were changed. */
        DISTURBED,
        /** The build has failed by itself. */
        BROKEN;

        int bit() {
            return 1 << ordinal();
        }
    }

    // ---- What happens

    /**
     * A step was made.
     *
     * @param own whether it was the builder's
     * @param image that the builder builds, or has built
     */
    Promises see(EngineModel before, EngineModel after, boolean own, int image) {
        if (!own && !has(Mark.BEGUN)) {
            return this;
        }
        boolean changed = before.tag() != after.tag() || before.isUnnamed(image) != after.isUnnamed(image)
                || before.isWhole(image) != after.isWhole(image);
        return mark(Mark.BEGUN, own).mark(Mark.DISTURBED, !own && changed);
    }

    Promises serve(boolean served) {
        return mark(Mark.SERVED, served && has(Mark.BEGUN));
    }

    Promises hold(boolean held) {
        return mark(Mark.HELD, held);
    }

    Promises disturb(boolean disturbed) {
        return mark(Mark.DISTURBED, disturbed);
    }

    Promises fail(boolean broken) {
        return mark(Mark.BROKEN, broken);
    }

    Promises build() {
        return new Promises(builds + 1, marks & Mark.BEGUN.bit());
    }

    /** What was built is to be built again with another label, which is no attempt. */
    Promises uncover() {
        return new Promises(builds - 1, marks);
    }

    private Promises mark(Mark mark, boolean now) {
        return now && !has(mark) ? new Promises(builds, marks | mark.bit()) : this;
    }

    private boolean has(Mark mark) {
        return (marks & mark.bit()) != 0;
    }

    // ---- What is promised: each method tells how that is broken, or nothing

    String ofBuilding(Role role) {
        return builds <= role.attempts() ? "" : "builds more often than it may";
    }

    /** A look-up has not found the image. */
    String ofLooking() {
        return builds == 0 || has(Mark.DISTURBED) ? ""
                : "has lost an attempt, but since that build began nothing has got in its way";
    }

    /**
     * The builder is told that the image is there.
     *
     * @param given the image whose ID it gets
     * @param label the inputs that it has read last
     * @param built whether it is told that it has built that image
     */
    String ofSuccess(Role role, int given, int label, boolean built) {
        if (!has(Mark.SERVED)) {
            return "is told that the image is there, but since it asked or built last the tag has had none of its inputs";
        }
        if (role.rules() == LoopRules.CLAIMED_IS_SUCCESS) {
            return ""; // no ID is given then
        }
        return !role.wants(given, label) ? "is given " + EngineModel.name(given) + ", which is not of its inputs"
                : built && !has(Mark.HELD) ? "is given " + EngineModel.name(given) + ", which is gone already" : "";
    }

    String ofFailure() {
        return has(Mark.BROKEN) ? "" : "fails, but it has only lost a race";
    }

    String ofGivingUp(Role role) {
        return builds == role.attempts() ? "" : "gives up after " + builds + " of " + role.attempts() + " attempts";
    }
}
