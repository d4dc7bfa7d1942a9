// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.Loop.PullEnd;
import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Change;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Looks one image up in the registry that machines share, and offers it there. An image is found by what it is made of;
 * whether it really is, is told as of any image that the engine holds, by {@link Freshness}.
 */
final class SharedImage {
    private static final Duration TO_UNTAG = Duration.ofSeconds(30);

    private final SharedRepository repository;
    private final Docker docker;
    private final Freshness freshness;
    private final Recipe recipe;
    private final Listener listener;
    private Duration took = Duration.ZERO;
    private boolean ambiguous;
    private final Set<Reference> named = new LinkedHashSet<>(); // names in the registry that the engine has for it
    private Optional<Reference> missing = Optional.empty(); // its first tag, if the registry does not have it
    private boolean waited;
    private Optional<Claims.Claim> claim = Optional.empty();
    private Optional<Shared> told = Optional.empty();
    private Optional<HeldImage> image = Optional.empty();
    private Optional<Plan> plan = Optional.empty();

    SharedImage(SharedRepository repository, Tools tools, Recipe recipe, Listener listener) {
        this.repository = repository;
        this.docker = tools.docker();
        this.freshness = tools.freshness();
        this.recipe = recipe;
        this.listener = listener;
    }

    /** What came of it so far. */
    Optional<Shared> told() {
        return told;
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
        if (!isShareable(first, expected) || !repository.pulls()) {
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
            tell(second.orElse(first), Shared.Action.MISSED, Shared.Reason.FOREIGN, "", 0);
            listener.notice(recipe, new Notice.ForeignImage(told.orElseThrow()));
        }
        return end;
    }

    /** Whether the registry is to be asked for such an image; if not, the listener is told why. */
    private boolean isShareable(Reference reference, Expectation expected) {
        Optional<Shared.Reason> reason = whyNot(expected);
        if (reason.isPresent()) {
            skip(reference, reason.get());
        } else if (repository.failure().isPresent() && told.isEmpty()) {
            Shared first = repository.failure().get();
            tell(reference, Shared.Action.UNAVAILABLE, first.reason(), first.detail(), 0);
        }
        return reason.isEmpty() && repository.failure().isEmpty();
    }

    private Optional<Shared.Reason> whyNot(Expectation expected) {
        return expected.builder() == BuilderKind.PODMAN ? Optional.of(Shared.Reason.PODMAN)
                : repository.settings().all() ? Optional.empty()
                : expected.asks() ? Optional.of(Shared.Reason.UNKNOWABLE)
                : recipe.options().givesSecrets() ? Optional.of(Shared.Reason.SECRETS)
                : Optional.empty();
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
        RegistryTransfers.End end = repository.transfers().pull(reference, deadline,
                (bytes, whole) -> listener.transferred(recipe, bytes, whole));
        took = took.plus(end.took());
        if (end instanceof RegistryTransfers.NotThere) {
            missing = missing.or(() -> Optional.of(reference));
            tell(reference, Shared.Action.MISSED, Shared.Reason.NONE, "", 0);
            return PullEnd.MISSED;
        }
        named.add(reference); // also if not all of it came
        if (!(end instanceof RegistryTransfers.Done done)) {
            fail(reference, end);
            if (end instanceof RegistryTransfers.Denied) {
                repository.denyPulls();
            }
            return PullEnd.MISSED;
        }
        Optional<HeldImage> held = held(reference, done, deadline);
        if (held.isEmpty()) {
            tell(reference, Shared.Action.MISSED, Shared.Reason.NONE, "", done.bytes());
            return PullEnd.GONE;
        }
        image = held;
        Found.State state = freshness.compare(found, image.get(), deadline).state();
        if (state == Found.State.CURRENT || state == Found.State.UNCERTAIN && repository.settings().all()) {
            Labels labels = Labels.read(image.get().labels()).orElseThrow();
            plan = Optional.of(new Plan(found.expected(), found.inputs().read(labels.coverage()), labels));
            tell(reference, Shared.Action.PULLED, Shared.Reason.NONE, "", done.bytes());
            return PullEnd.FOUND;
        }
        tell(reference, Shared.Action.MISSED, Shared.Reason.NONE, "", done.bytes());
        return PullEnd.MISSED;
    }

    /** By the digest that the registry named: the tag may be another process's by now. */
    private Optional<HeldImage> held(Reference reference, RegistryTransfers.Done done, Deadline deadline)
            throws EngineException, InterruptedException {
        List<String> names = new ArrayList<>();
        done.digest().ifPresent(digest -> names.add(reference.name() + "@" + digest));
        names.add(reference.toString());
        Map<String, HeldImage> held = docker.lookUp(names, deadline);
        return names.stream().map(held::get).filter(each -> each != null).findFirst();
    }

    /** Takes the registry's names from what was pulled or pushed: by now it has the name of its reference, or none. */
    void dropNames() throws EngineException, InterruptedException {
        if (!named.isEmpty()) {
            List<String> names = named.stream().map(Reference::toString).toList();
            named.clear();
            docker.untag(names, new Deadline(TO_UNTAG));
        }
    }

    // ---- Building

    /** What a build can have of an image that was shared before, and is to leave for those that come after. */
    BuildCache cache(Plan planned) {
        boolean ours = planned.expected().builder() == BuilderKind.BUILDKIT && !recipe.options().choosesCache();
        Optional<Reference> near = missing.filter(tag -> repository.pulls())
                .map(tag -> repository.near(recipe, planned.labels().platform().wanted()));
        return ours && isOffered(planned) ? new BuildCache(true, near, repository.settings().silence())
                : BuildCache.NONE;
    }

    private boolean isOffered(Plan planned) {
        return repository.pushes() && whyNot(planned.expected()).isEmpty();
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

    /** Whether it was built here or not, those that wait need not any more. */
    void endClaim() {
        claim.ifPresent(Claims.Claim::end);
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
            offer(built, made, witnessed, limit);
            dropNames();
        } catch (EngineException | RecipeException e) {
            // The engine has ended, or the inputs are gone: the next step that needs them has the words for it.
        }
    }

    private void offer(Plan built, HeldImage made, boolean witnessed, Duration limit)
            throws EngineException, RecipeException, InterruptedException {
        Coverage predicted = built.expected().dockerfile().coverage(false);
        boolean asPredicted = built.labels().coverage().equals(predicted);
        String platform = built.labels().platform().wanted();
        // From what was built, not from what is there by now; where that takes another look, nothing may have changed since.
        Fingerprint inputs = asPredicted ? built.fingerprint() : built.expected().reader().read(predicted);
        List<Reference> tags = new ArrayList<>();
        if (asPredicted || built.fingerprint().isUnchanged(recipe, built.expected().surroundings())) {
            tags.add(repository.predicted(inputs.value(), platform));
        }
        if (!asPredicted || ambiguous) {
            tags.add(repository.exact(built.fingerprint().value(), platform, built.labels().bases()));
        }
        Reference first = tags.get(0);
        if (!isShareable(first, built.expected())) {
            return;
        }
        if (built.labels().asks() && !repository.settings().all()) {
            skip(first, Shared.Reason.UNKNOWABLE);
        } else if (!witnessed && !repository.settings().all()) {
            skip(first, Shared.Reason.NO_WITNESS);
        } else if (repository.pushes()) {
            took = Duration.ZERO;
            listener.step(recipe, Listener.Step.PUSHING);
            for (Reference tag : tags) {
                send(tag, made, new Deadline(limit));
            }
            if (told.get().action() == Shared.Action.PUSHED) {
                Shared image = told.get();
                send(repository.near(recipe, platform), made, new Deadline(limit)); // no layer goes again
                sendInputs(repository.inputs(recipe, platform), built, new Deadline(limit));
                told = Optional.of(image);
            }
        }
    }

    private void send(Reference tag, HeldImage made, Deadline deadline)
            throws EngineException, InterruptedException {
        docker.tag(made.id(), tag, deadline);
        named.add(tag);
        HeldImage named = docker.lookUp(List.of(tag.toString()), deadline).get(tag.toString());
        if (named == null || !named.id().equals(made.id())) {
            skip(tag, Shared.Reason.PUSHED_BY_ANOTHER);
            return;
        }
        RegistryTransfers.End end = repository.transfers().push(tag, deadline,
                (bytes, whole) -> listener.transferred(recipe, bytes, whole));
        took = took.plus(end.took());
        if (end instanceof RegistryTransfers.Done done) {
            tell(tag, Shared.Action.PUSHED, Shared.Reason.NONE, "", done.bytes());
        } else if (end instanceof RegistryTransfers.AlreadyThere) {
            skip(tag, Shared.Reason.ALREADY_THERE);
        } else if (end instanceof RegistryTransfers.NameGone) {
            skip(tag, Shared.Reason.PUSHED_BY_ANOTHER);
        } else {
            fail(tag, end);
            if (end instanceof RegistryTransfers.Denied) {
                repository.denyPushes();
            }
        }
    }

    /** Only for {@link EnsureImage#compareShared}: if that fails, nothing is told. */
    private void sendInputs(Reference tag, Plan built, Deadline deadline)
            throws EngineException, InterruptedException {
        Optional<Map<String, String>> parts = SharedInputs.pack(built).filter(all -> repository.pushes());
        if (parts.isPresent() && repository.transfers().make(tag, parts.get(), deadline)) {
            named.add(tag);
            repository.transfers().push(tag, deadline, (bytes, whole) -> {});
        }
    }

    // ---- Telling

    private void tell(Reference reference, Shared.Action action, Shared.Reason reason, String detail, long bytes) {
        told = Optional.of(new Shared(reference.toString(), action, reason, detail, took, bytes));
    }

    private void skip(Reference reference, Shared.Reason reason) {
        boolean known = told.filter(before -> before.reason() == reason).isPresent();
        tell(reference, Shared.Action.SKIPPED, reason, "", 0);
        if (!known) {
            listener.notice(recipe, new Notice.NotShared(told.orElseThrow()));
        }
    }

    private void fail(Reference reference, RegistryTransfers.End end) {
        Shared failed = Shared.failed(reference, end);
        tell(reference, failed.action(), failed.reason(), failed.detail(), 0);
        if (failed.reason() != Shared.Reason.DENIED) {
            repository.breakUp(failed);
        }
        if (repository.isFirstToTell()) {
            listener.notice(recipe, new Notice.NotAvailable(failed));
        }
    }
}
