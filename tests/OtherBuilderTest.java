// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.RemoteBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A builder that is not the engine's own, and that does not see the engine's images. */
@SuppressWarnings("try") // a builder is only to be there, and to end
class OtherBuilderTest {

    /** The engine that gets the images, and the one whose BuildKit builds them. */
    enum Where {
        NEW("28.5", EngineSpec.Store.CONTAINERD, "26.1"), OLD("26.1", EngineSpec.Store.CONTAINERD, "28.5"),
        CLASSIC("28.5", EngineSpec.Store.CLASSIC, "28.5");

        final String version;
        final EngineSpec.Store store;
        final String builder;

        Where(String version, EngineSpec.Store store, String builder) {
            this.version = version;
            this.store = store;
            this.builder = builder;
        }
    }

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String base = "elsewhere-base-" + id;
    private final String app = "elsewhere-app-" + id;

    @ParameterizedTest
    @EnumSource
    void imagesOfTheCollectionAreHandedToIt(Where where) throws IOException {
        Workbench bench = new Workbench(where.version, where.store, "1", Harness.newFolder());
        try (RemoteBuilder builder = bench.buildElsewhere(where.builder, EngineSpec.Store.CONTAINERD)) {
            plant(bench, "one");
            List<String> outcomes = outcomes(bench.ensure(base, app).succeeded());
            assertEquals(List.of("built", "built"), outcomes);
            assertEquals("one one", bench.cat(app, "/app"));
            Harness.Result plain = bench.docker("build", "--load", "images/" + app);
            assertTrue(plain.err().contains(base + ": failed to resolve source metadata")
                    || plain.err().contains(base + ": not found"), "control: it does not see the base: " + plain);
            assertEquals(List.of("present", "present"), outcomes(bench.ensure(base, app).succeeded()));
            plant(bench, "two");
            assertEquals(List.of("rebuilt", "rebuilt"), outcomes(bench.ensure(base, app).succeeded()));
            assertEquals("two two", bench.cat(app, "/app"));
            assertEquals(List.of("present", "present"), outcomes(bench.ensure(base, app).succeeded()));
            assertEquals(List.of(), left(bench));
        }
    }

    private void plant(Workbench bench, String content) {
        bench.write("images/" + base + "/Dockerfile", "FROM scratch\nCOPY file /base\n");
        bench.write("images/" + base + "/file", content + "\n");
        bench.write("images/" + app + "/Dockerfile", "FROM " + base + " AS b\nFROM busybox\nCOPY --from=b /base /one\n"
                + "COPY --from=" + base + " /base /two\nRUN echo $(cat /one) $(cat /two) > /app\n");
    }

    private static List<String> outcomes(Harness.Result result) {
        return result.out().lines().map(line -> line.split(" ")[0]).toList();
    }

    /** A registry can have another image under a base's name, whatever the engine holds: only a build can tell. */
    @Test
    void anOutsideBaseIsLookedUpByTheBuilderEachTime() {
        Workbench bench = Workbench.ofToday();
        String outside = "elsewhere-outside-" + id;
        Workbench other = new Workbench("26.1", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
        try (RemoteBuilder builder = bench.buildElsewhere("26.1", EngineSpec.Store.CONTAINERD)) {
            bench.write("Dockerfile", "FROM " + outside + "\nCOPY file /file\n");
            bench.write("file", "x");
            for (String content : List.of("one", "two")) {
                other.write("Dockerfile", "FROM scratch\nCOPY base /base\n");
                other.write("base", content);
                other.docker("build", "--tag", outside, ".").succeeded();
                bench.ensure(app + "=.").succeeded();
                assertEquals(content, bench.cat(app, "/base"));
                assertTrue(bench.ensure(app + "=.").succeeded().out().startsWith("present "));
            }
        }
    }

    @Test
    void anInterruptionLeavesNothingOfWhatIsHandedOver() throws IOException {
        Workbench bench = Workbench.ofToday();
        try (RemoteBuilder builder = bench.buildElsewhere("26.1", EngineSpec.Store.CONTAINERD);
                Gate gate = Gate.before(bench)) {
            plant(bench, "one");
            bench.ensure(base).succeeded();
            try (Harness.Running run = bench.ensuring(List.of("setsid", "env", "--default-signal=INT"), app, "--docker",
                    gate.client()).start()) {
                gate.await(1);
                assertTrue(left(bench).stream().anyMatch(each -> Files.exists(each.resolve("base0/index.json"))),
                        "control: the base lies there while it is built");
                run.signal("INT");
                assertEquals(130, run.await().status());
            }
            assertEquals(List.of(), left(bench));
        }
    }

    /** Docker writes the image when the interruption comes. */
    @Test
    void anInterruptionWhileItIsHandedOverLeavesNothing() throws IOException {
        Workbench bench = Workbench.ofToday();
        Path came = Harness.newFolder().resolve("came");
        Path client = bench.client("[ \"$1\" = save ] || exec " + bench.client() + " \"$@\"\n"
                + "while :; do echo >> \"$3\"; echo > " + came + "; done\n");
        try (RemoteBuilder builder = bench.buildElsewhere("26.1", EngineSpec.Store.CONTAINERD)) {
            plant(bench, "one");
            bench.ensure(base).succeeded();
            try (Harness.Running run = bench.ensuring(List.of("setsid", "env", "--default-signal=INT"), app, "--docker",
                    client.toString()).start()) {
                Harness.eventually("docker saves", Harness.SOON, () -> Files.exists(came));
                run.signal("INT");
                assertEquals(130, run.await().status());
            }
            assertEquals(List.of(), left(bench));
        }
    }

    private static List<Path> left(Workbench bench) throws IOException {
        try (Stream<Path> folders = Files.list(bench.cache.resolve("ensure_image/run"))) {
            return folders.toList();
        }
    }
}
