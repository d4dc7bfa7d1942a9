// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.ClientFacts;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.Platform;
import ensureimage.recipe.Change;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Moment;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Tells whether an image was built from what its recipe's inputs are now, by the labels that our builds have. */
final class Freshness {
    private final Docker docker;
    private final Memory memory;
    /** What there was when a collection was looked up, for the first look at each of its images. */
    private final Map<Reference, Ahead> ahead = new ConcurrentHashMap<>();

    /** @param images that the engine held; @param files of all contexts, which several images may share */
    private record Ahead(Map<String, HeldImage> images, Moment files) {
    }

    /** Images of the collection that were named by this run. */
    private final Map<String, HeldImage> ensured = new ConcurrentHashMap<>();

    Freshness(Docker docker, Cache cache) {
        this.docker = docker;
        this.memory = new Memory(cache);
    }

    Memory memory() {
        return memory;
    }

    /** Looks a collection up by one question, and by one look at each folder. An image that is found current then is not looked up again. */
    void lookAhead(Collection<Recipe> recipes, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Map<Reference, Set<String>> names = new HashMap<>();
        for (Recipe recipe : recipes) {
            names.put(recipe.reference(), expect(recipe).names());
        }
        Map<String, HeldImage> images = docker.lookUp(
                names.values().stream().flatMap(Set::stream).collect(Collectors.toSet()), deadline);
        Moment now = memory.files().now();
        names.forEach((reference, each) -> {
            Map<String, HeldImage> its = new HashMap<>(images);
            its.keySet().retainAll(each);
            ahead.put(reference, new Ahead(its, now));
        });
    }

    /** Looks the reference up, and compares. */
    Found find(Recipe recipe, Policy policy, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        Expectation expected = expect(recipe);
        Ahead first = ahead.remove(recipe.reference());
        if (first != null) {
            Found found = compare(expected, policy, first.images(), expected.reader(first.files()), deadline);
            if (found.isCurrent()) {
                return found;
            }
        }
        Expectation.Reader reader = policy == Policy.IF_MISSING ? expected.reader() : expected.beginToRead();
        Map<String, HeldImage> images = new HashMap<>(basesOf(recipe));
        Set<String> names = expected.names();
        names.removeAll(images.keySet());
        images.putAll(docker.lookUp(names, deadline));
        return compare(expected, policy, images, reader, deadline);
    }

    /** An image that was ensured just now: what is built on it need not ask for it again before the build. */
    void remember(Reference reference, HeldImage image) {
        ensured.put(reference.toString(), image);
    }

    private Map<String, HeldImage> basesOf(Recipe recipe) {
        return recipe.bases().entrySet().stream().map(Map.Entry::getKey)
                .filter(base -> Optional.ofNullable(ensured.get(base)).map(HeldImage::fingerprint)
                        .equals(Optional.of(recipe.bases().get(base))))
                .collect(Collectors.toMap(base -> base, ensured::get));
    }

    /** What a build of the recipe would see, by the Dockerfile's reader and by what an earlier build saw. */
    private Expectation expect(Recipe recipe) throws RecipeException {
        ClientFacts client = docker.clientFacts(recipe.options().passThrough());
        return Expectation.make(recipe, client, memory.builder(docker.identity(), client.builder()), memory);
    }

    private Found compare(Expectation expected, Policy policy, Map<String, HeldImage> images,
            Expectation.Reader reader, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        HeldImage held = images.get(expected.recipe().reference().toString());
        return held == null ? new Found(Found.State.MISSING, "", "", List.of(), expected, images, reader)
                : compare(expected, policy, held, images, reader, deadline);
    }

    /** What would be found if the reference named this image. */
    Found compare(Found found, HeldImage image, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        return compare(found.expected(), Policy.IF_STALE, image, found.images(), found.inputs(), deadline);
    }

    private Found compare(Expectation expected, Policy policy, HeldImage held, Map<String, HeldImage> images,
            Expectation.Reader reader, Deadline deadline)
            throws EngineException, RecipeException, InterruptedException {
        if (policy == Policy.IF_MISSING) {
            return new Found(Found.State.CURRENT, held.id(), held.fingerprint(), List.of(), expected, images, reader);
        }
        Optional<Labels> labels = Labels.read(held.labels());
        if (labels.isEmpty()) {
            Change why = held.fingerprint().isEmpty() ? new Change.NotOurs() : new Change.OlderLabel();
            return new Found(Found.State.STALE, held.id(), held.fingerprint(), List.of(why), expected, images, reader);
        }
        List<Change> changes = new ArrayList<>(inputChanges(labels.get(), expected, reader));
        changes.addAll(baseChanges(labels.get(), expected, images, deadline));
        changes.addAll(platformChanges(labels.get(), held, expected, deadline));
        Found.State state = !changes.isEmpty() ? Found.State.STALE
                : labels.get().asks() || expected.asks() ? Found.State.UNCERTAIN
                : Found.State.CURRENT;
        return new Found(state, held.id(), held.fingerprint(), changes, expected, images, reader);
    }

    private List<Change> inputChanges(Labels labels, Expectation expected, Expectation.Reader reader)
            throws RecipeException, InterruptedException {
        Fingerprint now = reader.read(labels.coverage());
        if (now.value().equals(labels.fingerprint())) {
            return List.of();
        }
        List<Change> changes = memory.manifest(labels.fingerprint())
                .map(before -> Manifest.changes(before, now.manifest())).orElse(List.of());
        return changes.isEmpty() ? List.of(new Change.SomethingChanged()) : changes;
    }

    /** A base that the engine does not hold any more is no reason to build. */
    private List<Change> baseChanges(Labels labels, Expectation expected, Map<String, HeldImage> images,
            Deadline deadline) throws EngineException, InterruptedException {
        Set<String> others = new HashSet<>(labels.bases().identities().keySet());
        others.removeAll(expected.names());
        Map<String, HeldImage> held = new HashMap<>(images);
        if (!others.isEmpty()) {
            held.putAll(docker.lookUp(others, deadline));
        }
        Set<String> names = new HashSet<>(expected.outsideBases());
        names.addAll(others);
        BaseImages now = expected.hasOtherBuilder() ? BaseImages.NONE : BaseImages.find(names, held);
        List<String> changed = now.changedSince(labels.bases());
        return changed.isEmpty() ? List.of() : List.of(new Change.BasesReplaced(changed));
    }

    private List<Change> platformChanges(Labels labels, HeldImage held, Expectation expected, Deadline deadline)
            throws EngineException, InterruptedException {
        String wanted = wantedPlatform(expected.recipe(), deadline);
        if (!wanted.isEmpty() && !labels.platform().wanted().equals(wanted)) {
            wanted = Platform.resolve(expected.recipe().options().platform().orElse(""), askPlatform(deadline));
        }
        boolean fits = wanted.isEmpty() || labels.platform().wanted().equals(wanted)
                && (held.platform().isEmpty() || labels.platform().given().equals(held.platform()));
        return fits ? List.of() : List.of(new Change.ArchitectureDiffers(held.platform(), wanted));
    }

    /** Empty if the engine does not say what it builds for by itself. */
    String wantedPlatform(Recipe recipe, Deadline deadline) throws EngineException, InterruptedException {
        Optional<String> remembered = docker.isAskedByCommand() ? memory.platform(docker.identity()) : Optional.empty();
        String own = remembered.isPresent() ? remembered.get() : askPlatform(deadline);
        return Platform.resolve(recipe.options().platform().orElse(""), own);
    }

    private String askPlatform(Deadline deadline) throws EngineException, InterruptedException {
        String own = docker.platform(deadline);
        if (docker.isAskedByCommand() && !memory.platform(docker.identity()).equals(Optional.of(own))) {
            memory.keepPlatform(docker.identity(), own);
        }
        return own;
    }

    /** The first image that this one is built on and that is another one by now, or gone. @param held by the engine now */
    static Optional<String> replacedBase(Recipe recipe, Map<String, HeldImage> held) {
        return recipe.bases().entrySet().stream()
                .filter(base -> !Optional.ofNullable(held.get(base.getKey())).map(HeldImage::fingerprint)
                        .equals(Optional.of(base.getValue())))
                .map(Map.Entry::getKey).findFirst();
    }
}
