// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Recipe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The command line of one {@code docker build}.
 *
 * @param arguments after the client's name
 * @param variables to be added to its environment
 * @param input for its stdin: the Dockerfile, if it is not a file
 */
record BuildCommand(List<String> arguments, Map<String, String> variables, byte[] input) {

    /** Variables that docker, its plugins, Go or the loader read: an argument of that name must not reach them. */
    private static final Pattern READ_BY_DOCKER = Pattern.compile("(?i)"
            + "(?:DOCKER|BUILDX|BUILDKIT|COMPOSE|CONTAINER|OTEL|GO|LD|SSH|SSL|XDG|LC|DBUS|STORAGE|REGISTRY)[A-Z0-9_]*"
            + "|PATH|HOME|USER|LANG|TERM|TMPDIR|[A-Z]*_PROXY|[^A-Z_].*|.*\\W.*");

    /**
     * Makes it.
     *
     * @param options besides the recipe's own
     * @param environment what the client has anyway
     */
    static BuildCommand create(Recipe recipe, List<String> options, Map<String, String> environment) {
        List<String> line = new ArrayList<>(List.of("build", "--file"));
        byte[] input = {};
        if (recipe.dockerfile() instanceof DockerfileSource.InFile file) {
            line.add(file.path().toString());
        } else if (recipe.dockerfile() instanceof DockerfileSource.Given given) {
            line.add("-");
            input = given.content();
        }
        Map<String, String> variables = new TreeMap<>();
        recipe.options().arguments().forEach((name, value) -> {
            boolean byName = !READ_BY_DOCKER.matcher(name).matches() || value.equals(environment.get(name));
            if (byName) {
                variables.put(name, value); // not on the command line, which every user of the machine can read
            }
            line.addAll(List.of("--build-arg", byName ? name : name + "=" + value));
        });
        recipe.options().target().ifPresent(target -> line.addAll(List.of("--target", target)));
        recipe.options().platform().ifPresent(platform -> line.addAll(List.of("--platform", platform)));
        line.addAll(recipe.options().passThrough());
        line.addAll(options);
        // After "--" even a folder whose name begins with a dash is a folder, and after "./" one that is called "-".
        line.addAll(List.of("--", Path.of(".").resolve(recipe.context()).toString()));
        return new BuildCommand(line, variables, input);
    }
}
