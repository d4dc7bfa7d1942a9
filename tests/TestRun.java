// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is kept of a run, in a folder of its own below the user's cache: each test's outcome as it comes, and in full what
 * the console shows shortened. The newest {@value #MOST_RUNS} are kept.
 */
final class TestRun {

    private static final int MOST_RUNS = 10;
    private static final String RESULTS = "results";
    private static final String CHECKOUT = "checkout";
    private static final String KEPT = "kept";

    /** How a test can end. */
    enum Kind { PASSED, FAILED, SKIPPED }

    /**
     * A test that has ended.
     *
     * @param id {@code CLASS#METHOD}, or {@code CLASS} if it is the class that failed
     * @param name what tells one run of a parameterised test from the others, too
     */
    record Outcome(Kind kind, double seconds, String id, String name) {

        private static Outcome parse(String line) {
            String[] parts = line.split("\t", 4);
            return new Outcome(Kind.valueOf(parts[0]), Double.parseDouble(parts[1]), parts[2], parts[3]);
        }

        private String line() {
            return kind + "\t" + seconds + "\t" + id + "\t" + name.replaceAll("\\p{Cntrl}", "?") + "\n";
        }
    }

    private final Path folder;

    private TestRun(Path folder) {
        this.folder = folder;
    }

    /** A run that begins now. Folders of tests that an earlier run of this checkout has kept are removed. */
    static TestRun begin() {
        Path folder = runs().resolve(LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss")) + "-"
                + ProcessHandle.current().pid());
        begin(folder);
        return new TestRun(folder);
    }

    private static void begin(Path folder) {
        List<Path> earlier = all();
        for (int i = 0; i < earlier.size(); i++) {
            boolean gone = !isAlive(earlier.get(i));
            if (gone && checkout(earlier.get(i)).equals(Harness.root().toString())) {
                lines(earlier.get(i).resolve(KEPT)).map(Path::of).forEach(TestRun::delete);
            }
            if (gone && i >= MOST_RUNS - 1) {
                delete(earlier.get(i));
            }
        }
        Harness.write(folder.resolve(CHECKOUT), Harness.root().toString());
        Harness.write(folder.resolve(RESULTS), "");
    }

    /** The one of this checkout in which a test ended last. */
    static Optional<TestRun> last() {
        return all().stream().filter(run -> checkout(run).equals(Harness.root().toString())).findFirst()
                .map(TestRun::new);
    }

    /** How many seconds each class took when it ran last in this checkout, as far as that is remembered. */
    static Map<String, Double> lately() {
        Map<String, Double> seconds = new HashMap<>();
        all().stream().filter(run -> checkout(run).equals(Harness.root().toString())).map(TestRun::new)
                .map(run -> run.outcomes().stream().collect(Collectors.groupingBy(
                        outcome -> outcome.id().replaceFirst("#.*", ""),
                        Collectors.summingDouble(Outcome::seconds))))
                .forEach(run -> run.forEach(seconds::putIfAbsent));
        return seconds;
    }

    /** The one with this name; made if it is not there. */
    static TestRun named(Path folder) {
        if (!Files.exists(folder.resolve(RESULTS))) {
            begin(folder);
        }
        return new TestRun(folder);
    }

    Path folder() {
        return folder;
    }

    List<Outcome> outcomes() {
        return lines(folder.resolve(RESULTS)).map(Outcome::parse).toList();
    }

    void ended(Outcome outcome) {
        append(RESULTS, outcome.line());
    }

    /** Keeps folders of a test until the next run, so that its commands can be run again. */
    void keep(List<Path> folders) {
        for (Path each : folders) {
            Harness.keep(each);
            append(KEPT, each + "\n");
        }
    }

    /** Writes a file of this run and returns its path. */
    Path write(String name, String text) {
        String base = name.replaceAll("[^\\w.#-]+", "_");
        String cut = base.substring(0, Math.min(100, base.length()));
        Path file = folder.resolve(cut + ".txt");
        for (int i = 2; Files.exists(file); i++) {
            file = folder.resolve(cut + "-" + i + ".txt");
        }
        return Harness.write(file, text);
    }

    private void append(String name, String text) {
        try {
            Files.writeString(folder.resolve(name), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- The folders

    private static Path runs() {
        String xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        Path cache = xdg.startsWith("/") ? Path.of(xdg)
                : Path.of(System.getenv().getOrDefault("HOME", System.getProperty("user.home")), ".cache");
        return cache.resolve("ensure_image/tests");
    }

    /** Of all runs, the one with the newest outcome first. */
    private static List<Path> all() {
        try (Stream<Path> runs = Files.list(runs())) {
            return runs.filter(run -> Files.exists(run.resolve(RESULTS)))
                    .sorted(Comparator.comparingLong((Path run) -> run.resolve(RESULTS).toFile().lastModified())
                            .reversed())
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            return new ArrayList<>();
        }
    }

    private static String checkout(Path run) {
        return lines(run.resolve(CHECKOUT)).findFirst().orElse("");
    }

    private static boolean isAlive(Path run) {
        String pid = run.getFileName().toString().replaceFirst(".*-", "");
        return pid.matches("\\d{1,10}") && ProcessHandle.of(Long.parseLong(pid)).isPresent();
    }

    private static Stream<String> lines(Path file) {
        try {
            return Files.readAllLines(file).stream();
        } catch (IOException e) {
            return Stream.of(); // there is none, or another run has just removed it
        }
    }

    private static void delete(Path folder) {
        try {
            Harness.delete(folder);
        } catch (IOException e) {
            // it is gone, or another run removes it
        }
    }
}
