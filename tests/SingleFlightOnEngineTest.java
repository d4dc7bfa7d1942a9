import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code --single-flight} as its users see it: one builds, the others wait for it, and nobody depends on that. */
class SingleFlightOnEngineTest {

    private static final int BUILDERS = 6;
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String app = "single-flight-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;
    private Path log;
    private Path client;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
        log = bench.write("log/docker", "");
        client = bench.loggingClient(log);
    }

    @Test
    void oneProcessBuildsAndTheOthersTakeItsImage() throws IOException {
        dockerfile("RUN sleep 2; echo built > /how");
        Harness.together(BUILDERS, i -> ensuring(app)).forEach(Harness.Result::succeeded);
        assertTrue(builds() > 1, "control: without it several build");

        Files.writeString(log, "");
        bench.docker("image", "rm", "--force", app).succeeded();
        List<Harness.Result> results = Harness.together(BUILDERS, i -> ensuring("--single-flight", app));
        assertEquals(1, builds(), results.toString());
        for (Harness.Result result : results) {
            assertTrue(result.succeeded().out().contains(bench.imageId(app)), result.toString());
        }
        List<Harness.Result> waited = results.stream().filter(result -> result.err().contains("waiting for")).toList();
        assertFalse(waited.isEmpty(), results.toString());
        for (Harness.Result result : waited) {
            assertTrue(result.out().startsWith("built-by-another "), result.toString());
            assertTrue(
                    result.err()
                            .matches("(?s).*: waiting for (process \\d+|another process), which is building it\n.*"),
                    result.toString());
        }
    }

    @Test
    void aBuilderThatIsKilledIsReplacedAtOnce() {
        dockerfile("RUN sleep 15");
        try (Harness.Running holder = ensuring("--single-flight", app).start()) {
            Harness.eventually("it builds", SOON, () -> holder.err().contains("building from"));
            try (Harness.Running next = ensuring("--single-flight", app).start()) {
                Harness.eventually("it waits", SOON, () -> next.err().contains("waiting for process " + holder.pid()));
                assertFalse(next.err().contains("building from"), "control: it does wait");
                holder.signal("KILL");
                Harness.eventually("it builds", SOON, () -> next.err().contains("building from"));
                assertTrue(next.await().succeeded().out().startsWith("built"));
            }
        }
    }

    @Test
    void whoHasWaitedLongEnoughBuildsAnyway() {
        dockerfile("RUN sleep 8");
        try (Harness.Running holder = ensuring("--single-flight", app).start()) {
            Harness.eventually("it builds", SOON, () -> holder.err().contains("building from"));
            Harness.Result second = ensuring("--single-flight", "--wait", "1", app).run().succeeded();
            assertTrue(second.err().contains("waited long enough: building it here too"), second.toString());
            holder.await().succeeded();
        }
    }

    @Test
    void withoutACacheFolderAllBuildAndAllSucceed() throws IOException {
        dockerfile("RUN sleep 2");
        for (Harness.Result result : Harness.together(BUILDERS,
                i -> ensuring("--single-flight", app).env("XDG_CACHE_HOME", "/dev/null"))) {
            assertTrue(result.succeeded().err().contains("no usable cache folder: not waiting"), result.toString());
        }
        assertTrue(builds() > 1, "control: nobody waited");
    }

    // ---- Helpers

    private void dockerfile(String step) {
        bench.write("images/" + app + "/Dockerfile", "FROM busybox\n" + step + "\n");
    }

    private Harness.Command ensuring(String... options) {
        return bench.ensuring(Stream.concat(Stream.of("--docker", client.toString()), Stream.of(options))
                .toArray(String[]::new));
    }

    private long builds() throws IOException {
        return Files.readAllLines(log).stream().filter(line -> line.startsWith("build ")).count();
    }
}
