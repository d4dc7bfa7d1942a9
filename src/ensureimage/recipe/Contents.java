// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** The digests of a snapshot's files: those that are known, and those that are read now, of which some are then kept. */
final class Contents {
    /** A context with fewer files, and less to read, is read sooner than an index of it. */
    private static final int MANY_FILES = 100;
    private static final long MANY_BYTES = 4 << 20;
    /** A folder that was renamed or written to since is not sure to be the one that was listed. */
    private static final Duration FOLDER_SETTLED = Duration.ofSeconds(2);

    private final List<Snapshot.Input> inputs;
    private final Moment moment;
    private final String[] digests;
    /** Of large contexts, by their roots. */
    private final Map<Path, StatIndex> indexes = new HashMap<>();
    private final Map<Path, Boolean> folders = new HashMap<>();

    private Contents(Snapshot snapshot) {
        this.inputs = snapshot.inputs();
        this.moment = snapshot.moment();
        this.digests = new String[inputs.size()];
    }

    /** By path, sorted, without those that vanished. */
    static List<Map.Entry<String, String>> of(Snapshot snapshot) {
        Contents contents = new Contents(snapshot);
        contents.openIndexes();
        int[] unknown = contents.find();
        IntStream.of(unknown).parallel().forEach(i -> contents.digests[i] =
                contents.inputs.get(i).node().digest(contents.moment, snapshot.mustBeReadable()).orElse(null));
        contents.keep(unknown);
        List<Map.Entry<String, String>> all = new ArrayList<>(contents.digests.length);
        for (int i = 0; i < contents.digests.length; i++) {
            if (contents.digests[i] != null) {
                all.add(Map.entry(contents.inputs.get(i).path(), contents.digests[i]));
            }
        }
        return all;
    }

    private void openIndexes() {
        Map<Path, long[]> sizes = new HashMap<>();
        Path last = null;
        long[] size = new long[2];
        for (Snapshot.Input input : inputs) {
            if (input.root() != last) { // to ask a map for each file takes long
                last = input.root();
                size = sizes.computeIfAbsent(last, root -> new long[2]);
            }
            size[0]++;
            size[1] += input.node().stat().isFile() ? input.node().stat().size() : 0;
        }
        sizes.forEach((root, each) -> {
            if (each[0] >= MANY_FILES || each[1] >= MANY_BYTES) {
                indexes.put(root, moment.known().index(root));
            }
        });
    }

    /** Takes what is known, and returns the places of the others. */
    private int[] find() {
        int[] unknown = new int[digests.length];
        int count = 0;
        Path last = null;
        StatIndex index = null;
        for (int i = 0; i < digests.length; i++) {
            Snapshot.Input input = inputs.get(i);
            if (input.root() != last) {
                last = input.root();
                index = indexes.get(last);
            }
            if (index != null && input.node().stat().isFile()) {
                digests[i] = index.find(input.node().stat());
            }
            if (digests[i] == null) {
                unknown[count++] = i;
            }
        }
        return Arrays.copyOf(unknown, count);
    }

    private void keep(int[] read) {
        Map<Path, Map<FileStat, String>> kept = new HashMap<>();
        indexes.keySet().forEach(root -> kept.put(root, new HashMap<>()));
        for (int i : read) {
            Snapshot.Input input = inputs.get(i);
            if (indexes.containsKey(input.root()) && digests[i] != null && isCertain(input.node(), digests[i])) {
                kept.get(input.root()).put(input.node().stat(), digests[i]);
            }
        }
        kept.forEach(moment.known()::learn);
    }

    /**
     * Whether lstat will tell if this digest is not true any more, and whether it is one of the file that lstat spoke of:
     * the path could lead to another one while that was read, and lead back again.
     */
    private boolean isCertain(ContextNode node, String digest) {
        return node.stat().isFile() && !digest.equals(node.unreadable())
                && moment.known().settling(node.file(), node.stat().host())
                        .filter(time -> isOlder(node.stat(), time)).isPresent()
                && isSame(node) && isUnmoved(node.above().orElseThrow());
    }

    private boolean isUnmoved(ContextNode folder) {
        Boolean judged = folders.get(folder.file());
        if (judged == null) {
            judged = isOlder(folder.stat(), FOLDER_SETTLED) && isSame(folder)
                    && (folder.above().isEmpty() || isUnmoved(folder.above().get()));
            folders.put(folder.file(), judged);
        }
        return judged;
    }

    private boolean isOlder(FileStat stat, Duration age) {
        long since = FileTime.from(moment.start().minus(age)).to(TimeUnit.NANOSECONDS);
        return stat.changed() < since && stat.modified() < since;
    }

    private static boolean isSame(ContextNode node) {
        try {
            return FileStat.read(node.file()).equals(node.stat());
        } catch (IOException e) {
            return false;
        }
    }
}
