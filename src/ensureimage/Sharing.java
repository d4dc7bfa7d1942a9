// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.Optional;

/**
 * Through which repository of a registry machines share what they build, and how far.
 *
 * @param repository such as {@code registry.example/team/ensured}
 * @param direction what happens there
 * @param silence how long the registry may say nothing before it counts as away
 * @param all whether images are shared, too, whose inputs no look-up can know, whose build was given secrets, or whose
 *        builder did not say what it saw
 * @param keys to sign and to verify by; if there are none, every image is taken that says that it is the right one
 */
public record Sharing(String repository, Direction direction, Duration silence, boolean all,
        Optional<SigningKeys> keys) {
    private static final Duration SILENCE = Duration.ofSeconds(10);

    /** What happens with the repository. */
    public enum Direction {
        /** What is not there is built and pushed. */
        BOTH,
        /** Nothing is pushed: no credentials are needed for that. */
        PULL,
        /** Nothing is pulled. */
        PUSH
    }

    /**
     * Checks the values.
     *
     * @param repository without a tag
     * @param direction what happens there
     * @param silence positive
     * @param all as for the record
     * @param keys as for the record
     * @throws IllegalArgumentException if the text is no repository, or the duration is not positive
     */
    public Sharing {
        if (Reference.find(repository + ":tag").isEmpty() || silence.isNegative() || silence.isZero()) {
            throw new IllegalArgumentException("cannot share through " + repository + " after " + silence);
        }
    }

    /**
     * {@return sharing in both directions, and ten seconds of silence}
     *
     * @param repository such as {@code registry.example/team/ensured}
     * @throws IllegalArgumentException if that is no repository, for example because it has a tag
     */
    public static Sharing through(String repository) {
        return new Sharing(repository, Direction.BOTH, SILENCE, false, Optional.empty());
    }

    /**
     * {@return the same in this direction}
     *
     * @param other in place of both
     */
    public Sharing with(Direction other) {
        return new Sharing(repository, other, silence, all, keys);
    }

    /**
     * {@return the same with this much patience}
     *
     * @param other in place of ten seconds
     */
    public Sharing withSilence(Duration other) {
        return new Sharing(repository, direction, other, all, keys);
    }

    /** {@return the same, but all images are shared} */
    public Sharing withAll() {
        return new Sharing(repository, direction, silence, true, keys);
    }

    /**
     * {@return the same, but only signed images are pulled, and those that are pushed are signed} It takes cosign, on PATH. An
     * image that is not signed is built, with a notice.
     *
     * @param pair of keys, the same for all machines that trust each other
     */
    public Sharing withKeys(SigningKeys pair) {
        return new Sharing(repository, direction, silence, all, Optional.of(pair));
    }
}
