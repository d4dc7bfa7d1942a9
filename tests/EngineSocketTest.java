// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineSocket;
import ensureimage.engine.HeldImage;
import ensureimage.engine.KnownLine;
import ensureimage.engine.ScratchSpace;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine's socket says what docker says, or nothing; on real engines, but for answers that a real one does not give. */
class EngineSocketTest {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final String HEAD = "HTTP/1.0 200 OK\r\nServer: Docker/28.5.2 (linux)\r\n\r\n";
    private static final String IMAGE = "{\"Id\": \"sha256:0\", \"Config\": {\"User\": \"\"}}";

    private static final ScratchSpace NO_SCRATCH = () -> {
        throw new IOException("nothing is built here");
    };

    private final String app = "socket-" + UUID.randomUUID().toString().substring(0, 8);
    private final Path folder = Harness.newFolder();
    private ServerSocketChannel server;

    // ---- The same as docker says

    @ParameterizedTest
    @CsvSource({"20.10, classic", "26.1, classic", "26.1, containerd", "28.5, classic", "28.5, containerd"})
    void whatItTellsOfAnImageIsWhatDockerTells(String version, String store) throws Exception {
        Workbench bench = bench(version, store);
        bench.write("plain/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        bench.write("trigger/Dockerfile", "FROM scratch\nCOPY Dockerfile /\nONBUILD COPY . /\n");
        List<String> names = List.of(app + ":plain", app + ":trigger", app + ":odd", app + ":missing", "busybox:latest",
                "registry.example:5000/" + app + ":missing");
        bench.ensure(app + ":plain=plain", app + ":trigger=trigger").succeeded();
        bench.docker("build", "--quiet", "--label", Docker.LABEL + "=}\u00e4' v1: {", "--tag", app + ":odd", "plain")
                .succeeded();

        Map<String, HeldImage> told = socket(bench).images(names, LIMIT).orElseThrow();

        assertEquals(command(bench).lookUp(names, deadline()), told);
        assertEquals(4, told.size(), told.toString());
        assertTrue(told.get(app + ":trigger").triggers(), told.toString());
        assertFalse(told.get(app + ":plain").triggers(), told.toString());
        assertEquals(bench.label(app + ":plain"), told.get(app + ":plain").fingerprint());
    }

    @ParameterizedTest
    @CsvSource({"20.10, classic", "26.1, containerd", "28.5, containerd"})
    void itNamesAnImageAsDockerDoes(String version, String store) throws Exception {
        Workbench bench = bench(version, store);
        Reference reference = Reference.parse("registry.example:5000/" + app + ":1");
        String id = bench.imageId("busybox");

        assertEquals(0, socket(bench).tag(id, reference, LIMIT).orElseThrow().status());
        assertEquals(id, bench.imageId(reference.toString()));

        String gone = "sha256:" + "0".repeat(64);
        Verdict verdict = Verdict.read(socket(bench).tag(gone, reference, LIMIT).orElseThrow(), reference);
        assertEquals(Verdict.read(command(bench).tag(gone, reference, deadline()), reference).meaning(),
                verdict.meaning());
        assertEquals(KnownLine.Meaning.TEMPORARY, verdict.meaning(), verdict.line());
        assertEquals(id, bench.imageId(reference.toString()), "the image that had the name keeps it");
    }

    @Test
    void whereNothingChangedNoDockerIsStarted() throws IOException {
        Workbench bench = Workbench.ofToday();
        Path log = Harness.write(folder.resolve("log"), "");
        String path = bench.loggingClient(log).getParent() + ":" + bench.environment().get("PATH");
        bench.write("Dockerfile", "FROM busybox\nCOPY Dockerfile /\n");

        assertTrue(bench.ensuring(app + "=.").env("PATH", path).run().succeeded().out().startsWith("built "));
        List<String> cold = Files.readAllLines(log);
        assertEquals(List.of("build"), cold.stream().map(line -> line.split(" ")[0]).toList(), "control: it is logged");
        assertTrue(bench.ensuring(app + "=.").env("PATH", path).run().succeeded().out().startsWith("present "));
        assertEquals(cold, Files.readAllLines(log));
    }

    // ---- Or nothing

    @ParameterizedTest
    @ValueSource(strings = {
        "",
        "HTTP/1.0 200 OK",
        "HTTP/1.0 200 OK\r\n\r\n" + IMAGE,
        "HTTP/1.0 200 OK\r\nServer: Libpod/5.4.2 (linux)\r\n\r\n" + IMAGE,
        "HTTP/1.0 200 OK\r\nX: Y\r\n\r\nServer: Docker/28.5.2 (linux)\r\n\r\n" + IMAGE,
        "HTTP/1.0 500 Internal Server Error\r\nServer: Docker/28.5.2 (linux)\r\n\r\n{\"message\": \"No idea\"}",
        "HTTP/1.0 404 Not Found\r\nServer: Docker/99 (linux)\r\n\r\n{\"message\": \"page not found\"}",
        "HTTP/1.0 404 Not Found\r\nServer: Docker/99 (linux)\r\n\r\nNo such image: app:1",
        "Server: Docker/28.5.2 (linux)\r\n\r\n" + IMAGE,
        HEAD, HEAD + "{\"Id\": \"sha256:0\"", HEAD + "[]", HEAD + "{\"Id\": null", HEAD + "\u0000\u00ff"})
    void anAnswerThatIsNotUnderstoodIsNone(String answer) throws Exception {
        EngineSocket socket = serve(answer, 1);
        assertEquals(Optional.empty(), socket.images(List.of("app:1"), LIMIT));
        assertEquals(Optional.empty(), socket.images(List.of("app:1", "base:1"), LIMIT));
    }

    @Test
    void anAnswerWithoutEndIsNone() throws Exception {
        for (String part : List.of(" ", "X: Y\r\n")) {
            EngineSocket endless = serve(part.repeat((1 << 20) / part.length()), Integer.MAX_VALUE);
            assertEquals(Optional.empty(), endless.images(List.of("app:1"), LIMIT));
            server.close();
        }
    }

    @Test
    void aWholeAnswerIsUnderstood() throws Exception {
        assertEquals(
                Optional.of(
                        Map.of("app:1", new HeldImage("sha256:0", Set.of(), false, Map.of(), "", List.of(), 0))),
                serve(HEAD + IMAGE, 1).images(List.of("app:1"), LIMIT), "control");
    }

    @Test
    void anImageOfWhichNothingIsToldMayHaveTriggers() throws Exception {
        assertTrue(serve(HEAD + "{\"Id\": \"sha256:0\", \"Config\": null}", 1).images(List.of("app:1"), LIMIT)
                .orElseThrow().get("app:1").triggers());
    }

    @Test
    void aSocketThatIsNotThereAnswersNothing() throws Exception {
        assertEquals(Optional.empty(), new EngineSocket(folder.resolve("none")).images(List.of("app:1"), LIMIT));
        EngineSocket tooLong = new EngineSocket(folder.resolve("x".repeat(200)));
        assertEquals(Optional.empty(), tooLong.images(List.of("app:1"), LIMIT));
    }

    @Test
    void aNameThatIsNoPlainWordIsNotSent() throws Exception {
        for (String name : List.of("app\r\nX: y", "app 1", "[::1]:5000/app:1", "\u00e4", "app%2f", "app#x")) {
            assertEquals(Optional.empty(), serve(HEAD + IMAGE, 1).images(List.of(name), LIMIT), name);
            server.close();
        }
    }

    @Test
    void anEngineThatHangsIsWaitedForAsLongAsTheLimit() throws Exception {
        EngineSocket hangs = serve("", 0);
        assertThrows(TimeoutException.class, () -> hangs.images(List.of("app:1"), Duration.ofMillis(300)));
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> hangs.images(List.of("app:1"), LIMIT));
    }

    // ---- Only the engine that docker uses

    @Test
    void itIsTheOneThatTheEnvironmentNames() {
        assertEquals(Optional.of(new EngineSocket(Path.of("/x/docker.sock"))),
                EngineSocket.find("docker", Map.of("DOCKER_HOST", "unix:///x/docker.sock")));
        for (String host : List.of("tcp://localhost:2375", "ssh://user@host", "unix://x", "unix:///x\u0000", "fd://")) {
            assertEquals(Optional.empty(), EngineSocket.find("docker", Map.of("DOCKER_HOST", host)), host);
        }
        for (String command : List.of("podman", "./docker", "/usr/bin/docker", "false")) {
            assertEquals(Optional.empty(), EngineSocket.find(command, Map.of("DOCKER_HOST", "unix:///x")), command);
        }
    }

    @Test
    void itIsTheDefaultOnlyWhereNothingLeadsDockerElsewhere() throws IOException {
        Path program = Harness.write(folder.resolve("bin/docker"), "\u007fELF...");
        assertTrue(program.toFile().setExecutable(true));
        Map<String, String> environment = Map.of("HOME", folder.toString(), "PATH", "/nowhere:" + program.getParent());
        Optional<EngineSocket> standard = Optional.of(new EngineSocket(Path.of("/var/run/docker.sock")));
        assertEquals(standard, EngineSocket.find("docker", environment));
        assertEquals(Optional.empty(), EngineSocket.find("docker", Map.of()));
        assertEquals(Optional.empty(), with(environment, "DOCKER_CONTEXT", "other"));
        assertEquals(Optional.empty(), with(environment, "PATH", "/nowhere"));

        Harness.write(folder.resolve("config/config.json"), "{\"currentContext\": \"other\"}");
        assertEquals(Optional.empty(), with(environment, "DOCKER_CONFIG", folder.resolve("config").toString()));
        Harness.write(folder.resolve(".docker/config.json"), "{\"auths\": {}}");
        assertEquals(standard, EngineSocket.find("docker", environment));

        Path script = Harness.program(folder.resolve("script/docker"), "exec podman \"$@\"\n");
        assertEquals(Optional.empty(), with(environment, "PATH", script.getParent() + ":" + program.getParent()));
        Path other = Harness.write(folder.resolve("podman"), "\u007fELF...");
        assertTrue(other.toFile().setExecutable(true));
        Files.createDirectory(folder.resolve("link"));
        Files.createSymbolicLink(folder.resolve("link/docker"), other);
        assertEquals(Optional.empty(), with(environment, "PATH", folder.resolve("link").toString()));
    }

    private static Optional<EngineSocket> with(Map<String, String> environment, String name, String value) {
        Map<String, String> changed = new HashMap<>(environment);
        changed.put(name, value);
        return EngineSocket.find("docker", changed);
    }

    // ---- Helpers

    private Workbench bench(String version, String store) {
        return new Workbench(version, EngineSpec.Store.valueOf(store.toUpperCase(Locale.ROOT)), "1", folder);
    }

    private static EngineSocket socket(Workbench bench) {
        return EngineSocket.find("docker", bench.environment()).orElseThrow();
    }

    private static Docker command(Workbench bench) {
        return new Docker(bench.client(), bench.environment(), NO_SCRATCH, Optional.empty());
    }

    private static Deadline deadline() {
        return new Deadline(LIMIT);
    }

    /** An engine that answers every request so, so many times over; if that is 0, it does not answer. */
    private EngineSocket serve(String answer, int times) throws IOException {
        Path path = folder.resolve(UUID.randomUUID().toString().substring(0, 8));
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    SocketChannel client = server.accept();
                    client.read(ByteBuffer.allocate(4096));
                    for (int i = 0; i < times; i++) {
                        client.write(StandardCharsets.UTF_8.encode(answer));
                    }
                    if (times > 0) {
                        client.close();
                    }
                }
            } catch (IOException e) {
                // the test has ended, or has heard enough
            }
        });
        thread.setDaemon(true);
        thread.start();
        return new EngineSocket(path);
    }

    @AfterEach
    void endTheServer() throws IOException {
        if (server != null) {
            server.close();
        }
    }
}
