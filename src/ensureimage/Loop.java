// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import java.util.Optional;

/**
 * Where the loop for one image is, and what it does next. Each method takes what came of an action and returns what
 * follows from that; nothing here asks the engine, so that every order of events can be tried.
 *
 * @param next what to do now
 * @param builds how many there were
 * @param attempts how many there may be
 * @param owed whether it is to be built although a current image is there
 * @param ifCurrent how the image came to be there, if the next look-up finds it current
 * @param found what the last look-up found
 * @param trouble why the last build did not end the loop; empty before the first one
 * @param share what the loop may still do with a registry, and what it has done
 */
record Loop(Action next, int builds, int attempts, boolean owed, Ensured.How ifCurrent, Found.State found,
        Optional<Trouble> trouble, Share share) {

    /** What the loop does; the last three end it. */
    enum Action {
        LOOK_UP, PULL, BUILD, NAME, LOOK_BACK, PUSH, PAUSE, LOOK_ONCE_MORE, SUCCEED, FAIL, GIVE_UP
    }

    /**
     * The registry's part. It saves builds and decides nothing: whatever comes of a pull but the right image, it is built.
     *
     * @param pull whether the image is to be looked for in the registry before it is built; once is enough
     * @param push whether an image that is built here is offered to others
     * @param pulled whether the image that is to be named comes from the registry
     */
    record Share(boolean pull, boolean push, boolean pulled) {
        /** There is no registry. */
        static final Share NONE = new Share(false, false, false);

        private Share afterPull(boolean found) {
            return new Share(false, push, found);
        }
    }

    /** What came of a pull. */
    enum PullEnd {
        /** The right image is there, without its name. */
        FOUND,
        /** It was there, but another process has taken it from the engine again: perhaps it has the name by now. */
        GONE,
        /** The registry does not have it, or was no help. */
        MISSED
    }

    /** How a build ended. */
    enum BuildEnd {
        /** An image is there that has no name yet. */
        MADE,
        /** The build made the very image that the look-up had found: that one was current. */
        SAME,
        /** BuildKit saw more than the label says: to be built again at once, with a label that says it. */
        UNCOVERED,
        /** Another build has claimed the image. */
        CLAIMED,
        /** It failed for a reason that does not last. */
        TEMPORARY,
        /** What was built is not what is there to be built now. */
        INPUTS_CHANGED,
        /** Any other failure. */
        FAILED
    }

    /** Why a build did not end the loop. */
    enum Trouble { CLAIMED, TEMPORARY, INPUTS_CHANGED }

    static Loop start(Policy policy, int attempts, Share share) {
        return new Loop(Action.LOOK_UP, 0, attempts, policy == Policy.ALWAYS, Ensured.How.PRESENT,
                Found.State.MISSING, Optional.empty(), share);
    }

    /** The tag was looked up. */
    Loop afterLookUp(Found.State state) {
        Loop looked = new Loop(next, builds, attempts, owed, ifCurrent, state, trouble, share);
        if (state == Found.State.CURRENT && !owed) {
            return looked.then(Action.SUCCEED);
        }
        if (builds == attempts) {
            return looked.then(Action.GIVE_UP);
        }
        boolean taken = state == Found.State.STALE && trouble.equals(Optional.of(Trouble.CLAIMED));
        boolean pull = share.pull && !owed && state != Found.State.UNCERTAIN; // docker build is to be asked for that one
        return looked.then(taken ? Action.PAUSE : pull ? Action.PULL : Action.BUILD);
    }

    /** The image was looked for in the registry. */
    Loop afterPull(PullEnd end) {
        Loop pulled = new Loop(next, builds, attempts, owed, ifCurrent, found, trouble,
                share.afterPull(end == PullEnd.FOUND));
        return switch (end) {
            case FOUND -> pulled.then(Action.NAME);
            case GONE -> pulled.byAnother().then(Action.LOOK_UP);
            case MISSED -> pulled.then(Action.BUILD);
        };
    }

    /** Another machine was building it, and the registry has it by now. */
    Loop afterClaim() {
        return new Loop(Action.PULL, builds, attempts, owed, ifCurrent, found, trouble,
                new Share(true, share.push, false));
    }

    /**
     * The image was offered to other machines, once; the result changes nothing here. During the push it had further names.
     * If another process took its own name during that time, the image is gone with the last of them.
     */
    Loop afterPush() {
        return new Loop(Action.LOOK_BACK, builds, attempts, owed, ifCurrent, found, trouble,
                new Share(share.pull, false, share.pulled));
    }

    /** A pause is over: after a temporary failure anything may be there by now, after a lost tag it is built again. */
    Loop afterPause() {
        return then(trouble.equals(Optional.of(Trouble.TEMPORARY)) ? Action.LOOK_UP : Action.BUILD);
    }

    /** The build that was waited for has succeeded. */
    Loop afterWaiting() {
        return byAnother().then(Action.LOOK_UP);
    }

    /** A build has ended. */
    Loop afterBuild(BuildEnd end) {
        Loop built = new Loop(next, builds + 1, attempts, owed, ifCurrent, found, trouble, share.afterPull(false));
        return switch (end) {
            case MADE -> built.then(Action.NAME);
            case SAME -> built.confirmed().then(Action.NAME); // the tag may have been taken away during the build
            case UNCOVERED -> then(Action.BUILD); // no attempt: it says how it ends
            case CLAIMED -> built.claimed();
            case TEMPORARY -> built.in(Trouble.TEMPORARY).then(Action.PAUSE);
            case INPUTS_CHANGED -> built.in(Trouble.INPUTS_CHANGED).then(Action.LOOK_UP);
            case FAILED -> built.then(Action.LOOK_ONCE_MORE);
        };
    }

    /** The image was to be named. @param end {@link BuildEnd#MADE} if the engine says that it has the name */
    Loop afterNaming(BuildEnd end) {
        return switch (end) {
            case MADE, SAME -> then(Action.LOOK_BACK);
            case UNCOVERED -> then(Action.BUILD);
            case CLAIMED -> claimed();
            case TEMPORARY -> in(Trouble.TEMPORARY).then(Action.PAUSE);
            case INPUTS_CHANGED -> in(Trouble.INPUTS_CHANGED).then(Action.LOOK_UP);
            case FAILED -> then(share.pulled ? Action.BUILD : Action.LOOK_ONCE_MORE);
        };
    }

    /** The image was looked up by its ID after it was named. */
    Loop afterLookingBack(boolean there) {
        boolean confirmed = found == Found.State.CURRENT && !owed;
        Ensured.How how = share.pulled ? Ensured.How.PULLED
                : confirmed ? Ensured.How.PRESENT
                : found == Found.State.MISSING ? Ensured.How.BUILT : Ensured.How.REBUILT;
        Action then = share.push && !share.pulled && !confirmed ? Action.PUSH : Action.SUCCEED;
        return there ? new Loop(then, builds, attempts, false, how, found, trouble, share) : claimed();
    }

    /** The tag was looked up after a failure that is none of the known ones. */
    Loop afterLookingOnceMore(Found.State state) {
        return state == Found.State.CURRENT && !owed ? byAnother().then(Action.SUCCEED) : then(Action.FAIL);
    }

    /** What the look-up found is current: a build has said so. */
    private Loop confirmed() {
        return new Loop(next, builds, attempts, false, ifCurrent, Found.State.CURRENT, trouble, share);
    }

    private Loop claimed() {
        return byAnother().in(Trouble.CLAIMED).then(Action.LOOK_UP);
    }

    private Loop byAnother() {
        return new Loop(next, builds, attempts, false, Ensured.How.BUILT_BY_ANOTHER, found, trouble, share);
    }

    private Loop in(Trouble current) {
        return new Loop(next, builds, attempts, owed, ifCurrent, found, Optional.of(current), share);
    }

    private Loop then(Action action) {
        return new Loop(action, builds, attempts, owed, ifCurrent, found, trouble, share);
    }
}
