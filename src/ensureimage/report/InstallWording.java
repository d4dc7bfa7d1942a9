// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.engine.CacheFolder;
import ensureimage.install.NotInstalled;
import ensureimage.recipe.Printable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What is said of an installed form. */
public final class InstallWording {
    private static final String ELSEWHERE = "Name a folder that you can write to: --install=DIR, and "
            + "XDG_DATA_HOME for the program itself.";

    private InstallWording() {
    }

    /** One line per launcher. */
    public static List<String> installed(List<Path> launchers) {
        return launchers.stream().map(path -> "installed  " + Printable.escape(path)
                + (isPlugin(path) ? "  for: docker ensure" : "")).toList();
    }

    /** One line per launcher, and one for the cache, which stays: an installation from now on would use it. */
    public static List<String> removed(List<Path> launchers, Map<String, String> environment) {
        Stream<String> kept = CacheFolder.find(environment).filter(Files::isDirectory).stream()
                .map(folder -> "kept       " + Printable.escape(folder) + "  the cache, to remove it: rm -rf "
                        + OurLine.quoted(folder.toString()));
        return Stream.concat(launchers.stream().map(path -> "removed    " + Printable.escape(path)), kept).toList();
    }

    private static boolean isPlugin(Path launcher) {
        return launcher.getFileName().toString().startsWith("docker-");
    }

    /** What to do before the commands are found; nothing if their folder is on PATH. */
    public static List<String> path(List<Path> launchers, Map<String, String> environment) {
        Path folder = launchers.get(0).getParent();
        List<String> lines = new ArrayList<>();
        if (Arrays.stream(environment.getOrDefault("PATH", "").split(":")).noneMatch(folder.toString()::equals)) {
            lines.add("Your shell does not find them yet. Put this into its profile:");
            lines.add("    export PATH=\"" + Printable.escape(folder) + ":$PATH\"");
        }
        return lines;
    }

    /** Why it is not installed, or not removed. */
    public static Message failure(NotInstalled failure) {
        String path = Printable.escape(failure.path());
        String reason = failure.reason().isEmpty() ? "" : ": " + Printable.escape(failure.reason());
        return switch (failure.kind()) {
            case NO_HOME -> new Message("cannot install: HOME is not set", "Set HOME to an absolute path.");
            case CANNOT_WRITE -> new Message("cannot write " + path + reason, ELSEWHERE);
            case FOREIGN -> new Message("cannot install: " + path + " exists, and was not installed by ensure_image",
                    "Move it away, or name another folder: --install=DIR");
            case NO_CLASSES -> new Message("cannot install: the classes of " + path + " are not on the class path",
                    "Install from the scripts: ./jbangw ensure_image.java --install");
            case NOTHING_THERE -> new Message("nothing is installed in " + path, "");
        };
    }

    /** What {@code --verbose} says of an older installed form. @param source that it was made from */
    public static List<String> newer(Path source) {
        String path = Printable.escape(source);
        return List.of("ensure_image: " + path + " has changed since it was installed. Install it again:",
                path.endsWith(".java") ? "    cd " + Printable.escape(source.getParent()) + " && ./jbangw "
                        + Printable.escape(source.getFileName()) + " --install"
                        : "    java -jar " + path + " --install");
    }
}
