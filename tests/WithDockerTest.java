// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * with_docker's promises, each on a real engine.
 *
 * <p>Run: {@code ./jbangw tests/all.java WithDockerTest}
 */
class WithDockerTest {

    private static final Duration SOON = Harness.SOON;
    private static final int USAGE = 2;
    private static final int NO_ENGINE = 69;
    private static final Path CACHE = with_docker.machine().cache().orElseThrow();
    private static final Path ENGINES = CACHE.resolve("engines");

    /** Held by a test that may look at the outer engine's containers, or that starts some there. */
    static final ReentrantLock OUTER = new ReentrantLock(true);

    @BeforeEach
    void haveTheOuterEngineAlone() {
        OUTER.lock();
    }

    @AfterEach
    void leaveTheOuterEngine() {
        OUTER.unlock();
    }

    // ---- the engine ----

    @ParameterizedTest
    @CsvSource({"20.10,CLASSIC,overlay2", "26.1,CLASSIC,overlay2", "26.1,CONTAINERD,io.containerd.snapshotter.v1",
        "28.5,CLASSIC,overlay2", "28.5,CONTAINERD,io.containerd.snapshotter.v1"})
    void theEngineIsTheOneAskedFor(String version, EngineSpec.Store store, String driver) {
        var engine = Harness.engine(version, store);
        var info = docker(engine, "info", "--format", "{{.ServerVersion}} {{.Driver}} {{.DriverStatus}}");
        var client = docker(engine, "version", "--format", "{{.Client.Version}}");
        assertAll(
                () -> assertTrue(info.startsWith(engine.version()), info),
                () -> assertTrue(info.contains(driver), info),
                () -> assertEquals(info.split(" ")[0], client.strip(), "client and engine are from the same packages"),
                () -> assertTrue(version.equals("28.5") || engine.version().startsWith(version + "."),
                        "only Debian testing may have moved on: " + engine.version()));
    }

    @ParameterizedTest
    @CsvSource({"20.10,CLASSIC", "26.1,CLASSIC", "26.1,CONTAINERD", "28.5,CLASSIC", "28.5,CONTAINERD"})
    void fromBusyboxBuildsWithoutARegistry(String version, EngineSpec.Store store) {
        var engine = Harness.engine(version, store);
        var context = Harness.newFolder();
        Harness.write(context.resolve("Dockerfile"), """
                FROM busybox
                RUN echo one two | awk '{print $2}' | tr a-z A-Z >/result
                """);
        docker(engine, "build", "--network=none", "--tag", "withdockertest-from", context.toString());
        assertEquals("TWO\n", docker(engine, "run", "--rm", "withdockertest-from", "cat", "/result"));
    }

    @Test
    void buildxIsTheBuilderOfTheVersionsThatHaveIt() {
        for (var version : List.of("26.1", "28.5")) {
            var engine = Harness.engine(version, EngineSpec.Store.CONTAINERD);
            assertTrue(docker(engine, "buildx", "version").contains("buildx"), version);
        }
    }

    @Test
    void aContainerSeesTheUsersFolders() {
        var folder = Harness.newFolder();
        Harness.write(folder.resolve("file"), "from outside");
        var result = withDocker("docker", "run", "--rm", "-v", folder + ":/there", "busybox", "cat", "/there/file")
                .in(folder).env("PWD", folder).run().succeeded();
        assertEquals("from outside", result.out());
    }

    @Test
    void whatEntersAContainerSeesItsFilesAndNotTheMachines() {
        // By reading alone: where this fails, it is the machine's files that a write would reach.
        var name = "withdockertest-entered";
        docker(shared(), "run", "--detach", "--name", name, "--hostname", name, "--health-cmd", "cat /etc/hostname",
                "--health-interval", "1s", "busybox", "sleep", "1000");
        try {
            assertEquals(name + "\n", docker(shared(), "exec", name, "cat", "/etc/hostname"));
            var log = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}";
            Harness.eventually("a health check has run", SOON,
                    () -> !docker(shared(), "inspect", "--format", log, name).isBlank());
            var checks = docker(shared(), "inspect", "--format", log, name);
            assertTrue(checks.startsWith("0 " + name + "\n"), checks);
        } finally {
            docker(shared(), "rm", "--force", name);
        }
    }

    @Test
    void aContainerHasAWayOut() {
        // No further: what can be reached from here is the machine's matter.
        var routes = docker(shared(), "run", "--rm", "--network=host", "busybox", "ip", "route");
        assertTrue(routes.contains("default via 10.0.2.2 dev tap0"), routes);
        assertEquals("nameserver 10.0.2.3", docker(shared(), "run", "--rm", "busybox", "grep", "^nameserver",
                "/etc/resolv.conf").strip());
    }

    // ---- the command ----

    @Test
    void argumentsAndInputPassThroughUntouched() {
        var arguments = List.of("a b", "it's \"quoted\"", "two\nlines", "", "$HOME", "${HOME}", "@file", "--",
                "--engine", "*", "é");
        var line = new ArrayList<>(List.of("--", "sh", "-c", "cat; printf '<%s>' \"$@\"", "sh"));
        line.addAll(arguments);
        var result = withDocker(line.toArray(String[]::new)).input("the input\n").run().succeeded();
        assertEquals("the input\n" + arguments.stream().map(a -> "<" + a + ">").collect(Collectors.joining()),
                result.out());
    }

    @Test
    void theCommandFindsItsEngineAndClient() {
        var result = withDocker("--engine", "20.10", "sh", "-c", """
                docker version --format '{{.Client.Version}} {{.Server.Version}}'
                docker images --format '{{.Repository}}'
                """).env("DOCKER_HOST", "unix:///nowhere").env("DOCKER_CONTEXT", "another")
                .env("DOCKER_TLS_VERIFY", "1").run().succeeded();
        var lines = result.out().lines().toList();
        assertAll(
                () -> assertTrue(lines.get(0).matches("20\\.10\\.\\S+ 20\\.10\\.\\S+"), result.toString()),
                () -> assertEquals(List.of("busybox"), lines.subList(1, lines.size()), "a fresh engine has only that"));
    }

    @Test
    void theCommandHasTheUsersVariablesAndNotThoseOfTheWrapper() {
        var result = withDocker("sh", "-c", "env | grep -E '^(JBANGW_|MINE)'").env("MINE", "\u00e9")
                .env("JBANGW_JBANG", "0.132.1").env("JBANGW_SCRIPT", "/with_docker.java").run().succeeded();
        assertEquals("MINE=\u00e9\n", result.out());
    }

    @ParameterizedTest
    @CsvSource({"exit 0,0", "exit 1,1", "exit 255,255", "kill -TERM $$,143", "kill -KILL $$,137"})
    void theCommandsStatusIsPassedOn(String script, int status) throws Exception {
        assertEquals(status, shared().run(List.of("sh", "-c", script), ThrowawayEngine.Network.ENGINE));
    }

    /** From outside, because a test run in the background may ignore that signal, and so would all that it starts. */
    @Test
    void theStatusOfAnInterruptedCommandIsPassedOn() {
        withDocker("sh", "-c", "kill -INT $$").startedBy("env", "--default-signal=INT").run().expect(130);
    }

    @Test
    void aPublishedPortIsOpenOnTheCommandsLocalhostAndOnNoOther() {
        var results = Harness.together(2, i -> withDocker("bash", "-ec", """
                docker run -d -p 8080:80 --hostname engine-%d busybox httpd -f -h /etc >/dev/null
                fetch() {
                    exec 3<>/dev/tcp/localhost/8080
                    printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' >&3
                    cat <&3
                }
                until answer=$(fetch); do sleep 0.1; done
                echo "$answer"
                """.formatted(i)));
        for (int i = 0; i < results.size(); i++) {
            assertTrue(results.get(i).succeeded().out().endsWith("\r\n\r\nengine-" + i + "\n"), results.toString());
        }
    }

    @Test
    @SuppressWarnings("try") // closed to end the thread
    void theCommandReachesTheNetworkAndWithHostNetworkTheMachinesLocalhost() throws Exception {
        try (var server = new ServerSocket(0)) { // on all addresses
            var answering = new Thread(() -> answer(server, "from the machine"));
            answering.start();
            int port = server.getLocalPort();
            var address = machinesAddress();
            var viaNetwork = withDocker("bash", "-c", "cat </dev/tcp/%s/%d".formatted(address, port)).run();
            var viaLocalhost = withDocker("bash", "-c", "cat </dev/tcp/localhost/%d".formatted(port)).run();
            var onHost = withDocker("--network", "host", "bash", "-c", "cat </dev/tcp/localhost/%d".formatted(port))
                    .run();
            server.close();
            answering.join();
            assertAll(
                    () -> assertEquals("from the machine", viaNetwork.succeeded().out()),
                    () -> assertTrue(viaLocalhost.expect(1).err().contains("Connection refused"),
                            viaLocalhost.toString()),
                    () -> assertEquals("from the machine", onHost.succeeded().out()));
        }
    }

    @Test
    void theCommandAsksTheEnginesNameServerAndRunsWhereItWasStarted() {
        var before = read(Path.of("/etc/resolv.conf"));
        var folder = Harness.newFolder();
        var result = withDocker("sh", "-ec", "grep ^nameserver /etc/resolv.conf; pwd; ls /mnt; cat here").in(folder)
                .env("PWD", Harness.write(folder.resolve("here"), "here\n").getParent()).run().succeeded();
        assertAll(
                () -> assertEquals(
                        Stream.concat(Stream.of("nameserver 10.0.2.3", folder.toString()),
                                Stream.concat(names(Path.of("/mnt")), Stream.of("here"))).toList(),
                        result.out().lines().toList()),
                () -> assertEquals(before, read(Path.of("/etc/resolv.conf")), "the machine's own"));
    }

    private static void answer(ServerSocket server, String text) {
        while (!server.isClosed()) {
            try (var connection = server.accept()) {
                connection.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // closed, or the other side has had enough
            }
        }
    }

    /** One at which others reach this machine. */
    private static String machinesAddress() throws IOException {
        return NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
                .findFirst().orElseThrow(() -> new AssertionError("this machine has no network")).getHostAddress();
    }

    @Test
    void theUsersDockerLoginStaysOutsideAndANewOneInside() {
        var home = Harness.newFolder();
        var config = Harness.write(home.resolve(".docker/config.json"), "{\"auths\": {\"registry.test\": {}}}");
        var cache = CACHE.getParent().toString();
        var result = withDocker("sh", "-c", """
                cat $DOCKER_CONFIG/config.json
                echo '{"new": 1}' >$DOCKER_CONFIG/config.json
                """).env("HOME", home).env("XDG_CACHE_HOME", cache).run().succeeded();
        assertFalse(result.out().contains("registry.test"), result.out());
        assertEquals("{\"auths\": {\"registry.test\": {}}}", read(config));
    }

    /** A log of GitHub Actions would take it for a command. */
    @Test
    void aMessageHasNoLineOfAnotherProgramsWords() {
        var result = withDocker("--", "no-such\n::error::forged\r::warning::forged").run().expect(127);
        assertTrue(result.err().contains("::error::forged"), "control: it is named: " + result);
        assertTrue(Stream.of(result.err().split("[\n\r]")).noneMatch(line -> line.strip().startsWith("::")),
                result.toString());
    }

    @Test
    void whatCannotBeRunIsToldBeforeAnEngineIsStarted() {
        var missing = withDocker("--", "no-such-program").run().expect(127);
        var notExecutable = withDocker("--", Harness.projectFile("LICENSE").toString()).run().expect(126);
        assertAll(
                () -> assertEquals("with_docker: no-such-program: command not found\n", missing.err()),
                () -> assertTrue(notExecutable.err().endsWith("/LICENSE: not an executable file\n")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--engine 20.10 --store containerd -- true | Docker 20.10 has no containerd store, only classic",
        "--engine 19.03 -- true | no engine 19.03, only [20.10, 26.1, 28.5]",
        "--store other -- true | expected one of",
        "--engine dind:28 --disk 1 -- true | --disk is not for dind",
        "--engine dind: -- true | no engine dind:, only [20.10, 26.1, 28.5] and dind[:VERSION]",
        "--engine dind:28 --reach 5000 -- true | an engine in a container does not reach 127.0.0.1:5000",
        "--reach 0 -- true | a port is a number from 1 to 65535, not 0",
        "--disk 0 -- true | the disk size must be at least 1 MB, not 0",
        "--no-such-option -- true | Unknown option",
        "--network other -- true | expected one of",
        "--shell true | --shell takes no COMMAND",
        "'' | COMMAND is missing"})
    void aMistakeOnTheCommandLineIsAUsageError(String line, String message) {
        var result = withDocker(line.isEmpty() ? new String[0] : line.split(" ")).run().expect(USAGE);
        assertAll(
                () -> assertTrue(result.err().contains(message), result.err()),
                () -> assertEquals(1, result.err().lines().count(), result.err()),
                () -> assertEquals("", result.out()));
    }

    @Test
    void itsVersionIsThatOfTheOtherScripts() {
        assertEquals("with_docker " + Version.TEXT + "\n", withDocker("--version").run().succeeded().out());
    }

    @Test
    void theCommandHasTheTerminalAndProgressIsOneLiveLine() {
        var script = Stream.concat(Harness.script("with_docker").line().stream(), Stream.of("--", "sh", "-c",
                "test -t 0 && test -t 1 && test -t 2 && echo has the terminal"))
                .map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        var result = Harness.command("script", "--quiet", "--return", "--command", script, "/dev/null")
                .env("TERM", "xterm").run().succeeded();
        assertAll(
                () -> assertTrue(result.out().contains("has the terminal"), result.out()),
                () -> assertTrue(result.out().contains("\r\033[Kstarting Docker 26.1"), result.out()),
                () -> assertEquals(1, result.out().strip().split("\n").length, result.out()));
    }

    // ---- a registry beside it ----

    @ParameterizedTest
    @EnumSource
    void aRegistryBesideTheEngineTakesAnImageAndGivesItBack(ThrowawayEngine.Network network) {
        var result = withDocker("--engine", "28.5", "--registry", "--network", network.toString(), "bash", "-ec", """
                image=$ENSURE_IMAGE_REGISTRY/team/pushed:1
                echo $ENSURE_IMAGE_REGISTRY
                : </dev/tcp/${ENSURE_IMAGE_REGISTRY/:/\\/}
                docker tag busybox $image
                docker push --quiet $image >&2
                docker image rm $image busybox >&2
                docker pull --quiet $image >&2
                docker run --rm $image echo from the registry
                """).run().succeeded();
        var lines = result.out().lines().toList();
        assertAll(
                () -> assertTrue(lines.get(0).matches("127\\.0\\.0\\.1:\\d+"), result.toString()),
                () -> assertEquals("from the registry", lines.get(1), result.toString()));
    }

    @Test
    void twoEnginesReachOneRegistry() throws Exception {
        try (var registry = Harness.ownRegistry(EngineSpec.DISK)) {
            var port = Integer.toString(registry.port());
            var image = registry.address() + "/shared:1";
            withDocker("--reach", port, "sh", "-ec", "docker tag busybox $0; docker push --quiet $0", image).run()
                    .succeeded();
            var pulled = withDocker("--engine", "28.5", "--reach", port, "docker", "run", "--rm", image, "echo",
                    "pulled").run().succeeded();
            assertEquals("pulled\n", pulled.out());
        }
    }

    @Test
    void aPortThatTheEngineUsesItselfIsNotReached() {
        var container = docker(shared(), "run", "--detach", "--publish", "80", "busybox", "sleep", "1000").strip();
        try {
            int port =
                    Integer.parseInt(docker(shared(), "port", container, "80").replaceAll("(?s).*?:(\\d+)\n.*", "$1"));
            var refusal = assertThrows(EngineUnavailable.class,
                    () -> shared().reach(port, ThrowawayEngine.Progress.NONE));
            assertEquals("the engine uses port " + port + " itself", refusal.getMessage());
        } finally {
            docker(shared(), "rm", "--force", container);
        }
    }

    @Test
    void aRegistryListensOnTheMachinesLocalhostAlone() {
        try (var run = Run.start("--registry", "sh", "-c", "echo up; sleep 1000")) {
            var registry = run.running("docker-registry").get(0); // in the machine's network
            var ports = read(Path.of("/proc/net/tcp")).lines().map(line -> line.strip().split("\\s+"))
                    .filter(columns -> sockets(registry).contains("socket:[" + columns[9] + "]"))
                    .filter(columns -> columns[3].equals("0A")).map(columns -> columns[1]).toList();
            assertEquals(1, ports.size(), "it listens once: " + ports);
            assertTrue(ports.get(0).startsWith("0100007F:"), ports.toString());
            assertTrue(read(Path.of("/proc/net/tcp6")).lines().noneMatch(line -> sockets(registry).stream()
                    .anyMatch(socket -> line.contains(socket.replaceAll("\\D", "")))), "and on no other address");
        }
    }

    // ---- privacy ----

    @Test
    void twoEnginesDoNotSeeEachOther() {
        docker(shared(), "tag", "busybox", "only-in-the-first");
        var inside = withDocker("sh", "-ec", """
                docker tag busybox only-in-the-second
                docker network create the-second >/dev/null
                docker run --rm --network the-second busybox true
                docker images
                """).run().succeeded().out();
        var outside = docker(shared(), "images") + docker(shared(), "network", "ls");
        assertAll(
                () -> assertTrue(inside.contains("only-in-the-second"), inside),
                () -> assertFalse(inside.contains("only-in-the-first"), inside),
                () -> assertTrue(outside.contains("only-in-the-first"), outside),
                () -> assertFalse(outside.contains("the-second"), outside));
    }

    @Test
    void anotherUserDoesNotReachTheSocket() {
        var socket = shared().environment().get("DOCKER_HOST").replace("unix://", "");
        Harness.command("test", "-S", socket).run().succeeded(); // the control: root does
        Harness.command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-S", socket).run()
                .expect(1);
    }

    @Test
    void nothingListensOnTheMachinesNetwork() {
        try (var run = Run.start("sh", "-c", """
                docker run -d -p 8080:80 busybox sleep 1000 >/dev/null
                echo up
                sleep 1000
                """)) {
            var listening = listeningSockets();
            assertTrue(run.processes().stream().anyMatch(process -> !sockets(process).isEmpty()), "it sees sockets");
            assertEquals(Set.of(), run.processes().stream().flatMap(process -> sockets(process).stream())
                    .filter(listening::contains).collect(Collectors.toSet()));
        }
    }

    // ---- nothing remains ----

    enum End {
        SUCCESS(0), FAILURE(7), SIGINT_OF_THE_SCRIPT(130), SIGTERM_OF_THE_SCRIPT(143), SIGKILL_OF_THE_SCRIPT(137),
        SIGKILL_OF_THE_COMMAND(137), CTRL_C(130), SUCCESS_WHILE_THE_ENGINE_IS_STOPPED(0);

        private final int status;

        End(int status) {
            this.status = status;
        }

        void bringAbout(Run run) {
            switch (this) {
                case SUCCESS, FAILURE -> run.command().destroy(); // whose trap decides
                case SIGINT_OF_THE_SCRIPT -> run.running.signal("INT");
                case SIGTERM_OF_THE_SCRIPT -> run.running.signal("TERM");
                case SIGKILL_OF_THE_SCRIPT -> run.running.signal("KILL");
                case SIGKILL_OF_THE_COMMAND -> run.command().destroyForcibly();
                case CTRL_C -> Harness.command("kill", "-INT", "--", "-" + run.running.pid()).run().succeeded();
                case SUCCESS_WHILE_THE_ENGINE_IS_STOPPED -> {
                    for (String dockerd : run.pids("dockerd")) {
                        Harness.command("kill", "-STOP", dockerd).run().succeeded();
                    }
                    Harness.eventually("it is stopped with what it was started by", SOON,
                            () -> run.processes().stream().filter(process -> process.endsWith(" T")).count() > 1);
                    run.command().destroy();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void nothingRemainsAfter(End end) {
        var before = Machine.now();
        try (var run = Run.start("--registry", "sh", "-c", """
                trap 'exit %d' TERM
                docker tag busybox $ENSURE_IMAGE_REGISTRY/left
                docker push $ENSURE_IMAGE_REGISTRY/left >/dev/null
                docker run -d -p 8080:80 --name left busybox sleep 1000 >/dev/null
                docker network create left >/dev/null
                docker volume create left >/dev/null
                setsid sleep 1000 &
                echo up
                while :; do sleep 0.1; done
                """.formatted(end == End.FAILURE ? 7 : 0))) {
            assertTrue(run.processes().size() > 5, "the check sees the engine's processes: " + run.processes());
            assertEquals(1, run.running("docker-registry").size(), "it sees the registry");
            assertTrue(run.running("socat").size() >= 2, "and what leads to that: " + run.processes());
            assertEquals(2, run.backingFiles().size(), "the check sees the engine's disk and the registry's");
            end.bringAbout(run);
            run.running.await().expect(end.status);
            if (end == End.SIGKILL_OF_THE_SCRIPT) {
                Harness.eventually("all processes ended", SOON, () -> run.processes().isEmpty());
                withDocker("true").run().succeeded(); // removes what only a later start can
            }
            assertEquals(Set.of(), run.processes(), "processes");
            Harness.eventually("the loop devices are free", SOON,
                    () -> Collections.disjoint(Machine.loops(), run.backingFiles()));
            assertEquals(List.of(), Machine.cgroups(run.id()), "cgroups");
            assertFalse(read(Path.of("/proc/net/unix")).contains(run.id()), "sockets");
            before.isBack();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {300, 700, 1100, 1500})
    void nothingRemainsWhenItIsKilledWhileStarting(int milliseconds) throws InterruptedException {
        var before = Machine.now();
        try (var run = new Run(Harness.script("with_docker", "true").start())) {
            Thread.sleep(milliseconds);
            run.look();
            run.running.signal("KILL");
            Harness.eventually("all processes ended", SOON, () -> run.processes().isEmpty());
            before.isBack();
        }
    }

    @Test
    void aCommandCanUseTheEngineToCleanUpAfterCtrlC() {
        try (var run = Run.start("sh", "-c", """
                trap 'sleep 1; docker rm -f left; exit 0' INT
                docker run -d --name left busybox sleep 1000 >/dev/null
                echo up
                while :; do sleep 0.1; done
                """)) {
            End.CTRL_C.bringAbout(run);
            var result = run.running.await().expect(130);
            assertEquals("up\nleft\n", result.out());
        }
    }

    @Test
    void anEngineThatDoesNotStartIsReportedWithItsReasonAndLeavesNothing() {
        var before = Machine.now();
        var result = withDocker("--disk", "1", "true").run().expect(NO_ENGINE);
        assertTrue(result.err().contains("no space left on device"), result.err());
        before.isBack();
    }

    @Test
    void whoeverIsNotRootIsToldWhatToDo() {
        var line = new ArrayList<>(List.of("unshare", "--user"));
        line.addAll(Harness.script("with_docker", "true").line());
        var result = Harness.command(line.toArray(String[]::new)).run().expect(NO_ENGINE);
        assertTrue(result.err().contains("needs root: use sudo; or, on a machine that has Docker, --engine dind"),
                result.err());
    }

    // ---- the engine in a container ----

    @ParameterizedTest
    @EnumSource
    void anEngineInAContainerBuildsAndRunsWithTheStoreAskedFor(EngineSpec.Store store) {
        var folder = Harness.newFolder();
        Harness.write(folder.resolve("Dockerfile"), "FROM busybox\nRUN echo built >/result\n");
        var result = dind("--store", store.toString(), "sh", "-ec", """
                docker info --format '{{.ServerVersion}} {{.DriverStatus}}'
                docker build --quiet --network=none --tag inner %s >/dev/null
                docker run --rm -v "$PWD:/there" inner cat /result /there/LICENSE
                """.formatted(folder)).run().succeeded();
        var lines = result.out().lines().toList();
        assertAll(
                () -> assertTrue(lines.get(0).startsWith("28."), result.toString()),
                () -> assertEquals(store == EngineSpec.Store.CONTAINERD,
                        lines.get(0).contains("io.containerd.snapshotter"), result.toString()),
                () -> assertEquals("built\n" + read(Harness.projectFile("LICENSE")), result.out().split("\n", 2)[1]),
                () -> assertFalse(docker(outer(), "images").contains("inner"), "the outer engine has none of it"));
    }

    @Test
    void aRegistryBesideAnEngineInAContainerIsAContainerToo() throws Exception {
        buildRegistryImage();
        var before = Outer.now();
        var result = dind("--registry", "sh", "-ec", """
                image=$ENSURE_IMAGE_REGISTRY/pushed:1
                docker tag busybox $image
                docker push --quiet $image >&2
                docker image rm $image busybox >&2
                docker run --rm $image echo from the registry
                """).run().succeeded();
        assertEquals("from the registry\n", result.out());
        before.isBack();
        docker(outer(), "image", "rm", "registry:2");
        var without = dind("--registry", "true").run().expect(NO_ENGINE);
        var lines = without.err().lines().filter(line -> !line.matches("with_docker: (starting|pulling) .*")).toList();
        assertAll(
                () -> assertEquals(1, lines.size(), without.err()),
                () -> assertTrue(lines.get(0).startsWith("with_docker: there is no registry:2: "), without.err()),
                before::isBack);
    }

    /** As registry:2 is: the registry of Debian's packages, under that image's names. */
    private static void buildRegistryImage() throws Exception {
        Harness.ownRegistry(EngineSpec.DISK).close(); // so that it is unpacked
        var root = names(ENGINES).filter(name -> name.matches("registry-\\w+-\\w+-\\d+")).findFirst()
                .map(name -> ENGINES.resolve(name + "/root")).orElseThrow();
        var folder = Harness.newFolder();
        Harness.write(folder.resolve("config.yml"), """
                version: 0.1
                storage: {filesystem: {rootdirectory: /var/lib/registry}}
                http: {addr: ":5000"}
                """);
        Harness.program(folder.resolve("registry"),
                "exec /lib/ld-linux.so --library-path /lib /lib/docker-registry \"$@\"\n");
        Harness.write(folder.resolve("Dockerfile"), """
                FROM busybox
                COPY lib/ /lib/
                COPY registry /bin/
                COPY config.yml /etc/docker/registry/
                VOLUME /var/lib/registry
                """);
        Harness.command("sh", "-ec", """
                mkdir $1/lib
                cp $0/usr/bin/docker-registry $1/lib
                cp $0/usr/lib/*-linux-gnu/lib[cdpr]*.so.* $1/lib
                cp $0/usr/lib/*-linux-gnu/ld-linux*.so.* $1/lib/ld-linux.so
                """, root.toString(), folder.toString()).run().succeeded();
        docker(outer(), "build", "--quiet", "--tag", "registry:2", folder.toString());
    }

    @ParameterizedTest
    @EnumSource(names = {"SUCCESS", "FAILURE", "CTRL_C", "SIGTERM_OF_THE_SCRIPT", "SIGKILL_OF_THE_SCRIPT"})
    void nothingRemainsInTheOuterEngineAfter(End end) {
        var before = Outer.now();
        try (var run = Run.start(dind("sh", "-c", """
                trap 'exit %d' TERM
                docker run -d -p 8080:80 --name left busybox sleep 1000 >/dev/null
                docker volume create left >/dev/null
                echo up
                while docker version >/dev/null 2>&1; do sleep 0.1; done
                """.formatted(end == End.FAILURE ? 7 : 0)), outer().environment())) {
            var during = Outer.now();
            assertAll(
                    () -> assertEquals(before.containers().size() + 1, during.containers().size(), "containers"),
                    () -> assertEquals(before.volumes().size() + 2, during.volumes().size(), "volumes"),
                    () -> assertFalse(before.folders().containsAll(during.folders()), "folders"));
            end.bringAbout(run);
            run.running.await().expect(end.status);
            if (end == End.SIGKILL_OF_THE_SCRIPT) {
                Harness.eventually("all processes ended", SOON, () -> run.processes().isEmpty());
                dind("true").run().succeeded(); // removes what only a later start can
            }
            assertEquals(Set.of(), run.processes(), "processes");
            before.isBack();
        }
    }

    @Test
    void aCommandCanUseTheEngineInAContainerToCleanUpAfterCtrlC() {
        try (var run = Run.start(dind("sh", "-c", """
                trap 'sleep 1; docker rm -f left; exit 0' INT
                docker run -d --name left busybox sleep 1000 >/dev/null
                echo up
                while :; do sleep 0.1; done
                """), outer().environment())) {
            End.CTRL_C.bringAbout(run);
            assertEquals("up\nleft\n", run.running.await().out());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 1000, 2000})
    void nothingRemainsInTheOuterEngineWhenItIsKilledWhileStarting(int milliseconds) throws InterruptedException {
        var before = Outer.now();
        var command = dind("sh", "-c", "while docker version >/dev/null 2>&1; do sleep 0.1; done");
        try (var run = new Run(command.start())) {
            Thread.sleep(milliseconds);
            run.look();
            run.running.signal("KILL");
            Harness.eventually("all processes ended", SOON, () -> run.processes().isEmpty());
            dind("true").run().succeeded(); // removes what only a later start can
            before.isBack();
        }
    }

    @Test
    void theSocketOfAnEngineInAContainerIsForWhoeverStartedIt() {
        var result = dind("sh", "-c", "socket=${DOCKER_HOST#unix://}; stat -c '%g %a' $socket; stat -c %a ${socket%/*}")
                .startedBy("setpriv", "--regid=4242", "--clear-groups").env(outer().environment()).run().succeeded();
        assertEquals("4242 660\n700\n", result.out());
    }

    @Test
    void testcontainersIsToldWhereAPublishedPortOfAnEngineInAContainerIs() {
        var result = dind("sh", "-ec", """
                echo $TESTCONTAINERS_HOST_OVERRIDE
                docker run --rm --network=host busybox ip -4 addr show eth0
                """).run().succeeded();
        var address = result.out().lines().findFirst().orElse("");
        assertTrue(address.matches("\\d+(\\.\\d+){3}") && result.out().contains("inet " + address + "/"),
                result.toString());
    }

    @Test
    void whyThereIsNoEngineInAContainerIsToldAndNothingIsLeft() {
        docker(outer(), "tag", "busybox", "docker:broken-dind");
        var before = Outer.now();
        var noDocker = dind("true").env("DOCKER_HOST", "unix:///nowhere").run().expect(NO_ENGINE);
        var noImage = withDocker("--engine", "dind:none", "true").env(outer().environment()).run().expect(NO_ENGINE);
        var broken = withDocker("--engine", "dind:broken", "true").env(outer().environment()).run().expect(NO_ENGINE);
        assertAll(
                () -> assertTrue(noDocker.err().contains("Docker to start"), noDocker.err()),
                () -> assertTrue(noImage.err().contains("there is no docker:none-dind: "), noImage.err()),
                () -> assertTrue(broken.err().contains("dockerd-entrypoint.sh\": executable file not found"),
                        broken.err()),
                before::isBack);
    }

    /** What an engine in a container could leave in the outer one, or in the cache, where other runs have folders too. */
    private record Outer(Set<String> containers, Set<String> volumes, Set<String> folders) {

        static Outer now() {
            return new Outer(set(docker(outer(), "ps", "--all", "--quiet").lines()),
                    set(docker(outer(), "volume", "ls", "--quiet").lines()),
                    set(names(CACHE).filter(name -> name.startsWith("with_docker"))));
        }

        /** Fails if it does not become as it was. */
        void isBack() {
            var after = now();
            assertEquals(new Outer(containers, volumes, Set.of()),
                    new Outer(after.containers, after.volumes, Set.of()));
            Set<String> left = new TreeSet<>(after.folders);
            left.removeAll(folders);
            Harness.eventually("gone: " + left, SOON, () -> left.stream().noneMatch(now().folders::contains));
        }
    }

    private static Harness.Command dind(String... arguments) {
        var line = Stream.concat(Stream.of("--engine", "dind:28"), Stream.of(arguments)).toArray(String[]::new);
        return withDocker(line).env(outer().environment());
    }

    /**
     * An engine that has an image as docker:28-dind is: the Docker of Debian's packages with an entrypoint that makes
     * the mounts and cgroups that the official one makes.
     */
    static synchronized ThrowawayEngine outer() {
        // Another disk, so that it is another engine than that of the other tests.
        var outer = Harness.engine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD, EngineSpec.DISK + 1));
        if (!docker(outer, "images", "--quiet", "docker:28-dind").isBlank()) {
            return outer;
        }
        var folder = Harness.newFolder();
        var entrypoint = Harness.write(folder.resolve("usr/local/bin/dockerd-entrypoint.sh"), """
                #!/bin/sh
                set -eu
                find /run /var/run -iname 'docker*.pid' -delete
                mountpoint -q /tmp || busybox mount -t tmpfs none /tmp
                cd /sys/fs/cgroup
                if test -f cgroup.controllers; then
                    mkdir -p init
                    for process in $(cat cgroup.procs); do echo $process >init/cgroup.procs || true; done
                    for controller in $(cat cgroup.controllers); do echo +$controller >cgroup.subtree_control; done
                fi
                exec "$@"
                """);
        assertTrue(entrypoint.toFile().setExecutable(true));
        var root = names(ENGINES).filter(name -> name.matches("forky-\\w+-\\d+")).findFirst()
                .map(name -> ENGINES.resolve(name + "/root")).orElseThrow();
        var tar = new ProcessBuilder("tar", "--create", "--directory", root.toString(), ".",
                "--directory", folder.toString(), ".");
        var load = new ProcessBuilder(outer.docker().toString(), "import", "--change", "VOLUME /var/lib/docker",
                "--change", "ENTRYPOINT [\"dockerd-entrypoint.sh\"]", "-", "docker:28-dind")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.INHERIT);
        load.environment().putAll(outer.environment());
        try {
            for (var process : ProcessBuilder.startPipeline(List.of(tar, load))) {
                assertEquals(0, process.waitFor());
            }
        } catch (IOException | InterruptedException e) {
            throw new AssertionError("cannot import docker:28-dind", e);
        }
        return outer;
    }

    // ---- the cache ----

    @Test
    void aHalfUnpackedCacheIsNeverUsedAndManyFirstStartsUnpackOnce() {
        var cache = Harness.newFolder();
        var engines = cache.resolve("ensure_image/engines");
        try (var run = new Run(Harness.script("with_docker", "--engine", "20.10", "true").env("XDG_CACHE_HOME", cache)
                .start())) {
            awaitHalfUnpacked(engines);
            run.look();
            run.running.signal("KILL");
            Harness.eventually("all processes ended", SOON, () -> run.processes().isEmpty());
        }
        assertTrue(names(engines).anyMatch(name -> name.contains(".unpacking-")), "it was killed in the middle");
        assertTrue(names(engines).noneMatch(name -> name.matches("bookworm-\\w+-\\d+")), "nothing passes for complete");

        var results = Harness.together(3, i -> Harness.script("with_docker", "--engine", "20.10", "docker", "version")
                .env("XDG_CACHE_HOME", cache));
        results.forEach(Harness.Result::succeeded);
        assertAll(
                () -> assertEquals(1, count(results, "unpacking Docker 20.10 (")),
                () -> assertEquals(2, count(results, "waiting for another process")),
                () -> assertTrue(names(engines).noneMatch(name -> name.matches(".*(unpacking|img).*"))));
    }

    @Test
    void anUnpackingThatIsToldToEndLeavesNothing() {
        var cache = Harness.newFolder();
        var engines = cache.resolve("ensure_image/engines");
        try (var run = new Run(Harness.script("with_docker", "--engine", "20.10", "true").env("XDG_CACHE_HOME", cache)
                .start())) {
            awaitHalfUnpacked(engines);
            run.look();
            run.running.signal("TERM");
            var result = run.running.await().expect(143);
            assertFalse(result.err().contains("failed"), result::toString);
            assertEquals(Set.of(), run.processes(), "processes");
            assertEquals(List.of("bookworm-" + System.getProperty("os.arch") + "-1.lock"), names(engines).toList());
        }
    }

    private static void awaitHalfUnpacked(Path engines) {
        Harness.eventually("it unpacks", SOON,
                () -> names(engines).map(engines::resolve).map(half -> half.resolve("root/usr/bin/dpkg"))
                        .anyMatch(Files::exists));
    }

    private static long count(List<Harness.Result> results, String message) {
        return results.stream().filter(result -> result.err().contains(message)).count();
    }

    @Test
    void anEngineNeverWritesToTheCache() {
        List.of("20.10", "26.1", "28.5").forEach(version -> Harness.engine(version, EngineSpec.Store.CLASSIC)); // unpacked
        var files = listing(ENGINES);
        withDocker("sh", "-c", "docker run --rm -v /:/root-of-the-engine busybox touch /root-of-the-engine/etc/written"
                + " /root-of-the-engine/usr/bin/written").run().succeeded();
        assertEquals(files, listing(ENGINES));
    }

    /** In a network namespace of its own, where not even the loopback device is up. */
    @Test
    void onceUnpackedAllWorksWithoutNetwork() {
        shared(); // so that it is unpacked
        var folder = Harness.newFolder();
        Harness.write(folder.resolve("Dockerfile"), "FROM busybox\nRUN echo > /ran\n");
        var line = Harness.script("ensure_image", "offline=.").line().toArray(String[]::new);
        var result = withDocker(line).in(folder).startedBy("unshare", "--net").run().succeeded();
        assertTrue(result.out().startsWith("built "), result::toString);
    }

    // ---- helpers ----

    private static ThrowawayEngine shared() {
        return Harness.engine("26.1", EngineSpec.Store.CONTAINERD);
    }

    private static Harness.Command withDocker(String... arguments) {
        return Harness.script("with_docker", arguments);
    }

    private static String docker(ThrowawayEngine engine, String... arguments) {
        var line = new ArrayList<>(List.of(engine.docker().toString()));
        line.addAll(List.of(arguments));
        return Harness.command(line.toArray(String[]::new)).env(engine.environment()).run().succeeded().out();
    }

    /** Every file below the folders of the versions, with its size and when it was last changed. */
    private static String listing(Path folder) {
        return Harness.command("find", folder.toString(), "-mindepth", "2", "-printf", "%p %m %s %C@ %l\\n").run()
                .succeeded().out();
    }

    /**
     * What an engine could change on the machine. Files come and go with other runs of these tests, too; so of those only
     * what stays is left.
     */
    private record Machine(String mounts, Set<String> networkDevices, String firewall, Set<String> files) {

        static Machine now() {
            return new Machine(read(Path.of("/proc/self/mountinfo")), set(names(Path.of("/sys/class/net"))),
                    iptables(),
                    set(Stream.concat(
                            names(ENGINES).filter(name -> name.matches(".*(img|unpacking).*")),
                            names(Path.of("/tmp")).filter(name -> name.matches("(mmdebstrap|containerd).*")))));
        }

        /** Fails if it does not become as it was. */
        void isBack() {
            Machine after = now();
            Set<String> left = new TreeSet<>(after.files);
            left.removeAll(files);
            Harness.eventually("the machine was " + this + " and is " + after, SOON, () -> {
                Machine now = now();
                return now.mounts.equals(mounts) && now.networkDevices.equals(networkDevices)
                        && now.firewall.equals(firewall) && left.stream().noneMatch(now.files::contains);
            });
        }

        /** The iptables rules, without counters; none, where there are no iptables. */
        private static String iptables() {
            try {
                return Harness.command("iptables-save").run().out().replaceAll("(?m)^#.*\n|\\[\\d+:\\d+]", "");
            } catch (UncheckedIOException e) {
                return "";
            }
        }

        static List<String> loops() {
            return names(Path.of("/sys/block")).map(name -> Path.of("/sys/block", name, "loop/backing_file"))
                    .filter(Files::exists).map(file -> read(file).strip()).toList();
        }

        static List<Path> cgroups(String id) {
            var top = Path.of("/sys/fs/cgroup");
            return Stream.concat(Stream.of(top), names(top).map(top::resolve)).filter(Files::isDirectory)
                    .flatMap(folder -> names(folder).filter(name -> name.contains(id)).map(folder::resolve)).toList();
        }

    }

    /** A with_docker under way, in a process group of its own, with all that can be told apart as its own. */
    private static final class Run implements AutoCloseable {

        private static final Pattern ROOT = Pattern.compile(" / / .* - overlay .*lowerdir=/run/(\\w+)/base,");
        /** The engine's, or the registry's. */
        private static final Pattern DISK =
                Pattern.compile(" (?:/docker /var/lib/docker|/ /run) .* ext4 /dev/(loop\\d+) ");

        final Harness.Running running;
        /**
         * The PID namespaces that it made: whatever is in one of them belongs to it. Held open, or else the kernel
         * gives their numbers to others as soon as they are gone.
         */
        private final Map<String, InputStream> namespaces = new HashMap<>();
        private final Set<ProcessHandle> descendants = new HashSet<>();
        private final Set<String> backingFiles = new HashSet<>();
        private String id = "";

        Run(Harness.Running running) {
            this.running = running;
        }

        /** Starts a command that prints `up` when it is where the test wants it. */
        static Run start(String... command) {
            return start(withDocker(command), Map.of());
        }

        static Run start(Harness.Command command, Map<String, String> environment) {
            // A test run in the background may ignore SIGINT, and so would what it starts.
            var run = new Run(command.startedBy("setsid", "env", "--default-signal=INT").env(environment).start());
            Harness.eventually("the command is up", SOON, () -> {
                assertTrue(run.running.isAlive(), () -> run.running.await().toString());
                return run.running.out().contains("up\n");
            });
            run.look();
            return run;
        }

        /** Notes what belongs to it now. */
        void look() {
            var ours = namespaceOf(ProcessHandle.current().pid());
            handle().descendants().forEach(process -> {
                descendants.add(process);
                var namespace = namespaceOf(process.pid());
                if (!namespace.isEmpty() && !namespace.equals(ours)) {
                    namespaces.computeIfAbsent(namespace, name -> open(process.pid()));
                }
                var mounts = read(Path.of("/proc/" + process.pid() + "/mountinfo"));
                var disk = DISK.matcher(mounts);
                var root = ROOT.matcher(mounts);
                if (disk.find()) {
                    backingFiles.add(read(Path.of("/sys/block/" + disk.group(1) + "/loop/backing_file")).strip());
                }
                if (root.find()) {
                    id = root.group(1);
                }
            });
        }

        /** Its processes, as `PID (NAME) STATE`: descendants once seen, and everything in its namespaces. */
        Set<String> processes() {
            var alive = descendants.stream().filter(ProcessHandle::isAlive).map(ProcessHandle::pid);
            var inside = ProcessHandle.allProcesses().map(ProcessHandle::pid)
                    .filter(pid -> namespaces.containsKey(namespaceOf(pid)));
            return Stream.concat(alive, inside).map(pid -> read(Path.of("/proc/" + pid + "/stat")))
                    .map(stat -> stat.replaceFirst("(\\d+ \\(.*\\) .).*\\s*", "$1"))
                    .filter(process -> !process.isEmpty()).collect(Collectors.toSet());
        }

        /** Those of a program. */
        List<String> pids(String program) {
            return processes().stream().filter(process -> process.contains("(" + program + ")"))
                    .map(process -> process.split(" ")[0]).toList();
        }

        /** Those of a program of a Debian tree, which is behind a loader. */
        List<String> running(String program) {
            return processes().stream().map(process -> process.split(" ")[0])
                    .filter(pid -> commandLine(pid)
                            .matches("[^\\x00]*/ld-linux.*\\x00--argv0\\x00" + program + "\\x00.*"))
                    .toList();
        }

        Set<String> backingFiles() {
            return backingFiles;
        }

        String id() {
            return id;
        }

        /** The command: the child of the nsenter that runs it. */
        ProcessHandle command() {
            return handle().descendants()
                    .filter(process -> commandLine(Long.toString(process.pid())).startsWith("sh\0-c\0"))
                    .findFirst().orElseThrow();
        }

        private ProcessHandle handle() {
            return ProcessHandle.of(running.pid()).orElseThrow();
        }

        private static String commandLine(String pid) {
            return read(Path.of("/proc/" + pid + "/cmdline"));
        }

        private static String namespaceOf(long pid) {
            try {
                return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/pid")).toString();
            } catch (IOException e) {
                return ""; // it has ended
            }
        }

        private static InputStream open(long pid) {
            try {
                return new FileInputStream("/proc/" + pid + "/ns/pid");
            } catch (IOException e) {
                return null; // it has ended
            }
        }

        @Override
        public void close() {
            running.close();
            namespaces.values().forEach(namespace -> {
                try {
                    namespace.close();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    /** The inodes of the listening sockets of this network namespace. */
    private static Set<String> listeningSockets() {
        return Stream.of("tcp", "tcp6").flatMap(kind -> read(Path.of("/proc/net/" + kind)).lines())
                .map(line -> line.strip().split("\\s+")).filter(columns -> columns[3].equals("0A"))
                .map(columns -> "socket:[" + columns[9] + "]").collect(Collectors.toSet());
    }

    private static Set<String> sockets(String process) {
        var folder = Path.of("/proc/" + process.replaceFirst(" .*", "") + "/fd");
        return names(folder).flatMap(name -> {
            try {
                return Stream.of(Files.readSymbolicLink(folder.resolve(name)).toString());
            } catch (IOException e) {
                return Stream.of(); // it has been closed
            }
        }).filter(target -> target.startsWith("socket:")).collect(Collectors.toSet());
    }

    private static Set<String> set(Stream<String> names) {
        return names.collect(Collectors.toCollection(TreeSet::new));
    }

    private static Stream<String> names(Path folder) {
        try (var children = Files.list(folder)) {
            return children.map(path -> path.getFileName().toString()).sorted().toList().stream();
        } catch (IOException | UncheckedIOException e) {
            return Stream.of();
        }
    }

    /** The text of a file; none, if it is gone. */
    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }
}
