// SPDX-License-Identifier: Apache-2.0
package client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Checked;
import ensureimage.EnsureImage;
import ensureimage.Ensured;
import ensureimage.Limits;
import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.Notice;
import ensureimage.Outcome;
import ensureimage.Policy;
import ensureimage.Status;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Change;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The API as its users have it: from a package of their own, by types of {@code ensureimage} and {@code
 * ensureimage.recipe} alone, from many threads, on a real engine.
 */
class LibraryTest {

    private static final int THREADS = 8;
    private static final int MOST_ROUNDS = 10;
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String app = "library-" + id;
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
    }

    // ---- One image

    @ParameterizedTest
    @ValueSource(strings = {"26.1", "28.5"})
    void eightThreadsAllGetTheImageWhereNaiveOnesFail(String version) throws Exception {
        bench = new Workbench(version, EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
        dockerfile("FROM busybox\nARG ROUND\nRUN sleep 1.5; echo $ROUND > /round\n");
        boolean naiveFailed = false;
        for (int round = 0; round < MOST_ROUNDS && !naiveFailed; round++) {
            String argument = "ROUND=naive" + round;
            bench.docker("image", "rm", "--force", app);
            naiveFailed = inThreads(() -> bench.docker("build", "--build-arg", argument, "--tag", app, ".").status())
                    .stream().anyMatch(status -> status != 0);
        }
        assertTrue(naiveFailed, "control: naive threads race on this engine");

        bench.docker("image", "rm", "--force", app);
        EnsureImage images = images();
        Recipe recipe = recipe(options("ROUND=ours"));
        List<Ensured> all = inThreads(() -> images.ensure(recipe));
        assertEquals(THREADS, all.size());
        for (String image : all.stream().map(Ensured::id).collect(Collectors.toSet())) {
            assertEquals("ours", bench.cat(image, "/round"));
        }
        assertEquals(Ensured.How.PRESENT, images.ensure(recipe).how());
        assertEquals(new Status.Current(bench.imageId(app)), images.check(recipe));
    }

    @Test
    void threadsThatWaitForEachOtherBuildOnce() throws Exception {
        dockerfile("FROM busybox\nRUN sleep 1\n");
        ConcurrentLinkedQueue<Notice> heard = new ConcurrentLinkedQueue<>();
        EnsureImage images = images().with(listener(heard)).withSingleFlight(Duration.ofMinutes(2));
        Recipe recipe = recipe(BuildOptions.NONE);
        List<Ensured> all = inThreads(() -> images.ensure(recipe));
        assertEquals(1, heard.stream().filter(notice -> notice instanceof Notice.Building).count(), heard.toString());
        assertEquals(1, all.stream().map(Ensured::id).distinct().count());
        assertEquals(1, all.stream().mapToInt(Ensured::builds).sum());
    }

    @Test
    void anImageIsMissingThenCurrentThenStaleAndWhy() throws Exception {
        dockerfile("FROM busybox\nCOPY file /file\n");
        bench.write("file", "one");
        Recipe recipe = recipe(BuildOptions.NONE);
        assertEquals(new Status.Missing(), images().check(recipe));
        assertEquals(1, bench.docker("image", "inspect", app).status(), "nothing was built");
        Ensured built = images().ensure(recipe);
        assertEquals(Ensured.How.BUILT, built.how());
        assertEquals(recipe, built.recipe());
        assertEquals(bench.label(app), built.fingerprint());
        assertEquals(new Status.Current(built.id()), images().check(recipe));

        bench.write("file", "two");
        Status.Stale stale = assertInstanceOf(Status.Stale.class, images().check(recipe));
        assertEquals(List.of(new Change.FilesChanged(Change.How.CHANGED, List.of("file"))), stale.why());
        assertEquals(Ensured.How.PRESENT, images().with(Policy.IF_MISSING).ensure(recipe).how());
        assertEquals(Ensured.How.REBUILT, images().ensure(recipe).how());
        assertEquals(Ensured.How.REBUILT, images().with(Policy.ALWAYS).ensure(recipe).how());
        assertEquals("two", bench.cat(app, "/file"));
    }

    // ---- Many images

    @Test
    void aCollectionIsEnsuredBasesFirst() throws Exception {
        image(app + "-base", "FROM busybox\n");
        image(app, "FROM " + app + "-base\n");
        List<ImageCollection.Member> members = collection().members(
                List.of(ImageCollection.Wanted.parse(app)), Optional.empty());
        List<Reference> order = List.of(Reference.parse(app + "-base"), Reference.parse(app));

        Map<Reference, Outcome> checked = images().checkAll(members);
        assertEquals(order, List.copyOf(checked.keySet()));
        checked.values().forEach(
                outcome -> assertEquals(new Status.Missing(), ((Checked) outcome).status(), outcome.toString()));

        Map<Reference, Outcome> ensured = images().ensureAll(members);
        assertEquals(order, List.copyOf(ensured.keySet()));
        ensured.values().forEach(outcome -> assertEquals(Ensured.How.BUILT, ((Ensured) outcome).how()));

        image(app + "-base", "FROM busybox\nUSER 1\n");
        Checked above = (Checked) images().checkAll(members).get(order.get(1));
        assertEquals(List.of(new Change.BasesChanged(Change.How.CHANGED, List.of(app + "-base:latest"))),
                ((Status.Stale) above.status()).why());
    }

    @Test
    void oneFailureIsAnOutcomeAmongOthers() throws Exception {
        image(app + "-base", "FROM busybox\nRUN exit 3\n");
        image(app + "-on-it", "FROM " + app + "-base\n");
        image(app, "FROM busybox\n");
        List<Outcome> outcomes = List.copyOf(images().ensureAll(collection().allMembers()).values());
        assertEquals(List.of(Ensured.class, NotEnsured.BuildFailed.class, NotEnsured.BaseFailed.class),
                outcomes.stream().map(Object::getClass).toList());
        assertEquals(outcomes.get(1), ((NotEnsured.BaseFailed) outcomes.get(2)).base());
    }

    @Test
    void withoutAnEngineNothingElseIsTried() throws Exception {
        image(app + "-1", "FROM busybox\n");
        image(app + "-2", "FROM busybox\n");
        EnsureImage none = EnsureImage.using("no-such-docker", environment());
        List<Outcome> outcomes = List.copyOf(none.ensureAll(collection().allMembers()).values());
        assertInstanceOf(NotEnsured.NoEngine.class, outcomes.get(0));
        assertEquals(Optional.of(outcomes.get(0)), ((NotEnsured.NotTried) outcomes.get(1)).because());
    }

    // ---- Failures

    @Test
    void aBuildThatFailsHasItsOutput() throws Exception {
        dockerfile("FROM busybox\nRUN echo \"useradd: user 'app' already exists\" >&2; exit 9\n");
        NotEnsured.BuildFailed failed =
                assertThrows(NotEnsured.BuildFailed.class, () -> images().ensure(recipe(BuildOptions.NONE)));
        assertEquals(NotEnsured.BuildFailed.Stage.BUILDING, failed.stage());
        assertTrue(failed.status() != 0);
        assertTrue(failed.output().stream().anyMatch(line -> line.contains("already exists")),
                failed.output().toString());
        assertEquals(app + ":latest", failed.recipe().reference().toString());
        String message = failed.getMessage();
        assertTrue(message.startsWith(app + ":latest: the build failed (Dockerfile " + bench.folder
                + "/Dockerfile line 2, context " + bench.folder + "), docker's exit status " + failed.status() + ": "),
                "a test report has it: " + message);
        assertTrue(message.lines().findFirst().orElseThrow().endsWith(" did not complete successfully: exit code: 9"),
                message);
        assertTrue(message.contains("useradd: user 'app' already exists\n"), message);
    }

    @Test
    void eachOtherFailureHasItsType() throws Exception {
        dockerfile("FROM busybox\nRUN sleep 3600\n");
        Recipe recipe = recipe(BuildOptions.NONE);
        NotEnsured.NoEngine noEngine = assertThrows(NotEnsured.NoEngine.class,
                () -> EnsureImage.using("no-such-docker", environment()).ensure(recipe));
        assertTrue(noEngine.engine().getMessage().contains("no-such-docker"), noEngine.toString());

        Limits limits = new Limits(2, Duration.ofSeconds(5), 1);
        NotEnsured.TimedOut timedOut =
                assertThrows(NotEnsured.TimedOut.class, () -> images().with(limits).ensure(recipe));
        assertEquals(Duration.ofSeconds(5), timedOut.limit());
        assertEquals("build", timedOut.command());
        assertNothingIsLeft();

        String line = "ERROR: failed to solve: DeadlineExceeded: context deadline exceeded";
        Path busy = bench.client("[ \"$1\" = build ] || exec " + bench.client() + " \"$@\"\necho '" + line
                + "' >&2\nexit 1\n");
        NotEnsured.GaveUp gaveUp = assertThrows(NotEnsured.GaveUp.class,
                () -> EnsureImage.using(busy.toString(), environment()).with(new Limits(2, SOON, 1)).ensure(recipe));
        assertEquals(NotEnsured.GaveUp.Reason.TEMPORARY, gaveUp.reason());
        assertEquals(line, gaveUp.detail());
        assertEquals(2, gaveUp.builds());

        Recipe nothing = Recipe.inFolder(Reference.parse(app), bench.folder.resolve("nowhere"), BuildOptions.NONE);
        assertThrows(NotEnsured.UnusableRecipe.class, () -> images().ensure(nothing));
        assertThrows(NotEnsured.UnusableRecipe.class, () -> images().check(nothing));
        assertThrows(RecipeException.class, () -> Reference.parse("No Reference"));
        assertThrows(IllegalArgumentException.class, () -> new Limits(0, SOON, 1));
    }

    // ---- Interruption

    @Test
    void anInterruptedThreadLeavesNothingBuilding() throws Exception {
        dockerfile("FROM busybox\nRUN sleep 3600\n");
        Recipe recipe = recipe(BuildOptions.NONE);
        assertInterrupted(images -> images.ensure(recipe));
    }

    @Test
    void anInterruptedRunOfManyLeavesNothingBuilding() throws Exception {
        image(app + "-1", "FROM busybox\nRUN sleep 3600\n");
        image(app + "-2", "FROM busybox\nRUN sleep 3600; true\n");
        List<ImageCollection.Member> members = collection().allMembers();
        assertInterrupted(images -> images.ensureAll(members));
    }

    /** Something that takes long. */
    @FunctionalInterface
    private interface Work {
        Object run(EnsureImage images) throws NotEnsured, InterruptedException;
    }

    private void assertInterrupted(Work work) throws Exception {
        CompletableFuture<Void> builds = new CompletableFuture<>();
        EnsureImage images = images().with(new Listener() {
            @Override
            public void output(Recipe recipe, String line) {
                if (line.contains("sleep 3600")) {
                    builds.complete(null);
                }
            }
        });
        CompletableFuture<Thread> thread = new CompletableFuture<>();
        ExecutorService pool = Executors.newSingleThreadExecutor();
        try {
            Future<Boolean> interrupted = pool.submit(() -> {
                thread.complete(Thread.currentThread());
                try {
                    work.run(images);
                    return false;
                } catch (InterruptedException e) {
                    assertNothingIsLeft();
                    return true;
                }
            });
            builds.get();
            assertTrue(processes().anyMatch(environment -> environment.contains(id)), "control: it would be seen");
            thread.get().interrupt();
            assertTrue(interrupted.get(), "it was interrupted");
        } finally {
            pool.shutdownNow();
        }
    }

    /** No process that the library started: each has this test's variable. */
    private void assertNothingIsLeft() {
        assertFalse(processes().anyMatch(environment -> environment.contains(id)), "a client is left");
    }

    private static Stream<String> processes() {
        return ProcessHandle.allProcesses().map(process -> {
            try {
                return Files.readString(Path.of("/proc/" + process.pid() + "/environ"), StandardCharsets.ISO_8859_1);
            } catch (IOException e) {
                return "";
            }
        });
    }

    // ---- It is a guest

    /** A program of its own, that uses nothing but the library. */
    public static void main(String... arguments) throws Exception {
        Recipe recipe = Recipe.inFolder(Reference.parse(arguments[1]), Path.of(arguments[2]), BuildOptions.NONE);
        Set<Object> properties = Set.copyOf(System.getProperties().keySet());
        EnsureImage images = EnsureImage.using(arguments[0], System.getenv());
        String id = images.ensure(recipe).id();
        System.out.println(id + " " + images.check(recipe).equals(new Status.Current(id)) + " "
                + properties.equals(System.getProperties().keySet()));
    }

    @Test
    void itPrintsNothingAndSetsNoProperty() {
        dockerfile("FROM busybox\n");
        Harness.Result result = bench.command(Harness.script("client.LibraryTest", bench.client(), app,
                bench.folder.toString()).line().toArray(String[]::new)).run().succeeded();
        assertEquals(bench.imageId(app) + " true true\n", result.out());
        assertEquals("", result.err());
    }

    // ---- Helpers

    private void dockerfile(String text) {
        bench.write("Dockerfile", text);
    }

    private void image(String name, String dockerfile) {
        bench.write("images/" + name + "/Dockerfile", dockerfile);
    }

    private ImageCollection collection() {
        return new ImageCollection(bench.folder.resolve("images"), BuildOptions.NONE, BuilderKind.BUILDKIT);
    }

    private Recipe recipe(BuildOptions options) throws RecipeException {
        return Recipe.inFolder(Reference.parse(app), bench.folder, options);
    }

    private static BuildOptions options(String argument) throws RecipeException {
        return BuildOptions.parse(List.of(argument), Optional.empty(), Optional.empty(), List.of(), Map.of());
    }

    private EnsureImage images() {
        return EnsureImage.using(bench.client(), environment());
    }

    private Map<String, String> environment() {
        Map<String, String> environment = new TreeMap<>(System.getenv());
        environment.putAll(bench.environment());
        environment.put("LIBRARY_TEST", id);
        return environment;
    }

    private static Listener listener(ConcurrentLinkedQueue<Notice> heard) {
        return new Listener() {
            @Override
            public void notice(Recipe recipe, Notice notice) {
                heard.add(notice);
            }
        };
    }

    /** What each of so many threads gets that all begin at the same moment. */
    private static <T> List<T> inThreads(Callable<T> work) throws InterruptedException, ExecutionException {
        CyclicBarrier barrier = new CyclicBarrier(THREADS);
        ExecutorService pool = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<T>> running = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                running.add(pool.submit(() -> {
                    barrier.await();
                    return work.call();
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> each : running) {
                results.add(each.get());
            }
            return results;
        } finally {
            pool.shutdownNow();
        }
    }
}
