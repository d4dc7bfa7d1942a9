// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Outcome;
import ensureimage.recipe.ImageCollection;
import java.util.List;
import java.util.Optional;

/** What stdout says of an image that has its outcome: one line, or nothing. */
interface Results {
    /** The outcome that no {@link ensureimage.Ensured.How} has. */
    String FAILED = "failed";

    /** What is printed before all images. */
    default Optional<String> begin(List<ImageCollection.Member> members) {
        return Optional.empty();
    }

    /** An image is ensured or, with {@code --check}, looked up. */
    Optional<String> ended(ImageCourse course, Outcome outcome);

    /** @param several whether the run has more images than this one */
    Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several);
}
