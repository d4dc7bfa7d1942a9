// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * The base image as {@code docker load} reads it. With {@code docker import} every engine would have another busybox, with
 * the time in it; so two engines of the same packages have the same one, as machines that pull it have.
 */
final class BusyboxArchive {

    /** As Docker's image specification 1.2 has it, which all versions load. */
    private static final String CONFIG = """
            {"architecture": "%s", "os": "linux", "created": "1970-01-01T00:00:00Z", "config": {"Cmd": ["sh"],\
             "Env": ["PATH=%s"]}, "rootfs": {"type": "layers", "diff_ids": ["sha256:%s"]},\
             "history": [{"created": "1970-01-01T00:00:00Z"}]}
            """;

    private BusyboxArchive() {
    }

    /**
     * Makes the archive.
     *
     * @param layer   the tar of its files
     * @param folder  a new one, for the archive and what it is made of
     * @param machine whose architecture the image is for
     */
    static Path make(Path layer, Path folder, Machine machine)
            throws EngineUnavailable, IOException, InterruptedException {
        Files.createDirectories(folder.resolve("layer"));
        Files.copy(layer, folder.resolve("layer/layer.tar"));
        var config = CONFIG.formatted(goArchitecture(machine.architecture()), Machine.SYSTEM_PATH, digest(layer));
        Files.writeString(folder.resolve("config.json"), config);
        Files.writeString(folder.resolve("manifest.json"), """
                [{"Config": "config.json", "RepoTags": ["busybox:latest"], "Layers": ["layer/layer.tar"]}]
                """);
        var archive = folder.resolve("busybox.tar");
        machine.run(List.of("tar", "-C", folder.toString(), "-cf", archive.toString(), "manifest.json", "config.json",
                "layer"));
        return archive;
    }

    /** Java's name of an architecture as Go and Docker have it. */
    private static String goArchitecture(String java) {
        return java.equals("aarch64") ? "arm64" : java;
    }

    private static String digest(Path file) throws IOException {
        try (var in = new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
            in.transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(in.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }
}
