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
        String given = architecture.toLowerCase(Locale.ROOT);
        String arch = switch (given) {
            case "x86_64", "x86-64" -> "amd64";
            case "aarch64" -> "arm64";
            case "i386" -> "386";
            case "armhf", "armel" -> "arm";
            default -> given;
        };
        String level = switch (arch) {
            case "386" -> given.equals("i386") ? "" : variant;
            case "amd64" -> variant.equals("v1") ? "" : variant;
            case "arm64" -> variant.equals("v8") || variant.equals("8") ? "" : variant;
            case "arm" -> given.equals("armhf") ? "v7" : given.equals("armel") ? "v6" : armLevel(variant);
            default -> variant;
        };
        return os.toLowerCase(Locale.ROOT) + "/" + arch + (level.isEmpty() ? "" : "/" + level);
    }

    private static String armLevel(String variant) {
        return switch (variant) {
            case "" -> "v7";
            case "5", "6", "7", "8" -> "v" + variant;
            default -> variant;
        };
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
