// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.FileKind;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.RecipeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Asks docker's own tools what a bake file or a compose file defines: {@code docker buildx bake --print}, and
 * {@code docker compose build --print}, which prints the bake file that compose itself builds with. A compose before 2.33
 * does not have that; it is asked by {@code docker compose config}.
 *
 * @param kind of the files
 * @param files empty for the tool's default ones
 * @param profiles of compose
 * @param names of targets, groups or services; empty for what the tool builds by itself
 */
public record BuildFiles(FileKind kind, List<Path> files, List<String> profiles, List<String> names) {
    private static final Pattern VERSION = Pattern.compile("\\d+\\.\\d+\\.\\d+"); // without a packager's suffix, as on labels
    private static final Pattern UNKNOWN_OPTION = Pattern.compile("unknown flag: --print");

    /** What docker prints: targets by name, and groups of them. */
    Map<String, Object> read(Docker docker, Deadline deadline)
            throws RecipeException, EngineException, InterruptedException {
        Processes.Finished printed = docker.run(deadline, line(kind == FileKind.BAKE ? List.of("--print")
                : List.of("build", "--print")), ignored -> {});
        if (printed.status() == 0) { // and nothing is printed if there is nothing to build
            return String.join("", printed.out()).isBlank() ? Map.of() : unescaped(parse(printed));
        }
        Processes.Finished version = docker.run(deadline,
                kind == FileKind.BAKE ? List.of("buildx", "version") : List.of("compose", "version", "--short"),
                ignored -> {});
        if (version.status() != 0) {
            throw new RecipeException(new Flaw.NoReader(kind));
        }
        boolean isOld = printed.err().stream().anyMatch(line -> UNKNOWN_OPTION.matcher(line).matches());
        Matcher number = VERSION.matcher(String.join("", version.out()));
        return kind == FileKind.COMPOSE && isOld && number.find() ? config(docker, number.group(), deadline)
                : reject(docker, printed);
    }

    private List<String> line(List<String> command) {
        List<String> line = new ArrayList<>(kind == FileKind.BAKE ? List.of("buildx", "bake") : List.of("compose"));
        files.forEach(file -> line.addAll(List.of("--file", file.toString())));
        profiles.forEach(profile -> line.addAll(List.of("--profile", profile)));
        line.addAll(command);
        line.addAll(names);
        return line;
    }

    private Map<String, Object> config(Docker docker, String version, Deadline deadline)
            throws RecipeException, EngineException, InterruptedException {
        Processes.Finished printed =
                docker.run(deadline, line(List.of("config", "--format", "json")), ignored -> {});
        if (printed.status() != 0) {
            return reject(docker, printed);
        }
        UnaryOperator<String> unescape = text -> text.replace("$$", "$");
        Map<String, Object> config = JsonTree.object(JsonTree.mapTexts(parse(printed), unescape));
        return new ComposeConfig(config, version, docker.environment()).targets(names);
    }

    private Map<String, Object> parse(Processes.Finished printed) throws RecipeException {
        Optional<Map<String, Object>> tree = JsonTree.parse(String.join("\n", printed.out()));
        if (tree.isEmpty()) {
            throw new RecipeException(new Flaw.FileRejected(kind, BuildOutput.lastLine(printed.err())));
        }
        return tree.get();
    }

    /** An engine that is away is no fault of the file's. */
    private Map<String, Object> reject(Docker docker, Processes.Finished printed)
            throws RecipeException, EngineException {
        String line = BuildOutput.lastLine(printed.err());
        EngineException engine = docker.failure(line);
        if (engine.kind() != EngineException.Kind.FAILED) {
            throw engine;
        }
        throw new RecipeException(new Flaw.FileRejected(kind, line));
    }

    /** Bake prints a file that it could read again: in some members it escapes what would be a variable (HCL's templates). */
    private Map<String, Object> unescaped(Map<String, Object> printed) {
        UnaryOperator<String> unescape = kind == FileKind.COMPOSE ? text -> text.replace("$${", "${")
                : text -> text.replace("$${", "${").replace("%%{", "%{");
        Map<String, Object> targets = new LinkedHashMap<>();
        JsonTree.object(printed, "target").forEach((name, target) -> {
            Map<String, Object> plain = new LinkedHashMap<>(JsonTree.object(target));
            List.of("args", "labels", "dockerfile-inline").forEach(
                    member -> plain.computeIfPresent(member, (same, value) -> JsonTree.mapTexts(value, unescape)));
            targets.put(name, plain);
        });
        Map<String, Object> all = new LinkedHashMap<>(printed);
        all.put("target", targets);
        return all;
    }
}
