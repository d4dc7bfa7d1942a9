// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Listener;
import ensureimage.Notice;
import ensureimage.engine.EngineException;
import ensureimage.recipe.Recipe;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/**
 * A builder that is a process: the main class of a JVM of its own.
 *
 * <p>It reads its {@link Job} from stdin, prints that it is ready, starts when a file appears, and prints what happens
 * as it happens: a letter, a space, and the rest of the line. So this class, unlike all others below the scripts, uses
 * the streams and the environment of its process.
 */
final class BuilderProcess implements Listener {
    static final char READY = 'r';
    static final char STEP = 's';
    static final char OUTPUT = 'o';
    /** A line of the output of a failed build; before {@link #FAILURE}. */
    static final char LAST_OUTPUT = 'l';
    /** With the handle of the image. */
    static final char SUCCESS = 't';
    /** The same. */
    static final char FAILURE = 'n';
    /** With the exit code, the message and the hint, tabs between them. */
    static final char NOT_PLAYED = 'f';

    private static final int PERIOD = 1; // ms
    private final PrintStream out;

    private BuilderProcess(PrintStream out) {
        this.out = out;
    }

    /** Plays one builder, as a process. */
    public static void main(String... none) throws IOException, InterruptedException {
        Job job = Job.read(new String(System.in.readAllBytes(), StandardCharsets.UTF_8));
        new BuilderProcess(new PrintStream(System.out, true, StandardCharsets.UTF_8)).play(job);
    }

    private void play(Job job) throws InterruptedException {
        try {
            Site site = Site.open(job.docker(), System.getenv(), job.folder());
            Recipe recipe = job.recipe();
            print(READY, "");
            while (!Files.exists(job.start())) {
                Thread.sleep(PERIOD);
            }
            Ending ending = job.procedure().play(site, recipe, job.builder(), this);
            ending.output().forEach(line -> print(LAST_OUTPUT, line));
            print(ending.success() ? SUCCESS : FAILURE, ending.handle());
        } catch (EngineException e) {
            print(NotPlayed.noEngine(e));
        } catch (NotPlayed e) {
            print(e);
        }
    }

    @Override
    public void step(Recipe recipe, Step step) {
        print(STEP, step.name());
    }

    @Override
    public void output(Recipe recipe, String line) {
        print(OUTPUT, line);
    }

    @Override
    public void notice(Recipe recipe, Notice notice) {
        if (notice instanceof Notice.Claimed claimed) {
            print(OUTPUT, claimed.line());
        }
    }

    private void print(NotPlayed failure) {
        print(NOT_PLAYED, String.join("\t", failure.code().name(), failure.message().text().replace('\t', ' '),
                failure.message().hint()));
    }

    private synchronized void print(char what, String rest) {
        out.println(what + " " + rest);
    }
}
