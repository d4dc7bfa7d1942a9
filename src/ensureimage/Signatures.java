// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Cosign;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.RegistryTransfers;
import ensureimage.engine.RegistryTransfers.Done;
import ensureimage.engine.RegistryTransfers.End;
import ensureimage.engine.RegistryTransfers.Failed;
import ensureimage.engine.RegistryTransfers.NotThere;
import ensureimage.engine.RegistryTransfers.Refused;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Lets only those images in that are signed by the right key, and signs those that go out.
 *
 * <p>The rule it keeps: an image is taken only if cosign has verified the very digest that docker has fetched. So it does not
 * matter who moves a tag, or when. An image of which cosign says that it is not signed is not fetched at all.
 */
final class Signatures {
    private static final String NO_DIGEST = "no digest"; // from docker: never seen

    private final RegistryTransfers transfers;
    private final Cosign cosign;
    private final String key;
    private final Set<String> made = ConcurrentHashMap.newKeySet(); // the digests that this run has signed

    Signatures(Docker docker, RegistryTransfers transfers, Sharing settings, SigningKeys keys) {
        this.transfers = transfers;
        this.key = keys.publicKey();
        this.cosign = new Cosign(docker.environment(), keys.publicKey(), keys.privateKey(), settings.silence());
    }

    /** As {@link RegistryTransfers#pull}, or {@link Refused}. */
    End pull(Reference image, Deadline deadline, RegistryTransfers.Progress progress)
            throws EngineException, InterruptedException {
        Deadline spent = new Deadline(deadline.left());
        Cosign.Answer tag = cosign.verify(image, deadline);
        Optional<End> end = switch (tag.kind()) {
            case NOT_THERE -> Optional.of(new NotThere(tag.took()));
            case UNSIGNED, OTHER_KEY -> Optional.of(new Refused(key, tag, tag.took()));
            case SILENT -> Optional.of(new Failed("", tag.took()));
            case SIGNED, FAILED -> Optional.empty(); // docker has the words for a registry that is away or refuses
        };
        return end.isPresent() ? end.get() : pull(image, tag, deadline, spent, progress);
    }

    private End pull(Reference image, Cosign.Answer tag, Deadline deadline, Deadline spent,
            RegistryTransfers.Progress progress) throws EngineException, InterruptedException {
        End end = transfers.pull(image, deadline, progress);
        if (!(end instanceof Done done)) {
            return end;
        }
        if (done.digest().isEmpty()) {
            return new Failed(NO_DIGEST, spent.elapsed());
        }
        String digest = done.digest().get();
        Cosign.Answer pulled = digest.equals(tag.digest()) ? tag
                : cosign.verify(image, digest, deadline); // the tag has moved, or cosign could not read it
        return digest.equals(pulled.digest()) ? new Done(done.digest(), done.bytes(), spent.elapsed())
                : new Refused(key, pulled, spent.elapsed());
    }

    /** Whether the tag has an image that is signed, and which one. */
    Cosign.Answer verify(Reference image, Deadline deadline) throws InterruptedException {
        return cosign.verify(image, deadline);
    }

    /**
     * Signs what was pushed, if this run has not done so under another tag. The right key has to take it then: who pulls is
     * to know it by that one.
     *
     * @return what is wrong; empty if it is signed
     */
    Optional<Refused> sign(Reference image, Done pushed, Deadline deadline) throws InterruptedException {
        String digest = pushed.digest().orElse("");
        if (made.contains(digest)) {
            return Optional.empty();
        }
        Cosign.Answer signed = digest.isEmpty() ? new Cosign.Answer(Cosign.Kind.FAILED, "", NO_DIGEST, Duration.ZERO)
                : cosign.sign(image, digest, deadline);
        // Where nothing can be overwritten another machine may have signed it.
        Cosign.Answer verified = digest.isEmpty() || signed.kind() == Cosign.Kind.SILENT ? signed
                : cosign.verify(image, digest, deadline);
        if (verified.kind() == Cosign.Kind.SIGNED) {
            made.add(digest);
            return Optional.empty();
        }
        return Optional.of(new Refused(key, signed.kind() == Cosign.Kind.SIGNED ? verified : signed, signed.took()));
    }
}
