// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Time spent on one thing against its limit; starts when it is made. */
public final class Deadline {
    private static final long SHORTEST_PAUSE = 50; // ms
    private static final long PAUSE_PER_ATTEMPT = 200; // ms
    private final long start = System.nanoTime();
    private final Duration limit;
    private final AtomicLong excused = new AtomicLong(); // ns

    /** @param limit how long the whole may take */
    public Deadline(Duration limit) {
        this.limit = limit;
    }

    /** How long the whole may take. */
    public Duration limit() {
        return limit;
    }

    /** Since it was made. */
    public Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** What is left; negative once it is over. */
    public Duration left() {
        return limit.minus(elapsed()).plusNanos(excused.get());
    }

    /** This much of the time that has passed does not count against the limit. */
    public void excuse(Duration time) {
        excused.addAndGet(time.toNanos());
    }

    /**
     * A short random pause, longer with each attempt: builders that collided once are not to collide again.
     *
     * @param attempt from 1; 0 counts as such
     */
    public static void pause(int attempt) throws InterruptedException {
        Thread.sleep(
                ThreadLocalRandom.current().nextLong(SHORTEST_PAUSE,
                        SHORTEST_PAUSE + PAUSE_PER_ATTEMPT * Math.max(1, attempt)));
    }
}
