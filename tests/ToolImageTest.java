// SPDX-License-Identifier: Apache-2.0
//SOURCES InstalledForm.java
//SOURCES Checkout.java
//SOURCES ReleaseFiles.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code release/image}: built by the program on a Debian made here, and used as its Dockerfile says. */
class ToolImageTest {
    private static final String IMAGE = "ensure-image";
    private static final String FOLDER = "release/image";
    private static final String BASE = "tool-test-base";
    private static final String DOCKER = "tool-test-docker";
    private static final int AT_ONCE = 4;

    private static ThrowawayEngine engine;
    private static Workbench bench;

    private final String id = UUID.randomUUID().toString().substring(0, 8);

    @BeforeAll
    static void build() throws IOException {
        engine = Harness.engine("28.5", EngineSpec.Store.CONTAINERD);
        // A folder that the engine sees under the same name.
        bench = new Workbench(engine, "1", Harness.newFolder(Harness.machine().cache().orElseThrow()));
        bench.docker("import", ImagesTest.debian("openjdk-21-jre-headless", "docker-cli", "docker-buildx").toString(),
                BASE).succeeded();
        Files.copy(Harness.projectFile(FOLDER + "/Dockerfile"),
                Files.createDirectories(bench.folder.resolve(FOLDER)).resolve("Dockerfile"));
        buildClient();
    }

    /** As docker:cli has it: the client and its plugin, of Debian. */
    private static void buildClient() {
        bench.write("docker/Dockerfile", "FROM " + BASE + "\nRUN mkdir -p /usr/local/libexec/docker"
                + " && cp -r /usr/libexec/docker/cli-plugins /usr/local/libexec/docker && cp /usr/bin/docker /usr/local/bin"
                + "\n");
        bench.docker("build", "--tag", DOCKER, "docker").succeeded();
    }

    private static Harness.Result ensureTool() {
        return bench.ensure(IMAGE + "=" + FOLDER, "--build-arg", "BASE=" + BASE, "--build-arg", "DOCKER=" + DOCKER);
    }

    /** The line of the page, in a project of the user's. */
    private static Harness.Command tool(Path project, String image) {
        return bench.command(bench.client(), "run", "--rm", "-v", "/run/" + socket() + ":/var/run/docker.sock", "-v",
                project + ":" + project, "-w", project.toString(), IMAGE, image).in(project);
    }

    /** The engine's socket, as the engine itself sees it. */
    private static String socket() {
        return engine.environment().get("DOCKER_HOST").replaceFirst(".*/run/", "");
    }

    @Test
    void whoeverHasOnlyDockerEnsuresAnImageByOneLine() throws IOException {
        Path jar = bench.folder.resolve(FOLDER + "/ensure_image.jar");
        Files.deleteIfExists(jar);
        Harness.Result without = ensureTool().expect(10);
        assertTrue(without.err().contains("There is no ensure_image.jar in this folder. First, in a clone: "
                + "./jbangw ensure_image.java --install && cp "), without.toString());
        Files.copy(InstalledForm.shared().jar(), jar);
        assertTrue(ensureTool().succeeded().out().startsWith("built "), "the tool itself");
        assertTrue(ensureTool().succeeded().out().startsWith("present "), "the tool itself");

        String app = "tool-" + id + ":1";
        Path project = Files.createDirectory(bench.folder.resolve("project"));
        Path folder = project.resolve("images/" + app.replace(':', '/'));
        Harness.write(folder.resolve("Dockerfile"), "FROM busybox\nCOPY file /\n");
        Harness.write(folder.resolve("file"), "one\n");
        assertEquals(List.of("built " + app), outcomes(Stream.of(tool(project, app).run())));
        assertEquals(List.of("present " + app), outcomes(Stream.of(tool(project, app).run())));
        Harness.write(folder.resolve("file"), "two\n");
        assertEquals(List.of("rebuilt " + app), outcomes(Stream.of(tool(project, app).run())));
        assertEquals("two", bench.cat(app, "/file"));

        bench.docker("image", "rm", app).succeeded();
        List<Harness.Result> together = Harness.together(AT_ONCE, i -> tool(project, app));
        assertEquals(AT_ONCE, outcomes(together.stream()).size());
        assertEquals("two", bench.cat(app, "/file"));
    }

    /** With what is here in the place of the vendors' images. */
    @Test
    void theReleaseBuildsIt() throws IOException {
        bench.docker("tag", BASE, "eclipse-temurin:25-jre").succeeded();
        bench.docker("tag", DOCKER, "docker:28-cli").succeeded();
        Harness.Result result = ReleaseFiles.shared().step("Build the tool image").env(bench.environment())
                .env("PATH", Path.of(bench.client()).getParent() + ":" + System.getenv("PATH")).run().succeeded();
        String image = "ghcr.io/" + ReleaseFiles.REPOSITORY + ":" + Version.TEXT;
        assertTrue(result.out().matches("built +" + image + " .*\\n"),
                result.toString());
        Harness.Result runs = bench.docker("run", "--rm", image, "--version").succeeded();
        assertEquals("ensure_image " + Version.TEXT + " (installed)\n", runs.out());
    }

    private static List<String> outcomes(Stream<Harness.Result> results) {
        return results.map(result -> result.succeeded().out().replaceFirst("(?s)^(\\S+)\\s+(\\S+).*", "$1 $2"))
                .collect(Collectors.toList());
    }
}
