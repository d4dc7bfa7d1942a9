// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets the JVM end only when a thread has cleaned up: when the JVM is told to end, as by Ctrl-C, the thread is
 * interrupted and waited for. The thread closes this when it has cleaned up.
 */
final class ExitGuard implements AutoCloseable {
    private static final int LONGEST_WAIT = 120; // seconds
    private final Thread guarded = Thread.currentThread();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread hook = new Thread(this::interruptAndWait, "wait for the cleanup");

    /** For the thread that calls this. */
    ExitGuard() {
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) { // it has been told to end
            guarded.interrupt();
        }
    }

    private void interruptAndWait() {
        guarded.interrupt();
        try {
            closed.await(LONGEST_WAIT, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // it is running
        }
    }
}
