// SPDX-License-Identifier: Apache-2.0
//SOURCES ReportScene.java

package ensureimage;

import static ensureimage.ReportScene.ID;
import static ensureimage.ReportScene.QUIET;
import static ensureimage.ReportScene.TEXT;
import static ensureimage.ReportScene.VERBOSE;
import static ensureimage.ReportScene.building;
import static ensureimage.ReportScene.built;
import static ensureimage.ReportScene.described;
import static ensureimage.ReportScene.ensured;
import static ensureimage.ReportScene.failed;
import static ensureimage.ReportScene.failure;
import static ensureimage.ReportScene.noEngine;
import static ensureimage.ReportScene.notTried;
import static ensureimage.ReportScene.stale;
import static ensureimage.ReportScene.unusable;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.Change;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.RecipeException;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What ensure_image prints for people. */
class TextReportTest {

    private final ReportScene scene = new ReportScene();

    @Test
    void anOutcomeIsALineOnStdoutAndWhatHappensALineOnStderr() {
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.app));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.notice(scene.app.recipe(), building(scene.app));
            report.output(scene.app.recipe(), "#7 [2/2] RUN make");
            report.ended(scene.app, built(scene.app));
        }
        assertEquals("built             app:1  " + ID + "  1.5 s\n", scene.out());
        assertEquals("app:1: building from images/app/1\n", scene.err());
    }

    @Test
    void anImageThatWasNotBuiltHereHasNoTime() {
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.base, scene.app));
            Ensured present = ensured(scene.base, Ensured.How.PRESENT);
            report.ended(scene.base, new Ensured(present.recipe(), ID, present.how(), "", 0, Optional.empty(),
                    present.took()));
            report.ended(scene.app, ensured(scene.app, Ensured.How.BUILT_BY_ANOTHER));
        }
        assertEquals("present           base:1  " + ID + "\nbuilt-by-another  app:1  " + ID + "  1.5 s\n", scene.out());
    }

    @Test
    void aFailureIsTheOutputThenTheMessageThenTheHintAllOnStderr() {
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.app));
            report.ended(scene.app, failed(scene.app, NotEnsured.BuildFailed.Stage.LOADING, "one",
                    "\033[2Jtwo\033[31m", "ensure_image: forged"));
        }
        assertEquals("  | one\n  | \\u001b[2Jtwo\n  | ensure_image: forged\n"
                + "ensure_image: the build made no image: " + described(scene.app)
                + "\nIs the builder one that does not load images? Try: -- --load\n", scene.err());
        assertEquals("", scene.out());
    }

    @Test
    void ofSeveralImagesStdoutHasEveryOutcome() {
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.base, scene.app));
            report.ended(scene.base, failed(scene.base));
            report.ended(scene.app, built(scene.app));
        }
        assertEquals("failed            base:1  build failed\nbuilt             app:1  " + ID + "  1.5 s\n",
                scene.out());
    }

    @Test
    void withoutAnEngineItIsToldOnceAndEveryImageHasAnOutcome() {
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.base, scene.app));
            NotEnsured first = noEngine(scene.base);
            report.ended(scene.base, first);
            report.ended(scene.app, notTried(scene.app, first));
        }
        assertEquals("failed            base:1  the engine is not running\nfailed            app:1  not tried\n",
                scene.out());
        assertEquals("ensure_image: the engine is not running: no answer at /x/docker.sock\n"
                + "Start it, or set DOCKER_HOST. To see its state: docker version\n", scene.err());
    }

    @Test
    void verboseShowsTheOutputAsItComesAndOnlyOnce() {
        try (RunReport report = scene.open(VERBOSE)) {
            report.begin(List.of(scene.app));
            report.output(scene.app.recipe(), "one\r");
            assertEquals("  | one\\u000d\n", scene.err(), "at once");
            report.ended(scene.app, failed(scene.app, "one"));
        }
        assertTrue(scene.err().startsWith("  | one\\u000d\nensure_image: build failed"), scene.err());
        assertTrue(scene.err().contains("\tat ensureimage.TextReportTest."), "the stack trace: " + scene.err());
    }

    @Test
    void aMistakeOfTheUserHasNoStackTrace() {
        RecipeException flaw = new RecipeException(
                new Flaw.Unreadable(Path.of("secret"), "permission denied", scene.app.recipe()));
        try (RunReport report = scene.open(VERBOSE)) {
            report.begin(List.of(scene.app));
            report.ended(scene.app, unusable(scene.app, flaw));
        }
        assertEquals("ensure_image: cannot read secret: permission denied: an input of " + described(scene.app)
                + "\nMake it readable, or leave it out with a .dockerignore file.\n", scene.err());
    }

    @Test
    void theOutputOfSeveralImagesSaysWhoseItIs() {
        try (RunReport report = scene.open(VERBOSE)) {
            report.begin(List.of(scene.base, scene.app));
            report.output(scene.app.recipe(), "one");
            report.output(scene.base.recipe(), "two");
            report.ended(scene.base, built(scene.base));
            report.ended(scene.app, built(scene.app));
        }
        assertEquals("app:1  | one\nbase:1  | two\n", scene.err());
    }

    @Test
    void quietPrintsTheIdsOfTheImagesThatWereAskedFor() {
        try (RunReport report = scene.open(QUIET)) {
            report.begin(List.of(scene.base, scene.app, scene.other));
            report.notice(scene.app.recipe(), building(scene.app));
            report.ended(scene.base, built(scene.base));
            report.ended(scene.app, built(scene.app));
            report.ended(scene.other, failed(scene.other));
        }
        assertEquals(ID + "\n", scene.out());
        assertEquals("ensure_image: " + failure(scene.other) + "\n", scene.err());
    }

    @ParameterizedTest
    @EnumSource
    void aStaleImagesIdIsNoResult(Style.Format format) {
        try (RunReport report = scene.open(new Style(format, true, false))) {
            report.begin(List.of(scene.app));
            report.ended(scene.app, stale(scene.app, new Change.DockerfileChanged(OptionalInt.empty())));
        }
        assertFalse(scene.out().contains(ID), scene.out());
        assertEquals(format == Style.Format.JSON, scene.out().contains("\"why\":\"Dockerfile changed\""), scene.out());
    }

    @Test
    void onlyTheOutcomeIsColouredAndOnlyIfStdoutMayBe() {
        for (boolean colours : List.of(true, false)) {
            scene.clear();
            try (RunReport report = scene.open(TEXT, new Terminal(colours, true, false), Map.of())) {
                report.begin(List.of(scene.base, scene.app));
                report.ended(scene.base, failed(scene.base));
                report.ended(scene.app, stale(scene.app, new Change.DockerfileChanged(OptionalInt.empty())));
            }
            assertEquals(colours
                    ? "\033[31mfailed\033[0m            base:1  build failed\n"
                            + "\033[33mstale\033[0m             app:1  Dockerfile changed\n"
                    : "failed            base:1  build failed\nstale             app:1  Dockerfile changed\n",
                    scene.out());
        }
    }
}
