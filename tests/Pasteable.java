// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A command of a test as a line for a shell, in any folder and after the run. */
final class Pasteable {

    /** What with_docker sets by itself. */
    private static final Set<String> OF_AN_ENGINE = Set.of("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT",
            "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION", "BUILDX_BUILDER",
            "BUILDX_CONFIG", "BUILDKIT_HOST");

    private Pasteable() {
    }

    /** The line; it starts an engine of its own, for the run's are gone by then. */
    static String of(List<String> line, Path folder, Map<String, String> environment) {
        Optional<EngineStarts.Open> engine = EngineStarts.open(environment.getOrDefault("DOCKER_HOST", ""));
        Map<String, String> set = new TreeMap<>(environment);
        set.entrySet().removeAll(System.getenv().entrySet());
        List<String> words = new ArrayList<>();
        engine.ifPresent(open -> {
            words.addAll(script("with_docker.java"));
            words.addAll(open.options());
            words.add("--");
            set.keySet().removeAll(OF_AN_ENGINE);
        });
        if (!set.isEmpty()) {
            words.add("env");
            set.forEach((name, value) -> words.add(name + "=" + value));
        }
        byName(line).stream().map(word -> engine.filter(open -> word.equals(open.client())).map(open -> "docker")
                .orElse(word)).forEach(words::add);
        String cd = folder.equals(Harness.root()) ? "" : "cd " + quoted(folder.toString()) + " && ";
        return cd + words.stream().map(Pasteable::quoted).collect(Collectors.joining(" "));
    }

    private static List<String> script(String file) {
        return List.of(Harness.root() + "/jbangw", Harness.projectFile(file).toString());
    }

    /** With the wrapper, where a script is started as the class that this run has of it. */
    private static List<String> byName(List<String> line) {
        int classpath = line.indexOf("-classpath");
        int java = IntStream.range(0, Math.max(0, classpath)).filter(i -> line.get(i).endsWith("/java")).findFirst()
                .orElse(-1);
        int name = IntStream.range(classpath + 2, line.size()).filter(i -> !line.get(i).startsWith("-")).findFirst()
                .orElse(-1);
        if (java < 0 || name < 0) {
            return line;
        }
        return Stream.of("", "tests/").map(folder -> folder + line.get(name) + ".java")
                .filter(file -> Files.isRegularFile(Harness.projectFile(file))).findFirst()
                .map(file -> Stream.of(line.subList(0, java), script(file), line.subList(name + 1, line.size()))
                        .flatMap(List::stream).toList())
                .orElse(line);
    }

    private static String quoted(String word) {
        if (word.matches("[\\w@%+=:,./-]+")) {
            return word;
        }
        if (word.chars().noneMatch(Character::isISOControl)) {
            return "'" + word.replace("'", "'\\''") + "'";
        }
        String escaped = word.replace("\\", "\\\\").replace("'", "\\'");
        return "$'" + Pattern.compile("\\p{Cntrl}").matcher(escaped).replaceAll(
                control -> String.format("\\\\x%02x", (int) control.group().charAt(0))) + "'";
    }
}
