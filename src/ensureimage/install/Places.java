// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import ensureimage.engine.ClientConfig;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the installed form lies.
 *
 * @param home the jar, the archives of its classes, and what is remembered of the installation
 * @param commands the launchers that a user starts
 * @param plugins of docker's client
 */
public record Places(Path home, Path commands, Path plugins) {
    static final String PLUGIN = "docker-ensure";
    static final List<String> COMMANDS = List.of("ensure_image", "race_repro", "with_docker");

    /**
     * By the XDG Base Directory Specification, where a relative path does not count; the plugins where docker's client
     * looks first (docker/cli {@code cli-plugins/manager}).
     *
     * @param commands chosen by the user; else {@code ~/.local/bin}
     * @throws NotInstalled if the environment names no home
     */
    public static Places find(Map<String, String> environment, Optional<Path> commands) throws NotInstalled {
        Path user = absolute(environment.get("HOME"))
                .orElseThrow(() -> new NotInstalled(NotInstalled.Kind.NO_HOME, Path.of(""), ""));
        return new Places(
                absolute(environment.get("XDG_DATA_HOME")).orElse(user.resolve(".local/share")).resolve("ensure_image"),
                commands.map(Path::toAbsolutePath).orElse(user.resolve(".local/bin")).normalize(),
                ClientConfig.folder(environment).orElse(user.resolve(".docker")).toAbsolutePath()
                        .resolve("cli-plugins"));
    }

    private static Optional<Path> absolute(String path) {
        try {
            return Optional.ofNullable(path).map(Path::of).filter(Path::isAbsolute);
        } catch (InvalidPathException e) { // characters that the locale's encoding does not have
            return Optional.empty();
        }
    }

    Path jar() {
        return jar(home);
    }

    static Path jar(Path home) {
        return home.resolve("ensure_image.jar");
    }

    /** What there is for each Java. */
    Path archives() {
        return archives(home);
    }

    static Path archives(Path home) {
        return home.resolve("java");
    }

    /** All launchers: each is the same text. */
    List<Path> launchers() {
        return List.of(commands.resolve(COMMANDS.get(0)), commands.resolve(COMMANDS.get(1)),
                commands.resolve(COMMANDS.get(2)), plugin());
    }

    /** The launcher that docker finds. */
    public Path plugin() {
        return plugins.resolve(PLUGIN);
    }
}
