// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What makes an image stale, what does not, and what ensure_image says of it; on a real engine. */
class FreshnessTest {

    private static final String INPUTS_CHANGED = "its inputs changed while it was built, building again";

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String app = "freshness-" + id;
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
    }

    // ---- Stale, and why

    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD, 1", "28.5, CONTAINERD, 1", "28.5, CLASSIC, 0", "20.10, CLASSIC, 1"})
    void anEditedContextIsBuiltAgainAndAnUneditedOneIsNot(String version, EngineSpec.Store store, String buildkit) {
        bench = new Workbench(version, store, buildkit, Harness.newFolder());
        bench.write("Dockerfile", "FROM busybox\nCOPY src /src\n");
        bench.write("src/a", "one\n");
        ensured("built");
        String first = bench.imageId(app);
        bench.write("src/a", "one\n"); // other times, same content
        bench.write("beside", "not copied\n");
        ensured("present");
        assertEquals(first, bench.imageId(app));

        bench.write("src/a", "two\n");
        Harness.Result second = ensured("rebuilt");
        assertTrue(second.err().contains(app + ":latest: stale: 1 file changed (src/a); building from ."),
                second.toString());
        assertEquals("two", bench.cat(app, "/src/a"));
        assertNotEquals(first, bench.imageId(app));
        ensured("present");
    }

    @Test
    void itSaysWhatMadeAnImageStale() {
        bench.write("Dockerfile", "FROM busybox\nCOPY src /src\n");
        bench.write("src/old.conf", "");
        ensured("built");
        bench.write("Dockerfile", "FROM busybox\nCOPY src /src\nUSER 1\n");
        bench.write("src/new.conf", "");
        check(11, "stale             " + app + ":latest  Dockerfile changed (line 3); 1 file added (src/new.conf)");
        Harness.Result elsewhere =
                bench.ensuring("--check", app + "=.").env("XDG_CACHE_HOME", Harness.newFolder()).run();
        assertEquals("stale             " + app + ":latest  an input changed\n", elsewhere.expect(11).out(),
                "without the cache: only that");
        ensured("rebuilt");
        check(0, "present           " + app + ":latest  " + bench.imageId(app));
    }

    /** Each takes the tag from the other, for ever; so each is told what to do. */
    @Test
    void twoCallersWithOtherArgumentsOnOneTagAreToldToUseTwo() {
        bench.write("Dockerfile", "FROM busybox\nARG A\nRUN echo $A > /a\n");
        bench.ensure("--build-arg", "A=0", app + "=.").succeeded();
        for (String value : List.of("A=1", "A=0", "A=1")) {
            Harness.Result other = bench.ensure("--build-arg", value, app + "=.").succeeded();
            assertTrue(other.out().startsWith("rebuilt "), other.toString());
            assertTrue(other.err().contains(app + ":latest: stale: build argument changed (A) "
                    + "(if another caller uses other values, give each its own tag); building"), other.toString());
        }
        bench.write("Dockerfile", "FROM busybox\nARG A\nRUN echo $A > /b\n");
        Harness.Result edited = bench.ensure("--build-arg", "A=2", app + "=.").succeeded();
        assertFalse(edited.err().contains("another caller"), "control: the Dockerfile was edited, too: " + edited);
    }

    @Test
    void checkReportsAndBuildsNothing() {
        bench.write("Dockerfile", "FROM busybox\n");
        check(11, "missing           " + app + ":latest");
        assertNotEquals(0, bench.docker("image", "inspect", app).status(), "nothing was built");
    }

    @Test
    void anUneditedImageCostsOneLookUpAndNothingElse() throws IOException {
        bench.write("Dockerfile", "FROM busybox\n");
        ensured("built");
        Path log = bench.folder.resolve("log");
        Path client = bench.loggingClient(log);
        bench.ensure("--docker", client.toString(), app + "=.").succeeded(); // it learns what this engine is
        Files.delete(log);
        bench.ensure("--docker", client.toString(), app + "=.").succeeded();
        assertEquals(1, Files.readAllLines(log).size(), Files.readString(log));
        assertTrue(Files.readString(log).startsWith("image inspect "));
    }

    @Test
    void buildArgumentsTargetAndPassedOptionsAreInputs() {
        bench.write("Dockerfile",
                "FROM busybox AS one\nARG B\nARG SECRET\nRUN echo $B-$SECRET > /args\nFROM one AS two\n");
        ensured("built");
        ensured("present");
        ensured("rebuilt", "--build-arg", "B=1");
        ensured("present", "--build-arg", "B=1");
        ensured("rebuilt", "--build-arg", "B");
        assertEquals("from the environment-", bench.cat(app, "/args"));
        ensured("present", "--build-arg", "B=from the environment");
        ensured("present", "--", "--build-arg", "B");
        ensured("rebuilt", "--target", "one");
        ensured("rebuilt", "--", "--label", "x=y");
        ensured("present", "--", "--label", "x=y");
        Harness.Result changed = ensured("rebuilt", "--build-arg", "B=2");
        assertTrue(changed.err().contains("stale: build argument changed (B); option changed (--label)"),
                changed.toString());
    }

    /** What docker takes from the environment by itself. */
    @Test
    void theEnvironmentsPlatformAndDateAreInputs() {
        bench.write("Dockerfile", "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY file /$SOURCE_DATE_EPOCH/\n");
        bench.write("file", "");
        ensured("built");
        for (Map<String, String> variable : List.of(Map.of("DOCKER_DEFAULT_PLATFORM", "linux/arm64"),
                Map.of("SOURCE_DATE_EPOCH", "12345"))) {
            for (String outcome : List.of("rebuilt", "present")) {
                Harness.Result result = bench.ensuring(app + "=.").env(variable).run().succeeded();
                assertTrue(result.out().startsWith(outcome + " "), variable + ": " + result);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void noLineOfASecretBuildArgumentIsPrinted(String buildkit) {
        bench.write("Dockerfile", "FROM busybox\nARG TOKEN\nRUN test -n \"$TOKEN\"; echo \"$TOKEN\"; exit 3\n");
        String secret = "s3cret\ns3cret-and-more \"$x\"";
        Harness.Result result = bench.ensuring(app + "=.", "--build-arg", "TOKEN").env("TOKEN", secret)
                .env("DOCKER_BUILDKIT", buildkit).run().expect(10);
        assertTrue(result.err().contains("***"), "control: it was printed: " + result);
        assertFalse(result.err().contains("s3cret") || result.err().contains("-and-more"), result.toString());
    }

    @Test
    void aBuildArgumentsValueIsWrittenNowhere() throws IOException {
        String secret = "s3cret-" + id;
        bench.write("Dockerfile", "FROM busybox\nARG TOKEN\nRUN test -n \"$TOKEN\"\n");
        try (Gate gate = Gate.before(bench);
                Harness.Running running = bench.ensuring(app + "=.", "-v", "--build-arg", "TOKEN", "--docker",
                        gate.client()).env("TOKEN", secret).start()) {
            gate.await(1);
            assertFalse(commandLines().anyMatch(line -> line.contains(secret)), "no process title has it");
            assertTrue(commandLines().anyMatch(line -> line.contains(gate.client() + "\0build\0")
                    && line.contains("TOKEN")), "control: that of docker build is among them");
            gate.open();
            Harness.Result result = running.await().succeeded();
            assertFalse((result.out() + result.err()).contains(secret), result.toString());
            assertTrue(result.err().contains("test -n \"***\""), "control: BuildKit prints the value: " + result);
        }
        assertFalse(bench.label(app).contains(secret));
        try (Stream<Path> files = Files.walk(bench.cache)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertFalse(Files.readString(file).contains(secret), file.toString());
            }
        }
    }

    /** The step is this test's own: a secret is no part of a build cache's key, so another test's could answer. */
    @Test
    void secretsAreNoInput() {
        bench.write("Dockerfile", "FROM busybox\nENV STEP=" + app + "\n"
                + "RUN --mount=type=secret,id=s cat /run/secrets/s | wc -c > /size\n");
        bench.write("secret", "12345");
        ensured("built", "--", "--secret", "id=s,src=secret");
        assertEquals("5", bench.cat(app, "/size"), "control: the build saw it");
        bench.write("secret", "123456");
        ensured("present", "--", "--secret", "id=s,src=secret");
        ensured("present");
    }

    @Test
    void whatABaseImageCopiesByItsTriggersCounts() {
        bench.write("base/Dockerfile", "FROM busybox\nONBUILD COPY . /all\n");
        bench.docker("build", "--tag", app + "-base", "base").succeeded();
        bench.write("app/Dockerfile", "FROM " + app + "-base\n");
        bench.write("app/file", "one\n");
        ensured("built", List.of(app + "=app"));
        ensured("present", List.of(app + "=app"));
        bench.write("app/file", "two\n");
        ensured("rebuilt", List.of(app + "=app"));
        assertEquals("two", bench.cat(app, "/all/file"));
    }

    @Test
    void theDockerfileMayComeFromStdinOrFromOutsideTheContext() {
        bench.write("context/file with\nnewline", "content\n");
        bench.write("elsewhere/My Dockerfile", "FROM busybox\nCOPY . /from-elsewhere\n");
        String stdin = "FROM busybox\nCOPY . /from-stdin\n";
        for (String outcome : List.of("built", "present")) {
            Harness.Result result = bench.ensuring(app + "=context", "-f", "-").input(stdin).run().succeeded();
            assertTrue(result.out().startsWith(outcome + " "), result.toString());
        }
        assertEquals("content", bench.cat(app, "/from-stdin/file with\nnewline"));
        assertTrue(bench.ensuring(app + "=context", "-f", "-").input(stdin + "USER 1\n").run().succeeded().out()
                .startsWith("rebuilt "));
        ensured("rebuilt", List.of(app + "=context", "-f", "elsewhere/My Dockerfile"));
        ensured("present", List.of(app + "=context", "-f", "elsewhere/My Dockerfile"));
        assertEquals("content", bench.cat(app, "/from-elsewhere/file with\nnewline"));
    }

    @Test
    void anImageOfAnotherPlatformHasItsFingerprintToo() {
        bench.write("Dockerfile", "FROM scratch\nCOPY file /\n");
        bench.write("file", "");
        ensured("built", "--platform", "linux/arm64");
        ensured("present", "--platform", "linux/arm64");
        ensured("rebuilt");
    }

    // ---- Rules

    @Test
    void ifMissingTakesWhateverIsThere() {
        bench.write("Dockerfile", "FROM busybox\n");
        ensured("built", "--if-missing");
        bench.write("Dockerfile", "FROM busybox\nUSER 1\n");
        ensured("present", "--if-missing");
        bench.docker("tag", "busybox", app).succeeded();
        ensured("present", "--if-missing");
    }

    @Test
    void forceBuildsWhateverIsThere() {
        bench.write("Dockerfile", "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid > /uuid\n");
        ensured("built");
        String first = bench.cat(app, "/uuid");
        ensured("rebuilt", "--force", "--", "--no-cache");
        assertNotEquals(first, bench.cat(app, "/uuid"));
    }

    @Test
    void anImageThatIsNotOursIsStale() {
        bench.write("Dockerfile", "FROM busybox\nRUN echo ours > /who\n");
        bench.docker("tag", "busybox", app).succeeded();
        Harness.Result result = ensured("rebuilt");
        assertTrue(result.err().contains("stale: it was not built by ensure_image"), result.toString());
        assertEquals("ours", bench.cat(app, "/who"));
    }

    // ---- The right image

    @ParameterizedTest
    @CsvSource({"26.1, CONTAINERD", "28.5, CONTAINERD", "20.10, CLASSIC"})
    void anIdStaysGoodWhenAnotherFolderTakesTheTag(String version, EngineSpec.Store store) {
        bench = new Workbench(version, store, "1", Harness.newFolder());
        bench.write("one/Dockerfile", "FROM busybox\nRUN echo one > /who\n");
        bench.write("two/Dockerfile", "FROM busybox\nRUN echo two > /who\n");
        String one = bench.ensure("-q", app + "=one").succeeded().out().strip();
        String two = bench.ensure("-q", app + "=two").succeeded().out().strip();
        assertEquals(two, bench.imageId(app), "control: the tag was taken");
        assertEquals("one", bench.cat(one, "/who"));
        assertEquals("two", bench.cat(two, "/who"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void buildsOfTheSameInputsAreTheSameImage(String version) {
        bench = new Workbench(version, EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
        bench.write("Dockerfile", "FROM busybox\nRUN sleep 1; date > /date\n");
        List<String> ids = Harness.together(6, i -> bench.ensuring("-q", app + "=.")).stream()
                .map(result -> result.succeeded().out()).distinct().toList();
        assertEquals(1, ids.size(), ids.toString());
    }

    /** As a builder in a container has it, whose image is loaded into a classic store: the metadata tells the manifest. */
    @Test
    void anImageIsFoundByTheDigestOfItsConfigurationToo() {
        bench = new Workbench("28.5", EngineSpec.Store.CLASSIC, "1", Harness.newFolder());
        bench.write("Dockerfile", "FROM busybox\n");
        Path client = bench.client(bench.client() + " \"$@\" || exit\nwhile [ $# -gt 0 ]; do\n"
                + "[ \"$1\" != --metadata-file ] || sed -i 's/\\(\"containerimage.digest\": \"sha256:\\)[0-9a-f]*/\\1"
                + "0".repeat(64) + "/' \"$2\"\nshift\ndone\n");
        String ids = ensured("built", "--docker", client.toString()).out();
        assertTrue(ids.contains(bench.imageId(app)), ids);
    }

    @Test
    void whatChangedWhileItWasBuiltIsBuiltAgain() {
        bench.write("Dockerfile", "FROM busybox\nCOPY file /file\n");
        bench.write("file", "one\n");
        try (Gate gate = Gate.after(bench);
                Harness.Running running = bench.ensuring(app + "=.", "--docker", gate.client()).start()) {
            gate.await(1);
            bench.write("file", "two\n");
            gate.open();
            Harness.Result result = running.await().succeeded();
            assertTrue(result.err().contains(INPUTS_CHANGED), result.toString());
        }
        assertEquals("two", bench.cat(app, "/file"));
        ensured("present");
    }

    /** A look before the build and one after it see no change; what the build saw in between was something else. */
    @ParameterizedTest
    @CsvSource({"dir, Dockerfile, 'FROM busybox\nCOPY dir /all\nRUN echo another > /all/one\n'",
        "dir, .dockerignore, dir/two",
        "dir, dir/one, other", "dir, dir/new, other", "., new, other"})
    void whatChangedAndChangedBackWhileItWasBuiltIsBuiltAgain(String copied, String file, String between) {
        String all = "find /all -type f | sort | xargs sha256sum";
        bench.write("Dockerfile", "FROM busybox\nCOPY " + copied + " /all\n");
        bench.write(".dockerignore", "ignored\n");
        for (String name : List.of("dir/one", "dir/two")) bench.write(name, name + "\n");
        bench.docker("build", "--tag", app + "-truth", ".").succeeded();
        Path other = Harness.write(Harness.newFolder().resolve("other"), between);
        Path client = bench.client("[ \"$1\" = build ] && ! [ -e " + other + ".done ] || exec " + bench.client()
                + " \"$@\"\n"
                + "mv " + file + " " + other + ".aside; cp " + other + " " + file + "\n" + bench.client()
                + " \"$@\"; status=$?\n"
                + "rm " + file + "; mv " + other + ".aside " + file + "; touch " + other + ".done; exit $status\n");
        Harness.Result result = bench.ensure("--docker", client.toString(), app + "=.").succeeded();
        assertTrue(result.err().contains(INPUTS_CHANGED), result.toString());
        assertEquals(run(app + "-truth", all), run(app, all));
    }

    // ---- Temporary failures

    /** The client is the real one, but its builds fail so many times with a line as Docker 29.1 printed it. */
    @Test
    void aTemporaryFailureIsTriedAgainAndReportedUntilTheLastAttempt() throws IOException {
        bench.write("Dockerfile", "FROM busybox\n");
        String line = "ERROR: failed to build: failed to solve: failed to prepare extraction snapshot "
                + "\"extract-771744199-MArs sha256:1d41\": parent snapshot sha256:e644 does not exist: not found";
        Path failures = bench.write("failures", "fail\nfail\n");
        Path client =
                bench.client("[ \"$1\" = build ] && [ -s " + failures + " ] || exec " + bench.client() + " \"$@\"\n"
                        + "sed -i 1d " + failures + "\necho '" + line + "' >&2\nexit 1\n");
        Harness.Result second = ensured("built", "--docker", client.toString());
        List<String> told = second.err().lines().toList();
        assertEquals(List.of("building from .", "temporary failure, trying again (" + line + ")",
                "building from . (attempt 2 of 5)", "temporary failure, trying again (" + line + ")",
                "building from . (attempt 3 of 5)"),
                told.stream().map(event -> event.replace(app + ":latest: ", "")).toList(), second.toString());

        bench.docker("image", "rm", app).succeeded();
        bench.write("failures", "fail\nfail\nfail\n");
        Harness.Result last =
                bench.ensure("-q", "--attempts", "2", "--docker", client.toString(), app + "=.").expect(75);
        assertTrue(last.err().contains("built 2 times") && last.err().lines().findFirst().orElse("").endsWith(line),
                "it says why also where nothing else was told: " + last);
        assertEquals("", last.out());
    }

    // ---- Unknown failures

    /** A docker of the future: it builds, and then says in other words that another build was faster. */
    @Test
    void anUnknownFailureIsASuccessOnlyIfAnotherBuildOfTheSameInputsMadeTheImage() {
        bench.write("Dockerfile", "FROM busybox\n");
        Path gate = bench.folder.resolve("gate");
        Path client = bench.client("[ \"$1\" = build ] || exec " + bench.client() + " \"$@\"\n"
                + "until [ -e " + gate
                + " ]; do sleep 0.1; done\necho 'ERROR: an unknown text' >&2\nexit 1\n");
        try (Harness.Running loser = bench.ensuring("--docker", client.toString(), app + "=.").start()) {
            Harness.eventually("it builds", Harness.SOON, () -> loser.err().contains("building from"));
            ensured("built");
            bench.write("gate", "");
            Harness.Result result = loser.await().succeeded();
            assertTrue(result.out().startsWith("built-by-another "), result.toString());
            assertTrue(
                    result.err().contains("warning: the build failed")
                            && result.err().contains("an unknown text"),
                    result.toString());
        }
        bench.docker("image", "rm", app).succeeded();
        bench.ensure("--docker", client.toString(), app + "=.").expect(10);
        bench.docker("tag", "busybox", app).succeeded();
        bench.ensure("--docker", client.toString(), app + "=.").expect(10);
        ensured("rebuilt");
        bench.ensure("--docker", client.toString(), "--force", app + "=.").expect(10);
    }

    // ---- Mistakes

    @Test
    void anOptionOfOursCannotBePassedToDocker() {
        bench.write("Dockerfile", "FROM busybox\n");
        for (String option : List.of("-f", "--file=x", "--target", "--platform=x", "--iidfile", "--metadata-file=x")) {
            Harness.Result result = bench.ensure(app + "=.", "--", option, "y").expect(2);
            assertTrue(result.err().startsWith("ensure_image: " + option.split("=")[0] + " cannot be passed"),
                    result.toString());
        }
    }

    // ---- Helpers

    private Harness.Result ensured(String outcome, String... options) {
        return ensured(outcome, Stream.concat(Stream.of(app + "=."), Stream.of(options)).toList());
    }

    private Harness.Result ensured(String outcome, List<String> arguments) {
        Harness.Result result = bench.ensure(arguments.toArray(String[]::new)).succeeded();
        assertTrue(result.out().startsWith(outcome + " "), "expected " + outcome + ": " + result);
        return result;
    }

    private String run(String image, String script) {
        return bench.docker("run", "--rm", image, "sh", "-c", script).succeeded().out();
    }

    private void check(int status, String line) {
        assertEquals(line + "\n", bench.ensure("--check", app + "=.").expect(status).out());
    }

    private static Stream<String> commandLines() {
        return ProcessHandle.allProcesses().map(process -> {
            try {
                return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
            } catch (IOException e) {
                return "";
            }
        });
    }
}
