// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Offers an image that was built here to other machines: pushes it, under each tag that they may look for it by. */
final class SharedOffer {
    private final SharedRepository repository;
    private final Docker docker;
    private final Recipe recipe;
    private final Listener listener;
    private final SharedCourse course;
    private long bytes;

    SharedOffer(SharedRepository repository, Docker docker, Recipe recipe, Listener listener, SharedCourse course) {
        this.repository = repository;
        this.docker = docker;
        this.recipe = recipe;
        this.listener = listener;
        this.course = course;
    }

    /**
     * Pushes it if it is to be shared.
     *
     * @param built the plan that it was built by
     * @param witnessed whether its builder said what it saw, and the label says all of that
     * @param ambiguous whether the first tag does not tell it from others
     * @param limit for each tag
     */
    void make(Plan built, HeldImage made, boolean witnessed, boolean ambiguous, Duration limit)
            throws EngineException, RecipeException, InterruptedException {
        List<Reference> tags = tags(built, ambiguous);
        Reference first = tags.get(0);
        if (!course.isShareable(first, built.expected())) {
            return;
        }
        if (built.labels().asks() && !repository.settings().all()) {
            course.skip(first, Shared.Reason.UNKNOWABLE);
        } else if (!witnessed && !repository.settings().all()) {
            course.skip(first, Shared.Reason.NO_WITNESS);
        } else if (repository.lacksKey()) {
            course.skip(first, Shared.Reason.NO_KEY);
        } else if (repository.pushes()) {
            course.spendAnew();
            listener.step(recipe, Listener.Step.PUSHING);
            send(tags, built, made, limit);
        }
    }

    private List<Reference> tags(Plan built, boolean ambiguous) throws RecipeException, InterruptedException {
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
        return tags;
    }

    private void send(List<Reference> tags, Plan built, HeldImage made, Duration limit)
            throws EngineException, InterruptedException {
        String platform = built.labels().platform().wanted();
        Reference near = repository.near(recipe, platform);
        boolean signs = repository.signatures().isPresent();
        if (signs) { // first: it can be signed there before a machine finds it by its own tag
            send(near, made, new Deadline(limit));
        }
        for (Reference tag : tags) {
            if (repository.pushes()) {
                send(tag, made, new Deadline(limit));
            }
        }
        if (course.did(Shared.Action.PUSHED)) {
            Shared image = course.told().orElseThrow();
            if (!signs) {
                send(near, made, new Deadline(limit)); // no layer goes again
            }
            sendInputs(repository.inputs(recipe, platform), built, new Deadline(limit));
            course.tell(image);
        }
    }

    private void send(Reference tag, HeldImage made, Deadline deadline)
            throws EngineException, InterruptedException {
        docker.tag(made.id(), tag, deadline);
        course.name(tag);
        HeldImage named = docker.lookUp(List.of(tag.toString()), deadline).get(tag.toString());
        if (named == null || !named.id().equals(made.id())) {
            course.skip(tag, Shared.Reason.PUSHED_BY_ANOTHER);
            return;
        }
        RegistryTransfers.End end = repository.transfers().push(tag, deadline,
                (bytes, whole) -> listener.transferred(recipe, bytes, whole));
        course.spend(end.took());
        Optional<RegistryTransfers.Refused> unsigned = end instanceof RegistryTransfers.Done done
                ? sign(tag, done, deadline)
                : Optional.empty();
        if (unsigned.isPresent()) {
            course.fail(tag, unsigned.get());
            repository.denyPushes();
        } else if (end instanceof RegistryTransfers.Done done) {
            bytes += done.bytes();
            course.tell(tag, Shared.Action.PUSHED, Shared.Reason.NONE, "", bytes);
        } else if (end instanceof RegistryTransfers.AlreadyThere) {
            course.skip(tag, Shared.Reason.ALREADY_THERE);
        } else if (end instanceof RegistryTransfers.NameGone) {
            course.skip(tag, Shared.Reason.PUSHED_BY_ANOTHER);
        } else {
            course.fail(tag, end);
            if (end instanceof RegistryTransfers.Denied) {
                repository.denyPushes();
            }
        }
    }

    private Optional<RegistryTransfers.Refused> sign(Reference tag, RegistryTransfers.Done pushed, Deadline deadline)
            throws InterruptedException {
        if (repository.signatures().isEmpty()) {
            return Optional.empty();
        }
        Deadline spent = new Deadline(deadline.left());
        Optional<RegistryTransfers.Refused> wrong = repository.signatures().get().sign(tag, pushed, spent);
        course.spend(spent.elapsed());
        return wrong;
    }

    /** Only for {@link EnsureImage#compareShared}: if that fails, nothing is told. */
    private void sendInputs(Reference tag, Plan built, Deadline deadline)
            throws EngineException, InterruptedException {
        Optional<Map<String, String>> parts = SharedInputs.pack(built).filter(all -> repository.pushes());
        if (parts.isPresent() && repository.transfers().make(tag, parts.get(), deadline)) {
            course.name(tag);
            repository.transfers().push(tag, deadline, (bytes, whole) -> {});
        }
    }
}
