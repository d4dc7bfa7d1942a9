// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.report.Terminal;
import java.util.Locale;

/** Where a builder is. Each has its mark in the timeline, and an ANSI colour or 0. */
enum Phase {
    WAITING(' ', ' ', 0),
    LOOKING_UP('.', '\u00b7', 0),
    BUILDING('-', '\u2591', 34),
    EXPORTING('=', '\u2592', 33),
    NAMING('#', '\u2588', 35),
    RETRYING('~', '~', 36),
    /** The end: the caller is told that the image is there. */
    THERE('o', '\u2713', Terminal.GREEN),
    /** The same, although a build lost the race. */
    TOLERATED('t', '\u2248', Terminal.GREEN),
    /** The end: the caller is told that it failed. */
    FAILED('x', '\u2717', Terminal.RED);

    private final char ascii;
    private final char unicode;
    private final int colour;

    Phase(char ascii, char unicode, int colour) {
        this.ascii = ascii;
        this.unicode = unicode;
        this.colour = colour;
    }

    char mark(boolean inUnicode) {
        return inUnicode ? unicode : ascii;
    }

    String mark(Terminal terminal) {
        return terminal.paint(colour, String.valueOf(mark(terminal.unicode())));
    }

    boolean isEnd() {
        return compareTo(THERE) >= 0;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
