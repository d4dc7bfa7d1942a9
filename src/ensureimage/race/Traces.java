// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.Processes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a run leaves in the engine: images and containers with its label. The steps in the build cache, of some kB each,
 * are left to the engine's garbage collection: with the containerd image store, BuildKit forgets every cached step once
 * {@code docker builder prune} removes any, and the next build of anything runs in full (26.1 and 28.5).
 */
final class Traces {
    private static final int ATTEMPTS = 10;
    private final Stage stage;

    Traces(Stage stage) {
        this.stage = stage;
    }

    /** Removes all of it. */
    void removeAll() throws NotPlayed, InterruptedException {
        removeContainers();
        removeImages();
    }

    /**
     * Removes the images, as often as it takes: a last build may come in after Ctrl-C. Returns what the first look saw.
     */
    Round.Left removeImages() throws NotPlayed, InterruptedException {
        List<String> names = new ArrayList<>();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Processes.Finished found = stage.docker("image", "ls", "--all", "--no-trunc", "--filter",
                    "label=" + stage.label(), "--format", "{{.ID}} {{.Repository}}:{{.Tag}}");
            if (found.status() == 0 && found.out().isEmpty()) {
                names.remove(stage.reference().toString());
                int untagged = (int) names.stream().filter(name -> name.contains("<none>")).count();
                return new Round.Left(names.size() - untagged, untagged);
            }
            if (attempt == 0) {
                found.out().forEach(line -> names.add(line.substring(line.indexOf(' ') + 1)));
            }
            stage.docker(Stream.concat(Stream.of("image", "rm", "--force"), found.out().stream()
                    .map(line -> line.split(" ")[0]).distinct()).toArray(String[]::new));
        }
        throw NotPlayed.broken("could not remove all the images that it made", "They have the label " + stage.label());
    }

    private void removeContainers() throws NotPlayed, InterruptedException {
        Processes.Finished found =
                stage.docker("container", "ls", "--all", "--quiet", "--filter", "label=" + stage.label());
        if (!found.out().isEmpty()) {
            stage.docker(Stream.concat(Stream.of("rm", "--force"), found.out().stream()).toArray(String[]::new));
        }
    }
}
