// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code --single-flight} as its users see it: one builds, the others wait for it, and no result depends on that. */
class SingleFlightOnEngineTest {

    private static final int BUILDERS = 6;
    /** Seconds: a process that waits here waits for the test, on a machine that may be busy. */
    private static final String LONG = "700";

    private final String app = "single-flight-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
        bench.write("images/" + app + "/Dockerfile", "FROM busybox\nRUN echo built > /how\n");
    }

    @Test
    void oneProcessBuildsAndTheOthersTakeItsImage() {
        try (Gate gate = Gate.before(bench)) {
            List<Harness.Running> all = start(gate, app);
            gate.await(BUILDERS); // the control: without it all build
            gate.open();
            all.forEach(each -> each.await().succeeded());
        }

        bench.docker("image", "rm", "--force", app).succeeded();
        try (Gate gate = Gate.before(bench)) {
            List<Harness.Running> all = start(gate, "--single-flight", "--wait", LONG, app);
            Harness.eventually("all but one wait", Harness.SOON,
                    () -> all.stream().filter(each -> each.err().contains("waiting for")).count() == BUILDERS - 1);
            gate.await(1);
            gate.open();
            List<Harness.Result> results = all.stream().map(Harness.Running::await).toList();
            assertEquals(1, gate.came(), results.toString());
            for (Harness.Result result : results) {
                assertTrue(result.succeeded().out().contains(bench.imageId(app)), result.toString());
            }
            List<Harness.Result> waited =
                    results.stream().filter(result -> result.out().startsWith("built-by-another "))
                            .toList();
            assertEquals(BUILDERS - 1, waited.size(), results.toString());
            for (Harness.Result result : waited) {
                assertTrue(result.err().matches(
                        "(?s).*: waiting for (process \\d+|another process), which is building it\n.*"),
                        result.toString());
            }
        }
    }

    @Test
    void aBuilderThatIsKilledIsReplacedAtOnce() {
        try (Gate gate = Gate.before(bench);
                Harness.Running holder = ensuring(gate.client(), "--single-flight", "--wait", LONG, app).start()) {
            gate.await(1);
            try (Harness.Running next = ensuring(gate.client(), "--single-flight", "--wait", LONG, app).start()) {
                Harness.eventually("it waits", Harness.SOON,
                        () -> next.err().contains("waiting for process " + holder.pid()));
                assertFalse(next.err().contains("building from"), "control: it does wait");
                holder.signal("KILL");
                Harness.eventually("it builds", Harness.SOON, () -> next.err().contains("building from"));
                gate.open();
                assertTrue(next.await().succeeded().out().startsWith("built"));
            }
        }
    }

    @Test
    void aBuilderThatHasWaitedLongEnoughBuildsAnyway() {
        try (Gate gate = Gate.beforeTheFirst(bench);
                Harness.Running holder = ensuring(gate.client(), "--single-flight", "--wait", LONG, app).start()) {
            gate.await(1);
            Harness.Result second = ensuring(gate.client(), "--single-flight", "--wait", "1", app).run().succeeded();
            assertTrue(second.err().contains("waited long enough, building it in this process"), second.toString());
            gate.open();
            holder.await().succeeded();
        }
    }

    @Test
    void withoutACacheFolderAllBuildAndAllSucceed() {
        try (Gate gate = Gate.before(bench)) {
            List<Harness.Running> all = IntStream.range(0, BUILDERS).mapToObj(i -> ensuring(gate.client(),
                    "--single-flight", "--wait", LONG, app).env("XDG_CACHE_HOME", "/dev/null").start()).toList();
            gate.await(BUILDERS); // no process waited
            gate.open();
            for (Harness.Running each : all) {
                Harness.Result result = each.await().succeeded();
                assertTrue(result.err().contains("no usable cache folder: not waiting"), result.toString());
            }
        }
    }

    // ---- Helpers

    private List<Harness.Running> start(Gate gate, String... options) {
        return IntStream.range(0, BUILDERS).mapToObj(i -> ensuring(gate.client(), options).start()).toList();
    }

    private Harness.Command ensuring(String client, String... options) {
        // Long enough for a busy machine: a process that waits here waits for the test.
        return bench.ensuring(Stream.concat(Stream.of("--docker", client, "--timeout", "800"), Stream.of(options))
                .toArray(String[]::new));
    }
}
