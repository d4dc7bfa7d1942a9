// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** The moment at which all builders of a round start: a latch for threads, a file that appears for processes. */
final class StartSignal {
    private static final int PERIOD = 20; // ms
    private final CountDownLatch ready;
    private final CountDownLatch given = new CountDownLatch(1);
    private final Path file;

    /** @param folder for the file */
    StartSignal(int builders, Path folder) {
        ready = new CountDownLatch(builders);
        file = folder.resolve("start");
    }

    /** What processes wait for. */
    Path file() {
        return file;
    }

    /** A builder is ready. */
    void countReady() {
        ready.countDown();
    }

    /** A thread that is a builder is ready, and waits. */
    void await() throws InterruptedException {
        countReady();
        given.await();
    }

    /** Waits until all are ready, or one has ended instead. */
    void awaitReady(List<? extends Future<?>> builders) throws InterruptedException {
        boolean wait = true;
        while (wait) {
            wait = !ready.await(PERIOD, TimeUnit.MILLISECONDS) && builders.stream().noneMatch(Future::isDone);
        }
    }

    void give() throws NotPlayed {
        given.countDown();
        try {
            Files.createFile(file);
        } catch (IOException e) {
            throw NotPlayed.broken("cannot make a file: " + e);
        }
    }
}
