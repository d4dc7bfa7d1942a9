// SPDX-License-Identifier: Apache-2.0
//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/**
 * What was measured, for people and for programs.
 *
 * @param command as it was given
 */
record BenchReport(String command, int rounds, List<Session> sessions) {
    private static final int SCHEMA = 1;
    private static final List<String> HEADINGS =
            List.of("", "median", "range", "ratio", "CPU", "peak", "lost", "to reach");
    static final String LEGEND = """
            median, range: wall time until the last process ended, in seconds
            ratio: against the way that has 1.00, the median of the ratios within each round; in "to reach", too
            CPU: processor time of all its processes and those below them, without the engine's, median, in seconds
            peak: memory of its largest process, in MB
            lost: processes that failed, because another build took the name, of all rounds
            """;

    /** All that was measured on one engine. */
    record Session(Map<String, String> facts, List<BenchScene.Results> scenes) {

        String name() {
            return facts.get("engine").replaceFirst(".*engine ([\\d.]+).*", "Docker $1");
        }

        List<String> missed() {
            return scenes.stream().flatMap(results -> results.scene().targets().stream()
                    .filter(target -> !target.isReached(results))
                    .map(target -> results.scene().title() + ": " + target.way() + ": " + target.describe(results)))
                    .toList();
        }
    }

    // -------------------------------------------------------------------------------------------------- tables

    static String facts(Map<String, String> facts) {
        return facts.entrySet().stream().map(fact -> fact.getKey() + ": " + fact.getValue() + "\n")
                .collect(Collectors.joining());
    }

    /** One scene as text, its columns aligned. */
    static String text(BenchScene.Results results) {
        List<List<String>> rows = new ArrayList<>(List.of(HEADINGS));
        rows.addAll(rows(results));
        List<Integer> widths = new ArrayList<>();
        for (int column = 0; column < HEADINGS.size(); column++) {
            int number = column;
            widths.add(rows.stream().mapToInt(row -> row.get(number).length()).max().orElseThrow());
        }
        return results.scene().title() + "\n" + rows.stream().map(row -> {
            StringBuilder line = new StringBuilder(" ");
            for (int column = 0; column < row.size(); column++) {
                boolean words = column == 0 || column == row.size() - 1;
                line.append(String.format(" %" + (words ? "-" : "") + Math.max(1, widths.get(column)) + "s ",
                        row.get(column)));
            }
            return line.toString().stripTrailing() + "\n";
        }).collect(Collectors.joining());
    }

    /** A row for each way, and one more for each of its targets but the first. */
    private static List<List<String>> rows(BenchScene.Results results) {
        List<List<String>> rows = new ArrayList<>();
        for (BenchScene.Way way : results.scene().ways()) {
            String name = way.name();
            List<String> targets = results.scene().targets().stream().filter(target -> target.way().equals(name))
                    .map(target -> target.verdict(results)).toList();
            rows.add(List.of(name,
                    seconds(results.median(name, BenchScene.Sample::wall)),
                    seconds(results.least(name)) + "-" + seconds(results.most(name)),
                    format("%.2f", results.ratio(name)),
                    seconds(results.median(name, BenchScene.Sample::cpu)),
                    format("%.0f", results.peak(name) / 1000.0),
                    way.mayLose() ? Integer.toString(results.lost(name)) : "",
                    targets.isEmpty() ? "" : targets.get(0)));
            targets.stream().skip(1).forEach(target -> rows.add(List.of("", "", "", "", "", "", "", target)));
        }
        return rows;
    }

    private static String seconds(double value) {
        return format(value < 10 ? "%.2f" : "%.1f", value);
    }

    private static String format(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    // ------------------------------------------------------------------------------------------------ Markdown

    String markdown() {
        return """
                # Benchmarks

                What `ensure_image` costs against the alternatives, on real engines. Each way had its turn in each
                round, in rotating order; there were %d. Each result was checked: the right image is under the name.

                    %s

                %s%s
                ## Not reached

                %s""".formatted(rounds, command, list(LEGEND.lines().toList()),
                sessions.stream().map(BenchReport::markdown).collect(Collectors.joining()), notReached());
    }

    private static String markdown(Session session) {
        List<String> facts = facts(session.facts()).lines().toList();
        return "\n## " + session.name() + "\n\n" + list(facts)
                + session.scenes().stream().map(BenchReport::markdown).collect(Collectors.joining());
    }

    private String notReached() {
        List<String> missed = sessions.stream()
                .flatMap(session -> session.missed().stream().map(miss -> session.name() + ", " + miss)).toList();
        return missed.isEmpty() ? "Nothing: each was reached.\n" : list(missed);
    }

    private static String list(List<String> items) {
        return items.stream().map(item -> "- " + item + "\n").collect(Collectors.joining());
    }

    private static String markdown(BenchScene.Results results) {
        String rows = rows(results).stream().map(BenchReport::row).collect(Collectors.joining());
        String rule = "| --- " + "| ---: ".repeat(HEADINGS.size() - 2) + "| --- |\n";
        return "\n### " + results.scene().title() + "\n\n" + row(HEADINGS) + rule + rows;
    }

    private static String row(List<String> cells) {
        return "| " + String.join(" | ", cells) + " |\n";
    }

    // ---------------------------------------------------------------------------------------------------- JSON

    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeNumberField("schema", SCHEMA);
            json.writeStringField("command", command);
            json.writeNumberField("rounds", rounds);
            json.writeArrayFieldStart("engines");
            for (Session session : sessions) {
                json.writeStartObject();
                for (var fact : session.facts().entrySet()) {
                    json.writeStringField(fact.getKey().replace(' ', '_'), fact.getValue());
                }
                json.writeArrayFieldStart("scenes");
                for (BenchScene.Results results : session.scenes()) {
                    json(json, results);
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
        return text.append("\n").toString();
    }

    private static void json(JsonGenerator json, BenchScene.Results results) throws IOException {
        BenchScene scene = results.scene();
        json.writeStartObject();
        json.writeStringField("scene", scene.title());
        json.writeStringField("yardstick", scene.yardstick());
        json.writeArrayFieldStart("ways");
        for (BenchScene.Way way : scene.ways()) {
            String name = way.name();
            json.writeStartObject();
            json.writeStringField("way", name);
            number(json, "median_seconds", results.median(name, BenchScene.Sample::wall));
            number(json, "least_seconds", results.least(name));
            number(json, "most_seconds", results.most(name));
            number(json, "ratio", results.ratio(name));
            number(json, "cpu_seconds", results.median(name, BenchScene.Sample::cpu));
            json.writeNumberField("peak_kb", results.peak(name));
            json.writeNumberField("lost", results.lost(name));
            numbers(json, "wall_seconds_by_round", results.samples().get(name), BenchScene.Sample::wall);
            numbers(json, "cpu_seconds_by_round", results.samples().get(name), BenchScene.Sample::cpu);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("targets");
        for (BenchTarget target : scene.targets()) {
            json.writeStartObject();
            json.writeStringField("way", target.way());
            json.writeStringField("measured", target.describe(results));
            json.writeBooleanField("reached", target.isReached(results));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void numbers(JsonGenerator json, String name, List<BenchScene.Sample> samples,
            ToDoubleFunction<BenchScene.Sample> of) throws IOException {
        json.writeArrayFieldStart(name);
        for (BenchScene.Sample sample : samples) {
            json.writeNumber(rounded(of.applyAsDouble(sample)));
        }
        json.writeEndArray();
    }

    private static void number(JsonGenerator json, String name, double value) throws IOException {
        json.writeNumberField(name, rounded(value));
    }

    /** To the millisecond. */
    private static BigDecimal rounded(double value) {
        return BigDecimal.valueOf(value).setScale(3, RoundingMode.HALF_UP);
    }
}
