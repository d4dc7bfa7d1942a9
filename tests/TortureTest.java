// SPDX-License-Identifier: Apache-2.0
//SOURCES torture.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** A short run of tests/torture.java; what it finds wrong is in its output, with the seed that repeats it. */
class TortureTest {

    @Test
    void nothingIsFalseWrongStaleOrLeftBehindWhileTheTagIsTaken() {
        assertEquals(0, torture.execute("--minutes", "0", "--builders", "8", "--fault", "TAG_REMOVED"));
    }
}
