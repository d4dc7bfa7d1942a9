// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ByteStrings;
import ensureimage.recipe.Dockerfile;
import ensureimage.recipe.IgnoreFile;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What users and other programs get wrong. No engine is involved. */
class BadInputTest {

    private static final int LONG = 100_000; // characters: what takes quadratic time takes minutes
    private static final Duration MOST = Duration.ofSeconds(30); // of the processor's time, whatever else it does

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final long before = threads.getCurrentThreadCpuTime();

    @AfterEach
    void itTookLittleTime() {
        Duration took = Duration.ofNanos(threads.getCurrentThreadCpuTime() - before);
        assertTrue(took.compareTo(MOST) < 0, took.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "\t", "\r", "\r\n", "\n", "\\", "\\\n", "#", "\"", "\",\"", "[", "$", "${",
        "${A:-", "$A",
        "<<a ", "--x ", "--from=a ", "/", "../", "*", "a/", ",", "=", "\0", "\u00e9"})
    void aHugeDockerfileIsRead(String piece) {
        String huge = piece.repeat(LONG / piece.length());
        for (String text : new String[] {huge, "FROM " + huge + "x", "FROM x\nCOPY " + huge + "x /", "FROM x\nRUN "
                + huge + "x\n",
            "FROM x\nCOPY [\"" + huge + "\", \"/\"]", "ARG A=" + huge + "x\nFROM $A", "#" + huge + "x", "# syntax="
                    + huge + "x",
            "FROM x\nRUN --mount=" + huge + " x", "FROM x\nRUN <<E\n" + huge + "\nE\n"}) {
            assertNotNull(Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), BuildOptions.NONE,
                    BuilderKind.BUILDKIT));
        }
    }

    @Test
    void argumentsThatDoubleDoNotExplode() {
        String arguments = IntStream.range(0, 100).mapToObj(i -> "ARG A" + (i + 1) + "=$A" + i + "$A" + i + "\n")
                .collect(Collectors.joining());
        Dockerfile file = Dockerfile.parse(
                ("ARG A0=xxxxxxxx\n" + arguments + "FROM $A100\n").getBytes(StandardCharsets.UTF_8), BuildOptions.NONE,
                BuilderKind.BUILDKIT);
        assertTrue(file.bases().first().contains("$"), "it is not known: " + file.bases());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "\t", "\r", "\r\n", "\n", "\\", "\\a", "#", "!", "[", "[a]", "[a", "*", "**",
        "**/", "a/", "../",
        "?", "*a", "/", "{", "(", "|", "\0", "\u00e9", "\u00a0"})
    void aHugeIgnoreFileIsRead(String piece) {
        String huge = ByteStrings.encode(piece.repeat(LONG / piece.length()));
        for (String text : new String[] {huge, huge + "x", "x" + huge + "x", "!" + huge}) {
            IgnoreFile ignore = IgnoreFile.parse(text);
            ignore.judge("a/".repeat(20) + "a".repeat(200), false, ignore.start());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"*a", "**/a/", "**/", "?*", "[a]*", "**a"})
    void aPatternWithManyWildcardsIsMatched(String piece) {
        IgnoreFile ignore = IgnoreFile.parse(piece.repeat(15) + "b");
        assertEquals(false, ignore.judge("a".repeat(250), false, ignore.start()).excluded());
        assertEquals(false, ignore.judge("a/".repeat(100) + "a", false, ignore.start()).excluded());
    }
}
