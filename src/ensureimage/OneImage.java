// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.Loop.Action;
import ensureimage.Loop.BuildEnd;
import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.KnownLine;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Change;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * One builder of one image: looks it up, builds it, and judges by what the engine holds, not by words. {@link Loop} says
 * what comes next; this class does it.
 */
final class OneImage {
    private static final int MOST_LABELS = 5; // each build is labelled with more than the one before; two are enough
    private final Policy policy;
    private final Docker docker;
    private final Builds builds;
    private final Freshness freshness;
    private final Planner planner;
    private final Tools tools;
    private final Optional<SharedImage> shared;
    private final Listener listener;
    private final Recipe recipe;
    private final Deadline deadline;
    private Loop loop;
    private Found found;
    private Plan plan;
    private MadeImage built;
    private boolean inputsMove;

    /** @param builds what makes its builds */
    OneImage(Tools tools, Builds builds, Recipe recipe, Listener listener) {
        this.builds = builds;
        this.policy = tools.policy();
        this.docker = tools.docker();
        this.freshness = tools.freshness();
        this.planner = tools.planner();
        this.tools = tools;
        this.listener = listener;
        this.recipe = recipe;
        this.deadline = new Deadline(tools.limits().perImage());
        this.shared = tools.repository().map(through -> new SharedImage(through, tools, recipe, listener));
        this.loop = Loop.start(policy, tools.limits().attempts(),
                tools.repository().map(SharedRepository::share).orElse(Loop.Share.NONE));
    }

    // ---- The loop

    /**
     * Ensures that the engine holds the image, built from what its inputs are now.
     *
     * @throws NotEnsured if it does not: the build failed, the engine is away, time or attempts ran out
     * @throws BaseReplaced if an image that this one is built on was replaced during the build
     */
    Ensured ensure() throws NotEnsured, BaseReplaced, InterruptedException {
        try {
            while (true) {
                switch (loop.next()) {
                    case LOOK_UP -> loop = loop.afterLookUp(lookUp(policy).state());
                    case PULL -> pull(shared.orElseThrow());
                    case PUSH -> push(shared.orElseThrow());
                    case PAUSE -> loop = pause();
                    case BUILD, NAME, LOOK_BACK -> takeTurn();
                    case LOOK_ONCE_MORE -> loop = lookOnceMore();
                    case SUCCEED -> {
                        return new Ensured(recipe, found.id(), loop.ifCurrent(), found.fingerprint(), loop.builds(),
                                shared.flatMap(SharedImage::told), deadline.elapsed());
                    }
                    case FAIL -> throw built.failure(recipe);
                    case GIVE_UP -> throw gaveUp();
                }
            }
        } catch (EngineException e) {
            throw NotEnsured.by(e, recipe, deadline);
        } catch (RecipeException e) {
            throw new NotEnsured.UnusableRecipe(recipe, e);
        } finally {
            shared.ifPresent(SharedImage::end);
        }
    }

    /** Takes what another machine has built, if the registry has it: from the pull to looking back at what it named. */
    private void pull(SharedImage from) throws EngineException, RecipeException, InterruptedException {
        loop = loop.afterPull(builds.aside(() -> from.pull(found, deadline)));
        if (loop.next() == Action.NAME) {
            plan = from.plan();
            built = MadeImage.pulled(from.image());
            loop = loop.afterNaming(name());
        }
        from.dropNames();
        if (loop.next() == Action.LOOK_BACK) {
            loop = loop.afterLookingBack(lookBack());
        }
    }

    private void push(SharedImage to) throws EngineException, RecipeException, InterruptedException {
        loop = builds.aside(() -> {
            to.push(plan, built.image().orElseThrow(), built.witnessed(), tools.limits().perImage());
            return loop.afterPush().afterLookingBack(lookBack());
        });
    }

    /** One build, from asking for a turn to looking back at what it named. */
    private void takeTurn() throws EngineException, RecipeException, BaseReplaced, InterruptedException {
        plan = makePlan();
        try (SingleFlight.Turn turn = waitForTurn()) {
            if (turn.kind() == SingleFlight.Kind.LANDED) {
                loop = loop.afterWaiting();
                return;
            }
            if (tools.flights().isPresent() && shared.isPresent()
                    && builds.aside(() -> shared.get().isBuiltElsewhere(tools.flights().get().longest(), deadline))) {
                loop = loop.afterClaim();
                return;
            }
            for (int labels = 1; loop.next() == Action.BUILD && labels <= MOST_LABELS; labels++) {
                loop = loop.afterBuild(build());
            }
            if (loop.next() == Action.NAME) {
                loop = loop.afterNaming(name());
            }
            if (loop.next() == Action.LOOK_BACK) {
                loop = loop.afterLookingBack(lookBack());
            }
            tellOthers(turn);
        }
    }

    private Plan makePlan() throws EngineException, RecipeException, InterruptedException {
        Builds.Work<Plan> planning = () -> planner.plan(found, true, deadline);
        return planner.pullsFor(found) ? builds.aside(planning) : planning.run();
    }

    /** A claimed image counts as a success for those who wait: each looks it up itself. */
    private void tellOthers(SingleFlight.Turn turn) {
        boolean claimed = loop.next() == Action.LOOK_UP && loop.trouble().equals(Optional.of(Loop.Trouble.CLAIMED));
        if (loop.next() == Action.SUCCEED || loop.next() == Action.PUSH || claimed) {
            turn.succeeded();
        } else if (loop.next() == Action.LOOK_ONCE_MORE) {
            turn.failed();
        }
    }

    /**
     * What {@link #ensure} would find; nothing gets a name.
     *
     * @param ask whether docker build is asked where only it can tell
     */
    Checked check(boolean ask) throws NotEnsured, InterruptedException {
        try {
            lookUp(Policy.IF_STALE);
            plan = planner.plan(found, false, deadline);
            Status status = switch (found.state()) {
                case MISSING -> new Status.Missing();
                case STALE -> new Status.Stale(found.id(), found.why());
                case CURRENT -> new Status.Current(found.id());
                case UNCERTAIN -> ask ? askDocker() : new Status.Uncertain(found.id());
            };
            // What is built on it is to be compared with what it would become.
            boolean kept = status instanceof Status.Current || status instanceof Status.Uncertain;
            String fingerprint = kept ? found.fingerprint() : plan.labels().fingerprint();
            return new Checked(recipe, status, fingerprint, deadline.elapsed(), Optional.of(Details.of(found, plan)));
        } catch (EngineException e) {
            throw NotEnsured.by(e, recipe, deadline);
        } catch (RecipeException e) {
            throw new NotEnsured.UnusableRecipe(recipe, e);
        }
    }

    /** Whether a build makes the image that is there. One that it makes in its place has no name and is removed. */
    private Status askDocker() throws EngineException, RecipeException, InterruptedException, NotEnsured {
        try {
            BuildEnd end = build();
            if (end == BuildEnd.SAME) {
                return new Status.Current(found.id());
            }
            if (end != BuildEnd.MADE && end != BuildEnd.UNCOVERED) {
                throw built.failure(recipe);
            }
            for (HeldImage made : built.image().stream().toList()) {
                docker.run(deadline, List.of("image", "rm", made.id()), line -> {});
            }
        } catch (BaseReplaced e) {
            return new Status.Stale(found.id(), List.of());
        }
        return new Status.Stale(found.id(), List.of(new Change.BuildDiffers()));
    }

    // ---- Its steps

    private Found lookUp(Policy current) throws EngineException, RecipeException, InterruptedException {
        listener.step(recipe, Listener.Step.LOOKING_UP);
        found = freshness.find(recipe, current, deadline);
        return found;
    }

    private Loop pause() throws EngineException, RecipeException, InterruptedException {
        listener.notice(recipe, loop.trouble().equals(Optional.of(Loop.Trouble.TEMPORARY))
                ? new Notice.Temporary(built.verdict().line())
                : new Notice.Taken());
        listener.step(recipe, Listener.Step.PAUSING);
        return builds.aside(() -> {
            Deadline.pause(loop.builds());
            return loop.afterPause();
        });
    }

    private SingleFlight.Turn waitForTurn() throws EngineException, RecipeException, InterruptedException {
        String key = String.join("\n", docker.identity(), recipe.reference().toString(), plan.key());
        if (tools.flights().isEmpty()) {
            return tools.lookOut(plan, loop.builds(), key, deadline.left());
        }
        listener.step(recipe, Listener.Step.WAITING);
        return builds.aside(
                () -> tools.flights().get().turn(key, deadline.left(), notice -> listener.notice(recipe, notice)));
    }

    /**
     * Builds without a name; the image is named when it is known that it is what its label says. So no process ever finds
     * an image under the tag whose inputs changed while they were read, and the image that had the tag before keeps its
     * ID: the engine's own tag code keeps it, BuildKit would drop it (Docker 26.1, 28.5, containerd).
     */
    private BuildEnd build() throws EngineException, RecipeException, BaseReplaced, InterruptedException {
        listener.step(recipe, Listener.Step.BUILDING);
        try (Workplace place = openWorkplace()) {
            Plan planned = place.plan();
            plan = planned;
            listener.notice(recipe, new Notice.Building(
                    found.isStale() ? Optional.of(found.why()) : Optional.empty(), recipe.context(), loop.builds() + 1,
                    tools.limits().attempts()));
            BuildCache cache = shared.isPresent() ? shared.get().cache(planned, deadline) : BuildCache.NONE;
            Recipe buildable = plan.expected().hasOtherBuilder() ? place.recipeWithBases(docker, deadline)
                    : place.recipe();
            Docker.Built result = builds.make(plan, buildable, cache, deadline,
                    line -> listener.output(recipe, recipe.options().redacted(line)));
            Verdict verdict = Verdict.read(result.process(), recipe.reference());
            List<String> ids = result.ids().isEmpty() ? verdict.id().stream().toList() : result.ids();
            Map<String, HeldImage> held = lookUp(result, ids);
            Optional<HeldImage> image = ids.stream().map(held::get).filter(Objects::nonNull).findFirst();
            boolean done = verdict.meaning() == KnownLine.Meaning.DONE;
            built = new MadeImage(Optional.of(verdict), image, done ? NotEnsured.BuildFailed.Stage.LOADING
                    : NotEnsured.BuildFailed.Stage.BUILDING, result.witness().isPresent());
            return image.isPresent() ? judge(result, image.get(), held) : judgeFailure(verdict, done, ids);
        }
    }

    /** The image that was built, and what it is built on: by one question, after the build. */
    private Map<String, HeldImage> lookUp(Docker.Built result, List<String> ids)
            throws EngineException, InterruptedException {
        return result.held().isPresent() ? result.held().get()
                : ids.isEmpty() ? Map.of()
                : docker.lookUp(plan.expected().bases(), List.of(ids), deadline);
    }

    /** Inputs that were written to during a build are built from a copy. */
    private Workplace openWorkplace() throws EngineException, RecipeException {
        Optional<Workplace> copy = inputsMove ? Workplace.copy(docker, plan) : Optional.empty();
        return copy.isPresent() ? copy.get() : Workplace.link(docker, plan);
    }

    /** Whether the image is what its label says. */
    private BuildEnd judge(Docker.Built result, HeldImage image, Map<String, HeldImage> held)
            throws EngineException, RecipeException, BaseReplaced, InterruptedException {
        Optional<Plan> truer = planner.hear(plan, result, found.state() != Found.State.UNCERTAIN, deadline);
        if (truer.isEmpty()) {
            truer = planner.seePlatform(plan, image);
        }
        if (truer.isPresent()) {
            plan = truer.get();
            listener.notice(recipe, new Notice.LabelledAnew());
            return BuildEnd.UNCOVERED;
        }
        if (inputsHaveMoved()) {
            return BuildEnd.UNCOVERED;
        }
        if (!planner.basesAreUnchanged(plan, held)) {
            listener.notice(recipe, new Notice.InputsChanged());
            return BuildEnd.INPUTS_CHANGED;
        }
        requireBases(held, Optional.empty());
        return found.state() == Found.State.UNCERTAIN && image.id().equals(found.id()) ? BuildEnd.SAME : BuildEnd.MADE;
    }

    /** Whether the inputs were written to during a build for the first time; the next one is made from a copy. */
    private boolean inputsHaveMoved() {
        if (inputsMove || plan.fingerprint().isUnchanged(recipe, plan.expected().surroundings())) {
            return false;
        }
        inputsMove = true;
        listener.notice(recipe, new Notice.InputsChanged());
        return true;
    }

    private BuildEnd judgeFailure(Verdict verdict, boolean done, List<String> ids)
            throws EngineException, BaseReplaced, InterruptedException {
        if (!ids.isEmpty()) { // it was there, and was removed since
            listener.notice(recipe, new Notice.Claimed(verdict.line()));
            return BuildEnd.CLAIMED;
        }
        BuildEnd end = done ? BuildEnd.FAILED : end(verdict);
        if (end == BuildEnd.FAILED && inputsHaveMoved()) { // docker may have met a file that was gone for a moment
            return BuildEnd.UNCOVERED;
        }
        if (end == BuildEnd.FAILED) { // perhaps for want of a base
            requireBases(docker.lookUp(recipe.bases().keySet(), deadline),
                    verdict.missesOneOf(recipe.bases().keySet()) ? Optional.of(built.failure(recipe))
                            : Optional.empty());
        }
        return end;
    }

    private BuildEnd name() throws EngineException, InterruptedException {
        listener.step(recipe, Listener.Step.NAMING);
        HeldImage image = built.image().orElseThrow();
        Verdict verdict = Verdict.read(docker.tag(image.id(), recipe.reference(), deadline), recipe.reference());
        built = built.named(verdict);
        if (verdict.meaning() != KnownLine.Meaning.DONE) {
            return end(verdict);
        }
        freshness.memory().keep(plan.fingerprint());
        return BuildEnd.MADE;
    }

    /**
     * Whether the image is still there now that it has its name. While others take the tag for images of theirs, the
     * engine can drop ours with it: its tag code deletes the name without looking again whose it is by then (Docker 26.1,
     * {@code daemon/containerd/image_tag.go}).
     */
    private boolean lookBack() throws EngineException, InterruptedException {
        String id = built.image().orElseThrow().id();
        HeldImage image = docker.lookUp(List.of(id), deadline).get(id);
        if (image != null) {
            freshness.remember(recipe.reference(), image);
            found = found.become(id, plan.labels().fingerprint());
        } else {
            listener.notice(recipe, new Notice.Claimed(built.verdict().line()));
        }
        return image != null;
    }

    private Loop lookOnceMore() throws EngineException, RecipeException, InterruptedException {
        Loop after = loop.afterLookingOnceMore(lookUp(Policy.IF_STALE).state());
        if (after.next() == Action.SUCCEED) {
            listener.notice(recipe, new Notice.MadeByAnother(recipe.options().redacted(built.verdict().line())));
        }
        return after;
    }

    private BuildEnd end(Verdict verdict) throws EngineException, InterruptedException {
        return switch (verdict.meaning()) {
            case CLAIMED -> {
                listener.notice(recipe, new Notice.Claimed(verdict.line()));
                yield BuildEnd.CLAIMED;
            }
            case TEMPORARY -> BuildEnd.TEMPORARY;
            case NO_ENGINE -> throw docker.failure(verdict.line());
            case INTERRUPTED -> throw new InterruptedException();
            case DONE, FAILED -> BuildEnd.FAILED;
        };
    }

    // ---- Its failures

    /** @param missed what the failure is if a base was not found although the engine holds all of them now */
    private void requireBases(Map<String, HeldImage> held, Optional<NotEnsured> missed) throws BaseReplaced {
        Optional<String> replaced = Freshness.replacedBase(recipe, held);
        if (replaced.isPresent()) {
            throw new BaseReplaced(new NotEnsured.GaveUp(recipe, NotEnsured.GaveUp.Reason.BASE_REPLACED,
                    replaced.get(), loop.builds() + 1, deadline.elapsed()));
        }
        if (missed.isPresent()) {
            throw new BaseReplaced(missed.get());
        }
    }

    private NotEnsured.GaveUp gaveUp() {
        Loop.Trouble trouble = loop.trouble().orElseThrow();
        NotEnsured.GaveUp.Reason reason = switch (trouble) {
            case TEMPORARY -> NotEnsured.GaveUp.Reason.TEMPORARY;
            case INPUTS_CHANGED -> NotEnsured.GaveUp.Reason.INPUTS_CHANGED;
            case CLAIMED -> found.state() == Found.State.MISSING ? NotEnsured.GaveUp.Reason.REMOVED
                    : NotEnsured.GaveUp.Reason.TAKEN;
        };
        String detail = trouble == Loop.Trouble.TEMPORARY ? built.verdict().line() : "";
        return new NotEnsured.GaveUp(recipe, reason, detail, loop.builds(), deadline.elapsed());
    }
}
