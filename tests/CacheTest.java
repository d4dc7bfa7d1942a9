// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The user's cache: where it is, when it is not used, and that nothing in it can make it fail.
 *
 * <p>Run: {@code ./jbangw tests/all.java CacheTest}
 */
class CacheTest {

    private static final int ANOTHER_USER = 12345;
    private static final int MOST = 5;

    private Path home;
    private Path root;
    private Cache cache;

    @BeforeEach
    void newCache() {
        home = Harness.newFolder();
        root = home.resolve(".cache/ensure_image");
        cache = cache();
    }

    // ---- Where it is

    @Test
    void itIsWhereTheXdgSpecificationSays() {
        Path xdg = Harness.newFolder();
        assertEquals(Optional.of(xdg.resolve("ensure_image/x")),
                Cache.open(Map.of("HOME", home.toString(), "XDG_CACHE_HOME", xdg.toString())).folder("x"));
        for (String notAbsolute : List.of("", "relative", "../up")) {
            assertEquals(Optional.of(root.resolve("x")),
                    Cache.open(Map.of("HOME", home.toString(), "XDG_CACHE_HOME", notAbsolute)).folder("x"),
                    notAbsolute);
        }
    }

    @Test
    void withoutAHomeThereIsNone() throws IOException {
        String problem = "cache not used: neither XDG_CACHE_HOME nor HOME names a folder";
        assertUnusable(Cache.open(Map.of()), problem);
        for (String home : List.of("", "relative", "/\0")) {
            assertUnusable(Cache.open(Map.of("HOME", home)), problem);
        }
    }

    @Test
    void everyFolderOfItIsTheUsersAlone() throws IOException {
        Path folder = cache.folder("x").orElseThrow();
        for (Path made : List.of(home.resolve(".cache"), root, folder)) {
            assertEquals("rwx------", permissions(made), made.toString());
        }
        assertEquals(Optional.empty(), cache.problem());
        assertTrue(cache.write("x", "name", "text", MOST));
        assertEquals("rw-------", permissions(folder.resolve("name")));
    }

    @Test
    void aLinkThatLeadsToTheCacheIsTheUsersAffair() throws IOException {
        Path linked = Harness.newFolder();
        Files.createSymbolicLink(linked.resolve(".cache"), Harness.newFolder());
        Cache elsewhere = Cache.open(Map.of("HOME", linked.toString()));
        assertTrue(elsewhere.write("x", "name", "text", MOST));
        assertEquals(Optional.of("text"), elsewhere.read("x", "name"));
        assertEquals(Optional.empty(), elsewhere.problem());
    }

    @Test
    void aCacheThatIsReadableByOthersIsUsed() throws IOException {
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertTrue(cache().write("x", "name", "text", MOST));
    }

    // ---- When it is not used

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatOthersCouldHavePreparedIsNotUsed(boolean whole) throws IOException {
        Path folder = whole ? root : root.resolve("x");
        assertEquals(Optional.of(root.resolve("x")), cache.folder("x"));

        Files.setAttribute(folder, "unix:uid", ANOTHER_USER);
        assertUnusable(cache(), "cache not used: " + folder + ": another user's");
        Files.setAttribute(folder, "unix:uid", 0);

        for (String mode : List.of("rwxrwx---", "rwx----w-")) {
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(mode));
            assertUnusable(cache(), "cache not used: " + folder + ": writable by others");
        }

        Path aside = Files.move(folder, folder.resolveSibling("aside"));
        Files.setPosixFilePermissions(aside, PosixFilePermissions.fromString("rwx------"));
        Files.createSymbolicLink(folder, aside);
        assertUnusable(cache(), "cache not used: " + folder + ": a symbolic link");
        Files.delete(folder);

        Files.createSymbolicLink(folder, home.resolve("nowhere"));
        assertUnusable(cache(), "cache not used: " + folder + ": a symbolic link");
        assertFalse(Files.exists(home.resolve("nowhere")));
        Files.delete(folder);

        Harness.write(folder, "a file");
        assertUnusable(cache(), "cache not used: " + folder + ": not a folder");
        assertEquals("a file", Files.readString(folder));
        Files.delete(folder);

        assertEquals(Optional.of(root.resolve("x")), cache().folder("x"), "good again");
    }

    @Test
    void aCacheThatCannotBeMadeIsNotUsed() throws IOException {
        Path file = Harness.write(home.resolve("file"), "");
        Cache none = Cache.open(Map.of("XDG_CACHE_HOME", file.toString()));
        assertTrue(none.problem().orElseThrow().startsWith("cache not used: " + file), none.problem().toString());
        assertUnusable(none, none.problem().orElseThrow());
    }

    @Test
    void aCacheThatWasDeletedIsMadeAgain() throws IOException {
        Files.delete(root);
        assertTrue(cache.write("x", "name", "text", MOST));
    }

    private static void assertUnusable(Cache cache, String problem) throws IOException {
        assertEquals(Optional.empty(), cache.folder("x"));
        assertEquals(Optional.of(problem), cache.problem());
        assertFalse(cache.write("x", "name", "text", MOST));
        assertEquals(Optional.empty(), cache.read("x", "name"));
        try (Cache.Scratch scratch = cache.scratch()) {
            assertTrue(Files.isDirectory(scratch.path()));
        }
    }

    // ---- Entries

    @Test
    void whatIsWrittenCanBeReadAndReplaced() {
        for (String text : List.of("one", "", "zwei\n\u2029\ud83d\udc33\0")) {
            assertTrue(cache.write("x", "A-1_z.txt", text, MOST));
            assertEquals(Optional.of(text), cache.read("x", "A-1_z.txt"));
        }
        assertEquals(Optional.empty(), cache.read("y", "A-1_z.txt"), "another folder's");
        assertEquals(Optional.empty(), cache.read("x", "other"));
        assertEquals(List.of("A-1_z.txt"), names("x"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "../x", "a/b", "/etc", ".hidden", "a b", "ä", "a\n", "a\0"})
    void nothingElseThanANameIsOne(String name) {
        Harness.write(root.resolve("x/file"), "text");
        assertFalse(cache.write("x", name, "text", MOST));
        assertFalse(cache.write(name, "file", "text", MOST));
        assertEquals(Optional.empty(), cache.read("x", name));
        assertEquals(Optional.empty(), cache.read(name, "file"));
        assertEquals(Optional.empty(), cache.folder(name));
    }

    @Test
    void garbageIsAsGoodAsNothing() throws IOException {
        Path folder = cache.folder("x").orElseThrow();
        Files.write(folder.resolve("bytes"), new byte[] {'a', (byte) 0xff});
        Harness.write(folder.resolve("folder/file"), "in the way");
        Path secret = Harness.write(home.resolve("secret"), "not the cache's");
        Files.createSymbolicLink(folder.resolve("link"), secret);
        Harness.command("truncate", "--size=5G", folder.resolve("huge").toString()).run().succeeded();
        Harness.command("mkfifo", folder.resolve("pipe").toString()).run().succeeded();
        for (String name : List.of("bytes", "folder", "link", "huge", "pipe")) {
            assertEquals(Optional.empty(), cache.read("x", name), name);
        }

        for (String name : List.of("bytes", "link", "huge", "pipe")) {
            assertTrue(cache.write("x", name, "new", 100), name);
            assertEquals(Optional.of("new"), cache.read("x", name), name);
        }
        assertEquals("not the cache's", Files.readString(secret));
        assertFalse(cache.write("x", "folder", "new", 100));
        assertFalse(cache.write("x", "unpaired", "\ud800", 100));
        assertEquals(List.of("bytes", "folder", "huge", "link", "pipe"), names("x"), "no temporary file");
    }

    @Test
    void theOldestEntriesGo() throws IOException {
        for (int i = 0; i < 10; i++) {
            assertTrue(cache.write("x", "entry" + i, "text", 10));
            age("x/entry" + i, Duration.ofHours(i == 3 ? 1 : 20 - i)); // 3 is the newest
        }
        assertTrue(cache.write("x", "another", "text", MOST));
        assertEquals(List.of("another", "entry3", "entry7", "entry8", "entry9"), names("x"));
    }

    @Test
    void theEntryJustWrittenStays() throws IOException {
        cache.write("x", "tomorrow", "text", 1);
        age("x/tomorrow", Duration.ofDays(-1));
        for (int most : List.of(1, 0)) {
            assertTrue(cache.write("x", "now" + most, "text", most));
            assertEquals(List.of("now" + most), names("x"));
        }
    }

    @Test
    void onlyEntriesAndWhatAKilledWriterLeftArePruned() throws IOException {
        Harness.write(root.resolve("x/folder/file"), "deep");
        Harness.write(root.resolve("x/.old"), "");
        Harness.write(root.resolve("x/.new"), "being written");
        age("x/.old", Duration.ofDays(2));
        age("x/folder", Duration.ofDays(2));
        assertTrue(cache.write("x", "entry", "text", 1));
        assertEquals(List.of(".new", "entry", "folder"), names("x"));
        assertTrue(Files.exists(root.resolve("x/folder/file")));
    }

    @Test
    void manyCanWriteAndReadAtOnce() {
        Harness.together(6, i -> Harness.script("ensureimage.CacheTest", "write", Integer.toString(i)).env("HOME", home)
                .without("XDG_CACHE_HOME"))
                .forEach(Harness.Result::succeeded);
        List<String> left = names("x");
        assertTrue(left.size() <= MOST && left.contains("shared"), left.toString());
    }

    // ---- Scratch folders

    @Test
    void aScratchFolderIsPrivateAndGoesWithWhatIsInIt() throws IOException {
        Path secret = Harness.write(home.resolve("kept/file"), "kept");
        Path path;
        try (Cache.Scratch scratch = cache.scratch(); Cache.Scratch other = cache.scratch()) {
            path = scratch.path();
            assertEquals(root.resolve("run"), path.getParent());
            assertTrue(path.getFileName().toString().startsWith(ProcessHandle.current().pid() + "-"), path.toString());
            assertEquals("rwx------", permissions(path));
            assertFalse(path.equals(other.path()));
            Harness.write(path.resolve("a/b/c"), "text");
            Files.createSymbolicLink(path.resolve("link"), home.resolve("kept"));
        }
        assertEquals(List.of(), names("run"));
        assertEquals("kept", Files.readString(secret));
    }

    @Test
    void withoutACacheAScratchFolderIsWhereTemporaryFilesAre() throws IOException {
        Path path;
        try (Cache.Scratch scratch = Cache.open(Map.of()).scratch()) {
            path = scratch.path();
            assertEquals(Path.of(System.getProperty("java.io.tmpdir")), path.getParent());
            assertEquals("rwx------", permissions(path));
            Harness.write(path.resolve("file"), "text");
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void theEndOfTheProcessDeletesItsScratchFolders() {
        try (Harness.Running process = Harness.script("ensureimage.CacheTest", "scratch").env("HOME", home)
                .without("XDG_CACHE_HOME").start()) {
            Harness.eventually("both made", Harness.SOON, () -> process.out().lines().count() == 2);
            List<Path> paths = process.out().lines().map(Path::of).toList();
            paths.forEach(path -> assertTrue(Files.exists(path.resolve("file")), path.toString()));
            process.signal("TERM");
            process.await();
            paths.forEach(path -> assertFalse(Files.exists(path), path.toString()));
        }
    }

    @Test
    void scratchFoldersOfProcessesThatAreGoneAreSwept() throws Exception {
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        String swept = leave(gone.pid() + "-1", Duration.ofHours(25));
        List<String> kept = List.of(
                leave(gone.pid() + "-2", Duration.ofHours(23)),
                leave(ProcessHandle.current().pid() + "-3", Duration.ofHours(25)),
                leave(gone.pid() + "-x", Duration.ofHours(25)),
                leave("99999999999999999999-4", Duration.ofHours(25)),
                leave("another", Duration.ofHours(25)));
        assertTrue(names("run").contains(swept));

        cache.scratch().close();

        assertEquals(kept.stream().sorted().toList(), names("run"));
    }

    private String leave(String name, Duration age) throws IOException {
        Harness.write(root.resolve("run/" + name + "/deep/file"), "text");
        age("run/" + name, age);
        return name;
    }

    // ---- Helpers

    /** A process of its own. */
    public static void main(String... arguments) throws IOException {
        Cache cache = Cache.open(System.getenv());
        switch (arguments[0]) {
            case "write" -> write(cache, arguments[1]);
            default -> {
                for (Cache each : List.of(cache, Cache.open(Map.of()))) {
                    System.out.println(Harness.write(each.scratch().path().resolve("file"), "text").getParent());
                }
                try {
                    Thread.sleep(Duration.ofMinutes(5).toMillis());
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    /** Whatever the others do: what it writes is written, and what it reads is whole. */
    private static void write(Cache cache, String own) {
        String text = own.repeat(100_000);
        for (int i = 0; i < 100; i++) {
            if (!cache.write("x", "entry-" + own + "-" + i, "", MOST) || !cache.write("x", "shared", text, MOST)) {
                throw new AssertionError("not written");
            }
            String read = cache.read("x", "shared").orElse("");
            if (!read.isEmpty() && (read.length() != text.length() || read.chars().distinct().count() != 1)) {
                throw new AssertionError("not whole");
            }
        }
    }

    private Cache cache() {
        return Cache.open(Map.of("HOME", home.toString()));
    }

    private void age(String path, Duration age) throws IOException {
        Files.setLastModifiedTime(root.resolve(path), FileTime.from(Instant.now().minus(age)));
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS));
    }

    private List<String> names(String folder) {
        try (Stream<Path> files = Files.list(root.resolve(folder))) {
            return new ArrayList<>(files.map(file -> file.getFileName().toString()).sorted().toList());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
