// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.report.Terminal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A table on a terminal, in 80 columns if that is possible; the first column is names. */
final class Table {
    private static final int WIDTH = 79;
    private static final int WIDEST_GAP = 4;
    private final Terminal terminal;
    private final List<List<Value>> rows = new ArrayList<>();

    Table(Terminal terminal) {
        this.terminal = terminal;
    }

    /** @param colour for a terminal; 0 is none */
    record Value(String text, int colour) {

        static Value neutral(Object text) {
            return new Value(text.toString(), 0);
        }

        /** @param falsely decides the colour */
        static Value judged(Share falsely, String text) {
            return new Value(text, falsely.isNever() ? Terminal.GREEN : Terminal.RED);
        }
    }

    void addHead(Stream<?> words) {
        addRow("", words.map(Value::neutral).toList());
    }

    void addRow(Object name, List<Value> values) {
        rows.add(Stream.concat(Stream.of(Value.neutral(name)), values.stream()).toList());
    }

    List<String> lines() {
        int[] widths = IntStream.range(0, rows.get(0).size()).map(column -> rows.stream()
                .mapToInt(row -> row.get(column).text().length()).max().orElse(0)).toArray();
        int spare = WIDTH - IntStream.of(widths).sum();
        int gap = Math.max(1, Math.min(WIDEST_GAP, spare / Math.max(1, widths.length - 1)));
        return rows.stream().map(row -> line(row, widths, gap)).toList();
    }

    private String line(List<Value> row, int[] widths, int gap) {
        StringBuilder line = new StringBuilder(
                String.format(Locale.ROOT, " %-" + widths[0] + "s", row.get(0).text()));
        for (int column = 1; column < widths.length; column++) {
            Value value = row.get(column);
            line.append(terminal.paint(value.colour(),
                    String.format(Locale.ROOT, "%" + (widths[column] + gap) + "s", value.text())));
        }
        return line.toString();
    }
}
