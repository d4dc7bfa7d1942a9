// SPDX-License-Identifier: Apache-2.0
//SOURCES InstalledForm.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code docker ensure}, by the real client on the real engine. */
class DockerPluginTest {
    private static final String NOWHERE = "unix:///nowhere/docker.sock";
    private final Workbench bench = Workbench.ofToday();
    private final Path config = Harness.newFolder();

    /** A configuration of the user's own, with docker's other plugins and this one. */
    @BeforeEach
    void configure() throws IOException {
        Path plugins = Files.createDirectories(config.resolve("cli-plugins"));
        try (DirectoryStream<Path> own = Files
                .newDirectoryStream(Path.of(bench.environment().get("DOCKER_CONFIG"), "cli-plugins"),
                        "docker-buildx")) {
            for (Path each : own) {
                Files.createSymbolicLink(plugins.resolve(each.getFileName()), each);
            }
        }
        Files.createSymbolicLink(plugins.resolve("docker-ensure"), InstalledForm.shared().plugin());
    }

    private Harness.Command docker(String... arguments) {
        String[] line = Stream.concat(Stream.of(bench.client()), Stream.of(arguments)).toArray(String[]::new);
        return bench.command(line).env("JAVA_HOME", System.getProperty("java.home")).env("DOCKER_CONFIG", config);
    }

    private String address() {
        return bench.environment().get("DOCKER_HOST");
    }

    private String image(String name) {
        bench.write("images/" + name + "/Dockerfile", "FROM busybox\nRUN echo " + name + " > /name\n");
        return name;
    }

    @Test
    void itIsACommandOfDocker() {
        String image = image("plugin");
        Harness.Result built = docker("ensure", image).run().succeeded();
        assertTrue(built.out().startsWith("built  ") && built.err().startsWith("plugin:latest: building from "),
                built.toString());
        Harness.Result id = docker("ensure", "-q", image).run().succeeded();
        assertTrue(id.out().matches("sha256:[0-9a-f]{64}\n") && id.err().isEmpty(), id.toString());
        assertEquals("ensure_image " + Version.TEXT + " (docker plugin)\n",
                docker("ensure", "--version").run().succeeded().out());
        assertTrue(docker("--help").run().succeeded().out()
                .matches("(?s).*\n  ensure\\* +Build an image if it is missing or stale, also many at once\n.*"));
        for (List<String> asked : List.of(List.of("ensure", "--help"), List.of("help", "ensure"))) {
            String help = docker(asked.toArray(String[]::new)).run().succeeded().out();
            assertTrue(help.startsWith("Usage: docker ensure [OPTIONS] REF[=DIR]..."), help);
            assertTrue(help.contains("\n  docker ensure --all   "), help);
            assertFalse(help.contains("(@") || help.contains("ensure_image app"), help);
        }
        Harness.Result mistake = docker("ensure", "no-such", "--format").run().expect(2);
        assertTrue(mistake.err().endsWith("\nSee: docker ensure --help\n"), mistake.toString());
        docker("ensure", "--check", image("plugin-missing")).run().expect(11);
    }

    @Test
    void optionsBeforeTheWordLeadToTheEngine() {
        docker("context", "create", "there", "--docker", "host=" + address()).run().succeeded();
        int count = 0;
        for (List<String> options : List.of(List.of("--context", "there"), List.of("-H", address()),
                List.of("-Dc", "there"), List.of("--config", config.toString(), "--host=" + address()))) {
            String image = image("led-" + count++); // is built by a process of docker, and looked up
            String[] line = Stream.concat(options.stream(), Stream.of("ensure", "-q", image)).toArray(String[]::new);
            Harness.Result led = docker(line).env("DOCKER_HOST", NOWHERE).run().succeeded();
            assertEquals(id(image), led.out(), led.toString());
            assertEquals(id(image), docker(line).env("DOCKER_HOST", NOWHERE).run().succeeded().out());
        }
        Harness.Result control = docker("ensure", "led-0").env("DOCKER_HOST", NOWHERE).run().expect(69);
        assertTrue(control.err().contains("no answer at /nowhere/docker.sock"), control.toString());
        docker("context", "create", "nowhere", "--docker", "host=" + NOWHERE).run().succeeded();
        docker("--context", "nowhere", "ensure", "led-0").run().expect(69);
    }

    private String id(String image) {
        return docker("image", "inspect", "--format", "{{.Id}}", image).run().succeeded().out();
    }

    /** Buildx prints where in its sources it failed, after why; so what is last is not what it failed for. */
    @ParameterizedTest
    @ValueSource(strings = {"-D ensure", "ensure"})
    void aWishForDebugOutputDoesNotHideWhyABuildFailed(String words) {
        bench.write("images/fails/Dockerfile", "FROM busybox\nRUN exit 7\n");
        String[] line = Stream.concat(Stream.of(words.split(" ")), Stream.of("fails")).toArray(String[]::new);
        Harness.Result result = docker(line).env("DEBUG", "1").run().expect(10);
        assertTrue(
                result.err()
                        .contains("did not complete successfully: exit code: 7\nensure_image: build failed: fails:"),
                result.toString());
        Harness.Result control =
                docker("build", bench.folder.resolve("images/fails").toString()).env("DEBUG", "1").run();
        assertTrue(control.err().contains("github.com/docker/buildx"), "control: " + control);
    }

    @Test
    void dockersOwnCompletionKnowsIt() {
        image("complete-me");
        image("complete-other");
        assertEquals("complete-me\n:4\n", docker("__complete", "ensure", "complete-m").run().succeeded().out());
        assertEquals("complete-other\n:4\n",
                docker("__complete", "ensure", "-q", "complete-me", "complete-o").run().succeeded().out());
        assertEquals("--target\n--timeout\n:4\n", docker("__complete", "ensure", "--t").run().succeeded().out());
        assertEquals("json\ntext\n:4\n", docker("__complete", "ensure", "--format", "").run().succeeded().out());
        assertEquals(":0\n", docker("__complete", "ensure", "--file", "").run().succeeded().out());
        assertEquals(":0\n", docker("__complete", "ensure", "complete-me=").run().succeeded().out());
        assertTrue(docker("__complete", "ens").run().succeeded().out().startsWith("ensure\t"));
    }

    /** Docker keeps the signal to itself, and closes a socket. */
    @Test
    void aDockerThatIsToldToEndEndsTheBuild() {
        bench.write("images/endless/Dockerfile", "FROM busybox\nRUN echo begun && sleep 31536000\n");
        try (Harness.Running ensure = docker("ensure", "-v", "endless").start()) {
            Harness.eventually("it builds", Harness.SOON, () -> ensure.err().contains(" begun\n"));
            ensure.signal("TERM");
            assertEquals(130, ensure.await().status());
        }
    }
}
