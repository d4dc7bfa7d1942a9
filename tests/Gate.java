// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Stops builds, so that a test decides what happens during a build, however fast or slow the machine is. What builds is
 * the real client; a script around it waits. Closing opens the gate.
 */
public final class Gate implements AutoCloseable {

    private final Path folder = Harness.newFolder();
    private final Path client;

    private Gate(Workbench bench, String before, String after) {
        client = bench.client("""
                [ "$1" = build ] || exec %2$s "$@"
                came=%1$s/came
                wait_here() { echo came >>$came; until [ -e %1$s/open ]; do sleep 0.1; done; }
                %3$s
                %2$s "$@"
                status=$?
                %4$s
                exit $status
                """.formatted(folder, bench.client(), before, after));
    }

    /** Each build stops before it begins. */
    public static Gate before(Workbench bench) {
        return new Gate(bench, "wait_here", "");
    }

    /** Only the first build stops before it begins. */
    public static Gate beforeTheFirst(Workbench bench) {
        return new Gate(bench, "[ -e $came ] || wait_here", "");
    }

    /** Each build stops when it has ended, before ensure_image is told. */
    public static Gate after(Workbench bench) {
        return new Gate(bench, "", "wait_here");
    }

    /** The docker client to use. */
    public String client() {
        return client.toString();
    }

    /** How many builds have come to the gate so far. */
    public long came() {
        try {
            Path came = folder.resolve("came");
            return Files.exists(came) ? Files.readAllLines(came).size() : 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns when so many builds have come. */
    public void await(long builds) {
        Harness.eventually(builds + " builds have come to the gate", Harness.SOON, () -> came() == builds);
    }

    /** Lets all builds go on, those too that come from now on. */
    public void open() {
        Harness.write(folder.resolve("open"), "");
    }

    @Override
    public void close() {
        open();
    }
}
