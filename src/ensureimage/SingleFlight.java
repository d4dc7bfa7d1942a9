// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lets one of those that want the same thing at once build it, while the other threads and processes of this machine
 * wait for it.
 *
 * <p>The rule it keeps: it saves work and decides nothing. Every wait is bounded, a lock ends with the process that
 * holds it, and a builder that cannot wait builds.
 */
final class SingleFlight {

    /** A turn of a builder that waits for no other, and that no other waits for. */
    static final Turn ALONE = () -> Kind.ALONE;
    private static final Turn LANDED = () -> Kind.LANDED;

    /** What this JVM is at. A file lock belongs to the whole JVM, so only one thread deals with the file of a key. */
    private static final class Here {
        static final Map<Path, Flight> FLIGHTS = new ConcurrentHashMap<>();

        static {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> FLIGHTS.values().forEach(Flight::removeFile)));
        }
    }

    private final Optional<Path> folder;
    private final Duration wait;
    private final AtomicBoolean complained = new AtomicBoolean();

    /**
     * @param folder for the lock files, a private one; empty if there is none: then every turn is {@link #ALONE}
     * @param wait how long a turn may take to come
     */
    SingleFlight(Optional<Path> folder, Duration wait) {
        this.folder = folder;
        this.wait = wait;
    }

    /** How long a turn may take to come. */
    Duration longest() {
        return wait;
    }

    enum Kind {
        /** The caller is to build; the others wait until it closes its turn. */
        MINE,
        /** The one waited for has succeeded: the caller is to look the result up before it asks for another turn. */
        LANDED,
        /** The caller is to build and no other waits for it: the build waited for failed, the wait is over, locks fail. */
        ALONE
    }

    /** What to do now. A builder says before closing whether that worked; if not, another one's turn comes. */
    @FunctionalInterface
    interface Turn extends AutoCloseable {
        Kind kind();

        default void succeeded() {
        }

        /** The same inputs would fail again: the others are not to wait for each other's failure. */
        default void failed() {
        }

        @Override
        default void close() {
        }
    }

    /**
     * Waits until the caller may build, or another builder has.
     *
     * @param key what is to be built from which inputs; never shown, and on disk only as a hash
     * @param most how long to wait, if that is shorter than what this object waits
     * @param tell gets what the user may want to know, such as which process it waits for
     */
    Turn turn(String key, Duration most, Consumer<Notice> tell) throws InterruptedException {
        Wait limit = new Wait(most.compareTo(wait) < 0 ? most : wait, tell);
        try {
            Path existing = folder.orElseThrow(() -> new NoSuchFileException("no private folder")).toRealPath();
            return turn(existing.resolve(sha256(key)), limit);
        } catch (ClosedByInterruptException e) {
            Thread.interrupted(); // as every method that throws the other exception does
            throw new InterruptedException();
        } catch (IOException | OverlappingFileLockException e) {
            if (!complained.getAndSet(true)) {
                tell.accept(new Notice.CannotWait(folder));
            }
            return ALONE;
        }
    }

    private static Turn turn(Path file, Wait wait) throws IOException, InterruptedException {
        while (true) {
            Flight flight = new Flight(file);
            Flight other = Here.FLIGHTS.putIfAbsent(file, flight);
            if (other == null && flight.take(wait)) {
                return flight;
            }
            switch ((other == null ? flight : other).await(wait)) {
                case SUCCEEDED -> {
                    return LANDED;
                }
                case FAILED -> {
                    wait.tell.accept(new Notice.WaitedInVain());
                    return ALONE;
                }
                case UNKNOWN -> {
                    if (wait.isOver()) {
                        wait.tell.accept(new Notice.WaitedLongEnough());
                        return ALONE;
                    }
                }
            }
        }
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    /** One caller's wait: how long still, and what it was told. */
    private static final class Wait {
        private static final long SHORTEST = TimeUnit.MILLISECONDS.toNanos(5);
        private static final long LONGEST = TimeUnit.MILLISECONDS.toNanos(100);
        private final long start = System.nanoTime();
        private final long end;
        private final Consumer<Notice> tell;
        private boolean told;

        Wait(Duration limit, Consumer<Notice> tell) {
            this.end = start + limit.toNanos();
            this.tell = tell;
        }

        long left() {
            return end - System.nanoTime();
        }

        boolean isOver() {
            return left() <= 0;
        }

        /** A twentieth of what it has waited: to look is cheap, but many look. */
        void pause() throws InterruptedException {
            long pause = Math.max(SHORTEST, Math.min(LONGEST, (System.nanoTime() - start) / 20));
            TimeUnit.NANOSECONDS.sleep(Math.min(pause, left()));
        }

        /** Not again if another builder is waited for later. */
        void tellOnce(Notice waiting) {
            if (!told) {
                told = true;
                tell.accept(waiting);
            }
        }
    }

    /** How a flight ended; unknown if its holder died, gave up without a word, or never was. */
    private enum End {
        SUCCEEDED, FAILED, UNKNOWN
    }

    /**
     * This JVM's part in one key: it holds the lock file, or waits for a process that does.
     *
     * <p>The file says who holds it, and how that ended. The end is written when the file has been removed already, for
     * those who have it open; so it cannot be taken for that of a later flight.
     */
    private static final class Flight implements Turn {
        private static final Pattern NOTE = Pattern.compile("(\\d{1,10})\n(?:(SUCCEEDED|FAILED)\n)?");
        private static final int LONGEST_NOTE = 32;

        private final Path file;
        private final CompletableFuture<End> ended = new CompletableFuture<>();
        private final AtomicBoolean removed = new AtomicBoolean();
        private FileChannel channel;
        private FileChannel again;
        private FileLock lock; // the JVM forgets a lock without a reference to it
        private volatile boolean held;
        private End end = End.UNKNOWN;

        Flight(Path file) {
            this.file = file;
        }

        @Override
        public Kind kind() {
            return Kind.MINE;
        }

        @Override
        public void succeeded() {
            end = End.SUCCEEDED;
        }

        @Override
        public void failed() {
            end = End.FAILED;
        }

        /** Takes the lock: true. False if it need not, may not or cannot: this flight has ended then. */
        boolean take(Wait wait) throws IOException, InterruptedException {
            boolean taken = false;
            try {
                channel = open(StandardOpenOption.CREATE);
                taken = poll(wait);
                return taken;
            } finally {
                if (!taken) {
                    close();
                }
            }
        }

        private boolean poll(Wait wait) throws IOException, InterruptedException {
            for (boolean first = true;; first = false) {
                lock = channel.tryLock();
                if (lock != null && isCurrent()) {
                    hold();
                    return true;
                }
                Matcher note = note();
                boolean readable = note.matches();
                end = readable && note.group(2) != null ? End.valueOf(note.group(2)) : End.UNKNOWN;
                if (lock != null || end != End.UNKNOWN || wait.isOver()) {
                    return false;
                }
                if (!first) { // it may be about to end, or not have written its number yet
                    wait.tellOnce(
                            new Notice.WaitingForProcess(readable ? Optional.of(note.group(1)) : Optional.empty()));
                }
                wait.pause();
            }
        }

        /**
         * Whether the path still leads to the locked file, and not to one made since its holder removed it. If so, a
         * second lock clashes with the first. That channel stays open: closing it would end the first lock too (POSIX).
         */
        private boolean isCurrent() throws IOException {
            try {
                again = open();
                again.tryLock();
                return false;
            } catch (OverlappingFileLockException e) {
                return true;
            } catch (NoSuchFileException e) {
                return false;
            }
        }

        private void hold() throws IOException {
            held = true;
            channel.truncate(0); // what a killed holder has left
            append(Long.toString(ProcessHandle.current().pid()));
        }

        /** Waits for another thread's flight. */
        End await(Wait wait) throws InterruptedException {
            if (!ended.isDone()) {
                wait.tellOnce(new Notice.WaitingForThread());
            }
            try {
                return ended.get(Math.max(0, wait.left()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                return End.UNKNOWN;
            } catch (ExecutionException e) {
                throw new IllegalStateException(e); // it is never completed so
            }
        }

        @Override
        @SuppressWarnings("try") // both are only to be closed
        public void close() {
            if (ended.isDone()) {
                return;
            }
            removeFile();
            try (FileChannel first = channel; FileChannel second = again) {
                if (held && end != End.UNKNOWN) {
                    append(end.name());
                }
            } catch (IOException e) {
                // They see that the lock has ended, not how.
            }
            Here.FLIGHTS.remove(file, this);
            ended.complete(end);
        }

        /** The lock stays until the channel is closed, or the JVM ends. */
        void removeFile() {
            if (held && !removed.getAndSet(true)) {
                try {
                    Files.deleteIfExists(file);
                } catch (IOException e) {
                    // The next one takes it over.
                }
            }
        }

        private FileChannel open(OpenOption... more) throws IOException {
            Set<OpenOption> options = new HashSet<>(List.of(more));
            options.addAll(List.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
            return FileChannel.open(file, options,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        }

        private void append(String line) throws IOException {
            channel.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.US_ASCII)), channel.size());
        }

        /** What the file says. Any process of this user may have written it: only what we would have written counts. */
        private Matcher note() throws IOException {
            ByteBuffer bytes = ByteBuffer.allocate(LONGEST_NOTE);
            channel.read(bytes, 0);
            return NOTE.matcher(StandardCharsets.ISO_8859_1.decode(bytes.flip()));
        }
    }
}
