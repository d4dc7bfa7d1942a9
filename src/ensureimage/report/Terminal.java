// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What this process's output streams can show.
 *
 * @param colours whether stdout may have colours
 * @param unicode whether they can show more than ASCII
 * @param progress whether stderr can be drawn over
 */
public record Terminal(boolean colours, boolean unicode, boolean progress) {
    /** SGR numbers of colours. */
    public static final int RED = 31;
    /** For what is well. */
    public static final int GREEN = 32;
    /** For what is not current. */
    public static final int YELLOW = 33;

    private static final int STDOUT = 1;
    private static final int STDERR = 2;

    /** What the streams of this process are. @param environment with {@code TERM} and {@code NO_COLOR} */
    public static Terminal detect(Map<String, String> environment) {
        boolean dumb = "dumb".equals(environment.get("TERM"));
        return new Terminal(!dumb && environment.getOrDefault("NO_COLOR", "").isEmpty() && isTerminal(STDOUT),
                Charset.forName(System.getProperty("native.encoding", "US-ASCII")).newEncoder().canEncode('\u2588'),
                !dumb && isTerminal(STDERR));
    }

    /** Whether stderr is a person's terminal, and none that is kept as a log. @param environment with {@code CI} */
    public static boolean isUsers(Map<String, String> environment) {
        return List.of("", "false").contains(environment.getOrDefault("CI", "")) && isTerminal(STDERR);
    }

    private static boolean isTerminal(int stream) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + stream)).toString()
                    .matches("/dev/(?:pts/|tty|console).*");
        } catch (IOException e) {
            return isTerminalByProgram(stream); // not Linux
        }
    }

    /** The same from the one program that every Unix has for it; takes some milliseconds. */
    public static boolean isTerminalByProgram(int stream) {
        try {
            return new ProcessBuilder("test", "-t", Integer.toString(stream)).inheritIO().start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Text for stdout in a colour, an SGR number; 0 is none. */
    public String paint(int colour, String text) {
        return colours && colour > 0 ? "\u001b[" + colour + "m" + text + "\u001b[0m" : text;
    }
}
