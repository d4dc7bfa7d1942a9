import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;

/** Tells whether an image was built from what its recipe's inputs are now, by the label that our builds have. */
final class Freshness {
    private static final String MANIFESTS = "manifests";
    private static final int MOST_MANIFESTS = 200;

    private final Docker docker;
    private final Cache cache;
    /** What the engine held when a collection was looked up, for the first look at each of its images. */
    private final Map<Reference, Map<String, Docker.Held>> ahead = new ConcurrentHashMap<>();

    Freshness(Docker docker, Cache cache) {
        this.docker = docker;
        this.cache = cache;
    }

    /** Looks a whole collection up, by one command instead of one an image. Who is found current is not looked up again. */
    void lookAhead(Collection<Recipe> recipes, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        Map<Reference, Names> names = new HashMap<>();
        for (Recipe recipe : recipes) {
            names.put(recipe.reference(), Names.of(recipe));
        }
        Map<String, Docker.Held> images = docker.lookUp(
                names.values().stream().flatMap(each -> each.all().stream()).collect(Collectors.toSet()), watch);
        names.forEach((reference, each) -> {
            Map<String, Docker.Held> its = new HashMap<>(images);
            its.keySet().retainAll(each.all());
            ahead.put(reference, its);
        });
    }

    /** Looks the reference up, and compares: a label says itself how much of the context it covers. */
    Found find(Recipe recipe, ensure_image.Rule rule, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        Names names = Names.of(recipe);
        Map<String, Docker.Held> first = ahead.remove(recipe.reference());
        if (first != null) {
            Found found = compared(recipe, rule, names, first, scope -> of(recipe, scope));
            if (found.isCurrent()) {
                return found;
            }
        }
        Reader reader = rule == ensure_image.Rule.IF_MISSING ? scope -> of(recipe, scope) : beginToRead(recipe);
        return compared(recipe, rule, names, docker.lookUp(names.all(), watch), reader);
    }

    /** Tells what the inputs are: read once for {@link Fingerprints.Scope#SEEN}, else when asked. */
    @FunctionalInterface
    interface Reader {
        Fingerprints.Fingerprint of(Fingerprints.Scope scope) throws ensure_image.Failed;
    }

    /** Reads for the scope that most labels have, while docker is asked which one it is. */
    private Reader beginToRead(Recipe recipe) {
        FutureTask<Fingerprints.Fingerprint> seen = new FutureTask<>(() -> of(recipe, Fingerprints.Scope.SEEN));
        Thread thread = new Thread(seen, "reads " + recipe.reference());
        thread.setDaemon(true);
        thread.start();
        return scope -> scope == Fingerprints.Scope.SEEN ? ensure_image.Run.join(seen) : of(recipe, scope);
    }

    /**
     * What is to be looked up.
     *
     * @param all the image and those that it is built on, as far as they have names
     * @param unknown whether there are some that have none
     */
    private record Names(Set<String> all, boolean unknown) {
        static Names of(Recipe recipe) throws ensure_image.Failed {
            Set<String> bases = inputs(recipe).dockerfile().bases();
            Set<String> all = bases.stream().map(Images::canonical).flatMap(Optional::stream)
                    .collect(Collectors.toCollection(LinkedHashSet::new));
            boolean unknown = all.size() < bases.size();
            all.add(recipe.reference().toString());
            return new Names(all, unknown);
        }
    }

    private Found compared(Recipe recipe, ensure_image.Rule rule, Names names, Map<String, Docker.Held> images,
            Reader reader) throws ensure_image.Failed {
        Docker.Held held = images.remove(recipe.reference().toString());
        boolean triggers = names.unknown() || images.size() < names.all().size() - 1
                || images.values().stream().anyMatch(Docker.Held::triggers);
        if (held == null) {
            return new Found(Found.State.MISSING, "", "", "", triggers, reader);
        }
        String label = held.fingerprint();
        if (rule == ensure_image.Rule.IF_MISSING) {
            return new Found(Found.State.CURRENT, held.id(), label, "", triggers, reader);
        }
        if (label.isEmpty()) {
            return new Found(Found.State.STALE, held.id(), "", ensure_image.Text.NOT_OURS, triggers, reader);
        }
        Fingerprints.Fingerprint now = reader.of(Fingerprints.Scope.of(label));
        return now.value().equals(label) ? new Found(Found.State.CURRENT, held.id(), label, "", triggers, reader)
                : new Found(Found.State.STALE, held.id(), label, why(label, now), triggers, reader);
    }

    /**
     * The fingerprint for the label of a build, kept to say later what has changed. It covers only what the Dockerfile
     * uses, if every base image is known to have no ONBUILD instruction that uses more.
     */
    Fingerprints.Fingerprint fingerprint(Found found) throws ensure_image.Failed {
        Fingerprints.Fingerprint now = found.inputs().of(
                found.triggers() ? Fingerprints.Scope.WHOLE : Fingerprints.Scope.SEEN);
        cache.write(MANIFESTS, fileName(now.value()), now.manifest().text(), MOST_MANIFESTS);
        return now;
    }

    /** Whether the inputs stayed what they were while they were built. */
    boolean unchanged(Recipe recipe, Fingerprints.Fingerprint before) throws ensure_image.Failed {
        return before.unchanged(inputs(recipe));
    }

    /** @throws ensure_image.BaseReplaced if an image that this one is built on may have been another one by then */
    void checkBases(Recipe recipe, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        for (Map.Entry<String, String> base : recipe.bases().entrySet()) {
            Docker.Held held = docker.lookUp(List.of(base.getKey()), watch).get(base.getKey());
            if (held == null || !held.fingerprint().equals(base.getValue())) {
                throw new ensure_image.BaseReplaced(recipe, base.getKey());
            }
        }
    }

    private Fingerprints.Fingerprint of(Recipe recipe, Fingerprints.Scope scope) throws ensure_image.Failed {
        Fingerprints.Inputs inputs = inputs(recipe);
        try {
            return Fingerprints.Fingerprint.of(inputs, scope);
        } catch (Fingerprints.Unreadable e) {
            throw ensure_image.Text.unreadable(recipe, e);
        }
    }

    static Fingerprints.Inputs inputs(Recipe recipe) throws ensure_image.Failed {
        Recipe.Options options = recipe.options();
        try {
            return new Fingerprints.Inputs(recipe.context(), recipe.dockerfile().read(options.arguments()),
                    options.arguments(), options.target(), options.platform(), options.passThrough(), recipe.bases());
        } catch (Fingerprints.Unreadable e) {
            throw ensure_image.Text.unreadable(recipe, e);
        }
    }

    private String why(String label, Fingerprints.Fingerprint now) {
        return cache.read(MANIFESTS, fileName(label)).flatMap(Fingerprints.Manifest::parse)
                .map(before -> Fingerprints.Manifest.whyStale(before, now.manifest())).orElse("");
    }

    /** A label is data: only what we would have written names a file. */
    private static String fileName(String label) {
        return label.matches("v1s?:[0-9a-f]{64}") ? label.replace(':', '-') : "none";
    }

    /**
     * The image under a reference, as it was a moment ago: none, a stale one, or the one wanted.
     *
     * @param why what makes it stale, if that is known
     * @param triggers whether a base image may have ONBUILD instructions
     * @param inputs what it was compared with, or would have been
     */
    record Found(State state, String id, String fingerprint, String why, boolean triggers, Reader inputs) {
        enum State { MISSING, STALE, CURRENT }

        boolean isMissing() {
            return state == State.MISSING;
        }

        boolean isStale() {
            return state == State.STALE;
        }

        boolean isCurrent() {
            return state == State.CURRENT;
        }

        /** What it becomes by a build. */
        Found as(Optional<String> built, Fingerprints.Fingerprint now) {
            return new Found(state, built.orElse(id), now.value(), why, triggers, inputs);
        }
    }
}
