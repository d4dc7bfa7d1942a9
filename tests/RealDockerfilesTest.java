// SPDX-License-Identifier: Apache-2.0
//SOURCES real.java

import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Dockerfiles of the kinds that people have, in {@code tests/dockerfiles}; {@code tests/real.java} takes any others. */
class RealDockerfilesTest {

    static List<String> contexts() throws IOException {
        try (Stream<Path> folders = Files.list(Harness.projectFile("tests/dockerfiles"))) {
            return folders.map(folder -> folder.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("contexts")
    void aCheckSaysOfEachChangeWhatDockerBuildDoes(String context) throws Exception {
        assertTrue(real.play(Workbench.ofToday(), List.of(Harness.projectFile("tests/dockerfiles/" + context)), 2));
    }
}
