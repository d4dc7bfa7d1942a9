// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.Processes;
import ensureimage.testing.Harness;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What becomes of a process when the JVM that owns it is told to end. */
class ProcessesTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @Test
    void theEndOfTheJvmEndsWhatRunsAndNotWhatCleansUp() {
        try (Harness.Running jvm = Harness.script("ProcessesTest").start()) {
            Harness.eventually("a process runs", SOON, () -> jvm.out().contains("\n"));
            ProcessHandle process = ProcessHandle.of(Long.parseLong(jvm.out().strip())).orElseThrow();
            assertTrue(process.isAlive(), "the check sees it");
            jvm.signal("TERM");
            Harness.Result result = jvm.await().expect(143);
            assertEquals(List.of(Long.toString(process.pid()), "cleaned up", "and so with status 0"),
                    result.out().lines().toList(), result.toString());
            Harness.eventually("the process has ended", SOON, () -> !process.isAlive());
        }
    }

    /** Runs a process that does not end by itself, and cleans up by one that takes longer to end than that. */
    public static void main(String... none) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                int status = run("sleep 2; echo cleaned up").status();
                System.out.println("and so with status " + status);
            } catch (Exception e) {
                System.out.println(e);
            }
        }));
        run("echo $$; exec sleep 1000");
        Thread.sleep(SOON.toMillis()); // the main thread does nothing more; the hooks do
    }

    private static Processes.Finished run(String script) throws Exception {
        return new Processes.Command(List.of("sh", "-c", script), Map.of(), new byte[0]).run(SOON,
                System.out::println);
    }
}
