import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What a run shows at its end: on the terminal, and in files.
 *
 * <p>What an engine or docker says is data: it is escaped for whatever it is written into.
 */
final class RaceReports {

    private RaceReports() {
    }

    /** What a file of a report holds, by the end of its name. */
    enum Format {
        HTML, MD, JSON, SVG;

        /** @throws ensure_image.Failed if there is none of that name, or the file could not be written */
        static Format of(Path file) throws ensure_image.Failed {
            String name = String.valueOf(file.getFileName());
            for (Format format : values()) {
                if (name.toLowerCase(Locale.ROOT).endsWith("." + format.name().toLowerCase(Locale.ROOT))) {
                    Path folder = file.toAbsolutePath().getParent();
                    if (!Files.isDirectory(folder) || !Files.isWritable(folder) || Files.isDirectory(file)) {
                        throw race_repro.usage("--report " + file + ": cannot write a file there");
                    }
                    return format;
                }
            }
            throw race_repro.usage("--report takes a .html, .md, .json or .svg file, not '" + file + "'");
        }
    }

    /** Writes one; Markdown also goes to the summary of a GitHub Actions job, if this runs in one. */
    static void write(RaceResults results, Path file, Map<String, String> environment) throws ensure_image.Failed {
        String text = switch (Format.of(file)) {
            case HTML -> new RacePages.Html(results).page();
            case MD -> new RacePages.Markdown(results).text();
            case JSON -> new RaceJson(results).text();
            case SVG -> new RaceTimeline.Svg(tellings(results)).file();
        };
        try {
            Files.writeString(file, text);
            String summary = environment.getOrDefault("GITHUB_STEP_SUMMARY", "");
            if (Format.of(file) == Format.MD && !summary.isEmpty()) {
                Files.writeString(Path.of(summary), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }
        } catch (IOException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.USAGE, "cannot write a report: "
                    + ensure_image.Text.printable(e.getMessage()), "");
        }
    }

    /** The telling round, and the same one as ensure_image played it. */
    static List<RaceResults.Telling> tellings(RaceResults results) {
        return Stream.concat(Stream.of(results.telling()), results.counterpart().stream()).toList();
    }

    // --------------------------------------------------------------------------------------------- terminal

    /** On stdout. */
    record OnTerminal(RaceResults results, Terminal terminal) {

        List<String> lines() {
            List<String> lines = new ArrayList<>(List.of("", RaceText.matrix(results) + ":", ""));
            lines.addAll(matrix());
            for (race_repro.Scenario scenario : results.plan().scenarios()) {
                lines.addAll(List.of("", scenario + ": " + scenario.description, ""));
                lines.addAll(details(scenario));
            }
            lines.add("");
            lines.add(" " + RaceText.shares(results));
            RaceText.legend(results).forEach((word, meaning) -> {
                List<String> wrapped = wrapped(meaning, 62);
                for (int i = 0; i < wrapped.size(); i++) {
                    lines.add(String.format(" %-14s %s", i == 0 ? word : "", wrapped.get(i)));
                }
            });
            RaceText.notes(results).forEach(note -> wrapped(note, 78).forEach(line -> lines.add(" " + line)));
            RaceResults.Telling telling = results.telling();
            lines.add("");
            lines.addAll(wrapped(RaceText.telling(telling), 79));
            lines.add("");
            lines.addAll(new RaceTimeline.OnTerminal(telling, terminal).lines());
            lines.add("");
            lines.addAll(telling.firstRace().map(race -> List.of(RaceText.SAID, ensure_image.Text.quoted(race.line())))
                    .orElse(List.of(RaceText.noRace(results))));
            lines.add("");
            lines.addAll(claims());
            results.plan().strategies().forEach(strategy -> lines.add(RaceText.conclusion(strategy,
                    results.falseAnswers(strategy))));
            return lines;
        }

        private List<String> matrix() {
            Table table = new Table(terminal);
            table.head(results.plan().scenarios().stream().map(Object::toString));
            for (race_repro.Strategy strategy : results.plan().strategies()) {
                table.row(strategy.toString(), results.cells(strategy).stream().map(
                        cell -> Table.Value.of(cell.falseAnswers(), cell.falseAnswers() + (cell.letters().isEmpty() ? ""
                                : " " + cell.letters())))
                        .toList());
            }
            return table.lines();
        }

        private List<String> details(race_repro.Scenario scenario) {
            Table table = new Table(terminal);
            for (int line = 0; line < 2; line++) {
                int word = line;
                table.head(Stream.of(Column.values()).map(column -> head(column, word)));
            }
            for (race_repro.Strategy strategy : results.plan().strategies()) {
                RaceResults.Cell cell = results.cell(scenario, strategy);
                table.row(strategy.toString(), Stream.of(Column.values()).map(column -> column.falsely(cell)
                        .map(falsely -> Table.Value.of(falsely, falsely.brief()))
                        .orElse(Table.Value.neutral(column.text(cell)))).toList());
            }
            return table.lines();
        }

        /** One word on each line; the longest one in two. */
        private static String head(Column column, int line) {
            String[] words = column == Column.EXPORTS ? new String[] {"ex-", "ports"} : column.toString().split(" ");
            return words.length == 2 ? words[line] : line == 1 ? words[0] : "";
        }

        private List<String> claims() {
            List<String> lines = new ArrayList<>();
            for (RaceClaims.Claim claim : new RaceClaims(results).all()) {
                lines.add(String.format("  %s  %s", terminal.paint(claim.confirmed() ? Terminal.GREEN : Terminal.RED,
                        String.format("%-9s", claim.verdict())), claim.sentence()));
                lines.addAll(wrapped(claim.figure(), 66).stream().map(line -> " ".repeat(13) + line).toList());
            }
            if (!lines.isEmpty()) {
                lines.addAll(0, List.of(RaceText.CLAIMS + ":", ""));
                lines.add("");
            }
            return lines;
        }

        private static List<String> wrapped(String text, int width) {
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

    /** A column of a scenario's table. */
    enum Column {
        LOST_RACE(cell -> cell.lost().brief()),
        SERVED(cell -> cell.served().brief()),
        FALSE_FAILURE(cell -> cell.count(RaceResults.Falsehood.FAILURE)),
        FALSE_SUCCESS(RaceResults.Cell::falseSuccesses),
        WRONG(cell -> cell.count(RaceResults.Falsehood.WRONG)),
        STALE(cell -> cell.count(RaceResults.Falsehood.STALE)),
        STEP_RUNS(cell -> RaceText.number(cell.stepRuns())),
        EXPORTS(cell -> RaceText.number(cell.exports())),
        TAGS_LEFT(cell -> RaceText.number(cell.tagsLeft())),
        WALL_TIME(cell -> RaceText.times(cell.wall()));

        private final Function<RaceResults.Cell, Object> value;

        /** @param value a text, or how often something false was told */
        Column(Function<RaceResults.Cell, Object> value) {
            this.value = value;
        }

        String text(RaceResults.Cell cell) {
            Object shown = value.apply(cell);
            return shown instanceof RaceResults.Share share ? share.brief() : shown.toString();
        }

        /** If this column counts what was false: how often. */
        Optional<RaceResults.Share> falsely(RaceResults.Cell cell) {
            return value.apply(cell) instanceof RaceResults.Share share ? Optional.of(share) : Optional.empty();
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** Columns as wide as what is in them; the first one is names. */
    private static final class Table {
        private final Terminal terminal;
        private final List<List<Value>> rows = new ArrayList<>();

        Table(Terminal terminal) {
            this.terminal = terminal;
        }

        /** @param colour for a terminal; 0 is none */
        record Value(String text, int colour) {

            static Value neutral(String text) {
                return new Value(text, 0);
            }

            static Value of(RaceResults.Share falsely, String text) {
                return new Value(text, falsely.isNever() ? Terminal.GREEN : Terminal.RED);
            }
        }

        void head(Stream<String> words) {
            row("", words.map(Value::neutral).toList());
        }

        void row(String name, List<Value> values) {
            rows.add(Stream.concat(Stream.of(Value.neutral(name)), values.stream()).toList());
        }

        List<String> lines() {
            int[] widths = IntStream.range(0, rows.get(0).size()).map(column -> rows.stream()
                    .mapToInt(row -> row.get(column).text().length()).max().orElse(0)).toArray();
            int spare = 79 - IntStream.of(widths).sum();
            int gap = Math.max(1, Math.min(4, spare / Math.max(1, widths.length - 1)));
            return rows.stream().map(row -> {
                StringBuilder line = new StringBuilder(" " + String.format("%-" + widths[0] + "s", row.get(0).text()));
                for (int column = 1; column < widths.length; column++) {
                    Value value = row.get(column);
                    line.append(terminal.paint(value.colour(),
                            String.format("%" + (widths[column] + gap) + "s", value.text())));
                }
                return line.toString();
            }).toList();
        }
    }
}
