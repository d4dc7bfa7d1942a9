// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.TestInstance.Lifecycle.PER_CLASS;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.testing.LibraryArtifact;
import ensureimage.testing.Programs;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * Each recipe of examples/ is run as its user runs it: in a checkout of its own, with ensure_image on PATH, on an
 * engine that has neither the image nor a built step of it. Several of its processes want the image at once. For the recipe
 * that has the library in place of the command, TestcontainersTest has eight processes.
 */
@TestInstance(PER_CLASS)
class ExamplesTest {

    private static final Path EXAMPLES = Harness.projectFile("examples");
    private static final String INDEX = read(EXAMPLES.resolve("README.md")) + read(EXAMPLES.resolve("ci.md"));
    /** A link to a file, whatever else on that line, and lines of the file. */
    private static final Pattern SHOWN = Pattern.compile("(?m)^\\[`[^`]+`]\\(([^)]+)\\)[^\n]*\n\n```\\w*\n([^`]*)```$");
    private static final int MOST_LINES = 10;
    private static final String ACTION = ".github/actions/ensure-image";
    private static final String RELEASE = "https://github.com/OWNER/REPO/releases/download/v" + Version.TEXT + "/";
    private static final String APP = "app-test";
    private static final Duration LIMIT = Duration.ofMinutes(6);
    private static final int JOBS = 4;
    private static final int MOST_ROUNDS = 40;

    /** Its own: all that is built is removed before each test. */
    private ThrowawayEngine engine;
    private Map<String, String> environment;
    /** When each ensure_image began and ended. */
    private Path log;

    @BeforeAll
    void startEngine() throws EngineUnavailable, InterruptedException {
        engine = Harness.ownEngine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD));
    }

    @AfterAll
    void closeEngine() {
        if (engine != null) {
            engine.close();
        }
    }

    @BeforeEach
    void open() {
        environment = new TreeMap<>(engine.environment());
        log = Harness.newFolder().resolve("log");
        removeWhatWasBuilt();
    }

    private void removeWhatWasBuilt() {
        docker("image", "rm", "--force", APP);
        docker("builder", "prune", "--all", "--force");
    }

    // ---- The recipes

    /** As it is installed for good. */
    @Test
    void make() throws IOException {
        Programs.require("make", "make");
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        ensureImageIsOnPath(InstalledForm.shared().launcher("ensure_image").toString());
        run("make", "make -j4").succeeded();
        assertShared(4);
    }

    @Test
    void makeRule() {
        Programs.require("make", "make");
        ensureImageIsNamed();
        runTogether("make", "make image");
    }

    @Test
    void just() {
        Programs.require("npm", "npm");
        Path folder = Harness.newFolder();
        command("npm", "install", "--prefix", folder.toString(), "rust-just@1.57.0").run().succeeded();
        prepend(folder.resolve("node_modules/.bin"));
        ensureImageIsNamed();
        runTogether("just", "just image");
        run("just", "just test").succeeded();
    }

    @Test
    void gradle() {
        Programs.require("gradle", "gradle");
        environment.put("GRADLE_OPTS", "-Dorg.gradle.daemon=false");
        environment.put("GRADLE_USER_HOME", Harness.newFolder().toString());
        ensureImageIsNamed();
        run("gradle", "gradle test").succeeded();
        assertShared(2);
    }

    /** The control of all: what the recipes are for happens here. */
    @Test
    void makeFailsWithTheNaiveWay() {
        Programs.require("make", "make");
        ensureImageIsOnPath("naive");
        onPath("naive", "{ docker image inspect $2 || docker build -t $2 images/$2; } >/dev/null && echo $2");
        for (int round = 0; round < MOST_ROUNDS; round++) {
            removeWhatWasBuilt();
            Harness.Result result = run("make", "make -j4");
            if (result.status() != 0 && result.err().contains("already exists")) {
                return;
            }
        }
        throw new AssertionError("the naive way did not fail in " + MOST_ROUNDS + " rounds");
    }

    @Test
    void pytest() {
        Optional<String> python = pythonWithXdist();
        if (python.isEmpty()) {
            Programs.install("python3-pytest-xdist");
            python = pythonWithXdist();
        }
        onPath("python3", python.orElseThrow() + " \"$@\"");
        ensureImageIsNamed();
        run("pytest", "python3 -m pytest").succeeded();
        assertShared(4);
    }

    private static Optional<String> pythonWithXdist() {
        return Stream.of("python3", "/usr/bin/python3")
                .flatMap(python -> answer(python, "-c", "import pytest, sys, xdist; print(sys.executable)").stream())
                .findFirst();
    }

    @Test
    void goTest() {
        Programs.require("go", "golang-go");
        ensureImageIsNamed();
        run("go", "go test -count=1 ./...").succeeded();
        assertShared(2);
    }

    @Test
    void nodeTest() {
        Programs.require("node", "nodejs");
        Programs.require("npm", "npm");
        ensureImageIsNamed();
        run("node", "npm test").succeeded();
        assertShared(4);
    }

    @Test
    void cargoTest() {
        Programs.require("cargo", "cargo");
        nameToolchains();
        String version = command("cargo", "--version").run().succeeded().out().strip();
        assumeTrue(Integer.parseInt(first("cargo 1\\.(\\d+)\\.", version)) >= 80, version + " is too old");
        ensureImageIsOnPath();
        Path checkout = checkout("cargo");
        Harness.Result built = command("cargo", "test", "--no-run").in(checkout).run().succeeded();
        String binary = first("Executable tests/app.rs \\((.+)\\)", built.err());
        List<String> tests = command(binary, "--list", "--format", "terse").in(checkout).run().succeeded().out().lines()
                .map(line -> line.replaceFirst(": test$", "")).toList();
        assertEquals(4, tests.size());
        // What a runner does that gives each test a process of its own.
        Harness.together(tests.size(), i -> command(binary, "--exact", tests.get(i)).in(checkout))
                .forEach(Harness.Result::succeeded);
        assertShared(4);
        run(checkout, "cargo test").succeeded();
    }

    /** A cargo of rustup's looks for its toolchains below HOME, which need not be the one that they are in. */
    private void nameToolchains() {
        Path cargo = Path.of(command("sh", "-c", "command -v cargo").run().succeeded().out().strip());
        Stream.of(System.getenv().getOrDefault("RUSTUP_HOME", ""),
                System.getenv().getOrDefault("HOME", "") + "/.rustup",
                cargo.resolve("../../../.rustup").normalize().toString(),
                System.getProperty("user.home") + "/.rustup") // of the user, whatever HOME is
                .filter(folder -> Files.isDirectory(Path.of(folder, "toolchains"))).findFirst()
                .ifPresent(folder -> environment.put("RUSTUP_HOME", folder));
    }

    @Test
    void mavenWithTestcontainers() {
        environment.put("MAVEN_OPTS", "-Dmaven.repo.local=" + LibraryArtifact.shared().repository);
        environment.put("XDG_CACHE_HOME", Harness.newFolder().toString());
        // Its helper that removes containers after a crash is an image from a registry, which tests here do not need.
        environment.put("TESTCONTAINERS_RYUK_DISABLED", "true");
        Harness.Result result = run("maven", "mvn test").succeeded();
        assertTrue(result.out().contains("Tests run: 2, Failures: 0, Errors: 0, Skipped: 0"), result.toString());
    }

    /** Its jobs as on one machine of the user's own, where they share an engine. */
    @Test
    @SuppressWarnings("unchecked")
    void githubActions() throws IOException {
        Path checkout = checkout("github-actions");
        Path workflow = checkout.resolve(".github/workflows/test.yml");
        WorkflowsTest.lint(workflow.toString()).succeeded();
        List<Map<String, Object>> steps = WorkflowsTest.steps(WorkflowsTest.read(workflow)).toList();
        Map<String, Object> ensure = steps.get(1);
        Map<String, String> inputs = (Map<String, String>) ensure.get("with");
        assertEquals("OWNER/REPO/" + ACTION + "@v0", ensure.get("uses"));
        assertEquals(Set.of("images"), inputs.keySet());
        Map<String, Object> test = steps.get(2);
        assertEquals(Map.of("IMAGE", "${{ steps." + ensure.get("id") + ".outputs.id }}"), test.get("env"));

        Path outputs = Harness.newFolder();
        Path home = WorkflowsTest.home();
        String action = WorkflowsTest.run(ACTION.substring(".github/".length()) + "/action.yml", WorkflowsTest.ENSURE);
        Harness.together(JOBS, job -> bash(action).in(checkout).env("IMAGES", inputs.get("images")).env("ARGUMENTS", "")
                .env("SCRIPTS", Harness.root()).env("GITHUB_WORKSPACE", checkout).env("HOME", home)
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_OUTPUT", outputs.resolve("" + job)).env("GITHUB_STEP_SUMMARY", "/dev/null"))
                .forEach(Harness.Result::succeeded);
        Set<String> outcomes = new HashSet<>();
        for (int job = 0; job < JOBS; job++) {
            String output = Files.readString(outputs.resolve("" + job));
            outcomes.add(first("outcome=(.*)", output));
            bash((String) test.get("run")).in(checkout).env("IMAGE", first("id=(.*)", output)).run().succeeded();
        }
        assertTrue(outcomes.contains("built"), outcomes.toString());
    }

    private Harness.Command bash(String script) {
        return WorkflowsTest.bash(script).env(environment).timeout(LIMIT);
    }

    /** Its jobs as on one machine, whose engine they share through the socket. */
    @Test
    void gitlabCi() throws IOException {
        Map<?, ?> job = gitlabJob(".gitlab-ci.yml");
        assertEquals(JOBS, job.get("parallel"));
        runJobs("gitlab-ci", lines(job, "before_script"), lines(job, "script"), JOBS);
        assertShared(JOBS);
    }

    /** Without its service, and without Alpine's packages: the engine and the programs are this machine's. */
    @Test
    void gitlabCiWithDind() throws IOException {
        Map<?, ?> job = gitlabJob("dind.gitlab-ci.yml");
        assertEquals(List.of("docker:28-dind"), job.get("services"));
        List<String> before = lines(job, "before_script");
        assertTrue(before.get(0).startsWith("apk add "), before.toString());
        // Two processes of the same job.
        runJobs("gitlab-ci", before.subList(1, before.size()), lines(job, "script"), 2);
        assertShared(2);
    }

    private static Map<?, ?> gitlabJob(String file) {
        return (Map<?, ?>) WorkflowsTest.read(EXAMPLES.resolve("gitlab-ci").resolve(file)).get("test");
    }

    private static List<String> lines(Map<?, ?> job, String key) {
        return ((List<?>) job.get(key)).stream().map(String.class::cast).toList();
    }

    /** Its steps alone: there is no Jenkins here. Four builds of the job, each in a workspace of its own. */
    @Test
    void jenkins() throws IOException {
        String file = read(EXAMPLES.resolve("jenkins/Jenkinsfile"));
        List<String> steps =
                Pattern.compile("(?m)^ +sh '([^'\\\\]+)'$").matcher(file).results().map(step -> step.group(1)).toList();
        assertEquals(file.split("\\bsh '", -1).length - 1, steps.size(), "each step was read: " + steps);
        runJobs("jenkins", steps.subList(0, 2), steps.subList(2, steps.size()), JOBS);
        assertShared(JOBS);
    }

    /** Runs jobs of a CI service at once. What they download is this checkout's jar. */
    private void runJobs(String recipe, List<String> installing, List<String> steps, int jobs) throws IOException {
        Programs.require("curl", "curl");
        Path release = Harness.newFolder();
        Files.copy(InstalledForm.shared().home.resolve(".local/share/ensure_image/ensure_image.jar"),
                release.resolve("ensure_image.jar"));
        assertTrue(installing.stream().anyMatch(line -> line.contains(RELEASE)), installing.toString());
        environment.put("HOME", Harness.newFolder().toString());
        environment.put("XDG_CACHE_HOME", Harness.newFolder().toString());
        List<Path> checkouts = Stream.generate(() -> checkout(recipe)).limit(jobs).toList();
        for (Path checkout : checkouts) {
            for (String line : installing) {
                command("sh", "-e", "-c", line.replace(RELEASE, release.toUri().toString())).in(checkout).run()
                        .succeeded();
            }
            Path program = checkout.resolve("bin/ensure_image");
            Path real = Files.move(program, program.resolveSibling("real"));
            Harness.program(program, logged(real.toString()));
        }
        Harness.together(jobs, i -> command("sh", "-e", "-c", String.join("\n", steps)).in(checkouts.get(i)))
                .forEach(Harness.Result::succeeded);
    }

    // ---- The index

    /** What can be copied from the index is what is run here. */
    @Test
    void theIndexShowsLinesOfTheRecipes() throws IOException {
        assertTrue(INDEX.contains(RELEASE), "the index has the jar of this version");
        Set<String> recipes =
                Stream.concat(linesShown(EXAMPLES.resolve("README.md")), linesShown(EXAMPLES.resolve("ci.md")))
                        .map(path -> path.replaceFirst("/.*", "")).collect(Collectors.toSet());
        try (Stream<Path> folders = Files.list(EXAMPLES)) {
            assertEquals(folders.filter(Files::isDirectory).map(folder -> folder.getFileName().toString())
                    .collect(Collectors.toSet()), recipes);
        }
    }

    @Test
    void theLibrarysPageShowsLinesOfTheRecipe() throws IOException {
        assertEquals(List.of("../examples/maven/pom.xml"),
                linesShown(Harness.projectFile("docs/library.md")).toList());
    }

    /** The files that a page shows lines of, which are there and few. */
    private static Stream<String> linesShown(Path page) throws IOException {
        List<MatchResult> shown = SHOWN.matcher(Files.readString(page)).results().toList();
        for (MatchResult block : shown) {
            List<String> lines = block.group(2).lines().toList();
            List<String> file = Files.readAllLines(page.resolveSibling(block.group(1)));
            assertTrue(Collections.indexOfSubList(file, lines) >= 0, block.group());
            assertTrue(lines.size() <= MOST_LINES, block.group());
        }
        return shown.stream().map(block -> block.group(1));
    }

    // ---- Running them

    /** Runs a recipe's tests by the command that the index gives. */
    private Harness.Result run(String recipe, String line) {
        return run(checkout(recipe), line);
    }

    /** Runs it several times at once, and each time in the same folder. */
    private void runTogether(String recipe, String line) {
        assertTrue(INDEX.contains("`" + line + "`"), "the index tells to run " + line);
        Path checkout = checkout(recipe);
        Harness.together(JOBS, i -> command(line.split(" ")).in(checkout)).forEach(Harness.Result::succeeded);
        assertShared(JOBS);
    }

    private Harness.Result run(Path checkout, String line) {
        assertTrue(INDEX.contains("`" + line + "`"), "the index tells to run " + line);
        return command(line.split(" ")).in(checkout).run();
    }

    /** A program, looked up on this test's PATH, which {@code env} does and this JVM does not. */
    private Harness.Command command(String... line) {
        return Harness.command(line).startedBy("env").env(environment).timeout(LIMIT);
    }

    /** A copy of the recipe's folder, so that the files it leaves are not in this checkout. */
    private static Path checkout(String recipe) {
        Path copy = Harness.newFolder();
        Harness.command("cp", "-R", EXAMPLES.resolve(recipe) + "/.", copy.toString()).run().succeeded();
        return copy;
    }

    private void docker(String... arguments) {
        command(Stream.concat(Stream.of(engine.docker().toString()), Stream.of(arguments)).toArray(String[]::new)).run()
                .succeeded();
    }

    /** What a program prints, if it is installed and succeeds. */
    private static Optional<String> answer(String... line) {
        try {
            return Optional.of(Harness.command(line).run()).filter(result -> result.status() == 0)
                    .map(result -> result.out().strip());
        } catch (UncheckedIOException e) {
            return Optional.empty(); // no such program
        }
    }

    // ---- ensure_image on PATH

    /** That of this checkout. */
    private void ensureImageIsOnPath() {
        ensureImageIsOnPath(ensureImage());
    }

    /** It is not on PATH: a recipe that does not ask for the variable fails. */
    private void ensureImageIsNamed() {
        environment.put("ENSURE_IMAGE",
                Harness.program(Harness.newFolder().resolve("program"), logged(ensureImage())).toString());
    }

    private static String ensureImage() {
        return "env XDG_CACHE_HOME=" + Harness.newFolder() + " " + Harness.script("ensure_image").line().stream()
                .map(word -> "'" + word + "'").collect(Collectors.joining(" "));
    }

    /**
     * What is called by that name here; its runs are noted in the log. The first one waits until there is another one, so
     * that two want the image at once, as they do in suites that start quickly.
     */
    private void ensureImageIsOnPath(String command) {
        onPath("ensure_image", logged(command));
    }

    private String logged(String command) {
        return """
                echo begins >>%1$s
                until [ $(grep -c begins %1$s) -gt 1 ]; do sleep 0.1; done
                %2$s "$@"
                status=$?
                echo ends >>%1$s
                exit $status
                """.formatted(log, command);
    }

    private void onPath(String name, String script) {
        prepend(Harness.program(Harness.newFolder().resolve(name), script).getParent());
    }

    private void prepend(Path... folders) {
        for (Path folder : folders) {
            environment.compute("PATH", (name, path) -> folder + ":" + path);
        }
    }

    /** So many processes wanted the image, some of them at once. */
    private void assertShared(int processes) {
        int running = 0;
        int most = 0;
        List<String> events = read(log).lines().toList();
        for (String event : events) {
            running += event.equals("begins") ? 1 : -1;
            most = Math.max(most, running);
        }
        assertEquals(processes, events.size() / 2, events.toString());
        assertTrue(most > 1, "at once: " + events);
    }

    private static String first(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().findFirst().map(found -> found.group(1))
                .orElseThrow(() -> new AssertionError("no " + pattern + " in " + text));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
