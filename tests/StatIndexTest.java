// SPDX-License-Identifier: Apache-2.0
//DEPS net.jqwik:jqwik-engine:1.9.3

package ensureimage.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What is known of files' contents from earlier looks never hides an edit, whatever it leaves as it was. */
class StatIndexTest {
    private static final String SEED = "20261127";
    private static final int TRIES = 40;
    private static final int FILLERS = 100; // a smaller context has no index
    private static final FileTime LONG_AGO = FileTime.from(Instant.parse("2020-01-01T00:00:00Z"));
    private static final String ZEROS = "0".repeat(64);
    private static final int TODAY = 20_000;
    private static FileSystemsUnderTest systems;

    private static synchronized FileSystemsUnderTest systems() {
        if (systems == null) {
            systems = new FileSystemsUnderTest();
        }
        return systems;
    }

    // ---- Edits

    /** An edit that leaves the size and the mtime of every file as they were, and other things, too. */
    enum Edit {
        /** Nothing else changes but the ctime. */
        IN_PLACE {
            @Override
            void make(Scene scene) throws IOException {
                scene.write(scene.a, scene.text());
            }
        },
        RENAME_OVER {
            @Override
            void make(Scene scene) throws IOException {
                scene.write(scene.outside("new"), scene.text());
                Files.move(scene.outside("new"), scene.a, StandardCopyOption.ATOMIC_MOVE);
            }
        },
        REMOVED_AND_MADE_AGAIN {
            @Override
            void make(Scene scene) throws IOException {
                Files.delete(scene.a);
                scene.write(scene.a, scene.text());
            }
        },
        THROUGH_A_HARD_LINK {
            @Override
            void make(Scene scene) throws IOException {
                Files.deleteIfExists(scene.outside("link"));
                Files.createLink(scene.outside("link"), scene.a);
                scene.write(scene.outside("link"), scene.text());
            }
        },
        LINKED_OVER {
            @Override
            void make(Scene scene) throws IOException {
                Files.delete(scene.a);
                Files.createLink(scene.a, scene.b);
            }
        },
        THROUGH_A_MAPPING {
            @Override
            void make(Scene scene) throws IOException {
                for (int i = 0; i < 2; i++) { // the second write finds the page dirty
                    scene.map(scene.b).put(0, (byte) scene.text().charAt(0));
                    scene.assertRight(this);
                }
                Files.setLastModifiedTime(scene.b, LONG_AGO);
            }
        },
        SWAP {
            @Override
            void make(Scene scene) throws IOException {
                Files.move(scene.a, scene.outside("swap"));
                Files.move(scene.b, scene.a);
                Files.move(scene.outside("swap"), scene.b);
            }
        },
        FOLDER_REPLACED {
            @Override
            void make(Scene scene) throws IOException {
                Files.move(scene.folder, scene.outside("folder"));
                Files.move(scene.other, scene.folder);
                Files.move(scene.outside("folder"), scene.other);
            }
        },
        FOLDER_MOUNTED_OVER {
            @Override
            void make(Scene scene) throws IOException {
                systems().bind(scene.other, scene.folder);
                scene.assertRight(this);
                systems().unmount();
            }
        },
        MODE {
            @Override
            void make(Scene scene) throws IOException {
                Files.setAttribute(scene.a, "unix:mode", (int) Files.getAttribute(scene.a, "unix:mode") ^ 0111);
            }
        },
        /** After this, what was read counts for later. */
        TIME_PASSES {
            @Override
            void make(Scene scene) throws IOException {
                scene.settle();
            }
        };

        abstract void make(Scene scene) throws IOException;
    }

    /** A context on a file system, an index that outlives each look at it, and a clock that stands still until told. */
    private static final class Scene {
        private final Path home;
        private final Path context;
        private final Path folder;
        private final Path other;
        private final Path a;
        private final Path b;
        private final Map<String, byte[]> store = new ConcurrentHashMap<>();
        private final Map<Path, MappedByteBuffer> mappings = new HashMap<>();
        private Instant now = Instant.EPOCH;
        private int texts;

        Scene(Path system) throws IOException {
            this.home = Files.createTempDirectory(system, "scene");
            this.context = Files.createDirectory(home.resolve("context"));
            this.folder = Files.createDirectory(context.resolve("folder"));
            this.other = Files.createDirectory(context.resolve("other"));
            this.a = folder.resolve("a");
            this.b = folder.resolve("b");
            Files.writeString(context.resolve("Dockerfile"), "FROM scratch\nCOPY . /\n");
            for (Path each : List.of(a, b, other.resolve("a"), other.resolve("b"))) {
                write(each, text());
            }
            for (int i = 0; i < FILLERS; i++) {
                Files.createFile(context.resolve("filler" + i));
            }
            settle();
        }

        /** Another each time, of the same length. */
        String text() {
            return "%c%07d".formatted((char) ('A' + texts % 26), texts++);
        }

        Path outside(String name) {
            return home.resolve(name);
        }

        void write(Path file, String text) throws IOException {
            if (Files.exists(file)) {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(StandardCharsets.US_ASCII.encode(text));
                }
            } else {
                Files.writeString(file, text);
            }
            Files.setLastModifiedTime(file, LONG_AGO);
        }

        MappedByteBuffer map(Path file) throws IOException {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                return mappings.computeIfAbsent(file.toRealPath(), path -> {
                    try {
                        return channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size());
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                });
            }
        }

        /** What time does: pages are written back, and the clock goes on until all ctimes so far are old. */
        void settle() throws IOException {
            try (Stream<Path> files = Files.walk(home)) {
                for (Path file : files.filter(file -> file.toFile().length() > 0 && Files.isRegularFile(file))
                        .toList()) {
                    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                        channel.force(true);
                    }
                }
            }
            now = tick().plus(settling(context));
        }

        private static Duration settling(Path file) throws IOException {
            return new FileSystems().settling(file, FileStat.read(file).host()).orElse(Duration.ZERO);
        }

        /** A time after all ctimes so far, and before all later ones: clocks of file systems go in steps. */
        private Instant tick() throws IOException {
            Instant first = ctime(probe());
            Instant next = first;
            while (!next.isAfter(first)) {
                next = ctime(probe());
            }
            return next;
        }

        private Path probe() throws IOException {
            Files.deleteIfExists(outside("probe"));
            return Files.createFile(outside("probe"));
        }

        private static Instant ctime(Path file) throws IOException {
            return ((FileTime) Files.getAttribute(file, "unix:ctime")).toInstant();
        }

        /** As a process would that starts now. */
        KnownFiles known(Instant at, FileSystems systems) {
            return new KnownFiles(new KnownFiles.Store() {
                @Override
                public Optional<byte[]> read(String name) {
                    return Optional.ofNullable(store.get(name));
                }

                @Override
                public void write(String name, byte[] content) {
                    store.put(name, content);
                }
            }, Clock.fixed(at, ZoneOffset.UTC), systems);
        }

        SortedMap<String, String> look() {
            return look(known(now, new FileSystems()));
        }

        SortedMap<String, String> look(KnownFiles known) {
            return new TreeMap<>(fingerprint(known.now()).manifest().files());
        }

        Fingerprint fingerprint(Moment moment) {
            try {
                Recipe recipe = Recipe.inFolder(Reference.find("scene:1").orElseThrow(), context,
                        BuildOptions.parse(List.of(), Optional.empty(), Optional.empty(), List.of(), Map.of()));
                return Fingerprint.of(recipe, Coverage.whole(Set.of(Coverage.MAIN)),
                        Surroundings.of(BuilderKind.BUILDKIT), moment);
            } catch (RecipeException e) {
                throw new IllegalStateException(e);
            }
        }

        void assertRight(Object after) {
            assertEquals(look(KnownFiles.NONE), look(), () -> "after " + after);
        }

        StatIndex index() {
            return store.isEmpty() ? StatIndex.empty(0)
                    : StatIndex.parse(store.values().iterator().next(), now, TODAY);
        }

        /** Makes the index say something of a file that is not true. */
        void poison(Path file) throws IOException {
            store.replaceAll((name, bytes) -> {
                try {
                    return index().with(Map.of(FileStat.read(file), ZEROS)).bytes(now);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
    }

    @Property(tries = TRIES, seed = SEED)
    void noEditIsMissedOnExt4(@ForAll @Size(min = 1, max = 8) List<Edit> edits) throws IOException {
        play("ext4", edits);
    }

    @Property(tries = TRIES, seed = SEED)
    void noEditIsMissedOnOverlay(@ForAll @Size(min = 1, max = 8) List<Edit> edits) throws IOException {
        play("overlay", edits);
    }

    @Property(tries = TRIES, seed = SEED)
    void noEditIsMissedOnTmpfs(@ForAll @Size(min = 1, max = 8) List<Edit> edits) throws IOException {
        play("tmpfs", edits);
    }

    private static final Map<String, Path> MOUNTED = new ConcurrentHashMap<>();

    private static Path mounted(String kind) {
        return MOUNTED.computeIfAbsent(kind, systems()::mount);
    }

    private static void play(String kind, List<Edit> edits) throws IOException {
        Scene scene = new Scene(mounted(kind));
        scene.assertRight("nothing");
        for (Edit edit : edits) {
            edit.make(scene);
            scene.assertRight(edit);
            scene.assertRight(edit + ", a second look");
        }
        scene.settle();
        scene.assertRight("time");
        assertEquals(!kind.equals("tmpfs"), scene.index().find(FileStat.read(scene.a)) != null, "a is known");
        scene.mappings.clear();
        Harness.delete(scene.home);
    }

    // ---- Controls: what the index would miss without each of its precautions

    @Test
    void anIndexWithoutCtimesMissesAnEdit() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        FileStat before = FileStat.read(scene.a);
        StatIndex index = StatIndex.empty(TODAY).with(Map.of(before, ZEROS));
        StatIndex blind = StatIndex.empty(TODAY).with(Map.of(withoutCtime(before), ZEROS));
        Edit.IN_PLACE.make(scene);
        FileStat after = FileStat.read(scene.a);
        assertNotNull(blind.find(withoutCtime(after)), "nothing else tells");
        assertNull(index.find(after));
    }

    private static FileStat withoutCtime(FileStat stat) {
        return new FileStat(stat.mode(), stat.size(), stat.inode(), stat.modified(), 0, stat.device(), stat.host());
    }

    @Test
    void aFileThatWasJustWrittenIsReadAgain() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        FileSystems hasty = new FileSystems() {
            @Override
            Optional<Duration> settling(Path file, long device) {
                return Optional.of(Duration.ofSeconds(-1));
            }
        };
        scene.map(scene.b).put(0, (byte) '1');
        SortedMap<String, String> first = scene.look(scene.known(scene.now, hasty));
        scene.map(scene.b).put(0, (byte) '2'); // into a page that is dirty: no time is set
        assertEquals(first, scene.look(scene.known(scene.now, hasty)), "the control: it is missed");
        assertNotEquals(first, scene.look(KnownFiles.NONE));

        scene = new Scene(mounted("ext4"));
        scene.map(scene.b).put(0, (byte) '1');
        first = scene.look();
        scene.map(scene.b).put(0, (byte) '2');
        assertNotEquals(first, scene.look());
        scene.assertRight("the second write");
    }

    @Test
    void onTmpfsAMappedFileChangesWithoutATimeEvenMuchLater() throws IOException {
        Scene scene = new Scene(mounted("tmpfs"));
        scene.map(scene.b).put(0, (byte) '1');
        scene.settle();
        FileStat before = FileStat.read(scene.b);
        SortedMap<String, String> first = scene.look();
        scene.map(scene.b).put(0, (byte) '2');
        assertEquals(before, FileStat.read(scene.b), "the control: lstat does not tell");
        assertNotEquals(first, scene.look());
        assertTrue(scene.store.isEmpty(), "so nothing is kept");
    }

    @Test
    void whatAnIndexFromTheFutureSaysDoesNotCount() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        SortedMap<String, String> right = scene.look();
        scene.poison(scene.a);
        assertNotEquals(right, scene.look(), "the control: it is believed");
        Instant setBack = scene.now.minusMillis(1);
        assertEquals(right, scene.look(scene.known(setBack, new FileSystems())));
        scene.now = setBack.plusSeconds(1);
        assertEquals(right, scene.look(), "and was replaced");
    }

    @Test
    void networkFileSystemsAreNotIndexed() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        scene.look(scene.known(scene.now, new FileSystems() {
            @Override
            Optional<Duration> settling(Path file, long device) {
                return Optional.empty();
            }
        }));
        assertTrue(scene.store.isEmpty());
        scene.look();
        assertEquals(1, scene.store.size(), "the control");
    }

    // ---- A path that leads to another file while it is read

    @Test
    void aFileThatLedElsewhereWhileItWasReadIsNotKept() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        SortedMap<String, String> right = scene.look(KnownFiles.NONE);
        Moment moment = scene.known(scene.now, new FileSystems()).now();
        moment.list(scene.context);
        Path a = scene.a;
        FileStat listed = moment.list(scene.folder).children().stream().filter(child -> child.file().equals(a))
                .findFirst().orElseThrow().stat();
        Edit.FOLDER_REPLACED.make(scene);
        String wrong =
                new ContextNode(Optional.empty(), "folder/a", a, listed, null).digest(moment, true).orElseThrow();
        assertNotEquals(right.get("folder/a"), wrong, "it is read through the wrong folder");
        Edit.FOLDER_REPLACED.make(scene);
        assertEquals(listed, FileStat.read(a), "the control: the file itself does not tell");
        assertEquals(wrong, scene.fingerprint(moment).manifest().files().get("folder/a"));
        assertEquals(right, scene.look(), "it is not kept");
    }

    // ---- What it is for

    @Test
    void aFileThatIsKnownIsNotReadAgain() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        SortedMap<String, String> right = scene.look();
        scene.poison(scene.a);
        assertEquals(ZEROS, scene.look().get("folder/a"), "what the index says is believed");
        Edit.IN_PLACE.make(scene);
        assertNotEquals(ZEROS, scene.look().get("folder/a"));
        assertEquals(right.get("folder/b"), scene.look().get("folder/b"));
    }

    @Test
    void imagesThatLookAtOneMomentShareWhatWasSeen() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        Moment moment = KnownFiles.NONE.now();
        String first = scene.fingerprint(moment).value();
        Edit.IN_PLACE.make(scene);
        Files.createFile(scene.context.resolve("another"));
        assertEquals(first, scene.fingerprint(moment).value(), "neither listed nor read again");
        assertNotEquals(first, scene.fingerprint(KnownFiles.NONE.now()).value());
    }

    // ---- It is a cache and nothing else

    @Test
    void anIndexThatIsLostOrBrokenOrCannotBeKeptCostsTimeOnly() throws IOException {
        Scene scene = new Scene(mounted("ext4"));
        SortedMap<String, String> right = scene.look();
        scene.poison(scene.a); // what is believed would be seen
        byte[] whole = scene.store.values().iterator().next();
        for (byte[] broken : List.of(new byte[0], "garbage".getBytes(StandardCharsets.US_ASCII), new byte[whole.length],
                Arrays.copyOf(whole, whole.length / 2), ofAnotherVersion(whole))) {
            scene.store.replaceAll((name, bytes) -> broken);
            assertEquals(right, scene.look());
            assertEquals(right.get("folder/a"), scene.index().find(FileStat.read(scene.a)), "and is whole again");
        }
        scene.store.clear();
        assertEquals(right, scene.look());
        KnownFiles unable = new KnownFiles(new KnownFiles.Store() {
            @Override
            public Optional<byte[]> read(String name) {
                return Optional.empty();
            }

            @Override
            public void write(String name, byte[] content) {
                assertEquals(64, name.length()); // and nothing else
            }
        }, Clock.fixed(scene.now, ZoneOffset.UTC), new FileSystems());
        assertEquals(right, scene.look(unable));
        assertEquals(right, scene.look(unable), "from memory");
    }

    private static byte[] ofAnotherVersion(byte[] whole) {
        ByteBuffer bytes = ByteBuffer.wrap(whole.clone());
        bytes.putLong(0, bytes.getLong(0) + 1);
        int end = whole.length - Long.BYTES;
        CRC32 one = new CRC32();
        CRC32C other = new CRC32C();
        one.update(bytes.array(), 0, end);
        other.update(bytes.array(), 0, end);
        return bytes.putLong(end, one.getValue() << 32 | other.getValue()).array();
    }

    @Test
    void manyThatWriteAnIndexAtOnceAreRightAndLeaveAWholeOne() throws Exception {
        Scene scene = new Scene(mounted("ext4"));
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            for (int round = 0; round < 10; round++) {
                Edit.IN_PLACE.make(scene);
                scene.settle();
                SortedMap<String, String> right = scene.look(KnownFiles.NONE);
                for (Future<SortedMap<String, String>> each : pool
                        .invokeAll(Collections.<Callable<SortedMap<String, String>>>nCopies(4, scene::look))) {
                    assertEquals(right, each.get());
                }
                assertEquals(right.get("folder/a"), scene.index().find(FileStat.read(scene.a)));
            }
        } finally {
            pool.shutdownNow();
        }
    }

    // ---- The table

    private static final FileStat STAT = new FileStat(0100644, 1, 2, 3, 4, 5, 6);

    @Test
    void everyFieldCounts() {
        StatIndex index = StatIndex.empty(TODAY).with(Map.of(STAT, ZEROS));
        assertEquals(ZEROS, index.find(STAT));
        for (FileStat other : List.of(new FileStat(0100645, 1, 2, 3, 4, 5, 6), new FileStat(0100644, 0, 2, 3, 4, 5, 6),
                new FileStat(0100644, 1, 0, 3, 4, 5, 6), new FileStat(0100644, 1, 2, 0, 4, 5, 6),
                new FileStat(0100644, 1, 2, 3, 0, 5, 6), new FileStat(0100644, 1, 2, 3, 4, 5, 0))) {
            assertNull(index.find(other), other.toString());
        }
    }

    @Test
    void whatIsNotWholeIsEmpty() {
        Instant now = Instant.ofEpochSecond(1_800_000_000);
        Map<FileStat, String> three = new HashMap<>();
        for (int i = 0; i < 3; i++) {
            three.put(file(i), Integer.toString(i).repeat(64));
        }
        byte[] bytes = StatIndex.empty(TODAY).with(three).bytes(now);
        assertKnows(3, bytes, now);
        for (int i = 0; i < bytes.length; i++) {
            for (int bit = 0; bit < Byte.SIZE; bit++) {
                byte[] wrong = bytes.clone();
                wrong[i] ^= 1 << bit;
                assertKnows(0, wrong, now);
            }
            assertKnows(0, Arrays.copyOf(bytes, i), now);
            byte[] zeroed = bytes.clone();
            Arrays.fill(zeroed, i, zeroed.length, (byte) 0);
            assertKnows(0, zeroed, now);
        }
        assertKnows(0, Arrays.copyOf(bytes, bytes.length + 1), now);
        assertKnows(0, Arrays.copyOf(bytes, bytes.length + 112), now);
    }

    private static void assertKnows(int count, byte[] bytes, Instant now) {
        StatIndex index = StatIndex.parse(bytes, now, TODAY);
        for (int i = 0; i < 3; i++) {
            assertEquals(count == 0 ? null : Integer.toString(i).repeat(64), index.find(file(i)));
        }
    }

    private static FileStat file(int inode) {
        return new FileStat(0100644, 1, inode, 3, 4, 5, 6);
    }

    @Test
    void whatIsNotUsedIsDroppedAndWhatIsUsedStays() {
        Instant now = Instant.ofEpochSecond(1_800_000_000);
        byte[] bytes = StatIndex.empty(TODAY).with(Map.of(file(1), ZEROS, file(2), ZEROS)).bytes(now);
        StatIndex later = StatIndex.parse(bytes, now, TODAY + 20);
        assertNotNull(later.find(file(1)));
        assertTrue(later.isWorn());
        bytes = later.with(Map.of(file(3), ZEROS)).bytes(now);
        StatIndex muchLater = StatIndex.parse(StatIndex.parse(bytes, now, TODAY + 40).with(Map.of()).bytes(now), now,
                TODAY + 40);
        assertNotNull(muchLater.find(file(1)));
        assertNull(muchLater.find(file(2)));
        assertNotNull(muchLater.find(file(3)));
    }

    @Test
    void anEditedFileReplacesItsRecordAndTheSizeIsBounded() {
        Map<FileStat, String> many = new HashMap<>();
        for (int i = 0; i < 140_000; i++) {
            many.put(file(i), ZEROS);
        }
        StatIndex old = StatIndex.empty(TODAY).with(many);
        Instant now = Instant.ofEpochSecond(1_800_000_000);
        int size = old.bytes(now).length;
        FileStat edited = new FileStat(0100644, 1, 7, 3, 9, 5, 6);
        StatIndex renewed =
                StatIndex.parse(old.bytes(now), now, TODAY + 1).with(Map.of(edited, ZEROS, file(-1), ZEROS));
        assertEquals(size, renewed.bytes(now).length);
        assertNull(renewed.find(file(7)));
        assertNotNull(renewed.find(edited));
        assertNotNull(renewed.find(file(-1)));
    }

    @Test
    void theTimeThatAFileHasToKeepStillIsLongerThanPagesWait() throws IOException {
        long waits = 0;
        for (String name : List.of("dirty_expire_centisecs", "dirty_writeback_centisecs")) {
            waits += Long.parseLong(
                    Harness.command("cat", "/proc/sys/vm/" + name).run().succeeded().out().strip()) * 10;
        }
        Path file = Files.createFile(mounted("ext4").resolve("settling"));
        Duration settling = new FileSystems().settling(file, FileStat.read(file).host()).orElseThrow();
        assertEquals(2 * waits, settling.toMillis());
        assertEquals(Optional.empty(), new FileSystems().settling(mounted("tmpfs"), 1));
    }
}
