// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.report.ExitCode;
import ensureimage.report.HelpPages;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;

/** The end of race_repro's help: what can be named, what is left behind, examples. */
public final class HelpFooter {
    private static final Set<String> FIRST = Set.of("--builders", "--rounds", "--all", "--strategy", "--scenario",
            "--until-race", "--engine", "--report", "--help", "--version");
    private static final List<String> EXAMPLES = List.of(
            "Examples:",
            "  race_repro                          what is marked *, in less than a minute",
            "  race_repro --all -r 5               every strategy in every scenario",
            "  race_repro --strategy naive -r 1    just the bug",
            "  race_repro --scenario shared-tag    another scenario",
            "  race_repro --scenario fleet -n 4    4 machines and a registry",
            "  race_repro --until-race --strategy naive --scenario same",
            "  race_repro --engine throwaway:28.5  on another engine",
            "  race_repro --report race.html --report race.json");
    /** The exit status 10 has a meaning of its own here. */
    private static final Map<ExitCode, String> EXIT_CODES = Map.of(
            ExitCode.ENSURED, "'ensure' and 'single-flight' told every builder the truth",
            ExitCode.USAGE, "bad usage",
            ExitCode.BUILD_FAILED, "they told at least one builder something false, or the demo image does not build",
            ExitCode.NO_ENGINE, "no engine: none answers, and a throwaway one cannot be started here",
            ExitCode.BUG, ExitCode.BUG.sentence(),
            ExitCode.TIMED_OUT, ExitCode.TIMED_OUT.sentence(),
            ExitCode.INTERRUPTED, ExitCode.INTERRUPTED.sentence());

    private HelpFooter() {
    }

    /** Gives a parser the words after its options. @param given all words of the command line */
    public static void fill(CommandLine parser, List<String> given) {
        parser.getCommandSpec().usageMessage().exitCodeList(ExitCode.descriptions(EXIT_CODES)).footerHeading("%n")
                .footer(all().toArray(String[]::new));
        List<String> footer = choices();
        footer.addAll(
                List.of("", "Exit codes: 0 'ensure' told every builder the truth, 10 it did not, 69 no engine.", ""));
        footer.addAll(EXAMPLES);
        footer.addAll(List.of("", "All options, and all exit codes: race_repro " + HelpPages.ALL));
        HelpPages.choose(parser, given, FIRST, footer);
    }

    private static List<String> choices() {
        List<String> lines = new ArrayList<>(List.of("Strategies, * by default:"));
        lines.addAll(Choice.describe(Strategy.values()));
        lines.addAll(List.of("", "Scenarios, * by default:"));
        lines.addAll(Choice.describe(Scenario.values()));
        lines.add(String.format("  %-10s  %s", FleetPlan.SCENARIO, FleetPlan.DESCRIPTION));
        return lines;
    }

    private static List<String> all() {
        List<String> lines = choices();
        lines.addAll(List.of("", "Strategies of the scenario fleet:"));
        for (String line : Choice.describe(FleetStrategy.values())) {
            lines.add(" " + line.substring(1));
        }
        lines.addAll(List.of("",
                "It removes the images and containers that it made, also after Ctrl-C. Some kB of",
                "each round stay in the build cache until BuildKit drops them. If they were",
                "pruned, BuildKit would forget what it has cached of all other builds, too.",
                ""));
        lines.addAll(EXAMPLES);
        return lines;
    }
}
