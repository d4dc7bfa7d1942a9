// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.Reference;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The cosign command line client, version 2 or 3: verifies and makes signatures of images in a registry. Logins are those of
 * docker's configuration, which it reads itself. It cannot ask for a password, for its stdin has ended.
 *
 * <p>No transparency log: others need not know what a team shares, and the log needs the internet. Version 3
 * signs as version 2 does, which could not verify its own form.
 *
 * <p>Safe from many threads.
 */
public final class Cosign {
    private static final String PROGRAM = "cosign";
    private static final String OFF = "=false";
    /** Of version 3; version 2.5 does not have them, nor what they turn off. */
    private static final Set<String> NEW_FLAGS = Set.of("--new-bundle-format", "--use-signing-config");
    private static final Pattern UNKNOWN_FLAG = Pattern.compile("Error: unknown flag: (--[a-z-]+)");
    private static final Pattern BEFORE = Pattern.compile("error during command execution: ");
    /** Where docker does not ask for a certificate that it can verify: {@code registry/config.go}. */
    private static final Pattern LOOPBACK =
            Pattern.compile("localhost(?::\\d+)?|127\\.[\\d.]+(?::\\d+)?|\\[::1](?::\\d+)?");
    private static final Pattern DIGEST = Pattern.compile("/all/\\d+/critical/image/docker-manifest-digest");
    private static final int SIGNAL = 128;
    private static final Set<Integer> STOPPED = Set.of(SIGNAL + 2, SIGNAL + 15); // SIGINT, SIGTERM

    private final Map<String, String> environment;
    private final String publicKey;
    private final Optional<String> privateKey;
    private final Duration limit;
    private final Set<String> unknown = ConcurrentHashMap.newKeySet();

    /**
     * Uses the one on PATH.
     *
     * @param environment of cosign, among it the password of the private key
     * @param publicKey to verify by: a file or a URI
     * @param privateKey to sign by; empty if nothing will be signed
     * @param limit for each call: it tells nothing of what it is at
     */
    public Cosign(Map<String, String> environment, String publicKey, Optional<String> privateKey, Duration limit) {
        this.environment = environment;
        this.publicKey = publicKey;
        this.privateKey = privateKey;
        this.limit = limit;
    }

    /** Whether there is one on PATH. It is not started. */
    public static boolean isInstalled(Map<String, String> environment) {
        return environment.keySet().stream().filter("PATH"::equalsIgnoreCase) // Windows has it as Path
                .flatMap(name -> Stream.of(environment.get(name).split(File.pathSeparator)))
                .flatMap(folder -> Stream.of(PROGRAM, PROGRAM + ".exe").map(name -> folder + File.separator + name))
                .anyMatch(Cosign::isProgram);
    }

    private static boolean isProgram(String name) {
        try {
            return Files.isRegularFile(Path.of(name)) && Files.isExecutable(Path.of(name));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /** What cosign says of an image; from its exit status, {@code doc/cosign_exit_codes}. */
    public enum Kind {
        /** The key's signature is there. */
        SIGNED(0),
        /** There is no signature. */
        UNSIGNED(10),
        /** There is no image. */
        NOT_THERE(11),
        /** There are signatures, none of them by the key. */
        OTHER_KEY(12),
        /** It has not ended in time. */
        SILENT(-1),
        /** Anything else. */
        FAILED(1);

        private final int status;

        Kind(int status) {
            this.status = status;
        }

        private static Kind of(int status) {
            return Stream.of(SIGNED, UNSIGNED, NOT_THERE, OTHER_KEY).filter(kind -> kind.status == status).findFirst()
                    .orElse(FAILED);
        }
    }

    /**
     * Its answer.
     *
     * @param digest of the image that is signed; empty for any other kind
     * @param line cosign's words, not to be trusted; empty if there are none
     */
    public record Answer(Kind kind, String digest, String line, Duration took) {
    }

    /** Whether an image is signed by the key, and if so, exactly which one has that tag now. */
    public Answer verify(Reference image, Deadline deadline) throws InterruptedException {
        return verifyNamed(image, image.toString(), deadline);
    }

    /** Whether this very image is signed by the key. @param repository that it is in, under any tag */
    public Answer verify(Reference repository, String digest, Deadline deadline) throws InterruptedException {
        return verifyNamed(repository, at(repository, digest), deadline);
    }

    private Answer verifyNamed(Reference repository, String image, Deadline deadline) throws InterruptedException {
        Deadline spent = new Deadline(deadline.left());
        Optional<Processes.Finished> ended = run(
                List.of("verify", "--key", publicKey, "--insecure-ignore-tlog", "--output=json"), repository, image,
                spent);
        if (ended.isEmpty()) {
            return new Answer(Kind.SILENT, "", "", spent.elapsed());
        }
        Kind kind = Kind.of(ended.get().status());
        Set<String> digests = kind == Kind.SIGNED ? digests(ended.get().out()) : Set.of();
        return kind == Kind.SIGNED && digests.size() != 1 // never seen
                ? new Answer(Kind.FAILED, "", "no digest", spent.elapsed())
                : new Answer(kind, String.join("", digests), lastLine(ended.get()), spent.elapsed());
    }

    /** Of which images the claims are that were verified: the same in each signature. */
    private static Set<String> digests(List<String> json) {
        return HeldImage.values("{\"all\":" + String.join("\n", json) + "}").entrySet().stream()
                .filter(value -> DIGEST.matcher(value.getKey()).matches()).map(Map.Entry::getValue)
                .collect(Collectors.toSet());
    }

    /**
     * Signs one image, which the registry has. Once more is no failure.
     *
     * @return {@link Kind#SIGNED}, {@link Kind#SILENT} or {@link Kind#FAILED}
     */
    public Answer sign(Reference repository, String digest, Deadline deadline) throws InterruptedException {
        Deadline spent = new Deadline(deadline.left());
        List<String> line = new ArrayList<>(List.of("sign", "--key", privateKey.orElseThrow(), "--yes",
                "--tlog-upload" + OFF));
        NEW_FLAGS.stream().filter(flag -> !unknown.contains(flag)).map(flag -> flag + OFF).forEach(line::add);
        Optional<Processes.Finished> ended = run(line, repository, at(repository, digest), spent);
        Optional<String> flag = ended.flatMap(Cosign::unknownFlag).filter(NEW_FLAGS::contains);
        if (flag.isPresent() && line.contains(flag.get() + OFF)) {
            unknown.add(flag.get());
            return sign(repository, digest, spent);
        }
        return ended.isEmpty() ? new Answer(Kind.SILENT, "", "", spent.elapsed())
                : new Answer(ended.get().status() == 0 ? Kind.SIGNED : Kind.FAILED, digest, lastLine(ended.get()),
                        spent.elapsed());
    }

    private static Optional<String> unknownFlag(Processes.Finished ended) {
        return ended.err().stream().map(UNKNOWN_FLAG::matcher).filter(Matcher::matches).map(flag -> flag.group(1))
                .findFirst();
    }

    private static String at(Reference repository, String digest) {
        return repository.name() + "@" + digest;
    }

    private static String lastLine(Processes.Finished ended) {
        return BEFORE.matcher(BuildOutput.lastLine(ended.err())).replaceFirst("");
    }

    /** Empty if it has not ended in time. */
    private Optional<Processes.Finished> run(List<String> words, Reference repository, String image, Deadline deadline)
            throws InterruptedException {
        List<String> line = new ArrayList<>(List.of(PROGRAM));
        line.addAll(words);
        if (LOOPBACK.matcher(repository.domain()).matches()) {
            line.add("--allow-insecure-registry");
        }
        line.addAll(List.of("--", image));
        Duration left = limit.compareTo(deadline.left()) < 0 ? limit : deadline.left();
        try {
            Processes.Finished ended = new Processes.Command(line, environment, new byte[0]).run(left, text -> {});
            if (STOPPED.contains(ended.status())) {
                throw new InterruptedException();
            }
            return Optional.of(ended);
        } catch (IOException e) {
            return Optional.of(new Processes.Finished(-1, List.of(), List.of(PROGRAM + ": " + e.getMessage()),
                    deadline.elapsed()));
        } catch (TimeoutException e) {
            return Optional.empty();
        }
    }
}
