// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;

/** What the tests need of the machine, they bring along: from Debian's packages. */
public final class Programs {

    private static final Duration LIMIT = Duration.ofMinutes(20);
    private static final int ATTEMPTS = 3;

    private Programs() {
    }

    /** Installs these packages if a program is not on PATH. */
    public static void require(String program, String... packages) {
        boolean there = Arrays.stream(System.getenv("PATH").split(":")).map(folder -> Path.of(folder, program))
                .anyMatch(Files::isExecutable);
        if (!there) {
            install(packages);
        }
    }

    /** Installs them; fails if they cannot be had. */
    public static synchronized void install(String... packages) {
        Harness.Command install = Harness.command(Stream.concat(Stream.of("apt-get", "install", "--yes",
                "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"), Arrays.stream(packages))
                .toArray(String[]::new)).env("DEBIAN_FRONTEND", "noninteractive").timeout(LIMIT);
        // The lists may be old or missing; and for some of the locks of another apt this one does not wait.
        for (int attempt = 1; attempt < ATTEMPTS && install.run().status() != 0; attempt++) {
            Harness.command("apt-get", "update").timeout(LIMIT).run();
        }
        install.run().succeeded();
    }
}
