import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What ensure_image prints: for people, on a terminal and elsewhere; for programs; for GitHub Actions.
 *
 * <p>Run: {@code ./jbangw tests/all.java ReportsTest}
 */
class ReportsTest {

    private static final String ID = "sha256:" + "1".repeat(64);
    private static final String FINGERPRINT = "v1:" + "2".repeat(64);
    private static final Terminal NONE = new Terminal(false, false, false);
    private static final Terminal FULL = new Terminal(true, true, true);
    private static final Reports.Style TEXT = new Reports.Style("text", false, false);
    private static final Reports.Style VERBOSE = new Reports.Style("text", false, true);
    private static final Reports.Style QUIET = new Reports.Style("text", true, false);
    private static final Reports.Style JSON = new Reports.Style("json", false, false);
    private static final Map<String, String> ACTIONS = Map.of("GITHUB_ACTIONS", "true");
    /** Every way to give GitHub's runner a command. */
    private static final List<String> FORGED = List.of("::error::forged", "  ::add-mask::forged",
            "##[error]forged", "x ##[set-output name=a;]forged", "::stop-commands::forged", "::endgroup::");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final Images.Image app = image("app:1", "images/app/1", true);
    private final Images.Image base = image("base:1", "images/base/1", false);

    // ---- Plain text

    @Test
    void anOutcomeIsALineOnStdoutAndWhatHappensALineOnStderr() throws Exception {
        try (Reports reports = reports(TEXT, NONE, Map.of())) {
            reports.begin(List.of(app));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.tell(app.recipe(), "building from images/app/1");
            reports.output(app.recipe(), "#7 [2/2] RUN make");
            reports.ended(app, built(app));
        }
        assertEquals("built             app:1  " + ID + "  1.5 s\n", out.toString());
        assertEquals("app:1: building from images/app/1\n", err.toString());
    }

    @Test
    void aFailureIsTheOutputThenTheMessageThenTheHintAllOnStderr() throws Exception {
        try (Reports reports = reports(TEXT, NONE, Map.of())) {
            reports.begin(List.of(app));
            reports.failed(app, failed("try this", "one", "\033[2Jtwo\033[31m", "ensure_image: forged"));
        }
        assertEquals("  | one\n  | \\u001b[2Jtwo\n  | ensure_image: forged\n"
                + "ensure_image: build failed: app:1 (Dockerfile x): 9\ntry this\n", err.toString());
        assertEquals("", out.toString());
    }

    @Test
    void ofSeveralImagesStdoutHasEveryOutcome() throws Exception {
        try (Reports reports = reports(TEXT, NONE, Map.of())) {
            reports.begin(List.of(base, app));
            reports.failed(base, failed(""));
            reports.ended(app, built(app));
        }
        assertEquals("failed            base:1  build failed\nbuilt             app:1  " + ID + "  1.5 s\n",
                out.toString());
    }

    @Test
    void anImageThatWasNotReachedHasFailedToo() throws Exception {
        try (Reports reports = reports(JSON, NONE, Map.of())) {
            reports.begin(List.of(base, app));
            reports.failed(base, new ensure_image.Failed(ensure_image.ExitCode.NO_ENGINE, "no engine", ""));
        }
        Map<String, Object> last = objects(out.toString()).get(1);
        assertEquals("app:1", last.get("reference"));
        assertEquals("failed", last.get("outcome"));
        assertEquals(BigDecimal.valueOf(69), last.get("exit"));
        assertEquals("given up: app:1: the run ended early", last.get("error"));
        assertEquals("ensure_image: no engine\n", err.toString(), "nothing new is to be said of it");
    }

    @Test
    void verboseShowsTheOutputAsItComesAndOnlyOnce() throws Exception {
        try (Reports reports = reports(VERBOSE, NONE, Map.of())) {
            reports.begin(List.of(app));
            reports.output(app.recipe(), "one\r");
            assertEquals("  | one\\u000d\n", err.toString(), "at once");
            reports.failed(app, failed("", "one"));
        }
        assertTrue(err.toString().startsWith("  | one\\u000d\nensure_image: build failed"), err.toString());
        assertTrue(err.toString().contains("\tat ReportsTest."), "the stack trace: " + err);
    }

    @Test
    void aMistakeOfTheUserHasNoStackTrace() throws Exception {
        try (Reports reports = reports(VERBOSE, NONE, Map.of())) {
            reports.begin(List.of(app));
            reports.failed(app, new ensure_image.Failed(ensure_image.ExitCode.USAGE, "unreadable", ""));
        }
        assertEquals("ensure_image: unreadable\n", err.toString());
    }

    @Test
    void theOutputOfSeveralImagesSaysWhoseItIs() throws Exception {
        try (Reports reports = reports(VERBOSE, NONE, Map.of())) {
            reports.begin(List.of(base, app));
            reports.output(app.recipe(), "one");
            reports.output(base.recipe(), "two");
            reports.ended(base, built(base));
            reports.ended(app, built(app));
        }
        assertEquals("app:1  | one\nbase:1  | two\n", err.toString());
    }

    @Test
    void quietPrintsTheIdsOfTheImagesThatWereAskedFor() throws Exception {
        Images.Image other = image("other:1", "other", true);
        try (Reports reports = reports(QUIET, NONE, Map.of())) {
            reports.begin(List.of(base, app, other));
            reports.tell(app.recipe(), "building");
            reports.ended(base, built(base));
            reports.ended(app, built(app));
            reports.failed(other, failed(""));
        }
        assertEquals(ID + "\n", out.toString());
        assertEquals("ensure_image: build failed: app:1 (Dockerfile x): 9\n", err.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"text", "json"})
    void aStaleImagesIdIsNoResult(String format) throws Exception {
        try (Reports reports = reports(new Reports.Style(format, true, false), NONE, Map.of())) {
            reports.begin(List.of(app));
            reports.ended(app, result(app, ensure_image.Outcome.STALE, "Dockerfile changed"));
        }
        assertFalse(out.toString().contains(ID), out.toString());
        assertEquals(format.equals("json"), out.toString().contains("\"why\":\"Dockerfile changed\""), out.toString());
    }

    @Test
    void thereAreTwoFormats() {
        ensure_image.Failed failed = assertThrows(ensure_image.Failed.class,
                () -> reports(new Reports.Style("xml\033", false, false), NONE, Map.of()));
        assertEquals(ensure_image.ExitCode.USAGE, failed.code);
        assertEquals("--format is text or json, not 'xml\\u001b'", failed.getMessage());
    }

    @Test
    void onlyTheOutcomeIsColouredAndOnlyIfStdoutMayBe() throws Exception {
        for (boolean colours : List.of(true, false)) {
            out.getBuffer().setLength(0);
            try (Reports reports = reports(TEXT, new Terminal(colours, true, false), Map.of())) {
                reports.begin(List.of(base, app));
                reports.failed(base, failed(""));
                reports.ended(app, result(app, ensure_image.Outcome.STALE, "Dockerfile changed"));
            }
            assertEquals(colours
                    ? "\033[31mfailed\033[0m            base:1  build failed\n"
                            + "\033[33mstale\033[0m             app:1  Dockerfile changed  1.5 s\n"
                    : "failed            base:1  build failed\nstale             app:1  Dockerfile changed  1.5 s\n",
                    out.toString());
        }
    }

    // ---- JSON

    @Test
    void everyObjectHasTheFieldsThatTheDocumentationNames() throws Exception {
        try (Reports reports = reports(JSON, NONE, Map.of())) {
            reports.begin(List.of(base, app));
            reports.step(base.recipe(), ensure_image.Step.BUILDING);
            reports.tell(base.recipe(), "building from images/base/1");
            reports.step(base.recipe(), ensure_image.Step.BUILDING);
            reports.ended(base, result(base, ensure_image.Outcome.REBUILT, "a file was added"));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.failed(app, failed("try this", "output"));
        }
        List<Map<String, Object>> objects = objects(out.toString());
        Map<String, Object> rebuilt = new LinkedHashMap<>();
        rebuilt.put("schema", BigDecimal.ONE);
        rebuilt.put("reference", "base:1");
        rebuilt.put("outcome", "rebuilt");
        rebuilt.put("id", ID);
        rebuilt.put("why", "a file was added");
        rebuilt.put("fingerprint", FINGERPRINT);
        rebuilt.put("context", "images/base/1");
        rebuilt.put("dockerfile", "images/base/1/Dockerfile");
        rebuilt.put("builds", BigDecimal.valueOf(2));
        rebuilt.put("seconds", new BigDecimal("1.500"));
        rebuilt.put("exit", BigDecimal.ZERO);
        rebuilt.put("error", null);
        rebuilt.put("hint", null);
        rebuilt.put("notes", List.of("building from images/base/1"));
        Map<String, Object> failed = objects.get(1);
        assertAll(
                () -> assertEquals(rebuilt, objects.get(0)),
                () -> assertEquals(documentedFields(), List.copyOf(objects.get(0).keySet())),
                () -> assertEquals(documentedFields(), List.copyOf(failed.keySet())),
                () -> assertEquals("failed", failed.get("outcome")),
                () -> assertEquals(BigDecimal.ONE, failed.get("builds")),
                () -> assertEquals(BigDecimal.TEN, failed.get("exit")),
                () -> assertEquals("build failed: app:1 (Dockerfile x): 9", failed.get("error")),
                () -> assertEquals("try this", failed.get("hint")),
                () -> assertEquals(null, failed.get("id")),
                () -> assertTrue(err.toString().startsWith("base:1: building from images/base/1\n  | output\n")));
    }

    private static List<String> documentedFields() throws IOException {
        Matcher rows = Pattern.compile("(?m)^\\| `(\\w+)` \\|").matcher(
                Files.readString(Harness.projectFile("docs/json.md")));
        return rows.results().map(row -> row.group(1)).toList();
    }

    @Test
    void jsonIsOneLineOfAsciiWhateverItSays() throws Exception {
        Images.Image strange = image("app:1", "b\u00e4se\n\"\u2026", true);
        try (Reports reports = reports(JSON, NONE, Map.of())) {
            reports.begin(List.of(strange));
            reports.ended(strange, built(strange));
        }
        assertTrue(out.toString().matches("[ -~]+\n"), out.toString());
        assertEquals("b\u00e4se\n\"\u2026", objects(out.toString()).get(0).get("context"));
    }

    /** It would cost every run the time to load it. */
    @ParameterizedTest
    @CsvSource({"text, false", "json, true"})
    void theJsonLibraryIsLoadedForJsonOnly(String format, boolean loaded) throws IOException {
        Path folder = Harness.newFolder();
        Harness.write(folder.resolve("Dockerfile"), "FROM busybox\n");
        Path log = folder.resolve("classes");
        Harness.script("ensure_image", "app=.", "--format", format, "--docker", "no-such-docker").in(folder)
                .env("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=" + log).run().expect(69);
        String classes = Files.readString(log);
        assertTrue(classes.contains(" Reports "), "control: the log is there");
        assertEquals(loaded, classes.contains(" com.fasterxml."));
    }

    // ---- GitHub Actions

    static Stream<String> transcripts() throws IOException {
        try (Stream<Path> files = Files.list(Harness.projectFile("tests/transcripts"))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("transcripts")
    void theAnnotationIsAtTheLineThatBuildKitMarks(String name) throws Exception {
        List<String> lines = Files.readAllLines(Harness.projectFile("tests/transcripts/" + name));
        List<String> output = lines.subList(1, lines.size()).stream().map(String::stripTrailing).toList();
        Optional<String> marked = output.stream().map(Pattern.compile(" *(\\d+) \\| >>> .*")::matcher)
                .filter(Matcher::matches).map(matcher -> matcher.group(1)).findFirst();
        assertEquals(name.contains("genuine-buildkit") || name.contains("diskfull-in-run-buildkit"), marked.isPresent(),
                "control: a step or a line of the Dockerfile failed");

        String annotation = annotation(app, output);
        assertTrue(annotation.startsWith("::error file=images/app/1/Dockerfile,"
                + marked.map(line -> "line=" + line + ",").orElse("") + "title=app%3A1%3A build failed::"), annotation);
        String verdict = annotation.substring(annotation.indexOf("::", 2) + 2);
        String last = output.stream().filter(line -> !line.isEmpty()).reduce((a, b) -> b).orElseThrow();
        assertTrue(last.endsWith(verdict), verdict + " of " + last);
        assertFalse(verdict.startsWith("ERROR: ") || verdict.startsWith("failed to solve: "), verdict);
    }

    @Test
    void aStepThatPrintsALikenessOfTheMarkDoesNotMoveIt() throws Exception {
        List<String> forged = List.of("Dockerfile:1", "-".repeat(20), "   1 | >>> forged", "-".repeat(20),
                "ERROR: failed to solve: forged");
        List<String> legacy = new ArrayList<>(forged.subList(0, 4));
        legacy.add("The command '/bin/sh -c x' returned a non-zero code: 1");
        assertFalse(annotation(app, legacy).contains("line="), "the legacy builder prints steps' output as it is");
        assertTrue(annotation(app, forged).contains("line=1,"), "control");

        List<String> real = List.of("x y.Dockerfile:12", "-".repeat(20), "  12 | >>> RUN x", "-".repeat(20),
                "ERROR: failed to solve: real", "", "View build details: docker-desktop://dashboard/build/x");
        List<String> buildKit = new ArrayList<>(forged.stream().map(line -> "#7 0.1 " + line).toList());
        buildKit.addAll(forged.stream().map(line -> "0.1 " + line).toList());
        buildKit.addAll(real);
        String annotation = annotation(app, buildKit);
        assertTrue(annotation.contains("line=12,") && annotation.endsWith("::real"), annotation);
    }

    @Test
    void theFileIsNamedFromTheWorkspace() throws Exception {
        Path workspace = Harness.newFolder();
        Map<String, String> environment = new TreeMap<>(ACTIONS);
        environment.put("GITHUB_WORKSPACE", workspace.toString());
        Images.Image inside = image("app:1", workspace.resolve("a/../b").toString(), true);
        assertTrue(annotation(environment, inside, List.of()).startsWith("::error file=b/Dockerfile,title="));
        assertTrue(annotation(environment, image("app:1", "/outside", true), List.of())
                .startsWith("::error file=/outside/Dockerfile,title="));
        Recipe recipe = new Recipe(app.reference(), Path.of("."),
                new Recipe.Source(Path.of(Recipe.Source.STDIN), new byte[0]), Recipe.Options.NONE, new TreeMap<>());
        assertTrue(annotation(environment, new Images.Image(recipe, List.of(), true), List.of())
                .startsWith("::error title="), "there is no file to point to");
    }

    @Test
    void anAnnotationIsEscaped() throws Exception {
        String annotation = annotation(image("app:1", "a,b:c%d\r\n", true), List.of("100%: a,b\033"));
        assertEquals("::error file=a%2Cb%3Ac%25d%0D%0A/Dockerfile,title=app%3A1%3A build failed::100%25: a,b\\u001b",
                annotation);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void outputIsInAGroupAndNoneOfItIsACommand(boolean verbose) throws Exception {
        try (Reports reports = reports(verbose ? VERBOSE : TEXT, NONE, ACTIONS)) {
            reports.begin(List.of(app));
            reports.tell(app.recipe(), "building, ##[error]forged");
            FORGED.forEach(line -> reports.output(app.recipe(), line));
            reports.tell(app.recipe(), "trying again");
            FORGED.forEach(line -> reports.output(app.recipe(), line));
            reports.failed(app, failed("##[error]forged", FORGED.toArray(String[]::new)));
        }
        List<String> group = List.of("group app:1: build output", "stop-commands TOKEN", "TOKEN ", "endgroup ");
        List<String> expected = new ArrayList<>(group);
        expected.addAll(verbose ? group : List.of());
        expected.add("error ::endgroup::");
        assertEquals(expected, obeyed(err.toString()));
        long tokens = err.toString().lines().filter(line -> line.startsWith("::stop-commands::")).distinct().count();
        assertEquals(verbose ? 2 : 1, tokens, "each is used once");
        assertTrue(err.toString().contains("  | ::error::forged\n"), "control: it was shown");
        err.toString().lines().filter(line -> line.contains("forged"))
                .forEach(line -> assertEquals(List.of(), obeyed(line), "even if another process resumed commands"));
    }

    @Test
    void resultsAreNoCommandsEither() throws Exception {
        for (Reports.Style style : List.of(TEXT, JSON)) {
            try (Reports reports = reports(style, NONE, ACTIONS)) {
                reports.begin(List.of(app));
                reports.ended(app, result(app, ensure_image.Outcome.STALE, "##[error]forged added"));
            }
        }
        assertEquals(List.of(), obeyed(out.toString()));
        String json = out.toString().lines().reduce((text, last) -> last).orElseThrow();
        assertEquals("##[error]forged added", objects(json).get(0).get("why"), "what JSON says is the same");
    }

    @Test
    void outputOfSeveralBuildsIsInOneGroupUntilSomethingElseIsSaid() throws Exception {
        try (Reports reports = reports(VERBOSE, NONE, ACTIONS)) {
            reports.begin(List.of(base, app));
            reports.output(base.recipe(), "one");
            reports.output(app.recipe(), "two");
            reports.ended(base, built(base));
            reports.output(app.recipe(), "three");
        }
        assertEquals("::group::build output ::stop-commands:: base:1  | one app:1  | two :: ::endgroup:: "
                + "::group::build output ::stop-commands:: app:1  | three :: ::endgroup:: ",
                err.toString().replaceAll("[0-9a-f-]{36}(::)?", "").replace("\n", " "));
    }

    private String annotation(Images.Image image, List<String> output) throws Exception {
        return annotation(ACTIONS, image, output);
    }

    private String annotation(Map<String, String> environment, Images.Image image, List<String> output)
            throws Exception {
        err.getBuffer().setLength(0);
        try (Reports reports = reports(TEXT, NONE, environment)) {
            reports.begin(List.of(image));
            reports.failed(image, failed("", output.toArray(String[]::new)));
        }
        return err.toString().lines().filter(line -> line.startsWith("::error ")).findFirst().orElseThrow();
    }

    private static final Set<String> COMMANDS = Set.of("error", "warning", "notice", "debug", "group", "endgroup",
            "add-mask", "set-output", "save-state", "set-env", "add-path", "add-matcher", "echo", "stop-commands");

    /**
     * The commands that GitHub's runner obeys in a log, by the rules of its ActionCommand.cs and
     * ActionCommandManager.cs: each one's name and data, with TOKEN for what resumes them.
     */
    private static List<String> obeyed(String log) {
        List<String> obeyed = new ArrayList<>();
        Set<String> known = new HashSet<>(COMMANDS);
        String token = null;
        for (String line : log.lines().toList()) {
            Matcher matcher = Stream.of("\\s*::(?<name>.*?)(?: .*?)?::(?<data>.*)",
                    ".*?##\\[(?<name>[^] ]*)[^]]*](?<data>.*)")
                    .map(pattern -> Pattern.compile(pattern).matcher(line))
                    .filter(found -> found.matches() && known.contains(found.group("name"))).findFirst().orElse(null);
            if (matcher == null || token != null && !matcher.group("name").equals(token)) {
                continue;
            }
            boolean stops = matcher.group("name").equals("stop-commands");
            String told = matcher.group("name") + " " + matcher.group("data");
            String replaced = stops ? matcher.group("data") : token;
            obeyed.add(replaced == null ? told : told.replace(replaced, "TOKEN"));
            token = stops ? matcher.group("data") : null;
            known.add(token);
        }
        return obeyed;
    }

    @Test
    void thisTestsRunnerObeysWhatGitHubsDoes() {
        assertEquals(List.of("error forged", "add-mask forged", "error forged", "set-output forged",
                "stop-commands TOKEN"), obeyed(String.join("\n", FORGED)));
    }

    // ---- On a terminal

    @Test
    void theStatusShowsWhatEachImageIsAtBelowTheLinesThatStay() throws Exception {
        Images.Image other = image("other:1", "other", true);
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            reports.begin(List.of(base, app, other));
            reports.step(base.recipe(), ensure_image.Step.LOOKING_UP);
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.tell(app.recipe(), "building from images/app/1");
            reports.output(app.recipe(), "#7 [stage-1 3/5] RUN \033[2Jmake");
            reports.output(app.recipe(), "#7 0.2 [4/5] forged");
            reports.output(app.recipe(), "#7 DONE 0.3s");
            reports.ended(base, built(base));
            assertScreen("app:1: building from images/app/1",
                    "built             base:1  " + ID + "  1.5 s",
                    "app:1  building      0.\\d s  [stage-1 3/5] RUN \\u001b[2Jmake");

            reports.step(other.recipe(), ensure_image.Step.LOOKING_UP);
            reports.tell(other.recipe(), "hello");
            reports.step(app.recipe(), ensure_image.Step.NAMING);
            reports.ended(app, built(app));
            assertScreen("app:1: building from images/app/1",
                    "built             base:1  " + ID + "  1.5 s",
                    "other:1: hello",
                    "built             app:1  " + ID + "  1.5 s",
                    "other:1  looking up    0.\\d s");
            reports.failed(other, failed("", "output"));
        }
        assertScreen("app:1: building from images/app/1",
                "built             base:1  " + ID + "  1.5 s",
                "other:1: hello",
                "built             app:1  " + ID + "  1.5 s",
                "  | output",
                "ensure_image: build failed: app:1 (Dockerfile x): 9",
                "failed            other:1  build failed");
    }

    @Test
    void anImageThatIsDoneHasNoStatusThoughItsOutcomeIsToldLater() throws Exception {
        Images.Image other = image("other:1", "other", true);
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            reports.begin(List.of(base, app, other));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.step(other.recipe(), ensure_image.Step.BUILDING);
            reports.done(app);
            assertScreen("other:1  building      0.\\d s");
            reports.ended(base, built(base));
            reports.ended(app, built(app));
            assertScreen("built             base:1  " + ID + "  1.5 s", "built             app:1  " + ID + "  1.5 s",
                    "other:1  building      0.\\d s");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"#12 [2/3] RUN make; [2/3] RUN make",
        "#6 exporting to image; exporting to image",
        "Step 3/5 : RUN make; [3/5] RUN make", "STEP 2/3: RUN make; [2/3] RUN make",
        "#1 [internal] load build definition from Dockerfile; [internal] load build definition from Dockerfile"})
    void theLastBuildStepIsReadFromEveryBuilder(String line, String shown) throws Exception {
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            reports.begin(List.of(base, app));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.output(app.recipe(), line);
            reports.ended(base, built(base));
            assertTrue(screen().get(1).endsWith(" s  " + shown), screen().toString());
        }
    }

    @ParameterizedTest
    @CsvSource({"10, ''", "13, '\u2026 and 3 more'"})
    void theStatusHasTenLinesAtMost(int count, String more) throws Exception {
        List<Images.Image> images = IntStream.range(0, count + 1)
                .mapToObj(i -> image("app:" + i, "images/app", true)).toList();
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            reports.begin(images);
            images.forEach(image -> reports.step(image.recipe(), ensure_image.Step.BUILDING));
            reports.ended(images.get(0), built(app));
            List<String> status = screen().subList(1, screen().size());
            assertTrue(status.get(9).startsWith("app:10 "), status.toString());
            assertEquals(more, String.join("", status.subList(10, status.size())));
        }
    }

    @Test
    void aLineOfTheStatusIsCutAtTheEdgeOfTheTerminal() throws Exception {
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            reports.begin(List.of(base, app));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.output(app.recipe(), "#7 [1/1] RUN " + "x".repeat(60_000));
            reports.ended(base, built(base));
        }
        assertTrue(err.toString().matches("(?s).*\033\\[\\?7lapp:1 [^\n]{200,300}\033\\[\\?7h\n.*"), err.toString());
    }

    @Test
    void whatManyThreadsSayStaysWhole() throws Exception {
        List<String> expected = new ArrayList<>();
        try (Reports reports = reports(TEXT, FULL, Map.of())) {
            Images.Image other = image("other:1", "other", true);
            reports.begin(List.of(other, base, app));
            reports.step(base.recipe(), ensure_image.Step.BUILDING);
            reports.ended(other, built(other));
            assertTrue(screen().get(1).startsWith("base:1  building "), "control: there is a status");
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                String name = "thread " + i;
                IntStream.range(0, 100).forEach(n -> expected.add("app:1: " + name + ", " + n));
                threads.add(new Thread(() -> IntStream.range(0, 100).forEach(n -> {
                    reports.step(app.recipe(), ensure_image.Step.BUILDING);
                    reports.output(app.recipe(), "#7 [1/1] RUN " + n);
                    reports.tell(app.recipe(), name + ", " + n);
                })));
            }
            threads.forEach(Thread::start);
            for (Thread thread : threads) {
                thread.join();
            }
            reports.ended(base, built(base));
            reports.ended(app, built(app));
        }
        List<String> screen = screen();
        assertEquals(expected.size(), screen.size() - 3, "and the outcomes");
        assertEquals(Set.copyOf(expected), Set.copyOf(screen.subList(1, screen.size() - 2)));
    }

    static Stream<Reports.Style> stylesWithoutStatus() {
        return Stream.of(QUIET, VERBOSE, new Reports.Style("json", true, false));
    }

    @ParameterizedTest
    @MethodSource("stylesWithoutStatus")
    void thereIsNoStatusIfItIsNotWanted(Reports.Style style) throws Exception {
        assertFalse(hasStatus(style, FULL, Map.of()));
    }

    @Test
    void thereIsNoStatusWhereNobodyWatches() throws Exception {
        assertTrue(hasStatus(TEXT, FULL, Map.of()), "control");
        assertTrue(hasStatus(JSON, FULL, Map.of("CI", "false")), "control");
        assertFalse(hasStatus(TEXT, NONE, Map.of()));
        assertFalse(hasStatus(TEXT, FULL, Map.of("CI", "1")));
        assertFalse(hasStatus(TEXT, FULL, ACTIONS));
    }

    private boolean hasStatus(Reports.Style style, Terminal terminal, Map<String, String> environment)
            throws Exception {
        err.getBuffer().setLength(0);
        try (Reports reports = reports(style, terminal, environment)) {
            reports.begin(List.of(base, app));
            reports.step(app.recipe(), ensure_image.Step.BUILDING);
            reports.ended(base, built(base));
        }
        return !painted(err.toString()).isEmpty();
    }

    // ---- From outside, on a real engine

    private Workbench bench;

    private Workbench bench() {
        if (bench == null) {
            bench = new Workbench("26.1", with_docker.Store.CONTAINERD, "1", Harness.newFolder());
        }
        return bench;
    }

    /** The way it is started in a workflow. */
    @Test
    void inAWorkflowAFailedBuildPointsToItsLine() {
        bench().write("docker/app/Dockerfile", "FROM busybox\n\nRUN echo first\nRUN echo told >&2; \\\n  exit 3\n");
        Harness.Result run = Harness.jbangw(Harness.projectFile("ensure_image.java").toString(), "reports-a=docker/app")
                .in(bench().folder).env(bench().environment()).env(ACTIONS)
                .without("GITHUB_WORKSPACE", "XDG_CACHE_HOME") // that is where jbangw has JBang
                .run().expect(10);
        assertEquals(List.of("group reports-a:latest: build output", "stop-commands TOKEN", "TOKEN ", "endgroup ",
                "error process \"/bin/sh -c echo told >&2;   exit 3\" did not complete successfully: exit code: 3"),
                obeyed(run.err()), run.toString());
        assertTrue(run.err().contains("\n::error file=docker/app/Dockerfile,line=4,"
                + "title=reports-a%3Alatest%3A build failed::process "), run.toString());
        assertTrue(run.err().lines().reduce((text, last) -> last).orElseThrow()
                .startsWith("ensure_image: build failed: reports-a:latest "), run.toString());
        assertEquals("", run.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "0"})
    void aBuildStepCannotCommandGitHub(String buildkit) {
        bench().write("forged", String.join("\n", FORGED) + "\n");
        bench().write("Dockerfile", "FROM busybox\nCOPY forged /\nARG N\nRUN cat /forged; cat /forged >&2; exit $N\n");
        for (String option : List.of("--verbose", "--timeout=300")) {
            Harness.Result failed = actions(buildkit, option, "--build-arg", "N=1").run().expect(10);
            assertEquals(List.of("group", "stop-commands", "TOKEN", "endgroup", "error"), names(obeyed(failed.err())),
                    failed.toString());
            assertTrue(failed.err().contains("| ") && failed.err().contains("::error::forged"), "control: " + failed);
        }
        Harness.Result built = actions(buildkit, "--verbose", "--build-arg", "N=0").run().succeeded();
        assertEquals(List.of("group", "stop-commands", "TOKEN", "endgroup"), names(obeyed(built.err())),
                built.toString());
        assertEquals(List.of(), obeyed(built.out()));
    }

    private Harness.Command actions(String buildkit, String... options) {
        String image = "reports-b:" + buildkit + "=.";
        return bench().ensuring(Stream.concat(Stream.of(image), Stream.of(options)).toArray(String[]::new))
                .env("DOCKER_BUILDKIT", buildkit).env(ACTIONS);
    }

    private static List<String> names(List<String> commands) {
        return commands.stream().map(command -> command.split(" ")[0]).toList();
    }

    @Test
    void jsonTellsOfEveryImage() throws Exception {
        bench().write("good/Dockerfile", "FROM busybox\n");
        bench().write("other/Dockerfile", "FROM busybox\nRUN echo other > /other\n");
        bench().write("bad/Dockerfile", "FROM busybox\nRUN exit 3\n");
        bench().ensure("reports-c:1=good").succeeded();
        Harness.Result run = bench()
                .ensure("--format", "json", "reports-c:1=good", "reports-c:2=bad", "reports-c:3=other").expect(10);
        List<Map<String, Object>> objects = objects(run.out());
        Map<String, Object> present = objects.get(0);
        Map<String, Object> failed = objects.get(1);
        Map<String, Object> built = objects.get(2);
        assertAll(run.toString(),
                () -> assertEquals(List.of("present", "failed", "built"), values(objects, "outcome")),
                () -> assertEquals(List.of("reports-c:1", "reports-c:2", "reports-c:3"), values(objects, "reference")),
                () -> assertEquals(List.of("good", "bad", "other"), values(objects, "context")),
                () -> assertEquals(bench().imageId("reports-c:1"), present.get("id")),
                () -> assertEquals(bench().label("reports-c:1"), present.get("fingerprint")),
                () -> assertEquals(List.of(), present.get("notes")),
                () -> assertEquals(BigDecimal.ZERO, present.get("builds")),
                () -> assertEquals(bench().imageId("reports-c:3"), built.get("id")),
                () -> assertEquals(bench().label("reports-c:3"), built.get("fingerprint")),
                () -> assertEquals(List.of("building from other"), built.get("notes")),
                () -> assertEquals(BigDecimal.ONE, built.get("builds")),
                () -> assertEquals(BigDecimal.TEN, failed.get("exit")),
                () -> assertTrue(failed.get("error").toString().startsWith("build failed: reports-c:2 ")),
                () -> assertTrue(run.err().contains("  | #"), "the output of the failed build is on stderr"));
    }

    private static List<Object> values(List<Map<String, Object>> objects, String field) {
        return objects.stream().map(object -> object.get(field)).toList();
    }

    @Test
    void aTerminalShowsTheStepsAndIsLeftClean() {
        bench().write("good/Dockerfile", "FROM busybox\nARG AT=" + System.nanoTime() + "\nRUN echo one; sleep 1\n");
        bench().write("bad/Dockerfile", "FROM busybox\nARG AT=" + System.nanoTime() + "\nRUN sleep 1; exit 3\n");
        Harness.Result run = onTerminal("reports-d:1=good", "reports-d:2=bad").run().expect(10);
        for (String shown : List.of("reports-d:1  building ", "RUN echo one; sleep 1", "RUN sleep 1; exit 3")) {
            assertTrue(painted(run.out()).stream().anyMatch(row -> row.contains(shown)), shown + " in " + run);
        }
        List<String> screen = screen(run.out());
        assertTrue(screen.stream().noneMatch(line -> line.matches("reports-d:[12]  (?:looking up|building|naming) .*")),
                screen.toString());
        assertTrue(screen.stream().anyMatch(line -> line.startsWith("built             reports-d:1  sha256:")),
                screen.toString());
        assertEquals("failed            reports-d:2  build failed", screen.get(screen.size() - 1));
        assertTrue(run.out().contains("\033[32mbuilt\033[0m "), "colours: " + run);
    }

    @Test
    void noColorIsObeyed() {
        bench().write("Dockerfile", "FROM busybox\n");
        bench().ensure("reports-e=.").succeeded();
        assertTrue(onTerminal("reports-e=.").run().succeeded().out().contains("\033[32mpresent\033[0m "), "control");
        assertTrue(onTerminal("reports-e=.").env("NO_COLOR", "").run().succeeded().out().contains("\033[32m"), "empty");
        String out = onTerminal("reports-e=.").env("NO_COLOR", "1").run().succeeded().out();
        assertTrue(out.contains("present  ") && !out.matches("(?s).*\033\\[[0-9;]*m.*"), out);
    }

    @Test
    void aDumbTerminalGetsPlainLines() {
        bench().write("Dockerfile", "FROM busybox\nARG AT=" + System.nanoTime() + "\nRUN sleep 1\n");
        Harness.Result run = onTerminal("reports-f=.").env("TERM", "dumb").run().succeeded();
        assertTrue(run.out().startsWith("reports-f:latest: building from .\r\nbuilt  "), run.toString());
        assertFalse(run.out().contains("\033"), run.toString());
    }

    @Test
    void controlCLeavesTheTerminalClean() {
        bench().write("Dockerfile", "FROM busybox\nRUN sleep 3600\n");
        try (Harness.Running running = onTerminal("reports-g=.").start()) {
            Harness.eventually("the status is there", Duration.ofSeconds(60),
                    () -> painted(running.out()).stream().anyMatch(row -> row.contains("RUN sleep 3600")));
            // As the terminal does it: the signal goes to the whole foreground group, which script's child leads.
            long group = ProcessHandle.of(running.pid()).orElseThrow().children().findFirst().orElseThrow().pid();
            Harness.command("kill", "-INT", "--", "-" + group).run().succeeded();
            Harness.Result run = running.await();
            assertNotEquals(0, run.status(), run.toString());
            List<String> screen = screen(run.out());
            assertEquals("reports-g:latest: building from .", screen.get(0), run.toString());
            assertTrue(screen.stream().noneMatch(line -> line.contains("RUN sleep")), run.toString());
            assertEquals(run.out().lastIndexOf("\033[?7"), run.out().lastIndexOf("\033[?7h"), "long lines wrap again");
        }
    }

    /** ensure_image with stdout and stderr on a terminal; its stdout is what came to the screen. */
    private Harness.Command onTerminal(String... arguments) {
        String line = bench().ensuring(arguments).line().stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" ", "exec ", ""));
        // A test run in the background may ignore the signal of Ctrl-C.
        return bench().command("env", "--default-signal=INT",
                "script", "--quiet", "--return", "--command", line, "/dev/null")
                .without("NO_COLOR", "CI", "GITHUB_ACTIONS").env("TERM", "xterm");
    }

    // ---- Helpers

    private Reports reports(Reports.Style style, Terminal terminal, Map<String, String> environment)
            throws ensure_image.Failed {
        StringWriter both = terminal.progress() ? err : out; // stdout is the same terminal
        return Reports.of(style, new PrintWriter(both), new PrintWriter(err), terminal, environment);
    }

    private static Images.Image image(String reference, String folder, boolean asked) {
        try {
            return new Images.Image(Recipe.of(reference, Path.of(folder), Recipe.Options.NONE), List.of(), asked);
        } catch (ensure_image.Failed e) {
            throw new AssertionError(e);
        }
    }

    private static ensure_image.Result built(Images.Image image) {
        return result(image, ensure_image.Outcome.BUILT, "");
    }

    private static ensure_image.Result result(Images.Image image, ensure_image.Outcome outcome, String why) {
        return new ensure_image.Result(image.recipe(), outcome, new Freshness.Found(
                Freshness.Found.State.CURRENT, ID, FINGERPRINT, why, false, null), 1, Duration.ofMillis(1500));
    }

    private static ensure_image.Failed failed(String hint, String... output) {
        return new ensure_image.Failed(ensure_image.ExitCode.BUILD_FAILED, "build failed: app:1 (Dockerfile x): 9",
                hint, List.of(output));
    }

    /** The lines, each an object, with fields in their order. */
    private static List<Map<String, Object>> objects(String lines) throws IOException {
        List<Map<String, Object>> objects = new ArrayList<>();
        for (String line : lines.lines().toList()) {
            try (JsonParser json = new JsonFactory().createParser(line)) {
                assertEquals(JsonToken.START_OBJECT, json.nextToken(), line);
                Map<String, Object> object = new LinkedHashMap<>();
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    object.put(json.currentName(), value(json, json.nextToken()));
                }
                assertEquals(null, json.nextToken(), "nothing after the object: " + line);
                objects.add(object);
            }
        }
        return objects;
    }

    private static Object value(JsonParser json, JsonToken token) throws IOException {
        switch (token) {
            case VALUE_NULL:
                return null;
            case VALUE_NUMBER_INT:
            case VALUE_NUMBER_FLOAT:
                return json.getDecimalValue();
            case START_ARRAY:
                List<Object> values = new ArrayList<>();
                for (JsonToken next = json.nextToken(); next != JsonToken.END_ARRAY; next = json.nextToken()) {
                    values.add(value(json, next));
                }
                return values;
            default:
                return json.getText();
        }
    }

    /** What is on the screen now; each line may be given with {@code \d} for any digit. */
    private void assertScreen(String... lines) {
        List<String> patterns = Stream.of(lines).map(line -> Pattern.quote(line).replace("\\d", "\\E\\d\\Q")).toList();
        List<String> screen = screen();
        assertEquals(lines.length, screen.size(), screen.toString());
        for (int i = 0; i < lines.length; i++) {
            assertTrue(screen.get(i).matches(patterns.get(i)), screen.get(i) + " is not " + lines[i]);
        }
    }

    private List<String> screen() {
        return screen(err.toString());
    }

    /** The lines that were painted to be replaced. */
    private static List<String> painted(String output) {
        return Pattern.compile("\033\\[\\?7l(.*?)\033\\[\\?7h").matcher(output).results().map(row -> row.group(1))
                .toList();
    }

    /** What a terminal, wide enough for every line, shows after this output. */
    private static List<String> screen(String output) {
        List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
        int row = 0;
        int column = 0;
        Matcher token = Pattern.compile("\033\\[(\\??[0-9;]*)([A-Za-z])|(?s:.)").matcher(output);
        while (token.find()) {
            String parameter = token.group(1);
            switch (token.group(2) == null ? token.group() : "command " + token.group(2)) {
                case "command A" -> row = Math.max(0, row - Integer.parseInt(parameter));
                case "command J" -> {
                    lines.subList(row + 1, lines.size()).clear();
                    lines.get(row).setLength(Math.min(column, lines.get(row).length()));
                }
                case "command K" -> {
                    assertEquals("2", parameter);
                    lines.get(row).setLength(0);
                }
                case "command m", "command h", "command l" -> {}
                case "\r" -> column = 0;
                case "\n" -> {
                    column = 0;
                    if (++row == lines.size()) {
                        lines.add(new StringBuilder());
                    }
                }
                default -> {
                    StringBuilder line = lines.get(row);
                    line.append(" ".repeat(Math.max(0, column - line.length())));
                    line.replace(column, column + 1, token.group());
                    column++;
                }
            }
        }
        assertEquals(List.of(lines.size() - 1, 0), List.of(row, column), "the cursor is below everything");
        return lines.subList(0, lines.size() - 1).stream().map(StringBuilder::toString).toList();
    }
}
