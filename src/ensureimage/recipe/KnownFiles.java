// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What earlier runs learned of files' contents: a stat index for each context, as git has one. A file is read again unless
 * everything that lstat says of it is as it was. Safe from many threads.
 *
 * <p>It is a cache: whatever is wrong with what the store returns, files are read.
 */
public final class KnownFiles {
    /** Nothing is known, and nothing is kept. */
    public static final KnownFiles NONE = new KnownFiles(new Store() {
        @Override
        public Optional<byte[]> read(String name) {
            return Optional.empty();
        }

        @Override
        public void write(String name, byte[] content) {
            return;
        }
    }, Clock.systemUTC(), new FileSystems());

    /** Where the indexes are kept. */
    public interface Store {
        /** What was written under the name; empty if there is nothing that can be read. */
        Optional<byte[]> read(String name);

        /** Keeps it, whole or not at all; or not, if that fails. @param name letters and digits */
        void write(String name, byte[] content);
    }

    private final Store store;
    private final Clock clock;
    private final FileSystems systems;
    private final Map<Path, StatIndex> indexes = new ConcurrentHashMap<>();

    /** What this store has. */
    public KnownFiles(Store store) {
        this(store, Clock.systemUTC(), new FileSystems());
    }

    KnownFiles(Store store, Clock clock, FileSystems systems) {
        this.store = store;
        this.clock = clock;
        this.systems = systems;
    }

    /** A look at files as they are from now on. */
    public Moment now() {
        return new Moment(this, clock.instant());
    }

    /** The index of a context. @param root its real path */
    StatIndex index(Path root) {
        return indexes.computeIfAbsent(root,
                path -> store.read(name(path)).map(bytes -> StatIndex.parse(bytes, clock.instant(), today()))
                        .orElseGet(() -> StatIndex.empty(today())));
    }

    /** Keeps what was read in a context, besides what the index had. */
    synchronized void learn(Path root, Map<FileStat, String> digests) {
        StatIndex index = index(root);
        if (!digests.isEmpty() || index.isWorn()) {
            StatIndex renewed = index.with(digests);
            indexes.put(root, renewed);
            store.write(name(root), renewed.bytes(clock.instant()));
        }
    }

    /** How long a file must have kept still before what was read of it counts for later; empty if it never does. */
    Optional<Duration> settling(Path file, long device) {
        return systems.settling(file, device);
    }

    private int today() {
        return (int) LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC).toEpochDay();
    }

    private static String name(Path root) {
        return new Digest().add(ByteStrings.encode(root)).hex();
    }
}
