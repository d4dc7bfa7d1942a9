// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The one thing that the kernel keeps: a cgroup's directory stays when its last process ends. So an engine has one of
 * its own, named after its namespaces. It is removed at the engine's end, or else at the next start of any.
 */
final class Cgroups {

    private static final String PREFIX = "with_docker-";
    private static final Path TOP = Path.of("/sys/fs/cgroup");

    private Cgroups() {
    }

    /**
     * The name of an engine's cgroup.
     *
     * @param pid PID 1 of its namespaces, as this machine counts
     * @param id of its folder, /run/ID in there
     */
    static String name(long pid, String id) {
        return PREFIX + pid + "-" + id;
    }

    /** Removes those of engines that are gone. The kernel refuses if a process is in it. */
    static void sweep() {
        find(PREFIX).forEach(directory -> {
            var name = directory.getFileName().toString().split("-");
            if (name.length != 3 || !Files.exists(Path.of("/proc", name[1], "root/run", name[2]))) {
                removeTree(directory);
            }
        });
    }

    static void remove(String name) {
        find(name).forEach(Cgroups::removeTree);
    }

    /** At the top of the one tree of cgroup v2, or of the many of v1. */
    private static List<Path> find(String prefix) {
        return Stream.concat(Stream.of(TOP), Machine.list(TOP, "")).flatMap(folder -> Machine.list(folder, prefix))
                .toList();
    }

    private static void removeTree(Path directory) {
        try (var tree = Files.find(directory, 20, (path, attributes) -> attributes.isDirectory())) {
            for (var path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | UncheckedIOException e) {
            // in use, or another start has removed it
        }
    }
}
