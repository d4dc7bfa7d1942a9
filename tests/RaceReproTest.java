import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * race_repro: on real engines what it shows, and that it leaves nothing; without one how it counts and draws.
 *
 * <p>Run: {@code ./jbangw tests/all.java RaceReproTest}
 */
class RaceReproTest {

    private static final String RACE_LINE =
        "ERROR: failed to solve: image \"docker.io/library/race-repro-x:latest\": already exists";
    private static final race_repro.Facts ENGINE = new race_repro.Facts("26.1.5", true, "BuildKit through buildx 0.13");
    private static final Terminal PLAIN = new Terminal(false, false, false);

    // ---- On real engines

    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void naiveFailsInMostRoundsAndEnsureNever(String version) {
        with_docker.Engine engine = Harness.engine(version, with_docker.Store.CONTAINERD);
        Set<String> before = images(engine);

        Harness.Result run = onCurrent(engine, "-r", "6").timeout(Duration.ofMinutes(8)).run().succeeded();

        List<Integer> lost = numbers(run.err(), "round \\d, naive/substring: +(\\d+) of 8 lost the race.*");
        assertEquals(6, lost.size(), run.toString());
        long raced = lost.stream().filter(count -> count > 0).count();
        assertTrue(raced >= 3, "only " + raced + " of 6 rounds raced: " + run);
        String all = " +" + lost.stream().mapToInt(count -> count).sum() + " of 48";
        assertAll(run.toString(),
            () -> assertRow(run, "naive" + all + all + " +0 of 48 +6 in 6 +[\\d.]+x"),
            () -> assertRow(run, "substring" + all + " +0 of 48 +0 of 48 +6 in 6 +[\\d.]+x"),
            () -> assertRow(run, "ensure +\\d+ of 48 +0 of 48 +0 of 48 +6 in 6 +[\\d.]+x"),
            () -> assertTrue(run.out().startsWith("Docker " + engine.version().split("[+-]")[0]), "the engine"),
            () -> assertTrue(run.out().contains("Builds can race for a tag here: containerd image store"), "and why"),
            () -> assertTrue(run.out().contains("The most telling round: naive, round "), "the timeline"),
            () -> assertTrue(run.out().contains("failed, falsely"), "its bars"),
            () -> assertTrue(run.out().lines().anyMatch(line -> line.matches("  \\| ERROR: .*already exists")),
                "docker's own line"),
            () -> assertTrue(run.out().endsWith("ensure     told all 48 builders the truth\n"), "the conclusion"),
            () -> assertEquals(before, images(engine), "images left"));
    }

    @Test
    void anInterruptedRunLeavesNoImageContainerOrProcess() {
        with_docker.Engine engine = Harness.engine("28.5", with_docker.Store.CONTAINERD);
        Set<String> before = images(engine);
        try (Harness.Running run = onCurrent(engine, "-r", "5", "--strategy", "naive").start()) {
            Harness.eventually("images are there, and more are being built", Duration.ofMinutes(2),
                    () -> run.err().contains("round 1") && building() && !images(engine).equals(before));
            run.signal("INT");
            assertEquals(130, run.await().status());
        }
        assertFalse(building(), "a client is left");
        assertEquals(before, images(engine));
        assertEquals("", docker(engine, "container", "ls", "--all", "--quiet", "--filter", "label=race_repro.run"));
    }

    @Test
    void withoutAnEngineItSaysSoAndUsesAThrowawayOne() {
        Harness.Result run = Harness.script("race_repro", "-n", "2", "-r", "1")
                .env("DOCKER_HOST", "unix:///nonexistent.sock").run().succeeded();
        assertTrue(run.err().contains(" So this uses a throwaway engine.\n"), run.toString());
        assertTrue(run.out().startsWith("Docker 26.1"), run.toString());
        assertRow(run, "ensure +\\d of 2 +0 of 2 +0 of 2 .*");
    }

    @Test
    void onAnEngineThatCannotRaceItSaysWhyAndUsesAThrowawayOne() {
        with_docker.Engine classic = Harness.engine("26.1", with_docker.Store.CLASSIC);
        Harness.Result run = Harness.script("race_repro", "-n", "2", "-r", "1", "--strategy", "naive")
                .env(classic.environment()).run().succeeded();
        assertTrue(run.err().startsWith("Builds cannot race on the current engine, Docker 26.1"), run.toString());
        assertTrue(run.err().contains("with the classic image store the last build takes the tag"), run.toString());
        assertTrue(run.out().contains("containerd image store"), run.toString());
    }

    @Test
    void onAnEngineThatCannotRaceItStillRunsIfTold() {
        with_docker.Engine classic = Harness.engine("26.1", with_docker.Store.CLASSIC);
        Harness.Result run = onCurrent(classic, "-n", "4", "-r", "1").run().succeeded();
        assertTrue(run.out().contains("Builds cannot race for a tag here: with the classic"), run.toString());
        assertTrue(run.out().contains("Nobody lost a race: with the classic image store"), run.toString());
        assertRow(run, "naive +0 of 4 +0 of 4 +0 of 4 +1 in 1 .*");
    }

    @Test
    void aBaseThatIsNotThereIsReportedWithWhatToDo() {
        with_docker.Engine engine = Harness.engine("26.1", with_docker.Store.CONTAINERD);
        Harness.Result run = onCurrent(engine, "--base", "race-repro-nowhere").run().expect(10);
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
        "--engine nope, --engine is current", "--engine throwaway:1.0, no engine 1.0", "--nope, --nope"})
    void aMistakeIsExit2AndNamed(String arguments, String named) {
        Harness.Result run = Harness.script("race_repro", arguments.split(" ")).run().expect(2);
        assertTrue(run.err().lines().findFirst().orElse("").startsWith("race_repro: "), run.toString());
        assertTrue(run.err().contains(named), run.toString());
        assertTrue(run.err().endsWith("See: race_repro --help\n"), run.toString());
        assertEquals("", run.out());
    }

    @Test
    void helpNamesEveryStrategyAndScenario() {
        String help = Harness.script("race_repro", "--help").run().succeeded().out();
        for (race_repro.Strategy strategy : race_repro.Strategy.values()) {
            assertTrue(help.contains("\n  " + strategy + " "), strategy + " in " + help);
        }
        for (race_repro.Scenario scenario : race_repro.Scenario.values()) {
            assertTrue(help.contains("\n  " + scenario + " "), scenario + " in " + help);
        }
    }

    // ---- Which engine can race

    @ParameterizedTest
    @CsvSource({"26.1.5+dfsg1, true, true", "28.5.2, true, true", "29.2.1, true, true", "29.3.0, true, false",
        "29.10.0, true, false", "30.0.0-rc.1, true, false", "28.5.2, false, false", "20.10.24+dfsg1, false, false"})
    void anEngineRacesWithTheContainerdStoreBefore29Point3(String version, boolean containerdStore, boolean canRace) {
        assertEquals(canRace, new race_repro.Facts(version, containerdStore, "").canRace());
    }

    // ---- Answers against the truth

    @Test
    void aLostRaceWithTheImageThereIsAFalseFailureOfNaiveOnly() {
        race_repro.Run run = loser(RACE_LINE, true);
        assertTrue(race_repro.Strategy.NAIVE.falseFailure(run));
        assertFalse(race_repro.Strategy.SUBSTRING.falseFailure(run));
        assertFalse(race_repro.Strategy.SUBSTRING.falseSuccess(run));
        assertEquals(race_repro.Phase.TOLERATED, race_repro.Strategy.SUBSTRING.answer(run));
    }

    @Test
    void aFailedStepThatSaysAlreadyExistsIsAFalseSuccessOfSubstringOnly() {
        race_repro.Run run = loser("#7 0.2 useradd: user 'app' already exists", false);
        assertFalse(race_repro.Strategy.NAIVE.falseFailure(run));
        assertFalse(race_repro.Strategy.NAIVE.falseSuccess(run));
        assertTrue(race_repro.Strategy.SUBSTRING.falseSuccess(run));
    }

    @ParameterizedTest
    @EnumSource(race_repro.Strategy.class)
    void aSuccessWithoutTheImageIsFalseWhoeverTellsIt(race_repro.Strategy strategy) {
        race_repro.Run run = new race_repro.Run(loser("", false).track(), race_repro.Ended.THERE, false);
        assertTrue(strategy.falseSuccess(run));
    }

    @Test
    void ensureIsReportedFalseIfOneBuilderWasToldAnythingFalse() {
        race_repro.Run truthful = new race_repro.Run(loser("", true).track(), race_repro.Ended.THERE, true);
        race_repro.Run wrong = new race_repro.Run(loser("", true).track(), race_repro.Ended.THERE, false);
        assertFalse(report(race_repro.Procedure.ENSURE_IMAGE, truthful, truthful).isFalse(race_repro.Strategy.ENSURE));
        assertTrue(report(race_repro.Procedure.ENSURE_IMAGE, truthful, wrong).isFalse(race_repro.Strategy.ENSURE));
    }

    @Test
    void theStepRanAsOftenAsThereAreDifferentStamps() {
        String first = "#7 0.1 race-demo ran: 7ce8512b-6d53-4123-bd78-11f89eaba26b";
        String second = "#7 0.1 race-demo ran: 177dcb35-8106-44d9-8b17-d35eb3896017";
        String command = "#7 [2/2] RUN stamp=$(cat /proc/sys/kernel/random/uuid)     && echo \"race-demo ran: $stamp\"";
        assertEquals(1, round(loser(first, true), loser(first, true), loser(command, true)).stepRuns());
        assertEquals(2, round(loser(first, true), loser(second, true)).stepRuns());
    }

    // ---- Table and timeline

    @Test
    void theTimelineShowsEachBuildersPhasesAndTheMomentOfTheRace() {
        race_repro.Run winner = course(false, "0 LOOKING_UP", "1 BUILDING", "6 #6 exporting to image",
            "8 #6 naming to docker.io/library/x", "10 THERE");
        race_repro.Run loser = course(true, "0 LOOKING_UP", "2 BUILDING", "6 #6 exporting to image",
            "9 #6 naming to docker.io/library/x", "9.1 " + RACE_LINE, "9.9 FAILED");
        List<String> lines = new race_repro.Timeline(new race_repro.Telling(race_repro.Strategy.NAIVE,
            round(winner, loser)), PLAIN).lines();
        assertEquals(List.of(
            "The most telling round: naive, round 1. 1 of 2 lost the race, 1 misled.",
            "",
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
        race_repro.Run run = course(true, "0 BUILDING", "10 #6 naming to docker.io/library/x", "10 " + RACE_LINE,
            "10 FAILED");
        String bar = new race_repro.Timeline(new race_repro.Telling(race_repro.Strategy.NAIVE, round(run)), PLAIN)
            .lines().get(2);
        assertTrue(bar.endsWith("-#x failed, falsely"), bar);
    }

    @ParameterizedTest
    @CsvSource({"1, false, false", "8, true, false", "99, false, true", "99, true, true"})
    void theReportFitsEightyColumnsAndAnyTerminal(int builders, boolean colours, boolean unicode) {
        race_repro.Run[] runs = Stream.generate(() -> course(true, "0 BUILDING", "9 " + RACE_LINE, "9.9 FAILED"))
            .limit(builders).toArray(race_repro.Run[]::new);
        List<String> lines = new race_repro.Report(ENGINE, rounds(race_repro.Procedure.CHECK_THEN_BUILD, runs),
            EnumSet.of(race_repro.Strategy.NAIVE, race_repro.Strategy.SUBSTRING),
            new Terminal(colours, unicode, false)).lines();
        for (String line : lines) {
            String plain = line.replaceAll("\u001b\\[\\d+m", "");
            assertTrue(line.startsWith("  | ") || plain.length() <= 80, plain.length() + ": " + plain);
            assertTrue(colours || plain.equals(line), "colours in " + line);
            assertTrue(unicode || plain.chars().allMatch(c -> c < 128), "not ASCII: " + line);
        }
        assertEquals(colours, String.join("", lines).contains("\u001b["));
        assertEquals(builders > 24, lines.stream().anyMatch(line -> line.contains("and " + (builders - 24) + " more")));
    }

    @Test
    void theMostTellingRoundIsTheOneWithTheMostFalseAnswers() {
        race_repro.Round calm = round(loser("", true));
        race_repro.Round wild = new race_repro.Round(race_repro.Procedure.CHECK_THEN_BUILD, 2,
            List.of(course(true, "0 BUILDING", "1 " + RACE_LINE, "2 FAILED"), loser("", true)));
        race_repro.Telling telling = race_repro.Telling.of(List.of(calm, wild, calm),
            EnumSet.allOf(race_repro.Strategy.class));
        assertEquals(2, telling.round().number());
        assertEquals(race_repro.Strategy.NAIVE, telling.strategy());
    }

    // ---- Helpers

    private static Harness.Command onCurrent(with_docker.Engine engine, String... arguments) {
        return Harness.script("race_repro", Stream.concat(Stream.of("--engine", "current"), Stream.of(arguments))
                .toArray(String[]::new)).env(engine.environment());
    }

    private static String docker(with_docker.Engine engine, String... arguments) {
        return Harness.command(Stream.concat(Stream.of(engine.docker().toString()), Stream.of(arguments))
                .toArray(String[]::new)).env(engine.environment()).run().succeeded().out();
    }

    private static Set<String> images(with_docker.Engine engine) {
        return Set.copyOf(docker(engine, "image", "ls", "--all", "--quiet", "--no-trunc", "--filter",
            "label=race_repro.run").lines().toList());
    }

    private static boolean building() {
        return ProcessHandle.allProcesses().anyMatch(process -> process.info().commandLine().orElse("")
                .contains("--tag race-repro-"));
    }

    private static void assertRow(Harness.Result run, String pattern) {
        assertTrue(run.out().lines().anyMatch(line -> line.matches(" *" + pattern)), "no " + pattern + " in " + run);
    }

    private static List<Integer> numbers(String text, String pattern) {
        List<Integer> numbers = new ArrayList<>();
        for (Matcher matcher = Pattern.compile(pattern).matcher(text); matcher.find(); ) {
            numbers.add(Integer.valueOf(matcher.group(1)));
        }
        return numbers;
    }

    /** A builder whose build failed with this output. */
    private static race_repro.Run loser(String line, boolean there) {
        race_repro.Track track = new race_repro.Track(() -> 1);
        track.output(null, line);
        track.enter(race_repro.Phase.FAILED);
        return new race_repro.Run(track, new race_repro.Ended(false, List.of(line)), there);
    }

    /** A builder's course: each entry is seconds, and a phase or a line that docker printed. The image is there. */
    private static race_repro.Run course(boolean fails, String... entries) {
        double[] now = {0};
        race_repro.Track track = new race_repro.Track(() -> now[0]);
        List<String> output = new ArrayList<>();
        for (String entry : entries) {
            String[] parts = entry.split(" ", 2);
            now[0] = Double.parseDouble(parts[0]);
            if (parts[1].matches("[A-Z_]+")) {
                track.enter(race_repro.Phase.valueOf(parts[1]));
            } else {
                track.output(null, parts[1]);
                output.add(parts[1]);
            }
        }
        return new race_repro.Run(track, new race_repro.Ended(!fails, output), true);
    }

    private static race_repro.Round round(race_repro.Run... runs) {
        return new race_repro.Round(race_repro.Procedure.CHECK_THEN_BUILD, 1, List.of(runs));
    }

    /** One lone builder, then a round. */
    private static List<race_repro.Round> rounds(race_repro.Procedure procedure, race_repro.Run... runs) {
        return List.of(new race_repro.Round(race_repro.Procedure.CHECK_THEN_BUILD, 0, List.of(runs[0])),
            new race_repro.Round(procedure, 1, List.of(runs)));
    }

    private static race_repro.Report report(race_repro.Procedure procedure, race_repro.Run... runs) {
        return new race_repro.Report(ENGINE, rounds(procedure, runs), EnumSet.of(race_repro.Strategy.ENSURE), PLAIN);
    }
}
