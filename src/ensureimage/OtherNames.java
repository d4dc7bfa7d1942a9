// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.KnownLine;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Change;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One image with several names: it is ensured under the first, and then each other name is looked up and, if it is not on
 * an image of these inputs, given to the one that was ensured. So there is one build, whatever the number of names.
 */
final class OtherNames {
    private final Tools tools;
    private final Builds builds;
    private final Recipe recipe;
    private final List<Reference> others;
    private final Listener listener;
    private final Deadline deadline;

    /** @param builds what makes its builds */
    OtherNames(Tools tools, Builds builds, Recipe recipe, List<Reference> others, Listener listener) {
        this.tools = tools;
        this.builds = builds;
        this.recipe = recipe;
        this.others = others;
        this.listener = listener;
        this.deadline = new Deadline(tools.limits().perImage());
    }

    /** As {@link OneImage#ensure}, under all names. */
    Ensured ensure() throws NotEnsured, BaseReplaced, InterruptedException {
        for (int attempt = 1;; attempt++) {
            Ensured ensured = new OneImage(tools, builds, recipe, listener).ensure();
            try {
                if (nameAll(ensured, attempt)) {
                    return ensured;
                }
            } catch (EngineException e) {
                throw NotEnsured.by(e, recipe, deadline);
            } catch (RecipeException e) {
                throw new NotEnsured.UnusableRecipe(recipe, e);
            }
            listener.step(recipe, Listener.Step.PAUSING);
            Deadline.pause(attempt);
        }
    }

    /**
     * Gives the image all its names.
     *
     * @return whether it has them; else another process was at the names, and it is to be ensured again
     */
    private boolean nameAll(Ensured ensured, int attempt)
            throws NotEnsured, EngineException, RecipeException, InterruptedException {
        Map<String, HeldImage> held = lookUp();
        for (Reference other : others) {
            boolean force = tools.policy() == Policy.ALWAYS && !has(held, other, ensured.id());
            if (!force && isRight(held, other, ensured)) {
                continue;
            }
            listener.step(recipe, Listener.Step.NAMING);
            Verdict verdict = Verdict.read(tools.docker().tag(ensured.id(), other, deadline), other);
            if (verdict.meaning() == KnownLine.Meaning.NO_ENGINE) {
                throw tools.docker().failure(verdict.line());
            } else if (verdict.meaning() == KnownLine.Meaning.INTERRUPTED) {
                throw new InterruptedException();
            }
            boolean there = !tools.docker().lookUp(List.of(ensured.id()), deadline).isEmpty();
            if (verdict.meaning() == KnownLine.Meaning.DONE && there) {
                listener.notice(recipe, new Notice.NamedBesides(other));
            } else if (attempt == tools.limits().attempts() || verdict.meaning() == KnownLine.Meaning.FAILED && there) {
                throw failed(verdict, there, attempt);
            } else {
                return false;
            }
        }
        return true;
    }

    private NotEnsured failed(Verdict verdict, boolean there, int attempt) {
        if (!there) {
            return new NotEnsured.GaveUp(recipe, NotEnsured.GaveUp.Reason.REMOVED, "", attempt, deadline.elapsed());
        }
        if (verdict.meaning() != KnownLine.Meaning.FAILED) {
            return new NotEnsured.GaveUp(recipe, NotEnsured.GaveUp.Reason.TEMPORARY, verdict.line(), attempt,
                    deadline.elapsed());
        }
        return new MadeImage(Optional.of(verdict), Optional.empty(), NotEnsured.BuildFailed.Stage.NAMING, false)
                .failure(recipe);
    }

    /** As {@link OneImage#check}; the first name that is not right is told of. */
    Checked check(boolean ask) throws NotEnsured, InterruptedException {
        Checked checked = new OneImage(tools, builds, recipe, listener).check(ask);
        if (others.isEmpty() || !(checked.status() instanceof Status.Current current)) {
            return checked;
        }
        try {
            Map<String, HeldImage> held = lookUp();
            for (Reference other : others) {
                Optional<Status> wrong = whatIsWrong(held, other, current.id());
                if (wrong.isPresent()) {
                    return new Checked(recipe, wrong.get(), checked.fingerprint(), deadline.elapsed(),
                            checked.details());
                }
            }
            return checked;
        } catch (EngineException e) {
            throw NotEnsured.by(e, recipe, deadline);
        } catch (RecipeException e) {
            throw new NotEnsured.UnusableRecipe(recipe, e);
        }
    }

    private Optional<Status> whatIsWrong(Map<String, HeldImage> held, Reference other, String id)
            throws EngineException, RecipeException, InterruptedException {
        if (has(held, other, id)) {
            return Optional.empty();
        }
        Found found = find(other, Policy.IF_STALE);
        return switch (found.state()) {
            case CURRENT -> Optional.empty();
            case MISSING -> Optional.of(new Status.Missing());
            case STALE -> Optional.of(new Status.Stale(found.id(), found.why()));
            case UNCERTAIN -> Optional.of(new Status.Stale(found.id(), List.of(new Change.BuildDiffers())));
        };
    }

    private Map<String, HeldImage> lookUp() throws EngineException, InterruptedException {
        return others.isEmpty() ? Map.of()
                : tools.docker().lookUp(others.stream().map(Reference::toString).toList(), deadline);
    }

    private static boolean has(Map<String, HeldImage> held, Reference other, String id) {
        return Optional.ofNullable(held.get(other.toString())).filter(image -> image.id().equals(id)).isPresent();
    }

    /** Whether that name is on the image that was ensured, or on another one of the same inputs. */
    private boolean isRight(Map<String, HeldImage> held, Reference other, Ensured ensured)
            throws EngineException, RecipeException, InterruptedException {
        return has(held, other, ensured.id()) || held.containsKey(other.toString())
                && find(other, tools.policy() == Policy.IF_MISSING ? Policy.IF_MISSING : Policy.IF_STALE).isCurrent();
    }

    private Found find(Reference other, Policy policy) throws EngineException, RecipeException, InterruptedException {
        return tools.freshness().find(recipe.withReference(other), policy, deadline);
    }
}
