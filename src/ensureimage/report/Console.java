// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Recipe;
import java.io.PrintWriter;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;

/** Both streams, as they are to a file or a pipe. What belongs together is written at once. */
class Console {
    private static final int PERIOD = 1000; // ms

    private final Timer clock = new Timer("clock", true);
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
    void annotate(Recipe recipe, ExitCode code, Message message, List<String> output) {
    }

    /**
     * Takes what is to be called from time to time.
     *
     * @param painter has the status painted
     * @param reminder says what takes long, where no status can be painted
     */
    void watch(Runnable painter, Runnable reminder) {
        clock.schedule(new TimerTask() {
            @Override
            public void run() {
                reminder.run();
            }
        }, PERIOD, PERIOD);
    }

    /** Replaces the status: a line for each image that is under way. */
    void status(List<String> rows) {
    }

    void close() {
        clock.cancel();
    }

    void write(PrintWriter stream, List<String> lines) {
        if (!lines.isEmpty()) {
            paint(stream, String.join("\n", lines) + "\n");
        }
    }

    final Timer clock() {
        return clock;
    }

    final PrintWriter err() {
        return err;
    }

    static void paint(PrintWriter stream, String text) {
        stream.print(text);
        stream.flush();
    }
}
