// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A timeline as SVG: one or more rounds on one scale of time. Every width is a percentage and every height is in
 * pixels, so that it is as readable on a telephone; phases differ by lightness and hatching, so that it also reads in
 * black and white.
 */
record SvgTimeline(List<Reading> readings) {
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
                    @media (max-width:24rem){text{font-size:10px}.rt-title{font-size:11px}}
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
    /** So that the longest label, "tolerated, falsely", has room on a telephone. */
    private static final double RIGHT = 60;
    private static final double NARROWEST = 0.3;
    private static final int WIDTH = 720;
    private static final int ROW = 22;
    private static final int BAR = 15;
    private static final int SUBTITLE = 17;
    private static final int PER_ROW = 3;

    /** As a file of its own. */
    String file() {
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element("width=\"" + WIDTH + "\" height=\"" + height()
                + "\" viewBox=\"0 0 " + WIDTH + " " + height() + "\"");
    }

    /** As a part of a page, as wide as its surroundings. */
    String part() {
        return element("width=\"100%\" height=\"" + height() + "\"");
    }

    private String element(String attributes) {
        StringBuilder svg = new StringBuilder("<svg " + attributes
                + " xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"rt-t\">\n"
                + "<title id=\"rt-t\">" + Xml.escape(readings.stream().map(Words::example)
                        .collect(Collectors.joining(" ")))
                + "</title>\n<style>\n" + STYLE + "</style>\n<defs>\n" + PATTERNS
                + "</defs>\n<rect class=\"rt-page\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n");
        int y = 8;
        for (Reading reading : readings) {
            y = drawPanel(svg, reading, y);
        }
        drawLegend(svg, y);
        return svg.append("</svg>\n").toString();
    }

    private int height() {
        return 8 + readings.stream().mapToInt(SvgTimeline::panelHeight).sum() + legendRows() * ROW + 6;
    }

    private static int panelHeight(Reading reading) {
        return ROW * (Timeline.bars(reading).size() + Timeline.rest(reading).size()) + SUBTITLE + 2 * ROW + 20;
    }

    private double wall() {
        return readings.stream().mapToDouble(reading -> reading.round().wall()).max().orElse(1);
    }

    private double x(double seconds) {
        return LEFT + (RIGHT - LEFT) * seconds / wall();
    }

    private int drawPanel(StringBuilder svg, Reading reading, int top) {
        drawText(svg, "rt-text rt-title", 2, top + 15, "start", reading.strategy() + ", " + reading.round().scenario());
        drawText(svg, "rt-text", 2, top + 15 + SUBTITLE, "start", Words.falseAnswers(reading));
        int y = top + SUBTITLE + ROW + 4;
        int first = y;
        for (Timeline.Bar bar : Timeline.bars(reading)) {
            drawBar(svg, bar, y);
            y += ROW;
        }
        for (String rest : Timeline.rest(reading)) {
            drawText(svg, "rt-faint", LEFT, y + 12, "start", rest);
            y += ROW;
        }
        drawAxis(svg, reading, first, y);
        return top + panelHeight(reading);
    }

    private void drawBar(StringBuilder svg, Timeline.Bar bar, int y) {
        drawText(svg, "rt-faint", LEFT - 1.5, y + 12, "end", bar.name());
        double end = x(bar.track().last().at());
        drawLine(svg, "rt-line", LEFT, y + BAR / 2, end, y + BAR / 2);
        for (Timeline.Span span : bar.visibleSpans()) {
            double width = Math.max(x(span.to()) - x(span.from()), NARROWEST);
            svg.append(String.format(Locale.ROOT, "<rect class=\"rt-edge\" style=\"fill:url(#rt-%s)\" "
                    + "x=\"%.2f%%\" y=\"%d\" width=\"%.2f%%\" height=\"%d\">"
                    + "<title>%s, %.2f to %.2f s</title></rect>%n", name(span.phase()),
                    x(span.from()), y, width, BAR, span.phase(), span.from(), span.to()));
        }
        drawText(svg, bar.isFalse() ? "rt-bad" : "rt-text", end + 1, y + 12, "start",
                bar.answer().mark(true) + " " + bar.label());
    }

    private void drawAxis(StringBuilder svg, Reading reading, int first, int y) {
        drawLine(svg, "rt-line", LEFT, y, RIGHT, y);
        drawText(svg, "rt-faint", LEFT, y + 15, "start", "0");
        drawText(svg, "rt-faint", RIGHT, y + 15, "start", Words.seconds(wall()));
        reading.firstRace().ifPresent(race -> {
            double at = x(race.at());
            boolean early = at < (LEFT + RIGHT) / 2;
            drawLine(svg, "rt-race", at, first - 4, at, y + 4);
            drawText(svg, "rt-bad", at, y + 15, early ? "start" : "end", Timeline.moment(race));
        });
    }

    private int legendRows() {
        return (int) Math.ceil(phasesWithBars().size() / (double) PER_ROW);
    }

    private List<Phase> phasesWithBars() {
        return Timeline.phases(readings).stream().filter(phase -> !phase.isEnd()).toList();
    }

    private void drawLegend(StringBuilder svg, int top) {
        List<Phase> phases = phasesWithBars();
        for (int i = 0; i < phases.size(); i++) {
            double x = LEFT + i % PER_ROW * 31;
            int y = top + i / PER_ROW * ROW;
            svg.append(String.format(Locale.ROOT, "<rect class=\"rt-edge\" style=\"fill:url(#rt-%s)\" x=\"%.2f%%\" "
                    + "y=\"%d\" width=\"5%%\" height=\"%d\"/>%n", name(phases.get(i)), x, y, BAR - 2));
            drawText(svg, "rt-text", x + 6.5, y + 11, "start", phases.get(i).toString());
        }
    }

    private static String name(Phase phase) {
        return phase.toString().replace(' ', '-');
    }

    private static void drawLine(StringBuilder svg, String style, double x1, int y1, double x2, int y2) {
        svg.append(String.format(Locale.ROOT, "<line class=\"%s\" x1=\"%.2f%%\" y1=\"%d\" x2=\"%.2f%%\" "
                + "y2=\"%d\"/>%n", style, x1, y1, x2, y2));
    }

    private static void drawText(StringBuilder svg, String styles, double x, int y, String anchor, String text) {
        svg.append(String.format(Locale.ROOT, "<text class=\"%s\" x=\"%.2f%%\" y=\"%d\" "
                + "text-anchor=\"%s\">%s</text>%n", styles, x, y, anchor, Xml.escape(text)));
    }
}
