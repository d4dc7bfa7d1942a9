// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * A disk of a limited size in namespaces: an ext4 in a sparse file that loses its name before anything is in it; the loop
 * device lets go of it with the last mount. Docker's overlays do not work on another overlay, and a folder would have to
 * be deleted.
 *
 * @param machine    this one
 * @param namespaces in which it is mounted, and with which it ends
 * @param kinds      those of the namespaces' options that lead there
 * @param mkfs       the command line of mkfs.ext4, without arguments
 */
record Disk(Machine machine, Namespaces namespaces, List<String> kinds, List<String> mkfs) {

    private static final String NAME = "disk-";

    /**
     * Mounts it at a folder there; in memory, if this machine gives no loop device.
     *
     * @param size most that it may hold, in MB
     */
    void mount(String folder, int size, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        var engines = DebianPackages.engines(machine);
        removeAbandoned(engines);
        var path = Files.createTempFile(engines, NAME, ".img");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            Files.delete(path);
            file.setLength(size * 1_000_000L);
            var open = Machine.descriptor(path);
            var line = new ArrayList<>(mkfs);
            // Nothing on it survives its namespaces, so it need not survive a crash: no journal, no barriers.
            line.addAll(List.of("-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1", open));
            machine.run(line);
            enter("mount", "--no-canonicalize", "-t", "ext4", "-o", "loop,noatime,nobarrier", open, folder);
        } catch (EngineUnavailable e) {
            progress.notice("the engine's disk is in memory: " + e.getMessage());
            enter("mount", "-t", "tmpfs", "-o", "size=" + size + "m", "tmpfs", folder);
        }
    }

    /** Those of starts that were killed in the instant before their file lost its name; they are empty. */
    private static void removeAbandoned(Path engines) throws IOException {
        for (var file : Machine.list(engines, NAME).toList()) {
            try {
                if (Files.getLastModifiedTime(file).toInstant().isBefore(Instant.now().minusSeconds(60))) {
                    Files.delete(file);
                }
            } catch (NoSuchFileException e) {
                // the process that made it did, or another start
            }
        }
    }

    private void enter(String... line) throws EngineUnavailable, InterruptedException {
        machine.run(namespaces.entrance(kinds, List.of(line)));
    }
}
