// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import ensureimage.engine.CacheFolder;
import ensureimage.engine.ScratchSpace;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The user's private folder for what may get lost: {@code $XDG_CACHE_HOME/ensure_image}, else
 * {@code $HOME/.cache/ensure_image}.
 *
 * <p>The rule it keeps: nothing depends on it. A folder that others could have prepared is not used, and whatever goes
 * wrong, the caller goes on without: there are no exceptions, but {@link #problem} says why.
 */
final class Cache {
    private static final String NOT_USED = "cache not used: ";
    /** No "..", and nothing that begins with a dot, as temporary files do. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*");
    private static final String TEMPORARY = ".";
    private static final Pattern SCRATCH = Pattern.compile("(\\d{1,10})-\\d+");
    private static final FileAttribute<?> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<?> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final Set<PosixFilePermission> WRITABLE_BY_OTHERS =
            Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);
    /** No entry is larger. */
    private static final int MOST_BYTES = 16 << 20;
    /**
     * What its owner has not removed by then, others may. It is longer than any build takes, as the owner may be a
     * process that cannot be seen from here: in another container that shares the cache.
     */
    private static final Duration ABANDONED = Duration.ofDays(1);

    /** A little longer than a process is given to end. */
    private static final Duration LAST_WRITES = Duration.ofSeconds(6);

    /** The scratch folders of this JVM; from the first one on they are deleted when it ends. */
    private static final class Open {
        static final Set<Scratch> FOLDERS = ConcurrentHashMap.newKeySet();
        private static volatile boolean ending;

        static {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                ending = true;
                FOLDERS.forEach(Open::deleteAtEnd);
            }));
        }

        static void add(Scratch folder) throws IOException {
            FOLDERS.add(folder);
            if (ending) {
                folder.close();
                throw new IOException("interrupted");
            }
        }

        /** A process that writes there may be ended at this moment, too: until then it can add a file. */
        private static void deleteAtEnd(Scratch folder) {
            long end = System.nanoTime() + LAST_WRITES.toNanos();
            for (folder.close(); Files.exists(folder.path, NOFOLLOW_LINKS) && System.nanoTime() < end; folder.close()) {
                LockSupport.parkNanos(10_000_000);
            }
        }
    }

    private final Optional<Path> root;
    private volatile String problem;

    private Cache(Optional<Path> root) {
        this.root = root;
    }

    /** The cache of the user whose environment this is; its folder is made if it is not there. */
    static Cache open(Map<String, String> environment) {
        Cache cache = new Cache(CacheFolder.find(environment));
        cache.use("");
        return cache;
    }

    /** Why the cache, or a folder in it that was asked for, is not used; one line for the user. */
    Optional<String> problem() {
        return Optional.ofNullable(problem);
    }

    // ---- Folders

    /** A folder in the cache, made if it is not there; empty if it cannot be used. */
    Optional<Path> folder(String name) {
        return NAME.matcher(name).matches() ? use(name) : Optional.empty();
    }

    /** @param name of a folder in the cache, or "" for the cache itself */
    private Optional<Path> use(String name) {
        try {
            Path cache = root.orElseThrow(() -> new IOException("neither XDG_CACHE_HOME nor HOME names a folder"));
            if (!Files.isDirectory(cache.getParent())) { // where it is a link to one, older Java would fail
                Files.createDirectories(cache.getParent(), PRIVATE);
            }
            return Optional.of(own(own(cache).resolve(name)));
        } catch (AccessDeniedException e) {
            problem = NOT_USED + e.getFile() + ": permission denied";
        } catch (IOException e) {
            problem = NOT_USED + e.getMessage();
        } catch (UnsupportedOperationException e) {
            problem = NOT_USED + "this system's files have no owners and permissions that Java knows";
        }
        return Optional.empty();
    }

    /** The folder, made if it is not there, if no other user can have put anything in it. */
    private static Path own(Path folder) throws IOException {
        try {
            Files.createDirectory(folder, PRIVATE);
        } catch (FileAlreadyExistsException e) {
            // It is looked at now, as one that was made by this process is.
        }
        PosixFileAttributes found = Files.readAttributes(folder, PosixFileAttributes.class, NOFOLLOW_LINKS);
        String flaw = found.isSymbolicLink() ? "a symbolic link"
                : !found.isDirectory() ? "not a folder"
                : !found.owner().equals(user()) ? "another user's"
                : !Collections.disjoint(found.permissions(), WRITABLE_BY_OTHERS) ? "writable by others"
                : null;
        if (flaw != null) {
            throw new FileSystemException(folder.toString(), null, flaw);
        }
        return folder;
    }

    /** The owner of the files that this process makes. On Linux that may be a user without a name. */
    private static UserPrincipal user() throws IOException {
        Path self = Path.of("/proc/self");
        if (Files.exists(self)) {
            return Files.getOwner(self);
        }
        Path made = Files.createTempFile("ensure_image-", "");
        try {
            return Files.getOwner(made);
        } finally {
            Files.delete(made);
        }
    }

    // ---- Entries

    /** The text that was written under the name; empty if there is nothing, or nothing that can be read. */
    Optional<String> read(String folder, String name) {
        return readBytes(folder, name).flatMap(bytes -> {
            try {
                return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
            } catch (CharacterCodingException e) {
                return Optional.empty();
            }
        });
    }

    /** The same for any content. */
    Optional<byte[]> readBytes(String folder, String name) {
        try {
            Path file = entry(folder, name);
            BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class, NOFOLLOW_LINKS);
            if (!found.isRegularFile() || found.size() > MOST_BYTES) {
                return Optional.empty();
            }
            try (InputStream stream = Files.newInputStream(file, NOFOLLOW_LINKS)) {
                return Optional.of(stream.readNBytes(MOST_BYTES));
            }
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Writes an entry, whole or not at all, in place of one of the same name. Then removes the oldest of its folder.
     *
     * @param most how many entries the folder may hold then, this one included
     * @return whether it is written
     */
    boolean write(String folder, String name, String text, int most) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] content = new byte[bytes.remaining()];
            bytes.get(content);
            return write(folder, name, content, most);
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** The same for any content. */
    boolean write(String folder, String name, byte[] content, int most) {
        try {
            Path file = entry(folder, name);
            Path temporary = file.resolveSibling(TEMPORARY + unique());
            try {
                Files.write(Files.createFile(temporary, PRIVATE_FILE), content);
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                delete(temporary);
            }
            prune(file, most);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private Path entry(String folder, String name) throws IOException {
        if (!NAME.matcher(name).matches()) {
            throw new NoSuchFileException(name);
        }
        return folder(folder).orElseThrow(() -> new NoSuchFileException(folder)).resolve(name);
    }

    private static void prune(Path written, int most) {
        List<Aged> files = Aged.in(written.getParent()).stream()
                .filter(file -> Files.isRegularFile(file.path(), NOFOLLOW_LINKS)).toList();
        files.stream().filter(file -> file.name().startsWith(TEMPORARY) && file.isAbandoned())
                .forEach(file -> delete(file.path())); // its writer was killed
        files.stream().filter(file -> !file.name().startsWith(TEMPORARY))
                .filter(file -> !file.path().equals(written)) // by a coarse clock it may be no newer than others
                .sorted(Comparator.comparing(Aged::modified).reversed())
                .skip(Math.max(0, most - 1))
                .forEach(file -> delete(file.path()));
    }

    // ---- Scratch folders

    /** A private folder for one build. Closing it, or the end of this JVM, deletes it with what is in it. */
    record Scratch(Path path) implements ScratchSpace.Folder {
        @Override
        public void close() {
            delete(path);
            Open.FOLDERS.remove(this);
        }
    }

    /**
     * A new scratch folder: in the cache, or where temporary files are.
     *
     * @throws IOException if there, too, no folder can be made
     */
    Scratch scratch() throws IOException {
        Optional<Path> run = folder("run");
        run.ifPresent(Cache::sweep);
        Optional<Path> inCache = run.flatMap(Cache::makeScratchIn);
        Scratch scratch = new Scratch(inCache.isPresent() ? inCache.get()
                : Files.createTempDirectory("ensure_image-"));
        Open.add(scratch);
        return scratch;
    }

    private static Optional<Path> makeScratchIn(Path run) {
        try {
            return Optional.of(Files.createDirectory(run.resolve(unique()), PRIVATE));
        } catch (IOException e) { // the disk is full, perhaps
            return Optional.empty();
        }
    }

    /** Deletes what processes that were killed have left. */
    private static void sweep(Path run) {
        Aged.in(run).stream().filter(folder -> folder.isAbandoned() && isOwnerGone(folder.name()))
                .forEach(folder -> delete(folder.path()));
    }

    private static boolean isOwnerGone(String name) {
        Matcher scratch = SCRATCH.matcher(name);
        return scratch.matches() && ProcessHandle.of(Long.parseLong(scratch.group(1))).isEmpty();
    }

    // ---- Files

    /** A name that nothing else has; it need not be hard to guess where no other user can write. */
    private static String unique() {
        return ProcessHandle.current().pid() + "-" + ThreadLocalRandom.current().nextLong(Long.MAX_VALUE);
    }

    /** A file or folder, and when it was last written. */
    private record Aged(Path path, FileTime modified) {
        /** What is in the folder, without files that are removed during the listing. */
        static List<Aged> in(Path folder) {
            try (Stream<Path> children = Files.list(folder)) {
                return children.flatMap(child -> Aged.of(child).stream()).toList();
            } catch (IOException | UncheckedIOException e) {
                return List.of();
            }
        }

        private static Optional<Aged> of(Path path) {
            try {
                return Optional.of(new Aged(path, Files.getLastModifiedTime(path, NOFOLLOW_LINKS)));
            } catch (IOException e) {
                return Optional.empty();
            }
        }

        String name() {
            return path.getFileName().toString();
        }

        boolean isAbandoned() {
            return modified.toInstant().isBefore(Instant.now().minus(ABANDONED));
        }
    }

    /** Deletes what is there, as far as that is possible: links, not what they lead to. */
    private static void delete(Path path) {
        if (Files.isDirectory(path, NOFOLLOW_LINKS)) {
            try (Stream<Path> children = Files.list(path)) {
                children.forEach(Cache::delete);
            } catch (IOException | UncheckedIOException e) {
                // What is left is left for the next one.
            }
        }
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // The same.
        }
    }
}
