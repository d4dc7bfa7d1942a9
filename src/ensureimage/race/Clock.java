// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

/** Seconds since it was made, or since its last start. */
final class Clock {
    private static final double NANOS_PER_SECOND = 1e9;
    private volatile long start = System.nanoTime();

    void start() {
        start = System.nanoTime();
    }

    double seconds() {
        return (System.nanoTime() - start) / NANOS_PER_SECOND;
    }
}
