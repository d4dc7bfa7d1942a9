// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;
import java.util.stream.Collectors;

/** A run as one page that needs nothing else; well-formed as XML too. */
record HtmlPage(Results results) {
    private static final List<Column> COLUMNS = List.of(Column.values());
    static final String STYLE =
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

    /** How a page begins: all up to its title, which it shows. */
    static String head(String title) {
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
                """.formatted(Xml.escape(title), STYLE);
    }

    String text() {
        Reading example = results.example();
        return head(Words.TITLE) + """
                <p>%1$s</p>
                <p class="faint">%2$s</p>
                <h2>%3$s</h2>
                %4$s%5$s
                <h2>%6$s</h2>
                %7$s
                <h2>%8$s</h2>
                <ul class="claims">
                %9$s</ul>
                %10$s<h2>Words</h2>
                <p>%11$s</p>
                <dl>
                %12$s</dl>
                <p>%13$s</p>
                <h2>Again</h2>
                <pre>%14$s</pre>
                </body>
                </html>
                """.formatted(facts(), Xml.escape(Words.run(results)),
                Xml.escape(Words.example(example)), new SvgTimeline(results.examples()).part(),
                said(example), Xml.escape(Words.matrix(results)), matrix(), Xml.escape(Words.CLAIMS), claims(),
                details(),
                Xml.escape(Words.shares(results)), legend(), Xml.escape(String.join(" ", Words.notes(results))),
                Xml.escape(Words.again(results)));
    }

    private String facts() {
        return Words.engine(results.engine()).lines().map(Xml::escape)
                .collect(Collectors.joining("<br/>"));
    }

    private String said(Reading example) {
        return example.firstRace()
                .map(race -> "<p>" + Xml.escape(Words.SAID) + "</p>\n<pre>" + Xml.escape(race.line()) + "</pre>")
                .orElse("<p>" + Xml.escape(Words.noRace(results)) + "</p>");
    }

    private String matrix() {
        StringBuilder html = new StringBuilder("<div class=\"wide\"><table>\n<thead><tr><th>strategy</th>");
        results.plan().scenarios().forEach(scenario -> html.append("<th>" + Xml.escape(scenario) + "</th>"));
        html.append("</tr></thead>\n<tbody>\n");
        for (Strategy strategy : results.plan().strategies()) {
            html.append("<tr><th>" + Xml.escape(strategy) + "</th>");
            results.cells(strategy).forEach(cell -> html.append("<td class=\"" + style(cell.falseAnswers()) + "\">"
                    + Xml.escape(cell.falseAnswersWithLetters()) + "</td>"));
            html.append("</tr>\n");
        }
        return html.append("</tbody></table></div>").toString();
    }

    private String details() {
        StringBuilder html = new StringBuilder();
        for (Scenario scenario : results.plan().scenarios()) {
            html.append("<h2>" + Xml.escape(scenario) + "</h2>\n<div class=\"wide\"><table>\n<caption>"
                    + Xml.escape(scenario.description()) + "</caption>\n<thead><tr><th>strategy</th>");
            COLUMNS.forEach(column -> html.append("<th>" + Xml.escape(column) + "</th>"));
            html.append("</tr></thead>\n<tbody>\n");
            for (Strategy strategy : results.plan().strategies()) {
                Cell cell = results.cell(scenario, strategy);
                html.append("<tr><th>" + Xml.escape(strategy) + "</th>");
                COLUMNS.forEach(column -> html.append("<td class=\"" + column.falsely(cell).map(HtmlPage::style)
                        .orElse("") + "\">" + Xml.escape(column.text(cell)) + "</td>"));
                html.append("</tr>\n");
            }
            html.append("</tbody></table></div>\n");
        }
        return html.toString();
    }

    private static String style(Share falsely) {
        return falsely.isNever() ? "never" : falsely.isAlways() ? "all" : "some";
    }

    private String claims() {
        return new Claims(results).all().stream().map(claim -> "<li class=\"" + claim.verdict() + "\"><strong>"
                + claim.verdict() + ":</strong> " + Xml.escape(claim.sentence()) + "<br/><span class=\"faint\">"
                + Xml.escape(claim.figure()) + "</span></li>\n").collect(Collectors.joining());
    }

    private String legend() {
        return Words.legend(results).entrySet().stream()
                .map(entry -> "<dt>" + Xml.escape(entry.getKey()) + "</dt><dd>" + Xml.escape(entry.getValue())
                        + "</dd>\n")
                .collect(Collectors.joining());
    }
}
