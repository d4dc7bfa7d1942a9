//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Timer;
import java.util.TimerTask;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Shows a run: the outcome of every image on stdout, all else on stderr.
 *
 * <p>What another program printed is data. It can neither pass for a line of ours, nor move the cursor, nor become a
 * command to GitHub Actions.
 */
final class Reports implements ensure_image.Report {

    /** As asked for on the command line. */
    record Style(String format, boolean quiet, boolean verbose) {
    }

    private final Style style;
    private final Console console;
    private final Results results;
    private final Map<Reference, Course> courses = new LinkedHashMap<>(); // of the images that are not over
    private boolean several;
    private ensure_image.ExitCode lastFailure = ensure_image.ExitCode.ENSURED;

    private Reports(Style style, Console console, Results results) {
        this.style = style;
        this.console = console;
        this.results = results;
    }

    /** @throws ensure_image.Failed if there is no such format */
    static ensure_image.Report of(Style style) throws ensure_image.Failed {
        return of(style, new PrintWriter(System.out, true), new PrintWriter(System.err, true), Terminal.detect(),
                System.getenv());
    }

    static Reports of(Style style, PrintWriter out, PrintWriter err, Terminal terminal, Map<String, String> environment)
            throws ensure_image.Failed {
        boolean json = style.format.equals("json");
        if (!json && !style.format.equals("text")) {
            throw new ensure_image.Failed(ensure_image.ExitCode.USAGE, "--format is text or json, not '"
                    + ensure_image.Text.printable(style.format) + "'", ensure_image.Text.SEE_HELP);
        }
        Results results = json ? new Json() : style.quiet ? new Ids() : new Words(terminal);
        return new Reports(style, console(style, out, err, terminal, environment), results);
    }

    private static Console console(Style style, PrintWriter out, PrintWriter err, Terminal terminal,
            Map<String, String> environment) {
        if ("true".equals(environment.get("GITHUB_ACTIONS"))) {
            return new Actions(out, err, environment);
        }
        boolean inCi = !List.of("", "false").contains(environment.getOrDefault("CI", ""));
        return terminal.progress() && !inCi && !style.quiet && !style.verbose
                ? new Live(out, err, terminal.unicode() ? "\u2026" : "...")
                : new Console(out, err);
    }

    // ----------------------------------------------------------------------------------------- what happens

    @Override
    public synchronized void begin(List<Images.Image> images) {
        several = images.size() > 1;
        images.forEach(image -> courses.put(image.reference(), new Course(image)));
        console.watch(this::paint);
    }

    @Override
    public synchronized void step(Recipe recipe, ensure_image.Step step) {
        course(recipe).ifPresent(course -> course.enter(step));
    }

    @Override
    public synchronized void output(Recipe recipe, String line) {
        course(recipe).ifPresent(course -> course.read(line));
        if (style.verbose) {
            String whose = several ? recipe.reference().toString() : "";
            console.quote(several ? "build output" : title(recipe), List.of(whose + ensure_image.Text.quoted(line)));
        }
    }

    @Override
    public synchronized void tell(Recipe recipe, String message) {
        course(recipe).ifPresent(course -> course.notes.add(message));
        if (!style.quiet) {
            console.say(List.of(ensure_image.Text.event(recipe, message)));
        }
    }

    @Override
    public synchronized void done(Images.Image image) {
        course(image.recipe()).ifPresent(Course::stop);
        paint();
    }

    @Override
    public synchronized void ended(Images.Image image, ensure_image.Result result) {
        Course course = over(image);
        results.ended(course, result).ifPresent(console::print);
    }

    @Override
    public synchronized void failed(Images.Image image, ensure_image.Failed failed) {
        Course course = over(image);
        lastFailure = failed.code;
        if (!style.verbose) {
            console.quote(title(image.recipe()), failed.output.stream().map(ensure_image.Text::quoted).toList());
        }
        console.annotate(image.recipe(), failed);
        List<String> lines = new ArrayList<>(List.of(ensure_image.Text.error(failed.getMessage())));
        if (!failed.hint.isEmpty()) {
            lines.add(failed.hint);
        }
        if (style.verbose && failed.code != ensure_image.ExitCode.USAGE) {
            lines.addAll(trace(failed));
        }
        console.say(lines);
        results.failed(course, failed, several).ifPresent(console::print);
    }

    /** Also if the run ended early, there is an outcome of every image. */
    @Override
    public synchronized void close() {
        ensure_image.ExitCode code = lastFailure.endsAll ? lastFailure : ensure_image.ExitCode.BUG;
        for (Course course : List.copyOf(courses.values())) {
            ensure_image.Failed failed = new ensure_image.Failed(code, "given up: " + course.image.reference()
                    + ": the run ended early", "");
            results.failed(over(course.image), failed, several).ifPresent(console::print);
        }
        console.close();
    }

    private Optional<Course> course(Recipe recipe) {
        return Optional.ofNullable(courses.get(recipe.reference()));
    }

    private Course over(Images.Image image) {
        Course course = courses.remove(image.reference());
        paint();
        return course;
    }

    private static String title(Recipe recipe) {
        return recipe.reference() + ": build output";
    }

    private static List<String> trace(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text, true));
        return text.toString().lines().toList();
    }

    private synchronized void paint() {
        List<Course> underWay = courses.values().stream().filter(Course::isUnderWay).toList();
        int width = underWay.stream().mapToInt(course -> course.image.reference().toString().length()).max().orElse(0);
        console.status(underWay.stream().map(course -> course.row(width)).toList());
    }

    /** An image on its way. */
    private static final class Course {
        private static final int LONGEST_STEP = 200; // characters: more than a terminal is wide
        final Images.Image image;
        final List<String> notes = new ArrayList<>();
        private long start;
        private ensure_image.Step step;
        private String buildStep = "";
        private int builds;
        private Duration took = Duration.ZERO;

        Course(Images.Image image) {
            this.image = image;
        }

        void enter(ensure_image.Step next) {
            if (step == null) {
                start = System.nanoTime();
            }
            step = next;
            builds += next == ensure_image.Step.BUILDING ? 1 : 0;
            buildStep = "";
        }

        void read(String line) {
            BuildOutput.step(line)
                    .ifPresent(text -> buildStep = text.substring(0, Math.min(LONGEST_STEP, text.length())));
        }

        void stop() {
            took = elapsed();
            step = null;
        }

        boolean isUnderWay() {
            return step != null;
        }

        Duration elapsed() {
            return isUnderWay() ? Duration.ofNanos(System.nanoTime() - start) : took;
        }

        String row(int width) {
            String doing = step.name().toLowerCase(Locale.ROOT).replace('_', ' ');
            return String.format(Locale.ROOT, "%-" + width + "s  %-10s  %7s  %s", image.reference(), doing,
                    ensure_image.Text.seconds(elapsed()), ensure_image.Text.printable(buildStep)).stripTrailing();
        }
    }

    // -------------------------------------------------------------------------------------------- on stdout

    /** What stdout says of an image that is over, in one line or not at all. */
    private interface Results {
        String FAILED = "failed";

        Optional<String> ended(Course course, ensure_image.Result result);

        Optional<String> failed(Course course, ensure_image.Failed failed, boolean several);
    }

    /** For people. One image that failed is told of on stderr only; of several, stdout has the whole list. */
    private record Words(Terminal terminal) implements Results {

        @Override
        public Optional<String> ended(Course course, ensure_image.Result result) {
            int colour = result.outcome().code == ensure_image.ExitCode.ENSURED ? Terminal.GREEN : Terminal.YELLOW;
            return Optional.of(paint(colour, result.outcome().toString(), ensure_image.Text.result(result)));
        }

        @Override
        public Optional<String> failed(Course course, ensure_image.Failed failed, boolean several) {
            String reason = failed.getMessage().split(": ", 2)[0]; // what comes after it is on stderr
            String line = String.format(Locale.ROOT, "%-16s  %s  %s", FAILED, course.image.reference(), reason);
            return several ? Optional.of(paint(Terminal.RED, FAILED, line)) : Optional.empty();
        }

        private String paint(int colour, String outcome, String line) {
            return terminal.paint(colour, outcome) + line.substring(outcome.length());
        }
    }

    /** The images that the user named, for {@code docker run}: only what holds what he asked for. */
    private record Ids() implements Results {

        @Override
        public Optional<String> ended(Course course, ensure_image.Result result) {
            return course.image.asked() ? id(result) : Optional.empty();
        }

        @Override
        public Optional<String> failed(Course course, ensure_image.Failed failed, boolean several) {
            return Optional.empty();
        }

        /** A stale image's ID is nobody's result. */
        static Optional<String> id(ensure_image.Result result) {
            return Optional.of(result.id()).filter(id -> result.outcome().code == ensure_image.ExitCode.ENSURED);
        }
    }

    /** For programs: an object for every image. The fields are described in docs/json.md. */
    private static final class Json implements Results {
        private static final int SCHEMA = 1;
        // Only ASCII, because what stdout can show besides depends on the locale.
        private final JsonFactory factory = JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

        /** The fields that depend on the outcome; what is empty is null. */
        private record Ending(String outcome, String id, String why, String fingerprint, Duration took, int exit,
                String error, String hint) {
        }

        @Override
        public Optional<String> ended(Course course, ensure_image.Result result) {
            return object(course, new Ending(result.outcome().toString(), Ids.id(result).orElse(""),
                    result.found().why(), result.fingerprint(), result.took(), result.outcome().code.status, "", ""));
        }

        @Override
        public Optional<String> failed(Course course, ensure_image.Failed failed, boolean several) {
            return object(course, new Ending(FAILED, "", "", "", course.elapsed(), failed.code.status,
                    failed.getMessage(), failed.hint));
        }

        private Optional<String> object(Course course, Ending ending) {
            Recipe recipe = course.image.recipe();
            StringWriter text = new StringWriter();
            try (JsonGenerator json = factory.createGenerator(text)) {
                json.writeStartObject();
                json.writeNumberField("schema", SCHEMA);
                json.writeStringField("reference", recipe.reference().toString());
                json.writeStringField("outcome", ending.outcome);
                write(json, "id", ending.id);
                write(json, "why", ending.why);
                write(json, "fingerprint", ending.fingerprint);
                json.writeStringField("context", recipe.context().toString());
                json.writeStringField("dockerfile", recipe.dockerfile().path().toString());
                json.writeNumberField("builds", course.builds);
                json.writeNumberField("seconds", BigDecimal.valueOf(ending.took.toMillis(), 3));
                json.writeNumberField("exit", ending.exit);
                write(json, "error", ending.error);
                write(json, "hint", ending.hint);
                json.writeArrayFieldStart("notes");
                for (String note : course.notes) {
                    json.writeString(note);
                }
                json.writeEndArray();
                json.writeEndObject();
            } catch (IOException e) {
                throw new UncheckedIOException(e); // a StringWriter throws none
            }
            return Optional.of(text.toString());
        }

        private static void write(JsonGenerator json, String name, String value) throws IOException {
            json.writeStringField(name, value.isEmpty() ? null : value);
        }
    }

    // ------------------------------------------------------------------------------ where the lines go

    /** Both streams, as they are to a file or a pipe. What belongs together is written at once. */
    private static class Console {
        private final PrintWriter out;
        private final PrintWriter err;

        Console(PrintWriter out, PrintWriter err) {
            this.out = out;
            this.err = err;
        }

        /** Prints a result. */
        void print(String line) {
            write(out, List.of(line));
        }

        /** Prints sentences of ours. */
        void say(List<String> lines) {
            write(err, lines);
        }

        /** Prints lines of another program, which are marked as such. */
        void quote(String title, List<String> lines) {
            write(err, lines);
        }

        /** Points to where a build failed, if there is something that shows it there. */
        void annotate(Recipe recipe, ensure_image.Failed failed) {
        }

        /** Takes what is to be called to have the status painted. */
        void watch(Runnable painter) {
        }

        /** Replaces the status: a line for each image that is under way. */
        void status(List<String> rows) {
        }

        void close() {
        }

        void write(PrintWriter stream, List<String> lines) {
            if (!lines.isEmpty()) {
                paint(stream, String.join("\n", lines) + "\n");
            }
        }

        final PrintWriter err() {
            return err;
        }

        static void paint(PrintWriter stream, String text) {
            stream.print(text);
            stream.flush();
        }
    }

    /** A terminal, with the status below the lines that stay. */
    private static final class Live extends Console {
        private static final int MOST_ROWS = 10;
        private static final int PERIOD = 200; // ms
        private static final String ERASE_LINE = "\u001b[2K";
        private static final String ERASE_BELOW = "\u001b[J";
        private static final String CUT_LONG_LINES = "\u001b[?7l";
        private static final String WRAP_LONG_LINES = "\u001b[?7h";

        private final String ellipsis;
        private final Timer clock = new Timer("status", true);
        private List<String> painted = List.of();
        private boolean closed;

        Live(PrintWriter out, PrintWriter err, String ellipsis) {
            super(out, err);
            this.ellipsis = ellipsis;
        }

        /** The first time after a while: what takes no time needs no status. */
        @Override
        void watch(Runnable painter) {
            Runtime.getRuntime().addShutdownHook(new Thread(this::close, "clean terminal")); // on Ctrl-C
            clock.schedule(new TimerTask() {
                @Override
                public void run() {
                    painter.run();
                }
            }, PERIOD, PERIOD);
        }

        @Override
        synchronized void status(List<String> rows) {
            if (!closed) {
                paint(err(), top() + replaced(rows.size() <= MOST_ROWS ? rows : cut(rows)));
            }
        }

        private List<String> cut(List<String> rows) {
            List<String> some = new ArrayList<>(rows.subList(0, MOST_ROWS));
            some.add(ellipsis + " and " + (rows.size() - MOST_ROWS) + " more");
            return some;
        }

        @Override
        synchronized void write(PrintWriter stream, List<String> lines) {
            List<String> rows = painted;
            clear();
            super.write(stream, lines);
            paint(err(), replaced(rows));
        }

        private void clear() {
            paint(err(), top() + replaced(List.of()));
        }

        private String top() {
            return painted.isEmpty() ? "" : "\r\u001b[" + painted.size() + "A";
        }

        /** From where the cursor is; the whole at once and in place, so that it does not flicker. */
        private String replaced(List<String> rows) {
            boolean none = painted.isEmpty() && rows.isEmpty();
            painted = rows;
            StringBuilder text = new StringBuilder();
            for (String row : rows) {
                text.append(ERASE_LINE).append(CUT_LONG_LINES).append(row).append(WRAP_LONG_LINES).append('\n');
            }
            return none ? "" : text.append(ERASE_BELOW).toString();
        }

        @Override
        synchronized void close() {
            clock.cancel();
            clear();
            closed = true;
        }
    }

    /**
     * A log of GitHub Actions, in which a line can be a command: {@code ::error::} at its beginning, {@code ##[error]}
     * anywhere. See actions/runner, {@code ActionCommand.cs}.
     *
     * <p>Commands are stopped while another program's output is printed. That does not hold when another process of the
     * same step starts and stops them too, so lines are also changed where one could be a command.
     */
    private static final class Actions extends Console {
        private final Map<String, String> environment;
        private String group = "";
        private String token;

        Actions(PrintWriter out, PrintWriter err, Map<String, String> environment) {
            super(out, err);
            this.environment = environment;
        }

        @Override
        void print(String line) {
            endGroup();
            super.print(harmless(line));
        }

        @Override
        void say(List<String> lines) {
            endGroup();
            super.say(lines.stream().map(Actions::harmless).toList());
        }

        @Override
        void quote(String title, List<String> lines) {
            if (!lines.isEmpty()) {
                beginGroup(title);
                super.quote(title, lines.stream().map(Actions::harmless).toList());
            }
        }

        @Override
        void annotate(Recipe recipe, ensure_image.Failed failed) {
            endGroup();
            Map<String, String> properties = new LinkedHashMap<>();
            if (!recipe.dockerfile().isStdin()) {
                properties.put("file", fromWorkspace(recipe.dockerfile().path()));
            }
            BuildOutput.line(failed.output).ifPresent(line -> properties.put("line", line));
            properties.put("title", recipe.reference() + ": "
                    + failed.code.name().toLowerCase(Locale.ROOT).replace('_', ' '));
            command("error", properties, BuildOutput.verdict(failed.output).orElse(failed.getMessage()));
        }

        @Override
        void close() {
            endGroup();
        }

        private void beginGroup(String title) {
            if (!title.equals(group)) {
                endGroup();
                group = title;
                token = UUID.randomUUID().toString();
                command("group", Map.of(), title);
                command("stop-commands", Map.of(), token);
            }
        }

        private void endGroup() {
            if (!group.isEmpty()) {
                group = "";
                command(token, Map.of(), "");
                command("endgroup", Map.of(), "");
            }
        }

        /** Prints a command, escaped as actions/toolkit does it. */
        private void command(String name, Map<String, String> properties, String data) {
            StringBuilder line = new StringBuilder("::" + name);
            properties.forEach((key, value) -> line.append(line.indexOf(" ") < 0 ? " " : ",").append(key).append('=')
                    .append(escaped(value).replace(":", "%3A").replace(",", "%2C")));
            write(err(), List.of(line + "::" + escaped(data)));
        }

        private static String escaped(String text) {
            return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
        }

        /** What begins a command in the middle of a line, written so that JSON still means the same. */
        private static String harmless(String line) {
            return line.replace("##[", "##\\u005b");
        }

        private String fromWorkspace(Path file) {
            Path workspace = Path.of(environment.getOrDefault("GITHUB_WORKSPACE", "")).toAbsolutePath().normalize();
            Path whole = file.toAbsolutePath().normalize();
            return (whole.startsWith(workspace) ? workspace.relativize(whole) : whole).toString();
        }
    }

    // ----------------------------------------------------------------------------------- builders' output

    /** What can be read from the plain output of a build, on the way and at its end. */
    private static final class BuildOutput {
        /** BuildKit's, whose steps' own output has the time after the number; the legacy builder's; podman's. */
        private static final Pattern STEP = Pattern.compile(
                "#\\d+ (?<buildkit>\\[[^]]+] .+|exporting to \\w+)|(?:Step|STEP) (?<number>\\d+/\\d+) ?: (?<other>.+)");

        private static final String RULER = "-".repeat(20);
        private static final Pattern PLACE = Pattern.compile(".+:(\\d{1,9})");
        private static final Pattern LEGACY_VERDICT = Pattern.compile(".* returned a non-zero code: \\d+");
        private static final Pattern VERDICT = Pattern.compile(
                "(?:ERROR: )?(?:failed to build: )?(?:failed to solve: )?(.+)");

        private BuildOutput() {
        }

        /** The step that begins with a line, if one does: {@code [3/5] RUN make}. */
        static Optional<String> step(String line) {
            Matcher matcher = STEP.matcher(line);
            if (!matcher.matches()) {
                return Optional.empty();
            }
            return Optional.of(matcher.group("buildkit") != null ? matcher.group("buildkit")
                    : "[" + matcher.group("number") + "] " + matcher.group("other"));
        }

        /** Without what Docker Desktop adds, as {@link Verdict} reads it. */
        private static List<String> told(List<String> output) {
            return output.stream().filter(line -> !line.isBlank() && !line.startsWith("View build details: ")).toList();
        }

        /** What the builder says last of a build that failed: why. */
        static Optional<String> verdict(List<String> output) {
            return told(output).stream().reduce((before, last) -> last).map(VERDICT::matcher).filter(Matcher::matches)
                    .map(matcher -> ensure_image.Text.printable(matcher.group(1)));
        }

        /**
         * The line of the Dockerfile at which a build failed. BuildKit tells it at the end: {@code Dockerfile:3}, the
         * lines around it between two rulers, the verdict. What a step printed is prefixed there. The legacy builder
         * does not prefix; a step could make it print all of this, but not change how its verdict ends.
         */
        static Optional<String> line(List<String> output) {
            List<String> lines = told(output);
            int end = lines.size() - 2;
            if (end < 0 || !lines.get(end).equals(RULER) || LEGACY_VERDICT.matcher(lines.get(end + 1)).matches()) {
                return Optional.empty();
            }
            int begin = lines.subList(0, end).lastIndexOf(RULER);
            return Optional.of(begin).filter(ruler -> ruler > 0).map(ruler -> PLACE.matcher(lines.get(ruler - 1)))
                    .filter(Matcher::matches).map(matcher -> matcher.group(1));
        }
    }
}
