// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Dockerfile;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is predicted from a Dockerfile is never less than what BuildKit says that it saw, and seldom more. Dockerfiles are
 * made by chance from {@code -Dseed} on, {@code -Dcases} of them, or as many as {@code PREDICTIONS} says.
 */
class PredictionTest {
    private static final Pattern WAITS = Pattern.compile("\\bsleep\\b|\\bwhile\\b|\\buntil\\b|\\bcat /hold|mkfifo");
    private static final int AT_ONCE = 25;
    private static final int FEW_AT_ONCE = 15; // one that BuildKit refuses is taken out, and all others are built again
    private static final Pattern LITERAL =
            Pattern.compile("\"(FROM (?:[^\"\\\\\n]|\\\\.)*\\\\n(?:[^\"\\\\\n]|\\\\.)*)\"");
    private static final Pattern FAILED = Pattern.compile("(?s).*ERROR: target (t\\d+): ([^\\n]*).*");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ThrowawayEngine engine = Harness.engine("28.5", EngineSpec.Store.CONTAINERD);

    @TempDir
    Path work;

    private final List<String> less = new ArrayList<>();
    private final List<String> refused = new ArrayList<>();
    private int seen;
    private int more;
    private int uncertain;

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS)
    void buildKitNeverSeesMoreThanIsPredicted() throws Exception {
        long seed = Long.getLong("seed", 20261127);
        int count = Integer.getInteger("cases",
                Integer.parseInt(System.getenv().getOrDefault("PREDICTIONS", "200")));
        plant(work.resolve("context"), GeneratedDockerfile.FILES);
        plant(work.resolve("e"), GeneratedDockerfile.FILES);
        for (int first = 0; first < count; first += AT_ONCE) {
            Map<String, Sample> cases = new LinkedHashMap<>();
            for (int i = first; i < Math.min(count, first + AT_ONCE); i++) {
                cases.put("t" + i, new GeneratedDockerfile(new Random(seed + i)).sample(work.resolve("context")));
            }
            compare(cases);
        }
        System.out.println("seed " + seed + ", " + count + " Dockerfiles: " + tally());
        assertEquals("", String.join("\n", less));
        assertTrue(seen > count * 3 / 4, "nearly all are compared: " + refused);
        assertTrue(more < count / 3, "it predicts more only where it is not certain: " + more + " of " + count);
    }

    /**
     * Every Dockerfile of this project, also those that are texts in its tests, and those below the folders that
     * {@code DOCKERFILES} names. Their contexts have what is predicted, and so has the engine: if BuildKit wants more, it
     * finds none and refuses, so the number of those is bounded, too.
     */
    @Test
    void norOfTheDockerfilesInThisProject() throws Exception {
        plant(work.resolve("e"), GeneratedDockerfile.FILES);
        List<String> texts = new ArrayList<>(literals());
        List<Path> folders = new ArrayList<>(Stream.of("images", "examples", "tests/dockerfiles")
                .map(Harness::projectFile).toList());
        Stream.of(System.getenv().getOrDefault("DOCKERFILES", "").split(":")).filter(name -> !name.isEmpty())
                .map(Path::of).forEach(folders::add);
        for (Path folder : folders) {
            texts.addAll(inFolder(folder));
        }
        int count = texts.size();
        for (int first = 0; first < count; first += FEW_AT_ONCE) {
            Map<String, Sample> cases = new LinkedHashMap<>();
            for (int i = first; i < Math.min(count, first + FEW_AT_ONCE); i++) {
                Path context = Files.createDirectory(work.resolve("c" + i));
                Sample sample = new Sample(texts.get(i), new TreeMap<>(), Optional.empty(), context);
                if (provide(sample)) {
                    cases.put("t" + i, sample);
                }
            }
            compare(cases);
        }
        System.out.println(count + " Dockerfiles of the project: " + tally());
        assertEquals("", String.join("\n", less));
        assertTrue(seen > count / 2, seen + " of " + count + " were compared: " + refused);
    }

    private static List<String> inFolder(Path folder) throws IOException {
        List<String> texts = new ArrayList<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(each -> each.getFileName().toString().matches("(?i).*dockerfile(\\.\\w+)?")
                    && !each.toString().endsWith("ignore") && Files.isRegularFile(each)).sorted().toList()) {
                texts.add(Files.readString(file).replaceFirst("(?im)\\A((?:#.*\\n)*)#\\s*syntax\\s*=.*\\n", "$1"));
            }
        }
        return texts;
    }

    /** Strings in the tests that begin like a Dockerfile; but none with a step that waits for its test. */
    private static Set<String> literals() throws IOException {
        Set<String> texts = new TreeSet<>();
        try (Stream<Path> files = Files.list(Harness.projectFile("tests"))) {
            for (Path file : files.filter(each -> each.toString().endsWith("Test.java")).toList()) {
                Matcher literal = LITERAL.matcher(Files.readString(file));
                while (literal.find()) {
                    Optional.of(literal.group(1).translateEscapes()).filter(text -> !WAITS.matcher(text).find())
                            .ifPresent(texts::add);
                }
            }
        }
        return texts;
    }

    /** What it is predicted to want; false if that is not certain, or cannot be made. */
    private boolean provide(Sample sample) throws IOException {
        Dockerfile file = sample.read();
        List<String> wanted = file.coverage(false).patterns(Coverage.MAIN).stream()
                .map(path -> path.substring(1).replaceAll("\\[[^]]*\\]|[*?]+", "x")).filter(path -> !path.isEmpty())
                .toList();
        if (!file.isCertain() || !file.unknowable().isEmpty()
                || wanted.stream().anyMatch(path -> wanted.stream().anyMatch(other -> other.startsWith(path + "/")))) {
            return false;
        }
        plant(sample.context, wanted);
        for (String base : file.bases()) {
            if (!base.startsWith("busybox") && Reference.find(base).isPresent()) {
                Harness.command(engine.docker().toString(), "tag", "busybox", base).env(engine.environment()).run();
            }
        }
        return true;
    }

    private String tally() {
        return "%d compared, %d refused by BuildKit, %d predicted more than it saw, of which %d at most for want of certainty, %d less"
                .formatted(seen, refused.size(), more, uncertain, less.size());
    }

    private void compare(Map<String, Sample> cases) throws Exception {
        JsonNode metadata = bake(cases);
        for (Map.Entry<String, Sample> each : cases.entrySet()) {
            Dockerfile file = each.getValue().read();
            Coverage predicted = file.coverage(false);
            JsonNode steps = metadata.path(each.getKey()).path("buildx.build.provenance").path("buildConfig")
                    .path("llbDefinition");
            if (!steps.isArray()) {
                continue; // of some that leave nothing to build it says nothing
            }
            Coverage witnessed = files(steps);
            Set<String> images = images(steps);
            images.removeAll(file.bases().stream().map(ImageCollection::canonicalName)
                    .flatMap(Optional::stream).toList());
            if (!predicted.covers(witnessed) || file.isCertain() && !images.isEmpty()) {
                less.add("%s: predicted %s %s, seen %s %s%n%s".formatted(each.getKey(), predicted.text(),
                        file.bases(), witnessed.text(), images, each.getValue()));
            }
            seen++;
            uncertain += file.isCertain() ? 0 : 1;
            more += witnessed.covers(new Coverage(predicted.contexts(), false)) ? 0 : 1;
        }
    }

    private static void plant(Path folder, List<String> files) throws IOException {
        for (String file : files) {
            Files.createDirectories(folder.resolve(file).getParent());
            Files.writeString(folder.resolve(file), file);
        }
    }

    /** What is built. @param target of it; empty for the last stage */
    private record Sample(String text, SortedMap<String, String> arguments, Optional<String> target, Path context) {
        Dockerfile read() {
            return Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8),
                    new BuildOptions(arguments, Set.of(), target, Optional.empty(), List.of("--build-context", "e=/e")),
                    BuilderKind.BUILDKIT);
        }

        @Override
        public String toString() {
            return arguments + " " + target + "\n" + text;
        }
    }

    /** Builds all that BuildKit takes; the others are taken out. */
    private JsonNode bake(Map<String, Sample> cases) throws Exception {
        Map<String, Object> targets = new TreeMap<>();
        for (Map.Entry<String, Sample> each : cases.entrySet()) {
            Path file = Files.writeString(work.resolve(each.getKey()), each.getValue().text);
            Map<String, Object> target = new TreeMap<>(Map.of("context", each.getValue().context.toString(),
                    "dockerfile", file.toString(), "contexts", Map.of("e", work.resolve("e").toString()),
                    "args", each.getValue().arguments, "output", List.of("type=cacheonly")));
            each.getValue().target.ifPresent(name -> target.put("target", name));
            targets.put(each.getKey(), target);
        }
        while (!cases.isEmpty()) {
            targets.keySet().retainAll(cases.keySet());
            Path bake = work.resolve("bake.json");
            JSON.writeValue(bake.toFile(), Map.of("target", targets));
            Path metadata = work.resolve("metadata.json");
            Files.deleteIfExists(metadata);
            List<String> line =
                    new ArrayList<>(List.of(engine.docker().toString(), "buildx", "bake", "--progress=plain",
                            "--metadata-file", metadata.toString(), "-f", bake.toString()));
            line.addAll(cases.keySet());
            Harness.Result result = Harness.command(line.toArray(String[]::new)).env(engine.environment())
                    .env("BUILDX_METADATA_PROVENANCE", "max").env("BUILDX_BAKE_ENTITLEMENTS_FS", "0").run();
            if (result.status() == 0) {
                return JSON.readTree(metadata.toFile());
            }
            Matcher failed = FAILED.matcher(result.err());
            assertTrue(failed.matches(), result.toString());
            refused.add(failed.group(2));
            cases.remove(failed.group(1));
        }
        return JSON.createObjectNode();
    }

    private static Coverage files(JsonNode steps) throws IOException {
        SortedMap<String, SortedSet<String>> seen = new TreeMap<>();
        for (JsonNode step : steps) {
            JsonNode source = step.path("op").path("Op").path("source");
            String identifier = source.path("identifier").asText();
            if (identifier.startsWith("local://")) {
                String name = identifier.substring("local://".length());
                SortedSet<String> paths =
                        seen.computeIfAbsent(name.equals("context") ? "" : name, n -> new TreeSet<>());
                JsonNode asked = source.path("attrs").path("local.followpaths");
                if (asked.isMissingNode()) {
                    paths.add("/");
                } else {
                    JSON.readTree(asked.asText()).forEach(path -> paths.add("/" + path.asText()));
                }
            }
        }
        return new Coverage(seen, false);
    }

    private static Set<String> images(JsonNode steps) {
        Set<String> images = new TreeSet<>();
        for (JsonNode step : steps) {
            String identifier = step.path("op").path("Op").path("source").path("identifier").asText();
            if (identifier.startsWith("docker-image://")) {
                ImageCollection.canonicalName(identifier.substring("docker-image://".length()).split("@")[0])
                        .ifPresent(images::add);
            }
        }
        return images;
    }

    /** A Dockerfile by chance, of which most build. */
    private static final class GeneratedDockerfile {
        static final List<String> FILES =
                List.of("one", "two", "three.txt", "dir/a", "dir/b.txt", "dir/sub/c", "other/x", "v1/one");
        private static final List<String> PATHS =
                List.of("one", "two", "three.txt", "dir", "dir/a", "dir/sub", "dir/*.txt",
                        "./one", "/two", "dir/../two", "*.txt", "d?r/sub", "dir/sub/", "other", "[ot]*", "v1", ".");
        private static final List<String> NAMES = List.of("A", "B", "C", "D");
        private static final List<String> VALUES =
                List.of("one", "two", "dir", "dir/a", "vone", "one-slim", "dir/sub/c",
                        "xx-two-yy", "'two'", "\"one\"", "d\\ir", "$A", "${B:-dir}", "${A#v}", "");

        private final Random random;
        private final String text;
        private final Map<String, String> arguments = new TreeMap<>();
        private final Optional<String> target;
        private final List<String> stages = new ArrayList<>();

        GeneratedDockerfile(Random random) {
            this.random = random;
            for (String name : NAMES) {
                if (chance(4)) {
                    arguments.put(name, pick(VALUES).replaceAll("[$'\"\\\\{}:#-]", ""));
                }
            }
            StringBuilder file =
                    new StringBuilder(chance(12) ? "# check=skip=all\n" : chance(12) ? "# escape=\\\n" : "");
            for (int i = random.nextInt(3); i > 0; i--) {
                file.append("ARG ").append(pick(NAMES)).append(chance(4) ? "" : "=" + pick(VALUES)).append('\n');
            }
            for (int count = 1 + random.nextInt(4), i = 0; i < count; i++) {
                stage(file, "s" + i);
            }
            this.text = file.toString();
            this.target = chance(3) ? Optional.of(pick(stages)) : Optional.empty();
        }

        Sample sample(Path context) {
            return new Sample(text, new TreeMap<>(arguments), target, context);
        }

        private boolean chance(int of) {
            return random.nextInt(of) == 0;
        }

        private <T> T pick(List<T> from) {
            return from.get(random.nextInt(from.size()));
        }

        private void stage(StringBuilder file, String name) {
            String base = stages.isEmpty() || chance(2)
                    ? pick(List.of("busybox", "scratch", "${NONE:-busybox}", "\"busybox\"",
                            "busybox:latest", "bu${NONE}sybox", "e"))
                    : pick(stages);
            file.append("FROM ").append(base).append(chance(4) ? " as " : " AS ").append(name).append('\n');
            stages.add(name);
            for (int i = random.nextInt(6); i > 0; i--) {
                instruction(file, base);
            }
        }

        private void instruction(StringBuilder file, String base) {
            String line = switch (random.nextInt(12)) {
                case 0 -> "ARG " + pick(NAMES) + (chance(3) ? "" : "=" + pick(VALUES));
                case 1 -> "ENV " + pick(NAMES) + (chance(3) ? " x" : "=") + pick(VALUES);
                case 2 -> "ENV " + pick(NAMES) + "=" + pick(VALUES) + " " + pick(NAMES) + "=\""
                        + pick(List.of("one", "$A", "dir"))
                        + "\"";
                case 3 -> "LABEL a=\"<<EOF " + pick(VALUES).replaceAll("[\"']", "") + "\"";
                case 4 -> "WORKDIR /w";
                case 5 -> "ONBUILD COPY " + source() + " /ob/";
                case 6 -> "COPY [" + json() + ", " + json() + ", \"/j/\"]";
                case 7 -> "COPY <<EOF " + source() + " <<-'X Y' /h/\nCOPY nothing /\nEOF\nADD\n\tX Y";
                case 8 ->
                    "COPY --from="
                            + pick(chance(2) ? stages.size() > 1 ? List.of("e", "busybox", "0")
                                    : List.of("e", "busybox")
                                    : stages.subList(0, stages.size() - 1)
                                            .isEmpty() ? List.of("e")
                                    : stages.subList(0, stages.size() - 1))
                            + " /bin/../. /f/";
                case 9 -> "COPY --from=e " + source() + " /e/";
                default -> pick(List.of("COPY ", "ADD ", "COPY --link ", "copy --chown=1:1 ")) + source()
                        + (chance(3) ? " " + pick(List.of("\\\n# a comment\n\n  ", "\t", " ")) + source() : "")
                        + " /c/";
            };
            if (chance(10) && base.contains("busybox")) {
                line = pick(List.of("RUN --mount=type=bind,source=dir,target=/m true",
                        "RUN --mount=source=$A,target=/m true", "RUN --mount=from=e,src=one,target=/m true",
                        "RUN --mount=target=/m true", "RUN echo \"<<EOF\" '<<B' a<<C",
                        "RUN cat <<EOF >/x\nCOPY two /\nEOF",
                        "RUN [\"echo\", \"<<EOF\"]",
                        "RUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/k true"));
            }
            file.append(line.replace("-'X Y'", "-XY").replace("\tX Y", "\tXY")).append('\n');
        }

        private String source() {
            return switch (random.nextInt(9)) {
                case 0 -> "$" + pick(NAMES);
                case 1 -> "${" + pick(NAMES) + pick(List.of(":-", "-"))
                        + pick(List.of("one", "'two'", "$B", "${C:-dir}")) + "}";
                case 2 -> "${" + pick(NAMES)
                        + pick(List.of("#v", "##*/", "%-slim", "%%/*", "/xx-/", "//-*/", ":+one", "+dir"))
                        + "}";
                case 3 -> pick(List.of("\"one\"", "'two'", "o\\ne", "di\"r\"", "\"dir/$NONE\"", "'$A'*", "one$NONE"));
                default -> pick(PATHS);
            };
        }

        private String json() {
            return "\"" + source().replaceAll("[\"\\\\]", "") + "\"";
        }
    }
}
