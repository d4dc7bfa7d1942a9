// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.Witness;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** BuildKit says what a build saw, and is believed more than what was read in the Dockerfile. */
class WitnessTest {
    private static final Coverage ONLY_A =
            new Coverage(new TreeMap<>(Map.of("", new TreeSet<>(Set.of("/a")))), false);
    private final Workbench bench = Workbench.ofToday();
    private final String app = "witness-" + UUID.randomUUID().toString().substring(0, 8);

    /** The reader is made to believe that the build sees less than it does, by what it seems to have learned before. */
    @Test
    void aMisreadDockerfileCostsACachedBuildAndNoWrongAnswer() throws Exception {
        bench.write("Dockerfile", "FROM busybox\nCOPY a /\nCOPY b /\n");
        bench.write("a", "1");
        bench.write("b", "1");
        teach(bench.folder, ONLY_A);
        Harness.Result first = bench.ensure(app + "=.").succeeded();
        assertTrue(first.err().contains("the build saw other inputs than expected, building again from the cache"),
                "control: it was misread: " + first);
        bench.write("b", "2");
        Harness.Result second = bench.ensure(app + "=.").succeeded();
        assertTrue(second.out().startsWith("rebuilt "), second.toString());
        assertFalse(second.err().contains("than expected"), "it has learned: " + second);
        assertEquals("2", bench.cat(app, "/b"));
    }

    /** The same by one bake: it has a witness per image, and only the image that was misread is built again. */
    @Test
    void inACollectionTheOneThatWasMisreadIsHealed() throws Exception {
        for (String name : List.of("one", "two", "three")) {
            bench.write("images/" + app + "-" + name + "/Dockerfile",
                    "FROM busybox\nLABEL is=" + name + "\nCOPY a /\nCOPY b /\n");
            bench.write("images/" + app + "-" + name + "/a", name);
            bench.write("images/" + app + "-" + name + "/b", name);
        }
        Path misread = bench.folder.resolve("images/" + app + "-two");
        teach(misread, ONLY_A);
        Harness.Result first = bench.ensure("--all").succeeded();
        assertEquals(
                List.of(app + "-two:latest: the build saw other inputs than expected, building again from the cache"),
                first.err().lines().filter(line -> line.contains("than expected")).toList(), first.toString());
        Files.writeString(misread.resolve("b"), "2");
        Harness.Result second = bench.ensure("--all").succeeded();
        assertEquals(1, second.out().lines().filter(line -> line.startsWith("rebuilt ")).count(), second.toString());
        assertEquals("2", bench.cat(app + "-two", "/b"));
        assertEquals("one", bench.cat(app + "-one", "/b"));
    }

    /** What BuildKit did not ask for is no input, although the reader could not know. */
    @Test
    void whatTheReaderCannotKnowCostsACachedBuildOnce() throws Exception {
        bench.write("Dockerfile", "FROM busybox AS s-amd64\nFROM busybox AS s-arm64\nFROM s-${TARGETARCH}\nCOPY a /\n");
        bench.write("a", "1");
        bench.write("b", "1");
        assertEquals(2, builds("built"));
        bench.write("b", "2");
        assertEquals(0, builds("present"), "no stage that is built copies it");
        bench.write("a", "2");
        assertEquals(1, builds("rebuilt"), "it has learned");
        bench.write("a", "3");
        bench.docker("image", "rm", app).succeeded();
        assertEquals(1, builds("built"));
    }

    @Test
    void aDockerfileThatIsReadWithCertaintyCostsOneBuild() throws Exception {
        bench.write("Dockerfile", "ARG FROM=busybox\nFROM $FROM AS one\nARG PART=a\nCOPY $PART /\n"
                + "COPY <<EOF /text\nCOPY nothing /\nEOF\nFROM busybox AS other\nCOPY nothing /\nFROM one\nCOPY d* /d/\n");
        bench.write("a", "1");
        bench.write("dir/b", "1");
        assertEquals(1, builds("built"));
        bench.write("dir/b", "2");
        assertEquals(1, builds("rebuilt"));
    }

    /** How often docker build was started. */
    private long builds(String outcome) throws IOException {
        Path log = Harness.newFolder().resolve("log");
        Harness.Result result = bench.ensure(app + "=.", "--docker", bench.loggingClient(log).toString()).succeeded();
        assertTrue(result.out().startsWith(outcome + " "), result.toString());
        try (Stream<String> calls = Files.lines(log)) {
            return calls.filter(call -> call.startsWith("build ")).count();
        }
    }

    private void teach(Path folder, Coverage coverage) throws Exception {
        Recipe recipe = recipe(folder);
        Memory memory = new Memory(Cache.open(bench.environment()));
        Expectation expected =
                Expectation.make(recipe, bench.docker().clientFacts(List.of()), BuilderKind.BUILDKIT, memory);
        memory.keep(expected.key(), new Memory.Lesson(coverage, Set.of("busybox:latest"), false));
    }

    private static Recipe recipe(Path folder) throws Exception {
        return Recipe.inFolder(Reference.parse("witness"), folder, BuildOptions.NONE);
    }

    /** Of the Dockerfiles of this project. */
    @Test
    void nothingIsSeenThatWasNotPredicted() throws Exception {
        Docker docker = bench.docker();
        int compared = 0;
        for (String folder : List.of("images", "examples")) {
            try (Stream<Path> files = Files.walk(Harness.projectFile(folder))) {
                for (Path file : files.filter(each -> each.endsWith("Dockerfile")).toList()) {
                    Recipe recipe = recipe(file.getParent());
                    Docker.Built built =
                            docker.build(recipe, Map.of(), BuildCache.NONE, new Deadline(Duration.ofMinutes(5)),
                                    line -> {});
                    if (built.process().status() == 0) {
                        Witness witness = built.witness().orElseThrow();
                        Coverage predicted = recipe.readDockerfile(BuilderKind.BUILDKIT).coverage(false);
                        assertTrue(predicted.covers(Coverage.seen(witness.contexts())), file + ": " + witness);
                        compared++;
                    }
                }
            }
        }
        assertTrue(compared > 0, "control: some are built");
    }
}
