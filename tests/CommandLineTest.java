import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
        "--single-flight app -q", "--all --single-flight --if-missing --quiet"})
    void aLineTakenAsItIsMeansWhatPicocliMakesOfIt(String line) throws Exception {
        ensure_image taken = new ensure_image();
        assertTrue(taken.takesAsIs(List.of(line.split(" "))));
        ensure_image parsed = new ensure_image();
        new CommandLine(parsed).parseArgs(line.split(" "));
        assertEquals(values(parsed), values(taken));
        assertEquals(line.equals("app"), values(parsed).equals(values(parsed("app"))),
                "control: each means another thing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-q -q app", "--quiet --quiet", "-q --quiet app", "@file", "app @file", "-x", "--check app",
        "-a", "-qa",
        "app -j 2",
        "--quiet=true app", "-"})
    void everythingElseIsPicoclis(String line) throws Exception {
        ensure_image script = new ensure_image();
        assertFalse(script.takesAsIs(List.of(line.split(" "))));
        assertEquals(values(new ensure_image()), values(script), "and nothing of it was taken");
    }

    @Test
    void anEmptyArgumentIsPicoclis() {
        assertFalse(new ensure_image().takesAsIs(List.of("app", "")));
    }

    @Test
    void noReferenceMeansNone() throws Exception {
        ensure_image script = new ensure_image();
        assertTrue(script.takesAsIs(List.of()));
        assertEquals(values(new ensure_image()), values(script));
        assertNotEquals(values(parsed("app")), values(script), "control");
    }

    private static ensure_image parsed(String... line) {
        ensure_image script = new ensure_image();
        new CommandLine(script).parseArgs(line);
        return script;
    }

    /** Every option's value, those of the groups too. */
    private static Map<String, String> values(Object object) throws Exception {
        Map<String, String> values = new TreeMap<>();
        for (Field field : object.getClass().getDeclaredFields()) {
            field.setAccessible(true);
            Object value = field.get(object);
            if (Modifier.isStatic(field.getModifiers()) || field.getName().equals("spec")) {
                continue;
            }
            if (value != null && value.getClass().getName().startsWith("ensure_image$")) {
                values(value).forEach((name, each) -> values.put(field.getName() + "." + name, each));
            } else {
                values.put(field.getName(), String.valueOf(value));
            }
        }
        return values;
    }
}
