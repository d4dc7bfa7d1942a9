// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a terminal, wide enough for every line, shows after some output. */
public final class Screen {
    private static final Pattern PAINTED = Pattern.compile("\033\\[\\?7l(.*?)\033\\[\\?7h");
    private static final Pattern TOKEN = Pattern.compile("\033\\[(\\??[0-9;]*)([A-Za-z])|(?s:.)");

    private final List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
    private int row;
    private int column;

    private Screen() {
    }

    /** Its lines; the cursor is below all of them. */
    public static List<String> after(String output) {
        Screen screen = new Screen();
        Matcher token = TOKEN.matcher(output);
        while (token.find()) {
            if (token.group(2) == null) {
                screen.type(token.group().charAt(0));
            } else {
                screen.obey(token.group(2), token.group(1));
            }
        }
        if (screen.row != screen.lines.size() - 1 || screen.column != 0) {
            throw new AssertionError("the cursor is not below everything: " + screen.row + ", " + screen.column);
        }
        return screen.lines.subList(0, screen.row).stream().map(StringBuilder::toString).toList();
    }

    /** The lines that were painted to be replaced: all of the status that ever was. */
    public static List<String> painted(String output) {
        return PAINTED.matcher(output).results().map(painted -> painted.group(1)).toList();
    }

    private void obey(String command, String parameter) {
        switch (command) {
            case "A" -> row = Math.max(0, row - Integer.parseInt(parameter));
            case "J" -> {
                lines.subList(row + 1, lines.size()).clear();
                lines.get(row).setLength(Math.min(column, lines.get(row).length()));
            }
            case "K" -> {
                if (!parameter.equals("2")) {
                    throw new AssertionError("not the whole line is erased: " + parameter);
                }
                lines.get(row).setLength(0);
            }
            case "m", "h", "l" -> {}
            default -> throw new AssertionError("unexpected: ESC [ " + parameter + command);
        }
    }

    private void type(char c) {
        switch (c) {
            case '\r' -> column = 0;
            case '\n' -> {
                column = 0;
                if (++row == lines.size()) {
                    lines.add(new StringBuilder());
                }
            }
            default -> {
                StringBuilder line = lines.get(row);
                line.append(" ".repeat(Math.max(0, column - line.length())));
                line.replace(column, column + 1, String.valueOf(c));
                column++;
            }
        }
    }
}
