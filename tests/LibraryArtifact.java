// SPDX-License-Identifier: Apache-2.0
//SOURCES Checkout.java

package ensureimage.testing;

import ensureimage.Version;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * The library as Maven makes it of this checkout, in a local repository of this run's own. All else in there is the
 * machine's: what one run has fetched, the next one has.
 */
public final class LibraryArtifact {
    /** Where it lies in a repository. */
    private static final List<String> GROUP = List.of("io", "github", "ensure-image");
    private static final String NAME = "ensure-image";
    private static final Duration LIMIT = Duration.ofMinutes(20);

    /** The local repository. */
    public final Path repository;

    private LibraryArtifact(Path repository) {
        this.repository = repository;
    }

    /** Of this run; the first test that wants it installs it. */
    public static LibraryArtifact shared() {
        return Shared.ARTIFACT;
    }

    private static final class Shared {
        static final LibraryArtifact ARTIFACT = new LibraryArtifact(newRepository());
        static {
            try {
                ARTIFACT.maven(Checkout.copy(), "install").run().succeeded(); // Maven leaves files in its folder
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Its file. @param kind such as {@code -sources.jar} */
    public Path file(String kind) {
        return repository.resolve(String.join("/", GROUP)).resolve(NAME).resolve(Version.TEXT)
                .resolve(name(kind));
    }

    /** The file's name alone. */
    public static String name(String kind) {
        return NAME + "-" + Version.TEXT + kind;
    }

    /** Maven in a project's folder, with this repository. */
    public Harness.Command maven(Path folder, String... arguments) {
        Programs.require("mvn", "maven");
        return Harness.command(Stream.concat(
                Stream.of("mvn", "-B", "-ntp", "-Dstyle.color=never", "-Dmaven.repo.local=" + repository),
                Stream.of(arguments)).toArray(String[]::new)).in(folder).timeout(LIMIT)
                .env("JAVA_HOME", System.getProperty("java.home"));
    }

    /** A folder of links into the machine's repository, but for the one way to the library. */
    private static Path newRepository() {
        Path own = Harness.newFolder();
        Path machines = Path.of(System.getProperty("user.home"), ".m2", "repository");
        try {
            for (String way : GROUP) {
                link(machines, own, way);
                own = Files.createDirectory(own.resolve(way));
                machines = machines.resolve(way);
            }
            return own.getParent().getParent().getParent();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void link(Path from, Path to, String except) throws IOException {
        if (Files.isDirectory(from)) {
            try (Stream<Path> all = Files.list(from)) {
                for (Path each : all.filter(path -> !path.endsWith(except)).toList()) {
                    Files.createSymbolicLink(to.resolve(each.getFileName()), each);
                }
            }
        }
    }
}
