// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.report.ExitCode;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ensure_image on real engines, started the way a test suite starts it: as a process of its own, many at once. */
class EnsureImageTest {

    private static final int BUILDERS = 12;
    private static final String RACE = "already exists";
    private static final int MOST_ROUNDS = 40;
    private static final int LONGEST = 640; // seconds

    /** Every test has names and contexts of its own, so that they can share engines. */
    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String app = "ensure-test-" + id;
    private Path folder;

    @BeforeEach
    void makeAFolder() {
        folder = Harness.newFolder();
    }

    // ---- Present, missing, built

    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD, 1", "26.1, CONTAINERD, 0", "26.1, CLASSIC, 1", "26.1, CLASSIC, 0",
        "28.5, CONTAINERD, 1", "28.5, CONTAINERD, 0", "28.5, CLASSIC, 1", "28.5, CLASSIC, 0",
        "20.10, CLASSIC, 1", "20.10, CLASSIC, 0"})
    void aMissingImageIsBuiltAndThenPresent(String version, EngineSpec.Store store, String buildkit) {
        Workbench engine = new Workbench(version, store, buildkit, folder);
        Harness.write(folder.resolve("images/" + app + "/1/Dockerfile"), "FROM busybox\nRUN echo " + id + " > /id\n");

        Harness.Result first = engine.ensure(app + ":1").succeeded();
        assertTrue(first.out().startsWith("built "), first.toString());
        String image = engine.imageId(app + ":1");
        assertTrue(first.out().contains(image), first.toString());
        assertEquals(id, engine.docker("run", "--rm", image, "cat", "/id").succeeded().out().strip());

        Harness.Result second = engine.ensure(app + ":1").succeeded();
        assertTrue(second.out().startsWith("present "), second.toString());
        assertEquals("", second.err(), "nothing to tell");
        assertEquals(image, engine.imageId(app + ":1"), "the same image as before");
    }

    /** From 23.0 on such a client takes the legacy builder; an older one has BuildKit in it, but uses it only if told. */
    @ParameterizedTest
    @CsvSource({"20.10, CLASSIC", "26.1, CLASSIC", "26.1, CONTAINERD", "28.5, CLASSIC", "28.5, CONTAINERD"})
    void aClientWithoutBuildxIsEnough(String version, EngineSpec.Store store) {
        Workbench engine = new Workbench(version, store, "", folder);
        String config = Harness.newFolder().toString();
        dockerfile("FROM busybox\nRUN echo " + id + " > /id\n");
        assertNotEquals(0, engine.command(engine.client(), "buildx", "version").env("DOCKER_CONFIG", config).run()
                .status(), "control: there is no buildx");
        for (Harness.Result result : Harness.together(4,
                i -> engine.ensuring(app + "=.").env("DOCKER_CONFIG", config))) {
            result.succeeded();
        }
        assertEquals(id, engine.cat(app, "/id"));
        Harness.Result second = engine.ensuring(app + "=.").env("DOCKER_CONFIG", config).run().succeeded();
        assertTrue(second.out().startsWith("present "), second.toString());
        assertEquals(List.of("ensure_image: the legacy builder builds, because there is no buildx"),
                ours(engine.ensuring(app + "=.", "-v", "--force").env("DOCKER_CONFIG", config).run()));
    }

    /** What ensure_image says for itself, of a run that succeeded. */
    private static List<String> ours(Harness.Result result) {
        return result.succeeded().err().lines().filter(line -> line.startsWith("ensure_image: ")).toList();
    }

    /** In one line, however many images it builds. */
    @Test
    void thatTheLegacyBuilderBuildsIsToldToWhoWantsToKnow() {
        Workbench engine = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "0", folder);
        dockerfile("FROM busybox\nRUN echo " + id + " > /id\n");
        Harness.write(folder.resolve("b/Dockerfile"), "FROM busybox\nRUN echo b" + id + " > /id\n");
        assertEquals(List.of("ensure_image: the legacy builder builds, because DOCKER_BUILDKIT=0"),
                ours(engine.ensure(app + "=.", app + ":b=b", "-v")));
        assertEquals(List.of(), ours(engine.ensure(app + "=.", "-v")), "nothing is built");
        assertEquals(List.of(), ours(engine.ensure(app + "=.", "--force")), "not asked");
        assertEquals(List.of(), ours(engine.ensuring(app + "=.", "-v", "--force").env("DOCKER_BUILDKIT", "1").run()));
        assertTrue(engine.ensure("-v", "--version").succeeded().out()
                .endsWith(", containerd image store, legacy builder, because DOCKER_BUILDKIT=0\n"));
    }

    @Test
    void theContextIsNamedByConventionByReferenceOrByOption() {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", folder);
        Harness.write(folder.resolve("elsewhere/Dockerfile"), "FROM busybox\nRUN echo elsewhere > /from\n");
        Harness.write(folder.resolve("elsewhere/other.Dockerfile"), "FROM busybox\nRUN echo other > /from\n");
        Harness.write(folder.resolve("root/" + app + "/Dockerfile"), "FROM busybox\nRUN echo root > /from\n");
        engine.ensure(app + ":a=elsewhere").succeeded();
        engine.ensure(app + ":b=elsewhere", "--file", "elsewhere/other.Dockerfile").succeeded();
        engine.ensure(app, "--images", "root").succeeded();
        assertEquals("elsewhere", engine.cat(app + ":a", "/from"));
        assertEquals("other", engine.cat(app + ":b", "/from"));
        assertEquals("root", engine.cat(app + ":latest", "/from"));
    }

    @Test
    void buildArgumentsTargetAndWhatFollowsTheDashesReachTheBuild() {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", folder);
        dockerfile(
                "FROM busybox AS one\nARG A\nARG B\nRUN echo \"$A-$B\" > /args\nFROM one AS two\nRUN echo two > /two\n");
        engine.ensure(app + "=.", "--build-arg", "A=x y", "--build-arg=B", "--target", "one", "--", "--label", "l=a b")
                .succeeded();
        assertEquals("x y-from the environment", engine.cat(app, "/args"));
        assertNotEquals(0, engine.docker("run", "--rm", app, "cat", "/two").status(), "stage two was not asked for");
        assertEquals("a b",
                engine.docker("image", "inspect", app, "--format", "{{index .Config.Labels \"l\"}}").out().strip());
    }

    @Test
    void quietPrintsOnlyTheImageId() {
        Workbench engine = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", folder);
        dockerfile("FROM busybox\n");
        Harness.Result result = engine.ensure("-q", app + "=.").succeeded();
        assertEquals(engine.imageId(app) + "\n", result.out());
        assertEquals("", result.err());
    }

    @Test
    void severalReferencesAreAllEnsuredAndTheWorstOutcomeIsTheStatus() {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", folder);
        Harness.write(folder.resolve("good/Dockerfile"), "FROM busybox\n");
        Harness.write(folder.resolve("bad/Dockerfile"), "FROM busybox\nRUN exit 3\n");
        Harness.Result result = engine.ensure(app + ":1=good", app + ":2=bad", app + ":3=good").expect(10);
        assertTrue(result.out().contains(app + ":1") && result.out().contains(app + ":3"), result.toString());
        assertTrue(result.err().contains("build failed: " + app + ":2"), result.toString());
    }

    // ---- The race

    @ParameterizedTest
    @CsvSource({"26.1, 1", "26.1, 0", "28.5, 1", "28.5, 0"})
    void losersOfTheRaceSucceedWhereNaiveBuildersFail(String version, String buildkit) {
        Workbench engine = new Workbench(version, EngineSpec.Store.CONTAINERD, buildkit, folder);
        dockerfile("FROM busybox\nARG ROUND\nRUN sleep 1.5; echo $ROUND > /round\n");

        boolean naiveFailed = false;
        for (int round = 0; round < MOST_ROUNDS && !naiveFailed; round++) {
            String argument = "ROUND=naive" + round;
            engine.docker("image", "rm", "--force", app);
            List<Harness.Result> results = Harness.together(BUILDERS,
                    i -> engine.command(engine.client(), "build", "--build-arg", argument, "--tag", app, "."));
            naiveFailed = results.stream().anyMatch(result -> result.status() != 0 && result.err().contains(RACE));
        }
        assertTrue(naiveFailed, "control: naive builders race on this engine");

        engine.docker("image", "rm", "--force", app);
        Harness.together(BUILDERS, i -> engine.ensuring(app + "=.", "--build-arg", "ROUND=ours"))
                .forEach(Harness.Result::succeeded);
        assertEquals("ours", engine.cat(app, "/round"));
    }

    /** Half of them build as test suites do. Their image is not known to be of these inputs, so ours build their own. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void besideNaiveBuildersAllSucceed(String version) {
        Workbench engine = new Workbench(version, EngineSpec.Store.CONTAINERD, "1", folder);
        dockerfile("FROM busybox\nRUN sleep 1; echo " + id + " > /id\n");
        List<Harness.Result> results = Harness.together(BUILDERS, i -> i % 2 == 0 ? engine.ensuring(app + "=.")
                : engine.command(engine.client(), "build", "--tag", app, "."));
        for (int i = 0; i < BUILDERS; i += 2) {
            results.get(i).succeeded();
        }
        engine.ensure(app + "=.").succeeded();
        assertEquals(id, engine.cat(app, "/id"));
    }

    // ---- Real failures

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void aRunThatFailsSayingAlreadyExistsIsAFailure(String buildkit) {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, buildkit, folder);
        dockerfile("FROM busybox\nRUN echo \"useradd: user 'app' already exists\" >&2; exit 9\n");
        Harness.Result result = engine.ensure(app + "=.").expect(10);
        assertTrue(result.err().contains("useradd: user 'app' already exists"), "shows the build's output: " + result);
        List<String> ours = result.err().lines().dropWhile(line -> !line.startsWith("ensure_image: ")).toList();
        assertTrue(ours.get(0)
                .matches("ensure_image: build failed: " + app + ":latest \\(Dockerfile \\./Dockerfile, context \\.\\)"
                        + ", after [0-9.]+ s, docker's exit status [19]"),
                ours.get(0));
        assertEquals("0".equals(buildkit) ? List.of()
                : List.of("See line 2 of the Dockerfile. To see all of its output: --verbose"),
                ours.subList(1, ours.size()));
        assertEquals("", result.out());
        assertNotEquals(0, engine.docker("image", "inspect", app).status(), "there is no image");
    }

    /** Not all that docker prints of what went well. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void ofAStepThatSaysNothingTheStepAndItsPlaceAreShown(String version) {
        Workbench engine = new Workbench(version, EngineSpec.Store.CONTAINERD, "1", folder);
        dockerfile("FROM busybox\nRUN false\n");
        List<String> shown = engine.ensure(app + "=.").expect(10).err().lines().filter(line -> line.startsWith("  | "))
                .map(line -> line.substring("  | ".length()).replaceFirst("^#\\d+ ", "# ")).toList();
        String reason = "process \"/bin/sh -c false\" did not complete successfully: exit code: 1";
        assertEquals(List.of("# [2/2] RUN false", "# ERROR: " + reason, "Dockerfile:2", "--------------------"),
                shown.subList(0, 4));
        assertTrue(shown.contains("   2 | >>> RUN false"), shown.toString());
        assertTrue(shown.get(shown.size() - 1).endsWith("failed to solve: " + reason), shown.toString());
        assertTrue(shown.size() <= 9, shown.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void aRunThatPrintsTheRaceLineToTheLetterIsAFailure(String buildkit) {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, buildkit, folder);
        String line = "ERROR: failed to solve: image \"docker.io/library/" + app + ":latest\": already exists";
        Harness.write(folder.resolve("line"), line + "\n");
        dockerfile(
                "FROM busybox\nCOPY line /line\nRUN cat /line; cat /line >&2; printf '\\r%s' \"$(cat /line)\"; exit 1\n");
        Harness.Result result = engine.ensure(app + "=.").expect(10);
        assertTrue(result.err().contains(line), "control: the line is in the output: " + result);
    }

    @Test
    void theBuildsOutputCannotPassForOurs() {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "0", folder);
        dockerfile("FROM busybox\nRUN printf 'ensure_image: forged\\n::error::forged\\n\\033[2Jforged\\n'; exit 1\n");
        Harness.Result result = engine.ensure(app + "=.").expect(10);
        assertTrue(result.err().contains("| ensure_image: forged") && result.err().contains("| ::error::forged"),
                "control: it was printed: " + result);
        assertFalse(result.err().contains("\033"), result.toString());
        assertTrue(result.err().lines()
                .noneMatch(line -> line.startsWith("ensure_image: forged") || line.startsWith("::")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void aBuildThatTakesTooLongIsEndedOnTheEngineToo(String buildkit) {
        Workbench engine = new Workbench("28.5", EngineSpec.Store.CONTAINERD, buildkit, folder);
        String sleep = longSleep();
        dockerfile("FROM busybox\nRUN " + sleep + "\n");
        Harness.Result result = null;
        boolean built = false;
        // A busy machine may not come to the step in time.
        for (int limit = 10; !built && limit <= LONGEST; limit *= 2) {
            try (Harness.Running running = engine.ensuring(app + "=.", "--timeout", "" + limit)
                    .timeout(Duration.ofSeconds(limit).plus(Harness.SOON)).start()) {
                Harness.eventually("it builds, or ends", Harness.SOON, () -> !running.isAlive() || isRunning(sleep));
                built = running.isAlive();
                result = running.await().expect(124);
                assertTrue(result.err().contains("timed out after " + limit + ".0 s: " + app + ":latest: docker "),
                        result.toString());
            }
        }
        assertTrue(built, "control: the step ran");
        assertTrue(result.err().contains(":latest: docker build"), result.toString());
        Harness.eventually("nothing is left building", Harness.SOON, () -> !isRunning(sleep));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void controlCEndsTheBuildAndExits130(String buildkit) {
        Workbench engine = new Workbench("28.5", EngineSpec.Store.CONTAINERD, buildkit, folder);
        String sleep = longSleep();
        dockerfile("FROM busybox\nRUN " + sleep + "\n");
        // A terminal sends the signal to the whole foreground group; a test run in the background may ignore it.
        try (Harness.Running running =
                engine.ensuring(List.of("setsid", "env", "--default-signal=INT"), app + "=.").start()) {
            Harness.eventually("it builds", Harness.SOON, () -> isRunning(sleep));
            Harness.command("kill", "-INT", "--", "-" + running.pid()).run().succeeded();
            Harness.Result result = running.await().expect(130);
            assertFalse(result.err().contains("build failed"), result.toString());
        }
        Harness.eventually("nothing is left building", Harness.SOON, () -> !isRunning(sleep));
    }

    /** Not we but docker got the signal, as from an administrator. */
    @Test
    void aBuildThatDockerWasToldToStopIsAnInterruptionToo() {
        Workbench engine = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", folder);
        String sleep = longSleep();
        dockerfile("FROM busybox\nRUN " + sleep + "\n");
        try (Harness.Running running = engine.ensuring(app + "=.", "--format", "json").start()) {
            Harness.eventually("it builds", Duration.ofSeconds(60), () -> isRunning(sleep));
            ProcessHandle.of(running.pid()).orElseThrow().descendants().forEach(
                    client -> Harness.command("kill", "-INT", Long.toString(client.pid())).run());
            Harness.Result result = running.await().expect(130);
            assertTrue(result.err().endsWith("\nensure_image: interrupted\n"), result.toString());
            assertTrue(result.out().contains("\"outcome\":\"failed\"") && result.out().contains("\"exit\":130"),
                    result.toString());
        }
        Harness.eventually("nothing is left building", Duration.ofSeconds(20), () -> !isRunning(sleep));
    }

    // ---- Help

    @Test
    void helpVersionAndCompletionNeedNoEngine() {
        String help = Harness.script("ensure_image", "--help-all").in(folder).run().succeeded().out();
        assertTrue(help.lines().allMatch(line -> line.length() <= 80), help);
        for (ExitCode code : ExitCode.values()) {
            assertTrue(help.matches("(?s).*\n +" + code.status() + " +\\w.*"), code + " is documented: " + help);
        }
        assertEquals("ensure_image " + Version.TEXT + " (script)\n",
                Harness.script("ensure_image", "--version").in(folder).run().succeeded().out());
        Harness.Result verbose = Harness.script("ensure_image", "--version", "--verbose", "--docker", "no-such-docker")
                .in(folder).run().succeeded();
        assertTrue(verbose.out().contains("\nJava ") && verbose.out().contains("\nJBang")
                && verbose.out().contains("docker is not installed"), verbose.toString());
        String completion = Harness.script("ensure_image", "--completion").in(folder).run().succeeded().out();
        Harness.Result completed = Harness
                .command("bash", "-c", "source /dev/stdin; COMP_WORDS=(ensure_image --single);"
                        + " COMP_CWORD=1; _complete_ensure_image ensure_image --single ensure_image; echo \"${COMPREPLY[@]}\"")
                .input(completion).in(folder).run().succeeded();
        assertEquals("--single-flight\n", completed.out());
        assertTrue(completion.contains("|--share|") && completion.contains("|--wait|"), "values are no names");
    }

    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD, containerd image store, BuildKit",
        "20.10, CLASSIC, classic image store, legacy builder"})
    void theVersionTellsWhatItRunsOn(String version, EngineSpec.Store store, String itsStore, String builder) {
        Workbench engine = new Workbench(version, store, "1", folder);
        Harness.Result result = engine.ensure("--verbose", "--version").succeeded();
        assertTrue(result.out()
                .matches("(?s)ensure_image .*\nJava .*\nJBang.*\ndocker " + version + "[^,]*, engine " + version
                        + "[^,]*, " + itsStore + ", " + builder + ".*\n"),
                result.toString());
    }

    // ---- Errors of the user and of the machine

    @Test
    void aMissingDockerClientIsNamed() {
        dockerfile("FROM busybox\n");
        Harness.Result result =
                Harness.script("ensure_image", app + "=.", "--docker", "no-such-docker").in(folder).run();
        assertEquals("ensure_image: docker is not installed: cannot start 'no-such-docker'",
                result.expect(69).err().lines().findFirst().orElse(""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"})
    void anEngineThatDoesNotAnswerIsNamed(String host) {
        Workbench engine = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", folder);
        dockerfile("FROM busybox\n");
        Harness.Result result = engine.ensuring(app + "=.").env("DOCKER_HOST", host).run().expect(69);
        assertEquals("ensure_image: the engine is not running: no answer at " + host.replace("unix://", "")
                + "\nStart it, or set DOCKER_HOST. To see its state: docker version\n", result.err(),
                result.toString());
    }

    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD", "28.5, CONTAINERD", "20.10, CLASSIC"})
    void aContextThatDoesNotExistIsNamed(String version, EngineSpec.Store store) {
        Workbench engine = new Workbench(version, store, "1", folder);
        dockerfile("FROM busybox\n");
        Harness.Result result = engine.ensuring(app + "=.").without("DOCKER_HOST").env("DOCKER_CONTEXT", "nosuch").run()
                .expect(69);
        assertEquals("ensure_image: no docker context 'nosuch'\nTo list the contexts: docker context ls\n",
                result.err(), result.toString());
    }

    /** A socket of another user, and no right to override permissions, as for a user outside the group docker. */
    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD", "28.5, CONTAINERD", "20.10, CLASSIC"})
    void aUserWithoutPermissionIsToldSo(String version, EngineSpec.Store store) throws Exception {
        Workbench engine = new Workbench(version, store, "1", folder);
        dockerfile("FROM busybox\n");
        Path socket = folder.resolve("docker.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            Harness.command("chown", "65534", socket.toString()).run().succeeded();
            Harness.Result result = engine.ensuring(
                    List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search"), app + "=.")
                    .env("DOCKER_HOST", "unix://" + socket).run().expect(69);
            assertEquals("ensure_image: no permission to use the engine at " + socket
                    + "\nRun as a user of the group 'docker', or set DOCKER_HOST.\n", result.err(), result.toString());
        }
    }

    // ---- Helpers

    private void dockerfile(String text) {
        Harness.write(folder.resolve("Dockerfile"), text);
    }

    /** A command line that no other process on this machine has. */
    private String longSleep() {
        return "sleep 3600." + (1 + Math.abs(id.hashCode() % 1_000_000));
    }

    /** Whether the engine runs it: its processes are this machine's too. By its argument, for sleep is busybox. */
    private static boolean isRunning(String sleep) {
        String argument = sleep.split(" ")[1];
        return ProcessHandle.allProcesses().anyMatch(process -> process.info().arguments()
                .map(arguments -> arguments.length == 1 && arguments[0].equals(argument)).orElse(false));
    }
}
