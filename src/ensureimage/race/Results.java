// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.EngineFacts;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What was played, and what it amounts to.
 *
 * @param lone seconds that one lone builder took: the measure of the others
 */
public record Results(EngineFacts engine, Plan plan, double lone, List<Round> rounds) {

    // ---- The matrix

    Cell cell(Scenario scenario, Strategy strategy) {
        return new Cell(scenario, strategy, rounds.stream().filter(round -> round.scenario() == scenario
                && round.procedure() == strategy.procedure()).toList(), lone);
    }

    /** The same, if it was played. */
    Optional<Cell> findCell(Scenario scenario, Strategy strategy) {
        return plan.scenarios().contains(scenario) && plan.strategies().contains(strategy)
                ? Optional.of(cell(scenario, strategy))
                : Optional.empty();
    }

    /** One per scenario. */
    List<Cell> cells(Strategy strategy) {
        return plan.scenarios().stream().flatMap(scenario -> findCell(scenario, strategy).stream()).toList();
    }

    Share falseAnswers(Strategy strategy) {
        return Share.sum(cells(strategy).stream().map(Cell::falseAnswers).toList());
    }

    /** Whether this project told any builder something false. */
    public boolean isOursFalse() {
        return !falseAnswers(Strategy.ENSURE).isNever() || !falseAnswers(Strategy.SINGLE_FLIGHT).isNever();
    }

    // ---- The rounds

    /** How many rounds there were of what was played most often. */
    public int roundsPlayed() {
        return rounds.stream().mapToInt(Round::number).max().orElse(0);
    }

    /** Whether any builder lost a race. */
    public boolean hasLostRace() {
        return rounds.stream().anyMatch(round -> round.lost() > 0);
    }

    /** Whether rounds of the plan were not played because there was no time for them. */
    public boolean isCutShort() {
        return roundsPlayed() < plan.rounds() && !(plan.untilRace() && hasLostRace());
    }

    // ---- The example

    /** The round that shows most clearly what this is about, as read by the strategy for which it does. */
    Reading example() {
        return plan.strategies().stream().flatMap(strategy -> rounds.stream()
                .filter(round -> round.procedure() == strategy.procedure()).map(round -> new Reading(strategy, round)))
                .max(Reading.BY_EXAMPLE).orElseThrow();
    }

    /** The example and, to be seen beside it, the round of the same scenario and number as ensure_image played it. */
    List<Reading> examples() {
        Reading example = example();
        boolean isCompared = plan.strategies().contains(Strategy.ENSURE) && example.strategy() != Strategy.ENSURE;
        Stream<Reading> counterpart = rounds.stream()
                .filter(round -> isCompared && round.procedure() == Strategy.ENSURE.procedure()
                        && round.scenario() == example.round().scenario()
                        && round.number() == example.round().number())
                .map(round -> new Reading(Strategy.ENSURE, round)).limit(1);
        return Stream.concat(Stream.of(example), counterpart).toList();
    }
}
