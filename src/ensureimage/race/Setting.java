// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.report.ExitCode;
import ensureimage.report.Wording;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/** What a scenario has to set a round up. */
record Setting(Stage stage, Plan plan, Stage.Folder folder, int builders, Random random) {

    /** Writes these inputs into a folder of that name, and returns the wish for them. */
    Wish write(String name, int version) throws NotPlayed {
        Inputs inputs = new Inputs(folder.round(), name, version);
        Path context = stage.demo().write(folder.path().resolve(name), inputs);
        BuildOptions options = new BuildOptions(
                new TreeMap<>(Map.of("BASE", plan.base(), "STEP_SECONDS", Double.toString(plan.stepSeconds()))),
                Set.of(), Optional.empty(), Optional.empty(), List.of("--label", stage.label()));
        return new Wish(Recipe.inFolder(stage.reference(), context, options), inputs);
    }

    /** Builds it now, with the label of ensure_image, which only that looks at. */
    void build(Wish wish) throws NotPlayed, InterruptedException {
        try {
            stage.site(folder.path()).ensure(wish.quick().recipe(), false, Listener.NONE);
        } catch (NotEnsured e) {
            List<String> output = e instanceof NotEnsured.BuildFailed failed ? failed.output() : List.of();
            throw new NotPlayed(ExitCode.forOutcome(e), Wording.failure(e), output);
        }
    }
}
