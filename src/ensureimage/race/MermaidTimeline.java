// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A timeline as a Mermaid Gantt chart, which GitHub draws in Markdown. It holds no text from elsewhere. */
record MermaidTimeline(Reading reading) {
    private static final int MILLIS_PER_SECOND = 1000;
    /** Of the longest label, "24 tolerated, falsely", in pixels. */
    private static final int LABEL_WIDTH = 120;

    List<String> lines() {
        List<String> lines = new ArrayList<>(List.of("---", "displayMode: compact", "config:", "  gantt:",
                "    leftPadding: " + LABEL_WIDTH, "---", "gantt",
                "    title strategy " + reading.strategy() + ", scenario " + reading.round().scenario(),
                "    dateFormat x", "    axisFormat %s s"));
        for (Timeline.Bar bar : Timeline.bars(reading)) {
            lines.add("    section " + bar.name() + " " + bar.label());
            bar.visibleSpans().forEach(span -> lines.add(task(span)));
        }
        reading.firstRace()
                .ifPresent(race -> lines.add("    the race :milestone, crit, " + millis(race.at()) + ", 0ms"));
        return lines;
    }

    /** No shorter than a millisecond, for Mermaid draws nothing then. */
    private static String task(Timeline.Span span) {
        return String.format(Locale.ROOT, "    %s :%s%d, %d", span.phase(), tag(span.phase()), millis(span.from()),
                Math.max(millis(span.to()), millis(span.from()) + 1));
    }

    private static long millis(double seconds) {
        return Math.round(seconds * MILLIS_PER_SECOND);
    }

    /** For a colour. */
    private static String tag(Phase phase) {
        return switch (phase) {
            case BUILDING -> "active, ";
            case EXPORTING -> "done, ";
            case NAMING -> "crit, ";
            default -> "";
        };
    }
}
