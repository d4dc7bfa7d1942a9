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

/**
 * A program of the Debian release that an engine is from, unpacked once into the user's cache.
 *
 * @param root of the release's files
 * @param path of the program in it
 */
public record DebianProgram(Path root, String path) {
    private static final Duration LIMIT = Duration.ofMinutes(15);

    /**
     * Unpacks it if it is not there yet.
     *
     * @param version of the engine
     * @param name    of the folder in the cache
     * @param pack    that has the program
     */
    public static DebianProgram of(String version, String name, String pack, String path,
            ThrowawayEngine.Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        DebianRelease release = DebianRelease.find(version);
        Path all = Files.createDirectories(Harness.machine().cache().orElseThrow().resolve("benchmarks"));
        Path home = all.resolve(name + "-" + release.suite());
        if (!Files.exists(home)) {
            Harness.machine().require("mmdebstrap", progress);
            progress.step("unpacking " + pack + " (Debian " + release.suite() + "), once");
            unpack(release, pack, Files.createTempDirectory(all, "unpacking-"), home);
        }
        return new DebianProgram(home, path);
    }

    private static void unpack(DebianRelease release, String pack, Path aside, Path home)
            throws EngineUnavailable, IOException, InterruptedException {
        Harness.machine().run(
                List.of("mmdebstrap", "--mode=root", "--variant=extract", "--include=" + pack,
                        "--aptopt=APT::Install-Recommends \"false\"",
                        "--aptopt=Acquire::Check-Valid-Until \"false\"", release.suite(), aside.toString()),
                Map.of("TMPDIR", "/tmp", "LC_ALL", "C.UTF-8"), LIMIT, line -> {});
        try {
            Files.move(aside, home, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileAlreadyExistsException | DirectoryNotEmptyException e) {
            Harness.delete(aside); // another process was faster
        }
    }

    /** Makes a program of its own of it, which runs with the libraries that it was built for. */
    public void install(Path program) throws IOException {
        String line = DebianRoot.program(root, path).stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" "));
        Harness.program(program, "exec " + line + " \"$@\"\n");
    }
}
