// SPDX-License-Identifier: Apache-2.0
//SOURCES About.java
//SOURCES ActionsConsole.java
//SOURCES BakeWords.java
//SOURCES ChangeJson.java
//SOURCES ChangeWording.java
//SOURCES Completion.java
//SOURCES ComposeWords.java
//SOURCES Console.java
//SOURCES DockerWord.java
//SOURCES DockerWords.java
//SOURCES ExitCode.java
//SOURCES FileWording.java
//SOURCES FlawWording.java
//SOURCES Form.java
//SOURCES Habits.java
//SOURCES HelpPages.java
//SOURCES HelpText.java
//SOURCES IdResults.java
//SOURCES ImageCourse.java
//SOURCES InitText.java
//SOURCES InstallWording.java
//SOURCES JsonResults.java
//SOURCES ListResults.java
//SOURCES LiveConsole.java
//SOURCES Message.java
//SOURCES NameCompletion.java
//SOURCES Options.java
//SOURCES OurLine.java
//SOURCES PlanResults.java
//SOURCES Results.java
//SOURCES Selection.java
//SOURCES ShareWording.java
//SOURCES StackTrace.java
//SOURCES Style.java
//SOURCES Terminal.java
//SOURCES TextResults.java
//SOURCES UrlContext.java
//SOURCES UsageException.java
//SOURCES UsageWording.java
//SOURCES WhyResults.java
//SOURCES Wording.java
//SOURCES package-info.java
//SOURCES ../EnsureImage.java
//SOURCES ../install/Installation.java
//COMPILE_OPTIONS -XDstringConcat=inline -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC

package ensureimage.report;

import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.Notice;
import ensureimage.Outcome;
import ensureimage.engine.BuildOutput;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.io.PrintWriter;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Shows a run: the outcome of every image on stdout, all else on stderr.
 *
 * <p>What another program printed is data. It can neither pass for a line of ours, nor move the cursor, nor become a
 * command to GitHub Actions.
 */
public final class RunReport implements Listener, AutoCloseable {
    private static final String SCRIPT = "ensure_image";
    static final int MOST_LINES = 20; // of the output of a failed build
    /** Of what is said in a log of a build that takes long. */
    private static final Duration PERIOD = Duration.ofSeconds(30);

    private final Style style;
    private final Console console;
    private final Results results;
    private final Map<Reference, ImageCourse> courses = new LinkedHashMap<>(); // of the images without an outcome
    private final boolean isLegacyAsked;
    private boolean isBuilderTold;
    private boolean several;
    private ExitCode unfinished = ExitCode.BUG;

    private RunReport(Style style, Console console, Results results, boolean isLegacyAsked) {
        this.isLegacyAsked = isLegacyAsked;
        this.style = style;
        this.console = console;
        this.results = results;
    }

    /**
     * Opens a report.
     *
     * @param out for the outcomes
     * @param err for all else
     * @param terminal what the two can show
     * @param environment tells whether this is a CI run, and GitHub's, and which builder is asked for
     */
    public static RunReport open(Style style, PrintWriter out, PrintWriter err, Terminal terminal,
            Map<String, String> environment) {
        Results results = style.format() == Style.Format.JSON ? new JsonResults(style.view())
                : text(style, terminal);
        return new RunReport(style, console(style, out, err, terminal, environment), results,
                Wording.isLegacyAsked(environment));
    }

    private static Results text(Style style, Terminal terminal) {
        return switch (style.view()) {
            case LIST -> new ListResults(terminal, Clock.systemUTC());
            case WHY -> new WhyResults(terminal, Clock.systemUTC(), style.verbose());
            case PLAN -> new PlanResults(terminal);
            case OUTCOME -> style.quiet() ? new IdResults() : new TextResults(terminal);
        };
    }

    private static Console console(Style style, PrintWriter out, PrintWriter err, Terminal terminal,
            Map<String, String> environment) {
        if ("true".equals(environment.get("GITHUB_ACTIONS"))) {
            return new ActionsConsole(out, err, environment);
        }
        boolean inCi = !List.of("", "false").contains(environment.getOrDefault("CI", ""));
        return terminal.progress() && !inCi && !style.quiet() && !style.verbose()
                ? new LiveConsole(out, err, terminal.unicode() ? "\u2026" : "...")
                : new Console(out, err);
    }

    /** Tells what of a file is not done as it says. */
    public synchronized void remark(List<String> remarks) {
        if (!style.quiet()) {
            console.say(remarks);
        }
    }

    // ---- What happens

    @Override
    public synchronized void begin(List<ImageCollection.Member> members) {
        several = members.size() > 1;
        members.forEach(member -> courses.put(member.reference(), new ImageCourse(member)));
        results.begin(members).ifPresent(console::print);
        console.watch(this::paint, () -> remind(PERIOD));
    }

    @Override
    public synchronized void step(Recipe recipe, Step step) {
        course(recipe).ifPresent(course -> course.enter(step));
    }

    @Override
    public synchronized void output(Recipe recipe, String line) {
        course(recipe).ifPresent(course -> course.read(line));
        if (style.verbose()) {
            if (!isBuilderTold && BuildOutput.isLegacy(line)) {
                isBuilderTold = true;
                console.say(List.of(Wording.error(SCRIPT, Wording.legacyBuilder(isLegacyAsked))));
            }
            String whose = several ? recipe.reference().toString() : "";
            console.quote(several ? "build output" : title(recipe), List.of(whose + Wording.quote(line)));
        }
    }

    @Override
    public synchronized void transferred(Recipe recipe, long bytes, long whole) {
        course(recipe).ifPresent(course -> course.transfer(bytes, whole));
    }

    @Override
    public synchronized void notice(Recipe recipe, Notice notice) {
        course(recipe).ifPresent(course -> course.hear(notice));
        boolean detail = notice instanceof Notice.NotShared; // each time, and nothing is wrong
        if (!style.quiet() && (style.verbose() || !detail)) {
            console.say(List.of(Wording.event(recipe, Wording.notice(notice))));
        }
    }

    @Override
    public synchronized void done(ImageCollection.Member member) {
        course(member.recipe()).ifPresent(ImageCourse::stop);
        paint();
    }

    @Override
    public synchronized void ended(ImageCollection.Member member, Outcome outcome) {
        ImageCourse course = end(member);
        if (outcome instanceof NotEnsured failure) {
            fail(course, failure);
        } else {
            results.ended(course, outcome).ifPresent(console::print);
        }
    }

    private void fail(ImageCourse course, NotEnsured failure) {
        Recipe recipe = course.member.recipe();
        ExitCode code = ExitCode.forOutcome(failure);
        Message message = Wording.failure(failure);
        if (!(failure instanceof NotEnsured.NotTried)) { // what it is not tried for has been told
            List<String> output = failure instanceof NotEnsured.BuildFailed build ? build.output() : List.of();
            if (!style.verbose()) {
                console.quote(title(recipe), BuildOutput.excerpt(output, MOST_LINES).stream().map(Wording::quote)
                        .toList());
            }
            console.annotate(recipe, code, message, output);
            List<String> lines = new ArrayList<>(List.of(Wording.error(SCRIPT, message.text())));
            if (!message.hint().isEmpty()) {
                lines.add(message.hint());
            }
            if (style.verbose() && code != ExitCode.USAGE) {
                lines.addAll(StackTrace.of(failure));
            }
            console.say(lines);
        }
        results.failed(course, code, message, several).ifPresent(console::print);
    }

    /** The run ends early because it was interrupted. */
    public synchronized void interrupted() {
        unfinished = ExitCode.INTERRUPTED;
    }

    /** Also if the run ended early, there is an outcome of every image. */
    @Override
    public synchronized void close() {
        for (ImageCourse course : List.copyOf(courses.values())) {
            Message message = new Message("given up: " + course.member.reference() + ": the run ended early");
            results.failed(end(course.member), unfinished, message, several).ifPresent(console::print);
        }
        console.close();
    }

    private Optional<ImageCourse> course(Recipe recipe) {
        return Optional.ofNullable(courses.get(recipe.reference()));
    }

    private ImageCourse end(ImageCollection.Member member) {
        ImageCourse course = courses.remove(member.reference());
        paint();
        return course;
    }

    private static String title(Recipe recipe) {
        return recipe.reference() + ": build output";
    }

    /** Says of each image that takes long where it is, if it was not said for this long. */
    public synchronized void remind(Duration period) {
        if (!style.quiet() && !style.verbose()) {
            courses.values().forEach(course -> course.remind(period)
                    .ifPresent(line -> console.say(List.of(Wording.event(course.member.recipe(), line)))));
        }
    }

    private synchronized void paint() {
        List<ImageCourse> underWay = courses.values().stream().filter(ImageCourse::isUnderWay).toList();
        int width = underWay.stream().mapToInt(course -> course.member.reference().toString().length()).max()
                .orElse(0);
        console.status(underWay.stream().map(course -> course.row(width)).toList());
    }
}
