// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.Processes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a run leaves in the engine: images and containers with its label, steps in the build cache with its number. */
final class Traces {
    private static final int ATTEMPTS = 10;
    private static final int PASSES = 30;
    private static final int PASSES_WITHOUT_PAUSE = 3;
    private static final int PAUSE = 200; // ms
    private final Stage stage;
    private final String id;

    Traces(Stage stage, String id) {
        this.stage = stage;
        this.id = id;
    }

    /** Removes everything. */
    void removeAll() throws NotPlayed, InterruptedException {
        removeContainers();
        removeImages();
        removeSteps();
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

    /**
     * Removes the steps from the build cache whose description has the run's number. The filter takes whole
     * descriptions, quoted as JSON quotes them. A step on which others are built can only go after them, and one that a
     * build still uses when it has ended can only go a moment later; hence the passes.
     */
    private void removeSteps() throws NotPlayed, InterruptedException {
        for (int pass = 0; pass < PASSES; pass++) {
            List<String> descriptions = listSteps();
            if (descriptions.isEmpty()) {
                return;
            }
            if (pass >= PASSES_WITHOUT_PAUSE) {
                Thread.sleep(PAUSE);
            }
            for (String description : descriptions) {
                stage.docker("builder", "prune", "--force", "--all", "--filter", "description=" + description);
            }
        }
    }

    /**
     * The steps' descriptions. Asked again if it fails: the engine also adds up the sizes of all snapshots, and fails
     * if its own garbage collection removes one at that moment (28.5: "snapshot … does not exist").
     */
    private List<String> listSteps() throws NotPlayed, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Processes.Finished cache = stage.docker("system", "df", "--verbose", "--format",
                    "{{range .BuildCache}}{{json .Description}}{{println}}{{end}}");
            if (cache.status() == 0) {
                return cache.out().stream().filter(line -> line.contains(id)).distinct().toList();
            }
        }
        throw NotPlayed.broken("could not list the build cache, to remove its steps",
                "Their descriptions contain " + id);
    }
}
