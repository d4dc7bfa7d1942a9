// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a failed build's output is taken for: real output of real engines, and texts made to deceive. */
class KnownLineTest {

    private static final Path TRANSCRIPTS = Harness.projectFile("tests/transcripts");
    private static final Pattern STATUS = Pattern.compile("; exit code: (\\d+)");
    private static final String DIGEST = "sha256:db3c8e6bc0e08c048b59c42a3f70980b9ed4798d0dc5fdde3c20b6f1b4ed0a9e";
    private static final String RACE = "ERROR: failed to solve: image \"docker.io/library/race:test\": already exists";

    /** By a part of the transcript's name; the first that is found counts. */
    private static final Map<String, KnownLine.Meaning> EXPECTED = expected();

    private static Map<String, KnownLine.Meaning> expected() {
        Map<String, KnownLine.Meaning> expected = new LinkedHashMap<>();
        expected.put("race-|rmi-loop", KnownLine.Meaning.CLAIMED);
        expected.put("engine-|no-permission|no-context", KnownLine.Meaning.NO_ENGINE);
        expected.put("canceled", KnownLine.Meaning.INTERRUPTED);
        expected.put("gone|inspect-removed|lease|overloaded|parent-snapshot|pruned|ref-locked",
                KnownLine.Meaning.TEMPORARY);
        // The legacy builder knows no heredocs and took the line for an empty RUN: it really built an image.
        expected.put("legacy-cmdline-heredoc", KnownLine.Meaning.DONE);
        return expected;
    }

    /** Those of builds and names; {@code RegistryLineTest} has those of registries. */
    static Stream<String> transcripts() throws IOException {
        try (Stream<Path> files = Files.list(TRANSCRIPTS)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.contains("-registry-"))
                    .sorted()
                    .toList().stream();
        }
    }

    /** A transcript: its first line tells what ran, and its exit status; the others are what was printed. */
    private record Transcript(int status, List<String> output) {
        static Transcript read(String name) throws IOException {
            List<String> lines = Files.readAllLines(TRANSCRIPTS.resolve(name));
            Matcher status = STATUS.matcher(lines.get(0));
            assertTrue(status.find(), "the first line tells the exit code: " + name);
            return new Transcript(Integer.parseInt(status.group(1)), lines.subList(1, lines.size()));
        }

        String verdict() {
            return BuildOutput.lastLine(output);
        }
    }

    // ---- What is recorded

    @ParameterizedTest
    @MethodSource("transcripts")
    void everyTranscriptIsTakenForWhatItWas(String name) throws Exception {
        Transcript transcript = Transcript.read(name);
        Verdict verdict = verdict(transcript.status(), transcript.output(),
                name.contains("tag-race") ? "tt:final" : "race:test");
        assertEquals(expected(name), verdict.meaning(), verdict.line());
    }

    private static KnownLine.Meaning expected(String name) {
        return EXPECTED.entrySet().stream().filter(each -> Pattern.compile(each.getKey()).matcher(name).find())
                .map(Map.Entry::getValue).findFirst().orElse(KnownLine.Meaning.FAILED);
    }

    /** Which entry counts if several match is seen above: the first. */
    @ParameterizedTest
    @EnumSource
    void everyEntryHasATranscriptThatItMatches(KnownLine entry) throws Exception {
        assertNotEquals(List.of(), matched(entry), entry + " needs a transcript in tests/transcripts");
    }

    @Test
    void anEntryWithoutATranscriptIsFound() throws Exception {
        Matcher never = Pattern.compile("ERROR: failed to solve: a line that no engine has printed").matcher("");
        assertEquals(List.of(), matching(line -> never.reset(line).matches()), "control: that test can fail");
    }

    private static List<String> matched(KnownLine entry) throws IOException {
        return matching(entry::matches);
    }

    private static List<String> matching(Predicate<String> entry) throws IOException {
        List<String> names = new ArrayList<>();
        for (String name : transcripts().toList()) {
            if (entry.test(Transcript.read(name).verdict())) {
                names.add(name);
            }
        }
        return names;
    }

    /** Of a client that cannot reach its engine, what is wrong and with what. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "20.10-no-context-inspect      | NO_CONTEXT    | nosuch",
        "26.1-no-context-inspect       | NO_CONTEXT    | nosuch",
        "26.1-no-context-buildkit      | NO_CONTEXT    | nosuch",
        "28.5-no-context-inspect       | NO_CONTEXT    | nosuch",
        "20.10-no-permission-buildkit  | NO_PERMISSION | unix:///tmp/x/docker.sock",
        "26.1-no-permission-inspect    | NO_PERMISSION | unix:///tmp/x/docker.sock",
        "28.5-no-permission-buildkit   | NO_PERMISSION | unix:///tmp/x/docker.sock",
        "20.10-engine-gone-tcp         | AWAY          | tcp://told",
        "26.1-engine-gone-inspect      | AWAY          | unix:///nowhere/docker.sock",
        "28.5-engine-gone-tcp          | AWAY          | tcp://127.0.0.1:1",
        "28.5-engine-sigkill-buildkit  | FAILED        | ''",
        "28.5-genuine-buildkit-useradd | FAILED        | ''"})
    void whatIsWrongWithTheEngineIsReadFromTheLastLine(String name, EngineException.Kind kind, String subject)
            throws Exception {
        String line = Transcript.read(name + ".txt").verdict();
        EngineException failure = KnownLine.readFailure(line, "tcp://told");
        assertEquals(kind, failure.kind(), line);
        assertEquals(subject, failure.subject(), line);
        assertEquals(kind == EngineException.Kind.FAILED ? line : "", failure.detail());
    }

    /** While an image is being removed, a look-up finds a part of it. */
    @ParameterizedTest
    @ValueSource(strings = {"26.1-half-gone-inspect-1.txt", "26.1-half-gone-inspect-2.txt", "28.5-gone-tag.txt"})
    void anImageOfWhichNotAllIsThereIsMissing(String name) throws Exception {
        assertTrue(KnownLine.saysMissing(Transcript.read(name).verdict()));
        assertFalse(KnownLine.saysMissing(Transcript.read("28.5-engine-gone-inspect.txt").verdict()), "control");
    }

    // ---- What is made to deceive

    @Test
    void noLineButTheLastIsAVerdict() throws Exception {
        assertEquals(KnownLine.Meaning.CLAIMED, meaning(RACE), "control");
        assertEquals(KnownLine.Meaning.FAILED, meaning(RACE, "ERROR: failed to solve: process \"/bin/sh\" "
                + "did not complete successfully: exit code: 1"));
        assertEquals(KnownLine.Meaning.FAILED, meaning(RACE, "The command '/bin/sh -c x' returned a non-zero code: 1"));
    }

    @Test
    void aCarriageReturnDoesNotBeginALine() throws Exception {
        assertEquals(KnownLine.Meaning.FAILED, meaning("#7 0.2 \r" + RACE));
    }

    @Test
    void blankLinesAndDockerDesktopsPointerAfterTheVerdictAreSkipped() throws Exception {
        assertEquals(KnownLine.Meaning.CLAIMED,
                meaning(RACE, "", "View build details: docker-desktop://dashboard/build/default/default/x", ""));
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
        assertEquals(KnownLine.Meaning.FAILED, meaning(line));
    }

    @ParameterizedTest
    @ValueSource(strings = {"app", "app:latest", "library/app", "docker.io/app", "docker.io/library/app:latest",
        "index.docker.io/app"})
    void everySpellingOfAReferenceIsTheSameTag(String spelling) throws Exception {
        assertEquals(KnownLine.Meaning.CLAIMED, verdict(1,
                List.of("ERROR: failed to solve: image \"docker.io/library/app:latest\": already exists"), spelling)
                .meaning());
    }

    @Test
    void aRegistryOfTheSameNameIsAnotherTag() throws Exception {
        List<String> ours = List.of("ERROR: failed to solve: image \"localhost:5000/app:latest\": already exists");
        assertEquals(KnownLine.Meaning.CLAIMED, verdict(1, ours, "localhost:5000/app").meaning(), "control");
        assertEquals(KnownLine.Meaning.FAILED, verdict(1, ours, "app").meaning());
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
    void aFailureThatOthersCauseIsTemporary(String line) throws Exception {
        assertEquals(KnownLine.Meaning.TEMPORARY, meaning(line));
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
        assertEquals(KnownLine.Meaning.FAILED, verdict.meaning());
        assertTrue(verdict.missesOneOf(Set.of(line.contains("ba:1") ? "ba:1" : "ba", "other")), line);
        assertFalse(verdict.missesOneOf(Set.of("ba:2", "other")), line);
        assertFalse(verdict(0, List.of(line), "app:1").missesOneOf(Set.of("ba:1", "ba")), "a success misses nothing");
    }

    @Test
    void aStatusOfZeroIsASuccessWhateverWasPrinted() throws Exception {
        assertEquals(KnownLine.Meaning.DONE, verdict(0, List.of(RACE), "race:test").meaning());
    }

    /** A mutated race line is never a race for our tag, except where the grammar itself allows for the change. */
    @Test
    void noSingleCharacterLessLeavesARaceLineARace() throws Exception {
        for (int i = 0; i < RACE.length(); i++) {
            String mutated = RACE.substring(0, i) + RACE.substring(i + 1);
            assertNotEquals(KnownLine.Meaning.CLAIMED, meaning(mutated), mutated);
        }
    }

    @Test
    void aLineOfAnyLengthIsReadInLinearTime() throws Exception {
        for (String part : List.of("a", "\"", "image \"", "failed to solve: ", "target a: ", ": lease does not exist",
                "ref a locked for b (since ", ": ref ", "failed to ", "failed to a: ", "NotFound: ")) {
            String line =
                    IntStream.range(0, 2_000_000 / part.length()).mapToObj(i -> part).collect(Collectors.joining());
            assertEquals(KnownLine.Meaning.FAILED, meaning("ERROR: failed to solve: " + line + "x"), part);
            assertEquals(KnownLine.Meaning.FAILED, meaning("failed commit on ref \"" + line + "x"), part);
            assertEquals(KnownLine.Meaning.FAILED, meaning("failed to " + line + "x"), part);
        }
    }

    private static KnownLine.Meaning meaning(String... lines) throws Exception {
        return verdict(1, List.of(lines), "race:test").meaning();
    }

    private static Verdict verdict(int status, List<String> err, String reference) throws Exception {
        return Verdict.read(new Processes.Finished(status, List.of(), err, Duration.ZERO),
                Reference.parse(reference));
    }
}
