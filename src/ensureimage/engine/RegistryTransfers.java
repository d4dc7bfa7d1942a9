// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.Reference;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code docker pull} and {@code docker push} with an end: neither has a time limit of its own (Docker 28.5 still waits after
 * three minutes for a registry that says nothing). Logins, mirrors and proxies are docker's.
 */
public final class RegistryTransfers {
    private static final Pattern DIGEST = Pattern.compile("(?:Digest: |.*: digest: )(sha256:[0-9a-f]{64})(?: .*)?");
    /** Where only the client's lines are heard, which come once per layer; not before the first one. */
    private static final int PATIENCE_WITHOUT_BYTES = 6;
    private static final int EMPTY_TAR = 1024; // zeros

    private final Docker docker;
    private final Duration silence;

    /** @param silence how long the registry may say nothing */
    public RegistryTransfers(Docker docker, Duration silence) {
        this.docker = docker;
        this.silence = silence;
    }

    /** Hears how far a transfer is, in bytes; from several threads. */
    @FunctionalInterface
    public interface Progress {
        /** @param whole as far as it is known yet */
        void moved(long bytes, long whole);
    }

    /** How a transfer has ended. */
    public sealed interface End {
        /** How long it took. */
        Duration took();
    }

    /**
     * It is done.
     *
     * @param digest of the manifest in the registry; empty if docker did not say
     * @param bytes of layers that were transferred, as far as the engine has told
     */
    public record Done(Optional<String> digest, long bytes, Duration took) implements End {
    }

    /** The registry has no such image. */
    public record NotThere(Duration took) implements End {
    }

    /** It is not signed by that key. @param why of any kind but {@link Cosign.Kind#SIGNED} */
    public record Refused(String key, Cosign.Answer why, Duration took) implements End {
        /** Whether cosign has said so, and not only failed to say that it is. */
        public boolean isCertain() {
            return why.kind() == Cosign.Kind.UNSIGNED || why.kind() == Cosign.Kind.OTHER_KEY;
        }
    }

    /** Of a push: the tag is there and may not be given to another image. */
    public record AlreadyThere(Duration took) implements End {
    }

    /** Of a push: the engine has no image of that name any more. */
    public record NameGone(Duration took) implements End {
    }

    /** Who asks may not do that. @param line docker's words; not to be trusted */
    public record Denied(String line, Duration took) implements End {
    }

    /** Anything else. @param line docker's words, not to be trusted; empty if nothing has come for too long */
    public record Failed(String line, Duration took) implements End {
    }

    /** Has the engine fetch an image. */
    public End pull(Reference image, Deadline deadline, Progress progress)
            throws EngineException, InterruptedException {
        return transfer("pull", image, deadline, progress);
    }

    /** Has the engine send an image to the registry that its name tells. */
    public End push(Reference image, Deadline deadline, Progress progress)
            throws EngineException, InterruptedException {
        return transfer("push", image, deadline, progress);
    }

    /**
     * Makes an image of nothing but labels, and gives it this name.
     *
     * @param labels whose names begin with {@link Docker#LABELS}, and whose values need no quotes
     * @return whether it is there now
     */
    public boolean make(Reference image, Map<String, String> labels, Deadline deadline)
            throws EngineException, InterruptedException {
        List<String> line = new ArrayList<>(List.of("import"));
        new TreeMap<>(labels).forEach((name, value) -> line.addAll(List.of("--change", "LABEL " + name + "=" + value)));
        line.addAll(List.of("-", image.toString()));
        return docker.run(deadline::left, line, Map.of(), new byte[EMPTY_TAR], ignored -> {}).status() == 0;
    }

    private End transfer(String command, Reference image, Deadline deadline, Progress progress)
            throws EngineException, InterruptedException {
        TransferWatch watch = new TransferWatch(progress);
        Deadline whole = new Deadline(deadline.left());
        try (ScratchSpace.Folder folder = docker.openScratch(); Relay relay = relay(folder.path(), watch)) {
            Supplier<Duration> left = () -> {
                Duration patience = relay.bytes || !watch.isAnswered() ? silence
                        : silence.multipliedBy(PATIENCE_WITHOUT_BYTES);
                Duration quiet = patience.minus(watch.silence());
                return quiet.compareTo(whole.left()) < 0 ? quiet : whole.left();
            };
            Processes.Finished process = docker.run(left, List.of(command, "--", image.toString()), relay.variables,
                    new byte[0], line -> {
                        if (!relay.bytes) {
                            watch.readLine(line);
                        }
                    });
            return read(process, image, watch.bytes(), whole);
        } catch (EngineException e) {
            if (e.kind() != EngineException.Kind.TIMED_OUT) {
                throw e;
            }
            return new Failed("", whole.elapsed());
        }
    }

    private End read(Processes.Finished process, Reference image, long bytes, Deadline deadline)
            throws EngineException, InterruptedException {
        if (process.status() == 0) {
            return new Done(digest(process.out()), bytes, process.took());
        }
        String line = BuildOutput.lastLine(process.err());
        if (KnownLine.CANCELED.matches(line)) {
            throw new InterruptedException();
        }
        if (KnownLine.ENGINE_AWAY.matches(line)) { // it has the relay's address, which means nothing to a reader
            docker.lookUp(List.of(image.toString()), deadline);
        }
        Optional<RegistryLine.Meaning> said = RegistryLine.read(line, image);
        if (said.isEmpty()) {
            return new Failed(line.isEmpty() ? "exit status " + process.status() : line, process.took());
        }
        return switch (said.get()) {
            case NOT_THERE -> new NotThere(process.took());
            case ALREADY_THERE -> new AlreadyThere(process.took());
            case NAME_GONE -> new NameGone(process.took());
            case DENIED -> new Denied(line, process.took());
        };
    }

    private static Optional<String> digest(List<String> lines) {
        Optional<String> digest = Optional.empty();
        for (String line : new ArrayList<>(lines)) {
            Matcher matcher = DIGEST.matcher(line);
            digest = matcher.matches() ? Optional.of(matcher.group(1)) : digest;
        }
        return digest;
    }

    // ---- Hearing the engine

    /** What leads the client through the relay; nothing if there is none. */
    private record Relay(Optional<EngineRelay> open, Map<String, String> variables, boolean bytes)
            implements AutoCloseable {
        @Override
        public void close() {
            open.ifPresent(EngineRelay::close);
        }
    }

    private Relay relay(Path folder, TransferWatch watch) {
        try {
            if (docker.socket().isPresent()) {
                Path address = folder.resolve("engine");
                EngineRelay relay = new EngineRelay(address, docker.socket().get().path(), watch::read);
                return new Relay(Optional.of(relay), Map.of("DOCKER_HOST", "unix://" + address), true);
            }
        } catch (IOException e) {
            // Then the client's own lines have to do.
        }
        return new Relay(Optional.empty(), Map.of(), false);
    }
}
