// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.Reference;
import java.time.Duration;

/**
 * What came of sharing one image.
 *
 * @param reference in the registry
 * @param reason why not, if that is worth telling
 * @param detail docker's words or cosign's, not to be trusted, or what its reason says; may be empty
 * @param took for pulls and pushes
 * @param bytes of layers that were transferred, as far as the engine told
 */
public record Shared(String reference, Action action, Reason reason, String detail, Duration took, long bytes) {

    /** What is told of a pull or push that has not done what it should. */
    static Shared failed(Reference reference, RegistryTransfers.End end) {
        if (end instanceof RegistryTransfers.Refused refused) {
            return refused(reference, Action.UNAVAILABLE, refused);
        }
        String line = end instanceof RegistryTransfers.Denied denied ? denied.line()
                : end instanceof RegistryTransfers.Failed failed ? failed.line() : "";
        Reason reason = end instanceof RegistryTransfers.Denied ? Reason.DENIED
                : line.isEmpty() ? Reason.SILENT : Reason.FAILED;
        return new Shared(reference.toString(), Action.UNAVAILABLE, reason, line, end.took(), 0);
    }

    /** What is told of an image that is not signed as it has to be. */
    static Shared refused(Reference reference, Action action, RegistryTransfers.Refused refused) {
        Reason reason = switch (refused.why().kind()) {
            case UNSIGNED -> Reason.UNSIGNED;
            case OTHER_KEY -> Reason.OTHER_KEY;
            case SILENT -> Reason.SILENT;
            default -> Reason.COSIGN_FAILED;
        };
        return new Shared(reference.toString(), action, reason,
                reason == Reason.OTHER_KEY ? refused.key() : refused.why().line(), refused.took(), 0);
    }

    /** What was done; the last of several. */
    public enum Action {
        /** Another machine had built it. */
        PULLED,
        /** It was built here and is there for others now. */
        PUSHED,
        /** It was not there, and is only pulled. */
        MISSED,
        /** It is not shared, for a reason of its own. */
        SKIPPED,
        /** The registry did not do what it was asked. */
        UNAVAILABLE
    }

    /** Why an image was not shared. */
    public enum Reason {
        /** There is nothing to explain. */
        NONE,
        /** It is made of something that no look-up can know, such as a URL without checksum. */
        UNKNOWABLE,
        /** Its build was given a secret or an SSH agent. */
        SECRETS,
        /** Its builder did not say what it saw, as buildx before 0.29: perhaps it saw more than the label says. */
        NO_WITNESS,
        /** Podman's words for pulls and pushes are not known. */
        PODMAN,
        /** The tag is there, and may not be given to another image. */
        ALREADY_THERE,
        /** Another process on this machine is pushing it. */
        PUSHED_BY_ANOTHER,
        /** Under the tag is an image that was made from something else. */
        FOREIGN,
        /** There is no private key to sign it with. */
        NO_KEY,
        /** Under the tag is an image that is not signed. */
        UNSIGNED,
        /** Its signature is by another key than the one that is the detail. */
        OTHER_KEY,
        /** Whether it is signed cannot be told, or it cannot be signed; the detail has cosign's words. */
        COSIGN_FAILED,
        /** The registry does not let this user in, or is read-only. */
        DENIED,
        /** The registry said nothing for too long. */
        SILENT,
        /** Any other failure; the detail has it. */
        FAILED
    }
}
