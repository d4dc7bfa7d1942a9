// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.throwaway.EngineSpec;
import java.util.List;
import java.util.Optional;

/**
 * A fleet, and what it is to do.
 *
 * @param machines how many want the image at once
 * @param engine that each of them has
 * @param stepSeconds what the image's build step takes
 * @param command as it was typed
 */
public record FleetPlan(List<FleetStrategy> strategies, int machines, EngineSpec engine, double stepSeconds,
        List<String> command) {

    /** The scenario's name, as a user types it. */
    public static final String SCENARIO = "fleet";
    /** For {@code --help}. */
    public static final String DESCRIPTION = "N engines and one registry; played alone";

    /** Whose BuildKit says what it saw: without that, nothing is shared. */
    private static final String ENGINE = "throwaway:28.5";

    /**
     * What a command line asks for.
     *
     * @param engine as {@code --engine} has it
     * @throws IllegalArgumentException if there is no such fleet; the message is for the user
     */
    public static FleetPlan of(List<String> scenarios, List<String> strategies, int machines, Optional<String> engine,
            double stepSeconds, List<String> command) {
        String wanted = engine.orElse(ENGINE);
        if (scenarios.size() != 1) {
            throw new IllegalArgumentException("fleet is played alone");
        }
        if (!wanted.matches("throwaway:.+")) {
            throw new IllegalArgumentException("fleet takes --engine throwaway:VERSION, not '" + wanted + "'");
        }
        return new FleetPlan(Choice.select(FleetStrategy.values(), strategies, true), machines,
                new EngineSpec(wanted.replaceFirst("^throwaway:", ""), EngineSpec.Store.CONTAINERD), stepSeconds,
                command);
    }

    public FleetPlan {
        strategies = List.copyOf(strategies);
        command = List.copyOf(command);
    }
}
