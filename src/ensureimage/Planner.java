// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.Witness;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Dockerfile;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Says what a build is to be labelled with, and whether the label was true, once BuildKit has said what it saw. */
final class Planner {
    private final Docker docker;
    private final Freshness freshness;

    Planner(Docker docker, Freshness freshness) {
        this.docker = docker;
        this.freshness = freshness;
    }

    /**
     * Plans a build after a look-up. A base image that the engine does not hold is pulled first: so its digest is known
     * before the label is written, and the next look-up and the next build find the same one. If it cannot be pulled,
     * the build has the words for that.
     *
     * @param pull whether there will be a build; else nothing is pulled
     */
    Plan plan(Found found, boolean pull, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Expectation expected = found.expected();
        if (found.state() == Found.State.UNCERTAIN) { // only with the same labels a build can make the same image
            Labels labels = Labels.read(found.images().get(expected.recipe().reference().toString()).labels())
                    .orElseThrow();
            return Plan.make(expected, found.inputs().read(labels.coverage()), labels.coverage(), labels.asks(),
                    labels.bases(), labels.platform());
        }
        Map<String, HeldImage> held = new HashMap<>(found.images());
        if (pull && pullsFor(found)) {
            Set<String> missing = missingBases(found);
            for (String base : missing) {
                docker.pull(base, expected.recipe().options().platform(), deadline);
            }
            held.putAll(docker.lookUp(missing, deadline));
        }
        boolean triggers = expected.parents().stream().anyMatch(base -> base.isEmpty()
                || !held.containsKey(base.get()) || held.get(base.get()).triggers());
        Coverage coverage = expected.coverage(triggers);
        String wanted = freshness.wantedPlatform(expected.recipe(), deadline);
        BaseImages bases = expected.hasOtherBuilder() ? BaseImages.NONE
                : BaseImages.find(expected.outsideBases(), held);
        return Plan.make(expected, found.inputs().read(coverage), coverage, expected.asks(), bases,
                new Labels.For(wanted, wanted));
    }

    private static Set<String> missingBases(Found found) {
        Set<String> missing = new LinkedHashSet<>(found.expected().outsideBases());
        missing.removeAll(found.images().keySet());
        return missing;
    }

    /** Whether there are base images to be pulled before a build. */
    boolean pullsFor(Found found) {
        Expectation expected = found.expected();
        return !expected.hasOtherBuilder() && expected.builder() != BuilderKind.PODMAN
                && !missingBases(found).isEmpty();
    }

    /**
     * Compares the label with what BuildKit saw.
     *
     * @param narrow whether a label that covers too much, because the reader was not certain, is to be replaced, too
     * @return a plan whose label is true; empty if the label already was. What was learned is kept for the next time
     */
    Optional<Plan> hear(Plan plan, Docker.Built built, boolean narrow, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Expectation expected = plan.expected();
        BuilderKind seen = built.by().orElse(expected.builder());
        if (seen != expected.builder()) {
            freshness.memory().keep(docker.identity(), expected.client().builder(), seen);
            Expectation other = Expectation.make(plan.expected().recipe(), expected.client(), seen, freshness.memory());
            Coverage coverage = other.coverage(true);
            return Optional.of(Plan.make(other, other.reader().read(coverage), coverage, other.asks(),
                    plan.labels().bases(), plan.labels().platform()));
        }
        if (built.witness().isEmpty()) {
            return Optional.empty();
        }
        Witness witness = built.witness().get();
        SortedMap<String, Optional<SortedSet<String>>> contexts = new TreeMap<>(witness.contexts());
        contexts.keySet().removeIf(name -> isHandedOver(name, expected));
        Coverage coverage = Coverage.seen(contexts);
        Set<String> bases = names(witness);
        bases.removeIf(expected::isPinned);
        boolean asks = !witness.unknowable().isEmpty() || expected.client().addsGitLabels();
        freshness.memory().keep(expected.key(),
                new Memory.Lesson(plan.labels().coverage().narrowedTo(coverage), bases, asks));
        Set<String> unexpected = new TreeSet<>(bases);
        unexpected.removeAll(expected.names());
        asks |= expected.asksFor(unexpected);
        boolean tooWide = narrow && isGuessed(plan) && !coverage.covers(plan.labels().coverage().files());
        if (!tooWide && plan.labels().coverage().covers(coverage) && unexpected.isEmpty()
                && (plan.labels().asks() || !asks)) {
            return Optional.empty();
        }
        Expectation taught = Expectation.make(plan.expected().recipe(), expected.client(), seen, freshness.memory());
        Coverage truer = tooWide ? plan.labels().coverage().narrowedTo(coverage)
                : plan.labels().coverage().with(coverage);
        BaseImages held = expected.hasOtherBuilder() ? BaseImages.NONE
                : BaseImages.find(taught.outsideBases(), docker.lookUp(taught.outsideBases(), deadline));
        return Optional.of(Plan.make(taught, taught.reader().read(truer), truer, plan.labels().asks() || asks, held,
                plan.labels().platform()));
    }

    /** Whether more is covered than the reader knows to be needed. */
    private static boolean isGuessed(Plan plan) {
        Dockerfile dockerfile = plan.expected().dockerfile();
        return !dockerfile.isCertain() || !plan.labels().coverage().equals(dockerfile.coverage(false));
    }

    /** Whether it is an image of the collection, which a builder of another driver gets as a layout. */
    private static boolean isHandedOver(String context, Expectation expected) {
        return expected.hasOtherBuilder() && Reference.find(context).map(Reference::toString)
                .filter(expected.recipe().bases()::containsKey).isPresent();
    }

    /** Base images with tags; one that is named by its digest cannot become another one. */
    private static Set<String> names(Witness witness) {
        Set<String> names = new TreeSet<>();
        for (String image : witness.images().keySet()) {
            if (image.indexOf(':', image.lastIndexOf('/') + 1) > 0) {
                Reference.find(image).ifPresent(reference -> names.add(reference.toString()));
            }
        }
        return names;
    }

    /**
     * Whether each base image outside the collection is still the one that the label names.
     *
     * @param held what the engine holds of them
     */
    boolean basesAreUnchanged(Plan plan, Map<String, HeldImage> held) {
        Set<String> names = plan.expected().outsideBases();
        if (names.isEmpty() || plan.expected().hasOtherBuilder()) {
            return true;
        }
        BaseImages now = BaseImages.find(names, held);
        return now.changedSince(plan.labels().bases()).isEmpty();
    }

    /** A plan whose label says what platform the image really has; empty if the label already does. */
    Optional<Plan> seePlatform(Plan plan, HeldImage image) {
        Labels.For platform = plan.labels().platform();
        return image.platform().isEmpty() || platform.wanted().isEmpty() || platform.given().equals(image.platform())
                ? Optional.empty()
                : Optional.of(plan.with(new Labels.For(platform.wanted(), image.platform())));
    }
}
