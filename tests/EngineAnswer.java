// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.KnownLine;
import ensureimage.engine.Processes;
import ensureimage.engine.Verdict;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;

/**
 * How a call to the engine has ended.
 *
 * @param image that it is about, or {@link EngineModel#NONE}
 */
record EngineAnswer(Words words, int image) {
    private static final String HALF = "4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f";
    private static final String ID = "sha256:" + HALF + HALF;

    /** What docker says, and how the product reads it: the last line of a recorded transcript, where there is one. */
    enum Words {
        /** Nothing: it worked. A look-up has found the image. */
        DONE(""),
        /** A look-up has found nothing: {@code EngineSocketTest}. */
        MISSING("Error response from daemon: No such image: race:test"),
        /** A look-up has found an image, but not its content. */
        HALF_GONE(lastLine("26.1-inspect-removed.txt")),
        /** A look-up has found an image that had no record by the time that its records were listed. */
        CHANGED(lastLine("28.5-inspect-removed.txt")),
        /** Another call has created the tag after this one deleted it. */
        TAG_TAKEN(lastLine("28.5-tag-race-1.txt")),
        /** The tag that existed was gone a moment later. */
        TAG_GONE(lastLine("28.5-tag-race-2.txt")),
        /** The tag that existed was another one's each time that the engine looked. */
        TAG_CHANGES(lastLine("28.5-tag-race-3.txt")),
        /** The image was gone before it was named: {@code KnownLine.GONE}. */
        ID_GONE("Error response from daemon: failed to resolve image id \"" + ID + "\" to a descriptor: "
                + "No such image: " + ID),
        /** Another build has created the very same image: {@code docs/race-28.5.md}. */
        UNNAMED_TAKEN("ERROR: failed to build: failed to solve: image \"moby-dangling@" + ID + "\": already exists"),
        /** Another build writes the same content: {@code KnownLine.REF_LOCKED}. */
        LOCKED("ERROR: failed to build: failed to solve: Unavailable: ref moby/1/layer-" + ID
                + " locked for 234.449907ms (since 2026-01-01 00:00:00 +0000 UTC): unavailable"),
        /** What a build made was removed before the build's end. */
        PRUNED(lastLine("26.1-pruned-buildkit.txt")),
        /** The build failed by itself. */
        BROKEN(lastLine("28.5-genuine-buildkit-useradd.txt")),
        /** The registry does not have the image. */
        NOT_IN_REGISTRY(lastLine("28.5-registry-pull-miss.txt")),
        /** The registry is no help. */
        REGISTRY_AWAY(lastLine("28.5-registry-pull-refused.txt")),
        /** The engine does not run. */
        AWAY(lastLine("28.5-engine-gone-buildkit.txt"));

        private final Verdict verdict;
        private final boolean missing;

        Words(String line) {
            this.missing = KnownLine.saysMissing(line);
            Reference wanted = Reference.find(line.contains("tt:final") ? "tt:final" : "race:test").orElseThrow();
            this.verdict = Verdict.read(new Processes.Finished(line.isEmpty() ? 0 : 1, List.of(), List.of(line),
                    Duration.ZERO), wanted);
        }
    }

    /** What the product takes it for. */
    KnownLine.Meaning meaning() {
        return words.verdict.meaning();
    }

    /** Whether the product knows the ID of an image that was built: a build that succeeds says it, too. */
    boolean tellsId() {
        return words == Words.DONE || words.verdict.id().isPresent();
    }

    /** Whether the product takes it for the answer to a look-up that nothing is there. */
    boolean saysMissing() {
        return words.missing;
    }

    private static String lastLine(String transcript) {
        try {
            List<String> lines = Files.readAllLines(Harness.projectFile("tests/transcripts/" + transcript));
            return lines.get(lines.size() - 1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
