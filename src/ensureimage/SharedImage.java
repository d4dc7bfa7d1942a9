// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.Loop.PullEnd;
import ensureimage.engine.BuildCache;
import ensureimage.engine.Cosign;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Change;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Looks one image up in the registry that machines share, and offers it there. An image is found by what it is made of;
 * whether it really is, is told as of any image that the engine holds, by {@link Freshness}.
 */
final class SharedImage {
    private final SharedRepository repository;
    private final Docker docker;
    private final Freshness freshness;
    private final Recipe recipe;
    private final Listener listener;
    private final SharedCourse course;
    private boolean ambiguous;
    private Optional<Reference> missing = Optional.empty(); // its first tag, if the registry has nothing there to be used
    private Optional<Optional<String>> near = Optional.empty(); // once it was looked for
    private boolean waited;
    private Optional<Claims.Claim> claim = Optional.empty();
    private Optional<HeldImage> image = Optional.empty();
    private Optional<Plan> plan = Optional.empty();

    SharedImage(SharedRepository repository, Tools tools, Recipe recipe, Listener listener) {
        this.repository = repository;
        this.docker = tools.docker();
        this.freshness = tools.freshness();
        this.recipe = recipe;
        this.listener = listener;
        this.course = new SharedCourse(repository, docker, recipe, listener);
    }

    /** What came of it so far. */
    Optional<Shared> told() {
        return course.told();
    }

    /** What was pulled; only after {@link PullEnd#FOUND}. */
    HeldImage image() {
        return image.orElseThrow();
    }

    /** The plan that it was built by elsewhere: what its label says is true of the inputs as they are now. */
    Plan plan() {
        return plan.orElseThrow();
    }

    // ---- Pulling

    /**
     * Has the engine fetch the image if the registry has it. Time that came to nothing does not count. Once the image has its
     * name here, or is not wanted, {@link #dropNames} is to be called.
     */
    PullEnd pull(Found found, Deadline deadline) throws EngineException, RecipeException, InterruptedException {
        Deadline spent = new Deadline(deadline.left());
        PullEnd end = find(found, deadline);
        if (end != PullEnd.FOUND) {
            deadline.excuse(spent.elapsed());
        }
        return end;
    }

    private PullEnd find(Found found, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Expectation expected = found.expected();
        Coverage predicted = expected.dockerfile().coverage(false);
        String platform = freshness.wantedPlatform(recipe, deadline);
        Reference first = repository.predicted(found.inputs().read(predicted).value(), platform);
        if (!course.isShareable(first, expected) || !repository.pulls()) {
            return PullEnd.MISSED;
        }
        listener.step(recipe, Listener.Step.PULLING);
        PullEnd end = fetch(first, found, deadline);
        Optional<Reference> second = end == PullEnd.MISSED && repository.pulls()
                ? exact(found, predicted, platform, deadline)
                : Optional.empty();
        if (second.isPresent()) {
            end = fetch(second.get(), found, deadline);
        }
        if (end == PullEnd.MISSED && image.isPresent() && !ambiguous) {
            course.findForeign(second.orElse(first));
        } else if (end == PullEnd.MISSED) {
            course.tellRefusal();
        }
        return end;
    }

    /**
     * The second tag, if the first one cannot tell this image from others: a build saw other files than predicted, as an
     * image here or there says, or on another machine a base image is another one. Empty if not all of its bases are known.
     */
    private Optional<Reference> exact(Found found, Coverage predicted, String platform, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Optional<Labels> there = image.flatMap(held -> Labels.read(held.labels()));
        Optional<Coverage> seen = there.map(Labels::coverage)
                .or(() -> found.expected().learned().map(Memory.Lesson::coverage));
        ambiguous = seen.filter(coverage -> !coverage.equals(predicted)).isPresent()
                || image.isPresent() && freshness.compare(found, image.get(), deadline).why().stream()
                        .anyMatch(Change.BasesReplaced.class::isInstance);
        if (!ambiguous) {
            return Optional.empty();
        }
        Set<String> names = there.map(labels -> labels.bases().identities().keySet())
                .orElse(found.expected().outsideBases());
        Map<String, HeldImage> held = names.isEmpty() ? Map.of() : docker.lookUp(names, deadline);
        return held.keySet().containsAll(names)
                ? Optional.of(repository.exact(found.inputs().read(seen.get()).value(), platform,
                        BaseImages.find(names, held)))
                : Optional.empty();
    }

    private PullEnd fetch(Reference reference, Found found, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        RegistryTransfers.End end = repository.pull(reference, deadline,
                (bytes, whole) -> listener.transferred(recipe, bytes, whole));
        course.spend(end.took());
        if (end instanceof RegistryTransfers.NotThere) {
            missing = missing.or(() -> Optional.of(reference));
            tell(reference, Shared.Action.MISSED, 0);
            return PullEnd.MISSED;
        }
        course.name(reference); // also if not all of it came
        if (end instanceof RegistryTransfers.Refused refused && refused.isCertain()) {
            missing = missing.or(() -> Optional.of(reference));
            course.refuse(reference, refused);
            return PullEnd.MISSED;
        }
        if (!(end instanceof RegistryTransfers.Done done)) {
            course.fail(reference, end);
            if (end instanceof RegistryTransfers.Denied || end instanceof RegistryTransfers.Refused) {
                repository.denyPulls();
            }
            return PullEnd.MISSED;
        }
        Optional<HeldImage> held = held(reference, done, deadline);
        if (held.isEmpty()) {
            tell(reference, Shared.Action.MISSED, done.bytes());
            return PullEnd.GONE;
        }
        image = held;
        Found.State state = freshness.compare(found, image.get(), deadline).state();
        if (state == Found.State.CURRENT || state == Found.State.UNCERTAIN && repository.settings().all()) {
            Labels labels = Labels.read(image.get().labels()).orElseThrow();
            plan = Optional.of(new Plan(found.expected(), found.inputs().read(labels.coverage()), labels));
            tell(reference, Shared.Action.PULLED, done.bytes());
            return PullEnd.FOUND;
        }
        tell(reference, Shared.Action.MISSED, done.bytes());
        return PullEnd.MISSED;
    }

    private void tell(Reference reference, Shared.Action action, long bytes) {
        course.tell(reference, action, Shared.Reason.NONE, "", bytes);
    }

    /** By the digest that the registry named: the tag may be another process's by now. */
    private Optional<HeldImage> held(Reference reference, RegistryTransfers.Done done, Deadline deadline)
            throws EngineException, InterruptedException {
        List<String> names = new ArrayList<>();
        done.digest().ifPresent(digest -> names.add(reference.name() + "@" + digest));
        if (repository.signatures().isEmpty()) {
            names.add(reference.toString());
        }
        Map<String, HeldImage> held = docker.lookUp(names, deadline);
        return names.stream().map(held::get).filter(each -> each != null).findFirst();
    }

    /** Takes the registry's names from what was pulled or pushed: by now it has the name of its reference, or none. */
    void dropNames() throws EngineException, InterruptedException {
        course.dropNames();
    }

    // ---- Building

    /** What a build can have of an image that was shared before, and is to leave for those that come after. */
    BuildCache cache(Plan planned, Deadline deadline) throws InterruptedException {
        boolean ours = planned.expected().builder() == BuilderKind.BUILDKIT && !recipe.options().choosesCache();
        if (!ours || !course.isOffered(planned.expected())) {
            return BuildCache.NONE;
        }
        if (near.isEmpty() && missing.isPresent() && repository.pulls()) {
            near = Optional.of(near(planned.labels().platform().wanted(), deadline));
        }
        return new BuildCache(true, near.flatMap(name -> name), repository.settings().silence());
    }

    /** The name of the image that was shared last; if it has to be signed, only of one that is, and exactly of that one. */
    private Optional<String> near(String platform, Deadline deadline) throws InterruptedException {
        Reference tag = repository.near(recipe, platform);
        if (repository.signatures().isEmpty()) {
            return Optional.of(tag.toString());
        }
        Deadline spent = new Deadline(deadline.left());
        Cosign.Answer last = repository.signatures().get().verify(tag, deadline);
        deadline.excuse(spent.elapsed());
        if (last.kind() == Cosign.Kind.SILENT) {
            course.fail(tag, new RegistryTransfers.Failed("", last.took()));
        }
        return Optional.of(last).filter(answer -> answer.kind() == Cosign.Kind.SIGNED)
                .map(answer -> tag.name() + "@" + answer.digest());
    }

    /**
     * Waits while another machine builds the image.
     *
     * @param longest how long
     * @return whether the registry has it now; if not, it is to be built here, and other machines know that
     */
    boolean isBuiltElsewhere(Duration longest, Deadline deadline) throws EngineException, InterruptedException {
        if (missing.isEmpty() || waited || !repository.pulls() || !repository.pushes()) {
            return false;
        }
        waited = true;
        Deadline spent = new Deadline(longest.compareTo(deadline.left()) < 0 ? longest : deadline.left());
        Claims claims = new Claims(repository, docker, missing.get(), notice -> listener.notice(recipe, notice));
        claim = claims.take(spent);
        deadline.excuse(spent.elapsed());
        return claim.filter(Claims.Claim::isBuilt).isPresent();
    }

    /** Whether it was built here or not, those that wait need not any more; and no name in the registry stays here. */
    void end() {
        claim.ifPresent(Claims.Claim::end);
        try {
            dropNames();
        } catch (EngineException e) {
            return; // it has ended, and the caller has the words for that
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- Pushing

    /**
     * Offers an image that was built here. Whatever comes of it, the image is ensured.
     *
     * @param built the plan that it was built by
     * @param witnessed whether its builder said what it saw, and the label says all of that
     * @param limit for each tag
     */
    void push(Plan built, HeldImage made, boolean witnessed, Duration limit) throws InterruptedException {
        try {
            new SharedOffer(repository, docker, recipe, listener, course).make(built, made, witnessed, ambiguous,
                    limit);
            dropNames();
        } catch (EngineException | RecipeException e) {
            // The engine has ended, or the inputs are gone: the next step that needs them has the words for it.
        }
    }
}
