// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine;

/** What the help of ensure_image says around its options. */
public final class HelpText {
    private static final List<List<String>> EXAMPLES = List.of(
            List.of("@ app-test:1", "from images/app-test/1/"),
            List.of("@ app-test=docker/test", "from docker/test/"),
            List.of("@ app-test=. -f test.Dockerfile", "from another Dockerfile"),
            List.of("@ --all", "everything in images/, bases first"),
            List.of("IMAGE=$(@ -q app-test)", "the image ID, for docker run"),
            List.of("@ --compose", "what docker compose build makes"),
            List.of("@ --check app-test", "what is stale, and why"),
            List.of("@ --why app-test", "what counts as an input"),
            List.of("@ app-test -- --network host", "options for docker build"),
            List.of("source <(@ --completion)", "completion, for bash and zsh"));
    private static final int FIRST_EXAMPLES = 6;
    private static final List<String> DESCRIPTION = List.of("",
            "Ensures that the engine holds the image REF, built from the files of its folder as they are now. Builds "
                    + "it if it is missing or stale. Safe to run many times at once: if another build takes the tag first, "
                    + "every caller still gets the image.",
            "");
    private static final Set<String> FIRST = Set.of("--all", "--bake", "--compose", "--file", "--build-arg", "--check",
            "--list", "--why", "--dry-run", "--force", "--quiet", "--verbose", "--init", "--help", "--version");

    private HelpText() {
    }

    /**
     * Gives a parser the words around its options.
     *
     * @param command as the user types it
     * @param given all words of the command line
     */
    public static void fill(CommandLine parser, String command, List<String> given) {
        parser.getCommandSpec().usageMessage().exitCodeList(ExitCode.descriptions())
                .customSynopsis(synopsis(command)).description(DESCRIPTION.toArray(String[]::new))
                .footer(examples(command));
        List<String> footer = new ArrayList<>(List.of("Exit codes: 0 every image is there and current, 2 bad usage, "
                + "10 a build failed, 11 with --check: missing or stale, 69 no engine.", "", "Examples:"));
        footer.addAll(List.of(examples(command)).subList(0, FIRST_EXAMPLES));
        footer.addAll(List.of("", "All options, and all exit codes: " + command + " " + HelpPages.ALL));
        HelpPages.choose(parser, given, FIRST, footer);
    }

    private static String[] synopsis(String command) {
        return new String[] {command + " [OPTIONS] REF[=DIR]... [-- DOCKER BUILD OPTIONS...]",
            "       " + command + " [OPTIONS] --all [-- DOCKER BUILD OPTIONS...]",
            "       " + command + " [OPTIONS] --compose|--bake [FILE...] [NAME...] [-- ...]"};
    }

    private static String[] examples(String command) {
        int width = 32 + command.length();
        return EXAMPLES.stream().map(example -> "  " + String.format(Locale.ROOT, "%-" + width + "s",
                example.get(0).replace("@", command)) + example.get(1)).toArray(String[]::new);
    }
}
