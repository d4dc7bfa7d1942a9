// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.report.Terminal;
import ensureimage.report.Wording;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** A run on a terminal, in 80 columns; only a line of docker's can be longer. */
record TextReport(Results results, Terminal terminal) {
    private static final int WIDTH = 79;
    private static final int LEGEND_WIDTH = 62;
    private static final int FIGURE_WIDTH = 66;

    List<String> lines() {
        List<String> lines = new ArrayList<>(List.of("", Words.matrix(results) + ":", ""));
        lines.addAll(matrix());
        for (Scenario scenario : results.plan().scenarios()) {
            lines.addAll(List.of("", scenario + ": " + scenario.description(), ""));
            lines.addAll(details(scenario));
        }
        lines.add("");
        lines.addAll(legend());
        lines.add("");
        lines.addAll(example());
        lines.add("");
        lines.addAll(claims());
        results.plan().strategies().forEach(strategy -> lines.add(Words.conclusion(strategy,
                results.falseAnswers(strategy))));
        return lines;
    }

    private List<String> matrix() {
        Table table = new Table(terminal);
        table.addHead(results.plan().scenarios().stream());
        for (Strategy strategy : results.plan().strategies()) {
            table.addRow(strategy, results.cells(strategy).stream()
                    .map(cell -> Table.Value.judged(cell.falseAnswers(), cell.falseAnswersWithLetters())).toList());
        }
        return table.lines();
    }

    private List<String> details(Scenario scenario) {
        Table table = new Table(terminal);
        table.addHead(Stream.of(Column.values()).map(column -> headWords(column)[0]));
        table.addHead(Stream.of(Column.values()).map(column -> headWords(column)[1]));
        for (Strategy strategy : results.plan().strategies()) {
            Cell cell = results.cell(scenario, strategy);
            table.addRow(strategy, Stream.of(Column.values()).map(column -> column.falsely(cell)
                    .map(falsely -> Table.Value.judged(falsely, falsely.brief()))
                    .orElse(Table.Value.neutral(column.text(cell)))).toList());
        }
        return table.lines();
    }

    /** The head of a column in two lines. */
    private static String[] headWords(Column column) {
        if (column == Column.EXPORTS) {
            return new String[] {"ex-", "ports"}; // it is the longest of the single words
        }
        String[] words = column.toString().split(" ");
        return words.length == 2 ? words : new String[] {"", words[0]};
    }

    private List<String> legend() {
        List<String> lines = new ArrayList<>(List.of(" " + Words.shares(results)));
        Words.legend(results).forEach((word, meaning) -> {
            List<String> wrapped = wrap(meaning, LEGEND_WIDTH);
            for (int i = 0; i < wrapped.size(); i++) {
                lines.add(String.format(Locale.ROOT, " %-14s %s", i == 0 ? word : "", wrapped.get(i)));
            }
        });
        Words.notes(results).forEach(note -> wrap(note, WIDTH - 1).forEach(line -> lines.add(" " + line)));
        return lines;
    }

    private List<String> example() {
        Reading example = results.example();
        List<String> lines = new ArrayList<>(wrap(Words.example(example), WIDTH));
        lines.add("");
        lines.addAll(new TextTimeline(example, terminal).lines());
        lines.add("");
        lines.addAll(example.firstRace().map(race -> List.of(Words.SAID, Wording.quote(race.line())))
                .orElse(List.of(Words.noRace(results))));
        return lines;
    }

    private List<String> claims() {
        List<String> lines = new ArrayList<>();
        for (Claims.Claim claim : new Claims(results).all()) {
            lines.add(String.format(Locale.ROOT, "  %s  %s", terminal.paint(
                    claim.confirmed() ? Terminal.GREEN : Terminal.RED,
                    String.format(Locale.ROOT, "%-9s", claim.verdict())), claim.sentence()));
            lines.addAll(wrap(claim.figure(), FIGURE_WIDTH).stream().map(line -> " ".repeat(13) + line).toList());
        }
        if (!lines.isEmpty()) {
            lines.addAll(0, List.of(Words.CLAIMS + ":", ""));
            lines.add("");
        }
        return lines;
    }

    private static List<String> wrap(String text, int width) {
        List<String> lines = new ArrayList<>(List.of(""));
        for (String word : text.split(" ")) {
            String last = lines.get(lines.size() - 1);
            if (last.length() + 1 + word.length() > width) {
                lines.add(word);
            } else {
                lines.set(lines.size() - 1, (last + " " + word).strip());
            }
        }
        return lines;
    }
}
