// SPDX-License-Identifier: Apache-2.0
//SOURCES ../benchmarks/bench.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The benchmarks, each case once, in tiny sizes, for what it does and not for its time; and what is made of figures.
 *
 * <p>Run: {@code ./jbangw tests/all.java BenchTest}
 */
class BenchTest {

    private static BenchStage stage;

    @BeforeAll
    static void open() throws Exception {
        stage = BenchStage.open("26.1", ThrowawayEngine.Progress.NONE);
    }

    @AfterAll
    static void close() {
        stage.close();
    }

    // ---- On an engine

    @ParameterizedTest
    @EnumSource
    void everyWayOfACaseGivesTheRightImage(bench.Case benchCase) throws Exception {
        for (BenchScene scene : benchCase.scenes(stage, bench.Size.SMALL)) {
            BenchScene.Results results = scene.play(1, line -> {});
            for (BenchScene.Way way : scene.ways()) {
                assertEquals(1, results.samples().get(way.name()).size(), way.name());
                assertTrue(results.peak(way.name()) > 0, way.name());
            }
            assertFalse(scene.targets().isEmpty(), scene.title());
        }
    }

    @Test
    void anotherImageUnderTheNameFailsTheRun() throws Exception {
        BenchScene.Check right = stage.holds("busybox", "never written");
        assertTrue(failure(List.of("true"), right).contains("bench=never written"));
    }

    @Test
    void anImageThatHadToBeBuiltIsNotMeasuredAsPresent() throws Exception {
        BenchScene.Check present = BenchStage.present(outcome -> {});
        assertTrue(failure(List.of("echo", "built             app:1"), present).contains("not all was present"));
    }

    @Test
    void aCommandThatFailsFailsTheRun() throws Exception {
        assertTrue(failure(List.of("false"), outcome -> {}).contains("exit status 1"));
    }

    @Test
    void whatEndedProcessesHaveUsedIsCountedToo() throws Exception {
        String busy = "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done";
        var launch = stage.launch(List.of("sh", "-c", "sh -c '" + busy + "'; true"));
        launch.command().run().succeeded();
        assertTrue(launch.usage().cpu() > 0.05, launch.usage().toString());
    }

    private static String failure(List<String> line, BenchScene.Check check) {
        BenchScene.Way way = new BenchScene.Way("it", () -> new BenchScene.Trial(stage.launches(1, line), check));
        BenchScene scene = new BenchScene("scene", List.of(way), "it", List.of());
        return assertThrows(BenchScene.Wrong.class, () -> scene.play(1, ignored -> {})).getMessage();
    }

    // ---- The command line

    @ParameterizedTest
    @ValueSource(strings = {"tepid", "--rounds=0", "--engine=20.10", "--json"})
    void whatCannotBeMeasuredIsBadUsage(String argument) {
        assertEquals(2, bench.execute("--small", argument));
    }

    // ---- What is made of figures

    @Test
    void aRatioIsTheMedianOfTheRatiosWithinTheRounds() {
        BenchScene.Results results = results(new double[] {1, 20, 3}, new double[] {2, 10, 2});
        assertEquals(1.5, results.ratio("ours"));
        assertEquals(3, results.median("ours", BenchScene.Sample::wall));
        assertEquals(2.5, results(new double[] {2, 3}, new double[] {1, 1}).median("ours", BenchScene.Sample::wall));
    }

    @Test
    void aTargetIsReachedUpToItsLimitAndNotBeyond() {
        BenchScene.Results results = results(new double[] {3}, new double[] {2});
        assertTrue(new BenchTarget.Time("ours", 1.5, "theirs").isReached(results));
        assertFalse(new BenchTarget.Time("ours", 1.49, "theirs").isReached(results));
        assertTrue(new BenchTarget.Time("ours", 0.6, "theirs", "ours").isReached(results));
        assertTrue(new BenchTarget.Memory("ours", 50).isReached(results));
        assertFalse(new BenchTarget.Memory("ours", 49).isReached(results));
    }

    @Test
    void aReportNamesWhatWasMissedAndOnlyThat() throws IOException {
        BenchReport report = report(results(new double[] {3}, new double[] {2}));
        String notReached = report.markdown().split("## Not reached")[1];
        assertTrue(notReached.contains("28.5.2, scene: ours: 1.50 of theirs, at most 1.2"), notReached);
        assertFalse(notReached.contains("at most 2.0"), notReached);
        JsonNode ours = new ObjectMapper().readTree(report.json()).at("/engines/0/scenes/0");
        assertEquals(3.0, ours.at("/ways/0/median_seconds").asDouble());
        assertFalse(ours.at("/targets/0/reached").asBoolean(true));
        assertTrue(ours.at("/targets/1/reached").asBoolean());
    }

    @Test
    void theColumnsOfATableAreAligned() {
        List<String> lines = BenchReport.text(results(new double[] {3}, new double[] {12})).lines().toList();
        int column = lines.get(1).indexOf("to reach");
        assertEquals(column, lines.get(2).indexOf("reached: 0.25 of theirs"));
        assertEquals(column, lines.get(3).indexOf("reached: 0.25 of theirs, at most 2.0"));
    }

    private static BenchReport report(BenchScene.Results results) {
        return new BenchReport("bench", 1, List.of(new BenchReport.Session(
                Map.of("engine", "docker 28.5.2, engine 28.5.2, containerd image store"), List.of(results))));
    }

    private static BenchScene.Results results(double[] ours, double[] theirs) {
        BenchScene scene = new BenchScene("scene", List.of(new BenchScene.Way("ours", null),
                new BenchScene.Way("theirs", null)), "theirs",
                List.of(new BenchTarget.Time("ours", 1.2, "theirs"),
                        new BenchTarget.Time("ours", 2.0, "theirs")));
        return new BenchScene.Results(scene, Map.of("ours", samples(ours), "theirs", samples(theirs)));
    }

    private static List<BenchScene.Sample> samples(double[] walls) {
        List<BenchScene.Sample> samples = new ArrayList<>();
        for (double wall : walls) {
            samples.add(new BenchScene.Sample(wall, wall, 50_000, 0));
        }
        return samples;
    }
}
