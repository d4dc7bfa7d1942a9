package ensureimage.recipe;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The options of {@code docker build}: which of them change what is built. The names and forms are those of the help of
 * buildx 0.13 and 0.29 and of the legacy builder; an option that is not in the table counts, and may have a value.
 */
final class InputOptions {

    /** What an option does. */
    enum Effect {
        /** Changes the image, or may. */
        COUNTS,
        /** Changes only what is printed, kept or transferred. */
        NOTHING,
        /** Is a build argument, which counts if the Dockerfile declares it. */
        ARGUMENT,
        /** Gives a name another meaning: counts by what is found there. */
        CONTEXT,
        /** Makes the builder look for newer base images: only a build can tell. */
        ASKS,
        /** Is set by this program, or has an option of its own in it. */
        FORBIDDEN
    }

    /** @param names in all forms, with a blank between; the long one first */
    private record Row(String names, boolean hasValue, Effect effect, String reason) {
    }

    private static final List<Row> TABLE = List.of(
            new Row("--add-host", true, Effect.COUNTS, "RUN sees other addresses"),
            new Row("--allow", true, Effect.NOTHING, "permits what the Dockerfile asks for, or the build fails"),
            new Row("--annotation", true, Effect.COUNTS, "is written into the image's manifest"),
            new Row("--attest", true, Effect.COUNTS, "is attached to the image"),
            new Row("--build-arg", true, Effect.ARGUMENT, "counts if it is declared"),
            new Row("--build-context", true, Effect.CONTEXT, "counts by content"),
            new Row("--builder", true, Effect.NOTHING, "any builder of one kind makes the same of the same"),
            new Row("--cache-from", true, Effect.NOTHING, "where to look for finished steps"),
            new Row("--cache-to", true, Effect.NOTHING, "where to keep finished steps; inline counts, see below"),
            new Row("--call", true, Effect.NOTHING, "builds no image"),
            new Row("--cgroup-parent", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--check", false, Effect.NOTHING, "builds no image"),
            new Row("--compress", false, Effect.NOTHING, "how the context is transferred"),
            new Row("--cpu-period", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--cpu-quota", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--cpu-shares -c", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--cpuset-cpus", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--cpuset-mems", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--debug -D", false, Effect.NOTHING, "what is printed"),
            new Row("--disable-content-trust", false, Effect.COUNTS, "which base image a name means"),
            new Row("--file -f", true, Effect.FORBIDDEN, "the recipe has its Dockerfile"),
            new Row("--force-rm", false, Effect.NOTHING, "containers that are left behind"),
            new Row("--iidfile", true, Effect.FORBIDDEN, "is used to learn the image's ID"),
            new Row("--isolation", true, Effect.COUNTS, "RUN runs in another kind of container"),
            new Row("--label", true, Effect.COUNTS, "is written into the image"),
            new Row("--load", false, Effect.NOTHING, "where the image goes: into the engine anyway"),
            new Row("--memory -m", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--memory-swap", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--metadata-file", true, Effect.FORBIDDEN, "is used to learn what was built"),
            new Row("--network", true, Effect.COUNTS, "RUN sees another network"),
            new Row("--no-cache", false, Effect.NOTHING, "whether finished steps are used"),
            new Row("--no-cache-filter", true, Effect.NOTHING, "whether finished steps are used"),
            new Row("--output -o", true, Effect.FORBIDDEN, "the image must end up in the engine, without a name"),
            new Row("--platform", true, Effect.FORBIDDEN, "the recipe has its platform"),
            new Row("--progress", true, Effect.NOTHING, "what is printed"),
            new Row("--provenance", true, Effect.COUNTS, "is attached to the image"),
            new Row("--pull", false, Effect.ASKS, "another image may be under a base's name by now"),
            new Row("--push", false, Effect.FORBIDDEN, "the image must end up in the engine, without a name"),
            new Row("--quiet -q", false, Effect.NOTHING, "what is printed"),
            new Row("--rm", false, Effect.NOTHING, "containers that are left behind"),
            new Row("--sbom", true, Effect.COUNTS, "is attached to the image"),
            new Row("--secret", true, Effect.NOTHING, "a secret is no input, nor is where it comes from"),
            new Row("--security-opt", true, Effect.COUNTS, "RUN is allowed other things"),
            new Row("--shm-size", true, Effect.COUNTS, "RUN runs under other limits"),
            new Row("--squash", false, Effect.COUNTS, "makes other layers"),
            new Row("--ssh", true, Effect.NOTHING, "a secret is no input, nor is where it comes from"),
            new Row("--tag -t", true, Effect.FORBIDDEN, "an image is named when it is known to be right"),
            new Row("--target", true, Effect.FORBIDDEN, "the recipe has its target"),
            new Row("--ulimit", true, Effect.COUNTS, "RUN runs under other limits"));

    private static final Map<String, Row> BY_NAME = byName();
    private static final Set<String> NO = Set.of("false", "f", "0", "never", "missing", "ifmissing");

    private InputOptions() {
    }

    private static Map<String, Row> byName() {
        Map<String, Row> rows = new HashMap<>();
        TABLE.forEach(row -> List.of(row.names.split(" ")).forEach(name -> rows.put(name, row)));
        return rows;
    }

    /**
     * An option as it was given.
     *
     * @param name the long one, if the option is known
     * @param given the name as it was given
     * @param words all of it on the command line
     */
    record Given(String name, String given, Optional<String> value, List<String> words) {

        Effect effect() {
            Row row = BY_NAME.get(name);
            boolean inline = name.equals("--cache-to") && value.orElse("").contains("type=inline"); // into the image
            return row == null || inline ? Effect.COUNTS
                    : row.effect == Effect.ASKS && NO.contains(value.orElse("")) ? Effect.NOTHING : row.effect;
        }

        /** One form for all ways to write it. */
        @Override
        public String toString() {
            return value.map(text -> name + "=" + text).orElse(name);
        }
    }

    /** Whether the table has an option of that name. */
    static boolean isKnown(String name) {
        return BY_NAME.containsKey(name);
    }

    /** Reads a command line as docker's own parser does, spf13/pflag. */
    static List<Given> parse(List<String> words) {
        List<Given> options = new ArrayList<>();
        for (int i = 0; i < words.size();) {
            String word = words.get(i);
            List<String> rest = words.subList(i, words.size());
            int taken = word.startsWith("--") ? parseLong(rest, options)
                    : word.startsWith("-") && word.length() > 1 ? parseShort(rest, options)
                    : parseOther(rest, options);
            i += taken;
        }
        return options;
    }

    private static int parseLong(List<String> words, List<Given> options) {
        String[] pair = words.get(0).split("=", 2);
        Row row = BY_NAME.get(pair[0]);
        boolean next = pair.length == 1 && row != null && row.hasValue && words.size() > 1;
        Optional<String> value = pair.length == 2 ? Optional.of(pair[1])
                : next ? Optional.of(words.get(1)) : Optional.empty();
        options.add(new Given(pair[0], pair[0], value, List.copyOf(words.subList(0, next ? 2 : 1))));
        return next ? 2 : 1;
    }

    /** One dash, and one or more letters; the value of the last one may be part of the word. */
    private static int parseShort(List<String> words, List<Given> options) {
        String word = words.get(0);
        for (int i = 1; i < word.length(); i++) {
            String name = "-" + word.charAt(i);
            Row row = BY_NAME.get(name);
            if (row == null) {
                return parseOther(words, options);
            }
            String longName = row.names.split(" ")[0];
            String after = word.substring(i + 1);
            if (row.hasValue || after.startsWith("=")) {
                boolean next = after.isEmpty() && words.size() > 1;
                Optional<String> value = next ? Optional.of(words.get(1))
                        : after.isEmpty() ? Optional.empty() : Optional.of(after.replaceFirst("^=", ""));
                options.add(new Given(longName, name, value, List.copyOf(words.subList(i == 1 ? 0 : 1, next ? 2 : 1))));
                return next ? 2 : 1;
            }
            options.add(new Given(longName, name, Optional.empty(), i == 1 ? List.of(word) : List.of()));
        }
        return 1;
    }

    private static int parseOther(List<String> words, List<Given> options) {
        options.add(new Given(words.get(0), words.get(0), Optional.empty(), List.of(words.get(0))));
        return 1;
    }
}
