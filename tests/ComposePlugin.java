// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import ensureimage.throwaway.DebianRelease;
import ensureimage.throwaway.DebianRoot;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Docker Compose from the Debian release that an engine is from, unpacked once into the user's cache. */
public record ComposePlugin(Path root) {
    private static final String PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose";
    private static final Duration LIMIT = Duration.ofMinutes(15);

    /** @param version of the engine */
    public static ComposePlugin of(String version, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        DebianRelease release = DebianRelease.find(version);
        Path all = Files.createDirectories(Harness.machine().cache().orElseThrow().resolve("benchmarks"));
        Path home = all.resolve("compose-" + release.suite());
        if (!Files.exists(home)) {
            Harness.machine().require("mmdebstrap", progress);
            progress.step("unpacking Docker Compose (Debian " + release.suite() + "), once");
            unpack(release, Files.createTempDirectory(all, "unpacking-"), home);
        }
        return new ComposePlugin(home);
    }

    private static void unpack(DebianRelease release, Path aside, Path home)
            throws EngineUnavailable, IOException, InterruptedException {
        Harness.machine().run(
                List.of("mmdebstrap", "--mode=root", "--variant=extract", "--include=docker-compose",
                        "--aptopt=APT::Install-Recommends \"false\"",
                        "--aptopt=Acquire::Check-Valid-Until \"false\"", release.suite(), aside.toString()),
                Map.of("TMPDIR", "/tmp", "LC_ALL", "C.UTF-8"), LIMIT, line -> {});
        try {
            Files.move(aside, home, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileAlreadyExistsException | DirectoryNotEmptyException e) {
            Harness.delete(aside); // another process was faster
        }
    }

    /** As a program of its own, with the libraries that it was built for. */
    public void install(Path plugins) throws IOException {
        String line = DebianRoot.program(root, PLUGIN).stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" "));
        Harness.program(plugins.resolve("docker-compose"), "exec " + line + " \"$@\"\n");
    }
}
