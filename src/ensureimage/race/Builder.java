import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;

/**
 * One builder of a round: a thread of race_repro, or a JVM of its own, as the processes of a test suite are.
 *
 * <p>That JVM reads its job on stdin, says that it is ready, starts when a file appears, and prints what happens to it
 * as it happens: a letter, a space, and the rest of the line.
 */
final class RaceBuilder {

    private RaceBuilder() {
    }

    static race_repro.Ended inThread(race_repro.Procedure procedure, race_repro.Site site, Recipe recipe, int builder,
            RaceTrack track, race_repro.Start start) throws ensure_image.Failed, InterruptedException {
        start.await();
        return procedure.run(site, recipe, builder, track);
    }

    static race_repro.Ended inProcess(race_repro.Procedure procedure, race_repro.Site site, Recipe recipe, int builder,
            RaceTrack track, race_repro.Start start) throws ensure_image.Failed, InterruptedException {
        Job job = new Job(procedure, site.command(), site.folder(), start.file, builder,
                recipe.reference().toString(), recipe.context(), recipe.options().arguments(),
                recipe.options().passThrough());
        List<String> line = List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-classpath", System.getProperty("java.class.path"),
                RaceBuilder.class.getName());
        Listener listener = new Listener(recipe, track, start);
        try {
            var finished = new Processes.Command(line, site.docker().environment(), job.text())
                    .run(race_repro.Site.LIMIT.multipliedBy(2), listener::read);
            return listener.ended().orElseThrow(() -> new ensure_image.Failed(ensure_image.ExitCode.BUG,
                    "a builder's process ended with status " + finished.status(), "", finished.err()));
        } catch (IOException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.BUG, "a builder's process: " + e.getMessage(), "");
        } catch (TimeoutException e) {
            throw new ensure_image.Failed(ensure_image.ExitCode.TIMED_OUT, "a builder's process did not end", "");
        }
    }

    // ---- in race_repro's JVM

    /** Reads what a builder's JVM prints. */
    private static final class Listener {
        private final Recipe recipe;
        private final RaceTrack track;
        private final race_repro.Start start;
        private final List<String> output = new ArrayList<>();
        private race_repro.Ended ended;
        private ensure_image.Failed failed;

        Listener(Recipe recipe, RaceTrack track, race_repro.Start start) {
            this.recipe = recipe;
            this.track = track;
            this.start = start;
        }

        /** A line of stdout; on stderr there is only a JVM's own last words. */
        synchronized void read(String line) {
            String rest = line.length() < 2 ? "" : line.substring(2);
            switch (line.isEmpty() ? ' ' : line.charAt(0)) {
                case Events.READY -> start.ready.countDown();
                case Events.STEP -> track.step(recipe, ensure_image.Step.valueOf(rest));
                case Events.BUILD_OUTPUT -> track.output(recipe, rest);
                case Events.LAST_OUTPUT -> output.add(rest);
                case Events.THERE -> ended = new race_repro.Ended(true, List.copyOf(output), rest);
                case Events.NOT_THERE -> ended = new race_repro.Ended(false, List.copyOf(output), rest);
                case Events.FAILED -> failed = new ensure_image.Failed(
                        ensure_image.ExitCode.valueOf(rest.split(" ")[0]), rest.substring(rest.indexOf(' ') + 1), "");
                default -> {}
            }
        }

        synchronized Optional<race_repro.Ended> ended() throws ensure_image.Failed {
            if (failed != null) {
                throw failed;
            }
            return Optional.ofNullable(ended);
        }
    }

    // ---- in the builder's JVM

    public static void main(String... none) throws IOException, InterruptedException {
        Job job = Job.read(new String(System.in.readAllBytes(), StandardCharsets.UTF_8));
        Events events = new Events(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        try {
            race_repro.Site site = new race_repro.Site(new Docker(job.docker, System.getenv()),
                    job.docker, job.folder);
            Recipe recipe = Recipe.of(job.reference, job.context,
                    new Recipe.Options(job.arguments, Set.of(), null, null, job.passThrough));
            events.print(Events.READY, "");
            while (!Files.exists(job.start)) {
                Thread.sleep(1);
            }
            race_repro.Ended ended = job.procedure.run(site, recipe, job.builder, new ensure_image.Events() {
                @Override
                public void step(Recipe of, ensure_image.Step step) {
                    events.print(Events.STEP, step.name());
                }

                @Override
                public void tell(Recipe of, String message) {
                    // Steps and output say it all.
                }

                @Override
                public void output(Recipe of, String line) {
                    events.print(Events.BUILD_OUTPUT, line);
                }
            });
            ended.output().forEach(line -> events.print(Events.LAST_OUTPUT, line));
            events.print(ended.success() ? Events.THERE : Events.NOT_THERE, ended.handle());
        } catch (ensure_image.Failed failed) {
            events.print(Events.FAILED, failed.code.name() + " " + failed.getMessage());
        }
    }

    /** What a builder's JVM prints. */
    private record Events(PrintStream out) {
        static final char READY = 'r';
        static final char STEP = 's';
        static final char BUILD_OUTPUT = 'o';
        static final char LAST_OUTPUT = 'l';
        static final char THERE = 't';
        static final char NOT_THERE = 'n';
        static final char FAILED = 'f';

        synchronized void print(char what, String rest) {
            out.println(what + " " + rest);
        }
    }

    /** What a builder's JVM is to do. */
    private record Job(race_repro.Procedure procedure, String docker, Path folder, Path start, int builder,
            String reference, Path context, Map<String, String> arguments, List<String> passThrough) {
        private static final String ARGUMENT = "argument.";

        byte[] text() {
            Properties properties = new Properties();
            properties.setProperty("procedure", procedure.name());
            properties.setProperty("docker", docker);
            properties.setProperty("folder", folder.toString());
            properties.setProperty("start", start.toString());
            properties.setProperty("builder", Integer.toString(builder));
            properties.setProperty("reference", reference);
            properties.setProperty("context", context.toString());
            properties.setProperty("passThrough", String.join("\n", passThrough));
            arguments.forEach((name, value) -> properties.setProperty(ARGUMENT + name, value));
            try {
                StringWriter text = new StringWriter();
                properties.store(text, null);
                return text.toString().getBytes(StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e); // a StringWriter throws none
            }
        }

        static Job read(String text) throws IOException {
            Properties properties = new Properties();
            properties.load(new StringReader(text));
            Map<String, String> arguments = new TreeMap<>();
            properties.stringPropertyNames().stream().filter(name -> name.startsWith(ARGUMENT))
                    .forEach(name -> arguments.put(name.substring(ARGUMENT.length()), properties.getProperty(name)));
            return new Job(race_repro.Procedure.valueOf(properties.getProperty("procedure")),
                    properties.getProperty("docker"), Path.of(properties.getProperty("folder")),
                    Path.of(properties.getProperty("start")), Integer.parseInt(properties.getProperty("builder")),
                    properties.getProperty("reference"), Path.of(properties.getProperty("context")), arguments,
                    List.of(properties.getProperty("passThrough").split("\n")));
        }
    }
}
