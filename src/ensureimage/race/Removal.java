// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.Processes;
import ensureimage.recipe.Reference;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

/** Removes the tag once, as soon as it is there, while the builders of a round are at work. */
final class Removal implements Callable<OptionalDouble> {
    private final Stage stage;
    private final Reference reference;
    private final Clock clock;
    private final CountDownLatch begun = new CountDownLatch(1);
    private volatile boolean over;

    Removal(Stage stage, Reference reference, Clock clock) {
        this.stage = stage;
        this.reference = reference;
        this.clock = clock;
    }

    /** From now on it tries. */
    void begin() {
        begun.countDown();
    }

    /** It does not try again. */
    void end() {
        over = true;
    }

    /** Tries until the tag was removed, and returns when that was, in seconds; empty if there was nothing to remove. */
    @Override
    public OptionalDouble call() throws NotPlayed, InterruptedException {
        begun.await();
        while (!over) {
            Processes.Finished finished = stage.docker("image", "rm", "--force", reference.toString());
            if (finished.out().stream().anyMatch(line -> line.startsWith("Untagged: "))) {
                return OptionalDouble.of(clock.seconds());
            }
        }
        return OptionalDouble.empty();
    }

    /**
     * No builder can see a removal that happens while it asks the engine. So a builder that got its answer before the
     * removal, or less than one of its own questions after it, was told the truth of that moment.
     *
     * @param removed when the tag was removed, in seconds
     */
    static Truth excuse(double removed, Track track, Truth truth) {
        return truth == Truth.MISSING && removed >= track.last().at() - track.longestQuestion() ? Truth.REMOVED
                : truth;
    }
}
