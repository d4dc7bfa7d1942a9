// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.Locale;

/**
 * Names of platforms, as images have them: {@code linux/amd64}, {@code linux/arm/v7}. Normalised as containerd does it
 * (containerd/platforms, {@code database.go}); seen on Docker 26.1 and 28.5.
 */
public final class Platform {
    private static final String LOCAL = "local";

    private Platform() {
    }

    /** From its parts; empty if there is no operating system or no architecture. */
    static String join(String os, String architecture, String variant) {
        if (os.isEmpty() || architecture.isEmpty()) {
            return "";
        }
        String arch = switch (architecture.toLowerCase(Locale.ROOT)) {
            case "x86_64", "x86-64" -> "amd64";
            case "aarch64" -> "arm64";
            case "i386", "i486", "i586", "i686" -> "386";
            case "armhf", "armel" -> "arm";
            default -> architecture.toLowerCase(Locale.ROOT);
        };
        boolean plain = variant.isEmpty() && !arch.equals("arm")
                || arch.equals("amd64") && variant.equals("v1")
                || arch.equals("arm64") && (variant.equals("v8") || variant.equals("8"));
        String level = arch.equals("arm") && variant.isEmpty() ? "v7" : variant;
        return os.toLowerCase(Locale.ROOT) + "/" + arch + (plain ? "" : "/" + level);
    }

    /**
     * What an option {@code --platform} means.
     *
     * @param asked such as {@code arm64} or {@code linux/arm64/v8}
     * @param ofEngine what an engine builds for by itself
     */
    public static String resolve(String asked, String ofEngine) {
        if (asked.isEmpty() || asked.equals(LOCAL)) {
            return ofEngine;
        }
        String[] parts = asked.split("/");
        String os = ofEngine.split("/")[0];
        if (parts.length == 1) {
            return parts[0].equals("linux") || parts[0].equals("windows")
                    ? parts[0] + ofEngine.substring(os.length())
                    : join(os.isEmpty() ? "linux" : os, parts[0], "");
        }
        return join(parts[0], parts[1], parts.length > 2 ? parts[2] : "");
    }
}
