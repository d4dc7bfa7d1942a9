// SPDX-License-Identifier: Apache-2.0
//SOURCES format.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** The formatter, and that it has nothing to do; nor the compiler to say. */
class FormatTest {

    @Test
    void everyFileIsFormatted() throws IOException {
        assertEquals(List.of(), format.all(Harness.root(), false), "run: ./jbangw tests/format.java");
    }

    /** The first line of each, or the second one where the first is for the shell that starts it. Samples have none. */
    @Test
    void everySourceNamesItsLicence() throws IOException {
        List<Path> without = new ArrayList<>();
        for (Path source : List.of(Path.of("src"), Path.of("tests"), Path.of("benchmarks"), Path.of("release"),
                Path.of("."))) {
            int depth = source.equals(Path.of("src")) ? Integer.MAX_VALUE : 1;
            try (Stream<Path> files = Files.walk(Harness.root().resolve(source), depth)) {
                for (Path file : files.filter(file -> file.toString().matches(".*\\.java|.*/jbangw")).toList()) {
                    List<String> lines = Files.readAllLines(file);
                    int first = lines.get(0).startsWith("///usr/bin/env") || lines.get(0).startsWith("#!") ? 1 : 0;
                    if (!lines.get(first).matches("(//|#) SPDX-License-Identifier: Apache-2\\.0")) {
                        without.add(file);
                    }
                }
            }
        }
        assertEquals(List.of(), without);
    }

    /** Of the oldest Java that the scripts run on: each newer one finds more to warn of. */
    @Test
    void javacHasNothingToWarnOf() throws IOException {
        assumeTrue(Runtime.version().feature() == 17, "another Java");
        List<Path> sources = new ArrayList<>();
        for (String folder : List.of(".", "tests", "benchmarks", "release")) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Harness.root().resolve(folder), "*.java")) {
                files.forEach(sources::add);
            }
        }
        try (Stream<Path> files = Files.walk(Harness.root().resolve("src"))) {
            files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
        }
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, null)) {
            assertTrue(javac.getTask(null, files, found,
                    List.of("-Xlint:all,-auxiliaryclass", "-proc:none", "-classpath",
                            System.getProperty("java.class.path"), "-d", Harness.newFolder().toString()),
                    null,
                    files.getJavaFileObjectsFromPaths(sources)).call(), found.getDiagnostics().toString());
        }
        assertEquals(List.of(), found.getDiagnostics());
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
