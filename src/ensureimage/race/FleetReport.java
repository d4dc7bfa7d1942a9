// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import ensureimage.Version;
import ensureimage.recipe.Printable;
import ensureimage.report.Terminal;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A fleet on a terminal and in files. */
record FleetReport(FleetResults results) {
    private static final List<String> COLUMNS =
            List.of("builds", "from another", "served", "failed", "wrong", "wall time");
    private static final Map<String, String> LEGEND = new TreeMap<>(Map.of(
            "builds", "how many builds the machines' images are from",
            "from another", "machines that have the image of another machine's build",
            "served", "machines that were told \"there\" and have the right image: it was run",
            "failed", "machines that were told \"failed\"",
            "wrong", "machines that were told \"there\" and have no image, or a wrong one",
            "wall time", "until the last answer, in seconds"));

    private String title() {
        return results.plan().machines() + " machines that want one image at once, and one registry";
    }

    private String engine() {
        return String.format(Locale.ROOT, "Docker %s on each, %s image store; the image's build step takes %.1f s",
                Printable.escape(results.version()), results.plan().engine().store(), results.plan().stepSeconds());
    }

    private static List<String> cells(FleetResults.Row row) {
        return Stream
                .of(Stream.of(row.builds(), row.spared(), row.had(), row.failed(), row.wrong()).map(Object::toString),
                        Stream.of(String.format(Locale.ROOT, "%.1f s", row.wall())))
                .flatMap(cells -> cells).toList();
    }

    private static boolean isFalse(FleetResults.Row row) {
        return row.failed() + row.wrong() > 0;
    }

    List<String> text(Terminal terminal) {
        Table table = new Table(terminal);
        table.addHead(COLUMNS.stream());
        results.rows().forEach(row -> table.addRow(row.strategy(), cells(row).stream()
                .map(cell -> new Table.Value(cell, isFalse(row) ? Terminal.RED : 0)).toList()));
        List<String> lines = new ArrayList<>(List.of("", title(), engine(), ""));
        lines.addAll(table.lines());
        lines.add("");
        results.rows().forEach(row -> lines.add(
                String.format(Locale.ROOT, " %-20s %s", row.strategy(), row.strategy().description())));
        lines.add("");
        LEGEND.forEach((word, meaning) -> lines.add(String.format(Locale.ROOT, " %-14s %s", word, meaning)));
        return lines;
    }

    String markdown() {
        List<String> lines = new ArrayList<>(List.of("# " + MarkdownPage.escape(title()), "",
                MarkdownPage.escape(engine()), ""));
        lines.add(
                Stream.concat(Stream.of("strategy"), COLUMNS.stream()).collect(Collectors.joining(" | ", "| ", " |")));
        lines.add("| --- |" + " ---: |".repeat(COLUMNS.size()));
        results.rows().forEach(row -> lines.add(Stream.concat(Stream.of(row.strategy().toString()), cells(row).stream())
                .map(MarkdownPage::escape).collect(Collectors.joining(" | ", "| ", " |"))));
        lines.add("");
        results.rows().forEach(row -> lines.add("- **" + row.strategy() + "**: "
                + MarkdownPage.escape(row.strategy().description())));
        LEGEND.forEach((word, meaning) -> lines.add("- **" + word + "**: " + MarkdownPage.escape(meaning)));
        lines.addAll(List.of("", "Again:", "", "    " + again(), ""));
        return String.join("\n", lines);
    }

    String html() {
        String head =
                COLUMNS.stream().map(column -> "<th>" + Xml.escape(column) + "</th>").collect(Collectors.joining());
        String body = results.rows().stream().map(row -> "<tr><th>" + Xml.escape(row.strategy()) + "</th>"
                + cells(row).stream().map(cell -> "<td class=\"" + (isFalse(row) ? "some" : "never") + "\">"
                        + Xml.escape(cell) + "</td>").collect(Collectors.joining())
                + "</tr>\n").collect(Collectors.joining());
        String words = Stream.concat(
                results.rows().stream().map(row -> Map.entry(row.strategy().toString(), row.strategy().description())),
                LEGEND.entrySet().stream()).map(
                        entry -> "<dt>" + Xml.escape(entry.getKey()) + "</dt><dd>"
                                + Xml.escape(entry.getValue()) + "</dd>\n")
                .collect(Collectors.joining());
        return HtmlPage.head(title()) + """
                <p>%1$s</p>
                <div class="wide"><table>
                <thead><tr><th>strategy</th>%2$s</tr></thead>
                <tbody>
                %3$s</tbody></table></div>
                <h2>Words</h2>
                <dl>
                %4$s</dl>
                <h2>Again</h2>
                <pre>%5$s</pre>
                </body>
                </html>
                """.formatted(Xml.escape(engine()), head, body, words,
                Xml.escape(again()));
    }

    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeNumberField("schema", JsonReport.SCHEMA);
            json.writeObjectFieldStart("fleet");
            json.writeStringField("version", Version.TEXT);
            json.writeStringField("engine", results.version());
            json.writeStringField("store", results.plan().engine().store().toString());
            json.writeNumberField("machines", results.plan().machines());
            json.writeNumberField("stepSeconds", results.plan().stepSeconds());
            json.writeArrayFieldStart("strategies");
            for (FleetResults.Row row : results.rows()) {
                writeRow(json, row);
            }
            json.writeEndArray();
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
        return text.append("\n").toString();
    }

    private static void writeRow(JsonGenerator json, FleetResults.Row row) throws IOException {
        json.writeStartObject();
        json.writeStringField("strategy", row.strategy().toString());
        json.writeNumberField("builds", row.builds());
        json.writeNumberField("fromAnother", row.spared());
        json.writeNumberField("served", row.had());
        json.writeNumberField("failed", row.failed());
        json.writeNumberField("wrong", row.wrong());
        json.writeNumberField("wallSeconds", BigDecimal.valueOf(row.wall()).setScale(3, RoundingMode.HALF_UP));
        json.writeEndObject();
    }

    private String again() {
        return Printable.escape(String.join(" ", results.plan().command()));
    }
}
