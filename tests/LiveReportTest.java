// SPDX-License-Identifier: Apache-2.0
//SOURCES Screen.java

package ensureimage;

import static ensureimage.ReportScene.ACTIONS;
import static ensureimage.ReportScene.FULL;
import static ensureimage.ReportScene.ID;
import static ensureimage.ReportScene.JSON;
import static ensureimage.ReportScene.NONE;
import static ensureimage.ReportScene.QUIET;
import static ensureimage.ReportScene.TEXT;
import static ensureimage.ReportScene.VERBOSE;
import static ensureimage.ReportScene.building;
import static ensureimage.ReportScene.built;
import static ensureimage.ReportScene.failed;
import static ensureimage.ReportScene.failure;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.ImageCollection.Member;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import ensureimage.testing.Screen;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What ensure_image shows on a terminal: a status below the lines that stay. */
class LiveReportTest {

    private static final String BASE_LINE = "built             base:1  " + ID + "  1.5 s";
    private static final String APP_LINE = "built             app:1  " + ID + "  1.5 s";

    private final ReportScene scene = new ReportScene();

    @Test
    void theStatusShowsWhatEachImageIsAtBelowTheLinesThatStay() {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.base, scene.app, scene.other));
            report.step(scene.base.recipe(), Listener.Step.LOOKING_UP);
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.notice(scene.app.recipe(), building(scene.app));
            report.output(scene.app.recipe(), "#7 [stage-1 3/5] RUN \033[2Jmake");
            report.output(scene.app.recipe(), "#7 0.2 [4/5] forged");
            report.output(scene.app.recipe(), "#7 DONE 0.3s");
            report.ended(scene.base, built(scene.base));
            assertScreen("app:1: building from images/app/1", BASE_LINE,
                    "app:1  building SECONDS s  [stage-1 3/5] RUN \\u001b[2Jmake");

            report.step(scene.other.recipe(), Listener.Step.LOOKING_UP);
            report.notice(scene.other.recipe(), new Notice.Taken());
            report.step(scene.app.recipe(), Listener.Step.NAMING);
            report.ended(scene.app, built(scene.app));
            assertScreen("app:1: building from images/app/1", BASE_LINE,
                    "other:1: another image took the tag, trying again", APP_LINE,
                    "other:1  looking up SECONDS s");
            report.ended(scene.other, failed(scene.other, "output"));
        }
        assertScreen("app:1: building from images/app/1", BASE_LINE,
                "other:1: another image took the tag, trying again", APP_LINE,
                "  | output",
                "ensure_image: " + failure(scene.other),
                "failed            other:1  build failed");
    }

    @Test
    void anImageThatIsDoneHasNoStatusThoughItsOutcomeIsToldLater() {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.base, scene.app, scene.other));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.step(scene.other.recipe(), Listener.Step.BUILDING);
            report.done(scene.app);
            assertScreen("other:1  building SECONDS s");
            report.ended(scene.base, built(scene.base));
            report.ended(scene.app, built(scene.app));
            assertScreen(BASE_LINE, APP_LINE, "other:1  building SECONDS s");
            report.ended(scene.other, built(scene.other));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"#12 [2/3] RUN make; [2/3] RUN make",
        "#6 exporting to image; exporting to image",
        "Step 3/5 : RUN make; [3/5] RUN make", "STEP 2/3: RUN make; [2/3] RUN make",
        "#1 [internal] load build definition from Dockerfile; [internal] load build definition from Dockerfile"})
    void theLastBuildStepIsReadFromEveryBuilder(String line, String shown) {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.base, scene.app));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.output(scene.app.recipe(), line);
            report.ended(scene.base, built(scene.base));
            assertTrue(screen().get(1).endsWith(" s  " + shown), screen().toString());
        }
    }

    @ParameterizedTest
    @CsvSource({"10, ''", "13, '\u2026 and 3 more'"})
    void theStatusHasTenLinesAtMost(int count, String more) {
        List<Member> members = IntStream.range(0, count + 1)
                .mapToObj(i -> ReportScene.member("app:" + i, "images/app", true)).toList();
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(members);
            members.forEach(member -> report.step(member.recipe(), Listener.Step.BUILDING));
            report.ended(members.get(0), built(members.get(0)));
            List<String> status = screen().subList(1, screen().size());
            assertTrue(status.get(9).startsWith("app:10 "), status.toString());
            assertEquals(more, String.join("", status.subList(10, status.size())));
        }
    }

    @Test
    void aLineOfTheStatusIsCutAtTheEdgeOfTheTerminal() {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.base, scene.app));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.output(scene.app.recipe(), "#7 [1/1] RUN " + "x".repeat(60_000));
            report.ended(scene.base, built(scene.base));
        }
        assertTrue(scene.err().matches("(?s).*\033\\[\\?7lapp:1 [^\n]{200,300}\033\\[\\?7h\n.*"), scene.err());
    }

    @Test
    void whatManyThreadsSayStaysWhole() throws Exception {
        List<String> expected = new ArrayList<>();
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.other, scene.base, scene.app));
            report.step(scene.base.recipe(), Listener.Step.BUILDING);
            report.ended(scene.other, built(scene.other));
            assertTrue(screen().get(1).startsWith("base:1  building "), "control: there is a status");
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String name = "thread " + i;
                IntStream.range(0, 100).forEach(
                        n -> expected.add("app:1: temporary failure, trying again (" + name + ", " + n + ")"));
                threads.add(new Thread(() -> IntStream.range(0, 100).forEach(n -> {
                    report.step(scene.app.recipe(), Listener.Step.BUILDING);
                    report.output(scene.app.recipe(), "#7 [1/1] RUN " + n);
                    report.notice(scene.app.recipe(), new Notice.Temporary(name + ", " + n));
                })));
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            report.ended(scene.base, built(scene.base));
            report.ended(scene.app, built(scene.app));
        }
        List<String> screen = screen();
        assertEquals(expected.size(), screen.size() - 3, "and the outcomes");
        assertEquals(Set.copyOf(expected), Set.copyOf(screen.subList(1, screen.size() - 2)));
    }

    // ---- Where there is none

    static Stream<Style> stylesWithoutStatus() {
        return Stream.of(QUIET, VERBOSE, new Style(Style.Format.JSON, true, false));
    }

    @ParameterizedTest
    @MethodSource("stylesWithoutStatus")
    void thereIsNoStatusIfItIsNotWanted(Style style) {
        assertFalse(hasStatus(style, FULL, Map.of()));
    }

    @Test
    void thereIsNoStatusOutsideATerminalAndInCi() {
        assertTrue(hasStatus(TEXT, FULL, Map.of()), "control");
        assertTrue(hasStatus(JSON, FULL, Map.of("CI", "false")), "control");
        assertFalse(hasStatus(TEXT, NONE, Map.of()));
        assertFalse(hasStatus(TEXT, FULL, Map.of("CI", "1")));
        assertFalse(hasStatus(TEXT, FULL, ACTIONS));
    }

    private boolean hasStatus(Style style, Terminal terminal, Map<String, String> environment) {
        scene.clear();
        try (RunReport report = scene.open(style, terminal, environment)) {
            report.begin(List.of(scene.base, scene.app));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.ended(scene.base, built(scene.base));
        }
        return !Screen.painted(scene.err()).isEmpty();
    }

    // ---- Helpers

    private List<String> screen() {
        return Screen.after(scene.err());
    }

    /** What is on the screen now, with {@code SECONDS} for how long something has taken so far. */
    private void assertScreen(String... lines) {
        assertEquals(List.of(lines), screen().stream()
                .map(line -> line.replaceFirst("(building|looking up|naming) +\\d+\\.\\d s", "$1 SECONDS s")).toList());
    }
}
