// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What file systems tell of writes to their files, by their types. */
class FileSystems {
    /** Those that do not themselves keep when a file was changed. */
    private static final Set<String> UNTRUSTED =
            Set.of("9p", "cifs", "exfat", "fuse", "fuseblk", "msdos", "nfs", "nfs4",
                    "prl_fs", "smb3", "smbfs", "vboxsf", "vfat", "virtiofs");
    /**
     * Those of which each change sets a file's ctime by this machine's clock: at once, or, if it is made through a mapping,
     * when it is the first one since the page was last written back. tmpfs is not among them: it never writes back, so of many
     * changes through a mapping only the first one sets the time (Linux 6.18).
     */
    private static final Set<String> TELLING = Set.of("btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "xfs");
    /** After how many hundredths of a second Linux writes a page back, and how often it looks. */
    private static final Path EXPIRE = Path.of("/proc/sys/vm/dirty_expire_centisecs");
    private static final Path WRITEBACK = Path.of("/proc/sys/vm/dirty_writeback_centisecs");
    private static final int HUNDREDTH = 10; // milliseconds
    private static final int LONGEST_NUMBER = 32;

    private final Map<Long, Optional<Duration>> settling = new ConcurrentHashMap<>();

    /** Whether a file that was written has the time of this machine's clock. */
    static boolean keepsTime(Path folder) {
        return !UNTRUSTED.contains(type(folder));
    }

    /** Without what comes after a dot, as in {@code fuse.sshfs}. */
    private static String type(Path file) {
        try {
            return Files.getFileStore(file).type().split("\\.")[0];
        } catch (IOException e) {
            return "fuse";
        }
    }

    /**
     * How long after its ctime a file that did not change is known to have no change that the ctime does not tell.
     *
     * @param device that the file is on
     * @return empty if that is never known
     */
    Optional<Duration> settling(Path file, long device) {
        return settling.computeIfAbsent(device,
                any -> TELLING.contains(type(file)) ? writtenBack() : Optional.empty());
    }

    /** Twice as long as a page waits at most, for the writing takes its time, too. Empty if pages are not written by time. */
    private static Optional<Duration> writtenBack() {
        try {
            long period = number(WRITEBACK);
            long age = number(EXPIRE);
            return period <= 0 ? Optional.empty() : Optional.of(Duration.ofMillis(2 * (age + period) * HUNDREDTH));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** By one call: at the second byte such a file has ended. */
    private static long number(Path setting) throws IOException {
        try (InputStream in = Files.newInputStream(setting)) {
            return Long.parseLong(new String(in.readNBytes(LONGEST_NUMBER), StandardCharsets.US_ASCII).strip());
        }
    }
}
