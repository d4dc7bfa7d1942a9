import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the README shows was printed by the program, and every command in it works. */
class ReadmeTest {

    /** A paragraph of indented lines that begins with a command. */
    private static final Pattern BLOCK =
            Pattern.compile("(?m)^\\n((?: {4}(?:\\./jbangw|IMAGE=|java|\\$) .*\\n(?: {4}.*\\n)*))");
    private static final Pattern EXAMPLE =
            Pattern.compile("(?m)^ {6}((?:IMAGE=\\$\\(|source <\\()?(?:ensure_image|race_repro) .*)$");
    private static final Pattern COMMENT = Pattern.compile("(?: {2,}[^ ].*| {2,}# .*)$");
    private static final Pattern ID = Pattern.compile("sha256:[0-9a-f]{64}");
    private static final String RACES = "RaceReproTest plays its strategies and scenarios";

    /** Commands that are run elsewhere, and where. */
    private static final Map<String, String> ELSEWHERE = Map.ofEntries(
            Map.entry("./jbangw tests/all.java", "this run"),
            Map.entry("./jbangw race_repro.java", "WorkflowsTest runs it, and RaceReproTest"),
            Map.entry("race_repro", RACES), Map.entry("race_repro --all -r 5", RACES),
            Map.entry("race_repro --scenario shared-tag", RACES),
            Map.entry("race_repro --until-race --strategy naive --scenario same", RACES),
            Map.entry("race_repro --engine throwaway:28.5", RACES),
            Map.entry("race_repro --report race.html --report race.json", RACES));

    private final String readme;
    private final Path folder = Harness.newFolder();
    private final Workbench bench = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", folder);

    ReadmeTest() throws IOException {
        readme = Files.readString(Harness.projectFile("README.md"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ensure_image", "race_repro", "with_docker"})
    void theReadmeHasTheHelpOfEachScript(String script) {
        String help = Harness.script(script, "--help").run().succeeded().out().stripTrailing().lines()
                .map(line -> line.isBlank() ? "" : "    " + line).collect(Collectors.joining("\n"));
        assertTrue(readme.contains("\n\n" + help + "\n\n"), "to be pasted into README.md:\n" + help);
    }

    @Test
    void everyCommandWorks() throws IOException {
        checkout();
        List<String> commands = new ArrayList<>();
        BLOCK.matcher(readme).results().map(result -> result.group(1).indent(-4).strip()).forEach(commands::add);
        EXAMPLE.matcher(readme).results().map(result -> result.group(1)).forEach(commands::add);
        assertTrue(commands.size() > 15, "they are found: " + commands);
        TreeSet<String> elsewhere = new TreeSet<>(ELSEWHERE.keySet());
        for (String command : commands) {
            String first = COMMENT.matcher(command.lines().findFirst().orElseThrow()).replaceAll("");
            if (command.startsWith("$ ")) {
                isPrinted(command);
            } else if (!elsewhere.remove(first)) {
                String script = command.contains("\n") ? command : first;
                run(script).succeeded();
            }
        }
        assertEquals(List.of(), List.copyOf(elsewhere), "commands that the README has no more");
    }

    /** Like a fresh clone, with images of its own; its suite is a program called cargo. */
    private void checkout() throws IOException {
        try (DirectoryStream<Path> scripts = Files.newDirectoryStream(Harness.root(), "{*.java,jbangw}")) {
            for (Path script : scripts) {
                Files.copy(script, folder.resolve(script.getFileName()));
            }
        }
        try (Stream<Path> sources = Files.walk(Harness.root().resolve("src"))) {
            for (Path source : sources.filter(Files::isRegularFile).toList()) {
                bench.write(Harness.root().relativize(source).toString(), Files.readString(source));
            }
        }
        for (String file : List.of("Dockerfile", "by-hand")) {
            bench.write("images/race-demo/" + file, Files.readString(Harness.projectFile("images/race-demo/" + file)));
        }
        for (String name : List.of("docker/test/Dockerfile", "test.Dockerfile", "images/base/Dockerfile",
                "images/app-test/Dockerfile", "images/app-test/1/Dockerfile")) {
            bench.write(name, "FROM busybox\nRUN echo " + name + " > /name\n");
        }
        bench.write("images/app-test/ubuntu-24.04/Dockerfile", "FROM base\nCOPY src /src\n");
        bench.write("images/app-test/ubuntu-24.04/src/old.conf", "");
        Harness.program(folder.resolve("bin/cargo"), "[ \"$*\" = test ]\n");
        Harness.program(folder.resolve("bin/ensure_image"), "exec ./jbangw ensure_image.java \"$@\"\n");
        Harness.program(folder.resolve("bin/race_repro"), "exec ./jbangw race_repro.java \"$@\"\n");
    }

    private Harness.Result run(String script) {
        return bench.command("bash", "-euc", "PATH=$PWD/bin:$PATH\n" + script).run();
    }

    /** A command with its output, which is about a collection of two of which one got a file more. */
    private void isPrinted(String transcript) throws IOException {
        String[] parts = transcript.split("\n", 2);
        run("ensure_image app-test:ubuntu-24.04").succeeded();
        bench.write("images/app-test/ubuntu-24.04/src/new.conf", "");
        run("mkdir -p aside; mv images/app-test/Dockerfile images/app-test/1 images/race-demo aside").succeeded();
        String printed = run(parts[0].substring(2)).expect(11).out();
        run("mv aside/race-demo images; mv aside/* images/app-test").succeeded();
        assertEquals(withoutIds(parts[1]), withoutIds(printed));
    }

    private static List<String> withoutIds(String text) {
        return text.strip().lines().map(line -> ID.matcher(line).replaceAll("ID")).toList();
    }
}
