// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import ensureimage.race.RaceReportsTest;
import ensureimage.race.Scenario;
import ensureimage.race.Strategy;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * race_repro on real engines: what each strategy is shown to do, and that nothing is left. What it makes of that is
 * in {@link RaceReportsTest}.
 *
 * <p>Run: {@code ./jbangw tests/all.java RaceReproTest}
 */
class RaceReproTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration LIMIT = Duration.ofMinutes(10);
    private static final int MOST_ROUNDS = 40;

    // ---- What is shown

    @Test
    void naiveLosesTheRaceAndIsFalseAndSubstringToleratesIt() {
        ThrowawayEngine engine = engine("26.1");
        Path report = report("race.json");
        Harness.Result run = onCurrent(engine, "--strategy", "naive", "--strategy", "substring", "--scenario", "same",
                "--until-race", "--step-seconds", "0.5", "--report", report.toString()).timeout(LIMIT).run()
                .succeeded();
        JsonNode json = read(report);
        JsonNode naive = cell(json, "naive", "same");
        JsonNode substring = cell(json, "substring", "same");
        long lost = naive.get("lostRaces").asLong();
        assertAll(run.toString(),
                () -> assertTrue(lost > 0, "no builder lost a race"),
                () -> assertEquals(lost, naive.get("falseFailures").asLong()),
                () -> assertEquals(0, substring.get("falseFailures").asLong()),
                () -> assertEquals(0, substring.get("falseSuccesses").asLong()),
                () -> assertEquals(naive.get("answers"), substring.get("served")),
                () -> assertEquals(naive.get("rounds"), naive.get("stepRuns"), "the step is shared"),
                () -> assertEquals(naive.get("answers"), naive.get("exports"), "every build is exported"),
                () -> assertEquals("refuted", claim(json, "both-build")),
                () -> assertEquals("refuted", claim(json, "same-image")),
                () -> assertEquals("confirmed", claim(json, "only-at-tagging")),
                () -> assertTrue(run.out().startsWith("Docker " + engine.version().split("[+-]")[0]), "the engine"),
                () -> assertTrue(run.out().contains("Builds can race for a tag here: containerd image store"),
                        "and why"),
                () -> assertTrue(run.out().contains("Example: strategy \"naive\", scenario \"same\", round "),
                        "the timeline"),
                () -> assertTrue(run.out().contains("failed, falsely"), "its bars"),
                () -> assertTrue(run.out().lines().anyMatch(line -> line.matches("  \\| ERROR: .*already exists")),
                        "docker's own line"));
    }

    @Test
    void theRuleIsFalseWhereAStepFailsAndWhereTheTagIsStaleAndEnsureInNoneAndNothingIsLeft() {
        ThrowawayEngine engine = engine("28.5");
        Set<String> before = everything(engine);
        Path page = report("race.html");
        JsonNode json = play(engine, "--processes", "-n", "4", "--step-seconds", "0.3", "--report", page.toString(),
                "--strategy", "substring", "--strategy", "ensure", "--scenario", "failing", "--scenario", "shared-tag",
                "--scenario", "stale", "--scenario", "removed");
        assertAll(
                () -> assertRow(json, "failing    substring  falseSuccesses 4, missing 4, served 0"),
                () -> assertRow(json, "failing    ensure     falseSuccesses 0, falseFailures 0, served 0, exports 0"),
                () -> assertRow(json, "shared-tag ensure     wrong 0, stale 0, falseFailures 0, stepRuns 2"),
                () -> assertRow(json, "stale      substring  falseSuccesses 4, stale 4, exports 0"),
                () -> assertRow(json, "stale      ensure     falseSuccesses 0, falseFailures 0, served 4, stepRuns 1"),
                () -> assertRow(json, "removed    ensure     falseSuccesses 0, falseFailures 0"),
                () -> assertEquals("refuted", claim(json, "failure-is-success")),
                () -> assertEquals("processes", json.get("run").get("as").asText()),
                () -> assertTrue(json.get("rounds").findValuesAsText("phase").contains("exporting"),
                        "what docker prints"));
        RaceReportsTest.assertValid(json);
        RaceReportsTest.assertWellFormed(page);
        assertNothingIsLeft(engine, before);
    }

    /** A build that succeeds does not say which image has the tag a moment later; so this is played until it is seen. */
    @Test
    void theRuleHandsOutAnotherFoldersImage() {
        long wrong = 0;
        for (int round = 0; round < MOST_ROUNDS && wrong == 0; round++) {
            wrong = cell(play(engine("28.5"), "-n", "8", "--step-seconds", "0.3", "--strategy", "substring",
                    "--scenario", "shared-tag"), "substring", "shared-tag").get("wrong").asLong();
        }
        assertTrue(wrong > 0, "none of " + MOST_ROUNDS + " rounds of 8 builders");
    }

    @Test
    void everyAlternativeHasItsRow() {
        JsonNode json = play(engine("28.5"), "-n", "2", "--step-seconds", "0.1", "--strategy", "single-flight",
                "--strategy", "unique-tag", "--strategy", "lock", "--strategy", "prebuild", "--strategy", "rmi-first",
                "--scenario", "same", "--scenario", "stale");
        assertAll(Stream.of(
                "same  single-flight  falseSuccesses 0, falseFailures 0, served 2, stepRuns 1, exports 1, tagsLeft 0",
                "same  unique-tag     falseSuccesses 0, falseFailures 0, served 2, stepRuns 1, exports 2, tagsLeft 2",
                "same  lock           falseSuccesses 0, falseFailures 0, served 2, stepRuns 1, exports 1, tagsLeft 0",
                "same  prebuild       falseSuccesses 0, falseFailures 0, served 2, stepRuns 1, exports 1, tagsLeft 0",
                "same  rmi-first      wrong 0, stale 0, exports 2",
                "stale single-flight  falseSuccesses 0, falseFailures 0, served 2, stepRuns 1, exports 1",
                "stale unique-tag     falseSuccesses 0, falseFailures 0, served 2, tagsLeft 2",
                "stale lock           falseSuccesses 2, stale 2, served 0, exports 0",
                "stale prebuild       falseSuccesses 0, falseFailures 0, served 2, exports 1",
                "stale rmi-first      wrong 0, stale 0, exports 2").map(row -> () -> assertRow(json, row)));
        assertEquals("confirmed", claim(json, "unique-tags-pollute"));
        assertEquals("refuted", claim(json, "unique-tags-build-all"));
    }

    @Test
    void anInterruptedRunLeavesNothing() {
        ThrowawayEngine engine = engine("28.5");
        Set<String> before = everything(engine);
        Path temporary = Harness.newFolder();
        String option = "-Djava.io.tmpdir=" + temporary;
        // A test run in the background may ignore the signal, and so would what it starts.
        try (Harness.Running run = onCurrent(engine, "-n", "3", "-r", "50", "--strategy", "naive", "--scenario", "same",
                "--processes").startedBy("env", "--default-signal=INT").env(engine.environment())
                .env("JAVA_TOOL_OPTIONS", option).start()) {
            Harness.eventually("a round is played", LIMIT, () -> run.err().contains("round 1"));
            Harness.eventually("there is something to be removed", LIMIT, () -> !before.equals(everything(engine)));
            Harness.eventually("clients build", LIMIT, () -> building(temporary));
            run.signal("INT");
            assertEquals(130, run.await().status(), run.err());
        }
        assertFalse(building(temporary), "a client is left");
        assertNothingIsLeft(engine, before);
        assertEquals(0, temporary.toFile().list().length, "folders left");
    }

    /** It would be forgotten, all of it, if the run's own steps were pruned: the control. */
    @Test
    void theBuildCacheOfOthersStays() throws Exception {
        try (ThrowawayEngine engine = Harness.ownEngine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD))) {
            Path context = Harness.newFolder();
            Harness.write(context.resolve("Dockerfile"), "FROM busybox\nRUN : of another\n");
            assertFalse(isCached(engine, context), "it is built");
            onCurrent(engine, "-n", "2", "-r", "1", "--strategy", "naive", "--scenario", "same").run().succeeded();
            assertTrue(isCached(engine, context));
            docker(engine, "builder", "prune", "--all", "--force", "--filter", "id=" + stepOfARun(engine));
            assertFalse(isCached(engine, context), "control: forgotten, once another step is pruned");
        }
    }

    private static boolean isCached(ThrowawayEngine engine, Path context) {
        return Harness.command(engine.docker().toString(), "build", "--progress", "plain", context.toString())
                .env(engine.environment()).run().succeeded().err().contains(" CACHED\n");
    }

    private static String stepOfARun(ThrowawayEngine engine) {
        return docker(engine, "system", "df", "--verbose", "--format",
                "{{range .BuildCache}}{{.ID}} {{.Description}}{{println}}{{end}}").lines()
                .filter(line -> line.contains("race-demo ran")).findFirst().orElseThrow().split(" ")[0];
    }

    // ---- Which engine

    @Test
    void withoutAnEngineItSaysSoAndUsesAThrowawayOne() {
        Harness.Result run = Harness.script("race_repro", "-n", "1", "-r", "1", "--strategy", "ensure", "--scenario",
                "same").env("DOCKER_HOST", "unix:///nonexistent.sock").run().succeeded();
        assertTrue(run.err().contains(" So this uses a throwaway engine.\n"), run.toString());
        assertTrue(run.out().startsWith("Docker 26.1"), run.toString());
    }

    @Test
    void onAnEngineThatCannotRaceItSaysWhyAndStillRunsIfTold() {
        ThrowawayEngine classic = Harness.engine("26.1", EngineSpec.Store.CLASSIC);
        Harness.Result run = onCurrent(classic, "-n", "2", "-r", "1", "--scenario", "failing", "--strategy",
                "substring", "--step-seconds", "0").run().succeeded();
        assertAll(run.toString(),
                () -> assertTrue(run.out().contains("Builds cannot race for a tag here: with the classic"), "why"),
                () -> assertTrue(run.out().contains("No builder lost a race: with the classic image store"),
                        "and again"),
                () -> assertTrue(run.out().contains("\n substring    2 of 2 M\n"), "the rule's row"));
    }

    @Test
    void aBaseThatIsNotThereIsReportedWithWhatToDo() {
        Harness.Result run = onCurrent(engine("28.5"), "--base", "race-repro-nowhere").run().expect(10);
        assertTrue(run.err().contains("race_repro: the demo image does not build, even alone, from race-repro-nowhere"),
                run.toString());
        assertTrue(run.err().endsWith("Name another one with --base.\n"), run.toString());
    }

    @Test
    void anEngineThatIsAskedForButAwayIsExit69() {
        Harness.Result run = Harness.script("race_repro", "--engine", "current")
                .env("DOCKER_HOST", "unix:///nonexistent.sock").run().expect(69);
        assertEquals("", run.out());
    }

    // ---- Usage

    @ParameterizedTest
    @CsvSource({"--strategy nope, --strategy", "--scenario nope, --scenario", "-n 0, -n takes 1 to 99", "-r 0, -r",
        "--engine nope, --engine is current", "--engine throwaway:1.0, no engine 1.0", "--nope, --nope",
        "--engine dind:, no engine dind:", "--report race.pdf, ends in none of .html",
        "--report no/such/folder/race.md, cannot write"})
    void aMistakeIsExit2AndNamed(String arguments, String named) {
        Harness.Result run = Harness.script("race_repro", arguments.split(" ")).run().expect(2);
        assertTrue(run.err().lines().findFirst().orElse("").startsWith("race_repro: "), run.toString());
        assertTrue(run.err().contains(named), run.toString());
        assertTrue(run.err().endsWith("See: race_repro --help\n"), run.toString());
        assertEquals("", run.out());
    }

    @Test
    void helpNamesEveryStrategyAndScenarioAndWhichAreTheDefault() {
        String help = Harness.script("race_repro", "--help").run().succeeded().out();
        for (Strategy strategy : Strategy.values()) {
            assertTrue(help.contains("\n" + (strategy.isDefault() ? "* " : "  ") + strategy + " "),
                    strategy + " in " + help);
        }
        for (Scenario scenario : Scenario.values()) {
            assertTrue(help.contains("\n" + (scenario.isDefault() ? "* " : "  ") + scenario + " "),
                    scenario + " in " + help);
        }
    }

    @Test
    void anUnknownStrategyIsAnsweredWithTheNamesThatAUserTypes() {
        Harness.Result run = Harness.script("race_repro", "--strategy", "nosuch").run().expect(2);
        assertEquals("race_repro: --strategy: 'nosuch' is none of naive, substring, ensure, single-flight, unique-tag, "
                + "lock, prebuild, rmi-first", run.err().lines().findFirst().orElse(""));
    }

    // ---- Helpers

    private static ThrowawayEngine engine(String version) {
        return Harness.engine(version, EngineSpec.Store.CONTAINERD);
    }

    private static Harness.Command onCurrent(ThrowawayEngine engine, String... arguments) {
        return Harness.script("race_repro", Stream.concat(Stream.of("--engine", "current"), Stream.of(arguments))
                .toArray(String[]::new)).env(engine.environment());
    }

    /** Plays one round, whatever comes of it, and returns the report. */
    private static JsonNode play(ThrowawayEngine engine, String... arguments) {
        Path report = report("race.json");
        Harness.Result run = onCurrent(engine, Stream.concat(Stream.of(arguments), Stream.of("-r", "1", "--report",
                report.toString())).toArray(String[]::new)).timeout(LIMIT).run();
        assertTrue(Files.exists(report), run.toString());
        return read(report);
    }

    private static Path report(String name) {
        return Harness.newFolder().resolve(name);
    }

    private static JsonNode read(Path json) {
        try {
            return JSON.readTree(json.toFile());
        } catch (IOException e) {
            throw new AssertionError("no report in " + json, e);
        }
    }

    private static JsonNode cell(JsonNode json, String strategy, String scenario) {
        return StreamSupport.stream(json.get("cells").spliterator(), false)
                .filter(cell -> cell.get("strategy").asText().equals(strategy)
                        && cell.get("scenario").asText().equals(scenario))
                .findFirst().orElseThrow();
    }

    private static String claim(JsonNode json, String id) {
        return StreamSupport.stream(json.get("claims").spliterator(), false)
                .filter(claim -> claim.get("id").asText().equals(id)).findFirst().orElseThrow().get("verdict").asText();
    }

    /** Checks {@code SCENARIO STRATEGY FIELD VALUE, FIELD VALUE...}. */
    private static void assertRow(JsonNode json, String row) {
        List<String> words = Pattern.compile("[ ,]+").splitAsStream(row).toList();
        JsonNode cell = cell(json, words.get(1), words.get(0));
        for (int i = 2; i < words.size(); i += 2) {
            assertEquals(Long.parseLong(words.get(i + 1)), cell.get(words.get(i)).asLong(), row + ": " + words.get(i)
                    + " in " + cell);
        }
    }

    /** What is of a run that has ended, and was not there before it, is gone; another test may be at a run of its own. */
    private static void assertNothingIsLeft(ThrowawayEngine engine, Set<String> before) {
        Set<String> left = everything(engine);
        left.removeAll(before);
        Harness.eventually("gone: " + left, LIMIT, () -> {
            left.retainAll(everything(engine));
            return left.isEmpty();
        });
    }

    /** All that ours leave if they leave anything: images and containers. */
    private static Set<String> everything(ThrowawayEngine engine) {
        String ours = "label=race_repro.run";
        return Stream.of(docker(engine, "image", "ls", "--all", "--no-trunc", "--quiet", "--filter", ours),
                docker(engine, "container", "ls", "--all", "--quiet", "--filter", ours))
                .flatMap(String::lines).collect(Collectors.toCollection(TreeSet::new));
    }

    private static String docker(ThrowawayEngine engine, String... arguments) {
        return Harness.command(Stream.concat(Stream.of(engine.docker().toString()), Stream.of(arguments))
                .toArray(String[]::new)).env(engine.environment()).run().succeeded().out();
    }

    /** Whether a client builds from a folder in this one. */
    private static boolean building(Path folder) {
        return ProcessHandle.allProcesses().map(process -> process.info().commandLine().orElse(""))
                .anyMatch(line -> line.contains("--tag race-repro-") && line.contains(folder.toString()));
    }
}
