// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.ReportScene.ACTIONS;
import static ensureimage.ReportScene.JSON;
import static ensureimage.ReportScene.NONE;
import static ensureimage.ReportScene.TEXT;
import static ensureimage.ReportScene.VERBOSE;
import static ensureimage.ReportScene.built;
import static ensureimage.ReportScene.failed;
import static ensureimage.ReportScene.stale;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Change;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.ImageCollection.Member;
import ensureimage.recipe.Recipe;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What ensure_image prints into a log of GitHub Actions, where a line can be a command. */
class ActionsReportTest {

    /** Every way to give GitHub's runner a command. */
    static final List<String> FORGED = List.of("::error::forged", "  ::add-mask::forged", "##[error]forged",
            "x ##[set-output name=a;]forged", "::stop-commands::forged", "::endgroup::");
    private static final Pattern MARK = Pattern.compile(" *(\\d+) \\| >>> .*");

    private final ReportScene scene = new ReportScene();

    // ---- The annotation

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
        Optional<String> marked = output.stream().map(MARK::matcher).filter(Matcher::matches)
                .map(matcher -> matcher.group(1)).findFirst();
        assertEquals(name.matches(".*(genuine|diskfull-in-run)-buildkit.*|2[68].*no-base-buildkit.*"),
                marked.isPresent(), "control: a step or a line of the Dockerfile failed");

        String annotation = annotation(scene.app, output);
        assertTrue(annotation.startsWith("::error file=images/app/1/Dockerfile,"
                + marked.map(line -> "line=" + line + ",").orElse("") + "title=app%3A1%3A build failed::"), annotation);
        String verdict = annotation.substring(annotation.indexOf("::", 2) + 2).replace("%25", "%");
        String last = output.stream().filter(line -> !line.isEmpty()).reduce((a, b) -> b).orElseThrow();
        assertTrue(last.endsWith(verdict), verdict + " of " + last);
        assertFalse(verdict.startsWith("ERROR: ") || verdict.startsWith("failed to solve: "), verdict);
    }

    @Test
    void aStepThatPrintsALikenessOfTheMarkDoesNotMoveIt() {
        List<String> forged = List.of("Dockerfile:1", "-".repeat(20), "   1 | >>> forged", "-".repeat(20),
                "ERROR: failed to solve: forged");
        List<String> legacy = new ArrayList<>(forged.subList(0, 4));
        legacy.add("The command '/bin/sh -c x' returned a non-zero code: 1");
        assertFalse(annotation(scene.app, legacy).contains("line="),
                "the legacy builder prints steps' output as it is");
        assertTrue(annotation(scene.app, forged).contains("line=1,"), "control");

        List<String> real = List.of("x y.Dockerfile:12", "-".repeat(20), "  12 | >>> RUN x", "-".repeat(20),
                "ERROR: failed to solve: real", "", "View build details: docker-desktop://dashboard/build/x");
        List<String> buildKit = new ArrayList<>(forged.stream().map(line -> "#7 0.1 " + line).toList());
        buildKit.addAll(forged.stream().map(line -> "0.1 " + line).toList());
        buildKit.addAll(real);
        String annotation = annotation(scene.app, buildKit);
        assertTrue(annotation.contains("line=12,") && annotation.endsWith("::real"), annotation);
    }

    @Test
    void theFileIsNamedFromTheWorkspace() {
        Path workspace = Harness.newFolder();
        Map<String, String> environment = new TreeMap<>(ACTIONS);
        environment.put("GITHUB_WORKSPACE", workspace.toString());
        Member inside = ReportScene.member("app:1", workspace.resolve("a/../b").toString(), true);
        assertTrue(annotation(environment, inside, List.of()).startsWith("::error file=b/Dockerfile,title="));
        assertTrue(annotation(environment, ReportScene.member("app:1", "/outside", true), List.of())
                .startsWith("::error file=/outside/Dockerfile,title="));
        Recipe recipe = new Recipe(scene.app.reference(), Path.of("."), new DockerfileSource.Given(new byte[0]),
                BuildOptions.NONE, new TreeMap<>());
        assertTrue(annotation(environment, ReportScene.member(recipe, true), List.of())
                .startsWith("::error title="), "there is no file to point to");
    }

    @Test
    void anAnnotationIsEscaped() {
        String annotation = annotation(ReportScene.member("app:1", "a,b:c%d\r\n", true), List.of("100%: a,b\033"));
        assertEquals("::error file=a%2Cb%3Ac%25d%0D%0A/Dockerfile,title=app%3A1%3A build failed::100%25: a,b\\u001b",
                annotation);
    }

    private String annotation(Member member, List<String> output) {
        return annotation(ACTIONS, member, output);
    }

    private String annotation(Map<String, String> environment, Member member, List<String> output) {
        scene.clear();
        try (RunReport report = scene.open(TEXT, NONE, environment)) {
            report.begin(List.of(member));
            report.ended(member, failed(member, output.toArray(String[]::new)));
        }
        return scene.err().lines().filter(line -> line.startsWith("::error ")).findFirst().orElseThrow();
    }

    // ---- Nothing else is a command

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void outputIsInAGroupAndNoneOfItIsACommand(boolean verbose) {
        Recipe recipe = scene.app.recipe();
        try (RunReport report = scene.open(verbose ? VERBOSE : TEXT, NONE, ACTIONS)) {
            report.begin(List.of(scene.app));
            report.notice(recipe, new Notice.Temporary("##[error]forged"));
            FORGED.forEach(line -> report.output(recipe, line));
            report.notice(recipe, new Notice.Taken());
            FORGED.forEach(line -> report.output(recipe, line));
            report.ended(scene.app, failed(scene.app, FORGED.toArray(String[]::new)));
        }
        List<String> group = List.of("group app:1: build output", "stop-commands TOKEN", "TOKEN ", "endgroup ");
        List<String> expected = new ArrayList<>(group);
        expected.addAll(verbose ? group : List.of());
        expected.add("error ::endgroup::");
        assertEquals(expected, obeyed(scene.err()));
        long tokens = scene.err().lines().filter(line -> line.startsWith("::stop-commands::")).distinct().count();
        assertEquals(verbose ? 2 : 1, tokens, "each is used once");
        assertTrue(scene.err().contains("  | ::error::forged\n"), "control: it was shown");
        scene.err().lines().filter(line -> line.contains("forged"))
                .forEach(line -> assertEquals(List.of(), obeyed(line), "even if another process resumed commands"));
    }

    @Test
    void resultsAreNoCommandsEither() throws Exception {
        for (Style style : List.of(TEXT, JSON)) {
            try (RunReport report = scene.open(style, NONE, ACTIONS)) {
                report.begin(List.of(scene.app));
                report.ended(scene.app,
                        stale(scene.app, new Change.FilesChanged(Change.How.ADDED, List.of("##[error]forged"))));
            }
        }
        assertEquals(List.of(), obeyed(scene.out()));
        String json = scene.out().lines().reduce((text, last) -> last).orElseThrow();
        assertEquals("1 file added (##[error]forged)", JsonReportTest.objects(json).get(0).get("why"),
                "what JSON says is the same");
    }

    @Test
    void outputOfSeveralBuildsIsInOneGroupUntilSomethingElseIsSaid() {
        try (RunReport report = scene.open(VERBOSE, NONE, ACTIONS)) {
            report.begin(List.of(scene.base, scene.app));
            report.output(scene.base.recipe(), "one");
            report.output(scene.app.recipe(), "two");
            report.ended(scene.base, built(scene.base));
            report.output(scene.app.recipe(), "three");
            report.ended(scene.app, built(scene.app));
        }
        assertEquals("::group::build output ::stop-commands:: base:1  | one app:1  | two :: ::endgroup:: "
                + "::group::build output ::stop-commands:: app:1  | three :: ::endgroup:: ",
                scene.err().replaceAll("[0-9a-f-]{36}(::)?", "").replace("\n", " "));
    }

    // ---- The runner

    private static final Set<String> COMMANDS = Set.of("error", "warning", "notice", "debug", "group", "endgroup",
            "add-mask", "set-output", "save-state", "set-env", "add-path", "add-matcher", "echo", "stop-commands");

    /**
     * The commands that GitHub's runner obeys in a log, by the rules of its ActionCommand.cs and
     * ActionCommandManager.cs: each one's name and data, with TOKEN for what resumes them.
     */
    static List<String> obeyed(String log) {
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
}
