// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import ensureimage.Rehearsal;
import ensureimage.engine.Processes;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Classes as a JVM likes to have them, loaded and linked: from Java 25 an AOT cache (JEP 483, 514), before that a dynamic
 * CDS archive (JEP 350). Each Java that runs the installed form has its own, made when it is first used.
 *
 * <p>Beside it lies a note for the launcher: the Java, what there is for it, and the runtime that it was made by. A JVM
 * ignores an archive that does not fit; then {@link #forgetForeign} takes the note away, and the next start makes another.
 * So an archive is never needed, and no process waits for the process that makes it.
 */
public final class ClassArchive {
    private static final Duration LIMIT = Duration.ofMinutes(5);
    static final int FIRST_WITH_AOT_CACHE = 25; // -XX:AOTCacheOutput, JEP 514
    private static final String LOCK = "lock";
    /** What there may be for a Java, as the launcher has it. */
    private static final String AOT = "aot";
    private static final String CDS = "jsa";
    private static final String NOTHING = "none";
    /** Options that a JVM takes from its environment. */
    private static final List<String> OF_JVMS = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

    private ClassArchive() {
    }

    /**
     * Called by the launcher, by the Java in question: makes an archive for it, unless another process is at it.
     *
     * @param arguments the home of the installed form, the Java as the launcher found it, and the name of its note
     */
    public static void main(String... arguments) {
        try {
            make(Path.of(arguments[0]), arguments[1], arguments[2]);
        } catch (IOException | InterruptedException e) {
            // This Java runs, and that is what the launcher is told; there is no archive for it.
        }
    }

    private static void make(Path home, String java, String key) throws IOException, InterruptedException {
        Path folder = Places.archives(home);
        try (FileChannel channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE); FileLock lock = channel.tryLock()) {
            Path note = folder.resolve(key);
            if (lock == null || isMade(note, Places.jar(home), java)) {
                return;
            }
            NewFile.deleteLeftOvers(folder);
            String kind = Runtime.version().feature() >= FIRST_WITH_AOT_CACHE ? AOT : CDS;
            Path archive = folder.resolve(key + "." + kind);
            Path beside = NewFile.beside(archive);
            boolean made = train(kind, beside, Places.jar(home)) && Files.exists(beside);
            if (made) {
                NewFile.put(beside, archive);
            }
            NewFile.write(note, java, made ? kind : NOTHING, runtime());
        }
    }

    /** Whether another process was faster. */
    private static boolean isMade(Path note, Path jar, String java) throws IOException {
        if (!Files.exists(note)
                || Files.getLastModifiedTime(jar).compareTo(Files.getLastModifiedTime(note)) > 0) {
            return false;
        }
        List<String> lines = Files.readAllLines(note);
        return lines.size() > 2 && lines.get(0).equals(java) && lines.get(2).equals(runtime());
    }

    /** Whether no archive could be made for a Java, by the note on it. */
    static boolean saysNothing(Path note) throws IOException {
        List<String> lines = Files.readAllLines(note);
        return lines.size() < 2 || lines.get(1).equals(NOTHING);
    }

    private static String runtime() {
        return System.getProperty("java.vm.version") + " " + System.getProperty("java.vm.vendor");
    }

    /** Runs a look-up in a JVM that writes down what it has loaded. */
    private static boolean train(String kind, Path archive, Path jar) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("ensure_image-");
        try (Rehearsal engine = Rehearsal.open(folder)) {
            List<String> line =
                    new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
            line.addAll(Launcher.JVM_OPTIONS);
            line.add((kind.equals(AOT) ? "-XX:AOTCacheOutput=" : "-XX:ArchiveClassesAtExit=") + archive);
            line.addAll(List.of("-cp", jar.toString(), Training.class.getName(), Places.COMMANDS.get(0), engine.image(),
                    engine.collection().toString()));
            Map<String, String> environment = new TreeMap<>(engine.environment());
            OF_JVMS.forEach(name -> environment.put(name, "")); // an agent, say, that the archive is not to have
            return new Processes.Command(line, environment, new byte[0])
                    .run(LIMIT, ignored -> {}).status() == 0;
        } catch (IOException | TimeoutException e) {
            return false; // it runs without
        } finally {
            delete(folder);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** At the start of the installed form: has the archive made again if it is of another Java. @param property of the JVM */
    public static void forgetForeign(UnaryOperator<String> property) {
        String made = property.apply(Launcher.MADE_BY);
        String note = property.apply(Launcher.NOTE);
        if (made == null || note == null
                || made.equals(property.apply("java.vm.version") + " " + property.apply("java.vm.vendor"))) {
            return;
        }
        try {
            Files.deleteIfExists(Path.of(note));
        } catch (IOException e) {
            // a folder of another user
        }
    }
}
