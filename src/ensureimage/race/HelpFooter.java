// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.List;

/** The end of race_repro's help: what can be named, what is left behind, examples. */
public final class HelpFooter {

    private HelpFooter() {
    }

    /** Below a heading for the strategies. */
    public static String[] lines() {
        List<String> lines = new ArrayList<>(Choice.describe(Strategy.values()));
        lines.addAll(List.of("", "Scenarios, * by default:"));
        lines.addAll(Choice.describe(Scenario.values()));
        lines.add(String.format("  %-10s  %s", FleetPlan.SCENARIO, FleetPlan.DESCRIPTION));
        lines.addAll(List.of("", "Strategies of the scenario fleet:"));
        for (String line : Choice.describe(FleetStrategy.values())) {
            lines.add(" " + line.substring(1));
        }
        lines.addAll(List.of("",
                "It removes what it made, also after Ctrl-C: images, containers, and the steps",
                "in the build cache that carry its number. BuildKit also keeps some kB about the",
                "build contexts. They carry no number, and stay until BuildKit drops them.",
                "",
                "Examples:",
                "  race_repro                          what is marked *, in less than a minute",
                "  race_repro --all -r 5               every strategy in every scenario",
                "  race_repro --strategy naive -r 1    just the bug",
                "  race_repro --scenario shared-tag    another scenario",
                "  race_repro --scenario fleet -n 4    4 machines and a registry",
                "  race_repro --until-race --strategy naive --scenario same",
                "  race_repro --engine throwaway:28.5  on another engine",
                "  race_repro --report race.html --report race.json"));
        return lines.toArray(String[]::new);
    }
}
