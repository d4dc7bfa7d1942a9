// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The files that {@code buildx bake} and {@code docker compose} read. JSON is YAML, so both get JSON. */
final class BenchFiles {

    private BenchFiles() {
    }

    /** @param targets the body of each, by its name */
    static Path bake(Path file, Map<String, String> targets) {
        return write(file, "target", targets);
    }

    /** So many targets that name the same image of the same folder. */
    static Path bake(Path file, int count, Path context, String image) {
        return bake(file, same(count, "{\"context\": \"%s\", \"tags\": [\"%s\"]}".formatted(context, image)));
    }

    static Path compose(Path file, int count, Path context, String image) {
        return write(file, "services", same(count, "{\"build\": \"%s\", \"image\": \"%s\"}".formatted(context, image)));
    }

    private static Map<String, String> same(int count, String body) {
        return IntStream.range(0, count).boxed()
                .collect(Collectors.toMap(i -> "t" + i, i -> body, (a, b) -> a, LinkedHashMap::new));
    }

    private static Path write(Path file, String kind, Map<String, String> bodies) {
        String all = bodies.entrySet().stream().map(body -> "  \"" + body.getKey() + "\": " + body.getValue())
                .collect(Collectors.joining(",\n"));
        String group = kind.equals("target")
                ? "\"group\": {\"default\": {\"targets\": " + list(List.copyOf(bodies.keySet())) + "}},\n"
                : "";
        return Harness.write(file, "{" + group + "\"" + kind + "\": {\n" + all + "\n}}\n");
    }

    private static String list(List<String> names) {
        return names.stream().map(name -> "\"" + name + "\"").collect(Collectors.joining(", ", "[", "]"));
    }
}
