// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import java.time.Duration;

/**
 * How much an image may cost before it is given up.
 *
 * @param attempts how often one image is built at most, from 1
 * @param perImage for all attempts, look-ups and waits of one image together, in whole milliseconds
 * @param atOnce how many images are looked up or built at the same moment, from 1; or {@link #UNLIMITED}
 */
public record Limits(int attempts, Duration perImage, int atOnce) {
    /**
     * As many images at once as BuildKit takes together. Where each build is a process of its own, one per processor.
     */
    public static final int UNLIMITED = Integer.MAX_VALUE;
    private static final int ATTEMPTS = 5;
    private static final Duration PER_IMAGE = Duration.ofSeconds(300);

    /**
     * Checks the numbers.
     *
     * @param attempts from 1
     * @param perImage positive
     * @param atOnce from 1
     * @throws IllegalArgumentException if one of them is below 1, or the duration is not positive
     */
    public Limits {
        if (attempts < 1 || atOnce < 1 || perImage.isNegative() || perImage.isZero()) {
            throw new IllegalArgumentException("limits must be positive: " + attempts + " attempts, " + perImage
                    + " per image, " + atOnce + " at once");
        }
    }

    /** {@return five attempts, 300 seconds per image, and no limit to the images at once} */
    public static Limits ordinary() {
        return new Limits(ATTEMPTS, PER_IMAGE, UNLIMITED);
    }

    /** How many builds may be processes of their own at the same moment. */
    int processesAtOnce() {
        return atOnce == UNLIMITED ? Runtime.getRuntime().availableProcessors() : atOnce;
    }
}
