// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** How the output of a process becomes lines, for any output at all. */
class LinesTest {

    @Property(tries = 1_000, seed = "20251124")
    void linesAreSplitAtNewlinesHoweverTheyCome(@ForAll("chunks") List<byte[]> chunks) {
        List<String> heard = new ArrayList<>();
        Processes.Lines lines = new Processes.Lines(heard::add);
        chunks.forEach(chunk -> lines.write(chunk, 0, chunk.length));
        String whole = chunks.stream().map(chunk -> new String(chunk, StandardCharsets.ISO_8859_1))
                .collect(Collectors.joining());
        List<String> expected = Arrays.stream((whole + "\n").split("\n", -1)).map(
                line -> new String(line.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8).stripTrailing())
                .toList();
        expected = expected.subList(0, expected.size() - (whole.isEmpty() || whole.endsWith("\n") ? 2 : 1));
        assertEquals(expected, lines.kept());
        assertEquals(expected, heard);
    }

    @Provide
    Arbitrary<List<byte[]>> chunks() {
        return Arbitraries.bytes().array(byte[].class).ofMaxSize(6).list().ofMaxSize(6)
                .map(chunks -> chunks.stream().map(LinesTest::withNewlines).toList());
    }

    private static byte[] withNewlines(byte[] chunk) {
        byte[] bytes = chunk.clone();
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = bytes[i] % 4 == 0 ? (byte) '\n' : bytes[i];
        }
        return bytes;
    }

    @Example
    void linesWithoutEndTakeBoundedMemory() {
        Processes.Lines lines = new Processes.Lines(line -> {});
        byte[] blank = "\n".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
        byte[] full = "x".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
        lines.write(blank, 0, blank.length);
        assertTrue(lines.kept().size() <= 1 << 18, "blank lines");
        lines.write(full, 0, full.length);
        assertEquals(1 << 16, lines.kept().get(lines.kept().size() - 1).length(), "a long line");
    }
}
