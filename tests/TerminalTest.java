// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;

import ensureimage.report.Terminal;
import ensureimage.testing.Harness;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What output streams can show: of processes on a terminal, on a pipe, and on one of each. */
class TerminalTest {

    /** A process that tells what it finds of itself. */
    static final class Probe {
        public static void main(String... arguments) {
            Terminal terminal = Terminal.detect(System.getenv());
            System.out.println("colours " + terminal.colours() + ", progress " + terminal.progress() + "; "
                    + Terminal.isTerminalByProgram(1) + " " + Terminal.isTerminalByProgram(2));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "TERM=xterm            | ''          | colours true, progress true; true true",
        "TERM=xterm NO_COLOR=  | ''          | colours true, progress true; true true",
        "TERM=xterm NO_COLOR=1 | ''          | colours false, progress true; true true",
        "TERM=dumb             | ''          | colours false, progress false; true true",
        "TERM=xterm            | '| cat'     | colours false, progress true; false true",
        "TERM=xterm            | 2>/dev/null | colours true, progress false; true false"})
    void eachStreamIsJudgedByItself(String environment, String redirection, String found) {
        String probe = Harness.script("TerminalTest$Probe").line().stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" "));
        Harness.Result run = Harness.command("script", "--quiet", "--return", "--command",
                "env " + environment + " " + probe + " " + redirection, "/dev/null")
                .without("NO_COLOR").run().succeeded();
        assertEquals(found, run.out().strip());
    }

    @Test
    void aPipeIsNoTerminal() {
        assertEquals("colours false, progress false; false false",
                Harness.script("TerminalTest$Probe").env("TERM", "xterm").run().succeeded().out().strip());
    }
}
