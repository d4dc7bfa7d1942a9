// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a {@link BuilderProcess} is to do.
 *
 * @param docker the client
 * @param folder of the round
 * @param start the file that it waits for
 * @param builder its number, from 1
 */
record Job(Procedure procedure, String docker, Path folder, Path start, int builder, String reference, Path context,
        SortedMap<String, String> arguments, List<String> passThrough) {
    private static final String ARGUMENT = "argument.";

    static Job describe(Builder builder) {
        Recipe recipe = builder.recipe();
        return new Job(builder.procedure(), builder.site().command(), builder.site().folder(), builder.start().file(),
                builder.number(), recipe.reference().toString(), recipe.context(), recipe.options().arguments(),
                recipe.options().passThrough());
    }

    Recipe recipe() throws NotPlayed {
        try {
            return Recipe.inFolder(Reference.parse(reference), context, new BuildOptions(arguments, Set.of(),
                    Optional.empty(), Optional.empty(), passThrough));
        } catch (RecipeException e) {
            throw NotPlayed.broken("unexpected: " + e);
        }
    }

    /** For {@link #read}. */
    byte[] text() {
        Properties properties = new Properties();
        properties.setProperty("procedure", procedure.name());
        properties.setProperty("docker", docker);
        properties.setProperty("folder", folder.toString());
        properties.setProperty("start", start.toString());
        properties.setProperty("builder", Integer.toString(builder));
        properties.setProperty("reference", reference);
        properties.setProperty("context", context.toString());
        properties.setProperty("passThrough", String.join("\n", passThrough));
        arguments.forEach((name, value) -> properties.setProperty(ARGUMENT + name, value));
        try {
            StringWriter text = new StringWriter();
            properties.store(text, null);
            return text.toString().getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
    }

    static Job read(String text) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        SortedMap<String, String> arguments = new TreeMap<>();
        properties.stringPropertyNames().stream().filter(name -> name.startsWith(ARGUMENT))
                .forEach(name -> arguments.put(name.substring(ARGUMENT.length()), properties.getProperty(name)));
        return new Job(Procedure.valueOf(properties.getProperty("procedure")), properties.getProperty("docker"),
                Path.of(properties.getProperty("folder")), Path.of(properties.getProperty("start")),
                Integer.parseInt(properties.getProperty("builder")), properties.getProperty("reference"),
                Path.of(properties.getProperty("context")), arguments,
                List.of(properties.getProperty("passThrough").split("\n")));
    }
}
