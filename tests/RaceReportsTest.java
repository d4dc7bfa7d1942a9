// SPDX-License-Identifier: Apache-2.0
//DEPS com.networknt:json-schema-validator:1.5.9

package ensureimage.race;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import ensureimage.Listener;
import ensureimage.Notice;
import ensureimage.engine.EngineFacts;
import ensureimage.report.Terminal;
import ensureimage.testing.Harness;
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
public class RaceReportsTest {

    private static final String RACE_LINE =
            "ERROR: failed to solve: image \"docker.io/library/race-repro-x:latest\": already exists";
    private static final EngineFacts ENGINE = new EngineFacts("26.1.5", "26.1.5", true, "0.13");
    private static final Terminal PLAIN = new Terminal(false, false, false);

    // ---- Which engine can race

    @ParameterizedTest
    @CsvSource({"26.1.5+dfsg1, true, true", "28.5.2, true, true", "29.2.1, true, true", "29.3.0, true, false",
        "29.10.0, true, false", "30.0.0-rc.1, true, false", "28.5.2, false, false", "20.10.24+dfsg1, false, false"})
    void anEngineRacesWithTheContainerdStoreBefore29Point3(String version, boolean containerdStore, boolean canRace) {
        assertEquals(canRace,
                new EngineFacts("", version, containerdStore, "").tagRace() == EngineFacts.TagRace.POSSIBLE);
    }

    // ---- Answers against the truth

    @ParameterizedTest
    @CsvSource({
        "OWN,     there,  ", "OWN,     failed, FAILURE",
        "MISSING, there,  MISSING", "MISSING, failed, ",
        "WRONG,   there,  WRONG", "WRONG,   failed, ",
        "STALE,   there,  STALE", "STALE,   failed, ",
        "REMOVED, there,  ", "REMOVED, failed, "})
    void anAnswerIsFalseIfTheTruthIsAnother(Truth truth, String told, Falsehood expected) {
        Ending ended = new Ending(told.equals("there"), List.of(), "x:1");
        Run run = new Run(new Track(() -> 1), ended, truth);
        for (Strategy strategy : Strategy.values()) {
            assertEquals(Optional.ofNullable(expected), Falsehood.find(strategy, run), strategy.toString());
        }
    }

    @Test
    void aLostRaceWithTheImageThereIsAFalseFailureOfNaiveOnly() {
        Run run = loser(RACE_LINE, Truth.OWN);
        assertEquals(Optional.of(Falsehood.FAILURE),
                Falsehood.find(Strategy.NAIVE, run));
        assertEquals(Optional.empty(), Falsehood.find(Strategy.SUBSTRING, run));
        assertEquals(Phase.TOLERATED,
                new Reading(Strategy.SUBSTRING, round(run)).answer(run));
    }

    @Test
    void aFailedStepThatSaysAlreadyExistsIsAFalseSuccessOfSubstringOnly() {
        Run run = loser("#7 0.2 useradd: user 'app' already exists", Truth.MISSING);
        assertEquals(Optional.empty(), Falsehood.find(Strategy.NAIVE, run));
        assertEquals(Optional.of(Falsehood.MISSING),
                Falsehood.find(Strategy.SUBSTRING, run));
    }

    @ParameterizedTest
    @CsvSource({"run.1 a 1, OWN", "run.1 b 1, WRONG", "run.1 a 0, STALE", "run.2 a 1, WRONG", "by hand, WRONG",
        "'', WRONG"})
    void whatIsReadFromAnImageIsItsOwnOnlyIfItIsAllTheSame(String read, Truth truth) {
        assertEquals(truth, new Inputs("run.1", "a", 1).compare(read));
    }

    @ParameterizedTest
    @EnumSource(value = Strategy.class, names = {"ENSURE", "SINGLE_FLIGHT"})
    void aStrategyIsReportedFalseIfOneBuilderWasToldAnythingFalse(Strategy strategy) {
        Run truthful = winner(Truth.OWN);
        Run wrong = winner(Truth.MISSING);
        assertFalse(results(List.of(strategy), round(strategy.procedure(), truthful, truthful)).isOursFalse());
        assertTrue(results(List.of(strategy), round(strategy.procedure(), truthful, wrong)).isOursFalse());
    }

    /** The answer came at 10 s, a look-up took 2 s, and what the build itself named took longer. */
    @ParameterizedTest
    @CsvSource({"-1, MISSING, MISSING", "5, MISSING, MISSING", "9, MISSING, REMOVED", "11, MISSING, REMOVED",
        "9, OWN, OWN", "9, WRONG, WRONG"})
    void aRemovalExcusesOnlyABuilderThatCouldNotSeeIt(double removed, Truth truth, Truth judged) {
        double[] now = {0};
        Track track = new Track(() -> now[0]);
        track.step(null, Listener.Step.LOOKING_UP);
        now[0] = 2;
        track.step(null, Listener.Step.BUILDING);
        now[0] = 4;
        track.output(null, "#8 naming to docker.io/library/x");
        now[0] = 10;
        track.enter(Phase.THERE);
        assertEquals(judged, Removal.excuse(removed, track, truth));
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
        Run run = course(true, "0 BUILDING", "1 " + line, "2 #8 naming to x", "2 " + line);
        assertEquals(1, run.track().exports());
    }

    // ---- Tables

    @ParameterizedTest
    @CsvSource({"0, 8, 0, 0", "3, 8, ~ 3 of 8, ~ 3", "8, 8, 8 of 8, all 8"})
    void aShareSaysNeverSometimesOrAlways(long count, long of, String inFull, String brief) {
        assertEquals(inFull, new Share(count, of).toString());
        assertEquals(brief, new Share(count, of).brief());
    }

    @Test
    void theMatrixHasTheLettersOfWhatWasFalse() {
        List<String> lines = lines(results(List.of(Strategy.NAIVE, Strategy.SUBSTRING),
                round(loser(RACE_LINE, Truth.OWN), winner(Truth.WRONG))), PLAIN);
        assertTrue(lines.contains(" naive         2 of 2 FW"), String.join("\n", lines));
        assertTrue(lines.contains(" substring    ~ 1 of 2 W"), String.join("\n", lines));
    }

    @ParameterizedTest
    @CsvSource({"1, false, false", "8, true, false", "99, false, true", "99, true, true"})
    void theReportFitsEightyColumnsAndAnyTerminal(int builders, boolean colours, boolean unicode) {
        Run[] runs = Stream.generate(() -> course(true, "0 BUILDING", "9 " + RACE_LINE, "9.9 FAILED"))
                .limit(builders).toArray(Run[]::new);
        List<String> lines = lines(results(List.of(Strategy.NAIVE, Strategy.SUBSTRING),
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
        Run winner = course(false, "0 LOOKING_UP", "1 BUILDING", "6 #6 exporting to image",
                "8 #6 naming to docker.io/library/x", "10 THERE");
        Run loser = course(true, "0 LOOKING_UP", "2 BUILDING", "6 #6 exporting to image",
                "9 #6 naming to docker.io/library/x", "9.1 " + RACE_LINE, "9.9 FAILED");
        List<String> lines = new TextTimeline(new Reading(Strategy.NAIVE,
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
        Run run = course(true, "0 BUILDING", "10 #6 naming to docker.io/library/x", "10 " + RACE_LINE,
                "10 FAILED");
        String bar = new TextTimeline(new Reading(Strategy.NAIVE, round(run)), PLAIN)
                .lines().get(0);
        assertTrue(bar.endsWith("-#x failed, falsely"), bar);
    }

    @Test
    void theExampleHasARaceAndTheMostFalseAnswers() {
        Round calm = round(winner(Truth.MISSING), winner(Truth.MISSING));
        Run loser = course(true, "0 BUILDING", "1 " + RACE_LINE, "2 FAILED");
        Round wild = new Round(Scenario.SAME, Procedure.CHECK_THEN_BUILD,
                2, List.of(loser, winner(Truth.OWN)), List.of(), new Round.Left(0, 0));
        Reading example = results(List.of(Strategy.values()), calm, wild, calm).example();
        assertEquals(2, example.round().number());
        assertEquals(Strategy.NAIVE, example.strategy());
    }

    @Test
    void theExampleIsToldInASentence() {
        Run loser = loser(RACE_LINE, Truth.OWN);
        assertEquals(
                "Example: strategy \"naive\", scenario \"same\", round 1. 1 of 2 lost the race and reported failure.",
                sentence(Strategy.NAIVE, loser, winner(Truth.OWN)));
        assertEquals(
                "Example: strategy \"substring\", scenario \"same\", round 1. 1 of 2 lost the race, 0 of 2 answers "
                        + "were false.",
                sentence(Strategy.SUBSTRING, loser, winner(Truth.OWN)));
        assertEquals(
                "Example: strategy \"naive\", scenario \"same\", round 1. 1 of 2 lost the race, 2 of 2 answers were "
                        + "false.",
                sentence(Strategy.NAIVE, loser, winner(Truth.WRONG)));
        assertEquals(
                "Example: strategy \"naive\", scenario \"same\", round 1. No builder lost the race, 0 of 1 answers "
                        + "were false.",
                sentence(Strategy.NAIVE, winner(Truth.OWN)));
    }

    private static String sentence(Strategy strategy, Run... runs) {
        return Words.example(new Reading(strategy, round(runs)));
    }

    /** ensure_image names what it has built outside the build: only its notice tells that the tag was claimed. */
    @Test
    void aTagThatIsClaimedWhileEnsureImageNamesItIsALostRace() {
        Track track = new Track(() -> 3);
        track.step(null, Listener.Step.NAMING);
        track.notice(null, new Notice.Claimed("not docker's words for it"));
        assertEquals(Optional.empty(), track.race());
        track.notice(null, new Notice.Claimed(RACE_LINE));
        assertEquals(Optional.of(new Track.Race(RACE_LINE, 3, true)), track.race());
    }

    // ---- Files

    /** What docker, the engine and a base image's name say can be anything. */
    @Test
    void theReportsParseWhateverTheEngineSays() throws Exception {
        String evil = "</pre><script>alert(1)</script> & \"'|`]]>\n\u001b[2J\u202e";
        Run run = course(true, "0 BUILDING", "1 #6 naming to x", "1 " + RACE_LINE, "2 FAILED");
        Results results = new Results(new EngineFacts(evil, "26.1" + evil, true, evil), plan(
                List.of(Strategy.NAIVE), 2, evil), 1, List.of(round(run, winner(Truth.OWN))));
        Path folder = Harness.newFolder();
        for (String name : List.of("r.html", "r.md", "r.json", "r.svg")) {
            Reports.write(results, List.of(folder.resolve(name)), Map.of());
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
        assertTrue(markdown.contains("\ngantt\n    title strategy naive, scenario same\n"), markdown);
    }

    @Test
    void markdownIsAppendedToTheSummaryOfAJob() throws Exception {
        Path folder = Harness.newFolder();
        Path summary = Harness.write(folder.resolve("summary"), "before\n");
        Results results = results(List.of(Strategy.NAIVE), round(winner(Truth.OWN)));
        Map<String, String> environment = Map.of("GITHUB_STEP_SUMMARY", summary.toString());
        Reports.write(results, List.of(folder.resolve("r.json")), environment);
        assertEquals("before\n", Files.readString(summary));
        Reports.write(results, List.of(folder.resolve("r.md")), environment);
        assertEquals("before\n" + Files.readString(folder.resolve("r.md")), Files.readString(summary));
    }

    @Test
    void aReportThatCannotBeWrittenIsToldBeforeTheRun() {
        assertThrows(IllegalArgumentException.class, () -> Reports.requireWritable(Path.of("/nonexistent/r.md")));
        assertThrows(IllegalArgumentException.class, () -> Reports.requireWritable(Path.of("r.pdf")));
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
        Run loser = course(true, "0 BUILDING", "1 #8 naming to x", "1 " + RACE_LINE, "2 FAILED");
        List<Strategy> both = List.of(Strategy.NAIVE, Strategy.SUBSTRING);
        Results raced = results(both, round(loser, winner(Truth.OWN)));
        Results failed = results(both, round(loser("#7 useradd: user 'app' already exists",
                Truth.MISSING), winner(Truth.OWN)));
        assertAll(
                () -> assertEquals("confirmed", claim(raced, "only-at-tagging").verdict()),
                () -> assertEquals("refuted", claim(failed, "only-at-tagging").verdict()),
                () -> assertEquals("confirmed", claim(raced, "failure-is-success").verdict()),
                () -> assertEquals("refuted", claim(failed, "failure-is-success").verdict()),
                () -> assertEquals("substring told 1 of 2 builders a false \"there\"",
                        claim(failed, "failure-is-success").figure()),
                () -> assertEquals("confirmed", claim(raced, "available-at-once").verdict()),
                () -> assertEquals("in scenario \"same\", after the lost race the image was there",
                        claim(raced, "available-at-once").figure()));
    }

    // ---- Helpers

    /** That a report is as its schema says. */
    public static void assertValid(JsonNode json) {
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

    /** That a page can be read as XML. */
    public static void assertWellFormed(Path page) {
        try {
            var parser = DocumentBuilderFactory.newInstance().newDocumentBuilder();
            parser.setEntityResolver((name, system) -> new InputSource(new StringReader("")));
            parser.parse(page.toFile());
        } catch (Exception e) {
            throw new AssertionError("not well-formed: " + page + ": " + e.getMessage(), e);
        }
    }

    private static Claims.Claim claim(Results results, String id) {
        return new Claims(results).all().stream().filter(claim -> claim.id().equals(id)).findFirst().orElseThrow();
    }

    private static List<String> lines(Results results, Terminal terminal) {
        return new TextReport(results, terminal).lines();
    }

    /** A builder whose build failed with this output. */
    private static Run loser(String line, Truth truth) {
        Track track = new Track(() -> 1);
        track.output(null, line);
        track.enter(Phase.FAILED);
        return new Run(track, new Ending(false, List.of(line), "x:1"), truth);
    }

    private static Run printed(String line) {
        return loser(line, Truth.MISSING);
    }

    /** A builder that is told that it is there. */
    private static Run winner(Truth truth) {
        Track track = new Track(() -> 1);
        track.enter(Phase.THERE);
        return new Run(track, new Ending(true, List.of(), "x:1"), truth);
    }

    /** A builder's course: each entry is seconds, and a phase or a line that docker printed. The image is there. */
    private static Run course(boolean fails, String... entries) {
        double[] now = {0};
        Track track = new Track(() -> now[0]);
        List<String> output = new ArrayList<>();
        for (String entry : entries) {
            String[] parts = entry.split(" ", 2);
            now[0] = Double.parseDouble(parts[0]);
            if (parts[1].matches("[A-Z_]+")) {
                track.enter(Phase.valueOf(parts[1]));
            } else {
                track.output(null, parts[1]);
                output.add(parts[1]);
            }
        }
        return new Run(track, new Ending(!fails, output, "x:1"), Truth.OWN);
    }

    private static Round round(Run... runs) {
        return round(Procedure.CHECK_THEN_BUILD, runs);
    }

    private static Round round(Procedure procedure, Run... runs) {
        return new Round(Scenario.SAME, procedure, 1, List.of(runs), List.of(),
                new Round.Left(0, 0));
    }

    private static Results results(List<Strategy> strategies, Round... rounds) {
        return new Results(ENGINE, plan(strategies, rounds[0].runs().size(), "busybox"), 2, List.of(rounds));
    }

    private static Plan plan(List<Strategy> strategies, int builders, String base) {
        return new Plan(List.of(Scenario.SAME), strategies, builders, 1, Optional.empty(), false, Optional.empty(), 1,
                42,
                base, List.of("race_repro", "--base", base));
    }
}
