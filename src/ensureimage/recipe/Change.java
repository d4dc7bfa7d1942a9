// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Something that differs between the inputs that an image was built from and those of now. */
public sealed interface Change {

    /**
     * The Dockerfile has another content.
     *
     * @param line the first one that differs, from 1, if that is known
     */
    record DockerfileChanged(OptionalInt line) implements Change {
    }

    /** Images of the collection that it is built on, by name. */
    record BasesChanged(How how, List<String> names) implements Change {
    }

    /**
     * Files that the build sees. Byte strings, which {@link Printable#path} shows: a path within the context, or, of a named
     * context, two slashes, its name, a slash and the path.
     */
    record FilesChanged(How how, List<String> names) implements Change {
    }

    /** Build arguments; their values are nowhere kept. */
    record ArgumentsChanged(List<String> names) implements Change {
    }

    /** Options of {@code docker build}, by name. */
    record OptionsChanged(List<String> names) implements Change {
    }

    /** The stage to build; empty for the last one. */
    record TargetChanged(Optional<String> before, Optional<String> now) implements Change {
    }

    /** The platform that was asked for; empty for the builder's own. */
    record PlatformChanged(Optional<String> before, Optional<String> now) implements Change {
    }

    /** What builds. */
    record BuilderChanged(BuilderKind before, BuilderKind now) implements Change {
    }

    /** How much of the contexts is looked at. */
    record CoverageChanged() implements Change {
    }

    /** Patterns of the ignore files whose meaning is not certain. */
    record IgnoreRulesChanged() implements Change {
    }

    /** What the client adds by itself, {@link Surroundings#facts}, by name. */
    record SurroundingsChanged(List<String> names) implements Change {
    }

    /** The image has no fingerprint: it was not built by this program. */
    record NotOurs() implements Change {
    }

    /** The image's fingerprint has another form: it is an older version's, or a newer one's. */
    record OlderLabel() implements Change {
    }

    /** Base images outside the collection: under these names there are other images now. */
    record BasesReplaced(List<String> names) implements Change {
    }

    /** The image is for another platform than the one wanted, such as {@code linux/arm64}. */
    record ArchitectureDiffers(String is, String wanted) implements Change {
    }

    /** docker build makes another image, of inputs that no look-up can know. */
    record BuildDiffers() implements Change {
    }

    /** What it was is not known any more. */
    record SomethingChanged() implements Change {
    }

    /** In which way something differs, in the order in which it is told. */
    enum How {
        /** It was not there before. */
        ADDED,
        /** It is another one. */
        CHANGED,
        /** It is not there any more. */
        REMOVED
    }
}
