// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The two help pages of a script: one screen for {@code --help}, everything for {@code --help-all}. */
public final class HelpPages {
    /** A further name of the option {@code --help}. */
    public static final String ALL = "--help-all";

    private HelpPages() {
    }

    /**
     * Lets a parser show one screen, unless all is asked for.
     *
     * @param given all words of the command line
     * @param first the names of the options on that screen
     * @param footer what follows them there
     */
    public static void choose(CommandLine parser, List<String> given, Set<String> first, List<String> footer) {
        if (given.contains(ALL)) {
            return;
        }
        parser.getCommandSpec().usageMessage().exitCodeListHeading("").exitCodeList(Map.of())
                .footerHeading("%n").footer(footer.toArray(String[]::new));
        parser.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, help -> options(help, first));
    }

    private static String options(Help help, Set<String> first) {
        List<ArgGroupSpec> groups = help.optionSectionGroups();
        Set<OptionSpec> grouped = groups.stream().flatMap(group -> group.allOptionsNested().stream())
                .collect(Collectors.toSet());
        List<OptionSpec> shown = help.commandSpec().options().stream()
                .filter(option -> Arrays.stream(option.names()).anyMatch(first::contains)).toList();
        StringBuilder page = new StringBuilder(
                list(help, shown, shown.stream().filter(option -> !grouped.contains(option))));
        for (ArgGroupSpec group : groups) {
            String list = list(help, shown, shown.stream().filter(group.allOptionsNested()::contains));
            page.append(list.isEmpty() ? "" : help.createHeading(group.heading()) + list);
        }
        return page.toString();
    }

    /** @param shown all options of the page, which decide the width of its columns */
    private static String list(Help help, List<OptionSpec> shown, Stream<OptionSpec> some) {
        return help.optionListExcludingGroups(new ArrayList<>(some.toList()), help.createDefaultLayout(shown,
                help.commandSpec().positionalParameters(), help.colorScheme()), null, help.parameterLabelRenderer());
    }
}
