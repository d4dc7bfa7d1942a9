// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * What one fingerprint covers of the main context and of named ones, whose paths begin with two slashes and the name.
 *
 * @param inputs files, sorted by path
 * @param layouts digests of images in OCI layouts, by path
 * @param unclear the texts of ignore files whose meaning is not certain, by context
 * @param others the Dockerfile, what says which files are ignored, and roots, whose times tell what came and went
 * @param moment at which it was taken
 */
record Snapshot(List<Input> inputs, SortedMap<String, String> layouts, SortedMap<String, String> unclear,
        List<FileStat> others, Moment moment, boolean mustBeReadable) {
    /** Nanoseconds between the two times of one write, at most; a build takes longer. */
    private static final long SAME_WRITE = 20_000_000;
    private static final Duration RACY = Duration.ofSeconds(2); // the coarsest time stamps of common file systems

    /** A file. @param root the real path of its context */
    record Input(String path, ContextNode node, Path root) {
    }

    /** The digest of what lstat says of all files; {@code racy}: one changed so recently that it may again, unseen. */
    record Stamp(String value, boolean racy) {
    }

    /**
     * Looks at the files, not into them.
     *
     * @param coverage which ones
     */
    static Snapshot take(Recipe recipe, Dockerfile dockerfile, Coverage coverage, BuilderKind builder, Moment moment) {
        // What is only covered for want of knowledge need not be readable: if the build needs it, the builder says so.
        boolean mustBeReadable = dockerfile.isCertain() && dockerfile.coverage(false).covers(coverage.files());
        Snapshot snapshot = new Snapshot(new ArrayList<>(), new TreeMap<>(), new TreeMap<>(),
                new ArrayList<>(dockerfile.stats()), moment, mustBeReadable);
        Map<String, NamedContext> named = recipe.options().namedContexts();
        coverage.contexts().forEach((name, patterns) -> {
            if (name.equals(Coverage.MAIN)) {
                snapshot.add("", recipe.context(), IgnoreFile.read(recipe, builder), coverage.patterns(name));
            } else if (named.containsKey(name)) {
                snapshot.add(name, named.get(name), coverage);
            }
        });
        snapshot.inputs.sort((one, other) -> one.path().compareTo(other.path()));
        return snapshot;
    }

    private void add(String name, NamedContext context, Coverage coverage) {
        String prefix = "//" + ByteStrings.encode(name);
        if (context.kind() == NamedContext.Kind.LAYOUT) {
            OciLayout layout = new OciLayout(context.folder());
            layouts.put(prefix, context.digest().or(() -> layout.digest(context.tag())).orElse("unknown"));
            if (Files.exists(layout.index())) {
                others.add(stat(layout.index()));
            }
        } else if (Files.isDirectory(context.folder())) { // else docker build fails
            add(prefix + "/", context.folder(), IgnoreFile.inFolder(context.folder()), coverage.patterns(name));
        }
    }

    private void add(String prefix, Path folder, IgnoreFile ignore, Iterable<String> patterns) {
        ContextTree tree = ContextTree.in(folder, ignore, mustBeReadable, moment);
        others.addAll(ignore.stats());
        if (!ignore.unclear().isEmpty()) {
            unclear.put(prefix, ignore.unclear());
        }
        Map<String, ContextNode> all = new HashMap<>();
        for (String pattern : patterns) {
            if (pattern.equals("/")) {
                others.add(tree.root().stat());
            }
            Map<String, ContextNode> covered = tree.covered(pattern);
            if (all.isEmpty()) {
                all = covered;
            } else {
                all.putAll(covered);
            }
        }
        all.forEach((path, node) -> inputs.add(new Input(prefix + path, node, tree.root().file())));
    }

    private static FileStat stat(Path file) {
        try {
            return FileStat.read(file);
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    /** Looks into the files: digests by path, sorted. */
    List<Map.Entry<String, String>> digests() {
        List<Map.Entry<String, String>> digests = Contents.of(this);
        if (!layouts.isEmpty()) {
            layouts.forEach((path, digest) -> digests.add(Map.entry(path, new Digest().add(digest).hex())));
            digests.sort(Map.Entry.comparingByKey());
        }
        return digests;
    }

    /**
     * A name for the folder under which BuildKit is to see these contexts. BuildKit takes a file for unchanged if name, mode,
     * size and time are those of the last transfer from a folder of the same base name (moby/moby#51518). So there is
     * another name for another place, and for another content of any file whose time is not the system's own: that of its
     * last write. A write sets both times of a file, and what sets the time back leaves the other one later.
     *
     * @param digests what {@link #digests} returned
     */
    String transferName(Recipe recipe, List<Map.Entry<String, String>> digests) {
        Digest digest = new Digest().add(place(recipe.context()));
        recipe.options().contextFolders().forEach((name, folder) -> digest.add(name).add(place(folder)));
        boolean anyTime = !FileSystems.keepsTime(recipe.context());
        Map<String, String> known = new HashMap<>();
        digests.forEach(entry -> known.put(entry.getKey(), entry.getValue()));
        for (Input input : inputs) {
            FileStat stat = input.node().stat();
            if (stat.isFile() && (anyTime || stat.changed() - stat.modified() > SAME_WRITE)) {
                digest.add(input.path(), known.getOrDefault(input.path(), ""));
            }
        }
        return digest.hex();
    }

    private static String[] place(Path folder) {
        try {
            Path real = folder.toRealPath();
            return new String[] {real.toString(), Long.toString(FileStat.read(real).inode())};
        } catch (IOException e) {
            throw new UnreadableFile(folder, e);
        }
    }

    Stamp stamp() {
        List<FileStat> stats = new ArrayList<>(others);
        inputs.forEach(input -> stats.add(input.node().stat()));
        Digest digest =
                new Digest().add(unclear).add(layouts).add(inputs.stream().map(Input::path).toArray(String[]::new));
        stats.forEach(s -> digest.addNumbers(s.mode(), s.size(), s.inode(), s.modified(), s.changed(), s.device()));
        long recent = FileTime.from(moment.start().minus(RACY)).to(TimeUnit.NANOSECONDS);
        return new Stamp(digest.hex(), stats.stream().anyMatch(stat -> stat.changed() > recent));
    }
}
