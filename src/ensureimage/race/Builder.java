// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Listener;
import ensureimage.engine.EngineException;
import ensureimage.engine.Processes;
import ensureimage.recipe.Recipe;
import ensureimage.report.ExitCode;
import ensureimage.report.Message;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * One builder of a round: a thread of this JVM or, as in a test suite, a process of its own ({@link BuilderProcess}).
 *
 * @param number from 1
 * @param start what it waits for
 */
record Builder(Procedure procedure, Site site, Recipe recipe, int number, Track track, StartSignal start) {

    /** @throws NotPlayed if there was no experiment, because the engine is away, for example */
    Ending playInThread() throws NotPlayed, InterruptedException {
        start.await();
        try {
            return procedure.play(site, recipe, number, track);
        } catch (EngineException e) {
            throw NotPlayed.noEngine(e);
        }
    }

    /** The same in another JVM. @param jvm the command that starts it, with these classes, without the class to run */
    Ending playInProcess(List<String> jvm) throws NotPlayed, InterruptedException {
        List<String> line = new ArrayList<>(jvm);
        line.add(BuilderProcess.class.getName());
        Reader reader = new Reader();
        try {
            Processes.Finished finished = new Processes.Command(line, site.docker().environment(),
                    Job.describe(this).text()).run(Site.LIMIT.multipliedBy(2), reader::read);
            return reader.ending().orElseThrow(() -> new NotPlayed(ExitCode.BUG, new Message(
                    "a builder's process ended with status " + finished.status()), finished.err()));
        } catch (IOException e) {
            throw NotPlayed.broken("a builder's process: " + e.getMessage());
        } catch (TimeoutException e) {
            throw new NotPlayed(ExitCode.TIMED_OUT, new Message("a builder's process did not end"), List.of());
        }
    }

    /** Reads what that JVM prints; on stderr there are only a JVM's own last words. */
    private final class Reader {
        private final List<String> output = new ArrayList<>();
        private Optional<Ending> ending = Optional.empty();
        private Optional<NotPlayed> failure = Optional.empty();

        synchronized void read(String line) {
            String rest = line.length() < 2 ? "" : line.substring(2);
            switch (line.isEmpty() ? ' ' : line.charAt(0)) {
                case BuilderProcess.READY -> start.countReady();
                case BuilderProcess.STEP -> track.step(recipe, Listener.Step.valueOf(rest));
                case BuilderProcess.OUTPUT -> track.output(recipe, rest);
                case BuilderProcess.LAST_OUTPUT -> output.add(rest);
                case BuilderProcess.SUCCESS -> ending = Optional.of(new Ending(true, output, rest));
                case BuilderProcess.FAILURE -> ending = Optional.of(new Ending(false, output, rest));
                case BuilderProcess.NOT_PLAYED -> failure = Optional.of(parse(rest));
                default -> {
                }
            }
        }

        private static NotPlayed parse(String text) {
            String[] parts = text.split("\t", 3);
            return new NotPlayed(ExitCode.valueOf(parts[0]), new Message(parts[1], parts[2]), List.of());
        }

        synchronized Optional<Ending> ending() throws NotPlayed {
            if (failure.isPresent()) {
                throw failure.get();
            }
            return ending;
        }
    }
}
