// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What docker's client takes from its configuration, {@code config.json}, without being told.
 *
 * @param values by their JSON Pointers; empty if there is no such file, or none that can be read
 */
public record ClientConfig(Map<String, String> values) {
    /** As docker/cli {@code cli/config/configfile/file.go} has them, by the argument's name. */
    private static final Map<String, String> PROXIES = Map.of("HTTP_PROXY", "httpProxy", "HTTPS_PROXY", "httpsProxy",
            "NO_PROXY", "noProxy", "FTP_PROXY", "ftpProxy", "ALL_PROXY", "allProxy");

    /** Of the client in this environment. */
    static ClientConfig read(Map<String, String> environment) {
        try {
            Optional<Path> folder = folder(environment);
            return new ClientConfig(folder.isPresent()
                    ? HeldImage.values(Files.readString(folder.get().resolve("config.json")))
                    : Map.of());
        } catch (IOException e) {
            return new ClientConfig(Map.of());
        }
    }

    /** Where it is; empty if the environment does not say. */
    public static Optional<Path> folder(Map<String, String> environment) {
        String own = environment.getOrDefault("DOCKER_CONFIG", "");
        String home = environment.getOrDefault("HOME", "");
        try {
            return !own.isEmpty() ? Optional.of(Path.of(own))
                    : home.isEmpty() ? Optional.empty()
                    : Optional.of(Path.of(home, ".docker"));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** The context that {@code docker context use} chose; empty for the default one. */
    Optional<String> currentContext() {
        return Optional.ofNullable(values.get("/currentContext")).filter(name -> !name.isEmpty());
    }

    /** Whether {@code docker build} is {@code docker buildx build}, by {@code docker buildx install}. */
    boolean buildsWithBuildx() {
        return "buildx".equals(values.get("/aliases/builder"));
    }

    /** The name in buildx's file that says which builder is in use; empty if there is none. */
    static String readName(Path file) {
        try {
            return HeldImage.values(Files.readString(file)).getOrDefault("/Name", "");
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * The build arguments that docker adds for the proxies that it is configured with.
     *
     * @param host the engine's address as docker has it; its own proxies go before the default ones
     */
    SortedMap<String, String> proxyArguments(String host) {
        String pointer = "/proxies/" + host.replace("~", "~0").replace("/", "~1") + "/";
        boolean own = values.keySet().stream().anyMatch(name -> name.startsWith(pointer));
        SortedMap<String, String> arguments = new TreeMap<>();
        PROXIES.forEach((name, key) -> {
            String value = values.getOrDefault((own ? pointer : "/proxies/default/") + key, "");
            if (!value.isEmpty()) {
                arguments.put(name, value);
                arguments.put(name.toLowerCase(Locale.ROOT), value);
            }
        });
        return arguments;
    }
}
