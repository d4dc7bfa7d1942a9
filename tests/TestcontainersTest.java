// SPDX-License-Identifier: Apache-2.0
//SOURCES LibraryArtifact.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.TestInstance.Lifecycle.PER_CLASS;

import ensureimage.testing.Harness;
import ensureimage.testing.LibraryArtifact;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The library with Testcontainers, as its page shows them, by the class path that Maven makes of the artifact's pom: in
 * eight JVMs at once, each of which wants a container of an image that is not there yet.
 */
@TestInstance(PER_CLASS)
class TestcontainersTest {

    private static final String VERSION = "1.21.4";
    private static final int JVMS = 8;
    private static final int MOST_ROUNDS = 10;
    private static final int OUR_ROUNDS = 2;
    private static final String APP = "app-test:1";
    private static final Path PAGE = Harness.projectFile("docs/library.md");
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```java\\n(.*?)^```$");
    private static final String OURS = "EnsureImage.usingDocker().ensure(recipe).id()";
    /** What its manual shows for an image of one's own, with a name. */
    private static final String ITS_OWN = "new org.testcontainers.images.builder.ImageFromDockerfile(\"" + APP
            + "\").withFileFromPath(\".\", recipe.context()).get()";
    private static final String CLASS = """
            package example;

            import static org.junit.jupiter.api.Assertions.assertEquals;

            import ensureimage.*;
            import ensureimage.recipe.*;
            import java.nio.file.Path;
            import java.time.Duration;
            import java.util.*;
            import org.junit.jupiter.api.Test;
            import org.testcontainers.containers.GenericContainer;
            import org.testcontainers.utility.DockerImageName;

            class Documented {
                public static void main(String... arguments) throws Exception {
                    new Documented().itGreets();
                }

            """;

    /** Its own: Testcontainers prunes images when a JVM ends. */
    private ThrowawayEngine engine;
    private final Map<String, String> environment = new TreeMap<>();

    @BeforeAll
    void startEngine() throws EngineUnavailable, InterruptedException {
        engine = Harness.ownEngine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD));
        environment.putAll(engine.environment());
        environment.put("XDG_CACHE_HOME", Harness.newFolder().toString());
        // Both want images of a registry, which tests here do not need.
        environment.put("TESTCONTAINERS_RYUK_DISABLED", "true");
        environment.put("TESTCONTAINERS_CHECKS_DISABLE", "true");
    }

    @AfterAll
    void closeEngine() {
        if (engine != null) {
            engine.close();
        }
    }

    @Test
    void eightJvmsAllGetTheirContainerWhereTestcontainersOwnWayFails() throws IOException {
        Path project = Harness.newFolder();
        Harness.command("cp", "-R", Harness.projectFile("examples/maven") + "/.", project.toString()).run()
                .succeeded();
        LibraryArtifact.shared().maven(project, "-Dtestcontainers.version=" + VERSION,
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                "-Dmdep.includeScope=test", "-Dmdep.outputFile=classpath").run().succeeded();
        String libraries = Files.readString(project.resolve("classpath"));
        assertTrue(libraries.contains("testcontainers-" + VERSION + ".jar"), libraries);
        String page = documented();
        assertTrue(page.contains(OURS), page);
        String ours = compiled(page, libraries) + ":" + libraries;
        String itsOwn = compiled(page.replace(OURS, ITS_OWN), libraries) + ":" + libraries;

        boolean failed = false;
        for (int round = 0; round < MOST_ROUNDS && !failed; round++) {
            List<Harness.Result> results = inEightJvms(project, itsOwn);
            failed = results.stream().anyMatch(result -> result.status() != 0);
            assertTrue(results.stream().anyMatch(result -> result.status() == 0), "control: it does not fail alone");
        }
        assertTrue(failed, "control: Testcontainers' own way fails in some of the JVMs");

        for (int round = 0; round < OUR_ROUNDS; round++) {
            inEightJvms(project, ours).forEach(Harness.Result::succeeded);
            assertEquals(List.of(APP), docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", APP)
                    .out().lines().toList());
        }
    }

    /** A class of all that the page shows: a method, or what stands in one. */
    private static String documented() throws IOException {
        StringBuilder source = new StringBuilder(CLASS);
        int methods = 0;
        for (MatchResult block : BLOCK.matcher(Files.readString(PAGE)).results().toList()) {
            String shown = block.group(1);
            source.append(shown.startsWith("@Test") ? shown
                    : "void shown%d() throws Exception {\n%s}\n"
                            .formatted(methods++, shown));
        }
        assertTrue(methods > 1, "control: there are more");
        return source.append("}\n").toString();
    }

    /** The folder of its classes. */
    private static Path compiled(String source, String libraries) {
        Path folder = Harness.newFolder();
        Path file = Harness.write(folder.resolve("Documented.java"), source);
        Harness.command(Path.of(System.getProperty("java.home"), "bin", "javac").toString(), "-nowarn", "-d",
                folder.resolve("classes").toString(), "-classpath", libraries, file.toString()).run().succeeded();
        return folder.resolve("classes");
    }

    /** Each as on the machine of a user who has neither the image nor any built step of it. */
    private List<Harness.Result> inEightJvms(Path project, String classPath) {
        docker("image", "rm", "--force", APP);
        docker("builder", "prune", "--all", "--force").succeeded();
        return Harness.together(JVMS, jvm -> Harness
                .command(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC", "-Duser.home=" + project, "-classpath", classPath, "example.Documented")
                .in(project).env(environment));
    }

    private Harness.Result docker(String... arguments) {
        return Harness.command(Stream.concat(Stream.of(engine.docker().toString()), Stream.of(arguments))
                .toArray(String[]::new)).env(environment).run();
    }
}
