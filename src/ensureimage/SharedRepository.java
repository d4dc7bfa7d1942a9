// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Cosign;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * The repository that a run shares images through; the same for all images of the run. Once it has failed it is not asked
 * again, and only the first image that meets a failure tells of it.
 */
final class SharedRepository {
    /** To take a name of the registry from an image here, whatever time is left for anything else. */
    static final Duration TO_UNTAG = Duration.ofSeconds(30);

    private final Sharing settings;
    private final RegistryTransfers transfers;
    private final Optional<Signatures> signatures;
    private final AtomicBoolean told = new AtomicBoolean();
    private volatile Optional<Shared> failure = Optional.empty();
    private volatile boolean pullsDenied;
    private volatile boolean pushesDenied;

    SharedRepository(Docker docker, Sharing settings) {
        this.settings = settings;
        this.transfers = new RegistryTransfers(docker, settings.silence());
        this.signatures = settings.keys().map(keys -> new Signatures(docker, transfers, settings, keys));
    }

    Sharing settings() {
        return settings;
    }

    /** For what need not be signed: it is a hint, and decides nothing. */
    RegistryTransfers transfers() {
        return transfers;
    }

    /** If images have to be signed. */
    Optional<Signatures> signatures() {
        return signatures;
    }

    /** Has the engine fetch an image that may be used. */
    RegistryTransfers.End pull(Reference image, Deadline deadline, RegistryTransfers.Progress progress)
            throws EngineException, InterruptedException {
        return signatures.isPresent() ? signatures.get().pull(image, deadline, progress)
                : transfers.pull(image, deadline, progress);
    }

    /** Whether there is an image that may be used. */
    boolean has(Reference image, Deadline deadline) throws EngineException, InterruptedException {
        return signatures.isPresent() ? signatures.get().verify(image, deadline).kind() == Cosign.Kind.SIGNED
                : transfers.pull(image, deadline, (bytes, whole) -> {}) instanceof RegistryTransfers.Done;
    }

    /** What the loop for one image is to do here. */
    Loop.Share share() {
        return new Loop.Share(settings.direction() != Sharing.Direction.PUSH,
                settings.direction() != Sharing.Direction.PULL, false);
    }

    boolean pulls() {
        return settings.direction() != Sharing.Direction.PUSH && failure.isEmpty() && !pullsDenied;
    }

    boolean pushes() {
        return settings.direction() != Sharing.Direction.PULL && failure.isEmpty() && !pushesDenied && !lacksKey();
    }

    /** Whether what is pushed has to be signed, and cannot be. */
    boolean lacksKey() {
        return settings.keys().filter(keys -> keys.privateKey().isEmpty()).isPresent();
    }

    /** It failed. @param first what is told of it */
    void breakUp(Shared first) {
        failure = Optional.of(first);
    }

    /** What is told of the failure after which it is not asked any more. */
    Optional<Shared> failure() {
        return failure;
    }

    /** It does not let this user pull; perhaps push, as where the first push makes the repository. */
    void denyPulls() {
        pullsDenied = true;
    }

    void denyPushes() {
        pushesDenied = true;
    }

    /** Whether no image has told of a failure yet. */
    boolean isFirstToTell() {
        return !told.getAndSet(true);
    }

    // ---- Tags

    /**
     * The tag under which all machines look for an image first.
     *
     * @param fingerprint over what the reader of the Dockerfile predicts that a build sees, and no earlier build taught:
     *        so that a fresh machine comes to the same
     * @param platform that is wanted, whether it was asked for or not
     */
    Reference predicted(String fingerprint, String platform) {
        return tag(Fingerprint.key("ensure_image share 1", fingerprint, platform));
    }

    /**
     * A second tag, for an image that the first one does not tell from others: it says exactly what the image was made of.
     *
     * @param fingerprint over what the build really saw
     * @param bases that it was built on
     */
    Reference exact(String fingerprint, String platform, BaseImages bases) {
        String images = bases.identities().entrySet().stream()
                .map(base -> base.getKey() + "=" + base.getValue().acrossMachines()).collect(Collectors.joining("\n"));
        return tag(Fingerprint.key("ensure_image share 1 exact", fingerprint, platform, images));
    }

    /** Where the first machine that builds an image says so. @param image its first tag */
    Reference claim(Reference image) {
        return tag("claim-" + image.tag());
    }

    /** A tag that moves: which image of a recipe was shared last. What has changed since is mostly little. */
    Reference near(Recipe recipe, String platform) {
        return tag(recipe(recipe, platform) + "-near");
    }

    /** A tag that moves with that one: what it was made of. */
    Reference inputs(Recipe recipe, String platform) {
        return tag(recipe(recipe, platform) + "-inputs");
    }

    private static String recipe(Recipe recipe, String platform) {
        return Fingerprint.key("ensure_image share 1 near", recipe.reference().toString(),
                recipe.options().target().orElse(""), platform);
    }

    private Reference tag(String hash) {
        return Reference.find(settings.repository() + ":" + hash).orElseThrow();
    }
}
