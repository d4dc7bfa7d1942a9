// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.EngineModel.NONE;

import ensureimage.EngineAnswer.Words;
import ensureimage.EngineCall.At;
import ensureimage.Loop.Action;
import ensureimage.Loop.BuildEnd;
import ensureimage.Loop.Trouble;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * One caller of the product: it does what {@link OneImage} does, and decides by {@link Loop}. What does not reach the
 * engine takes no time here; a pause neither.
 *
 * @param loop where it is; the action that is next there is the one that it is at
 * @param call that it waits for; null if it waits for its turn, or has ended
 * @param read the inputs that it has read last; if it cannot read them all, those that its build saw last
 * @param found the image that it has looked up last
 * @param image that it builds, or has built last
 * @param knows what its builds have taught it
 * @param promises what has happened to it
 */
record BuilderModel(Role role, Loop loop, EngineCall call, int read, int found, int image, Set<Lesson> knows,
        Promises promises, Flight flight, End end) {

    /**
     * What a builder wants.
     *
     * @param number 1 to 3
     * @param inputs {@link RaceModel#A} or {@link RaceModel#B}
     */
    record Role(int number, int inputs, Policy policy, int attempts, LoopRules rules, Set<Trait> traits) {

        private Loop start() {
            boolean shares = traits.contains(Trait.SHARES);
            return Loop.start(policy, attempts, new Loop.Share(shares, shares, false));
        }

        /** Whether the image is one that a builder with these inputs may be given. */
        boolean wants(int image, int now) {
            return image != NONE && (policy == Policy.IF_MISSING || EngineModel.content(image) == now
                    && (!readsAll() || EngineModel.label(image) == now));
        }

        /** Whether a look-up and a second reading see an edit. */
        boolean readsAll() {
            return !has(Trait.ASKS) && !has(Trait.MISREADS);
        }

        boolean has(Trait trait) {
            return traits.contains(trait);
        }

        /** What the label tells of when it has read these inputs. */
        int label(int read, Set<Lesson> knows) {
            return has(Trait.ASKS) ? RaceModel.A
                    : has(Trait.MISREADS) && !knows.contains(Lesson.COVERAGE) ? EngineModel.NARROW : read;
        }
    }

    /** What is so of some builders. */
    enum Trait {
        /** Its images differ from those that others build from the same inputs, as with attestations. */
        OWN_IMAGES,
        /** Its builds can fail by themselves. */
        BREAKS,
        /** It waits while another one builds the same. */
        WAITS,
        /** It looks in a registry before it builds, and pushes what it has built. */
        SHARES,
        /**
         * The edit is of something that no look-up can know, as what a URL leads to, so docker build is asked each time:
         * {@code InputsTest}, "a url without checksum is asked for each time".
         */
        ASKS,
        /**
         * The edit is of a file that it does not take for an input until BuildKit says that the build has seen it:
         * {@code WitnessTest}, "a misread dockerfile costs a cached build and no wrong answer".
         */
        MISREADS,
        /** The edit is of a base image, of which there is no copy to build from: {@code CollectionTest}. */
        BASED
    }

    /** What a build can teach, so that the next one has a label that is true: {@code Loop.BuildEnd.UNCOVERED}. */
    enum Lesson {
        /** What the build sees. */
        COVERAGE,
        /** That the inputs are being written to, so that a copy is to be built: {@code InputsTest}, "built from a copy". */
        WRITTEN_TO
    }

    /** How it ended. */
    enum End {
        RUNNING, ENSURED, FAILED, GAVE_UP, NO_ENGINE
    }

    /** Its part in single flight. */
    enum Flight {
        NONE, WAITING, MINE, ALONE
    }

    /** What one whose turn has ended tells those that wait for it. */
    enum Said {
        NOTHING, SUCCEEDED, FAILED
    }

    /**
     * A builder after a step.
     *
     * @param fault how that breaks a promise; empty if it does not
     */
    record Moved(BuilderModel builder, String fault, Said said) {
    }

    static BuilderModel start(Role role) {
        return new BuilderModel(role, role.start(), EngineCall.begin(At.FIND_TAG, NONE), 0, NONE, NONE, Set.of(),
                Promises.NONE, Flight.NONE, End.RUNNING);
    }

    boolean isRunning() {
        return end == End.RUNNING;
    }

    @Override
    public String toString() {
        return "builder " + role.number + " of folder " + EngineModel.inputs(role.inputs);
    }

    // ---- Answers of the engine

    /** Its call goes on. */
    BuilderModel with(EngineCall then) {
        boolean makes = loop.next() == Action.BUILD || loop.next() == Action.PULL;
        return new BuilderModel(role, loop, then, read, found, makes ? then.image() : image, knows, promises, flight,
                end);
    }

    /** It has its inputs read by the engine, as they are now. Of those it has a copy of, it gives the copy. */
    BuilderModel seen(int now) {
        return role.readsAll() ? this
                : new BuilderModel(role, loop, call, now, found, image, knows, promises, flight, end);
    }

    /** What it asks the engine to build. */
    int wanted(int now) {
        int content = knows.contains(Lesson.WRITTEN_TO) ? read : now;
        return EngineModel.image(role.label(read, knows), content, role.has(Trait.OWN_IMAGES) ? role.number : 0);
    }

    /** Its call has ended. @param now what its inputs are */
    Moved receive(EngineAnswer answer, EngineModel engine, int now) {
        if (answer.words() == Words.AWAY) {
            return new Moved(ended(End.NO_ENGINE), "", Said.NOTHING);
        }
        if (call.at() == At.UNTAG && loop.next() != Action.PUSH) {
            return act(Said.NOTHING);
        }
        return switch (loop.next()) {
            case PULL -> built(answer.image(), promises).follow(loop.afterPull(pullEnd(answer)));
            case PUSH -> follow(loop.afterPush());
            case BUILD -> receiveBuilt(answer, now);
            case NAME -> built(image, promises.hold(engine.holds(image))).follow(loop.afterNaming(end(answer)));
            default -> answer.words() == Words.DONE || answer.saysMissing() ? look(answer.image(), now)
                    : new Moved(ended(End.NO_ENGINE), "fails as if the engine were away", Said.NOTHING);
        };
    }

    /** As {@code SharedImage.fetch}. */
    private Loop.PullEnd pullEnd(EngineAnswer answer) {
        return answer.saysMissing() ? Loop.PullEnd.GONE
                : answer.words() == Words.DONE && EngineModel.label(answer.image()) == read ? Loop.PullEnd.FOUND
                : Loop.PullEnd.MISSED;
    }

    private Moved receiveBuilt(EngineAnswer answer, int now) {
        BuildEnd how = buildEnd(answer, now);
        Promises then = promises.disturb(answer.words() == Words.LOCKED || moved(now))
                .fail(answer.words() == Words.BROKEN);
        BuilderModel built = built(answer.image(), then);
        return (how == BuildEnd.UNCOVERED ? built.learn(now) : built).follow(loop.afterBuild(how));
    }

    /** Whether the inputs, as it reads them again after a build, are not those that it has read before. */
    private boolean moved(int now) {
        return role.readsAll() && !knows.contains(Lesson.WRITTEN_TO) && now != read;
    }

    /** It reads its inputs again, with what it has learned. */
    private BuilderModel learn(int now) {
        Set<Lesson> more = EnumSet.of(role.has(Trait.MISREADS) ? Lesson.COVERAGE : Lesson.WRITTEN_TO);
        more.addAll(knows);
        return new BuilderModel(role, loop, call, now, found, image, Set.copyOf(more), promises.uncover(), flight, end);
    }

    private Moved look(int image, int now) {
        return switch (loop.next()) {
            case LOOK_UP -> {
                Moved moved = looked(image, now).follow(loop.afterLookUp(state(image, role.policy, now)));
                String lost = moved.builder.end == End.ENSURED ? "" : promises.ofLooking();
                yield lost.isEmpty() ? moved : new Moved(moved.builder, lost, Said.NOTHING);
            }
            case LOOK_BACK -> looked(image, read).follow(loop.afterLookingBack(image != NONE));
            case LOOK_ONCE_MORE -> looked(image, now)
                    .follow(loop.afterLookingOnceMore(state(image, Policy.IF_STALE, now)));
            default -> throw new IllegalStateException(loop.next().name());
        };
    }

    /** As {@code Freshness.find}: what is compared is what the label covers. */
    private Found.State state(int image, Policy policy, int now) {
        if (image == NONE || policy == Policy.IF_MISSING) {
            return image == NONE ? Found.State.MISSING : Found.State.CURRENT;
        }
        int label = EngineModel.label(image);
        boolean alike = label == EngineModel.NARROW || label == (role.has(Trait.ASKS) ? RaceModel.A : now);
        return !alike ? Found.State.STALE : role.has(Trait.ASKS) ? Found.State.UNCERTAIN : Found.State.CURRENT;
    }

    /** As {@code OneImage.build}: an ID counts more than words. */
    private BuildEnd buildEnd(EngineAnswer answer, int now) {
        if (!answer.tellsId()) {
            BuildEnd failed = end(answer);
            return failed == BuildEnd.FAILED && moved(now) && !role.has(Trait.BASED) ? BuildEnd.UNCOVERED : failed;
        }
        if (role.has(Trait.MISREADS) && !knows.contains(Lesson.COVERAGE)) {
            return BuildEnd.UNCOVERED;
        }
        if (moved(now)) {
            return role.has(Trait.BASED) ? BuildEnd.INPUTS_CHANGED : BuildEnd.UNCOVERED;
        }
        return loop.found() == Found.State.UNCERTAIN && answer.image() == found ? BuildEnd.SAME : BuildEnd.MADE;
    }

    private static BuildEnd end(EngineAnswer answer) {
        return switch (answer.meaning()) {
            case DONE -> BuildEnd.MADE;
            case CLAIMED -> BuildEnd.CLAIMED;
            case TEMPORARY -> BuildEnd.TEMPORARY;
            default -> BuildEnd.FAILED;
        };
    }

    private BuilderModel looked(int which, int inputs) {
        return new BuilderModel(role, loop, null, inputs, which, image, knows, promises, flight, end);
    }

    private BuilderModel built(int which, Promises then) {
        return new BuilderModel(role, loop, null, read, found, which, knows, then, flight, end);
    }

    // ---- What it does next

    private Moved follow(Loop decided) {
        Loop next = role.rules.change(loop, decided);
        Said said = flight == Flight.MINE ? said(next) : Said.NOTHING;
        boolean again = loop.next() == Action.BUILD && next.next() == Action.BUILD; // with another label
        Flight then = again || next.next() == Action.NAME || next.next() == Action.LOOK_BACK ? flight : Flight.NONE;
        while (next.next() == Action.PAUSE) {
            next = next.afterPause();
        }
        BuilderModel now = new BuilderModel(role, next, null, read, found, image, knows, promises, then, end);
        return again ? now.build(said)
                : loop.share().pulled() && loop.next() == Action.NAME
                        ? new Moved(now.with(EngineCall.begin(At.UNTAG, image)), "", said)
                : now.act(said);
    }

    /** Begins what is next. */
    private Moved act(Said said) {
        return switch (loop.next()) {
            case LOOK_UP, LOOK_ONCE_MORE -> new Moved(with(EngineCall.begin(At.FIND_TAG, NONE)), "", said);
            case PULL -> new Moved(with(EngineCall.begin(At.ASK, EngineModel.image(read, read, 0))), "", said);
            case PUSH -> new Moved(with(EngineCall.begin(At.OFFER, image)), "", said);
            case BUILD -> role.has(Trait.WAITS) ? new Moved(in(Flight.WAITING), "", said) : build(said);
            case NAME -> new Moved(with(EngineCall.begin(At.RESOLVE, image)), "", said);
            case LOOK_BACK -> new Moved(with(EngineCall.begin(At.FIND_ID, image)), "", said);
            case SUCCEED -> new Moved(ended(End.ENSURED), faultOfSuccess(loop.ifCurrent()), said);
            case FAIL -> new Moved(ended(End.FAILED), promises.ofFailure(), said);
            case GIVE_UP -> new Moved(ended(End.GAVE_UP), promises.ofGivingUp(role), said);
            case PAUSE -> throw new IllegalStateException("it is over");
        };
    }

    private Moved build(Said said) {
        Promises then = promises.build();
        return new Moved(
                new BuilderModel(role, loop, EngineCall.begin(At.COMMIT, NONE), read,
                        role.has(Trait.ASKS) ? found : NONE, NONE, knows, then, flight, end),
                then.ofBuilding(role), said);
    }

    private String faultOfSuccess(Ensured.How how) {
        boolean built = how == Ensured.How.BUILT || how == Ensured.How.REBUILT || how == Ensured.How.PULLED;
        return promises.ofSuccess(role, built ? image : found, read, built);
    }

    private BuilderModel ended(End how) { // nothing else of it matters any more
        return new BuilderModel(role, role.start(), null, 0, NONE, NONE, Set.of(), Promises.NONE, Flight.NONE, how);
    }

    // ---- Single flight

    /** As {@code OneImage.tellOthers}. */
    private static Said said(Loop next) {
        boolean claimed = next.next() == Action.LOOK_UP && next.trouble().equals(Optional.of(Trouble.CLAIMED));
        return next.next() == Action.SUCCEED || next.next() == Action.PUSH || claimed ? Said.SUCCEEDED
                : next.next() == Action.LOOK_ONCE_MORE ? Said.FAILED : Said.NOTHING;
    }

    boolean waitsFor(BuilderModel other) {
        return flight == Flight.WAITING && other.flight == Flight.MINE && other.read == read;
    }

    /** It waits no more, but builds. */
    Moved takeTurn(Flight kind) {
        return in(kind).build(Said.NOTHING);
    }

    /** The one that it waits for has ended. */
    Moved hear(Said said) {
        return said == Said.FAILED ? takeTurn(Flight.ALONE) : in(Flight.NONE).follow(loop.afterWaiting());
    }

    private BuilderModel in(Flight now) {
        return new BuilderModel(role, loop, call, read, found, image, knows, promises, now, end);
    }

    // ---- What others do

    /** A step was made. @param own whether it was this one's */
    BuilderModel see(EngineModel before, EngineModel after, boolean own, int now) {
        if (!isRunning()) {
            return this;
        }
        Promises then = promises.see(before, after, own, image)
                .serve(role.wants(after.tag(), now) || role.wants(after.tag(), read))
                .hold(loop.next() == Action.LOOK_BACK && after.holds(image));
        return new BuilderModel(role, loop, call, read, found, image, knows, then, flight, end);
    }

    /** The engine was killed: a call that it is at fails. */
    BuilderModel cut() {
        return call != null && call.hasBegun() ? ended(End.NO_ENGINE) : this;
    }
}
