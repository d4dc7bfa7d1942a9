// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

/** Something to be done once: when closed, or when the JVM is told to end before that. */
final class AtExit implements AutoCloseable {

    private final Runnable action;
    private final Thread hook = new Thread(this::runOnce, "end an engine");
    private boolean done;

    AtExit(Runnable action) {
        this.action = action;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private synchronized void runOnce() {
        if (!done) {
            done = true;
            action.run();
        }
    }

    /** Returns when it is done, also in a thread that is interrupted: it stays so. */
    @Override
    public void close() {
        boolean interrupted = Thread.interrupted();
        try {
            runOnce();
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the hook runs already, and finds nothing to do
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
