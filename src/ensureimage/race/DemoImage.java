// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The build contexts of the demo image. What is in one differs from run to run, so that a run finds nothing of another
 * one in the build cache.
 *
 * @param id of the run
 */
record DemoImage(String id, String dockerfile) {
    /** Where the image holds its inputs. */
    static final String INPUTS = "/race-demo/inputs";

    /** From the scripts' own resources, so that it is there however the script was started. */
    private static final String RESOURCE = "/race-demo/Dockerfile";
    /** In the Dockerfile, where a run puts its own number. */
    private static final String BY_HAND = "by-hand";

    static DemoImage load(String id) throws NotPlayed {
        try (InputStream resource = DemoImage.class.getResourceAsStream(RESOURCE)) {
            return new DemoImage(id,
                    new String(resource.readAllBytes(), StandardCharsets.UTF_8).replace(BY_HAND, id));
        } catch (IOException e) {
            throw NotPlayed.broken("cannot read the demo's Dockerfile: " + e);
        }
    }

    /** Writes a build context of these inputs over what is in that folder, and returns the folder. */
    Path write(Path context, Inputs inputs) throws NotPlayed {
        try {
            Files.createDirectories(context);
            Files.writeString(context.resolve("Dockerfile"), dockerfile);
            Files.writeString(context.resolve(id), inputs.text() + "\n");
            return context;
        } catch (IOException e) {
            throw NotPlayed.broken("cannot write a build context: " + e);
        }
    }
}
