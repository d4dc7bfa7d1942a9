// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Bake;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** An image's place in a wave of builds, from asking for a build to its result. Guarded by its {@link Waves}. */
final class Seat {
    /** How long to wait for others at least: an image that others are built on, and one that has time. */
    private static final Duration WANTED = Duration.ofSeconds(3);
    private static final Duration UNHURRIED = Duration.ofSeconds(10);
    private final Bake.Target target;
    private final Set<String> bases;
    private final Deadline deadline;
    private Optional<Wave> wave = Optional.empty();
    private Result result = Result.BY_ITSELF;
    private boolean settled;
    private long begun;
    private long patient = Long.MAX_VALUE;

    /** @param bases the images that it is built on */
    Seat(Bake.Target target, Set<String> bases, Deadline deadline) {
        this.target = target;
        this.bases = bases;
        this.deadline = deadline;
    }

    /**
     * What came of a build in a wave; if nothing is known of that, the image is built by itself.
     *
     * @param interrupted whether docker was told to stop
     */
    record Result(Optional<Docker.Built> built, Optional<EngineException> failure, boolean interrupted) {
        static final Result BY_ITSELF = new Result(Optional.empty(), Optional.empty(), false);
        static final Result INTERRUPTED = new Result(Optional.empty(), Optional.empty(), true);

        static Result failed(EngineException failure) {
            return new Result(Optional.empty(), Optional.of(failure), false);
        }

        static Result of(Optional<Docker.Built> built) {
            return new Result(built, Optional.empty(), false);
        }

        boolean isKnown() {
            return interrupted || failure.isPresent() || built.isPresent();
        }

        Docker.Built get() throws EngineException, InterruptedException {
            if (interrupted) {
                throw new InterruptedException();
            }
            if (failure.isPresent()) {
                throw failure.get();
            }
            return built.orElseThrow();
        }
    }

    Bake.Target target() {
        return target;
    }

    Set<String> bases() {
        return bases;
    }

    Deadline deadline() {
        return deadline;
    }

    Optional<Wave> wave() {
        return wave;
    }

    /** A bake begins to build it. */
    void begin(Wave by) {
        wave = Optional.of(by);
        begun = System.nanoTime();
        patient = Long.MAX_VALUE;
    }

    /**
     * Its image is in the engine. Others may still be building: it waits for them as long again at most, and not for more
     * than half of its own time.
     *
     * @param wanted whether others are built on it
     */
    void markExported(boolean wanted) {
        long now = System.nanoTime();
        long patience = Math.max((wanted ? WANTED : UNHURRIED).toNanos(), now - begun);
        patient = now + Math.min(patience, deadline.left().toNanos() / 2);
    }

    /** How long to wait for the others, in nanoseconds; not positive if no longer. */
    long patience() {
        return patient == Long.MAX_VALUE ? Long.MAX_VALUE : patient - System.nanoTime();
    }

    boolean isSettled() {
        return settled;
    }

    Result result() {
        return result;
    }

    /** @return false if it has a result already */
    boolean settle(Result end) {
        if (settled) {
            return false;
        }
        settled = true;
        result = end;
        return true;
    }
}
