// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The pages show the help of each script as it is printed; {@code ShownCommandsTest} runs their commands. */
class HelpPagesTest {

    @ParameterizedTest
    @CsvSource({"ensure_image, docs/cli.md", "race_repro, docs/race_repro.md", "with_docker, docs/with_docker.md"})
    void thePageHasTheHelpOfTheScript(String script, String page) throws IOException {
        String help = Harness.script(script, "--help").run().succeeded().out().stripTrailing().lines()
                .map(line -> line.isBlank() ? "" : "    " + line).collect(Collectors.joining("\n"));
        assertTrue((Files.readString(Harness.projectFile(page)) + "\n").contains("\n\n" + help + "\n\n"),
                "to be pasted into " + page + ":\n" + help);
    }
}
