// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Change;
import ensureimage.recipe.Reference;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Something that a person may want to know while an image is ensured; data, the words are the report's. */
public sealed interface Notice {

    /**
     * A build begins.
     *
     * @param stale why there is one although an image is there; empty if the image is missing
     * @param attempt from 1
     */
    record Building(Optional<List<Change>> stale, Path context, int attempt, int attempts) implements Notice {
    }

    /** Another build named the image first: it is looked up. @param line docker's words */
    record Claimed(String line) implements Notice {
    }

    /** The image got a further name. */
    record NamedBesides(Reference reference) implements Notice {
    }

    /** The tag is on an image that was built from other inputs, just now: it is built again after a pause. */
    record Taken() implements Notice {
    }

    /** The build failed for a reason that does not last: it is tried again after a pause. @param line docker's words */
    record Temporary(String line) implements Notice {
    }

    /** The inputs are not what they were when the build began: it is built again. */
    record InputsChanged() implements Notice {
    }

    /** BuildKit saw more or other inputs than were expected: it is built again from its cache, with a label that says so. */
    record LabelledAnew() implements Notice {
    }

    /** The build failed, but another build of the same inputs has made the image. @param line docker's words */
    record MadeByAnother(String line) implements Notice {
    }

    /** Another thread of this process builds the same image, and is waited for. */
    record WaitingForThread() implements Notice {
    }

    /** Another process builds the same image, and is waited for. @param number its own; empty if it is not known */
    record WaitingForProcess(Optional<String> number) implements Notice {
    }

    /** The build that was waited for has failed: it is built here. */
    record WaitedInVain() implements Notice {
    }

    /** The wait is over: it is built here. */
    record WaitedLongEnough() implements Notice {
    }

    /** Nothing can be locked, so nothing is waited for. @param folder for the locks; empty if there is none */
    record CannotWait(Optional<Path> folder) implements Notice {
    }

    /** The registry did not do what it was asked: it is built here, and the run does not ask it again. */
    record NotAvailable(Shared shared) implements Notice {
    }

    /** Under the image's tag in the registry is one that is not to be used: it is built here. */
    record ForeignImage(Shared shared) implements Notice {
    }

    /** The image is not shared with others. */
    record NotShared(Shared shared) implements Notice {
    }

    /** Another machine says in the registry that it builds the image, and is waited for. */
    record WaitingForMachine() implements Notice {
    }
}
