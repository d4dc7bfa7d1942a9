// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.Loop.Action;
import ensureimage.Loop.Trouble;
import java.util.Optional;

/** The product's decisions; and changes of them, each of which breaks a promise, to see that the checker sees it. */
enum LoopRules {
    /** {@link Loop} as it is. */
    OURS,
    /** The decision as first written: a build that fails because the tag was claimed is a success. */
    CLAIMED_IS_SUCCESS,
    /** The image that was named is not looked up again. */
    NO_LOOK_BACK,
    /** Any image that a look-up finds will do. */
    STALE_IS_CURRENT,
    /** The inputs are not read again after a build. */
    EDITS_DO_NOT_COUNT,
    /** An image that only docker build can tell about will do. */
    UNCERTAIN_IS_CURRENT,
    /** The same after the last attempt. */
    UNCERTAIN_ENDS,
    /** A build that makes the image that was found ends the loop, which does not see whether the tag still has it. */
    SAME_IS_SUCCESS,
    /** An image is named although its label does not cover what BuildKit saw. */
    UNCOVERED_IS_NAMED,
    /** A claimed tag is a failure, as it is of a naive build. */
    CLAIMED_IS_FAILURE,
    /** There is no second attempt. */
    ENDS_EARLY,
    /** The attempts are not counted. */
    ENDS_NEVER,
    /** It waits for the tag instead of building again. */
    LOOKS_FOR_EVER,
    /** What is pulled is not compared. */
    FOREIGN_WILL_DO,
    /** A registry that is no help is a failure. */
    NEEDS_THE_REGISTRY,
    /** It pulls again whenever its tag was lost. */
    PULLS_FOR_EVER;

    /** Whether they differ only where a registry is asked. */
    boolean isAboutSharing() {
        return this == FOREIGN_WILL_DO || this == NEEDS_THE_REGISTRY || this == PULLS_FOR_EVER;
    }

    /** What the loop does next under these rules. */
    Loop change(Loop before, Loop after) {
        boolean claimed = after.next() == Action.LOOK_UP && after.trouble().equals(Optional.of(Trouble.CLAIMED))
                && (before.next() == Action.BUILD || before.next() == Action.NAME);
        return switch (this) {
            case OURS -> after;
            case CLAIMED_IS_SUCCESS -> claimed ? with(after, Action.SUCCEED) : after;
            case NO_LOOK_BACK -> after.next() == Action.LOOK_BACK ? after.afterLookingBack(true) : after;
            case STALE_IS_CURRENT ->
                before.next() == Action.LOOK_UP && after.found() == Found.State.STALE ? with(after, Action.SUCCEED)
                        : after;
            case EDITS_DO_NOT_COUNT -> before.next() == Action.BUILD && (after.next() == Action.BUILD
                    || after.next() == Action.LOOK_UP && after.trouble().equals(Optional.of(Trouble.INPUTS_CHANGED)))
                            ? with(after, Action.NAME)
                            : after;
            case UNCERTAIN_IS_CURRENT -> isUncertain(before, after) ? with(after, Action.SUCCEED) : after;
            case UNCERTAIN_ENDS -> isUncertain(before, after) && after.next() == Action.GIVE_UP
                    ? with(after, Action.SUCCEED)
                    : after;
            case SAME_IS_SUCCESS -> before.next() == Action.BUILD && after.next() == Action.NAME
                    && after.found() == Found.State.CURRENT ? with(after, Action.SUCCEED) : after;
            case UNCOVERED_IS_NAMED -> before.next() == Action.BUILD && after.next() == Action.BUILD
                    ? with(after, Action.NAME)
                    : after;
            case CLAIMED_IS_FAILURE -> claimed ? with(after, Action.FAIL) : after;
            case ENDS_EARLY -> claimed ? with(after, Action.GIVE_UP) : after;
            case LOOKS_FOR_EVER ->
                after.next() == Action.BUILD && after.builds() > 0 ? with(after, Action.LOOK_UP) : after;
            case FOREIGN_WILL_DO -> before.next() == Action.PULL && after.next() == Action.BUILD
                    ? before.afterPull(Loop.PullEnd.FOUND)
                    : after;
            case NEEDS_THE_REGISTRY -> before.next() == Action.PULL && after.next() == Action.BUILD
                    ? with(after, Action.FAIL)
                    : after;
            case PULLS_FOR_EVER -> after.next() == Action.BUILD ? with(after, Action.PULL) : after;
            case ENDS_NEVER -> after.next() == Action.GIVE_UP ? with(after, Action.BUILD) : after;
        };
    }

    private static boolean isUncertain(Loop before, Loop after) {
        return before.next() == Action.LOOK_UP && after.found() == Found.State.UNCERTAIN;
    }

    private static Loop with(Loop loop, Action next) {
        return new Loop(next, loop.builds(), loop.attempts(), loop.owed(), loop.ifCurrent(), loop.found(),
                loop.trouble(), loop.share());
    }
}
