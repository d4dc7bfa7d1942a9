// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.Bake;
import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.KnownLine;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Images that can be built at the same moment are built by one bake, and each is as if it had been built by itself. */
class BakeTest {

    private static final int LEAVES = 5;
    private static final int MOST_RACES = 20;
    private static final int LONGEST = 640; // s

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final Path log = Harness.newFolder().resolve("log");
    private Workbench bench = Workbench.ofToday();

    // ---- One bake

    @ParameterizedTest
    @EnumSource
    void whatCanBeBuiltAtTheSameMomentIsOneBake(InputsTest.Where where) {
        bench = where.open();
        root("1");
        leaves(LEAVES);
        all().run().succeeded();
        assertEquals(List.of("build", "buildx"), builds(), "the root by itself, then the leaves as one");
        assertLeaves(LEAVES, "1");
        Harness.Result again = all().run().succeeded();
        assertTrue(again.out().lines().allMatch(line -> line.startsWith("present ")), again.toString());
        assertEquals(2, builds().size(), "nothing is built");

        root("2");
        Harness.Result rebuilt = all().run().succeeded();
        assertTrue(rebuilt.out().lines().allMatch(line -> line.startsWith("rebuilt ")), rebuilt.toString());
        assertEquals(List.of("build", "buildx", "build", "buildx"), builds());
        assertLeaves(LEAVES, "2");
    }

    @Test
    void noMoreImagesAreBuiltAtOnceThanWereAskedFor() {
        leaves("busybox", 4);
        all("--jobs", "2").run().succeeded();
        assertEquals(List.of("buildx", "buildx"), builds());
        forget();
        all("--jobs", "1", "--force").run().succeeded();
        assertEquals(List.of("build", "build", "build", "build"), builds());
    }

    /** Nor does one that is done wait with its name, or keep from building what is built on it. */
    @Test
    void anImageThatIsDoneDoesNotWaitForOneThatTakesLong() {
        root("1");
        leaves(1);
        image("slow", "FROM busybox\nRUN sleep 3600\n");
        try (Harness.Running running = all().start()) {
            Harness.eventually("the leaf is built", Harness.SOON,
                    () -> bench.docker("image", "inspect", name("leaf-0")).status() == 0);
            assertTrue(running.isAlive(), "control: the slow one is still being built");
            assertEquals("buildx", builds().get(0), "control: they began as one");
        }
        assertLeaves(1, "1");
    }

    @Test
    void whatNoBakeCanSayIsBuiltByItself() {
        leaves("busybox", 3);
        all("--", "--shm-size", "67108864").run().succeeded();
        assertEquals(List.of("build", "build", "build"), builds());
    }

    /** Another form of docker may have no such command. */
    @Test
    void aClientWithoutBakeBuildsEachByItself() {
        leaves("busybox", 3);
        String docker = bench.client("""
                if [ "$1" = buildx ]; then echo "docker: 'buildx' is not a docker command." >&2; exit 1; fi
                %s
                exec %s "$@"
                """.formatted(noting(), bench.client())).toString();
        bench.ensure("--docker", docker, "--all").succeeded();
        assertEquals(List.of("build", "build", "build"), builds());
    }

    // ---- Failures

    @ParameterizedTest
    @EnumSource
    void oneThatFailsDoesNotTakeTheOthersAlong(InputsTest.Where where) {
        bench = where.open();
        root("1");
        leaves(LEAVES - 1);
        image("bad", "FROM " + name("root") + "\nRUN echo its own words; exit 7\n");
        image("on-bad", "FROM " + name("bad") + "\n");
        image("on-leaf", "FROM " + name("leaf-0") + "\n");
        Harness.Result result = all().run().expect(10);
        assertEquals("buildx", builds().get(1), "control: they were built as one: " + builds());
        assertTrue(builds().subList(2, builds().size()).contains("build"), "it was judged by its own build");
        assertLeaves(LEAVES - 1, "1");
        assertEquals("1", bench.cat(name("on-leaf"), "/above"));
        assertTrue(result.err().contains("build failed: " + name("bad") + ":latest"), result.toString());
        assertTrue(result.err().contains("not built: " + name("on-bad") + ":latest"), result.toString());
        String output = result.err().lines().filter(line -> line.startsWith("  | ")).collect(Collectors.joining("\n"));
        assertTrue(output.contains("its own words") && output.contains("exit code: 7"), result.toString());
        assertFalse(output.contains("/who"), "nothing of the others': " + result);
    }

    /** Each of them makes a bake fail; after a few, each image is built by itself. */
    @Test
    void manyThatFailAreEachToldInTheirOwnWords() {
        leaves("busybox", 2);
        for (int i = 0; i < LEAVES; i++) {
            image("bad-" + i, "FROM busybox\nRUN echo words of $((100 + " + i + ")); exit 7\n");
        }
        Harness.Result result = all().run().expect(10);
        for (int i = 0; i < LEAVES; i++) {
            assertTrue(result.err().contains("build failed: " + name("bad-" + i) + ":latest"), result.toString());
            assertTrue(result.err().contains(" words of " + (100 + i)), result.toString());
        }
        for (int i = 0; i < 2; i++) {
            assertEquals(Integer.toString(i), bench.cat(name("leaf-" + i), "/who"));
        }
    }

    /** BuildKit never begins with any of it, and no line says which image is the reason. */
    @ParameterizedTest
    @EnumSource
    void aDockerfileThatCannotBeReadFailsAlone(InputsTest.Where where) {
        bench = where.open();
        leaves("busybox", 2);
        image("bad", "FROM busybox\nNOSUCH instruction\n");
        Harness.Result result = all().run().expect(10);
        assertTrue(result.err().contains("unknown instruction: NOSUCH"), result.toString());
        assertEquals(2, result.out().lines().filter(line -> line.startsWith("built ")).count(), result.toString());
    }

    @Test
    void theTimeOfOneDoesNotEndTheOthers() {
        String sleep = longSleep();
        leaves("busybox", 2);
        image("slow", "FROM busybox\nRUN " + sleep + "\n");
        Harness.Result result = null;
        // A busy machine may not build the others in time.
        for (int limit = 20; result == null || limit <= LONGEST && !result.out().contains("built "); limit *= 2) {
            result = all("--timeout", "" + limit).run().expect(124);
        }
        assertTrue(result.err().contains(name("slow") + ":latest: docker build"), result.toString());
        assertEquals(2, result.out().lines().filter(line -> line.matches("(built|present) .*")).count(),
                result.toString());
        assertEquals("buildx", builds().get(0), "control: they began as one");
        Harness.eventually("nothing is left building", Harness.SOON, () -> !isRunning(sleep));
    }

    @Test
    void controlCEndsTheBakeAndExits130() {
        String sleep = longSleep();
        image("slow", "FROM busybox\nRUN " + sleep + "\n");
        image("slower", "FROM busybox\nRUN " + sleep + " || true\n");
        // A terminal sends the signal to the whole foreground group; a test run in the background may ignore it.
        try (Harness.Running running =
                all().startedBy("setsid", "env", "--default-signal=INT").start()) {
            Harness.eventually("it builds", Harness.SOON, () -> isRunning(sleep));
            Harness.command("kill", "-INT", "--", "-" + running.pid()).run().succeeded();
            Harness.Result result = running.await().expect(130);
            assertFalse(result.err().contains("build failed"), result.toString());
        }
        assertEquals(List.of("buildx"), builds());
        Harness.eventually("nothing is left building", Harness.SOON, () -> !isRunning(sleep));
    }

    // ---- Many processes

    /** The control: the same by bakes that name the images themselves. */
    @Test
    void manyProcessesEnsureACollectionAtOnceWhereBakesFail() {
        bench = InputsTest.Where.NO_WITNESS.open();
        String race = "already exists";
        boolean lost = false;
        for (int round = 0; !lost && round < 20; round++) {
            String fresh = id + round;
            leaves("busybox", LEAVES, "RUN sleep 1; echo " + fresh + "\n");
            String file = IntStream.range(0, LEAVES)
                    .mapToObj(i -> "\"leaf-%d\": {\"context\": \"%s\", \"tags\": [\"%s\"]}"
                            .formatted(i, bench.folder.resolve("images/" + name("leaf-" + i)),
                                    "baked-" + fresh + "-" + i))
                    .reduce((one, other) -> one + ", " + other).orElseThrow();
            Path bake = bench.write("bake.json", "{\"target\": {" + file + "}, \"group\": {\"default\": {\"targets\": "
                    + IntStream.range(0, LEAVES).mapToObj(i -> "\"leaf-" + i + "\"").toList() + "}}}");
            lost = Harness.together(4, i -> bench.command(bench.client(), "buildx", "bake", "-f", bake.toString()))
                    .stream().anyMatch(result -> result.status() != 0 && result.err().contains(race));
        }
        assertTrue(lost, "control: the race was lost");

        for (int round = 0; round < 3; round++) {
            leaves("busybox", LEAVES, "RUN sleep 1; echo ensured " + id + round + "\n");
            List<Harness.Result> results = Harness.together(4, i -> all());
            results.forEach(Harness.Result::succeeded);
            for (int i = 0; i < LEAVES; i++) {
                assertEquals(Integer.toString(i), bench.cat(name("leaf-" + i), "/who"));
            }
        }
        Harness.Result again = all().run().succeeded();
        assertTrue(again.out().lines().allMatch(line -> line.startsWith("present ")), again.toString());
    }

    /** Each process waits for images that the other one builds; neither may wait for the other's wave. */
    @Test
    void singleFlightsOfTwoProcessesDoNotWaitForEachOtherForever() {
        leaves("busybox", LEAVES, "RUN sleep 1\n");
        for (Harness.Result result : Harness.together(3, i -> all("--single-flight"))) {
            result.succeeded();
        }
        for (int i = 0; i < LEAVES; i++) {
            assertEquals(Integer.toString(i), bench.cat(name("leaf-" + i), "/who"));
        }
    }

    // ---- The same image

    /** Whatever a target of the file says, it makes the very image that {@code docker build} makes. */
    @ParameterizedTest
    @EnumSource
    void aBakeMakesTheImageThatABuildMakes(InputsTest.Where where) throws Exception {
        bench = where.open();
        Docker docker = bench.docker();
        List<Recipe> recipes = new ArrayList<>(ofThisProject());
        recipes.addAll(ofEachKind());
        List<Optional<Docker.Built>> apart = new ArrayList<>();
        List<Bake.Target> targets = new ArrayList<>();
        for (Recipe recipe : recipes) {
            assertTrue(Bake.canHold(recipe), recipe.toString());
            Docker.Built built = docker.build(recipe, labels(), BuildCache.NONE, deadline(), line -> {});
            if (built.process().status() == 0) { // not all bases are there
                apart.add(Optional.of(built));
                targets.add(new Bake.Target(recipe, labels(), line -> {}));
            }
        }
        assertTrue(targets.size() > ofEachKind().size(), "control: all kinds are built, and some of this project");
        Bake.Result baked = Bake.run(docker, targets, deadline(), target -> {});
        // Other tests may export the same image at that moment, and BuildKit then loses the race for its digest.
        for (int again = 0; again < MOST_RACES && baked.meaning() == KnownLine.Meaning.CLAIMED; again++) {
            baked = Bake.run(docker, targets, deadline(), target -> {});
        }
        assertEquals(KnownLine.Meaning.DONE, baked.meaning(), baked.line());
        for (int i = 0; i < targets.size(); i++) {
            Recipe recipe = targets.get(i).recipe();
            assertEquals(docker.lookUp(apart.get(i).orElseThrow().ids(), deadline()).values().stream().findFirst(),
                    docker.lookUp(baked.built().get(i).orElseThrow().ids(), deadline()).values().stream().findFirst(),
                    recipe.toString());
            assertEquals(apart.get(i).orElseThrow().witness(), baked.built().get(i).orElseThrow().witness(),
                    recipe.toString());
        }
    }

    /** The same with another value where each has one: control that the comparison sees a difference. */
    @Test
    void aBakeWithOtherValuesMakesOtherImages() throws Exception {
        Docker docker = bench.docker();
        List<Recipe> recipes = ofEachKind();
        List<Bake.Target> targets =
                recipes.stream().map(recipe -> new Bake.Target(recipe, labels(), line -> {})).toList();
        Bake.Result baked = Bake.run(docker, targets, deadline(), target -> {});
        for (int i = 0; i < recipes.size(); i++) {
            Docker.Built other =
                    docker.build(recipes.get(i), Map.of("other", "label"), BuildCache.NONE, deadline(), line -> {});
            assertNotEquals(other.ids(), baked.built().get(i).orElseThrow().ids());
        }
    }

    private List<Recipe> ofThisProject() throws Exception {
        List<Recipe> recipes = new ArrayList<>();
        for (String folder : List.of("images", "examples")) {
            try (Stream<Path> files = Files.walk(Harness.projectFile(folder))) {
                for (Path file : files.filter(each -> each.endsWith("Dockerfile")).toList()) {
                    recipes.add(recipe(file.getParent(), BuildOptions.NONE));
                }
            }
        }
        return recipes;
    }

    private List<Recipe> ofEachKind() throws Exception {
        bench.write("other/n", "named context");
        bench.write("hidden", "secret");
        String odd = "a\"b'c\\d \u00e4 ${x} $${y} %{z} %%{z} $$${v}\nsecond line";
        return List.of(
                kind("plain", "COPY f /", List.of(), List.of()),
                kind("arguments", "ARG A\nARG EMPTY=full\nENV A=$A E=$EMPTY", List.of("A=" + odd, "EMPTY="), List.of()),
                kind("labels", "RUN true", List.of(), List.of("--label", "l${x}=" + odd, "--label", "none")),
                kind("folder", "COPY --from=other n /", List.of(),
                        List.of("--build-context", "other=" + bench.folder.resolve("other"))),
                kind("image", "COPY --from=other /bin/true /t", List.of(),
                        List.of("--build-context", "other=docker-image://busybox")),
                kind("secret", "RUN --mount=type=secret,id=s cat /run/secrets/s > /s", List.of(),
                        List.of("--secret", "id=s,src=" + bench.folder.resolve("hidden"))),
                kind("output", "RUN true", List.of(), List.of("--progress=plain", "--load")),
                kind("epoch", "RUN true", List.of("SOURCE_DATE_EPOCH=1"), List.of()),
                kind("target", "RUN echo one > /f\nFROM busybox", List.of(), List.of())
                        .withOptions(BuildOptions.parse(List.of(), Optional.of("first"), Optional.of("linux/amd64"),
                                List.of(), Map.of())),
                kind("given", "COPY f /", List.of(), List.of()).withDockerfile(new DockerfileSource.Given(
                        ("FROM busybox\nARG A=${B:-%{c}}\nCOPY f /$A\n").getBytes(StandardCharsets.UTF_8))));
    }

    private Recipe kind(String name, String lines, List<String> arguments, List<String> passThrough) throws Exception {
        bench.write(name + "/f", name);
        bench.write(name + "/Dockerfile", "FROM busybox AS first\n" + lines + "\n");
        return recipe(bench.folder.resolve(name),
                BuildOptions.parse(arguments, Optional.empty(), Optional.empty(), passThrough, Map.of()));
    }

    /** As the loop has it: BuildKit sees the context under a name of its own. */
    private Recipe recipe(Path folder, BuildOptions options) throws Exception {
        Recipe recipe = Recipe.inFolder(Reference.parse(name("kind")), folder, options);
        Path link = Harness.newFolder().resolve(UUID.randomUUID().toString());
        return recipe.withContexts(Files.createSymbolicLink(link, folder), Map.of());
    }

    private static Map<String, String> labels() {
        return Map.of("some", "label ${x}");
    }

    private static Deadline deadline() {
        return new Deadline(Duration.ofMinutes(10));
    }

    // ---- Helpers

    private String name(String image) {
        return image + "-" + id;
    }

    private void image(String name, String dockerfile) {
        bench.write("images/" + name(name) + "/Dockerfile", dockerfile);
    }

    private void root(String content) {
        image("root", "FROM busybox\nRUN echo " + content + " > /above\n");
    }

    private void leaves(int count) {
        leaves(name("root"), count);
    }

    private void leaves(String base, int count, String... more) {
        for (int i = 0; i < count; i++) {
            image("leaf-" + i, "FROM " + base + "\nCOPY who /\n" + String.join("", more));
            bench.write("images/" + name("leaf-" + i) + "/who", Integer.toString(i));
        }
    }

    private void assertLeaves(int count, String root) {
        for (int i = 0; i < count; i++) {
            assertEquals(Integer.toString(i), bench.cat(name("leaf-" + i), "/who"));
            assertEquals(root, bench.cat(name("leaf-" + i), "/above"));
        }
    }

    /** With docker's own name, so that the engine's socket is asked for what needs no client. */
    private Harness.Command all(String... options) {
        Path client = bench.client(noting() + "exec " + bench.client() + " \"$@\"\n");
        boolean patient = !List.of(options).contains("--timeout"); // on a busy machine, too
        Harness.Command command = bench.ensuring(
                Stream.concat(patient ? Stream.of("--all", "--timeout", "3600") : Stream.of("--all"),
                        Stream.of(options))
                        .toArray(String[]::new));
        return command.env("PATH", client.getParent() + ":" + System.getenv("PATH"));
    }

    private String noting() {
        return "case $1 in build|buildx) echo $1 >>" + log + ";; esac\n";
    }

    /** What was built so far by which command, in order. */
    private List<String> builds() {
        try {
            return Files.exists(log) ? Files.readAllLines(log) : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void forget() {
        Harness.write(log, "");
    }

    /** A command line that no other process on this machine has. */
    private String longSleep() {
        return "sleep 3600." + (1 + Math.abs(id.hashCode() % 1_000_000));
    }

    /** Whether the engine runs it: its processes are this machine's too. By its argument, for sleep is busybox. */
    private static boolean isRunning(String sleep) {
        String argument = sleep.split(" ")[1];
        return ProcessHandle.allProcesses().anyMatch(process -> process.info().arguments()
                .map(arguments -> arguments.length == 1 && arguments[0].equals(argument)).orElse(false));
    }
}
