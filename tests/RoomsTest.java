// SPDX-License-Identifier: Apache-2.0
//SOURCES JavaText.java
//SOURCES Rooms.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.report.Options;
import ensureimage.testing.Harness;
import ensureimage.testing.Rooms;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The house stays as CONTRIBUTING draws it: no arrow back up, short files, and no room below that talks to people. */
class RoomsTest {

    private static final Pattern ARROW = Pattern.compile("(?m)^ *(\\w+) --> (.*)$");
    /** Those that docker has, too: the engine's room names them for docker. */
    private static final Set<String> DOCKERS = Set.of("--file", "--build-arg", "--target", "--platform", "--quiet",
            "--format", "--help", "--version", "--force", "--all", "--check", "--profile", "--init");

    /** The name of a test class of ours: not those of JUnit, nor those that RunnerTest asks for in vain. */
    private static final Pattern TEST =
            Pattern.compile("\\b(?!ParameterizedTest|NoSuchTest|NoneTest|DynamicTest)[A-Z]\\w+Test\\b");

    private static Set<String> options() {
        return new CommandLine(new Options()).getCommandSpec().options().stream()
                .flatMap(option -> Arrays.stream(option.names()))
                .filter(name -> name.startsWith("--") && !DOCKERS.contains(name)).collect(Collectors.toSet());
    }

    // ---- This house

    private final Rooms rooms = new Rooms(Harness.root(), options());

    @Test
    void noRoomNamesOneThatItMayNotName() {
        assertEquals(List.of(), rooms.arrows());
    }

    @Test
    void eachFrontListsItsRoomAndTheFrontsBelow() {
        assertEquals(List.of(), rooms.lists());
    }

    @Test
    void everyFileIsReadInOneSitting() {
        assertEquals(List.of(), rooms.sizes());
    }

    @Test
    void noRoomBelowTheCommandLineTalksToPeopleOrAsksTheProcess() {
        assertTrue(options().containsAll(Set.of("--single-flight", "--timeout")), "control: " + options());
        assertEquals(List.of(), rooms.ambient());
    }

    /** What the picture leaves out follows from what it shows. */
    @Test
    void thePictureInContributingIsTheRule() throws IOException {
        String page = Files.readString(Harness.projectFile("CONTRIBUTING.md"));
        String picture =
                page.substring(page.indexOf("flowchart TD"), page.indexOf("```", page.indexOf("flowchart TD")));
        Map<String, Set<String>> arrows = new TreeMap<>();
        for (MatchResult arrow : ARROW.matcher(picture).results().toList()) {
            arrows.computeIfAbsent(arrow.group(1), from -> new TreeSet<>())
                    .addAll(List.of(arrow.group(2).split(" & ")));
        }
        assertEquals(Set.of("race", "report", "install", "ensureimage", "engine"), arrows.keySet(),
                "control: it was read");
        Rooms.MAY_NAME.forEach((room, others) -> assertEquals(new TreeSet<>(others), reached(room, arrows), room));
        assertTrue(picture.contains("throwaway -- Processes alone --> engine"), picture);
    }

    private static Set<String> reached(String room, Map<String, Set<String>> arrows) {
        Set<String> reached = new TreeSet<>();
        for (String next : arrows.getOrDefault(room, Set.of())) {
            reached.add(next);
            reached.addAll(reached(next, arrows));
        }
        return reached;
    }

    /** A rename that forgets a comment or a page leads its readers nowhere. */
    @Test
    void everyTestThatIsNamedIsThere() throws IOException {
        Set<String> missing = new TreeSet<>();
        int named = 0;
        for (Path file : texts()) {
            for (MatchResult name : TEST.matcher(Files.readString(file)).results().toList()) {
                named++;
                if (!Files.exists(Harness.projectFile("tests/" + name.group() + ".java"))) {
                    missing.add(file.getFileName() + " names " + name.group());
                }
            }
        }
        assertTrue(named > 100, "control: some are named: " + named);
        assertEquals(Set.of(), missing);
    }

    private static List<Path> texts() throws IOException {
        List<Path> texts = new ArrayList<>();
        for (String folder : List.of("", "docs", "examples", "benchmarks", "tests")) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Harness.projectFile(folder), "*.{md,java}")) {
                files.forEach(texts::add);
            }
        }
        try (Stream<Path> sources = Files.walk(Harness.projectFile("src"))) {
            sources.filter(Files::isRegularFile).forEach(texts::add);
        }
        return texts;
    }

    // ---- A wrong house is found

    private final Path sample = Harness.newFolder();

    /** One that is right: a script, and each room's front alone. */
    @BeforeEach
    void buildARightHouse() {
        for (String script : Rooms.SCRIPTS.keySet()) {
            write(script, "//SOURCES src/ensureimage/report/RunReport.java\nimport ensureimage.report.RunReport;\n");
        }
        front("recipe/Recipe", "");
        front("engine/Docker", "//SOURCES ../recipe/Recipe.java\n//SOURCES Processes.java\n//SOURCES Other.java\n");
        front("EnsureImage", "//SOURCES engine/Docker.java\n");
        front("install/Installation", "//SOURCES ../EnsureImage.java\n");
        front("report/RunReport", "//SOURCES ../EnsureImage.java ../install/Installation.java\n");
        front("throwaway/ThrowawayEngine", "//SOURCES ../engine/Processes.java\n");
        front("race/Play", "//SOURCES ../report/RunReport.java ../throwaway/ThrowawayEngine.java\n");
        for (String file : List.of("engine/Processes", "engine/Other")) {
            write("src/ensureimage/" + file + ".java", "package ensureimage.engine;\n");
        }
    }

    private void front(String name, String lists) {
        String folder = name.contains("/") ? name.replaceFirst("/.*", "") : "";
        String room = "package ensureimage" + (folder.isEmpty() ? "" : "." + folder) + ";\n";
        write("src/ensureimage/" + name + ".java", "//SOURCES package-info.java\n" + lists + "\n" + room);
        write("src/ensureimage/" + folder + "/package-info.java", room);
    }

    private void write(String file, String text) {
        Harness.write(sample.resolve(file), text);
    }

    private void append(String file, String text) throws IOException {
        write(file, Files.readString(sample.resolve(file)) + text);
    }

    private List<String> found(Function<Rooms, List<String>> rule) {
        return rule.apply(new Rooms(sample, Set.of("--timeout")));
    }

    @Test
    void aRightHouseIsRight() throws IOException {
        append("src/ensureimage/EnsureImage.java",
                "import ensureimage.engine.Docker;\n/** {@link ensureimage.race.Play} */\n"
                        + "class EnsureImage {\n    static EnsureImage usingDocker() {\n"
                        + "        return using(\"docker\", System.getenv());\n    } // System.exit, --timeout\n}\n");
        append("src/ensureimage/throwaway/ThrowawayEngine.java", "import ensureimage.engine.Processes;\n");
        append("src/ensureimage/race/Play.java", "import ensureimage.throwaway.ThrowawayEngine; // System.out\n"
                + "class Play { Object o = System.out + \"--timeout\"; }\n");
        for (Function<Rooms, List<String>> rule : List.<Function<Rooms, List<String>>>of(Rooms::arrows, Rooms::lists,
                Rooms::sizes, Rooms::ambient)) {
            assertEquals(List.of(), found(rule));
        }
    }

    @Test
    void anArrowBackUpIsFoundHoweverItIsWritten() throws IOException {
        append("src/ensureimage/recipe/Recipe.java", "import ensureimage.engine.Docker;\n");
        append("src/ensureimage/engine/Docker.java",
                "class Docker { Object o = ensureimage.EnsureImage.usingDocker(); }\n");
        append("src/ensureimage/EnsureImage.java", "import static ensureimage.report.RunReport.open;\n"
                + "import ensureimage.engine.*;\n");
        append("src/ensureimage/throwaway/ThrowawayEngine.java", "import ensureimage.engine.Docker;\n");
        append("with_docker.java", "import ensureimage.engine.Docker;\n");
        assertEquals(Set.of("src/ensureimage/recipe/Recipe.java names engine.Docker",
                "src/ensureimage/engine/Docker.java names ensureimage.EnsureImage",
                "src/ensureimage/EnsureImage.java names report.RunReport",
                "src/ensureimage/EnsureImage.java names engine.*",
                "src/ensureimage/throwaway/ThrowawayEngine.java names engine.Docker",
                "with_docker.java names engine.Docker"), new HashSet<>(found(Rooms::arrows)));
    }

    @Test
    void aListThatLacksAFileOrHasOneTooManyIsFound() throws IOException {
        write("src/ensureimage/engine/New.java", "package ensureimage.engine;\n");
        append("src/ensureimage/engine/Other.java", "//SOURCES Processes.java\n");
        append("src/ensureimage/recipe/Recipe.java", "//SOURCES ../engine/Docker.java\n");
        append("with_docker.java", "//SOURCES src/ensureimage/engine/Other.java\n");
        write("race_repro.java", "\n");
        assertEquals(Set.of("src/ensureimage/engine/Docker.java does not list src/ensureimage/engine/New.java",
                "src/ensureimage/engine/Other.java lists src/ensureimage/engine/Processes.java",
                "src/ensureimage/recipe/Recipe.java lists src/ensureimage/engine/Docker.java",
                "src/ensureimage/recipe/Recipe.java is listed by what it lists",
                "src/ensureimage/engine/Docker.java is listed by what it lists",
                "with_docker.java must list one to three fronts, not [src/ensureimage/engine/Other.java, "
                        + "src/ensureimage/report/RunReport.java]",
                "race_repro.java must list one to three fronts, not []"), new HashSet<>(found(Rooms::lists)));
    }

    @Test
    void whatIsTooLongOrTooManyIsFound() throws IOException {
        append("with_docker.java", "\n".repeat(299));
        append("src/ensureimage/race/Play.java", "\n".repeat(400));
        write("another.java", "");
        write("src/ensureimage/util/Util.java", "");
        assertEquals(Set.of("with_docker.java has 301 lines, more than 300",
                "src/ensureimage/race/Play.java has 404 lines, more than 400",
                "the scripts are [another.java, ensure_image.java, race_repro.java, with_docker.java]",
                "there are 8 packages, more than 7", "src/ensureimage/util has no package-info.java"),
                new HashSet<>(found(Rooms::sizes)));
    }

    @Test
    void whatTalksToPeopleOrAsksTheProcessIsFound() throws IOException {
        append("src/ensureimage/recipe/Recipe.java", "class Recipe { void a() { System\n.out.println(1); } }\n");
        append("src/ensureimage/engine/Docker.java", "class Docker { Object a = System.getenv(\"A\"); char c = '\"';\n"
                + "Object b = System.getProperty(\"//\"); }\n");
        append("src/ensureimage/EnsureImage.java", "class EnsureImage { static EnsureImage other() {\n"
                + "return using(\"docker\", System.getenv()); }\n void b() { Runtime.getRuntime().halt(1); }\n"
                + "String hint = \"Allow more with --timeout SECONDS.\"; String block = \"\"\"\n\"--timeout=3\" \"\"\"; }\n");
        append("src/ensureimage/throwaway/ThrowawayEngine.java", "class ThrowawayEngine { int i = ExitCode.BUG; }\n");
        assertEquals(List.of("src/ensureimage/EnsureImage.java uses System.getenv",
                "src/ensureimage/EnsureImage.java uses halt(",
                "src/ensureimage/EnsureImage.java names the option --timeout",
                "src/ensureimage/engine/Docker.java uses System.getenv",
                "src/ensureimage/engine/Docker.java uses System.getProperty",
                "src/ensureimage/recipe/Recipe.java uses System.out",
                "src/ensureimage/throwaway/ThrowawayEngine.java uses ExitCode"), found(Rooms::ambient));
    }
}
