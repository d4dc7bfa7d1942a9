// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.ActionsReportTest.FORGED;
import static ensureimage.ActionsReportTest.obeyed;
import static ensureimage.JsonReportTest.objects;
import static ensureimage.ReportScene.ACTIONS;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Screen;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What ensure_image prints, seen from outside, on a real engine: in a workflow, as JSON, on a terminal. */
class ReportsOnEngineTest {

    private final Workbench bench = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());

    /** The way it is started in a workflow. */
    @Test
    void inAWorkflowAFailedBuildPointsToItsLine() {
        bench.write("docker/app/Dockerfile", "FROM busybox\n\nRUN echo first\nRUN echo told >&2; \\\n  exit 3\n");
        Harness.Result run = Harness.jbangw(Harness.projectFile("ensure_image.java").toString(), "reports-a=docker/app")
                .in(bench.folder).env(bench.environment()).env(ACTIONS)
                .without("GITHUB_WORKSPACE", "XDG_CACHE_HOME") // the default cache is where jbangw has JBang
                .run().expect(10);
        assertEquals(List.of("group reports-a:latest: build output", "stop-commands TOKEN", "TOKEN ", "endgroup ",
                "error process \"/bin/sh -c echo told >&2;   exit 3\" did not complete successfully: exit code: 3"),
                obeyed(run.err()), run.toString());
        assertTrue(run.err().contains("\n::error file=docker/app/Dockerfile,line=4,"
                + "title=reports-a%3Alatest%3A build failed::process "), run.toString());
        List<String> ours = run.err().lines().dropWhile(line -> !line.startsWith("ensure_image: ")).toList();
        assertTrue(ours.get(0).startsWith("ensure_image: build failed: reports-a:latest "), run.toString());
        // How to see more follows if there is more, and how much BuildKit prints depends on how long it takes.
        assertEquals(2, ours.size(), run.toString());
        assertTrue(ours.get(1).matches("See line 4 of the Dockerfile\\.(?: To see all of its output: --verbose)?"),
                run.toString());
        assertEquals("", run.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void aBuildStepCannotCommandGitHub(String buildkit) {
        bench.write("forged", String.join("\n", FORGED) + "\n");
        bench.write("Dockerfile", "FROM busybox\nCOPY forged /\nARG N\nRUN cat /forged; cat /forged >&2; exit $N\n");
        for (String option : List.of("--verbose", "--timeout=300")) {
            Harness.Result failed = actions(buildkit, option, "--build-arg", "N=1").run().expect(10);
            assertEquals(List.of("group", "stop-commands", "TOKEN", "endgroup", "error"), names(obeyed(failed.err())),
                    failed.toString());
            assertTrue(failed.err().contains("| ") && failed.err().contains("::error::forged"), "control: " + failed);
        }
        Harness.Result built = actions(buildkit, "--verbose", "--build-arg", "N=0").run().succeeded();
        assertEquals(List.of("group", "stop-commands", "TOKEN", "endgroup"), names(obeyed(built.err())),
                built.toString());
        assertEquals(List.of(), obeyed(built.out()));
    }

    private Harness.Command actions(String buildkit, String... options) {
        String image = "reports-b:" + buildkit + "=.";
        return bench.ensuring(Stream.concat(Stream.of(image), Stream.of(options)).toArray(String[]::new))
                .env("DOCKER_BUILDKIT", buildkit).env(ACTIONS);
    }

    private static List<String> names(List<String> commands) {
        return commands.stream().map(command -> command.split(" ")[0]).toList();
    }

    @Test
    void jsonTellsOfEveryImage() throws Exception {
        bench.write("good/Dockerfile", "FROM busybox\n");
        bench.write("other/Dockerfile", "FROM busybox\nRUN echo other > /other\n");
        bench.write("bad/Dockerfile", "FROM busybox\nRUN exit 3\n");
        bench.ensure("reports-c:1=good").succeeded();
        Harness.Result run = bench
                .ensure("--format", "json", "reports-c:1=good", "reports-c:2=bad", "reports-c:3=other").expect(10);
        List<Map<String, Object>> objects = objects(run.out());
        Map<String, Object> present = objects.get(0);
        Map<String, Object> failed = objects.get(1);
        Map<String, Object> built = objects.get(2);
        assertAll(run.toString(),
                () -> assertEquals(List.of("present", "failed", "built"), values(objects, "outcome")),
                () -> assertEquals(List.of("reports-c:1", "reports-c:2", "reports-c:3"), values(objects, "reference")),
                () -> assertEquals(List.of("good", "bad", "other"), values(objects, "context")),
                () -> assertEquals(bench.imageId("reports-c:1"), present.get("id")),
                () -> assertEquals(bench.label("reports-c:1"), present.get("fingerprint")),
                () -> assertEquals(List.of(), present.get("notes")),
                () -> assertEquals(BigDecimal.ZERO, present.get("builds")),
                () -> assertEquals(bench.imageId("reports-c:3"), built.get("id")),
                () -> assertEquals(bench.label("reports-c:3"), built.get("fingerprint")),
                () -> assertEquals(List.of("building from other"), built.get("notes")),
                () -> assertEquals(BigDecimal.ONE, built.get("builds")),
                () -> assertEquals(BigDecimal.TEN, failed.get("exit")),
                () -> assertTrue(failed.get("error").toString().startsWith("build failed: reports-c:2 ")),
                () -> assertTrue(run.err().contains("  | #"), "the output of the failed build is on stderr"));
    }

    private static List<Object> values(List<Map<String, Object>> objects, String field) {
        return objects.stream().map(object -> object.get(field)).toList();
    }

    @Test
    void aTerminalShowsTheStepsAndIsLeftClean() {
        List<String> steps = List.of("reports-d:1  building ", "RUN echo one; sleep ", "; exit 3");
        List<String> missing = steps;
        Harness.Result run = null;
        // A busy machine may not come to paint a step that is short.
        for (int seconds = 1; !missing.isEmpty() && seconds <= 64; seconds *= 4) {
            String at = "FROM busybox\nARG AT=" + System.nanoTime() + "\n";
            bench.write("good/Dockerfile", at + "RUN echo one; sleep " + seconds + "\n");
            bench.write("bad/Dockerfile", at + "RUN sleep " + seconds + "; exit 3\n");
            run = onTerminal("reports-d:1=good", "reports-d:2=bad").run().expect(10);
            List<String> rows = Screen.painted(run.out());
            missing = steps.stream().filter(step -> rows.stream().noneMatch(row -> row.contains(step))).toList();
        }
        assertEquals(List.of(), missing, run.toString());
        List<String> screen = Screen.after(run.out());
        assertTrue(screen.stream().noneMatch(line -> line.matches("reports-d:[12]  (?:looking up|building|naming) .*")),
                screen.toString());
        assertTrue(screen.stream().anyMatch(line -> line.startsWith("built             reports-d:1  sha256:")),
                screen.toString());
        assertEquals("failed            reports-d:2  build failed", screen.get(screen.size() - 1));
        assertTrue(run.out().contains("\033[32mbuilt\033[0m "), "colours: " + run);
    }

    @Test
    void noColorIsObeyed() {
        bench.write("Dockerfile", "FROM busybox\n");
        bench.ensure("reports-e=.").succeeded();
        assertTrue(onTerminal("reports-e=.").run().succeeded().out().contains("\033[32mpresent\033[0m "), "control");
        assertTrue(onTerminal("reports-e=.").env("NO_COLOR", "").run().succeeded().out().contains("\033[32m"), "empty");
        String out = onTerminal("reports-e=.").env("NO_COLOR", "1").run().succeeded().out();
        assertTrue(out.contains("present  ") && !out.matches("(?s).*\033\\[[0-9;]*m.*"), out);
    }

    @Test
    void aDumbTerminalGetsPlainLines() {
        bench.write("Dockerfile", "FROM busybox\nARG AT=" + System.nanoTime() + "\nRUN sleep 1\n");
        Harness.Result run = onTerminal("reports-f=.").env("TERM", "dumb").run().succeeded();
        assertTrue(run.out().startsWith("reports-f:latest: building from .\r\nbuilt  "), run.toString());
        assertFalse(run.out().contains("\033"), run.toString());
    }

    @Test
    void controlCLeavesTheTerminalClean() {
        bench.write("Dockerfile", "FROM busybox\nRUN sleep 3600\n");
        try (Harness.Running running = onTerminal("reports-g=.").start()) {
            Harness.eventually("the status is there", Harness.SOON,
                    () -> Screen.painted(running.out()).stream().anyMatch(row -> row.contains("RUN sleep 3600")));
            // As the terminal does it: the signal goes to the whole foreground group, which script's child leads.
            long group = ProcessHandle.of(running.pid()).orElseThrow().children().findFirst().orElseThrow().pid();
            Harness.command("kill", "-INT", "--", "-" + group).run().succeeded();
            Harness.Result run = running.await();
            assertNotEquals(0, run.status(), run.toString());
            List<String> screen = Screen.after(run.out());
            assertEquals("reports-g:latest: building from .", screen.get(0), run.toString());
            assertTrue(screen.stream().noneMatch(line -> line.contains("RUN sleep")), run.toString());
            assertEquals(run.out().lastIndexOf("\033[?7"), run.out().lastIndexOf("\033[?7h"), "long lines wrap again");
        }
    }

    /** ensure_image with stdout and stderr on a terminal; its stdout is what came to the screen. */
    private Harness.Command onTerminal(String... arguments) {
        String line = bench.ensuring(arguments).line().stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" ", "exec ", ""));
        // A test run in the background may ignore the signal of Ctrl-C.
        return bench.command("env", "--default-signal=INT",
                "script", "--quiet", "--return", "--command", line, "/dev/null")
                .without("NO_COLOR", "CI", "GITHUB_ACTIONS").env("TERM", "xterm");
    }
}
