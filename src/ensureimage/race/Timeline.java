import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A round as a picture: a bar a builder with its phases, what it was told, and the moment of the race. */
final class RaceTimeline {
    private static final int MOST_BARS = 24;

    private RaceTimeline() {
    }

    /** A row of any of the pictures. */
    private record Bar(String name, RaceTrack track, RaceTrack.Phase answer, boolean isFalse) {

        static List<Bar> of(RaceResults.Telling telling) {
            List<Bar> bars = new ArrayList<>();
            for (RaceTrack track : telling.round().before()) {
                bars.add(new Bar("0", track, track.last().phase(), false));
            }
            List<RaceResults.Run> runs = telling.round().runs();
            for (int i = 0; i < Math.min(MOST_BARS, runs.size()); i++) {
                bars.add(new Bar(Integer.toString(i + 1), runs.get(i).track(), telling.answer(runs.get(i)),
                        telling.isFalse(runs.get(i))));
            }
            return bars;
        }

        /** Its phases with their beginning and end; the last mark is the answer. */
        List<Span> spans() {
            List<RaceTrack.Mark> marks = track.marks();
            List<Span> spans = new ArrayList<>();
            for (int i = 0; i + 1 < marks.size(); i++) {
                spans.add(new Span(marks.get(i).phase(), marks.get(i).at(), marks.get(i + 1).at()));
            }
            return spans;
        }

        String told() {
            return answer + (isFalse ? ", falsely" : "");
        }
    }

    private record Span(RaceTrack.Phase phase, double from, double to) {
    }

    private static int more(RaceResults.Telling telling) {
        return telling.round().runs().size() - MOST_BARS;
    }

    private static String more(int bars) {
        return "and " + bars + " more";
    }

    private static String moment(RaceTrack.Race race) {
        return "the race, at " + race_repro.Text.seconds(race.at());
    }

    /** Those to be seen. */
    private static Set<RaceTrack.Phase> phases(List<RaceResults.Telling> tellings) {
        Set<RaceTrack.Phase> seen = EnumSet.noneOf(RaceTrack.Phase.class);
        for (RaceResults.Telling telling : tellings) {
            for (Bar bar : Bar.of(telling)) {
                bar.spans().stream().filter(span -> span.to() > span.from()).forEach(span -> seen.add(span.phase()));
                seen.add(bar.answer());
            }
        }
        seen.remove(RaceTrack.Phase.WAITING); // it has no mark of its own
        return seen;
    }

    // -------------------------------------------------------------------------------------------- on a terminal

    /** In 80 columns. */
    record OnTerminal(RaceResults.Telling telling, Terminal terminal) {
        private static final int WIDTH = 52;

        List<String> lines() {
            List<String> lines = new ArrayList<>();
            for (Bar bar : Bar.of(telling)) {
                lines.add(String.format("  %2s %s %s", bar.name(), cells(bar), bar.told()));
            }
            if (more(telling) > 0) {
                lines.add("     " + more(more(telling)));
            }
            String end = race_repro.Text.seconds(telling.round().wall());
            lines.add("     0" + " ".repeat(WIDTH - 1 - end.length()) + end);
            telling.firstRace().ifPresent(race -> lines.add("     " + pointer(race)));
            lines.add("");
            lines.add(phases(List.of(telling)).stream().map(phase -> phase.mark(terminal) + " " + phase)
                    .collect(Collectors.joining("  ", "     ", "")));
            return lines;
        }

        private String cells(Bar bar) {
            RaceTrack.Phase[] cells = new RaceTrack.Phase[WIDTH];
            Arrays.fill(cells, RaceTrack.Phase.WAITING);
            int end = column(bar.track().last().at());
            for (Span span : bar.spans()) {
                int latest = span.phase() == RaceTrack.Phase.NAMING ? end - 1 : end; // short, but what this is about
                Arrays.fill(cells, Math.max(0, Math.min(column(span.from()), latest)), end, span.phase());
            }
            cells[end] = bar.answer();
            return Stream.of(cells).map(phase -> phase.mark(terminal)).collect(Collectors.joining());
        }

        private int column(double seconds) {
            return Math.min(WIDTH - 1, (int) (seconds / telling.round().wall() * WIDTH));
        }

        private String pointer(RaceTrack.Race race) {
            int column = column(race.at());
            String text = moment(race);
            String mark = terminal.paint(Terminal.RED, "^");
            return column > text.length() ? " ".repeat(column - text.length() - 1) + text + " " + mark
                    : " ".repeat(column) + mark + " " + text;
        }
    }

    // ---------------------------------------------------------------------------------------------------- SVG

    /**
     * One or more rounds on one scale of time. Every width is a percentage and every height is in pixels, so that it is
     * as readable on a telephone; phases differ by lightness and hatching, so that it also reads in black and white.
     */
    record Svg(List<RaceResults.Telling> tellings) {
        private static final String STYLE =
                """
                        .rt-page{fill:#fff}.rt-text{fill:#1f2328}.rt-faint{fill:#59636e}.rt-bad{fill:#b3201b;font-weight:700}
                        .rt-line{stroke:#8c959f;fill:none}.rt-race{stroke:#b3201b;stroke-width:1.5;stroke-dasharray:4 3;fill:none}
                        .rt-edge{fill:none;stroke:#59636e}
                        .rt-looking-up{fill:#f6f8fa}.rt-looking-up-ink{fill:#8c959f}
                        .rt-building{fill:#d5e6fb}.rt-building-ink{stroke:#5a8fd0}
                        .rt-exporting{fill:#e3b341}.rt-exporting-ink{stroke:#7a5200}
                        .rt-naming{fill:#4b1f78}
                        .rt-retrying{fill:#fff}.rt-retrying-ink{stroke:#1f2328}
                        text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
                        .rt-title{font-weight:700;font-size:13px}
                        @media (prefers-color-scheme:dark){
                        .rt-page{fill:#0d1117}.rt-text{fill:#e6edf3}.rt-faint{fill:#9198a1}.rt-bad{fill:#ff8d85}
                        .rt-line{stroke:#6e7681}.rt-race{stroke:#ff8d85}.rt-edge{stroke:#9198a1}
                        .rt-looking-up{fill:#161b22}.rt-looking-up-ink{fill:#7d8590}
                        .rt-building{fill:#1d3a63}.rt-building-ink{stroke:#6ea8f5}
                        .rt-exporting{fill:#9a6b00}.rt-exporting-ink{stroke:#ffe08a}
                        .rt-naming{fill:#e2c5ff}
                        .rt-retrying{fill:#0d1117}.rt-retrying-ink{stroke:#e6edf3}}
                        """;
        private static final String PATTERNS =
                """
                        <pattern id="rt-looking-up" width="6" height="6" patternUnits="userSpaceOnUse">\
                        <rect class="rt-looking-up" width="6" height="6"/>\
                        <circle class="rt-looking-up-ink" cx="3" cy="3" r="1"/></pattern>
                        <pattern id="rt-building" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
                        <rect class="rt-building" width="6" height="6"/><path class="rt-building-ink" d="M0 0V6"/></pattern>
                        <pattern id="rt-exporting" width="4" height="4" patternUnits="userSpaceOnUse">\
                        <rect class="rt-exporting" width="4" height="4"/><path class="rt-exporting-ink" d="M0 2H4"/></pattern>
                        <pattern id="rt-naming" width="6" height="6" patternUnits="userSpaceOnUse">\
                        <rect class="rt-naming" width="6" height="6"/></pattern>
                        <pattern id="rt-retrying" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
                        <rect class="rt-retrying" width="6" height="6"/><path class="rt-retrying-ink" d="M0 0V6M0 0H6"/></pattern>
                        """;
        private static final double LEFT = 6;
        private static final double RIGHT = 74;
        private static final int ROW = 22;
        private static final int BAR = 15;
        private static final int PER_ROW = 3;

        /** As a file of its own. */
        String file() {
            return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element("width=\"720\" height=\"" + height()
                    + "\" xmlns=\"http://www.w3.org/2000/svg\"");
        }

        /** As a part of a page, as wide as its surroundings. */
        String part() {
            return element("width=\"100%\" height=\"" + height() + "\" xmlns=\"http://www.w3.org/2000/svg\"");
        }

        private String element(String attributes) {
            StringBuilder svg = new StringBuilder("<svg " + attributes + " role=\"img\" aria-labelledby=\"rt-t\">\n"
                    + "<title id=\"rt-t\">" + RacePages.xml(tellings.stream().map(RaceText::telling)
                            .collect(Collectors.joining(" ")))
                    + "</title>\n<style>\n" + STYLE + "</style>\n<defs>\n" + PATTERNS
                    + "</defs>\n<rect class=\"rt-page\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n");
            int y = 8;
            for (RaceResults.Telling telling : tellings) {
                y = panel(svg, telling, y);
            }
            legend(svg, y);
            return svg.append("</svg>\n").toString();
        }

        private int height() {
            return 8 + tellings.stream().mapToInt(telling -> panelHeight(telling)).sum() + legendRows() * ROW + 6;
        }

        private static int panelHeight(RaceResults.Telling telling) {
            return ROW * (Bar.of(telling).size() + (more(telling) > 0 ? 1 : 0)) + 2 * ROW + 20;
        }

        private double wall() {
            return tellings.stream().mapToDouble(telling -> telling.round().wall()).max().orElse(1);
        }

        private double x(double seconds) {
            return LEFT + (RIGHT - LEFT) * seconds / wall();
        }

        private int panel(StringBuilder svg, RaceResults.Telling telling, int top) {
            text(svg, "rt-text rt-title", 2, top + 15, "start", telling.strategy() + " in " + telling.round().scenario()
                    + ": " + telling.falseAnswers() + " of " + telling.round().runs().size() + " told something false");
            int y = top + ROW + 4;
            int first = y;
            for (Bar bar : Bar.of(telling)) {
                bar(svg, bar, y);
                y += ROW;
            }
            if (more(telling) > 0) {
                text(svg, "rt-faint", LEFT, y + 12, "start", more(more(telling)));
                y += ROW;
            }
            axis(svg, telling, first, y);
            return top + panelHeight(telling);
        }

        private void bar(StringBuilder svg, Bar bar, int y) {
            text(svg, "rt-faint", LEFT - 1.5, y + 12, "end", bar.name());
            double end = x(bar.track().last().at());
            line(svg, "rt-line", LEFT, y + BAR / 2, end, y + BAR / 2);
            for (Span span : bar.spans()) {
                if (span.phase() != RaceTrack.Phase.WAITING) {
                    double width = Math.max(x(span.to()) - x(span.from()), 0.3);
                    svg.append(String.format(Locale.ROOT, "<rect class=\"rt-edge\" style=\"fill:url(#rt-%s)\" "
                            + "x=\"%.2f%%\" y=\"%d\" width=\"%.2f%%\" height=\"%d\">"
                            + "<title>%s, %.2f to %.2f s</title></rect>%n", name(span.phase()),
                            x(span.from()), y, width, BAR, span.phase(), span.from(), span.to()));
                }
            }
            text(svg, bar.isFalse() ? "rt-bad" : "rt-text", end + 1, y + 12, "start",
                    bar.answer().mark(true) + " " + bar.told());
        }

        private void axis(StringBuilder svg, RaceResults.Telling telling, int first, int y) {
            line(svg, "rt-line", LEFT, y, RIGHT, y);
            text(svg, "rt-faint", LEFT, y + 15, "start", "0");
            text(svg, "rt-faint", RIGHT, y + 15, "start", race_repro.Text.seconds(wall()));
            telling.firstRace().ifPresent(race -> {
                double at = x(race.at());
                boolean early = at < (LEFT + RIGHT) / 2;
                line(svg, "rt-race", at, first - 4, at, y + 4);
                text(svg, "rt-bad", at, y + 15, early ? "start" : "end", moment(race));
            });
        }

        private int legendRows() {
            return (int) Math.ceil(phasesWithBars().size() / (double) PER_ROW);
        }

        private List<RaceTrack.Phase> phasesWithBars() {
            return phases(tellings).stream().filter(phase -> phase.compareTo(RaceTrack.Phase.THERE) < 0).toList();
        }

        private void legend(StringBuilder svg, int top) {
            List<RaceTrack.Phase> phases = phasesWithBars();
            for (int i = 0; i < phases.size(); i++) {
                double x = LEFT + i % PER_ROW * 31;
                int y = top + i / PER_ROW * ROW;
                svg.append(String.format(Locale.ROOT, "<rect class=\"rt-edge\" style=\"fill:url(#rt-%s)\" x=\"%.2f%%\" "
                        + "y=\"%d\" width=\"5%%\" height=\"%d\"/>%n", name(phases.get(i)), x, y, BAR - 2));
                text(svg, "rt-text", x + 6.5, y + 11, "start", phases.get(i).toString());
            }
        }

        private static String name(RaceTrack.Phase phase) {
            return phase.toString().replace(' ', '-');
        }

        private static void line(StringBuilder svg, String style, double x1, int y1, double x2, int y2) {
            svg.append(String.format(Locale.ROOT, "<line class=\"%s\" x1=\"%.2f%%\" y1=\"%d\" x2=\"%.2f%%\" "
                    + "y2=\"%d\"/>%n", style, x1, y1, x2, y2));
        }

        private static void text(StringBuilder svg, String styles, double x, int y, String anchor, String text) {
            svg.append(String.format(Locale.ROOT, "<text class=\"%s\" x=\"%.2f%%\" y=\"%d\" "
                    + "text-anchor=\"%s\">%s</text>%n", styles, x, y, anchor, RacePages.xml(text)));
        }
    }

    // ------------------------------------------------------------------------------------------------- Mermaid

    /** As a Gantt chart, which GitHub draws in Markdown. It holds no text but ours. */
    static List<String> mermaid(RaceResults.Telling telling) {
        List<String> lines = new ArrayList<>(List.of("---", "displayMode: compact", "---", "gantt", "    title "
                + telling.strategy() + " in " + telling.round().scenario(), "    dateFormat x", "    axisFormat %s s"));
        for (Bar bar : Bar.of(telling)) {
            lines.add("    section " + bar.name() + " " + (bar.isFalse() ? "misled" : bar.answer()));
            for (Span span : bar.spans()) {
                if (span.phase() != RaceTrack.Phase.WAITING) {
                    lines.add(String.format(Locale.ROOT, "    %s :%s%d, %d", span.phase(), tag(span.phase()),
                            Math.round(span.from() * 1000), Math.max(Math.round(span.to() * 1000),
                                    Math.round(span.from() * 1000) + 1)));
                }
            }
        }
        telling.firstRace().ifPresent(race -> lines.add("    the race :milestone, crit, "
                + Math.round(race.at() * 1000) + ", 0ms"));
        return lines;
    }

    private static String tag(RaceTrack.Phase phase) {
        return switch (phase) {
            case BUILDING -> "active, ";
            case EXPORTING -> "done, ";
            case NAMING -> "crit, ";
            default -> "";
        };
    }
}
