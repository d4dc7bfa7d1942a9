// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a builder wants, and what is then to be found in the image. */
record Wish(Recipe recipe, Inputs inputs) {

    /** The same, but a step fails and says "already exists". */
    Wish failing() {
        return withArgument("STEP_STATUS", "9");
    }

    /** The same, but the step that all share takes no time. */
    Wish quick() {
        return withArgument("STEP_SECONDS", "0");
    }

    private Wish withArgument(String name, String value) {
        BuildOptions options = recipe.options();
        SortedMap<String, String> arguments = new TreeMap<>(options.arguments());
        arguments.put(name, value);
        return new Wish(recipe.withOptions(new BuildOptions(arguments, options.hidden(), options.target(),
                options.platform(), options.passThrough())), inputs);
    }
}
