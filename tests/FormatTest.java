//SOURCES format.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The formatter, and that it has nothing to do. */
class FormatTest {

    @Test
    void everyFileIsFormatted() throws IOException {
        assertEquals(List.of(), format.all(Harness.root(), false), "run: ./jbangw tests/format.java");
    }

    @Test
    void codeIsFormattedAndDirectivesAreLeftAlone() throws IOException {
        Path folder = Harness.newFolder();
        String directives = "///usr/bin/env jbang \"$0\" \"$@\" ; exit $?\n//DEPS a:b:1\n//SOURCES  x.java\n\n";
        Path file = Harness.write(folder.resolve("a.java"), directives + "class a{int x ;\n}\n");
        assertEquals(List.of(file), format.all(folder, true));
        assertEquals(directives + "class a {\n    int x;\n}\n", Files.readString(file));
        assertEquals(List.of(), format.all(folder, true));
    }
}
