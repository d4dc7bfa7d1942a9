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
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The library with Testcontainers, as examples/maven has them, by the class path that Maven makes of the artifact's pom: in
 * eight JVMs at once, each of which wants a container of an image that is not there yet.
 */
@TestInstance(PER_CLASS)
class TestcontainersTest {

    private static final String VERSION = "1.21.4";
    private static final int JVMS = 8;
    private static final int MOST_ROUNDS = 10;
    private static final int OUR_ROUNDS = 2;
    private static final String APP = "app-test";
    private static final String MAIN = """
            package example;

            class Main {
                public static void main(String... arguments) throws Exception {
                    new GreetingTest().itGreets();
                }
            }
            """;
    private static final String OURS = "super(DockerImageName.parse(imageId(\"" + APP + "\")));";
    /** What its manual shows for an image of one's own, with a name. */
    private static final String ITS_OWN = "super(new org.testcontainers.images.builder.ImageFromDockerfile(\"" + APP
            + "\").withFileFromPath(\".\", Path.of(\"images/" + APP + "\")));";

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
        Harness.write(project.resolve("src/test/java/example/Main.java"), MAIN);
        LibraryArtifact.shared().maven(project, "-Dtestcontainers.version=" + VERSION, "test-compile",
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                "-Dmdep.includeScope=test", "-Dmdep.outputFile=classpath").run().succeeded();
        String libraries = Files.readString(project.resolve("classpath"));
        assertTrue(libraries.contains("testcontainers-" + VERSION + ".jar"), libraries);
        String ours = project.resolve("target/test-classes") + ":" + libraries;
        String itsOwn = itsOwnWay(project, libraries) + ":" + libraries;

        boolean failed = false;
        for (int round = 0; round < MOST_ROUNDS && !failed; round++) {
            List<Harness.Result> results = inEightJvms(project, itsOwn);
            failed = results.stream().anyMatch(result -> result.status() != 0);
            assertTrue(results.stream().anyMatch(result -> result.status() == 0), "control: it does not fail alone");
        }
        assertTrue(failed, "control: Testcontainers' own way fails in some of the JVMs");

        for (int round = 0; round < OUR_ROUNDS; round++) {
            inEightJvms(project, ours).forEach(Harness.Result::succeeded);
            assertEquals(List.of(APP + ":latest"), docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", APP)
                    .out().lines().toList());
        }
    }

    /** The same classes, but the container builds its image itself. */
    private static Path itsOwnWay(Path project, String libraries) throws IOException {
        Path sources = project.resolve("src/test/java/example");
        String container = Files.readString(sources.resolve("AppContainer.java"));
        assertTrue(container.contains(OURS), container);
        Path other = Harness.newFolder();
        Path changed = Harness.write(other.resolve("AppContainer.java"), container.replace(OURS, ITS_OWN));
        Path classes = other.resolve("classes");
        Harness.command(Path.of(System.getProperty("java.home"), "bin", "javac").toString(), "-nowarn", "-d",
                classes.toString(), "-classpath", libraries, changed.toString(),
                sources.resolve("GreetingTest.java").toString(), sources.resolve("Main.java").toString()).run()
                .succeeded();
        return classes;
    }

    /** Each is a user's own, who has neither the image nor a built step of it. */
    private List<Harness.Result> inEightJvms(Path project, String classPath) {
        docker("image", "rm", "--force", APP);
        docker("builder", "prune", "--all", "--force").succeeded();
        return Harness.together(JVMS, jvm -> Harness
                .command(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC", "-Duser.home=" + project, "-classpath", classPath, "example.Main")
                .in(project).env(environment));
    }

    private Harness.Result docker(String... arguments) {
        return Harness.command(Stream.concat(Stream.of(engine.docker().toString()), Stream.of(arguments))
                .toArray(String[]::new)).env(environment).run();
    }
}
