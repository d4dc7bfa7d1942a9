// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Lines that stay and, on a terminal, one below them that is drawn over. */
final class TestConsole {

    private static final String ERASE = "\r\033[K";
    private static final String NO_WRAP = "\033[?7l";
    private static final String WRAP = "\033[?7h";

    private final PrintStream out;
    private final boolean terminal;
    private String live = "";

    TestConsole(PrintStream out) {
        this.out = out;
        this.terminal = isTerminal() && !"dumb".equals(System.getenv("TERM"));
    }

    private static boolean isTerminal() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString().startsWith("/dev/pts/");
        } catch (IOException | UnsupportedOperationException e) {
            return false; // not Linux: plain lines
        }
    }

    synchronized void line(String text) {
        out.print(live.isEmpty() ? text + "\n" : ERASE + text + "\n");
        draw();
    }

    /** What goes on now; nothing, to leave the terminal clean. */
    synchronized void live(String text) {
        if (terminal) {
            if (!live.isEmpty()) {
                out.print(ERASE);
            }
            live = text;
            draw();
        }
    }

    private void draw() {
        if (!live.isEmpty()) {
            out.print(NO_WRAP + live + WRAP);
        }
        out.flush();
    }
}
