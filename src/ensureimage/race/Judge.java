// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Asks the engine what it holds: which image, and from which inputs it was built, by a file in it. */
final class Judge {
    private static final int ATTEMPTS = 20;
    private final Stage stage;
    private final Map<String, String> inputs = new ConcurrentHashMap<>(); // by image ID

    Judge(Stage stage) {
        this.stage = stage;
    }

    /** What a builder that wants these inputs has, at this moment, in the image of that name or ID. */
    Truth look(String handle, Inputs wanted) throws NotPlayed, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<String> id = stage.lookUp(handle);
            if (id.isEmpty()) {
                return Truth.MISSING;
            }
            Optional<String> text = readInputs(id.get());
            if (text.isPresent()) {
                return wanted.compare(text.get());
            } // else the image was removed after the look-up
        }
        throw NotPlayed.broken("cannot read the inputs in an image");
    }

    /** One image at a time, so that each is read once. */
    private synchronized Optional<String> readInputs(String id) throws NotPlayed, InterruptedException {
        Optional<String> text = Optional.ofNullable(inputs.get(id));
        if (text.isEmpty()) {
            text = copyInputs(id);
            text.ifPresent(read -> inputs.put(id, read));
        }
        return text;
    }

    /** The inputs, out of a container that is never started; empty if the image is not there any more. */
    private Optional<String> copyInputs(String id) throws NotPlayed, InterruptedException {
        Processes.Finished created = stage.docker("create", "--label", stage.label(), id, "true");
        if (created.status() != 0 || created.out().isEmpty()) {
            return Optional.empty();
        }
        String container = created.out().get(0);
        Path copy = stage.root().resolve("read");
        try {
            Processes.Finished copied = stage.docker("cp", container + ":" + DemoImage.INPUTS, copy.toString());
            return copied.status() == 0 ? Optional.of(Files.readString(copy).strip()) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } finally {
            stage.docker("rm", "--force", container);
        }
    }
}
