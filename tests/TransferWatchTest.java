// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When a registry is silent, and when it is the engine that works on what came. */
class TransferWatchTest {
    private static final String LAYER = "0123456789ab";
    private final TransferWatch watch = new TransferWatch((moved, whole) -> {});

    @ParameterizedTest
    @ValueSource(strings = {"Download complete", "Already exists", "Pull complete", "Extracting", "Verifying Checksum",
        "Pushed", "Layer already exists", "Mounted from library/busybox"})
    void nobodyWaitsForTheRegistryOnceItHasOrGaveAllLayers(String status) {
        tell("ba9876543210", "Pushed");
        tell(LAYER, "Waiting");
        pause();
        assertTrue(watch.silence().compareTo(Duration.ZERO) > 0, "control: one layer is not there");
        tell(LAYER, status);
        pause();
        assertEquals(Duration.ZERO, watch.silence());
    }

    private void tell(String layer, String status) {
        watch.read("{\"status\":\"" + status + "\",\"progressDetail\":{},\"id\":\"" + layer + "\"}");
    }

    private static void pause() {
        LockSupport.parkNanos(1_000_000);
    }
}
