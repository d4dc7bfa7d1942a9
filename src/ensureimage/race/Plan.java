// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What is to be played.
 *
 * @param builders how many start together
 * @param rounds at most so many
 * @param within after the first round, none begins that would probably end later than this; empty if there is no limit
 * @param untilRace whether the first round is the last in which a builder lost the race
 * @param jvm the command that starts a JVM with these classes, for builders that are processes; empty if they are
 *         threads
 * @param stepSeconds how long the build step takes that all builders share
 * @param seed decides the order of what is random here
 * @param base the image that the demo image is built from
 * @param command the command line that made this plan, to be told in reports
 */
public record Plan(List<Scenario> scenarios, List<Strategy> strategies, int builders, int rounds,
        Optional<Duration> within, boolean untilRace, Optional<List<String>> jvm, double stepSeconds, long seed,
        String base, List<String> command) {
    private static final int MOST_BUILDERS = 99;
    private static final int LONGEST_STEP = 60;

    /** What is wrong with these, for the user; empty if nothing is. */
    public static Optional<String> mistake(int builders, double stepSeconds) {
        return builders < 1 || builders > MOST_BUILDERS
                ? Optional.of("-n takes 1 to " + MOST_BUILDERS + ", not " + builders)
                : stepSeconds < 0 || stepSeconds > LONGEST_STEP
                        ? Optional.of("--step-seconds takes 0 to " + LONGEST_STEP + ", not " + stepSeconds)
                : Optional.empty();
    }

    /** Copies the lists. */
    public Plan {
        scenarios = List.copyOf(scenarios);
        strategies = List.copyOf(strategies);
        command = List.copyOf(command);
    }

    /** Each once, although several strategies may read the same builds. */
    List<Procedure> procedures() {
        return strategies.stream().map(Strategy::procedure).distinct().toList();
    }

    /** The strategies that read the builds of this procedure. */
    List<Strategy> readings(Procedure procedure) {
        return strategies.stream().filter(strategy -> strategy.procedure() == procedure).toList();
    }

    /** Whether a round may begin now that would end then, in seconds since the start. */
    boolean hasTimeUntil(double seconds) {
        return within.isEmpty() || seconds * 1000 <= within.get().toMillis();
    }
}
