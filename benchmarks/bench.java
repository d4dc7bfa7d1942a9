///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Measures ensure_image against the alternatives, on a real engine
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Bench*.java
//SOURCES Nothing.java
//SOURCES ../tests/ComposePlugin.java
//SOURCES ../tests/Harness.java
//SOURCES ../tests/InstalledForm.java
//SOURCES ../*.java
//SOURCES ../src/**/*.java

import ensureimage.Version;
import ensureimage.engine.EngineException;
import ensureimage.report.ExitCode;
import ensureimage.report.Wording;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineUnavailable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * Measures what a user of ensure_image waits for, against the other ways to get there.
 *
 * <p>The rule it keeps: only right results are measured. The alternatives have their turns one after another in each
 * round, and after each turn the engine is asked whether it holds the right image; if not, the run fails.
 */
@Command(name = "bench", version = "bench " + Version.TEXT, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        description = {"", "Measures ensure_image against the alternatives, on throwaway engines.", ""},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {" 0:measured", " 2:bad usage", "10:a result was wrong", "69:no engine"})
final class bench implements Callable<Integer> {

    private static final int WRONG = 10;
    private static final List<String> ENGINES = List.of("26.1", "28.5");

    @Parameters(paramLabel = "CASE", arity = "0..*", converter = Named.class,
            description = "What to measure, see --list (default: all).")
    private List<Case> cases = List.of(Case.values());

    @Option(names = "--rounds", paramLabel = "R", description = "How often each way has its turn (default: 8; "
            + "with --small 1).")
    private Integer rounds;

    @Option(names = "--engine", paramLabel = "VERSION",
            description = "Docker version, 26.1 or 28.5; may be repeated (default: 28.5).")
    private List<String> engines = List.of("28.5");

    @Option(names = "--json", paramLabel = "FILE", description = "Also write all that was measured, as JSON.")
    private Path json;

    @Option(names = "--report", paramLabel = "FILE", description = "Also write a report, as Markdown.")
    private Path report;

    @Option(names = "--small", description = "In tiny sizes: shows that it works, measures nothing.")
    private boolean small;

    @Option(names = "--list", description = "List the cases.")
    private boolean list;

    @Spec
    private CommandSpec spec;

    private List<String> arguments = List.of();

    public static void main(String... arguments) {
        int status = execute(arguments);
        Harness.closeAll();
        System.exit(status);
    }

    static int execute(String... arguments) {
        bench script = new bench();
        script.arguments = List.of(arguments);
        return new CommandLine(script)
                .setParameterExceptionHandler((e, ignored) -> {
                    e.getCommandLine().getErr().println("bench: " + e.getMessage() + " (see --help)");
                    return CommandLine.ExitCode.USAGE;
                })
                .setExecutionExceptionHandler((e, line, ignored) -> script.report(e))
                .execute(arguments);
    }

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        if (list) {
            Arrays.stream(Case.values()).forEach(each -> out.printf("%-11s  %s%n", each, each.about));
            return 0;
        }
        if (rounds != null && rounds < 1) {
            throw new ParameterException(spec.commandLine(), "--rounds takes numbers from 1");
        }
        if (!ENGINES.containsAll(engines)) {
            throw new ParameterException(spec.commandLine(), "--engine is " + String.join(" or ", ENGINES));
        }
        int count = rounds != null ? rounds : small ? 1 : 8;
        List<BenchReport.Session> sessions = new ArrayList<>();
        for (String engine : engines) {
            sessions.add(session(engine, count, out));
        }
        out.print(BenchReport.LEGEND);
        out.flush();
        String command = "./jbangw benchmarks/bench.java " + String.join(" ", arguments);
        BenchReport results = new BenchReport(command.strip(), count, sessions);
        write(json, results::json);
        write(report, results::markdown);
        return 0;
    }

    private BenchReport.Session session(String engine, int count, PrintWriter out) throws Exception {
        PrintWriter err = spec.commandLine().getErr();
        try (BenchStage stage = BenchStage.open(engine, new with_docker.Console(err))) {
            Map<String, String> facts = stage.facts();
            out.println(BenchReport.facts(facts));
            out.flush();
            List<BenchScene.Results> results = new ArrayList<>();
            for (Case each : cases) {
                for (BenchScene scene : each.scenes(stage, small ? Size.SMALL : Size.FULL)) {
                    BenchScene.Results played = scene.play(count, line -> {
                        err.println(line);
                        err.flush();
                    });
                    results.add(played);
                    out.println(BenchReport.text(played));
                    out.flush();
                }
            }
            return new BenchReport.Session(facts, results);
        }
    }

    private interface Format {
        String text();
    }

    private static void write(Path file, Format format) throws IOException {
        if (file != null) {
            Files.writeString(file, format.text());
        }
    }

    private int report(Exception e) throws Exception {
        if (!(e instanceof BenchScene.Wrong || e instanceof EngineUnavailable || e instanceof EngineException)) {
            throw e;
        }
        String message = e instanceof EngineException engine ? Wording.engine(engine).text() : e.getMessage();
        spec.commandLine().getErr().println("bench: " + message);
        return e instanceof BenchScene.Wrong ? WRONG : ExitCode.NO_ENGINE.status();
    }

    // --------------------------------------------------------------------------------------------------- cases

    private interface Play {
        List<BenchScene> scenes(BenchStage stage, Size size) throws Exception;
    }

    /** What is measured. */
    enum Case {
        WARM("the image is there and current, one process",
                (stage, size) -> List.of(BenchWarm.scene(stage, 1))),
        WARM_16("the same, 16 processes at once",
                (stage, size) -> List.of(BenchWarm.scene(stage, size.crowd))),
        COLD("the image is missing; 1, 4, 8, 16 and 32 processes at once",
                (stage, size) -> size.crowds.stream().map(crowd -> BenchCold.scene(stage, crowd, size.step)).toList()),
        CONTEXT("the image is there and current; 20,000 files of 200 MB, and 2 GB that are ignored",
                (stage, size) -> BenchContext.scenes(stage, size.files, size.bytes, size.ignored)),
        COLLECTION("20 images in 4 levels: all current, one leaf changed, the root changed",
                (stage, size) -> BenchCollection.scenes(stage, size.levels)),
        SHARE("a second machine and a registry: pulled, edited, missed, present",
                (stage, size) -> BenchShare.scenes(stage, 2 * size.step, size.layer));

        final String about;
        private final Play play;

        Case(String about, Play play) {
            this.about = about;
            this.play = play;
        }

        /** Makes what is needed, and returns what can be played then. */
        List<BenchScene> scenes(BenchStage stage, Size size) throws Exception {
            return play.scenes(stage, size);
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** How large the cases are. */
    enum Size {
        FULL(16, List.of(1, 4, 8, 16, 32), 1, 20_000, 10_000, 2_000_000_000L, List.of(1, 3, 6, 10), 15_000_000),
        SMALL(2, List.of(2), 0.1, 40, 100, 20_000_000L, List.of(1, 1), 10_000);

        final int crowd;
        final List<Integer> crowds;
        final double step;
        final int files;
        final int bytes;
        final long ignored;
        final List<Integer> levels;
        final int layer;

        Size(int crowd, List<Integer> crowds, double step, int files, int bytes, long ignored, List<Integer> levels,
                int layer) {
            this.crowd = crowd;
            this.crowds = crowds;
            this.step = step;
            this.files = files;
            this.bytes = bytes;
            this.ignored = ignored;
            this.levels = levels;
            this.layer = layer;
        }
    }

    /** A case by its name as it is printed. */
    static final class Named implements ITypeConverter<Case> {
        @Override
        public Case convert(String name) {
            return Arrays.stream(Case.values()).filter(each -> each.toString().equals(name)).findFirst()
                    .orElseThrow(() -> new TypeConversionException("no case '" + name + "', only "
                            + Arrays.stream(Case.values()).map(Case::toString).collect(Collectors.joining(", "))));
        }
    }
}
