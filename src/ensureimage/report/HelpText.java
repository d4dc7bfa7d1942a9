// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.List;
import java.util.Locale;

/** What the help of ensure_image says around its options. */
public final class HelpText {
    private static final List<List<String>> EXAMPLES = List.of(
            List.of("@ app-test:1", "from images/app-test/1/"),
            List.of("@ app-test=docker/test", "from docker/test/"),
            List.of("@ app-test=. -f test.Dockerfile", "from another Dockerfile"),
            List.of("@ --all", "everything in images/, bases first"),
            List.of("IMAGE=$(@ -q app-test)", "the image ID, for docker run"),
            List.of("@ --compose", "what docker compose build makes"),
            List.of("@ --check app-test", "tells what is stale and why"),
            List.of("@ --why app-test", "tells what counts as an input"),
            List.of("@ app-test -- --network host", "options for docker build"),
            List.of("source <(@ --completion)", "completion, for bash and zsh"));

    private HelpText() {
    }

    /** How it is called. @param command as the user types it */
    public static String[] synopsis(String command) {
        return new String[] {command + " [OPTIONS] REF[=DIR]... [-- DOCKER BUILD OPTIONS...]",
            "       " + command + " [OPTIONS] --all [-- DOCKER BUILD OPTIONS...]",
            "       " + command + " [OPTIONS] --compose|--bake [FILE...] [NAME...] [-- ...]"};
    }

    /** What it does. */
    public static final List<String> DESCRIPTION = List.of("",
            "Ensures that the engine holds the image REF, built from what is in its folder now: "
                    + "builds it if it is missing or stale. Safe to run many times at once: a build that loses the race for the tag succeeds "
                    + "too.",
            "");

    /** Some calls, each with what it does. @param command as the user types it */
    public static String[] examples(String command) {
        int width = 32 + command.length();
        return EXAMPLES.stream().map(example -> "  " + String.format(Locale.ROOT, "%-" + width + "s",
                example.get(0).replace("@", command)) + example.get(1)).toArray(String[]::new);
    }
}
