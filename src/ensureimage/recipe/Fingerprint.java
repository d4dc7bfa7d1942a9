// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * The fingerprint of a build's inputs. It covers what its coverage says, which should never be less than the build sees.
 */
public final class Fingerprint {
    private static final Pattern VALUE = Pattern.compile("v2:[0-9a-f]{64}");

    private final String value;
    private final Coverage coverage;
    private final Snapshot snapshot;
    private final List<Map.Entry<String, String>> files;
    private final Supplier<Manifest> manifest;

    private Fingerprint(Recipe recipe, Surroundings surroundings, Coverage coverage, Dockerfile dockerfile,
            Snapshot snapshot) {
        this.coverage = coverage;
        this.snapshot = snapshot;
        BuildOptions options = recipe.options();
        SortedMap<String, String> arguments =
                dockerfile.counted(surroundings.with(options.arguments()), coverage.allArguments());
        if (surroundings.builder() == BuilderKind.LEGACY) {
            surroundings.arguments().forEach((name, value) -> arguments.put(name,
                    options.arguments().getOrDefault(name, value))); // it keeps them, declared or not
        }
        SortedMap<String, String> wanted = new TreeMap<>(Map.of(
                Manifest.DOCKERFILE, new Digest().add(dockerfile.text()).hex(),
                Manifest.TARGET, options.target().orElse(""), Manifest.PLATFORM, options.platform().orElse(""),
                Manifest.BUILDER, surroundings.builder().name(), Manifest.COVERAGE, coverage.text(),
                Manifest.IGNORE_RULES, new Digest().add(snapshot.unclear()).hex()));
        this.files = snapshot.digests();
        this.value = "v2:" + new Digest().add("ensure_image fingerprint", "2").add(wanted).add(arguments)
                .add(options.counted().toArray(String[]::new)).add(surroundings.facts()).add(recipe.bases()).add(files)
                .hex();
        this.manifest = () -> new Manifest(Map.of(Manifest.Part.FILES, sorted(files),
                Manifest.Part.BASES, recipe.bases(), Manifest.Part.LINES, Manifest.lines(dockerfile.text()),
                Manifest.Part.ARGUMENTS, shortened(arguments), Manifest.Part.OPTIONS, shortened(byName(options)),
                Manifest.Part.SURROUNDINGS, shortened(surroundings.facts()), Manifest.Part.WANTED, wanted));
    }

    private static SortedMap<String, String> sorted(List<Map.Entry<String, String>> entries) {
        SortedMap<String, String> sorted = new TreeMap<>();
        entries.forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
        return sorted;
    }

    private static SortedMap<String, String> byName(BuildOptions options) {
        SortedMap<String, String> byName = new TreeMap<>();
        options.counted().forEach(option -> byName.merge(option.split("=", 2)[0], option, (one, other) -> one + other));
        return byName;
    }

    private static SortedMap<String, String> shortened(SortedMap<String, String> values) {
        SortedMap<String, String> shortened = new TreeMap<>();
        values.forEach((name, value) -> shortened.put(ByteStrings.encode(name), Manifest.shortened(value)));
        return shortened;
    }

    /**
     * The fingerprint of what there is to be built now.
     *
     * @param coverage how much of the contexts it covers
     * @throws RecipeException {@link Flaw.Unreadable}: the Dockerfile, an ignore file, or a file that the build surely
     *         reads. A file that may not be read and may not be needed counts as such.
     */
    public static Fingerprint of(Recipe recipe, Coverage coverage, Surroundings surroundings) throws RecipeException {
        return of(recipe, coverage, surroundings, KnownFiles.NONE.now());
    }

    /**
     * The fingerprint of what there was to be built at one moment.
     *
     * @throws RecipeException as {@link #of(Recipe, Coverage, Surroundings)}
     */
    public static Fingerprint of(Recipe recipe, Coverage coverage, Surroundings surroundings, Moment moment)
            throws RecipeException {
        Dockerfile dockerfile = recipe.readDockerfile(surroundings.builder());
        try {
            Snapshot snapshot = Snapshot.take(recipe, dockerfile, coverage, surroundings.builder(), moment);
            return new Fingerprint(recipe, surroundings, coverage, dockerfile, snapshot);
        } catch (UnreadableFile e) {
            throw e.flawOf(recipe);
        }
    }

    /**
     * What of a recipe decides which files its build sees, as the name of a file: the Dockerfile, its arguments, the target,
     * the platform, the options, and what builds.
     */
    public static String recipeKey(Recipe recipe, Dockerfile dockerfile, Surroundings surroundings) {
        BuildOptions options = recipe.options();
        return new Digest().add(dockerfile.text(), options.target().orElse(""), options.platform().orElse(""),
                surroundings.builder().name()).add(dockerfile.counted(surroundings.with(options.arguments()), false))
                .add(options.counted().toArray(String[]::new))
                .add(surroundings.facts())
                .add(options.namedContexts().keySet().stream().sorted().toArray(String[]::new)).hex();
    }

    /** A digest of texts, as the name of a file. */
    public static String key(String... texts) {
        return new Digest().add(texts).hex();
    }

    /** Whether a label is a fingerprint's value in the form of this version. */
    public static boolean isValue(String label) {
        return VALUE.matcher(label).matches();
    }

    /** What goes on the image, as its label; the coverage has to go with it. */
    public String value() {
        return value;
    }

    /** How much of the contexts it covers. */
    public Coverage coverage() {
        return coverage;
    }

    /** What is kept to say later what has changed. */
    public Manifest manifest() {
        return manifest.get();
    }

    /**
     * The base name of the folder under which BuildKit is to see the inputs, so that it does not take them for others that it
     * was sent before.
     *
     * @throws RecipeException {@link Flaw.Unreadable} if a context is gone by now
     */
    public String transferName(Recipe recipe) throws RecipeException {
        try {
            return snapshot.transferName(recipe, files);
        } catch (UnreadableFile e) {
            throw e.flawOf(recipe);
        }
    }

    /**
     * Whether the inputs are what they were, and were all the time since: sizes, times, inodes and modes tell. Only
     * for files changed just before the fingerprint was made they may not, so then it is made again to compare.
     */
    public boolean isUnchanged(Recipe recipe, Surroundings surroundings) {
        try {
            Dockerfile dockerfile = recipe.readDockerfile(surroundings.builder());
            Moment moment = snapshot.moment().known().now();
            Snapshot now = Snapshot.take(recipe, dockerfile, coverage, surroundings.builder(), moment);
            Snapshot.Stamp stamp = snapshot.stamp();
            return now.stamp().value().equals(stamp.value())
                    && (!stamp.racy()
                            || new Fingerprint(recipe, surroundings, coverage, dockerfile, now).value.equals(value));
        } catch (UnreadableFile | RecipeException e) {
            return false;
        }
    }
}
