// SPDX-License-Identifier: Apache-2.0
//SOURCES DebianProgram.java

package ensureimage.testing;

import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The real cosign of a Debian release: version 2.5 of trixie, version 3 of forky. */
public final class Signer {
    /** Of all private keys. */
    public static final String PASSWORD = "open sesame";
    private final Path folder = Harness.newFolder();

    /** @param version of the engine that is from the same release */
    public Signer(String version) {
        try {
            DebianProgram.of(version, "cosign", "cosign", "usr/bin/cosign", ThrowawayEngine.Progress.NONE)
                    .install(folder.resolve("cosign"));
        } catch (EngineUnavailable | IOException | InterruptedException e) {
            throw new AssertionError("no cosign", e);
        }
    }

    /** The same command with cosign first on PATH, and the password of the keys. */
    public Harness.Command before(Harness.Command command, Workbench machine) {
        return command.env("PATH", folder + ":" + machine.environment().get("PATH")).env("COSIGN_PASSWORD", PASSWORD);
    }

    /** A new pair of keys, {@code cosign.pub} and {@code cosign.key}, in a folder of its own. Returns the public one. */
    public Path makeKeys() {
        Path keys = Harness.newFolder();
        Harness.command(folder.resolve("cosign").toString(), "generate-key-pair").in(keys)
                .env("COSIGN_PASSWORD", PASSWORD).run().succeeded();
        return keys.resolve("cosign.pub");
    }

    /** The same public key where there is no private one. */
    public static Path without(Path privateKey) throws IOException {
        return Files.copy(privateKey, Harness.newFolder().resolve("cosign.pub"));
    }

    /** Whether cosign says so. */
    public boolean verifies(String image, Path key) {
        List<String> line = Stream.of(folder.resolve("cosign").toString(), "verify", "--key", key.toString(),
                "--insecure-ignore-tlog", image).toList();
        return Harness.command(line.toArray(String[]::new)).run().status() == 0;
    }
}
