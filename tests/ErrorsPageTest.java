// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.KnownLine;
import ensureimage.engine.KnownLine.Meaning;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page for those who search for a message: what it says of a message is what the program makes of it. */
class ErrorsPageTest {

    private static final Map<String, Meaning> SECTIONS = Map.of("another build was faster", Meaning.CLAIMED,
            "disturbed by other builds", Meaning.TEMPORARY, "no engine", Meaning.NO_ENGINE,
            "a real failure", Meaning.FAILED);
    private static final Pattern OWN = Pattern.compile("(?m)^\\| `([^`]+)` \\| .+ \\| .+ \\|$");

    private final String page;

    ErrorsPageTest() throws IOException {
        page = Files.readString(Harness.projectFile("docs/errors.md"));
    }

    @Test
    void dockersMessagesMeanWhatTheirSectionSays() {
        SECTIONS.forEach((title, meaning) -> {
            List<String> lines = section("## Docker: " + title).lines().filter(line -> line.startsWith("    "))
                    .map(String::strip).toList();
            assertTrue(lines.size() > 1, title + ": " + lines);
            lines.forEach(line -> assertEquals(meaning, meaning(line), line));
        });
    }

    @Test
    void ourMessagesAreOnesThatTheProgramHas() throws IOException {
        StringBuilder words = new StringBuilder();
        try (Stream<Path> files = Files.walk(Harness.projectFile("src/ensureimage/report"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                words.append(Files.readString(file).replaceAll("\"\\s*\\+ \"", ""));
            }
        }
        List<String> messages = OWN.matcher(section("## ensure_image")).results().map(row -> row.group(1)).toList();
        assertTrue(messages.size() > 15, "rows are found: " + messages);
        messages.forEach(message -> assertTrue(words.indexOf(message) >= 0, "no message says: " + message));
    }

    private String section(String heading) {
        String after = page.split(Pattern.quote(heading + "\n"), -1)[1];
        return after.split("\n## ", 2)[0];
    }

    /** What the table of known lines makes of it; a line that is in none of its entries is a failure of the build's own. */
    private static Meaning meaning(String line) {
        return Arrays.stream(KnownLine.values()).filter(known -> known.matches(line)).map(KnownLine::meaning)
                .findFirst().orElse(Meaning.FAILED);
    }
}
