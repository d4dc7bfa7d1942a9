// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Recipe;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Several builds as one file for {@code docker buildx bake}. A target says what the options of {@code docker build} say; an
 * option that no attribute is known for keeps its build out of such a file. Attributes: docker/buildx
 * {@code docs/bake-reference.md}; those that change the image were compared by its ID on buildx 0.13 and 0.29. The network is
 * not among them: buildx 0.13 ignores it.
 */
final class BakeFile {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String BUILDER = "--builder";
    private static final String DOCKER_IMAGE = "docker-image://";
    /** Options that take several values, and their attributes. */
    private static final Map<String, String> LISTS =
            Map.of("--secret", "secret", "--ssh", "ssh", "--cache-from", "cache-from");
    private static final Map<String, String> FLAGS = Map.of("--no-cache", "no-cache", "--pull", "pull");

    private BakeFile() {
    }

    // ---- What it can hold

    /** Whether a target can say all that this recipe says. */
    static boolean canHold(Recipe recipe) {
        BuildOptions options = recipe.options();
        boolean dockerfile = !(recipe.dockerfile() instanceof DockerfileSource.Given given)
                || text(given.content()).isPresent();
        boolean platform = options.platform().filter(names -> names.contains(",")).isEmpty();
        return dockerfile && platform && options.passed().stream().allMatch(BakeFile::canHold);
    }

    private static boolean canHold(BuildOptions.Passed option) {
        String value = option.value().orElse("");
        if (FLAGS.containsKey(option.name()) || option.name().equals("--load")) {
            return option.value().isEmpty();
        }
        return switch (option.name()) {
            case "--label", "--secret", "--ssh", "--cache-from", BUILDER -> !value.isEmpty();
            case "--progress" -> value.equals("plain");
            case "--build-context" -> context(value).isPresent();
            default -> false;
        };
    }

    /** The builder that an option names. */
    static Optional<String> builder(Recipe recipe) {
        return recipe.options().passed().stream().filter(option -> option.name().equals(BUILDER))
                .flatMap(option -> option.value().stream()).reduce((first, last) -> last);
    }

    // ---- Writing it

    /**
     * The file.
     *
     * @param targets by names that bake allows: letters, digits, underscores and dashes
     * @param contexts for each, the folder under which BuildKit is to see its main context
     */
    static byte[] write(Map<String, Bake.Target> targets, Map<String, Path> contexts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeObjectFieldStart("group");
            json.writeObjectFieldStart("default");
            writeList(json, "targets", targets.keySet());
            json.writeEndObject();
            json.writeEndObject();
            json.writeObjectFieldStart("target");
            for (Map.Entry<String, Bake.Target> target : targets.entrySet()) {
                json.writeObjectFieldStart(target.getKey());
                write(json, target.getValue(), contexts.get(target.getKey()));
                json.writeEndObject();
            }
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void write(JsonGenerator json, Bake.Target target, Path context) throws IOException {
        Recipe recipe = target.recipe();
        json.writeStringField("context", literal(context.toString()));
        if (recipe.dockerfile() instanceof DockerfileSource.InFile file) {
            json.writeStringField("dockerfile", literal(file.path().toAbsolutePath().toString()));
        } else if (recipe.dockerfile() instanceof DockerfileSource.Given given) {
            json.writeStringField("dockerfile-inline", literal(text(given.content()).orElseThrow()));
        }
        writeMap(json, "args", recipe.options().arguments());
        if (recipe.options().target().isPresent()) {
            json.writeStringField("target", literal(recipe.options().target().get()));
        }
        if (recipe.options().platform().isPresent()) {
            writeList(json, "platforms", List.of(recipe.options().platform().get()));
        }
        writePassed(json, recipe.options().passed(), target.labels());
    }

    private static void writePassed(JsonGenerator json, List<BuildOptions.Passed> options,
            Map<String, String> ownLabels) throws IOException {
        Map<String, String> labels = new TreeMap<>();
        Map<String, String> contexts = new TreeMap<>();
        Map<String, List<String>> lists = new TreeMap<>();
        Map<String, Boolean> flags = new TreeMap<>();
        for (BuildOptions.Passed option : options) {
            String value = option.value().orElse("");
            String[] pair = value.split("=", 2);
            if (option.name().equals("--label")) {
                labels.put(pair[0], pair.length == 2 ? pair[1] : "");
            } else if (option.name().equals("--build-context")) {
                contexts.put(pair[0], context(value).orElseThrow());
            } else if (LISTS.containsKey(option.name())) {
                lists.computeIfAbsent(LISTS.get(option.name()), name -> new ArrayList<>()).add(value);
            } else if (FLAGS.containsKey(option.name())) {
                flags.put(FLAGS.get(option.name()), true);
            }
        }
        labels.putAll(ownLabels);
        writeMap(json, "labels", labels);
        writeMap(json, "contexts", contexts);
        for (Map.Entry<String, List<String>> list : lists.entrySet()) {
            writeList(json, list.getKey(), list.getValue());
        }
        for (Map.Entry<String, Boolean> flag : flags.entrySet()) {
            json.writeBooleanField(flag.getKey(), flag.getValue());
        }
    }

    private static void writeMap(JsonGenerator json, String name, Map<String, String> values) throws IOException {
        json.writeObjectFieldStart(name);
        for (Map.Entry<String, String> value : values.entrySet()) {
            json.writeStringField(literal(value.getKey()), literal(value.getValue()));
        }
        json.writeEndObject();
    }

    private static void writeList(JsonGenerator json, String name, Collection<String> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (String value : values) {
            json.writeString(literal(value));
        }
        json.writeEndArray();
    }

    /**
     * The text as bake is to take it. A string in its JSON is a template of HCL, in which <code>${</code> and
     * <code>%{</code> begin something to be worked out. Doubling the first character means different things before a
     * doubled one (buildx 0.13, 0.29), so each is written as a string of its own.
     */
    private static String literal(String text) {
        return text.contains("${") || text.contains("%{")
                ? text.replaceAll("[$%]", "\\${\"$0\"}")
                : text;
    }

    /** Of {@code NAME=WHERE}: a folder, by its absolute path, or an image. Other contexts have rules of their own. */
    private static Optional<String> context(String value) {
        String where = value.substring(value.indexOf('=') + 1);
        if (value.indexOf('=') <= 0 || where.isEmpty()) {
            return Optional.empty();
        }
        boolean folder = !where.contains(":") && !where.contains("@") && !where.startsWith("github.com/");
        return folder ? Optional.of(Path.of(where).toAbsolutePath().toString())
                : Optional.of(where).filter(image -> image.startsWith(DOCKER_IMAGE));
    }

    /** Empty if it is not text. */
    private static Optional<String> text(byte[] content) {
        try {
            return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString());
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }
}
