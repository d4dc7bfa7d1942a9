import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the README shows was printed by the program; {@code ShownCommandsTest} runs its commands. */
class ReadmeTest {

    @ParameterizedTest
    @ValueSource(strings = {"ensure_image", "race_repro", "with_docker"})
    void theReadmeHasTheHelpOfEachScript(String script) throws IOException {
        String readme = Files.readString(Harness.projectFile("README.md"));
        String help = Harness.script(script, "--help").run().succeeded().out().stripTrailing().lines()
                .map(line -> line.isBlank() ? "" : "    " + line).collect(Collectors.joining("\n"));
        assertTrue(readme.contains("\n\n" + help + "\n\n"), "to be pasted into README.md:\n" + help);
    }
}
