// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/** An image of the engine as a folder, an OCI layout: {@code docker save} writes one from Docker 25 on. */
public final class ImageLayout {
    private static final Set<Integer> ENDED_BY_A_SIGNAL = Set.of(130, 143); // INT, TERM

    private ImageLayout() {
    }

    /**
     * Writes an image into a folder.
     *
     * @param folder an empty one
     * @return whether that worked
     */
    public static boolean write(Docker docker, String id, Path folder, Deadline deadline)
            throws EngineException, InterruptedException {
        Path archive = folder.resolve("archive.tar");
        int saved = docker.run(deadline, List.of("save", "--output", archive.toString(), id), line -> {}).status();
        if (ENDED_BY_A_SIGNAL.contains(saved)) {
            throw new InterruptedException();
        } else if (saved != 0) {
            return false;
        }
        List<String> unpack = List.of("tar", "-xf", archive.toString(), "-C", folder.toString());
        try {
            int status = new Processes.Command(unpack, Map.of(), new byte[0]).run(deadline.left(), line -> {}).status();
            Files.delete(archive);
            return status == 0;
        } catch (IOException e) {
            return false;
        } catch (TimeoutException e) {
            throw new EngineException(EngineException.Kind.TIMED_OUT, "save", "");
        }
    }
}
