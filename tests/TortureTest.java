//SOURCES torture.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A short run of tests/torture.java; what it finds wrong is in its output, with the seed that repeats it. */
class TortureTest {

    @Test
    void nothingIsFalseWrongStaleOrLeftBehindWhileTheTagIsTaken() {
        assertEquals(0, torture.execute("--minutes", "0", "--builders", "8", "--fault", "TAG_REMOVED"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"BUILDER_KILLED", "REGISTRY_STOPPED", "REGISTRY_FULL", "SHARED_TAGS_DELETED"})
    void nothingIsFalseWrongStaleOrLeftBehindWhileTheRegistryBreaks(String fault) {
        assertEquals(0, torture.execute("--minutes", "0", "--builders", "8", "--share", "--engine", "28.5", "--fault",
                fault));
    }
}
