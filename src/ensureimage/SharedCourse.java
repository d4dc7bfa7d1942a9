// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What came of sharing one image so far, what of it is told, and which names in the registry the engine has for it. */
final class SharedCourse {
    private final SharedRepository repository;
    private final Docker docker;
    private final Recipe recipe;
    private final Listener listener;
    private final Set<Reference> named = new LinkedHashSet<>();
    private Duration took = Duration.ZERO;
    private Optional<Shared> told = Optional.empty();
    private Optional<Shared> refused = Optional.empty();
    private boolean refusalIsTold;

    SharedCourse(SharedRepository repository, Docker docker, Recipe recipe, Listener listener) {
        this.repository = repository;
        this.docker = docker;
        this.recipe = recipe;
        this.listener = listener;
    }

    /** The last of it. */
    Optional<Shared> told() {
        return told;
    }

    /** Whether that was the last of it. */
    boolean did(Shared.Action action) {
        return told.filter(last -> last.action() == action).isPresent();
    }

    // ---- What is shared at all

    /** Whether the registry is to be asked for such an image; if not, the listener is told why. */
    boolean isShareable(Reference reference, Expectation expected) {
        Optional<Shared.Reason> reason = whyNot(expected);
        if (reason.isPresent()) {
            skip(reference, reason.get());
        } else if (repository.failure().isPresent() && told.isEmpty()) {
            Shared first = repository.failure().get();
            tell(reference, Shared.Action.UNAVAILABLE, first.reason(), first.detail(), 0);
        }
        return reason.isEmpty() && repository.failure().isEmpty();
    }

    /** Whether one that is built here will be offered to others. */
    boolean isOffered(Expectation expected) {
        return repository.pushes() && whyNot(expected).isEmpty();
    }

    private Optional<Shared.Reason> whyNot(Expectation expected) {
        return expected.builder() == BuilderKind.PODMAN ? Optional.of(Shared.Reason.PODMAN)
                : repository.settings().all() ? Optional.empty()
                : expected.asks() ? Optional.of(Shared.Reason.UNKNOWABLE)
                : recipe.options().givesSecrets() ? Optional.of(Shared.Reason.SECRETS)
                : Optional.empty();
    }

    // ---- Time

    void spend(Duration time) {
        took = took.plus(time);
    }

    /** What was pulled in vain is no part of a push. */
    void spendAnew() {
        took = Duration.ZERO;
    }

    // ---- Names

    /** The engine may have this name for it now. */
    void name(Reference reference) {
        named.add(reference);
    }

    /** Takes the registry's names from what was pulled or pushed: by now it has the name of its reference, or none. */
    void dropNames() throws EngineException, InterruptedException {
        if (!named.isEmpty()) {
            List<String> names = named.stream().map(Reference::toString).toList();
            named.clear();
            docker.untag(names, new Deadline(SharedRepository.TO_UNTAG));
        }
    }

    // ---- Telling

    void tell(Reference reference, Shared.Action action, Shared.Reason reason, String detail, long bytes) {
        told = Optional.of(new Shared(reference.toString(), action, reason, detail, took, bytes));
    }

    /** The same again. */
    void tell(Shared before) {
        told = Optional.of(before);
    }

    void skip(Reference reference, Shared.Reason reason) {
        boolean known = told.filter(before -> before.reason() == reason).isPresent();
        tell(reference, Shared.Action.SKIPPED, reason, "", 0);
        if (!known) {
            listener.notice(recipe, new Notice.NotShared(told.orElseThrow()));
        }
    }

    void fail(Reference reference, RegistryTransfers.End end) {
        Shared failed = Shared.failed(reference, end);
        tell(reference, failed.action(), failed.reason(), failed.detail(), 0);
        if (failed.reason() == Shared.Reason.FAILED || failed.reason() == Shared.Reason.SILENT) {
            repository.breakUp(failed);
        }
        if (repository.isFirstToTell()) {
            listener.notice(recipe, new Notice.NotAvailable(failed));
        }
    }

    /** Under the tag is an image that was built from something else. */
    void findForeign(Reference reference) {
        tell(reference, Shared.Action.MISSED, Shared.Reason.FOREIGN, "", 0);
        listener.notice(recipe, new Notice.ForeignImage(told.orElseThrow()));
    }

    /** Under the tag is an image that is not signed by the key. */
    void refuse(Reference reference, RegistryTransfers.Refused end) {
        Shared shared = Shared.refused(reference, Shared.Action.MISSED, end);
        tell(reference, shared.action(), shared.reason(), shared.detail(), 0);
        refused = refused.or(this::told);
    }

    /** No image is taken; if one was refused, that is told, once. */
    void tellRefusal() {
        if (refused.isPresent() && did(Shared.Action.MISSED)) {
            told = refused;
            if (!refusalIsTold) {
                listener.notice(recipe, new Notice.ForeignImage(told.orElseThrow()));
            }
            refusalIsTold = true;
        }
    }
}
