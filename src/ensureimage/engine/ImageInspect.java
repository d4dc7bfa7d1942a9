// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code docker image inspect}: what is asked where the engine's socket is not known. */
record ImageInspect(Docker docker, Deadline deadline) {
    private static final int NAMES_PER_QUESTION = 25; // an image's JSON takes some kB, and what is kept is bounded

    /** As {@link Docker#lookUp(java.util.Collection, Deadline)}. */
    Map<String, HeldImage> lookUp(List<String> names) throws EngineException, InterruptedException {
        Map<String, HeldImage> images = new HashMap<>();
        for (int from = 0; from < names.size(); from += NAMES_PER_QUESTION) {
            images.putAll(inspect(names.subList(from, Math.min(names.size(), from + NAMES_PER_QUESTION))));
        }
        return images;
    }

    /** By one command; what it does not tell of by one command each. */
    private Map<String, HeldImage> inspect(List<String> names) throws EngineException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("image", "inspect", "--format", "{{json .}}", "--"));
        arguments.addAll(names);
        Processes.Finished finished = docker.run(deadline, arguments, ignored -> {});
        List<HeldImage> found = HeldImage.parseAll(finished.out());
        Map<String, HeldImage> images = new HashMap<>();
        for (String name : names) {
            // The only one that is asked for may lose its name before its names are read.
            Optional<HeldImage> image =
                    found.stream().filter(each -> names.size() == 1 || each.answersTo(name)).findFirst();
            if (image.isPresent()) {
                images.put(name, image.get());
            } else if (names.size() > 1) {
                images.putAll(inspect(List.of(name)));
            } else if (finished.err().stream().noneMatch(KnownLine::saysMissing)) {
                throw unanswered(finished);
            }
        }
        return images;
    }

    private EngineException unanswered(Processes.Finished finished) {
        String line = BuildOutput.lastLine(finished.err());
        return line.isEmpty()
                ? new EngineException(EngineException.Kind.SILENT, "image inspect", Integer.toString(finished.status()))
                : docker.failure(line);
    }
}
