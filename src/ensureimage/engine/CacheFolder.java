// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where this project keeps what it can make again: the one place that knows the rule. */
public final class CacheFolder {

    private CacheFolder() {
    }

    /**
     * {@code $XDG_CACHE_HOME/ensure_image}, else {@code $HOME/.cache/ensure_image}. A relative path does not count, says
     * the XDG Base Directory Specification.
     *
     * @return the folder, whether it is there or not; empty if neither variable names one
     */
    public static Optional<Path> find(Map<String, String> environment) {
        return absolute(environment.get("XDG_CACHE_HOME"))
                .or(() -> absolute(environment.get("HOME")).map(home -> home.resolve(".cache")))
                .map(base -> base.resolve("ensure_image"));
    }

    private static Optional<Path> absolute(String path) {
        try {
            return Optional.ofNullable(path).map(Path::of).filter(Path::isAbsolute);
        } catch (InvalidPathException e) { // characters that the locale's encoding does not have
            return Optional.empty();
        }
    }
}
