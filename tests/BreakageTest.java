// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What breaks around a build: the client, the machine, the locale. The status and the message say what it was. */
class BreakageTest {

    private static final int JVM_DIED = 128 + 11; // SIGSEGV

    private final String app = "breakage-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM scratch\nCOPY file /\n");
        bench.write("file", app);
    }

    // ---- The client

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "kill -9 $$                                     | 69 | docker image inspect did not answer: it printed nothing",
        "echo one; echo two                             | 69 | docker image inspect did not answer: it printed nothing",
        "head -c 3000000 /dev/urandom                   | 69 | docker image inspect did not answer: it printed nothing",
        "head -c 9000000 /dev/zero >&2                  | 69 | the engine failed: \\u0000\\u0000",
        "$BUILD kill -9 $$                              | 10 | build failed: ",
        "$BUILD head -c 9000000 /dev/zero >&2; exit 1   | 10 | build failed: ",
        "$BUILD head -c 900000 /dev/urandom >&2; exit 1 | 10 | build failed: ",
        "[ $1 != tag ] && exec $DOCKER \"$@\"; kill -9 $$ | 10 | the image cannot be named: "})
    void aClientThatFailsIsAFailureThatNamesIt(String script, int status, String message) {
        Harness.Result result = withClient(script).run().expect(status);
        assertTrue(result.err().contains("ensure_image: " + message), cut(result.err()));
        assertTrue(result.err().chars().noneMatch(c -> c < ' ' && c != '\n' && c != '\t'), "nothing moves the cursor");
        assertEquals(1, bench.docker("image", "inspect", app).status(), "control: there is no image");
        bench.ensure(app + "=.").succeeded();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sleep 1000.5", "trap '' TERM INT; while :; do sleep 1000.5; done", "$BUILD yes ''"})
    void aClientThatHangsIsEndedWithAllThatItStarted(String script) throws IOException {
        String marker = "BREAKAGE=" + app;
        Harness.Result result = withClient(script, "--timeout", "4").env("BREAKAGE", app).run().expect(124);
        assertTrue(result.err().contains("timed out after 4.0 s: " + app + ":latest: docker "), cut(result.err()));
        Harness.eventually("nothing is left of it", Harness.SOON, () -> environments().noneMatch(
                environment -> environment.contains(marker)));
    }

    @Test
    void aClientThatCannotBeStartedIsNamedWithTheReason() {
        Path client = bench.write("client", "no program");
        Harness.Result notExecutable = bench.ensure(app + "=.", "--docker", client.toString()).expect(69);
        assertTrue(notExecutable.err().startsWith("ensure_image: cannot run '" + client + "': Permission denied"),
                notExecutable.toString());
    }

    /** Podman's answer about an image that is there: it does not tell of triggers. */
    @Test
    void aClientThatDoesNotTellOfTriggersIsUnderstood() {
        bench.ensure(app + "=.").succeeded();
        Harness.Result result = withClient("case \"$*\" in *OnBuild*) echo 'Error: inspecting object: "
                + "printing inspect output: template: inspect:1:40: executing \"inspect\" at <.OnBuild>: can'\\''t evaluate "
                + "field OnBuild in type *v1.ImageConfig' >&2; exit 125;; esac; exec $DOCKER \"$@\"").run().succeeded();
        assertTrue(result.out().startsWith("present  "), result.toString());
    }

    /** In the words of podman 4.3 and 5.4. */
    @ParameterizedTest
    @ValueSource(strings = {"Error: inspecting object: $name: image not known", "Error: $name: image not known"})
    void aMissingImageIsMissingInPodmansWordsToo(String text) {
        Harness.Result result = withClient("[ $1 = image ] || exec $DOCKER \"$@\"; $DOCKER \"$@\" 2>/dev/null && exit; "
                + "for name; do :; done; echo \"" + text + "\" >&2; exit 125").run().succeeded();
        assertTrue(result.out().startsWith("built  "), result.toString());
    }

    /** In the words of Docker 28.5 about an image that is being removed; they do not say which of several. */
    @ParameterizedTest
    @ValueSource(strings = {"busybox", "scratch"})
    void anImageOfWhichNotAllIsThereIsMissing(String base) {
        bench.write("Dockerfile", "FROM " + base + "\nCOPY Dockerfile /\n");
        Harness.Result result = withClient("[ $1 = image ] || exec $DOCKER \"$@\"; "
                + "found=$($DOCKER \"$@\" 2>/dev/null) && echo \"$found\" && exit; echo 'Error response from daemon: rpc "
                + "error: code = NotFound desc = content digest sha256:" + "0".repeat(64) + ": not found' >&2; exit 1")
                .run().succeeded();
        assertTrue(result.out().startsWith("built  "), result.toString());
    }

    private Harness.Command withClient(String script, String... options) {
        String client = bench.client(script.replace("$BUILD", "[ $1 != build ] && exec $DOCKER \"$@\";")
                .replace("$DOCKER", bench.client()) + "\n").toString();
        return bench.ensuring(Stream.concat(Stream.of("--docker", client, app + "=."), Stream.of(options))
                .toArray(String[]::new));
    }

    private static Stream<String> environments() {
        return ProcessHandle.allProcesses().map(process -> {
            try {
                return Files.readString(Path.of("/proc/" + process.pid() + "/environ"),
                        StandardCharsets.ISO_8859_1);
            } catch (IOException e) {
                return "";
            }
        });
    }

    private static String cut(String text) {
        return text.substring(Math.max(0, text.length() - 2000));
    }

    // ---- The machine

    /** With as few as these the JVM itself may die of it, and gives no answer at all then. */
    @ParameterizedTest
    @ValueSource(ints = {26, 30, 34, 60})
    void tooFewFileDescriptorsAreNeverTakenForAMissingDocker(int descriptors) {
        Harness.Command command = bench.ensuring(List.of("prlimit", "--nofile=" + descriptors), app + "=.");
        Harness.Result result = command.run();
        assertTrue(Set.of(0, 10, 69, 70, 2, JVM_DIED).contains(result.status()), result.toString());
        assertFalse(result.err().contains("not installed"), result.toString());
        assertEquals(result.status() == 0, bench.docker("image", "inspect", app).status() == 0, result.toString());
        bench.ensure(app + "=.").succeeded();
    }

    /** What was written before it is from the future then. */
    @Test
    void aClockThatIsSetBackHidesNoChange() throws Exception {
        Harness.machine().require("faketime", ThrowawayEngine.Progress.NONE);
        Harness.Command late = bench.ensuring(List.of("faketime", "-f", "-1d"), "--single-flight", app + "=.")
                .env("NO_FAKE_STAT", "1");
        assertTrue(bench.ensure("--single-flight", app + "=.").succeeded().out().startsWith("built "));
        assertTrue(late.run().succeeded().out().startsWith("present "));
        for (String change : List.of("one", "two")) {
            bench.write("file", change);
            assertTrue(late.run().succeeded().out().startsWith("rebuilt "), change);
            assertTrue(late.run().succeeded().out().startsWith("present "), change);
        }
    }

    @Test
    void withoutAPlaceForTemporaryFilesItSaysSo() {
        Harness.Result result = bench.ensuring(app + "=.").env("XDG_CACHE_HOME", "/proc/no-cache")
                .env("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=/proc/no-tmp").run().expect(2);
        assertTrue(result.err().contains("ensure_image: no folder for temporary files: /proc/no-tmp/"),
                result.toString());
    }

    /** All is lost but the first of them: two values would be the same. */
    @Test
    void whatTheLocaleDoesNotHaveIsRefusedAndNotLost() {
        bench.write("\u00e4/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        for (String argument : new String[] {app + "=\u00e4", "--build-arg=A=\u00e4", "--target=\u00e4"}) {
            Harness.Result result = bench.ensuring(app + "=.", argument).env("LC_ALL", "C").run().expect(2);
            assertTrue(result.err()
                    .startsWith("ensure_image: an argument has characters that this locale does not have\n"),
                    result.toString());
        }
        Harness.Result value = bench.ensuring(app + "=.", "--build-arg", "A").env("A", "s\u00e4cret").env("LC_ALL",
                "C").run()
                .expect(2);
        assertTrue(value.err().startsWith("ensure_image: the build argument A has characters"), value.toString());
        assertFalse(value.err().contains("cret"), value.toString());
        bench.ensuring(app + "=\u00e4", "--build-arg=A=\u00e4").env("LC_ALL", "C.UTF-8").run().succeeded();
    }

    @Test
    void theEnvironmentReachesDockerAsItIs() {
        Path client = bench.client("[ \"$OTHER\" = '\u00e4' ] || exit 9\nexec " + bench.client() + " \"$@\"\n");
        bench.ensuring(app + "=.", "--docker", client.toString()).env("OTHER", "\u00e4").env("LC_ALL", "C").run()
                .succeeded();
    }
}
