//DEPS com.networknt:json-schema-validator:1.5.9

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.xml.sax.InputSource;

/**
 * What race_repro makes of what it sees: which answers are false, the tables, the timeline, the claims, the reports.
 *
 * <p>Run: {@code ./jbangw tests/all.java RaceReportsTest}
 */
class RaceReportsTest {

    private static final String RACE_LINE =
            "ERROR: failed to solve: image \"docker.io/library/race-repro-x:latest\": already exists";
    private static final EngineFacts ENGINE = new EngineFacts("26.1.5", "26.1.5", true, "0.13");
    private static final Terminal PLAIN = new Terminal(false, false, false);

    // ---- Which engine can race

    @ParameterizedTest
    @CsvSource({"26.1.5+dfsg1, true, true", "28.5.2, true, true", "29.2.1, true, true", "29.3.0, true, false",
        "29.10.0, true, false", "30.0.0-rc.1, true, false", "28.5.2, false, false", "20.10.24+dfsg1, false, false"})
    void anEngineRacesWithTheContainerdStoreBefore29Point3(String version, boolean containerdStore, boolean canRace) {
        assertEquals(canRace, new EngineFacts("", version, containerdStore, "").canRace());
    }

    // ---- Answers against the truth

    @ParameterizedTest
    @CsvSource({
        "HIS,     there,  ", "HIS,     failed, FAILURE",
        "MISSING, there,  MISSING", "MISSING, failed, ",
        "WRONG,   there,  WRONG", "WRONG,   failed, ",
        "STALE,   there,  STALE", "STALE,   failed, ",
        "REMOVED, there,  ", "REMOVED, failed, "})
    void anAnswerIsFalseIfTheTruthIsAnother(RaceResults.Held held, String told, RaceResults.Falsehood expected) {
        race_repro.Ended ended = new race_repro.Ended(told.equals("there"), List.of(), "x:1");
        RaceResults.Run run = new RaceResults.Run(new RaceTrack(() -> 1), ended, held);
        for (race_repro.Strategy strategy : race_repro.Strategy.values()) {
            assertEquals(Optional.ofNullable(expected), RaceResults.Falsehood.of(strategy, run), strategy.toString());
        }
    }

    @Test
    void aLostRaceWithTheImageThereIsAFalseFailureOfNaiveOnly() {
        RaceResults.Run run = loser(RACE_LINE, RaceResults.Held.HIS);
        assertEquals(Optional.of(RaceResults.Falsehood.FAILURE),
                RaceResults.Falsehood.of(race_repro.Strategy.NAIVE, run));
        assertEquals(Optional.empty(), RaceResults.Falsehood.of(race_repro.Strategy.SUBSTRING, run));
        assertEquals(RaceTrack.Phase.TOLERATED,
                new RaceResults.Telling(race_repro.Strategy.SUBSTRING, round(run)).answer(run));
    }

    @Test
    void aFailedStepThatSaysAlreadyExistsIsAFalseSuccessOfSubstringOnly() {
        RaceResults.Run run = loser("#7 0.2 useradd: user 'app' already exists", RaceResults.Held.MISSING);
        assertEquals(Optional.empty(), RaceResults.Falsehood.of(race_repro.Strategy.NAIVE, run));
        assertEquals(Optional.of(RaceResults.Falsehood.MISSING),
                RaceResults.Falsehood.of(race_repro.Strategy.SUBSTRING, run));
    }

    @ParameterizedTest
    @CsvSource({"run.1 a 1, HIS", "run.1 b 1, WRONG", "run.1 a 0, STALE", "run.2 a 1, WRONG", "by hand, WRONG",
        "'', WRONG"})
    void whatIsReadFromAnImageIsHisOnlyIfItIsAllTheSame(String read, RaceResults.Held held) {
        assertEquals(held, new race_repro.Inputs("run.1", "a", 1).compare(read));
    }

    @ParameterizedTest
    @EnumSource(value = race_repro.Strategy.class, names = {"ENSURE", "SINGLE_FLIGHT"})
    void aStrategyIsReportedFalseIfOneBuilderWasToldAnythingFalse(race_repro.Strategy strategy) {
        RaceResults.Run truthful = winner(RaceResults.Held.HIS);
        RaceResults.Run wrong = winner(RaceResults.Held.MISSING);
        assertFalse(results(List.of(strategy), round(strategy.procedure, truthful, truthful)).isFalse(strategy));
        assertTrue(results(List.of(strategy), round(strategy.procedure, truthful, wrong)).isFalse(strategy));
    }

    /** The answer came at 10 s, a look-up took 2 s, and what the build itself named took longer. */
    @ParameterizedTest
    @CsvSource({"-1, MISSING, MISSING", "5, MISSING, MISSING", "9, MISSING, REMOVED", "11, MISSING, REMOVED",
        "9, HIS, HIS", "9, WRONG, WRONG"})
    void aRemovalExcusesOnlyWhoCouldNotSeeIt(double removed, RaceResults.Held held, RaceResults.Held judged) {
        double[] now = {0};
        RaceTrack track = new RaceTrack(() -> now[0]);
        track.step(null, ensure_image.Step.LOOKING_UP);
        now[0] = 2;
        track.step(null, ensure_image.Step.BUILDING);
        now[0] = 4;
        track.output(null, "#8 naming to docker.io/library/x");
        now[0] = 10;
        track.enter(RaceTrack.Phase.THERE);
        assertEquals(judged, race_repro.Removal.excuses(removed, track, held));
    }

    @Test
    void theStepRanAsOftenAsThereAreDifferentStamps() {
        String first = "#7 0.1 race-demo ran: 7ce8512b-6d53-4123-bd78-11f89eaba26b";
        String second = "#7 0.1 race-demo ran: 177dcb35-8106-44d9-8b17-d35eb3896017";
        String command = "#7 [2/2] RUN stamp=$(cat /proc/sys/kernel/random/uuid)     && echo \"race-demo ran: $stamp\"";
        assertEquals(1, round(printed(first), printed(first), printed(command)).stepRuns());
        assertEquals(2, round(printed(first), printed(second)).stepRuns());
    }

    @Test
    void anExportThatIsPrintedTwiceIsOneExport() {
        String line = "#8 exporting to image";
        RaceResults.Run run = course(true, "0 BUILDING", "1 " + line, "2 #8 naming to x", "2 " + line);
        assertEquals(1, run.track().exports());
    }

    // ---- Tables

    @ParameterizedTest
    @CsvSource({"0, 8, 0, 0", "3, 8, ~ 3 of 8, ~ 3", "8, 8, 8 of 8, all 8"})
    void aShareSaysNeverSometimesOrAlways(long count, long of, String inFull, String brief) {
        assertEquals(inFull, new RaceResults.Share(count, of).toString());
        assertEquals(brief, new RaceResults.Share(count, of).brief());
    }

    @Test
    void theMatrixHasTheLettersOfWhatWasFalse() {
        List<String> lines = lines(results(List.of(race_repro.Strategy.NAIVE, race_repro.Strategy.SUBSTRING),
                round(loser(RACE_LINE, RaceResults.Held.HIS), winner(RaceResults.Held.WRONG))), PLAIN);
        assertTrue(lines.contains(" naive         2 of 2 FW"), String.join("\n", lines));
        assertTrue(lines.contains(" substring    ~ 1 of 2 W"), String.join("\n", lines));
    }

    @ParameterizedTest
    @CsvSource({"1, false, false", "8, true, false", "99, false, true", "99, true, true"})
    void theReportFitsEightyColumnsAndAnyTerminal(int builders, boolean colours, boolean unicode) {
        RaceResults.Run[] runs = Stream.generate(() -> course(true, "0 BUILDING", "9 " + RACE_LINE, "9.9 FAILED"))
                .limit(builders).toArray(RaceResults.Run[]::new);
        List<String> lines = lines(results(List.of(race_repro.Strategy.NAIVE, race_repro.Strategy.SUBSTRING),
                round(runs)), new Terminal(colours, unicode, false));
        for (String line : lines) {
            String plain = line.replaceAll("\u001b\\[\\d+m", "");
            assertTrue(line.startsWith("  | ") || plain.length() <= 80, plain.length() + ": " + plain);
            assertTrue(colours || plain.equals(line), "colours in " + line);
            assertTrue(unicode || plain.chars().allMatch(c -> c < 128), "not ASCII: " + line);
        }
        assertEquals(colours, String.join("", lines).contains("\u001b["));
        assertEquals(builders > 24, lines.stream().anyMatch(line -> line.contains("and " + (builders - 24) + " more")));
    }

    // ---- Timeline

    @Test
    void theTimelineShowsEachBuildersPhasesAndTheMomentOfTheRace() {
        RaceResults.Run winner = course(false, "0 LOOKING_UP", "1 BUILDING", "6 #6 exporting to image",
                "8 #6 naming to docker.io/library/x", "10 THERE");
        RaceResults.Run loser = course(true, "0 LOOKING_UP", "2 BUILDING", "6 #6 exporting to image",
                "9 #6 naming to docker.io/library/x", "9.1 " + RACE_LINE, "9.9 FAILED");
        List<String> lines = new RaceTimeline.OnTerminal(new RaceResults.Telling(race_repro.Strategy.NAIVE,
                round(winner, loser)), PLAIN).lines();
        assertEquals(List.of(
                "   1 .....--------------------------==========##########o there",
                "   2 ..........---------------------===============#####x failed, falsely",
                "     0                                             10.0 s",
                "     " + " ".repeat(46 - 19) + "the race, at 9.0 s ^",
                "",
                "     . looking up  - building  = exporting  # naming  o there  x failed"),
                lines);
    }

    @Test
    void namingIsShownEvenIfItTookNoTime() {
        RaceResults.Run run = course(true, "0 BUILDING", "10 #6 naming to docker.io/library/x", "10 " + RACE_LINE,
                "10 FAILED");
        String bar = new RaceTimeline.OnTerminal(new RaceResults.Telling(race_repro.Strategy.NAIVE, round(run)), PLAIN)
                .lines().get(0);
        assertTrue(bar.endsWith("-#x failed, falsely"), bar);
    }

    @Test
    void theMostTellingRoundHasARaceAndTheMostFalseAnswers() {
        RaceResults.Round calm = round(winner(RaceResults.Held.MISSING), winner(RaceResults.Held.MISSING));
        RaceResults.Run loser = course(true, "0 BUILDING", "1 " + RACE_LINE, "2 FAILED");
        RaceResults.Round wild = new RaceResults.Round(race_repro.Scenario.SAME, race_repro.Procedure.CHECK_THEN_BUILD,
                2, List.of(loser, winner(RaceResults.Held.HIS)), List.of(), new RaceResults.Left(0, 0));
        RaceResults.Telling telling = results(List.of(race_repro.Strategy.values()), calm, wild, calm).telling();
        assertEquals(2, telling.round().number());
        assertEquals(race_repro.Strategy.NAIVE, telling.strategy());
    }

    // ---- Files

    /** What docker, the engine and a base image's name say can be anything. */
    @Test
    void theReportsParseWhateverTheEngineSays() throws Exception {
        String evil = "</pre><script>alert(1)</script> & \"'|`]]>\n\u001b[2J\u202e";
        RaceResults.Run run = course(true, "0 BUILDING", "1 #6 naming to x", "1 " + RACE_LINE, "2 FAILED");
        RaceResults results = new RaceResults(new EngineFacts(evil, "26.1" + evil, true, evil), plan(
                List.of(race_repro.Strategy.NAIVE), evil), 1, List.of(round(run, winner(RaceResults.Held.HIS))));
        Path folder = Harness.newFolder();
        for (String name : List.of("r.html", "r.md", "r.json", "r.svg")) {
            RaceReports.write(results, folder.resolve(name), Map.of());
        }
        String page = Files.readString(folder.resolve("r.html"));
        assertWellFormed(folder.resolve("r.html"));
        assertWellFormed(folder.resolve("r.svg"));
        assertFalse(page.contains("<script"), page);
        assertFalse(page.contains("http://") && !page.replace("http://www.w3.org/", "").equals(page)
                && page.replace("http://www.w3.org/", "").contains("http"), "it needs the network: " + page);
        JsonNode json = new ObjectMapper().readTree(folder.resolve("r.json").toFile());
        assertValid(json);
        assertEquals("BuildKit through buildx " + evil, json.get("engine").get("builder").asText());
        String markdown = Files.readString(folder.resolve("r.md"));
        markdown.lines().filter(line -> line.contains("script")).forEach(
                line -> assertTrue(line.startsWith("    race_repro --base ") || line.contains("\\<script\\>"), line));
        assertFalse(markdown.contains("\u202e"), markdown);
        assertTrue(markdown.contains("\ngantt\n    title naive in same\n"), markdown);
    }

    @Test
    void markdownIsAppendedToTheSummaryOfAJob() throws Exception {
        Path folder = Harness.newFolder();
        Path summary = Harness.write(folder.resolve("summary"), "before\n");
        RaceResults results = results(List.of(race_repro.Strategy.NAIVE), round(winner(RaceResults.Held.HIS)));
        Map<String, String> environment = Map.of("GITHUB_STEP_SUMMARY", summary.toString());
        RaceReports.write(results, folder.resolve("r.json"), environment);
        assertEquals("before\n", Files.readString(summary));
        RaceReports.write(results, folder.resolve("r.md"), environment);
        assertEquals("before\n" + Files.readString(folder.resolve("r.md")), Files.readString(summary));
    }

    @Test
    void aReportThatCannotBeWrittenIsToldBeforeTheRun() {
        assertThrows(ensure_image.Failed.class, () -> RaceReports.Format.of(Path.of("/nonexistent/r.md")));
        assertThrows(ensure_image.Failed.class, () -> RaceReports.Format.of(Path.of("r.pdf")));
    }

    /** docs/race-report.md names every field of the schema. */
    @Test
    void everyFieldIsDocumented() throws Exception {
        String page = Files.readString(Harness.projectFile("docs/race-report.md"));
        Set<String> strings = Set.of("at", "line", "naming", "phase", "marks");
        for (JsonNode required : schema().findValues("required")) {
            for (JsonNode field : required) {
                assertTrue(page.contains("`" + field.asText() + "`") || strings.contains(field.asText()),
                        field + " is not in docs/race-report.md");
            }
        }
    }

    // ---- Claims

    @Test
    void aClaimIsJudgedByTheRounds() {
        RaceResults.Run loser = course(true, "0 BUILDING", "1 #8 naming to x", "1 " + RACE_LINE, "2 FAILED");
        List<race_repro.Strategy> both = List.of(race_repro.Strategy.NAIVE, race_repro.Strategy.SUBSTRING);
        RaceResults raced = results(both, round(loser, winner(RaceResults.Held.HIS)));
        RaceResults failed = results(both, round(loser("#7 useradd: user 'app' already exists",
                RaceResults.Held.MISSING), winner(RaceResults.Held.HIS)));
        assertAll(
                () -> assertEquals("confirmed", claim(raced, "only-at-tagging").verdict()),
                () -> assertEquals("refuted", claim(failed, "only-at-tagging").verdict()),
                () -> assertEquals("confirmed", claim(raced, "failure-is-success").verdict()),
                () -> assertEquals("refuted", claim(failed, "failure-is-success").verdict()),
                () -> assertEquals("substring told 1 of 2 a false \"there\"",
                        claim(failed, "failure-is-success").figure()),
                () -> assertEquals("confirmed", claim(raced, "available-at-once").verdict()));
    }

    // ---- Helpers

    static void assertValid(JsonNode json) {
        JsonSchemaFactory factory = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
        assertEquals(Set.of(), factory.getSchema(schema()).validate(json));
    }

    private static JsonNode schema() {
        try {
            return new ObjectMapper().readTree(Harness.projectFile("docs/race-report.schema.json").toFile());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static void assertWellFormed(Path page) {
        try {
            var parser = DocumentBuilderFactory.newInstance().newDocumentBuilder();
            parser.setEntityResolver((name, system) -> new InputSource(new StringReader("")));
            parser.parse(page.toFile());
        } catch (Exception e) {
            throw new AssertionError("not well-formed: " + page + ": " + e.getMessage(), e);
        }
    }

    private static RaceClaims.Claim claim(RaceResults results, String id) {
        return new RaceClaims(results).all().stream().filter(claim -> claim.id().equals(id)).findFirst().orElseThrow();
    }

    private static List<String> lines(RaceResults results, Terminal terminal) {
        return new RaceReports.OnTerminal(results, terminal).lines();
    }

    /** A builder whose build failed with this output. */
    private static RaceResults.Run loser(String line, RaceResults.Held held) {
        RaceTrack track = new RaceTrack(() -> 1);
        track.output(null, line);
        track.enter(RaceTrack.Phase.FAILED);
        return new RaceResults.Run(track, new race_repro.Ended(false, List.of(line), "x:1"), held);
    }

    private static RaceResults.Run printed(String line) {
        return loser(line, RaceResults.Held.MISSING);
    }

    /** A builder who is told that it is there. */
    private static RaceResults.Run winner(RaceResults.Held held) {
        RaceTrack track = new RaceTrack(() -> 1);
        track.enter(RaceTrack.Phase.THERE);
        return new RaceResults.Run(track, new race_repro.Ended(true, List.of(), "x:1"), held);
    }

    /** A builder's course: each entry is seconds, and a phase or a line that docker printed. The image is there. */
    private static RaceResults.Run course(boolean fails, String... entries) {
        double[] now = {0};
        RaceTrack track = new RaceTrack(() -> now[0]);
        List<String> output = new ArrayList<>();
        for (String entry : entries) {
            String[] parts = entry.split(" ", 2);
            now[0] = Double.parseDouble(parts[0]);
            if (parts[1].matches("[A-Z_]+")) {
                track.enter(RaceTrack.Phase.valueOf(parts[1]));
            } else {
                track.output(null, parts[1]);
                output.add(parts[1]);
            }
        }
        return new RaceResults.Run(track, new race_repro.Ended(!fails, output, "x:1"), RaceResults.Held.HIS);
    }

    private static RaceResults.Round round(RaceResults.Run... runs) {
        return round(race_repro.Procedure.CHECK_THEN_BUILD, runs);
    }

    private static RaceResults.Round round(race_repro.Procedure procedure, RaceResults.Run... runs) {
        return new RaceResults.Round(race_repro.Scenario.SAME, procedure, 1, List.of(runs), List.of(),
                new RaceResults.Left(0, 0));
    }

    private static RaceResults results(List<race_repro.Strategy> strategies, RaceResults.Round... rounds) {
        int builders = rounds[0].runs().size();
        race_repro.Plan plan = plan(strategies, "busybox");
        return new RaceResults(ENGINE, new race_repro.Plan(plan.scenarios(), plan.strategies(), builders, plan.rounds(),
                plan.within(), plan.untilRace(), plan.processes(), plan.stepSeconds(), plan.seed(), plan.base(),
                plan.arguments()), 2, List.of(rounds));
    }

    private static race_repro.Plan plan(List<race_repro.Strategy> strategies, String base) {
        return new race_repro.Plan(List.of(race_repro.Scenario.SAME), strategies, 2, 1, 60, false, false, 1, 42, base,
                List.of("--base", base));
    }
}
