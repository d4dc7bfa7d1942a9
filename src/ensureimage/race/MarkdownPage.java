// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.Printable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A run as Markdown, for the summary of a job. */
record MarkdownPage(Results results) {
    private static final List<Column> COLUMNS = List.of(Column.values());

    String text() {
        List<String> lines = new ArrayList<>(List.of("# " + escape(Words.TITLE), ""));
        Words.engine(results.engine()).lines().forEach(line -> lines.add(escape(line) + "  "));
        lines.add(escape(Words.run(results)));
        addHead(lines, Words.matrix(results));
        addTable(lines, results.plan().scenarios(), strategy -> results.cells(strategy).stream()
                .map(Cell::falseAnswersWithLetters).toList());
        addExample(lines, results.example());
        addHead(lines, Words.CLAIMS);
        lines.addAll(List.of("| | claim | figure |", "| --- | --- | --- |"));
        new Claims(results).all().forEach(claim -> lines.add("| **" + claim.verdict() + "** | "
                + escape(claim.sentence()) + " | " + escape(claim.figure()) + " |"));
        for (Scenario scenario : results.plan().scenarios()) {
            addHead(lines, scenario + ": " + scenario.description());
            addTable(lines, COLUMNS, strategy -> COLUMNS.stream()
                    .map(column -> column.text(results.cell(scenario, strategy))).toList());
        }
        addHead(lines, "Words");
        lines.addAll(List.of(escape(Words.shares(results)), ""));
        Words.legend(results)
                .forEach((word, meaning) -> lines.add("- **" + word + "**: " + escape(meaning)));
        Words.notes(results).forEach(note -> lines.add("- " + escape(note)));
        lines.addAll(List.of("", "Again:", "", "    " + Words.again(results), ""));
        return String.join("\n", lines);
    }

    private static void addHead(List<String> lines, String text) {
        lines.addAll(List.of("", "## " + escape(text), ""));
    }

    private void addExample(List<String> lines, Reading example) {
        addHead(lines, Words.example(example));
        lines.add("```mermaid");
        lines.addAll(new MermaidTimeline(example).lines());
        lines.addAll(List.of("```", ""));
        lines.addAll(example.firstRace()
                .map(race -> List.of(escape(Words.SAID), "", "    " + Printable.escape(race.line())))
                .orElse(List.of(escape(Words.noRace(results)))));
    }

    private void addTable(List<String> lines, List<?> columns, Function<Strategy, List<String>> row) {
        lines.add(columns.stream().map(Object::toString).collect(Collectors.joining(" | ", "| strategy | ", " |")));
        lines.add("| --- |" + " ---: |".repeat(columns.size()));
        for (Strategy strategy : results.plan().strategies()) {
            lines.add("| " + strategy + " | " + row.apply(strategy).stream().map(MarkdownPage::escape)
                    .collect(Collectors.joining(" | ")) + " |");
        }
    }

    /** Text from elsewhere: every character that could mean something is escaped. */
    static String escape(String text) {
        return Printable.escape(text).replaceAll("([\\\\`*_{}\\[\\]<>#|~&!$@])", "\\\\$1");
    }
}
