// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.io.PrintWriter;
import java.util.function.Supplier;

/** Progress as text: lines that stay and, on a terminal, one below them that is drawn over. */
public final class LiveProgress implements Progress, AutoCloseable {
    private static final String ERASE = "\r\u001b[K";
    private static final int PERIOD = 200; // ms
    private static final int WIDTH = 79;
    private final PrintWriter err;
    private final boolean live;
    private final Thread ticker = new Thread(this::tick, "progress");
    private String status = "";
    private Supplier<String> state = () -> "";

    /** @param live whether a line can be drawn over */
    public LiveProgress(PrintWriter err, boolean live) {
        this.err = err;
        this.live = live;
        ticker.setDaemon(true);
        ticker.start();
    }

    @Override
    public synchronized void show(String what, Supplier<String> newState) {
        status = what;
        state = newState;
        draw();
    }

    @Override
    public void step(String what) {
        show(what, () -> "");
        if (!live) {
            notice(what);
        }
    }

    @Override
    public synchronized void notice(String what) {
        err.println((live ? ERASE : "") + what);
        err.flush();
    }

    @Override
    public void done() {
        show("", () -> "");
    }

    private synchronized void draw() {
        if (live) {
            String line = status + state.get();
            err.print(ERASE + line.substring(0, Math.min(WIDTH, line.length())));
            err.flush();
        }
    }

    private void tick() {
        try {
            while (true) {
                Thread.sleep(PERIOD);
                draw();
            }
        } catch (InterruptedException e) {
            // the run is over
        }
    }

    @Override
    public void close() {
        ticker.interrupt();
        done();
    }
}
