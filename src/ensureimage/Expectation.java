// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.ClientFacts;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Dockerfile;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.KnownFiles;
import ensureimage.recipe.Moment;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Surroundings;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;

/**
 * What a build of a recipe would see: what the reader of its Dockerfile says, and what BuildKit said of an earlier build.
 *
 * @param client that is to build it
 * @param surroundings the builder that it is expected to use, and what the client adds by itself
 * @param dockerfile as it is now
 * @param key where a lesson about this recipe is kept
 * @param learned what an earlier build of the same recipe saw; empty if none is known
 * @param outsideBases images that are not of the collection, by the names that the engine has for them
 * @param files what is known of the contents of files
 */
record Expectation(Recipe recipe, ClientFacts client, Surroundings surroundings, Dockerfile dockerfile,
        String key, Optional<Memory.Lesson> learned, Set<String> outsideBases, KnownFiles files) {

    static Expectation make(Recipe recipe, ClientFacts client, BuilderKind builder, Memory memory)
            throws RecipeException {
        Surroundings surroundings =
                new Surroundings(builder, client.proxyArguments(), client.files());
        Dockerfile dockerfile = recipe.readDockerfile(builder);
        String key = Fingerprint.recipeKey(recipe, dockerfile, surroundings);
        Optional<Memory.Lesson> learned = memory.lesson(key);
        Set<String> bases = dockerfile.bases().stream().map(ImageCollection::canonicalName).flatMap(Optional::stream)
                .collect(Collectors.toCollection(LinkedHashSet::new));
        learned.ifPresent(lesson -> bases.addAll(lesson.bases()));
        bases.removeAll(recipe.bases().keySet());
        return new Expectation(recipe, client, surroundings, dockerfile, key, learned, bases, memory.files());
    }

    BuilderKind builder() {
        return surroundings.builder();
    }

    /** What is to be looked up: the image, and those that it is built on, if they have names. */
    Set<String> names() {
        Set<String> names = bases();
        names.add(recipe.reference().toString());
        return names;
    }

    /** All images that it is built on, by the names that the engine has for them. */
    Set<String> bases() {
        Set<String> names = new LinkedHashSet<>(outsideBases());
        names.addAll(recipe.bases().keySet());
        return names;
    }

    /** The images whose ONBUILD instructions it runs, as {@link #names} has them; empty for a name that only docker knows. */
    List<Optional<String>> parents() {
        return dockerfile.parents().stream().map(ImageCollection::canonicalName).toList();
    }

    /** Whether docker build is to be asked each time, because no look-up can know what it would see. */
    boolean asks() {
        return client.addsGitLabels() || asksFor(outsideBases) || !dockerfile.unknowable().isEmpty()
                || !recipe.options().unknowable().isEmpty()
                || learned.filter(Memory.Lesson::asks).isPresent();
    }

    /** Whether the Dockerfile has this base image with a digest alone: then its tag means nothing. */
    boolean isPinned(String base) {
        return !outsideBases.contains(base) && outsideBases.stream().filter(name -> name.indexOf('@') >= 0)
                .anyMatch(name -> ImageCollection.canonicalName(name.split("@")[0]).equals(Optional.of(base)));
    }

    boolean hasOtherBuilder() {
        return client.otherBuilder().isPresent();
    }

    /**
     * Whether one of these base images may be another one at the next build though the engine's stays the same: a builder
     * of another driver finds it in a registry, unless it is named by its digest.
     */
    boolean asksFor(Collection<String> bases) {
        return hasOtherBuilder() && bases.stream().anyMatch(base -> base.indexOf('@') < 0);
    }

    /** What a label is to cover. @param triggers whether a base image may have ONBUILD instructions */
    Coverage coverage(boolean triggers) {
        return learned.map(Memory.Lesson::coverage)
                .orElseGet(() -> dockerfile.coverage(triggers));
    }

    /** Reads the inputs. */
    @FunctionalInterface
    interface Reader {
        Fingerprint read(Coverage coverage) throws RecipeException, InterruptedException;
    }

    /** Reads when asked. */
    Reader reader() {
        return coverage -> Fingerprint.of(recipe, coverage, surroundings, files.now());
    }

    /** Reads what there was at a moment that others look at, too. */
    Reader reader(Moment moment) {
        return coverage -> Fingerprint.of(recipe, coverage, surroundings, moment);
    }

    /** Reads now, in a thread of its own, what most labels cover, while docker is asked which one it is. */
    Reader beginToRead() {
        Coverage likely = coverage(false);
        FutureTask<Fingerprint> reading = new FutureTask<>(() -> reader().read(likely));
        Thread thread = new Thread(reading, "reads " + recipe.reference());
        thread.setDaemon(true);
        thread.start();
        return coverage -> coverage.equals(likely) ? join(reading) : reader().read(coverage);
    }

    private static Fingerprint join(FutureTask<Fingerprint> reading) throws RecipeException, InterruptedException {
        try {
            return reading.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RecipeException unusable) {
                throw unusable;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
