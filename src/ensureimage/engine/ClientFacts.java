// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.InputTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What docker's client brings into a build without being told on its command line.
 *
 * @param builder which kind {@code docker build} starts, as far as that can be told beforehand
 * @param proxyArguments build arguments for the proxies of its configuration
 * @param files digests of files that it reads because its environment names them, by the variable
 * @param addsGitLabels whether it puts the state of a git repository on the image ({@code BUILDX_GIT_LABELS}, buildx
 *        {@code build/git.go})
 * @param otherBuilder the name of a builder that is not the engine's own; empty if there is none
 */
public record ClientFacts(BuilderKind builder, SortedMap<String, String> proxyArguments,
        SortedMap<String, String> files, boolean addsGitLabels, Optional<String> otherBuilder) {
    private static final String PLUGIN = "cli-plugins/docker-buildx";
    /** Where docker looks for its plugins besides its configuration: docker/cli {@code cli-plugins/manager}. */
    private static final List<Path> PLUGINS =
            List.of(Path.of("/usr/local/lib/docker"), Path.of("/usr/local/libexec/docker"),
                    Path.of("/usr/lib/docker"), Path.of("/usr/libexec/docker"));
    private static final String DEFAULT_BUILDER = "default";
    private static final String BUILDER_OPTION = "--builder";

    /**
     * Reads them.
     *
     * @param command the client
     * @param environment of the client
     * @param passThrough options of {@code docker build}
     */
    static ClientFacts read(String command, Map<String, String> environment, List<String> passThrough) {
        ClientConfig config = ClientConfig.read(environment);
        String labels = environment.getOrDefault("BUILDX_GIT_LABELS", "");
        BuilderKind kind = kind(command, environment);
        return new ClientFacts(kind, config.proxyArguments(environment.getOrDefault("DOCKER_HOST", "")),
                kind == BuilderKind.BUILDKIT ? files(environment) : Collections.emptySortedMap(),
                kind == BuilderKind.BUILDKIT && !labels.isEmpty() && !labels.equals("0") && !labels.equals("false"),
                kind == BuilderKind.BUILDKIT ? otherBuilder(config, environment, passThrough) : Optional.empty());
    }

    private static SortedMap<String, String> files(Map<String, String> environment) {
        SortedMap<String, String> files = new TreeMap<>();
        for (String variable : InputTable.variables(InputTable.Effect.FILE)) {
            String file = environment.getOrDefault(variable, "");
            if (!file.isEmpty()) {
                files.put(variable, digest(file));
            }
        }
        return files;
    }

    private static String digest(String file) {
        try {
            return Fingerprint.key(Files.readString(Path.of(file), StandardCharsets.ISO_8859_1));
        } catch (IOException | InvalidPathException e) {
            return ""; // docker has the better words for it
        }
    }

    /**
     * The builder that {@code docker build} names to buildx if nothing else does: the one that docker's context has (docker/cli
     * {@code cmd/docker/builder.go}). Empty if buildx is left to choose.
     */
    static Optional<String> builderOfBuilds(Map<String, String> environment) {
        ClientConfig config = ClientConfig.read(environment);
        if (!environment.getOrDefault("BUILDX_BUILDER", "").isEmpty() || config.buildsWithBuildx()) {
            return Optional.empty();
        }
        String context = environment.getOrDefault("DOCKER_CONTEXT", "");
        return Optional.of(!environment.getOrDefault("DOCKER_HOST", "").isEmpty() ? DEFAULT_BUILDER
                : !context.isEmpty() ? context
                : config.currentContext().orElse(DEFAULT_BUILDER));
    }

    private static BuilderKind kind(String command, Map<String, String> environment) {
        if (Path.of(command).getFileName().toString().contains("podman")) {
            return BuilderKind.PODMAN;
        }
        String asked = environment.getOrDefault("DOCKER_BUILDKIT", "");
        if (!asked.isEmpty()) {
            return asked.equals("0") || asked.equals("false") ? BuilderKind.LEGACY : BuilderKind.BUILDKIT;
        }
        List<Path> folders = new ArrayList<>(PLUGINS);
        ClientConfig.folder(environment).ifPresent(folders::add);
        return folders.stream().anyMatch(folder -> Files.exists(folder.resolve(PLUGIN))) ? BuilderKind.BUILDKIT
                : BuilderKind.LEGACY;
    }

    /** A builder is another one if buildx keeps an instance of that name; the engine's own has none. */
    private static Optional<String> otherBuilder(ClientConfig config, Map<String, String> environment,
            List<String> passThrough) {
        Optional<Path> folder = Optional.ofNullable(environment.get("BUILDX_CONFIG")).map(Path::of)
                .or(() -> ClientConfig.folder(environment).map(docker -> docker.resolve("buildx")));
        String name = named(passThrough).orElseGet(() -> environment.getOrDefault("BUILDX_BUILDER", ""));
        if (name.isEmpty() && config.buildsWithBuildx()) {
            name = folder.map(buildx -> ClientConfig.readName(buildx.resolve("current"))).orElse("");
        }
        String builder = name;
        return builder.isEmpty() || builder.equals(DEFAULT_BUILDER) || builder.contains("/") ? Optional.empty()
                : folder.filter(buildx -> Files.exists(buildx.resolve("instances").resolve(builder)))
                        .map(buildx -> builder);
    }

    private static Optional<String> named(List<String> passThrough) {
        Optional<String> name = Optional.empty();
        for (int i = 0; i < passThrough.size(); i++) {
            String option = passThrough.get(i);
            if (option.startsWith(BUILDER_OPTION + "=")) {
                name = Optional.of(option.substring(BUILDER_OPTION.length() + 1));
            } else if (option.equals(BUILDER_OPTION) && i + 1 < passThrough.size()) {
                name = Optional.of(passThrough.get(i + 1));
            }
        }
        return name;
    }
}
