// SPDX-License-Identifier: Apache-2.0
//SOURCES DebianProgram.java

package ensureimage.testing;

import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Path;

/** Docker Compose from the Debian release that an engine is from. */
public record ComposePlugin(DebianProgram program) {
    private static final String PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose";

    /** @param version of the engine */
    public static ComposePlugin of(String version, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        return new ComposePlugin(DebianProgram.of(version, "compose", "docker-compose", PLUGIN, progress));
    }

    /** As a program of its own. */
    public void install(Path plugins) throws IOException {
        program.install(plugins.resolve("docker-compose"));
    }
}
