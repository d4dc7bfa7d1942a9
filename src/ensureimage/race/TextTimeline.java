// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.report.Terminal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A timeline on a terminal, in 80 columns. */
record TextTimeline(Reading reading, Terminal terminal) {
    private static final int WIDTH = 52;
    private static final String INDENT = "     ";

    List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (Timeline.Bar bar : Timeline.bars(reading)) {
            lines.add(String.format(Locale.ROOT, "  %2s %s %s", bar.name(), cells(bar), bar.label()));
        }
        Timeline.rest(reading).forEach(rest -> lines.add(INDENT + rest));
        String end = Words.seconds(reading.round().wall());
        lines.add(INDENT + "0" + " ".repeat(WIDTH - 1 - end.length()) + end);
        reading.firstRace().ifPresent(race -> lines.add(INDENT + pointer(race)));
        lines.add("");
        lines.add(Timeline.phases(List.of(reading)).stream().map(phase -> phase.mark(terminal) + " " + phase)
                .collect(Collectors.joining("  ", INDENT, "")));
        return lines;
    }

    private String cells(Timeline.Bar bar) {
        Phase[] cells = new Phase[WIDTH];
        Arrays.fill(cells, Phase.WAITING);
        int end = column(bar.track().last().at());
        for (Timeline.Span span : bar.spans()) {
            // Naming is short, but what this is about: it has a cell at least.
            int latest = span.phase() == Phase.NAMING ? end - 1 : end;
            Arrays.fill(cells, Math.max(0, Math.min(column(span.from()), latest)), end, span.phase());
        }
        cells[end] = bar.answer();
        return Stream.of(cells).map(phase -> phase.mark(terminal)).collect(Collectors.joining());
    }

    private int column(double seconds) {
        return Math.min(WIDTH - 1, (int) (seconds / reading.round().wall() * WIDTH));
    }

    private String pointer(Track.Race race) {
        int column = column(race.at());
        String text = Timeline.moment(race);
        String mark = terminal.paint(Terminal.RED, "^");
        return column > text.length() ? " ".repeat(column - text.length() - 1) + text + " " + mark
                : " ".repeat(column) + mark + " " + text;
    }
}
