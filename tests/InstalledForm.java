// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The installed form of this run's classes, as `--install` makes it. All tests share one; a test that changes it makes its own. */
public final class InstalledForm {
    /** What the scripts depend on, of all that is on the class path of the tests. */
    private static final String DEPENDENCIES =
            "(?:picocli|slf4j-api|slf4j-nop|zt-exec|jackson-core|re2j)-[\\d.]+\\.jar";
    private static final String OF_SCRIPTS = "(?:ensure_image|race_repro|with_docker)(?:\\$.*)?\\.class";
    private static final int SMALL = 10_000;
    private static final String OF_TESTS = "ensureimage/testing";

    /** The HOME that it is installed in. */
    public final Path home;

    private InstalledForm(Path home) {
        this.home = home;
    }

    /** Of this run, on the Java of this run. */
    public static InstalledForm shared() {
        return Shared.FORM;
    }

    private static final class Shared {
        static final InstalledForm FORM = new InstalledForm(Harness.newFolder());
        static {
            installing(FORM.home).run().succeeded();
        }
    }

    /** One that is there already. */
    public static InstalledForm of(Path home) {
        return new InstalledForm(home);
    }

    /** One of its own for a test: the shared one, in another place. Its archives do not fit there, and are ignored. */
    public static InstalledForm copyIn(Path home) {
        InstalledForm shared = shared();
        for (String name : files(shared.home)) {
            Path file = shared.home.resolve(name);
            Path copy = home.resolve(name);
            try {
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
                if (Files.size(copy) < SMALL && read(copy).contains(shared.home.toString())) {
                    FileTime time = Files.getLastModifiedTime(file);
                    Files.writeString(copy, read(file).replace(shared.home.toString(), home.toString()));
                    Files.setLastModifiedTime(copy, time);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return of(home);
    }

    // ---- Installing

    /** The command that installs this run's classes into a HOME, with what else it is told. */
    public static Harness.Command installing(Path home, String... arguments) {
        return at(home, Harness.command(Stream.concat(
                Stream.of(java(), "-cp", ClassPath.TEXT, "ensure_image", "--install"), Arrays.stream(arguments))
                .toArray(String[]::new)));
    }

    /** The jar that it runs. */
    public Path jar() {
        return home.resolve(".local/share/ensure_image/ensure_image.jar");
    }

    /** As a user with this HOME, and nothing else of the tester's own. */
    public static Harness.Command at(Path home, Harness.Command command) {
        return command.env("HOME", home).env("JAVA_HOME", System.getProperty("java.home"))
                .without("XDG_DATA_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT",
                        "JBANG_DIR",
                        "JBANGW_SCRIPT", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS");
    }

    /** The java of this run. */
    public static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private static final class ClassPath {
        static final String TEXT = make();

        private static String make() {
            Path classes = Harness.newFolder();
            List<String> all = new ArrayList<>(List.of(classes.toString()));
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                Path path = Path.of(entry);
                if (Files.isRegularFile(path) && path.getFileName().toString().matches(DEPENDENCIES)) {
                    all.add(entry);
                } else if (Files.isDirectory(path)) {
                    copy(path, classes);
                } else if (Files.isRegularFile(path)) {
                    try (FileSystem jar = FileSystems.newFileSystem(path)) {
                        copy(jar.getPath("/"), classes);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            }
            Harness.write(classes.resolve("race-demo/Dockerfile"),
                    read(Harness.projectFile("images/race-demo/Dockerfile"))); // as //FILES of race_repro
            return String.join(File.pathSeparator, all);
        }

        private static void copy(Path from, Path to) {
            if (!Files.exists(from.resolve("ensure_image.class"))) {
                return;
            }
            try (Stream<Path> files = Files.walk(from)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    String name = from.relativize(file).toString();
                    if (name.matches(OF_SCRIPTS) || name.startsWith("ensureimage/") && !name.startsWith(OF_TESTS)) {
                        Path copy = to.resolve(name);
                        Files.createDirectories(copy.getParent());
                        Files.write(copy, Files.readAllBytes(file));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    // ---- Using it

    /** One of its launchers, as this HOME's user starts it. */
    public Harness.Command command(String name, String... arguments) {
        return at(home, Harness.command(Stream.concat(Stream.of(launcher(name).toString()), Arrays.stream(arguments))
                .toArray(String[]::new)));
    }

    /** A launcher's file. */
    public Path launcher(String name) {
        return home.resolve(".local/bin").resolve(name);
    }

    /** The plugin's file. */
    public Path plugin() {
        return home.resolve(".docker/cli-plugins/docker-ensure");
    }

    /** The folder of what there is for each Java. */
    public Path archives() {
        return home.resolve(".local/share/ensure_image/java");
    }

    /** What there is for a Java: the lines of the launcher's note; none if there is no note. */
    public List<String> note(Path java) {
        Path note = archives().resolve(java.toString().replace('/', '_'));
        return Files.exists(note) ? read(note).lines().toList() : List.of();
    }

    /** All files below a folder, from there. */
    public static List<String> files(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> !Files.isDirectory(file)).map(file -> folder.relativize(file).toString())
                    .sorted()
                    .collect(Collectors.toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
