// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import ensureimage.testing.Journal;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.MultipleFailuresError;

/**
 * A test that failed, in at most {@value #MOST_LINES} lines: where, what was done, what was expected, what came. All the
 * rest is for a file.
 */
final class TestFailure {

    static final int MOST_LINES = 20;
    private static final int WIDTH = 180;
    private static final int COMMAND = 1500; // one that is cut cannot be pasted
    private static final int STATEMENT_LINES = 4;
    private static final int CHECKS = 3; // of an assertAll
    private static final Pattern EXIT = Pattern.compile("(?s)(.*?)(?:expected exit status (\\d+), got )?"
            + "(exit status (-?\\d+) of .*?)(?: ==> .*)?");

    private final String name;
    private final Throwable cause;
    private final Journal journal;

    /** @param name the test's, as the report calls it */
    TestFailure(String name, Throwable cause, Journal journal) {
        this.name = name;
        this.cause = cause;
        this.journal = journal;
    }

    // ---- In short

    /**
     * The lines for the console.
     *
     * @param file where {@link #everything} is
     * @param again the test as the command line of the runner takes it
     */
    List<String> lines(Path file, String again) {
        List<String> head = new ArrayList<>(List.of("FAIL " + name));
        statement().ifPresent(statement -> head.add("  at        " + cut(statement, WIDTH)));
        Optional<Journal.Entry> done = done();
        done.ifPresent(entry -> head.add("  did       " + cut(oneLine(entry.command()), COMMAND)));
        List<String> foot = new ArrayList<>(List.of("  in full   " + file));
        if (!again.isEmpty()) {
            foot.add("  again     ./jbangw tests/all.java '" + again + "'");
        }
        List<String> middle = what(cause);
        done.ifPresent(entry -> middle.addAll(output(entry)));
        int most = MOST_LINES - head.size() - foot.size();
        return Stream.of(head, ends(middle, most), foot).flatMap(List::stream).toList();
    }

    /** What was expected and what came. */
    private static List<String> what(Throwable cause) {
        if (cause instanceof MultipleFailuresError all) {
            List<Throwable> failures = all.getFailures();
            List<String> lines = new ArrayList<>();
            failures.stream().limit(CHECKS).forEach(failure -> lines.addAll(what(failure)));
            if (failures.size() > CHECKS) {
                lines.add("  and       " + (failures.size() - CHECKS) + " checks more that failed with them");
            }
            return lines;
        }
        String message = String.valueOf(cause.getMessage());
        List<String> lines = new ArrayList<>();
        Matcher exit = EXIT.matcher(message);
        if (cause instanceof AssertionFailedError failed && failed.isExpectedDefined() && failed.isActualDefined()) {
            String told = message.replaceFirst("(?s)(?: ==> )?expected: .*", "");
            add(lines, "because", told.startsWith("exit status ") ? "" : beforeOutput(told));
            String expected = String.valueOf(failed.getExpected().getStringRepresentation());
            String actual = String.valueOf(failed.getActual().getStringRepresentation());
            int from = firstDifference(expected, actual);
            add(lines, "expected", from(expected, from));
            add(lines, "came", from(actual, from));
        } else if (exit.matches()) {
            add(lines, "because", exit.group(1));
            add(lines, "expected", exit.group(2) == null ? "" : "exit status " + exit.group(2));
            add(lines, "came", "exit status " + exit.group(4));
        } else {
            String kind = cause instanceof AssertionError ? "" : cause.getClass().getName() + ": ";
            List<String> all = (kind + message).lines().toList();
            add(lines, "came", all.isEmpty() ? kind : all.get(0));
            ends(all.subList(Math.min(1, all.size()), all.size()), 6).forEach(line -> add(lines, "", line));
            if (cause.getCause() != null && cause.getCause() != cause) {
                add(lines, "caused by", cause.getCause().toString());
            }
        }
        return lines;
    }

    private static String beforeOutput(String told) {
        Matcher exit = EXIT.matcher(told);
        return exit.matches() ? exit.group(1) : told;
    }

    private static void add(List<String> lines, String what, String text) {
        List<String> all = text.strip().lines().toList();
        if (!all.isEmpty()) {
            String more = all.size() == 1 ? "" : " \u2026 (" + all.size() + " lines)";
            lines.add("  %-9s %s".formatted(what, cut(oneLine(all.get(0)), WIDTH) + more));
        }
    }

    /** The command of which the failure tells, else the last one. */
    private Optional<Journal.Entry> done() {
        String told = allMessages(cause);
        List<Journal.Entry> entries = journal.entries();
        return entries.stream().filter(entry -> told.contains(entry.summary())).reduce((one, later) -> later)
                .or(() -> entries.stream().reduce((one, later) -> later));
    }

    private static String allMessages(Throwable cause) {
        return cause instanceof MultipleFailuresError all
                ? String.join("\n", all.getFailures().stream().map(TestFailure::allMessages).toList())
                        + all.getMessage()
                : String.valueOf(cause.getMessage());
    }

    private static List<String> output(Journal.Entry done) {
        List<String> lines = new ArrayList<>();
        add(lines, "status", Integer.toString(done.status()));
        for (Object[] stream : new Object[][] {{"stdout", done.out(), 4}, {"stderr", done.err(), 7}}) {
            List<String> all = ((String) stream[1]).lines().filter(line -> !line.isBlank()).toList();
            List<String> shown = ends(all, (int) stream[2]);
            for (int i = 0; i < shown.size(); i++) {
                add(lines, i == 0 ? (String) stream[0] : "", "| " + shown.get(i));
            }
        }
        return lines;
    }

    /** The line of the test that failed, and where it is. */
    private Optional<String> statement() {
        Throwable thrown = cause instanceof MultipleFailuresError all && !all.getFailures().isEmpty()
                ? all.getFailures().get(0)
                : cause;
        return Stream.of(thrown, cause).flatMap(each -> Arrays.stream(each.getStackTrace()))
                .filter(frame -> frame.getFileName() != null && frame.getFileName().endsWith("Test.java")
                        && Files.exists(Harness.projectFile("tests/" + frame.getFileName())))
                .findFirst().map(frame -> frame.getFileName() + ":" + frame.getLineNumber() + ": " + source(frame));
    }

    private static String source(StackTraceElement frame) {
        try {
            List<String> lines = Files.readAllLines(Harness.projectFile("tests/" + frame.getFileName()));
            int from = frame.getLineNumber() - 1;
            while (from > 0 && lines.get(from).strip().startsWith(".")) { // a call in a chain
                from--;
            }
            StringBuilder statement = new StringBuilder();
            for (int i = from; i < Math.min(lines.size(), from + STATEMENT_LINES); i++) {
                statement.append(statement.length() == 0 ? "" : " ").append(lines.get(i).strip());
                if (lines.get(i).stripTrailing().endsWith(";")) {
                    break;
                }
            }
            return statement.toString();
        } catch (IOException | RuntimeException e) {
            return "";
        }
    }

    // ---- In full

    /** Every message, every stack trace, and what the test had done so far. */
    String everything() {
        StringWriter text = new StringWriter();
        PrintWriter out = new PrintWriter(text);
        out.println("FAIL " + name);
        out.println();
        cause.printStackTrace(out);
        if (cause instanceof MultipleFailuresError all) {
            all.getFailures().forEach(failure -> failure.printStackTrace(out));
        }
        out.println();
        out.print(journal.text());
        return text.toString();
    }

    // ---- Shortening

    /** The first and the last ones, if there are more than so many. */
    static List<String> ends(List<String> lines, int most) {
        if (lines.size() <= most) {
            return lines;
        }
        int first = Math.max(1, (most - 1) / 2);
        int last = Math.max(0, most - 1 - first);
        List<String> ends = new ArrayList<>(lines.subList(0, first));
        ends.add("            \u2026 " + (lines.size() - first - last) + " lines \u2026");
        ends.addAll(lines.subList(lines.size() - last, lines.size()));
        return ends;
    }

    /** The beginning and the end of a line that is longer than that. */
    static String cut(String line, int width) {
        if (line.length() <= width) {
            return line;
        }
        int end = width / 4;
        return line.substring(0, width - end - 1) + "\u2026" + line.substring(line.length() - end);
    }

    private static String oneLine(String text) {
        return text.strip().replace("\n", "\\n").replaceAll("\\p{Cntrl}", "?");
    }

    private static int firstDifference(String one, String other) {
        int i = 0;
        while (i < Math.min(one.length(), other.length()) && one.charAt(i) == other.charAt(i)) {
            i++;
        }
        return i;
    }

    /** A long text from shortly before that place on. */
    private static String from(String text, int place) {
        int from = text.length() <= WIDTH ? 0 : Math.max(0, place - WIDTH / 4);
        return text.isEmpty() ? "(nothing)" : (from == 0 ? "" : "\u2026") + text.substring(from);
    }
}
