// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a build is, by the lines that it prints. BuildKit runs steps at the same time: the step told is the one that printed
 * last. Not to be trusted, as all output.
 */
public final class BuildProgress {
    private static final int LONGEST = 200; // characters: more than a terminal is wide
    private static final int MOST_STEPS = 1000;
    private static final Pattern NUMBERED = Pattern.compile("#(?<step>\\d+) (?:\\d+\\.\\d+ (?<output>.*)|.*)");
    private static final Pattern OVER = Pattern.compile("#\\d+ (?:DONE|CACHED|ERROR|CANCELED).*");

    private final Map<String, String> steps = new HashMap<>();
    private String step = "";
    private String output = "";

    /** Takes the next line. */
    public void read(String line) {
        Matcher numbered = NUMBERED.matcher(line);
        String number = numbered.matches() ? numbered.group("step") : "";
        String begun = BuildOutput.step(line).map(BuildProgress::cut).orElse("");
        if (!begun.isEmpty()) {
            step = begun;
            output = "";
            if (steps.size() < MOST_STEPS) {
                steps.put(number, begun);
            }
        } else if (OVER.matcher(line).matches()) {
            output = "";
        } else if (number.isEmpty()) {
            output = line.startsWith("#") ? output : cut(line); // the legacy builder, podman
        } else if (numbered.group("output") != null) {
            step = steps.getOrDefault(number, step);
            output = cut(numbered.group("output"));
        }
    }

    private static String cut(String text) {
        return text.substring(0, Math.min(LONGEST, text.length()));
    }

    /** The step, such as {@code [3/5] RUN make}; empty before the first. */
    public String step() {
        return step;
    }

    /** What that step printed last; empty if it printed nothing yet, or is over. */
    public String output() {
        return output;
    }
}
