// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that are built on each other: their order, what becomes stale with what, and what fails with what. */
class CollectionTest {

    private static final String NOT_FOUND = "(?s).*(failed to resolve|pull access denied).*";

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String base = "base-" + id;
    private final String app = "app-" + id;
    private final String tool = "tool-" + id;
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
    }

    @Test
    void basesComeFirstAndWhatIsBuiltOnThemBecomesStaleWithThem() {
        image(base + "/1", "FROM busybox\nRUN echo one > /base\n");
        image(app, "ARG BASE=" + base + "\nARG TAG=1\nFROM ${BASE}:$TAG\nRUN cp /base /copy\n");
        image(tool, "FROM busybox\nCOPY --from=" + base + ":1 /base /from\n");
        outcomes("built " + base + ":1", "built " + app + ":latest", "built " + tool + ":latest").in("--all");
        outcomes("present " + base + ":1", "present " + app + ":latest", "present " + tool + ":latest").in("--all");

        image(base + "/1", "FROM busybox\nRUN echo two > /base\n");
        Harness.Result check = bench.ensure("--check", "--all").expect(11);
        assertTrue(check.out().contains("base " + base + ":1 changed"), check.toString());
        outcomes("rebuilt " + base + ":1", "rebuilt " + app + ":latest", "rebuilt " + tool + ":latest").in("--all");
        assertEquals("two", bench.cat(app, "/copy"));
        assertEquals("two", bench.cat(tool, "/from"));
    }

    @Test
    void aCollectionThatIsCurrentIsLookedUpByOneCommand() throws IOException {
        image(base, "FROM busybox\n");
        image(app, "FROM " + base + "\n");
        image(tool, "FROM " + base + "\nCOPY --from=" + app + " / /from\n");
        bench.ensure("--all").succeeded();
        Path log = Harness.newFolder().resolve("log");
        String client = bench.loggingClient(log).toString();
        bench.ensure("--docker", client, "--all").succeeded(); // it learns what the engine is
        Files.delete(log);
        bench.ensure("--docker", client, "--all").succeeded();
        assertEquals(1, Files.readAllLines(log).size(), Files.readString(log));
    }

    /** The first look at the collection saw the base as it was: what is built on it is looked up again, with its base. */
    @Test
    void aBaseThatGetsATriggerMakesTheWholeContextCount() {
        image(base, "FROM busybox\n");
        image(app, "FROM " + base + "\n");
        bench.ensure("--all").succeeded();
        image(base, "FROM busybox\nONBUILD COPY . /context\n");
        bench.write("images/" + app + "/file", "one");
        outcomes("rebuilt " + base + ":latest", "rebuilt " + app + ":latest").in("--all");
        bench.write("images/" + app + "/file", "two");
        outcomes("present " + base + ":latest", "rebuilt " + app + ":latest").in("--all");
        assertEquals("two", bench.cat(app, "/context/file"));
    }

    @Test
    void anImageBringsItsBasesAlongButOnlyItsOwnIdIsPrinted() {
        image(base, "FROM busybox\n");
        image(app, "FROM docker.io/library/" + base + "\n");
        image(tool, "FROM busybox\n");
        String ids = bench.ensure("-q", app).succeeded().out();
        assertEquals(bench.imageId(app) + "\n", ids);
        assertNotEquals(0, bench.docker("image", "inspect", tool).status(), "it was not asked for");
        outcomes("present " + base + ":latest", "present " + app + ":latest").in(app);
    }

    @Test
    void aStageMayHaveTheNameOfAnImage() {
        image(base, "FROM no-such-image-" + id + "\n");
        image(app, "FROM busybox AS " + base + "\nFROM " + base + "\nRUN echo stage > /which\n");
        outcomes("built " + app + ":latest").in(app);
        assertEquals("stage", bench.cat(app, "/which"));
    }

    @Test
    void imagesThatAreBuiltFromEachOtherAreAMistake() {
        image(base, "FROM " + app + "\n");
        image(app, "FROM busybox\nCOPY --from=" + tool + " / /\n");
        image(tool, "FROM " + base + "\n");
        Harness.Result result = bench.ensure(app).expect(2);
        assertEquals("ensure_image: a cycle: " + app + ":latest is built from " + tool + ":latest is built from " + base
                + ":latest is built from " + app + ":latest", result.err().lines().findFirst().orElse(""));
    }

    @Test
    void oneFailureStopsWhatIsBuiltOnItAndNothingElse() {
        image(base, "FROM busybox\nRUN exit 3\n");
        image(app, "FROM " + base + "\n");
        image(tool, "FROM busybox\n");
        Harness.Result result = bench.ensure("--all").expect(10);
        assertTrue(result.out().contains("built             " + tool + ":latest"), result.toString());
        assertTrue(result.err().contains("build failed: " + base + ":latest"), result.toString());
        assertTrue(result.err().contains("not built: " + app + ":latest"), result.toString());
        assertEquals(List.of(app, base, tool), Stream.of(app, base, tool)
                .filter(name -> result.out().contains(name + ":latest")).toList(),
                "every outcome is listed: " + result);
    }

    @Test
    void anImageThatWaitsForItsBaseKeepsNoOtherFromBeingBuilt() {
        image(base, "FROM busybox\nRUN sleep 3600\n");
        image(app, "FROM " + base + "\n");
        image(tool, "FROM busybox\n");
        try (Harness.Running running = bench.ensuring("--all", "--jobs", "2").start()) {
            Harness.eventually("the tool is built beside the base", Harness.SOON,
                    () -> bench.docker("image", "inspect", tool).status() == 0);
            assertTrue(running.isAlive(), "control: the base is still being built");
        }
    }

    @Test
    void theCollectionIsBuiltByManyAtOnce() {
        image(base, "FROM busybox\nRUN sleep 1; echo " + id + " > /id\n");
        image(app, "FROM " + base + "\nRUN sleep 1\n");
        image(tool, "FROM " + app + "\nRUN sleep 1\n");
        for (Harness.Result result : Harness.together(6,
                i -> bench.ensuring("--all", "--jobs", i % 2 == 0 ? "1" : "4"))) {
            result.succeeded();
        }
        assertEquals(id, bench.cat(tool, "/id"));
        outcomes("present " + base + ":latest", "present " + app + ":latest", "present " + tool + ":latest")
                .in("--all");
    }

    /** Another process gives the base's name to another image while the image on it is built. */
    @Test
    void anImageIsBuiltAgainIfItsBaseWasReplacedDuringItsBuild() {
        image(base, "FROM busybox\nRUN echo right > /base\n");
        image(app, "FROM " + base + "\nRUN cp /base /copy\n");
        bench.ensure(base).succeeded();
        try (Gate gate = Gate.after(bench);
                Harness.Running running = bench.ensuring("--docker", gate.client(), app).start()) {
            gate.await(1);
            bench.docker("tag", "busybox", base).succeeded();
            gate.open();
            running.await().succeeded();
        }
        assertEquals("right", bench.cat(app, "/copy"));
        assertEquals("right", bench.cat(base, "/base"));
        outcomes("present " + base + ":latest", "present " + app + ":latest").in(app);
    }

    /** Docker would look for it in a registry, and fail. */
    @Test
    void aBaseThatIsRemovedDuringTheBuildIsBuiltAgain() {
        Harness.Result result = buildOnTheBase("[ -e once ] || $docker image rm --force " + base + " > once").run()
                .succeeded();
        assertTrue(result.toString().contains("failed to solve"), "control: a build failed: " + result);
        assertEquals("right", bench.cat(app, "/copy"));
        outcomes("present " + base + ":latest", "present " + app + ":latest").in(app);
    }

    /** As while the engine gives the base's name to another image, and back: on Docker 26.1 it has none for a moment. */
    @ParameterizedTest
    @ValueSource(strings = {"0", "1"})
    void aBaseWithoutItsNameForAMomentIsBuiltOnAgain(String buildKit) {
        Harness.Result result = buildOnTheBase("if [ ! -e once ]; then " + unnamed() + "; fi")
                .env("DOCKER_BUILDKIT", buildKit).run().succeeded();
        assertTrue(result.toString().matches(NOT_FOUND), "control: a build failed: " + result);
        assertEquals("right", bench.cat(app, "/copy"));
        Harness.Result again = bench.ensuring(app).env("DOCKER_BUILDKIT", buildKit).run().succeeded();
        assertTrue(again.out().lines().allMatch(line -> line.startsWith("present ")), again.toString());
    }

    /** As for a builder that does not see the engine's images. */
    @ParameterizedTest
    @ValueSource(strings = {"0", "1"})
    void aBaseThatNoBuildFindsIsAFailureInDockersWords(String buildKit) {
        Harness.Result result = buildOnTheBase(unnamed()).env("DOCKER_BUILDKIT", buildKit).run().expect(10);
        assertTrue(result.err().matches(NOT_FOUND), result.toString());
    }

    @Test
    void withoutAnEngineThatIsToldOnceAndNothingElseIsTried() {
        image(base, "FROM busybox\n");
        image(app, "FROM " + base + "\n");
        image(tool, "FROM busybox\n");
        Harness.Result result =
                bench.ensuring("--all").env("DOCKER_HOST", "unix:///nowhere/docker.sock").run().expect(69);
        assertEquals(List.of("failed            " + app + ":latest  not tried",
                "failed            " + base + ":latest  the engine is not running",
                "failed            " + tool + ":latest  not tried"), result.out().lines().sorted().toList());
        assertEquals("ensure_image: the engine is not running: no answer at /nowhere/docker.sock\n"
                + "Start it, or set DOCKER_HOST. To see its state: docker version\n", result.err());
    }

    @Test
    void mistakesAreNamed() {
        Harness.Result result = bench.ensure("--all").expect(2);
        assertEquals("ensure_image: no collection: images is not a folder (working folder " + bench.folder + ")",
                result.err().lines().findFirst().orElse(""));
        image(app, "FROM busybox\n");
        image(app + "/1", "FROM busybox\n");
        mistake("--all names every image, but there are references too", "--all", app);
        mistake(app + ":1 is asked for from two folders: images and .", app + ":1=images", app + ":1=.");
    }

    // ---- Helpers

    private void image(String name, String dockerfile) {
        bench.write("images/" + name + "/Dockerfile", dockerfile);
    }

    /** With a client that runs a piece of shell script before each build of the image that is built on the base. */
    private Harness.Command buildOnTheBase(String before) {
        image(base, "FROM busybox\nRUN echo right > /base\n");
        image(app, "FROM " + base + "\nRUN cp /base /copy\n");
        String client = bench.client("docker=" + bench.client() + "; cd " + bench.folder + "\n"
                + "case \"$1 $*\" in 'build '*images/" + app + "/Dockerfile*) " + before + ";; esac\n"
                + "exec $docker \"$@\"\n").toString();
        return bench.ensuring("--verbose", "--docker", client, app);
    }

    /** Builds while the base has another name. */
    private String unnamed() {
        return "{ $docker tag " + base + " kept-" + base + "; $docker image rm " + base + "; } > once\n"
                + "$docker \"$@\"; status=$?\n"
                + "$docker tag kept-" + base + " " + base + "\n"
                + "exit $status";
    }

    private void mistake(String message, String... arguments) {
        bench.write("Dockerfile", "FROM busybox\n");
        bench.write("images/Dockerfile", "FROM busybox\n");
        Harness.Result result = bench.ensure(arguments).expect(2);
        assertEquals("ensure_image: " + message, result.err().lines().findFirst().orElse(""), result.toString());
    }

    private Expected outcomes(String... expected) {
        return new Expected(List.of(expected));
    }

    private final class Expected {
        private final List<String> lines;

        Expected(List<String> lines) {
            this.lines = lines;
        }

        /** Runs it, and compares outcome and reference of every line that it prints. */
        void in(String... arguments) {
            Harness.Result result = bench.ensure(arguments).succeeded();
            assertEquals(lines,
                    result.out().lines().map(line -> line.replaceAll(" +", " ").split(" sha256:")[0].strip())
                            .toList(),
                    result.toString());
            assertFalse(result.out().isEmpty());
        }
    }
}
