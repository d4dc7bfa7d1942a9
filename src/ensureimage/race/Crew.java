// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** The threads of a round. None outlives it. */
final class Crew implements AutoCloseable {
    private static final int LONGEST_END = 10; // seconds
    private final ExecutorService threads;

    Crew(int most) {
        threads = Executors.newFixedThreadPool(most);
    }

    <T> Future<T> start(Callable<T> task) {
        return threads.submit(task);
    }

    /** The results of all. */
    static <T> List<T> join(List<Future<T>> futures) throws NotPlayed, InterruptedException {
        List<T> results = new ArrayList<>();
        for (Future<T> future : futures) {
            results.add(join(future));
        }
        return results;
    }

    static <T> T join(Future<T> future) throws NotPlayed, InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof NotPlayed failure) {
                throw failure;
            }
            if (e.getCause() instanceof InterruptedException) { // docker was told to stop
                throw new InterruptedException();
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        try {
            threads.awaitTermination(LONGEST_END, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
