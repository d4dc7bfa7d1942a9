// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.report.Options;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command lines that do without picocli mean what they would mean with it. */
class CommandLineTest {

    @ParameterizedTest
    @ValueSource(strings = {"app", "app:1=dir b c=.", "-q app", "app --quiet", "--all", "--all -q", "--if-missing a b",
        "--single-flight app -q", "--check app", "-q --all --check", "--all --single-flight --if-missing --quiet"})
    void aLineTakenAsItIsMeansWhatPicocliMakesOfIt(String line) throws Exception {
        Options taken = new Options();
        assertTrue(taken.take(List.of(line.split(" "))));
        Options parsed = new Options();
        new CommandLine(parsed).parseArgs(line.split(" "));
        assertEquals(values(parsed), values(taken));
        assertEquals(line.equals("app"), values(parsed).equals(values(parsed("app"))),
                "control: each means another thing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-q -q app", "--quiet --quiet", "-q --quiet app", "@file", "app @file", "-x",
        "--check --if-missing app",
        "-qa",
        "app -j 2",
        "--quiet=true app", "-"})
    void everythingElseIsPicoclis(String line) throws Exception {
        Options options = new Options();
        assertFalse(options.take(List.of(line.split(" "))));
        assertEquals(values(new Options()), values(options), "and nothing of it was taken");
    }

    @Test
    void anEmptyArgumentIsPicoclis() {
        assertFalse(new Options().take(List.of("app", "")));
    }

    @Test
    void noReferenceMeansNone() throws Exception {
        Options options = new Options();
        assertTrue(options.take(List.of()));
        assertEquals(values(new Options()), values(options));
        assertNotEquals(values(parsed("app")), values(options), "control");
    }

    private static Options parsed(String... line) {
        Options options = new Options();
        new CommandLine(options).parseArgs(line);
        return options;
    }

    /** Every option's value, those of the groups too. */
    private static Map<String, String> values(Object object) throws Exception {
        Map<String, String> values = new TreeMap<>();
        for (Field field : object.getClass().getDeclaredFields()) {
            field.setAccessible(true);
            Object value = field.get(object);
            if (Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            if (value != null && value.getClass().getName().startsWith(Options.class.getName() + "$")) {
                values(value).forEach((name, each) -> values.put(field.getName() + "." + name, each));
            } else {
                values.put(field.getName(), String.valueOf(value));
            }
        }
        return values;
    }
}
