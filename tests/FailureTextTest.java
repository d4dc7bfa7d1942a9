import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a failed build's output is taken for: real output of real engines, and texts made to deceive. */
class FailureTextTest {

    private static final Path TRANSCRIPTS = Harness.projectFile("tests/transcripts");
    private static final Pattern STATUS = Pattern.compile("; exit code: (\\d+)");
    private static final String DIGEST = "sha256:db3c8e6bc0e08c048b59c42a3f70980b9ed4798d0dc5fdde3c20b6f1b4ed0a9e";
    private static final String RACE = "ERROR: failed to solve: image \"docker.io/library/race:test\": already exists";

    static Stream<String> transcripts() throws IOException {
        try (Stream<Path> files = Files.list(TRANSCRIPTS)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("transcripts")
    void everyTranscriptIsTakenForWhatItWas(String name) throws Exception {
        List<String> lines = Files.readAllLines(TRANSCRIPTS.resolve(name));
        Matcher status = STATUS.matcher(lines.get(0));
        assertTrue(status.find(), "the first line tells the exit code");
        Verdict verdict = verdict(Integer.parseInt(status.group(1)), lines.subList(1, lines.size()),
                name.contains("tag-race") ? "tt:final" : "race:test");
        assertEquals(expected(name), verdict.kind(), verdict.line());
    }

    private static Verdict.Kind expected(String name) {
        if (name.contains("race-") || name.contains("rmi-loop")) {
            return Verdict.Kind.CLAIMED;
        }
        if (name.contains("engine-")) {
            return Verdict.Kind.NO_ENGINE;
        }
        if (name.contains("pruned")) {
            return Verdict.Kind.TRANSIENT;
        }
        // The legacy builder knows no heredocs and took the line for an empty RUN: it really built an image.
        return name.contains("legacy-cmdline-heredoc") ? Verdict.Kind.DONE
                : Verdict.Kind.FAILED;
    }

    @Test
    void noLineButTheLastIsAVerdict() throws Exception {
        assertEquals(Verdict.Kind.CLAIMED, kind(RACE), "control");
        assertEquals(Verdict.Kind.FAILED, kind(RACE, "ERROR: failed to solve: process \"/bin/sh\" "
                + "did not complete successfully: exit code: 1"));
        assertEquals(Verdict.Kind.FAILED, kind(RACE, "The command '/bin/sh -c x' returned a non-zero code: 1"));
    }

    @Test
    void aCarriageReturnDoesNotBeginALine() throws Exception {
        assertEquals(Verdict.Kind.FAILED, kind("#7 0.2 \r" + RACE));
    }

    @Test
    void blankLinesAndDockerDesktopsPointerAfterTheVerdictAreSkipped() throws Exception {
        assertEquals(Verdict.Kind.CLAIMED,
                kind(RACE, "", "View build details: docker-desktop://dashboard/build/default/default/x", ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "ERROR: failed to solve: image \"docker.io/library/race:other\": already exists",
        "ERROR: failed to solve: image \"docker.io/library/other:test\": already exists",
        "ERROR: failed to solve: image \"docker.io/library/race\": already exists",
        "ERROR: failed to solve: image \"docker.io/team/race:test\": already exists",
        "ERROR: failed to solve: image \"localhost:5000/race:test\": already exists",
        "ERROR: failed to solve: image \"ghcr.io/library/race:test\": already exists",
        "ERROR: failed to solve: image \"docker.io/library/race:test@sha256:0\": already exists",
        "ERROR: failed to solve: image \"\": already exists",
        "ERROR: failed to solve: image \"not a reference\": already exists",
        "#7 0.123 ERROR: failed to solve: image \"docker.io/library/race:test\": already exists",
        " ERROR: failed to solve: image \"docker.io/library/race:test\": already exists",
        "ERROR: failed to solve: image \"docker.io/library/race:test\": already exists in the layer",
        "ERROR: failed to solve: failed to copy: image \"docker.io/library/race:test\": already exists",
        "ERROR: failed to solve: process \"x image \\\"docker.io/library/race:test\\\": already exists",
        "useradd: user 'app' already exists",
        "already exists",
        "not found",
        "ERROR: failed to solve: app:none: not found",
        "ERROR: failed to solve: failed to compute cache key: \"/x\": not found",
        "listing workers for Build: failed to list workers: no",
        "ERROR: failed to solve: DeadlineExceeded: app: failed to resolve: context deadline exceeded",
        "",
    })
    void aTextThatDoesNotSayThatOurTagWasClaimedIsAFailure(String line) throws Exception {
        assertEquals(Verdict.Kind.FAILED, kind(line));
    }

    @ParameterizedTest
    @ValueSource(strings = {"app", "app:latest", "library/app", "docker.io/app", "docker.io/library/app:latest",
        "index.docker.io/app"})
    void everySpellingOfAReferenceIsTheSameTag(String spelling) throws Exception {
        assertEquals(Verdict.Kind.CLAIMED, verdict(1,
                List.of("ERROR: failed to solve: image \"docker.io/library/app:latest\": already exists"), spelling)
                .kind());
    }

    @Test
    void aRegistryOfTheSameNameIsAnotherTag() throws Exception {
        List<String> ours = List.of("ERROR: failed to solve: image \"localhost:5000/app:latest\": already exists");
        assertEquals(Verdict.Kind.CLAIMED, verdict(1, ours, "localhost:5000/app").kind(), "control");
        assertEquals(Verdict.Kind.FAILED, verdict(1, ours, "app").kind());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "ERROR: failed to solve: failed to prepare extraction snapshot \"extract-771744199-MArs sha256:1d41\": "
                + "parent snapshot sha256:e644 does not exist: not found",
        "failed to open writer: lease does not exist: not found",
        "failed to export layer: NotFound: lease does not exist: not found",
        "Error response from daemon: failed commit on ref \"layer-sha256:1\": commit failed: lease does not exist",
        "ERROR: failed to solve: mount callback failed on /tmp/containerd-mount622803746: mount callback failed on "
                + "/tmp/containerd-mount457946649: failed to open writer: ref buildkit/1/r7hengy3nchk411du0q39x1g8 locked: "
                + "unavailable",
        "ERROR: failed to build: failed to solve: Unavailable: ref moby/1/layer-sha256:4f4f locked for 234.449907ms "
                + "(since 2026-09-11 11:54:05.578308467 +0200 CEST m=+13.046516127): unavailable",
        "ERROR: failed to solve: DeadlineExceeded: context deadline exceeded",
        "ERROR: failed to solve: failed to read dockerfile: modify/rm: lstat /var/lib/docker/containerd/daemon/"
                + "io.containerd.snapshotter.v1.overlayfs/snapshots/967/fs/Dockerfile: no such file or directory",
        "Error response from daemon: rpc error: code = NotFound desc = content digest " + DIGEST + ": not found",
        "Error response from daemon: failed to read config content: NotFound: content digest " + DIGEST + ": not found",
        "Error response from daemon: failed to get config descriptor: rpc error: code = NotFound desc = blob " + DIGEST
                + " expected at /var/lib/docker/containerd/blobs/sha256/1: blob not found: not found",
    })
    void aFailureThatOthersCausePassesByItself(String line) throws Exception {
        assertEquals(Verdict.Kind.TRANSIENT, kind(line));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "ERROR: failed to solve: ba:1: failed to resolve source metadata for docker.io/library/ba:1: failed to do request: "
                + "Head \"https://registry.example/v2/library/ba/manifests/1\": dial tcp: lookup registry.example: no such host",
        "ERROR: failed to build: failed to solve: ba:1: failed to resolve source metadata for docker.io/library/ba:1: "
                + "pull access denied, repository does not exist or may require authorization: server message: "
                + "insufficient_scope: authorization failed",
        "failed to resolve reference \"docker.io/library/ba:1\": failed to do request: Head \"https://registry.example/v2\": EOF",
        "pull access denied for ba, repository does not exist or may require 'docker login'",
    })
    void aBaseThatIsNotFoundIsAFailureThatNamesIt(String line) throws Exception {
        Verdict verdict = verdict(1, List.of(line), "app:1");
        assertEquals(Verdict.Kind.FAILED, verdict.kind());
        assertTrue(verdict.missedOneOf(Set.of(line.contains("ba:1") ? "ba:1" : "ba", "other")), line);
        assertFalse(verdict.missedOneOf(Set.of("ba:2", "other")), line);
        assertFalse(verdict(0, List.of(line), "app:1").missedOneOf(Set.of("ba:1", "ba")), "a success misses nothing");
    }

    @Test
    void aStatusOfZeroIsASuccessWhateverWasPrinted() throws Exception {
        assertEquals(Verdict.Kind.DONE, verdict(0, List.of(RACE), "race:test").kind());
    }

    /** A mutated race line is never a race for our tag, except where the grammar itself allows for the change. */
    @Test
    void noSingleCharacterLessLeavesARaceLineARace() throws Exception {
        for (int i = 0; i < RACE.length(); i++) {
            String mutated = RACE.substring(0, i) + RACE.substring(i + 1);
            assertNotEquals(Verdict.Kind.CLAIMED, kind(mutated), mutated);
        }
    }

    @Test
    void aLineOfAnyLengthIsReadInLinearTime() throws Exception {
        for (String part : List.of("a", "\"", "image \"", "failed to solve: ", "target a: ", ": lease does not exist",
                "ref a locked for b (since ", ": ref ")) {
            String line =
                    IntStream.range(0, 2_000_000 / part.length()).mapToObj(i -> part).collect(Collectors.joining());
            assertEquals(Verdict.Kind.FAILED, kind("ERROR: failed to solve: " + line + "x"), part);
            assertEquals(Verdict.Kind.FAILED, kind("failed commit on ref \"" + line + "x"), part);
        }
    }

    private static Verdict.Kind kind(String... lines) throws Exception {
        return verdict(1, List.of(lines), "race:test").kind();
    }

    private static Verdict verdict(int status, List<String> err, String reference) throws Exception {
        return Verdict.of(new Processes.Finished(status, List.of(), err, Duration.ZERO),
                Reference.parse(reference));
    }
}
