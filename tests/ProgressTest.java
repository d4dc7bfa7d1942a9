// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.ReportScene.FULL;
import static ensureimage.ReportScene.NONE;
import static ensureimage.ReportScene.QUIET;
import static ensureimage.ReportScene.TEXT;
import static ensureimage.ReportScene.VERBOSE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.BuildOutput;
import ensureimage.engine.BuildProgress;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.testing.Screen;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where a long build is, and what of a failed one is shown first. */
class ProgressTest {
    private final ReportScene scene = new ReportScene();

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {
        "#7 [2/3] RUN make; [2/3] RUN make; ''",
        "#7 [2/3] RUN make/#7 0.152 cc a.c; [2/3] RUN make; cc a.c",
        "#7 [2/3] RUN make/#8 [x 1/1] RUN y/#7 0.152 cc a.c; [2/3] RUN make; cc a.c",
        "#7 [2/3] RUN make/#7 0.152 cc a.c/#7 DONE 0.2s; [2/3] RUN make; ''",
        "#7 [2/3] RUN make/#7 0.152 cc a.c/#9 [3/3] COPY . .; [3/3] COPY . .; ''",
        "Step 2/3 : RUN make/cc a.c; [2/3] RUN make; cc a.c",
        "STEP 2/3: RUN make/cc a.c; [2/3] RUN make; cc a.c"})
    void theStepIsTheOneThatPrintedLast(String lines, String step, String output) {
        BuildProgress progress = new BuildProgress();
        List.of(lines.split("/(?=[#A-Zc])")).forEach(progress::read);
        assertEquals(step, progress.step());
        assertEquals(output, progress.output());
    }

    @Test
    void theStatusHasTheStepAndItsLastLine() {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            begin(report);
            report.ended(scene.base, ReportScene.built(scene.base));
            List<String> screen = Screen.after(scene.err());
            assertTrue(screen.get(screen.size() - 1)
                    .matches("app:1  building +\\d+\\.\\d s  \\[2/3] RUN make \\| cc \\\\u001b"
                            + "\\[2a\\.c"),
                    screen.toString());
        }
    }

    @Test
    void aLogHasALineForEachPeriodOfALongBuild() {
        try (RunReport report = scene.open(TEXT, NONE, Map.of())) {
            begin(report);
            report.remind(Duration.ofHours(1));
            assertEquals("", scene.err(), "not yet");
            report.remind(Duration.ZERO);
            assertTrue(scene.err()
                    .matches("app:1: still building after \\d+ s: \\[2/3] RUN make \\| cc \\\\u001b\\[2a\\.c\n"
                            + "base:1: still looking up after \\d+ s\n"),
                    scene.err());
            scene.clear();
            report.ended(scene.app, ReportScene.built(scene.app));
            report.ended(scene.base, ReportScene.built(scene.base));
            report.remind(Duration.ZERO);
            assertEquals("", scene.err(), "it is over");
        }
    }

    @Test
    void itIsSilentWhereNothingIsWantedOrAllIsPrinted() {
        for (Style style : List.of(QUIET, VERBOSE)) {
            try (RunReport report = scene.open(style, NONE, Map.of())) {
                begin(report);
                scene.clear();
                report.remind(Duration.ZERO);
                assertEquals("", scene.err());
                report.ended(scene.app, ReportScene.built(scene.app));
                report.ended(scene.base, ReportScene.built(scene.base));
            }
        }
    }

    private void begin(RunReport report) {
        report.begin(List.of(scene.app, scene.base));
        report.step(scene.app.recipe(), Listener.Step.BUILDING);
        report.step(scene.base.recipe(), Listener.Step.LOOKING_UP);
        report.output(scene.app.recipe(), "#7 [2/3] RUN make");
        report.output(scene.app.recipe(), "#7 0.1 cc \033[2a.c");
    }

    // ---- After a failure

    private static final List<String> VERDICT = List.of("Dockerfile:3", "--------------------", "   2 |     FROM b",
            "   3 | >>> RUN make", "--------------------", "ERROR: failed to solve: process \"make\" did not complete");

    @Test
    void ofALongFailureTheLastLinesOfTheFailedStepAreShown() {
        List<String> output = new ArrayList<>();
        IntStream.range(0, 50)
                .forEach(i -> output.addAll(List.of("#7 0." + i + " line " + i, "#8 0." + i + " other " + i)));
        output.addAll(
                List.of("#7 ERROR: process \"make\" did not complete", "------", " > [2/3] RUN make:", "0.49 line 49",
                        "------"));
        output.addAll(VERDICT);
        List<String> excerpt = BuildOutput.excerpt(output, 20);
        assertEquals(20 + VERDICT.size(), excerpt.size());
        assertEquals("#7 0.31 line 31", excerpt.get(0));
        assertEquals("#7 ERROR: process \"make\" did not complete", excerpt.get(19));
        assertEquals(VERDICT, excerpt.subList(20, excerpt.size()));
    }

    /** As docker 28.5 prints it of {@code RUN false}. */
    @Test
    void ofAStepThatSaidNothingOnlyTheStepAndThePlaceAreShown() {
        List<String> step = List.of("#5 [2/2] RUN false",
                "#5 ERROR: process \"/bin/sh -c false\" did not complete successfully: exit code: 1");
        List<String> place = List.of("Dockerfile:2", "--------------------", "   1 |     FROM busybox",
                "   2 | >>> RUN false", "   3 |     ", "--------------------",
                "ERROR: failed to build: failed to solve: process \"/bin/sh -c false\" did not complete successfully: "
                        + "exit code: 1");
        List<String> output = new ArrayList<>(List.of("#0 building with \"default\" instance using docker driver", "",
                "#1 [internal] load build definition from Dockerfile", "#1 transferring dockerfile: 61B done",
                "#1 DONE 0.0s", "", "#2 [internal] load metadata for docker.io/library/busybox:latest", "#2 DONE 0.0s",
                "", "#3 [internal] load .dockerignore", "#3 transferring context: 2B done", "#3 DONE 0.0s", "",
                "#4 [1/2] FROM docker.io/library/busybox:latest", "#4 CACHED", ""));
        output.addAll(step);
        output.addAll(List.of("------", " > [2/2] RUN false:", "------"));
        output.addAll(place);
        List<String> expected = new ArrayList<>(step);
        expected.addAll(place);
        assertEquals(expected, BuildOutput.excerpt(output, 20));
    }

    /** Its steps are on stdout, which comes first, and what a step says on stderr follows docker's own warning. */
    @Test
    void ofTheLegacyBuilderTheLastStepIsShown() {
        List<String> output = new ArrayList<>(List.of("Sending build context to Docker daemon  2.048kB", ""));
        IntStream.range(1, 8).forEach(i -> output.addAll(List.of("Step " + i + "/8 : ENV A" + i, " ---> 6890d8eec2e")));
        output.addAll(List.of("Step 8/8 : RUN false", " ---> Running in eaaf2a60c306",
                "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.",
                "            BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0",
                "            environment-variable.", "", "The command '/bin/sh -c false' returned a non-zero code: 1"));
        assertEquals(List.of("Step 8/8 : RUN false", " ---> Running in eaaf2a60c306",
                "The command '/bin/sh -c false' returned a non-zero code: 1"), BuildOutput.excerpt(output, 20));
    }

    @Test
    void aShortFailureIsShownWhole() {
        List<String> output = new ArrayList<>(List.of("#7 0.1 line", "#7 ERROR: x", "------"));
        output.addAll(VERDICT);
        assertEquals(output, BuildOutput.excerpt(output, 20));
    }

    @Test
    void ofAnyOtherLongFailureTheLastLinesAreShown() {
        List<String> output = IntStream.range(0, 100).mapToObj(i -> "line " + i).toList();
        assertEquals(output.subList(80, 100), BuildOutput.excerpt(output, 20));
    }
}
