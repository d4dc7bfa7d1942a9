import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What users and other programs get wrong. No engine is involved. */
class BadInputTest {

    private static final int LONG = 100_000; // characters: what takes quadratic time takes minutes

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "\t", "\r", "\r\n", "\n", "\\", "\\\n", "#", "\"", "\",\"", "[", "$", "${",
        "${A:-", "$A",
        "<<a ", "--x ", "--from=a ", "/", "../", "*", "a/", ",", "=", "\0", "\u00e9"})
    @Timeout(value = 30, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aHugeDockerfileIsRead(String piece) {
        String huge = piece.repeat(LONG / piece.length());
        for (String text : new String[] {huge, "FROM " + huge + "x", "FROM x\nCOPY " + huge + "x /", "FROM x\nRUN "
                + huge + "x\n",
            "FROM x\nCOPY [\"" + huge + "\", \"/\"]", "ARG A=" + huge + "x\nFROM $A", "#" + huge + "x", "# syntax="
                    + huge + "x",
            "FROM x\nRUN --mount=" + huge + " x", "FROM x\nRUN <<E\n" + huge + "\nE\n"}) {
            assertNotNull(Fingerprints.Dockerfile.of(null, text.getBytes(StandardCharsets.UTF_8), Map.of()));
        }
    }

    @Test
    void argumentsThatDoubleDoNotExplode() {
        String arguments = IntStream.range(0, 100).mapToObj(i -> "ARG A" + (i + 1) + "=$A" + i + "$A" + i + "\n")
                .collect(Collectors.joining());
        Fingerprints.Dockerfile file = Fingerprints.Dockerfile.of(null,
                ("ARG A0=xxxxxxxx\n" + arguments + "FROM $A100\n").getBytes(StandardCharsets.UTF_8), Map.of());
        assertTrue(file.bases().first().contains("$"), "it is not known: " + file.bases());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", " ", "\t", "\r", "\r\n", "\n", "\\", "\\a", "#", "!", "[", "[a]", "[a", "*", "**",
        "**/", "a/", "../",
        "?", "*a", "/", "{", "(", "|", "\0", "\u00e9", "\u00a0"})
    @Timeout(value = 30, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aHugeIgnoreFileIsRead(String piece) {
        String huge = Fingerprints.raw(piece.repeat(LONG / piece.length()));
        for (String text : new String[] {huge, huge + "x", "x" + huge + "x", "!" + huge}) {
            Fingerprints.Ignore ignore = Fingerprints.Ignore.of(text);
            ignore.judge("a/".repeat(20) + "a".repeat(200), false, ignore.top());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"*a", "**/a/", "**/", "?*", "[a]*", "**a"})
    @Timeout(value = 30, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPatternWithManyWildcardsIsMatched(String piece) {
        Fingerprints.Ignore ignore = Fingerprints.Ignore.of(piece.repeat(15) + "b");
        assertEquals(false, ignore.judge("a".repeat(250), false, ignore.top()).excluded());
        assertEquals(false, ignore.judge("a/".repeat(100) + "a", false, ignore.top()).excluded());
    }
}
