// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.Comparator;
import java.util.Optional;

/** A round as one strategy reads it. */
record Reading(Strategy strategy, Round round) {

    /**
     * The better an example, the greater: a race was lost and an answer was false; then the plainest; then the most.
     */
    static final Comparator<Reading> BY_EXAMPLE =
            Comparator.comparing((Reading reading) -> reading.round.lost() > 0 && reading.falseAnswers() > 0)
                    .thenComparing(reading -> reading.round.lost() > 0)
                    .thenComparing(reading -> reading.round.scenario(), Comparator.reverseOrder())
                    .thenComparing(reading -> reading.strategy.isDefault())
                    .thenComparing(Reading::falseAnswers)
                    .thenComparing(reading -> reading.round.lost());

    long falseAnswers() {
        return round.runs().stream().filter(this::isFalse).count();
    }

    boolean isFalse(Run run) {
        return Falsehood.find(strategy, run).isPresent();
    }

    /** Whether just those builders that lost the race were told "failed", and falsely. */
    boolean failsTheLosersAlone() {
        return round.runs().stream().allMatch(run -> run.lostRace()
                ? Falsehood.find(strategy, run).filter(Falsehood.FAILURE::equals).isPresent()
                : !isFalse(run));
    }

    /** What the caller is told, as the end of a bar. */
    Phase answer(Run run) {
        return !strategy.reportsSuccess(run.ending()) ? Phase.FAILED
                : run.lostRace() ? Phase.TOLERATED : Phase.THERE;
    }

    Optional<Track.Race> firstRace() {
        return round.runs().stream().flatMap(run -> run.track().race().stream())
                .min(Comparator.comparingDouble(Track.Race::at));
    }
}
