package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * What one fingerprint covers of the main context and of named ones, whose paths begin with two slashes and the name.
 *
 * @param nodes files, by path
 * @param layouts digests of images in OCI layouts, by path
 * @param unclear the texts of ignore files whose meaning is not certain, by context
 * @param others the Dockerfile, what says which files are ignored, and roots, whose times tell what came and went
 * @param start when it was begun
 */
record Snapshot(SortedMap<String, ContextNode> nodes, SortedMap<String, String> layouts,
        SortedMap<String, String> unclear, List<FileStat> others, Instant start, boolean mustBeReadable) {
    /** Nanoseconds between the two times of one write, at most; a build takes longer. */
    private static final long SAME_WRITE = 20_000_000;
    /** File systems that do not keep when a file was changed by themselves. */
    private static final Set<String> UNTRUSTED =
            Set.of("9p", "cifs", "exfat", "fuse", "fuseblk", "msdos", "nfs", "nfs4",
                    "prl_fs", "smb3", "smbfs", "vboxsf", "vfat", "virtiofs");
    private static final Duration RACY = Duration.ofSeconds(2); // the coarsest time stamps of common file systems

    /** The digest of what lstat says of all files; {@code racy}: one changed so recently that it may again, unseen. */
    record Stamp(String value, boolean racy) {
    }

    /**
     * Looks at the files, not into them.
     *
     * @param coverage which ones
     */
    static Snapshot take(Recipe recipe, Dockerfile dockerfile, Coverage coverage, BuilderKind builder) {
        // What is only covered for want of knowledge need not be readable: if the build needs it, the builder says so.
        boolean mustBeReadable = dockerfile.isCertain() && dockerfile.coverage(false).covers(coverage.files());
        Snapshot snapshot = new Snapshot(new TreeMap<>(), new TreeMap<>(), new TreeMap<>(),
                new ArrayList<>(dockerfile.stats()), Instant.now(), mustBeReadable);
        Map<String, NamedContext> named = recipe.options().namedContexts();
        coverage.contexts().forEach((name, patterns) -> {
            if (name.equals(Coverage.MAIN)) {
                snapshot.add("", recipe.context(), IgnoreFile.read(recipe, builder), coverage.patterns(name));
            } else if (named.containsKey(name)) {
                snapshot.add(name, named.get(name), coverage);
            }
        });
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
        ContextTree tree = ContextTree.in(folder, ignore, mustBeReadable);
        others.addAll(ignore.stats());
        if (!ignore.unclear().isEmpty()) {
            unclear.put(prefix, ignore.unclear());
        }
        for (String pattern : patterns) {
            if (pattern.equals("/")) {
                others.add(tree.root().stat());
            }
            tree.covered(pattern).forEach((path, node) -> nodes.put(prefix + path, node));
        }
    }

    private static FileStat stat(Path file) {
        try {
            return FileStat.read(file);
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    /** Looks into the files: digests by path. */
    SortedMap<String, String> digests() {
        Map<String, String> files = nodes.entrySet().parallelStream()
                .flatMap(e -> e.getValue().digest(mustBeReadable).map(digest -> Map.entry(e.getKey(), digest)).stream())
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        SortedMap<String, String> all = new TreeMap<>(files);
        layouts.forEach((path, digest) -> all.put(path, new Digest().add(digest).hex()));
        return all;
    }

    /**
     * A name for the folder under which BuildKit is to see these contexts. BuildKit takes a file for unchanged if name, mode,
     * size and time are those of the last transfer from a folder of the same base name (moby/moby#51518). So there is
     * another name for another place, and for another content of any file whose time is not the system's own: that of its
     * last write. A write sets both times of a file, and what sets the time back leaves the other one later.
     *
     * @param digests what {@link #digests} returned
     */
    String transferName(Recipe recipe, SortedMap<String, String> digests) {
        Digest digest = new Digest().add(place(recipe.context()));
        recipe.options().contextFolders().forEach((name, folder) -> digest.add(name).add(place(folder)));
        boolean anyTime = UNTRUSTED.contains(fileSystem(recipe.context()));
        nodes.forEach((path, node) -> {
            if (node.stat().isFile() && (anyTime || node.stat().changed() - node.stat().modified() > SAME_WRITE)) {
                digest.add(path, digests.getOrDefault(path, ""));
            }
        });
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

    private static String fileSystem(Path folder) {
        try {
            return Files.getFileStore(folder).type().split("\\.")[0];
        } catch (IOException e) {
            return "fuse";
        }
    }

    Stamp stamp() {
        List<FileStat> stats = new ArrayList<>(others);
        nodes.values().forEach(node -> stats.add(node.stat()));
        Digest digest = new Digest().add(unclear).add(layouts).add(nodes.keySet().toArray(String[]::new));
        stats.forEach(s -> digest.addNumbers(s.mode(), s.size(), s.inode(), s.modified(), s.changed(), s.device()));
        long recent = FileTime.from(start.minus(RACY)).to(TimeUnit.NANOSECONDS);
        return new Stamp(digest.hex(), stats.stream().anyMatch(stat -> stat.changed() > recent));
    }
}
