import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A run as a page: HTML and Markdown. */
final class RacePages {
    private static final List<RaceReports.Column> COLUMNS = List.of(RaceReports.Column.values());

    private RacePages() {
    }

    /** Text from elsewhere, for XML and HTML. */
    static String xml(Object text) {
        return ensure_image.Text.printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\"", "&quot;").replace("'", "&#39;");
    }

    // ------------------------------------------------------------------------------------------------- HTML

    /** One page that needs nothing else; well-formed as XML too. */
    record Html(RaceResults results) {
        private static final String STYLE =
                """
                        :root{color-scheme:light dark;--page:#fff;--text:#1f2328;--faint:#59636e;--line:#d1d9e0;--some:#fff1cc;
                        --all:#5c1a16;--on-all:#fff;--code:#f6f8fa}
                        @media (prefers-color-scheme:dark){:root{--page:#0d1117;--text:#e6edf3;--faint:#9198a1;--line:#3d444d;
                        --some:#4a3a00;--all:#ffb3ad;--on-all:#1f0503;--code:#161b22}}
                        body{background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
                        "DejaVu Sans",sans-serif;max-width:52rem;margin:0 auto;padding:1rem}
                        h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.15rem;margin:2rem 0 .5rem}
                        p,dl,ul{margin:.5rem 0}.faint{color:var(--faint)}
                        pre{background:var(--code);padding:.6rem;font-size:.82rem;border-radius:6px;white-space:pre-wrap;
                        overflow-wrap:anywhere}
                        .wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
                        caption{text-align:left;color:var(--faint);padding-bottom:.3rem}
                        th,td{border-bottom:1px solid var(--line);padding:.3rem .55rem;text-align:right;white-space:nowrap}
                        th{font-weight:600}thead th{vertical-align:bottom;white-space:normal}
                        th:first-child{text-align:left;position:sticky;left:0;background:var(--page)}
                        td.some{background:var(--some);font-weight:600}
                        td.all{background:var(--all);color:var(--on-all);font-weight:700}
                        .claims{list-style:none;padding:0}
                        .claims li{border-left:4px solid var(--line);padding-left:.7rem;margin:.8rem 0}
                        .claims li.refuted{border-left-style:double;border-left-width:6px;border-color:var(--text)}
                        dt{font-weight:600}dd{margin:0 0 .4rem 1rem}
                        @media (max-width:30rem){table{font-size:.8rem}th,td{padding:.3rem .28rem}}
                        @media (min-width:40rem){dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0}}
                        """;

        String page() {
            RaceResults.Telling telling = results.telling();
            return """
                    <!DOCTYPE html>
                    <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
                    <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1"/>
                    <title>%1$s</title>
                    <style>
                    %2$s</style>
                    </head>
                    <body>
                    <h1>%1$s</h1>
                    <p>%3$s</p>
                    <p class="faint">%4$s</p>
                    <h2>%5$s</h2>
                    %6$s%7$s
                    <h2>%8$s</h2>
                    %9$s
                    <h2>%10$s</h2>
                    <ul class="claims">
                    %11$s</ul>
                    %12$s<h2>Words</h2>
                    <p>%13$s</p>
                    <dl>
                    %14$s</dl>
                    <p>%15$s</p>
                    <h2>Again</h2>
                    <pre>%16$s</pre>
                    </body>
                    </html>
                    """.formatted(xml(RaceText.TITLE), STYLE, facts(), xml(RaceText.run(results)),
                    xml(RaceText.telling(telling)), new RaceTimeline.Svg(RaceReports.tellings(results)).part(),
                    said(telling), xml(RaceText.matrix(results)), matrix(), xml(RaceText.CLAIMS), claims(), details(),
                    xml(RaceText.shares(results)), legend(), xml(String.join(" ", RaceText.notes(results))),
                    xml(RaceText.again(results)));
        }

        private String facts() {
            return race_repro.Text.engine(results.engine()).lines().map(RacePages::xml)
                    .collect(Collectors.joining("<br/>"));
        }

        private String said(RaceResults.Telling telling) {
            return telling.firstRace()
                    .map(race -> "<p>" + xml(RaceText.SAID) + "</p>\n<pre>" + xml(race.line()) + "</pre>")
                    .orElse("<p>" + xml(RaceText.noRace(results)) + "</p>");
        }

        private String matrix() {
            StringBuilder html = new StringBuilder("<div class=\"wide\"><table>\n<thead><tr><th>strategy</th>");
            results.plan().scenarios().forEach(scenario -> html.append("<th>" + xml(scenario) + "</th>"));
            html.append("</tr></thead>\n<tbody>\n");
            for (race_repro.Strategy strategy : results.plan().strategies()) {
                html.append("<tr><th>" + xml(strategy) + "</th>");
                results.cells(strategy).forEach(cell -> html.append("<td class=\"" + style(cell.falseAnswers()) + "\">"
                        + xml((cell.falseAnswers() + " " + cell.letters()).strip()) + "</td>"));
                html.append("</tr>\n");
            }
            return html.append("</tbody></table></div>").toString();
        }

        private String details() {
            StringBuilder html = new StringBuilder();
            for (race_repro.Scenario scenario : results.plan().scenarios()) {
                html.append("<h2>" + xml(scenario) + "</h2>\n<div class=\"wide\"><table>\n<caption>"
                        + xml(scenario.description) + "</caption>\n<thead><tr><th>strategy</th>");
                COLUMNS.forEach(column -> html.append("<th>" + xml(column) + "</th>"));
                html.append("</tr></thead>\n<tbody>\n");
                for (race_repro.Strategy strategy : results.plan().strategies()) {
                    RaceResults.Cell cell = results.cell(scenario, strategy);
                    html.append("<tr><th>" + xml(strategy) + "</th>");
                    COLUMNS.forEach(column -> html.append("<td class=\"" + column.falsely(cell).map(Html::style)
                            .orElse("") + "\">" + xml(column.text(cell)) + "</td>"));
                    html.append("</tr>\n");
                }
                html.append("</tbody></table></div>\n");
            }
            return html.toString();
        }

        private static String style(RaceResults.Share falsely) {
            return falsely.isNever() ? "never" : falsely.isAlways() ? "all" : "some";
        }

        private String claims() {
            return new RaceClaims(results).all().stream().map(claim -> "<li class=\"" + claim.verdict() + "\"><strong>"
                    + claim.verdict() + ":</strong> " + xml(claim.sentence()) + "<br/><span class=\"faint\">"
                    + xml(claim.figure()) + "</span></li>\n").collect(Collectors.joining());
        }

        private String legend() {
            return RaceText.legend(results).entrySet().stream()
                    .map(entry -> "<dt>" + xml(entry.getKey()) + "</dt><dd>" + xml(entry.getValue()) + "</dd>\n")
                    .collect(Collectors.joining());
        }
    }

    // --------------------------------------------------------------------------------------------- Markdown

    /** For the summary of a job. */
    record Markdown(RaceResults results) {

        String text() {
            List<String> lines = new ArrayList<>(List.of("# " + markdown(RaceText.TITLE), ""));
            race_repro.Text.engine(results.engine()).lines().forEach(line -> lines.add(markdown(line) + "  "));
            lines.add(markdown(RaceText.run(results)));
            head(lines, RaceText.matrix(results));
            table(lines, results.plan().scenarios(), strategy -> results.cells(strategy).stream()
                    .map(cell -> (cell.falseAnswers() + " " + cell.letters()).strip()).toList());
            telling(lines, results.telling());
            head(lines, RaceText.CLAIMS);
            lines.addAll(List.of("| | claim | figure |", "| --- | --- | --- |"));
            new RaceClaims(results).all().forEach(claim -> lines.add("| **" + claim.verdict() + "** | "
                    + markdown(claim.sentence()) + " | " + markdown(claim.figure()) + " |"));
            for (race_repro.Scenario scenario : results.plan().scenarios()) {
                head(lines, scenario + ": " + scenario.description);
                table(lines, COLUMNS, strategy -> COLUMNS.stream()
                        .map(column -> column.text(results.cell(scenario, strategy))).toList());
            }
            head(lines, "Words");
            lines.addAll(List.of(markdown(RaceText.shares(results)), ""));
            RaceText.legend(results)
                    .forEach((word, meaning) -> lines.add("- **" + word + "**: " + markdown(meaning)));
            RaceText.notes(results).forEach(note -> lines.add("- " + markdown(note)));
            lines.addAll(List.of("", "Again:", "", "    " + RaceText.again(results), ""));
            return String.join("\n", lines);
        }

        private static void head(List<String> lines, String text) {
            lines.addAll(List.of("", "## " + markdown(text), ""));
        }

        private void telling(List<String> lines, RaceResults.Telling telling) {
            head(lines, RaceText.telling(telling));
            lines.add("```mermaid");
            lines.addAll(RaceTimeline.mermaid(telling));
            lines.addAll(List.of("```", ""));
            lines.addAll(telling.firstRace()
                    .map(race -> List.of(markdown(RaceText.SAID), "",
                            "    " + ensure_image.Text.printable(race.line())))
                    .orElse(List.of(markdown(RaceText.noRace(results)))));
        }

        private void table(List<String> lines, List<?> columns, Function<race_repro.Strategy, List<String>> row) {
            lines.add(columns.stream().map(Object::toString).collect(Collectors.joining(" | ", "| strategy | ", " |")));
            lines.add("| --- |" + " ---: |".repeat(columns.size()));
            for (race_repro.Strategy strategy : results.plan().strategies()) {
                lines.add("| " + strategy + " | " + row.apply(strategy).stream().map(Markdown::markdown)
                        .collect(Collectors.joining(" | ")) + " |");
            }
        }

        /** Text from elsewhere: every character that could mean something is escaped. */
        static String markdown(String text) {
            return ensure_image.Text.printable(text).replaceAll("([\\\\`*_{}\\[\\]<>#|~&!$@])", "\\\\$1");
        }
    }
}
