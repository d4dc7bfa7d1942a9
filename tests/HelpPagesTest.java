// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.ShownCommands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages show the help of each script as it is printed; {@code ShownCommandsTest} runs their commands. */
class HelpPagesTest {

    @ParameterizedTest
    @CsvSource({"ensure_image, --help-all, docs/cli.md", "race_repro, --help-all, docs/race-options.md",
        "with_docker, --help, docs/with_docker.md"})
    void thePageHasTheHelpOfTheScript(String script, String option, String page) throws IOException {
        String help = Harness.script(script, option).run().succeeded().out().stripTrailing().lines()
                .map(line -> line.isBlank() ? "" : "    " + line).collect(Collectors.joining("\n"));
        assertTrue((Files.readString(Harness.projectFile(page)) + "\n").contains("\n\n" + help + "\n\n"),
                "to be pasted into " + page + ":\n" + help);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ensure_image", "race_repro", "with_docker"})
    void theShortHelpIsOneScreen(String script) {
        List<String> lines = Harness.script(script, "--help").run().succeeded().out().lines().toList();
        assertTrue(lines.size() < 60, lines.size() + " lines");
        assertTrue(lines.stream().allMatch(line -> line.length() <= 80), lines.toString());
    }

    /** The short one has no option, and no example, that the long one has not. */
    @ParameterizedTest
    @ValueSource(strings = {"ensure_image", "race_repro"})
    void theShortHelpIsAPartOfTheLongOne(String script) {
        Set<String> options = options(script, "--help");
        Set<String> all = options(script, "--help-all");
        assertTrue(all.containsAll(options), options + " in " + all);
        assertTrue(options.size() >= 10 && options.size() < all.size(), options.toString());
    }

    /** What a newcomer looks for: what is here, and what would happen. */
    @Test
    void theShortHelpNamesWhatShowsAndBuildsNothing() {
        assertTrue(options("ensure_image", "--help").containsAll(Set.of("--init", "--list", "--dry-run", "--check",
                "--why")));
    }

    private static Set<String> options(String script, String help) {
        return Pattern.compile("(?m)^ +(?:-\\w, +)?(--[\\w-]+)").matcher(
                Harness.script(script, help).run().succeeded().out()).results().map(found -> found.group(1))
                .collect(Collectors.toSet());
    }

    @Test
    void aPageIsReadInOneSitting() throws IOException {
        for (Path page : ShownCommands.pages()) {
            long lines = Files.readAllLines(page).size();
            boolean printed = page.getFileName().toString().matches("race-\\d.*|RESULTS.md"); // by a program
            assertTrue(printed || lines <= 150, page + " has " + lines + " lines");
        }
    }

    @Test
    void everyRowOfATableHasTheCellsOfItsHeading() throws IOException {
        assertEquals(List.of("page:3"), brokenRows("page", "| a | b |\n| --- | --- |\n| 1 | 2\n\n| a \\| b |\n"),
                "control");
        List<String> broken = new ArrayList<>();
        for (Path page : ShownCommands.pages()) {
            broken.addAll(brokenRows(page.toString(), Files.readString(page)));
        }
        assertEquals(List.of(), broken);
    }

    /** As {@code PAGE:LINE}. */
    private static List<String> brokenRows(String page, String text) {
        List<String> broken = new ArrayList<>();
        List<String> lines = text.lines().toList();
        int heading = 0;
        for (int i = 0; i < lines.size(); i++) {
            int bars = lines.get(i).startsWith("|") ? lines.get(i).replaceAll("\\\\\\||[^|]", "").length() : 0;
            if (heading > 0 && bars > 0 && bars != heading) {
                broken.add(page + ":" + (i + 1));
            }
            heading = heading == 0 || bars == 0 ? bars : heading;
        }
        return broken;
    }
}
