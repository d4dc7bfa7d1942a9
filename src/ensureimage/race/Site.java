// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.EnsureImage;
import ensureimage.Ensured;
import ensureimage.Limits;
import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where a builder works.
 *
 * @param command docker's client
 * @param docker the same, to be asked
 * @param folder of this round, which all its builders share
 */
record Site(String command, Docker docker, Path folder) {
    /** For anything that one builder does. */
    static final Duration LIMIT = Limits.ordinary().perImage();

    /** @param environment of the client, whole */
    static Site open(String command, Map<String, String> environment, Path folder) {
        return new Site(command, new Docker(command, environment, () -> {
            throw new IOException("all builds here are of a tag"); // and such a one needs no scratch space
        }), folder);
    }

    static Deadline deadline() {
        return new Deadline(LIMIT);
    }

    /**
     * As a caller of the library does it; but its cache is in the round's folder, so that the user's stays as it is.
     */
    Ensured ensure(Recipe recipe, boolean singleFlight, Listener listener) throws NotEnsured, InterruptedException {
        Map<String, String> environment = new TreeMap<>(docker.environment());
        environment.put("XDG_CACHE_HOME", folder.resolve("cache").toString());
        EnsureImage ensure = EnsureImage.using(command, environment).with(listener);
        return (singleFlight ? ensure.withSingleFlight(LIMIT) : ensure).ensure(recipe);
    }
}
