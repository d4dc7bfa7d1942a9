//SOURCES real.java

import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Dockerfiles of the kinds that people have, in {@code tests/dockerfiles}; {@code tests/real.java} takes any others. */
class RealDockerfilesTest {

    @Test
    void aCheckSaysOfEachChangeWhatDockerBuildDoes() throws Exception {
        assertTrue(real.play(Workbench.ofToday(), List.of(Harness.projectFile("tests/dockerfiles")), 3));
    }
}
