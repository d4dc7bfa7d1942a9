// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A strategy in a scenario, over all rounds.
 *
 * @param lone seconds that one lone builder took
 */
record Cell(Scenario scenario, Strategy strategy, List<Round> rounds, double lone) {

    List<Run> runs() {
        return rounds.stream().flatMap(round -> round.runs().stream()).toList();
    }

    // ---- Answers

    Share lost() {
        return share(Run::lostRace);
    }

    Share served() {
        return share(run -> strategy.reportsSuccess(run.ending()) && run.truth() == Truth.OWN);
    }

    Share falseAnswers() {
        return share(run -> Falsehood.find(strategy, run).isPresent());
    }

    Share falseSuccesses() {
        return share(run -> Falsehood.find(strategy, run).filter(what -> what != Falsehood.FAILURE).isPresent());
    }

    Share count(Falsehood what) {
        return share(run -> Falsehood.find(strategy, run).filter(what::equals).isPresent());
    }

    private Share share(Predicate<Run> predicate) {
        List<Run> runs = runs();
        return new Share(runs.stream().filter(predicate).count(), runs.size());
    }

    /** How many answers were false and, by their letters, in which way. */
    String falseAnswersWithLetters() {
        String letters = Stream.of(Falsehood.values()).filter(what -> !count(what).isNever())
                .map(what -> String.valueOf(what.letter())).collect(Collectors.joining());
        return (falseAnswers() + " " + letters).strip();
    }

    // ---- Averages per round

    double stepRuns() {
        return average(Round::stepRuns);
    }

    double exports() {
        return average(Round::exports);
    }

    double tagsLeft() {
        return average(round -> round.left().tags());
    }

    private double average(ToDoubleFunction<Round> value) {
        return rounds.stream().mapToDouble(value).average().orElse(0);
    }

    /** Until the last answer, as a multiple of one lone build; the median of the rounds. */
    double wall() {
        double[] walls = rounds.stream().mapToDouble(Round::wall).sorted().toArray();
        return (walls[(walls.length - 1) / 2] + walls[walls.length / 2]) / 2 / lone;
    }
}
