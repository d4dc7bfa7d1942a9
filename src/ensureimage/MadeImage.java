// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.HeldImage;
import ensureimage.engine.Processes;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Recipe;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the last build made, or the pull.
 *
 * @param ended its verdict, or that of its naming
 * @param image if there is one
 * @param stage that it came to
 * @param witnessed whether the builder said what it saw
 */
record MadeImage(Optional<Verdict> ended, Optional<HeldImage> image, NotEnsured.BuildFailed.Stage stage,
        boolean witnessed) {

    /** From a registry, without its name yet. */
    static MadeImage pulled(HeldImage image) {
        return new MadeImage(Optional.empty(), Optional.of(image), NotEnsured.BuildFailed.Stage.NAMING, true);
    }

    /** The same after docker was asked to name it. */
    MadeImage named(Verdict naming) {
        return new MadeImage(Optional.of(naming), image, NotEnsured.BuildFailed.Stage.NAMING, witnessed);
    }

    /** Of a build or a naming; not yet of what was pulled. */
    Verdict verdict() {
        return ended.orElseThrow();
    }

    /** Its failure, with the output that docker printed. */
    NotEnsured.BuildFailed failure(Recipe recipe) {
        Processes.Finished process = verdict().process();
        List<String> output = new ArrayList<>(process.out());
        output.addAll(process.err());
        output.replaceAll(recipe.options()::redacted);
        return new NotEnsured.BuildFailed(recipe, stage, process.status(), process.took(), output);
    }
}
