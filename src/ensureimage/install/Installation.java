// SPDX-License-Identifier: Apache-2.0
//SOURCES ClassArchive.java
//SOURCES ClientWatch.java
//SOURCES FatJar.java
//SOURCES Launcher.java
//SOURCES NewFile.java
//SOURCES NotInstalled.java
//SOURCES Places.java
//SOURCES PluginCall.java
//SOURCES Training.java
//SOURCES package-info.java
//SOURCES ../EnsureImage.java

package ensureimage.install;

import ensureimage.engine.Processes;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * The installed form: puts it in its place, and takes it away.
 *
 * <p>The jar is renamed into its place, then the launchers are. Each launcher works with each jar, so whenever it is
 * killed there is the old form or the new one. Several may install at once: one after the other.
 */
public final class Installation {
    private static final Duration LIMIT = Duration.ofMinutes(6);
    private static final String LOCK = "lock";
    /** The launchers that there are, one per line. */
    private static final String LAUNCHERS = "launchers";
    /** What it was installed from: a script or a jar. Its time is that of the installation. */
    private static final String SOURCE = "source";
    private final Places places;

    /** @param places where it lies, or is to lie */
    public Installation(Places places) {
        this.places = places;
    }

    /**
     * Installs this program, or brings what is installed up to date.
     *
     * @param property of this JVM: its class path is what is installed
     * @param script that this JVM was started by; empty if that is not known
     * @return the launchers
     * @throws NotInstalled if something is in the way; what was there before still works
     */
    public List<Path> install(UnaryOperator<String> property, Optional<Path> script)
            throws NotInstalled, InterruptedException {
        List<Path> classPath = Arrays.stream(property.apply("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.isEmpty()).map(Path::of).map(Path::toAbsolutePath).toList();
        for (Path launcher : places.launchers()) {
            if (Files.exists(launcher) && !Launcher.is(launcher)) {
                throw new NotInstalled(NotInstalled.Kind.FOREIGN, launcher, "");
            }
        }
        makeFolders();
        attempt(places.home(), () -> {
            for (String main : Places.COMMANDS) {
                if (!FatJar.has(classPath, main)) {
                    throw new NotInstalled(NotInstalled.Kind.NO_CLASSES, Path.of(main), "");
                }
            }
            try (FileChannel lock = openLock()) {
                lock.lock();
                write(classPath, script);
            }
        });
        warmUp();
        return places.launchers();
    }

    private void makeFolders() throws NotInstalled {
        for (Path folder : List.of(places.archives(), places.commands(), places.plugins())) {
            attempt(folder, () -> Files.createDirectories(folder));
            if (!Files.isWritable(folder)) {
                throw new NotInstalled(NotInstalled.Kind.CANNOT_WRITE, folder, "");
            }
        }
    }

    private FileChannel openLock() throws IOException {
        return FileChannel.open(places.home().resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    /** With the lock. A launcher is listed before it is there, so that a removal finds it. */
    private void write(List<Path> classPath, Optional<Path> script) throws IOException {
        for (Path folder : List.of(places.home(), places.commands(), places.plugins())) {
            NewFile.deleteLeftOvers(folder);
        }
        Set<String> launchers = new LinkedHashSet<>(lines(LAUNCHERS));
        places.launchers().forEach(launcher -> launchers.add(launcher.toString()));
        NewFile.write(places.home().resolve(LAUNCHERS), launchers.toArray(String[]::new));
        if (!classPath.equals(List.of(places.jar()))) {
            NewFile.write(places.jar(), false, jar -> FatJar.write(classPath, Places.COMMANDS.get(0), jar));
            Optional<Path> source =
                    script.or(() -> Optional.of(classPath.get(0)).filter(first -> classPath.size() == 1));
            NewFile.write(places.home().resolve(SOURCE), source.map(Path::toString).orElse(""));
        }
        forgetFailures();
        for (Path launcher : places.launchers()) {
            NewFile.write(launcher, true, file -> Files.writeString(file, Launcher.text(places.home())));
        }
    }

    /** Where no archive could be made, as when there was no time for it, it is tried again. */
    private void forgetFailures() throws IOException {
        try (DirectoryStream<Path> notes = Files.newDirectoryStream(places.archives(), "_*_java")) {
            for (Path note : notes) {
                if (ClassArchive.saysNothing(note)) {
                    Files.delete(note);
                }
            }
        }
    }

    /** Starts it once, so that the Java that it finds has its archive. That it cannot is told at the next start. */
    private void warmUp() throws InterruptedException {
        try {
            new Processes.Command(List.of(places.launchers().get(0).toString(), "--version"), Map.of(), new byte[0])
                    .run(LIMIT, line -> {});
        } catch (IOException | TimeoutException e) {
            return;
        }
    }

    /**
     * Removes it: every launcher, the archives and the jar.
     *
     * @return the launchers that were removed
     * @throws NotInstalled if there is none, or something cannot be removed
     */
    public List<Path> uninstall() throws NotInstalled {
        if (!Files.isDirectory(places.home())) {
            throw new NotInstalled(NotInstalled.Kind.NOTHING_THERE, places.home(), "");
        }
        List<Path> removed = new ArrayList<>();
        attempt(places.home(), () -> {
            try (FileChannel lock = openLock()) {
                lock.lock();
                for (String line : lines(LAUNCHERS)) {
                    Path launcher = Path.of(line);
                    if (Launcher.is(launcher)) {
                        Files.delete(launcher);
                        removed.add(launcher);
                    }
                }
                try (Stream<Path> files = Files.walk(places.home())) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.deleteIfExists(file);
                    }
                }
            }
        });
        return removed;
    }

    private List<String> lines(String file) throws IOException {
        Path path = places.home().resolve(file);
        return Files.exists(path) ? Files.readAllLines(path, StandardCharsets.UTF_8) : List.of();
    }

    /** Work on files. */
    @FunctionalInterface
    private interface Work {
        void run() throws IOException, NotInstalled;
    }

    private static void attempt(Path what, Work work) throws NotInstalled {
        try {
            work.run();
        } catch (FileSystemException e) {
            Path file = e.getFile() == null ? what : Path.of(e.getFile());
            String reason = e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
            throw new NotInstalled(NotInstalled.Kind.CANNOT_WRITE, file, reason);
        } catch (IOException e) {
            throw new NotInstalled(NotInstalled.Kind.CANNOT_WRITE, what, String.valueOf(e.getMessage()));
        }
    }

    // ---- What runs

    /**
     * The home of the installed form that this JVM runs; empty for any other form. @param property of the JVM
     */
    public static Optional<Path> running(UnaryOperator<String> property) {
        return Optional.ofNullable(property.apply(Launcher.HOME)).map(Path::of);
    }

    /** Whether docker started this JVM, as its plugin. @param property of the JVM */
    public static boolean isPlugin(UnaryOperator<String> property) {
        return Launcher.PLUGIN.equals(property.apply(Launcher.FORM));
    }

    /** What an installed form was installed from, if that has changed since then. @param home of it */
    public static Optional<Path> newerSource(Path home) {
        try {
            Path note = home.resolve(SOURCE);
            FileTime installed = Files.getLastModifiedTime(note);
            String line = Files.readString(note, StandardCharsets.UTF_8).strip();
            Path source = Path.of(line);
            return !line.isEmpty() && Files.isRegularFile(source) && isNewer(source, installed) ? Optional.of(source)
                    : Optional.empty();
        } catch (IOException | InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** A script is newer if a source beside it or below is. */
    private static boolean isNewer(Path source, FileTime time) throws IOException {
        if (!source.toString().endsWith(".java")) {
            return Files.getLastModifiedTime(source).compareTo(time) > 0;
        }
        Path root = source.getParent();
        try (Stream<Path> scripts = Files.list(root); Stream<Path> below = below(root.resolve("src"))) {
            for (Path file : Stream.concat(scripts, below).filter(each -> each.toString().endsWith(".java")).toList()) {
                if (Files.getLastModifiedTime(file).compareTo(time) > 0) {
                    return true;
                }
            }
            return false;
        }
    }

    private static Stream<Path> below(Path folder) throws IOException {
        return Files.isDirectory(folder) ? Files.walk(folder) : Stream.of();
    }
}
