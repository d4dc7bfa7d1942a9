// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names of platforms are compared as containerd normalises them ({@code platforms/database.go}). */
class PlatformTest {

    @ParameterizedTest
    @CsvSource({"linux/amd64, linux/amd64", "linux/x86_64, linux/amd64", "Linux/AMD64/v1, linux/amd64",
        "linux/amd64/v3, linux/amd64/v3", "linux/i386, linux/386", "linux/arm64, linux/arm64",
        "linux/aarch64, linux/arm64", "linux/arm64/v8, linux/arm64", "linux/arm64/8, linux/arm64",
        "linux/arm64/v9, linux/arm64/v9", "linux/arm, linux/arm/v7", "linux/arm/7, linux/arm/v7",
        "linux/arm/6, linux/arm/v6", "linux/arm/v5, linux/arm/v5", "linux/armhf, linux/arm/v7",
        "linux/armel, linux/arm/v6", "arm64, linux/arm64", "armel, linux/arm/v6", "linux, linux/amd64",
        "windows, windows/amd64", "local, linux/amd64", "'', linux/amd64"})
    void onePlatformHasOneName(String asked, String name) {
        assertEquals(name, Platform.resolve(asked, "linux/amd64"));
    }
}
