// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.TimerTask;

/** A terminal, with the status below the lines that stay. */
final class LiveConsole extends Console {
    private static final int MOST_ROWS = 10;
    private static final int PERIOD = 200; // ms
    private static final String ERASE_LINE = "\u001b[2K";
    private static final String ERASE_BELOW = "\u001b[J";
    private static final String CUT_LONG_LINES = "\u001b[?7l";
    private static final String WRAP_LONG_LINES = "\u001b[?7h";

    private final String ellipsis;
    private List<String> painted = List.of();
    private boolean closed;

    LiveConsole(PrintWriter out, PrintWriter err, String ellipsis) {
        super(out, err);
        this.ellipsis = ellipsis;
    }

    /** The first time after a while: what takes no time needs no status. */
    @Override
    void watch(Runnable painter, Runnable reminder) {
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "clean terminal")); // on Ctrl-C
        clock().schedule(new TimerTask() {
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
        clock().cancel();
        clear();
        closed = true;
    }
}
