// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/**
 * Lets one of many machines that miss an image at once build it: the first one leaves a claim in the registry, a tiny image
 * under a tag of its own, and renews it as long as it builds; the others wait for the image.
 *
 * <p>The rule it keeps: it saves work and decides nothing. Registries have no compare-and-swap, so two machines can both take
 * themselves for the first; then both build, and both are right. Clocks differ, so a claim's age is how long the machine that
 * waits has seen it unchanged. Whatever goes wrong, the image is built.
 */
final class Claims {
    private static final String OWNER = Docker.LABELS + "claim";
    private static final String BEAT = Docker.LABELS + "beat";
    private static final String ENDED = "ended";
    private static final Duration RENEWED = Duration.ofSeconds(5);
    /** A claim that did not change for so long is a dead machine's. */
    private static final Duration EXPIRY = Duration.ofSeconds(30);
    private static final long SETTLES = 700; // ms until all machines that claim at once see the last one's claim
    private static final long SHORTEST_PAUSE = 250; // ms
    private static final long LONGEST_PAUSE = 2_000; // ms

    private final SharedRepository repository;
    private final Docker docker;
    private final Reference image;
    private final Reference tag;
    private final Consumer<Notice> tell;
    private final String own = UUID.randomUUID().toString();

    /** @param image the first tag of the image that is missing */
    Claims(SharedRepository repository, Docker docker, Reference image, Consumer<Notice> tell) {
        this.repository = repository;
        this.docker = docker;
        this.image = image;
        this.tag = repository.claim(image);
        this.tell = tell;
    }

    /** What a machine may do: build, or take what another one has built. */
    interface Claim {
        /** Whether the registry has the image. */
        boolean isBuilt();

        /** Gives it up. */
        default void end() {
        }
    }

    /** What the claim's image says. */
    private record Seen(String owner, String beat) {
    }

    /**
     * Waits while another machine holds the claim; else takes it.
     *
     * @return empty if the wait is over or the registry is no help: it is to be built without a claim
     */
    Optional<Claim> take(Deadline wait) throws EngineException, InterruptedException {
        try {
            return watch(wait);
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.TIMED_OUT) {
                throw e;
            }
            tell.accept(new Notice.WaitedLongEnough());
            return Optional.empty();
        }
    }

    private Optional<Claim> watch(Deadline wait) throws EngineException, InterruptedException {
        Optional<Seen> last = Optional.empty();
        Deadline unchanged = new Deadline(EXPIRY);
        for (long pause = SHORTEST_PAUSE; !wait.left().isNegative(); pause = Math.min(2 * pause, LONGEST_PAUSE)) {
            RegistryTransfers.End end = repository.transfers().pull(tag, wait, (bytes, whole) -> {});
            Optional<Seen> seen = end instanceof RegistryTransfers.Done ? read(wait) : Optional.empty();
            if (!(end instanceof RegistryTransfers.Done) && !(end instanceof RegistryTransfers.NotThere)) {
                return Optional.empty();
            }
            if (seen.filter(claim -> claim.owner.equals(own)).isPresent()) {
                return Optional.of(new Held());
            }
            if (!seen.equals(last)) {
                unchanged = new Deadline(EXPIRY);
                if (last.isEmpty() && seen.filter(claim -> !claim.beat.equals(ENDED)).isPresent()) {
                    tell.accept(new Notice.WaitingForMachine());
                }
                last = seen;
            }
            boolean free = seen.isEmpty() || seen.get().beat.equals(ENDED) || unchanged.left().isNegative();
            if (last.isPresent() && repository.has(image, wait)) {
                return Optional.of(() -> true);
            }
            if (free && !write("0", wait)) {
                return Optional.empty();
            }
            Thread.sleep(free ? SETTLES : ThreadLocalRandom.current().nextLong(pause / 2, pause));
        }
        tell.accept(new Notice.WaitedLongEnough());
        return Optional.empty();
    }

    private Optional<Seen> read(Deadline deadline) throws EngineException, InterruptedException {
        try {
            return Optional.ofNullable(docker.lookUp(List.of(tag.toString()), deadline).get(tag.toString()))
                    .map(HeldImage::labels)
                    .map(labels -> new Seen(labels.getOrDefault(OWNER, ""), labels.getOrDefault(BEAT, "")));
        } finally {
            drop();
        }
    }

    private boolean write(String beat, Deadline deadline) throws EngineException, InterruptedException {
        try {
            return repository.transfers().make(tag, Map.of(OWNER, own, BEAT, beat), deadline)
                    && repository.transfers().push(tag, deadline,
                            (bytes, whole) -> {}) instanceof RegistryTransfers.Done;
        } finally {
            drop();
        }
    }

    private void drop() throws EngineException, InterruptedException {
        docker.untag(List.of(tag.toString()), new Deadline(SharedRepository.TO_UNTAG));
    }

    /** Held by this machine, and renewed until it ends. */
    private final class Held implements Claim {
        private final Thread renewal = new Thread(this::renew, "renews a claim");

        Held() {
            renewal.setDaemon(true);
            renewal.start();
        }

        private void renew() {
            try {
                for (int beat = 1;; beat++) {
                    Thread.sleep(RENEWED.toMillis());
                    write(Integer.toString(beat), new Deadline(EXPIRY));
                }
            } catch (EngineException | InterruptedException e) {
                // It is over, or the registry cannot be told.
            }
        }

        @Override
        public boolean isBuilt() {
            return false;
        }

        /** Those that wait find the image, or are told that another of them is to try. */
        @Override
        public void end() {
            boolean interrupted = Thread.interrupted();
            renewal.interrupt();
            try {
                renewal.join();
                if (!interrupted) {
                    write(ENDED, new Deadline(RENEWED));
                }
            } catch (EngineException e) {
                // They wait until it expires.
            } catch (InterruptedException e) {
                interrupted = true;
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
