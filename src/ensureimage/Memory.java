// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.KnownFiles;
import ensureimage.recipe.Manifest;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/** What earlier builds taught, in the user's cache. It may get lost: that costs a cached build, never a wrong answer. */
final class Memory {
    private static final String MANIFESTS = "manifests";
    private static final String LESSONS = "witnessed";
    private static final String BUILDERS = "builders";
    private static final String PLATFORMS = "platforms";
    private static final String INDEXES = "index";
    private static final int MOST = 500;
    private static final int MOST_INDEXES = 30; // of 16 MB at most; one of 20,000 files has 2.2 MB

    private final Cache cache;
    private final Map<String, BuilderKind> builders = new ConcurrentHashMap<>();
    private final KnownFiles files;

    Memory(Cache cache) {
        this.cache = cache;
        this.files = new KnownFiles(new KnownFiles.Store() {
            @Override
            public Optional<byte[]> read(String name) {
                return cache.readBytes(INDEXES, name);
            }

            @Override
            public void write(String name, byte[] content) {
                cache.write(INDEXES, name, content, MOST_INDEXES);
            }
        });
    }

    /** What is known of files' contents. */
    KnownFiles files() {
        return files;
    }

    /**
     * What BuildKit said that a build saw.
     *
     * @param coverage of the contexts
     * @param bases images outside the collection
     * @param asks whether it saw something that no look-up can know
     */
    record Lesson(Coverage coverage, Set<String> bases, boolean asks) {
        private static final String HEAD = "ensure_image witness 1";

        String text() {
            return String.join("\n", HEAD, asks ? "asks" : "-", coverage.text(), String.join(",", bases), "");
        }

        static Optional<Lesson> parse(String text) {
            List<String> lines = Arrays.asList(text.split("\n", -1));
            if (lines.size() != 5 || !lines.get(0).equals(HEAD)) {
                return Optional.empty();
            }
            Set<String> bases = new TreeSet<>(Arrays.asList(lines.get(3).split(",")));
            bases.remove("");
            return Coverage.parse(lines.get(2))
                    .map(coverage -> new Lesson(coverage, bases, lines.get(1).equals("asks")))
                    .filter(lesson -> lesson.text().equals(text));
        }
    }

    Optional<Lesson> lesson(String key) {
        return cache.read(LESSONS, key).flatMap(Lesson::parse);
    }

    void keep(String key, Lesson lesson) {
        if (!lesson(key).equals(Optional.of(lesson))) {
            cache.write(LESSONS, key, lesson.text(), MOST);
        }
    }

    /** What of an image's inputs is known besides their fingerprint. */
    Optional<Manifest> manifest(String fingerprint) {
        return cache.read(MANIFESTS, fileName(fingerprint)).flatMap(Manifest::parse);
    }

    void keep(Fingerprint fingerprint) {
        keep(fingerprint.value(), fingerprint.manifest());
    }

    /** @param fingerprint a label */
    void keep(String fingerprint, Manifest manifest) {
        cache.write(MANIFESTS, fileName(fingerprint), manifest.text(), MOST);
    }

    /** A label is data: only what our own builds would have written names a file. */
    private static String fileName(String label) {
        return Fingerprint.isValue(label) ? label.replace(':', '-') : "none";
    }

    /** What an engine was last seen to build for by itself. */
    Optional<String> platform(String engine) {
        return cache.read(PLATFORMS, Fingerprint.key(engine));
    }

    void keepPlatform(String engine, String platform) {
        cache.write(PLATFORMS, Fingerprint.key(engine), platform, MOST);
    }

    /** The builder that this engine's client was last seen to use; else the one that is likely. */
    BuilderKind builder(String engine, BuilderKind likely) {
        return builders.computeIfAbsent(Fingerprint.key(engine, likely.name()), key -> cache.read(BUILDERS, key)
                .flatMap(name -> Arrays.stream(BuilderKind.values()).filter(kind -> kind.name().equals(name))
                        .findFirst())
                .orElse(likely));
    }

    void keep(String engine, BuilderKind likely, BuilderKind seen) {
        String key = Fingerprint.key(engine, likely.name());
        builders.put(key, seen);
        cache.write(BUILDERS, key, seen.name(), MOST);
    }
}
