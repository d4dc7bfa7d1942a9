// SPDX-License-Identifier: Apache-2.0
//SOURCES Builder.java
//SOURCES BuilderProcess.java
//SOURCES Cell.java
//SOURCES Choice.java
//SOURCES Claims.java
//SOURCES Clock.java
//SOURCES Column.java
//SOURCES Crew.java
//SOURCES DemoImage.java
//SOURCES Ending.java
//SOURCES ExitGuard.java
//SOURCES Falsehood.java
//SOURCES FleetPlan.java
//SOURCES FleetPlay.java
//SOURCES FleetReport.java
//SOURCES FleetResults.java
//SOURCES FleetStrategy.java
//SOURCES HelpFooter.java
//SOURCES HtmlPage.java
//SOURCES Inputs.java
//SOURCES Job.java
//SOURCES JsonReport.java
//SOURCES Judge.java
//SOURCES LiveProgress.java
//SOURCES MarkdownPage.java
//SOURCES MermaidTimeline.java
//SOURCES NotPlayed.java
//SOURCES Phase.java
//SOURCES Plan.java
//SOURCES Procedure.java
//SOURCES Progress.java
//SOURCES Reading.java
//SOURCES Removal.java
//SOURCES Reports.java
//SOURCES Results.java
//SOURCES Round.java
//SOURCES Run.java
//SOURCES Scenario.java
//SOURCES Setting.java
//SOURCES Share.java
//SOURCES Site.java
//SOURCES Stage.java
//SOURCES StartSignal.java
//SOURCES Strategy.java
//SOURCES SvgTimeline.java
//SOURCES Table.java
//SOURCES TextReport.java
//SOURCES TextTimeline.java
//SOURCES Timeline.java
//SOURCES Traces.java
//SOURCES Track.java
//SOURCES Truth.java
//SOURCES Wish.java
//SOURCES Words.java
//SOURCES Xml.java
//SOURCES package-info.java
//SOURCES ../report/RunReport.java
//SOURCES ../throwaway/ThrowawayEngine.java

package ensureimage.race;

import ensureimage.engine.EngineException;
import ensureimage.engine.EngineFacts;
import ensureimage.recipe.Printable;
import ensureimage.report.ExitCode;
import ensureimage.report.Message;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.Future;

/**
 * Plays a plan on an engine: starts builders of one tag at the same moment, round after round, and compares what each
 * procedure ends with to what the engine then holds.
 *
 * <p>The rule it keeps: the truth comes from the engine, read at the moment of each answer from a file inside the
 * image; no strategy is believed, not even ours. Builders race because they join one running build step and leave it
 * together.
 */
public final class Play {
    private final Plan plan;
    private final Stage stage;
    private final Progress progress;
    private final Random random;
    private final Clock clock = new Clock();

    /** @param stage stays open */
    public Play(Plan plan, Stage stage, Progress progress) {
        this.plan = plan;
        this.stage = stage;
        this.progress = progress;
        this.random = new Random(plan.seed());
    }

    /**
     * Plays all rounds. One lone builder before them is the measure of the others. In each round every procedure takes
     * its turn in every scenario, so that whatever else the machine does hits all alike.
     *
     * @throws NotPlayed if the demo image does not build even alone, or the engine or this machine fails
     * @throws InterruptedException if this thread is interrupted; nothing is left building
     */
    public Results run() throws NotPlayed, InterruptedException {
        clock.start();
        playLone(); // fetches the base image
        double lone = playLone().wall();
        List<Round> played = new ArrayList<>();
        double begin = 0;
        for (int number = 1; number <= plan.rounds(); number++) {
            double now = clock.seconds();
            if (number > 1 && !plan.hasTimeUntil(now + (now - begin))) {
                played.addAll(playPlainAgain(number - 1, played));
                break;
            }
            begin = now;
            List<Round> round = playAll(number);
            played.addAll(round);
            if (plan.untilRace() && round.stream().anyMatch(each -> each.lost() > 0)) {
                break;
            }
        }
        return new Results(stage.engine(), plan, lone, played);
    }

    private Round playLone() throws NotPlayed, InterruptedException {
        Round round = play(Scenario.SAME, Procedure.CHECK_THEN_BUILD, 0, 1);
        Run run = round.runs().get(0);
        if (run.truth() != Truth.OWN) {
            throw new NotPlayed(ExitCode.BUILD_FAILED, new Message("the demo image does not build, even alone, from "
                    + Printable.escape(plan.base())), run.ending().output());
        }
        return round;
    }

    private List<Round> playAll(int number) throws NotPlayed, InterruptedException {
        List<Round> rounds = new ArrayList<>();
        for (Scenario scenario : plan.scenarios()) {
            List<Procedure> procedures = new ArrayList<>(plan.procedures());
            Collections.shuffle(procedures, random);
            for (Procedure procedure : procedures) {
                rounds.add(playAndTell(scenario, procedure, number));
            }
        }
        return rounds;
    }

    private Round playAndTell(Scenario scenario, Procedure procedure, int number)
            throws NotPlayed, InterruptedException {
        Round round = play(scenario, procedure, number, plan.builders());
        progress.notice(Words.played(round, plan));
        return round;
    }

    /** If no builder has lost the plain race yet, plays only that, as often as there is time for until one loses it. */
    private List<Round> playPlainAgain(int number, List<Round> played) throws NotPlayed, InterruptedException {
        Procedure naive = Strategy.NAIVE.procedure();
        List<Round> plain = played.stream()
                .filter(round -> round.scenario() == Scenario.SAME && round.procedure() == naive).toList();
        boolean raced = plain.stream().anyMatch(round -> round.lost() > 0);
        if (plain.isEmpty() || raced || !plan.strategies().contains(Strategy.NAIVE)
                || stage.engine().tagRace() != EngineFacts.TagRace.POSSIBLE) {
            return List.of();
        }
        double longest = plain.stream().mapToDouble(Round::wall).max().orElse(0);
        List<Round> more = new ArrayList<>();
        while (!raced && plan.hasTimeUntil(clock.seconds() + longest + 1)) {
            Round round = playAndTell(Scenario.SAME, naive, number);
            more.add(round);
            raced = round.lost() > 0;
        }
        return more;
    }

    // ---- One round

    private Round play(Scenario scenario, Procedure procedure, int number, int builders)
            throws NotPlayed, InterruptedException {
        try (Stage.Folder folder = stage.openFolder()) {
            List<Wish> wishes = scenario.prepare(new Setting(stage, plan, folder, builders, random));
            Site site = stage.site(folder.path());
            Clock time = new Clock();
            List<Track> tracks = wishes.stream().map(wish -> new Track(time::seconds)).toList();
            progress.show(Words.playing(scenario, procedure, number), () -> Words.phases(tracks));
            StartSignal start = new StartSignal(builders, folder.path());
            try (Crew crew = new Crew(builders + 1)) {
                List<Future<Run>> answers = new ArrayList<>();
                for (int i = 0; i < builders; i++) {
                    Builder builder = new Builder(procedure, site, wishes.get(i).recipe(), i + 1, tracks.get(i), start);
                    Inputs wanted = wishes.get(i).inputs();
                    answers.add(crew.start(() -> answer(builder, wanted)));
                }
                Removal removal = new Removal(stage, stage.reference(), time);
                Optional<Future<OptionalDouble>> removed = scenario.removesTheTag() ? Optional.of(crew.start(removal))
                        : Optional.empty();
                start.awaitReady(answers);
                time.start();
                removal.begin();
                List<Track> before = procedure.prebuilds() ? prebuild(site, wishes, time) : List.of();
                start.give();
                List<Run> runs = Crew.join(answers);
                removal.end();
                // The judge may have been faster than the removal, so excuses come last.
                OptionalDouble when = removed.isPresent() ? Crew.join(removed.get()) : OptionalDouble.empty();
                return new Round(scenario, procedure, number, runs.stream().map(run -> run.excuse(when)).toList(),
                        before, stage.tidy());
            }
        }
    }

    private Run answer(Builder builder, Inputs wanted) throws NotPlayed, InterruptedException {
        Ending ending = plan.jvm().isPresent() ? builder.playInProcess(plan.jvm().get()) : builder.playInThread();
        builder.track().end(ending.success());
        return new Run(builder.track(), ending, stage.judge().look(ending.handle(), wanted));
    }

    /** Builds each thing that is wanted once, one after the other, before the builders start. */
    private static List<Track> prebuild(Site site, List<Wish> wishes, Clock time)
            throws NotPlayed, InterruptedException {
        List<Track> tracks = new ArrayList<>();
        for (Wish wish : wishes.stream().distinct().toList()) {
            Track track = new Track(time::seconds);
            tracks.add(track);
            try {
                track.end(Procedure.build(site, wish.recipe(), track).success());
            } catch (EngineException e) {
                throw NotPlayed.noEngine(e);
            }
        }
        return tracks;
    }
}
