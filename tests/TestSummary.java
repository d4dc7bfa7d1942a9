// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.EngineStarts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What a run, or several, ends with. */
final class TestSummary {

    private static final int SLOWEST = 10;
    private static final int MOST_FAILURES = 20; // shown again

    private TestSummary() {
    }

    /** The failures once more. */
    static List<String> failures(List<List<String>> failures) {
        List<String> lines = new ArrayList<>();
        failures.stream().limit(MOST_FAILURES).forEach(failure -> {
            lines.add("");
            lines.addAll(failure);
        });
        if (failures.size() > MOST_FAILURES) {
            lines.add("");
            failures.stream().skip(MOST_FAILURES).forEach(failure -> lines.add(failure.get(0)));
        }
        return lines;
    }

    /**
     * What the processors have done for this run and the programs that it has started, if this system says it. Unlike the
     * time that a run takes, it does not depend on what else the machine does.
     */
    static Optional<String> processors() {
        try {
            // man 5 proc: after the name, utime, stime, cutime and cstime are the 12th to 15th, in ticks of 10 ms.
            String[] stat = Files.readString(Path.of("/proc/self/stat")).replaceFirst("(?s).*\\) ", "").split(" ");
            long ticks = IntStream.range(11, 15).mapToLong(i -> Long.parseLong(stat[i])).sum();
            return Optional.of(String.format(Locale.ROOT, "%nProcessor time: %d min %d s", ticks / 6000,
                    ticks / 100 % 60));
        } catch (IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Where the time went. */
    static List<String> time(List<TestRun.Outcome> outcomes, List<EngineStarts.Start> starts, int commandStarts) {
        List<String> lines = new ArrayList<>(List.of("", "The slowest tests:"));
        outcomes.stream().sorted(Comparator.comparingDouble(TestRun.Outcome::seconds).reversed()).limit(SLOWEST)
                .forEach(outcome -> lines.add(String.format(Locale.ROOT, "%8.1f s  %s", outcome.seconds(),
                        outcome.name())));
        Map<String, List<Double>> byVersion = starts.stream().collect(Collectors.groupingBy(
                EngineStarts.Start::version, TreeMap::new,
                Collectors.mapping(EngineStarts.Start::seconds, Collectors.toList())));
        double all = starts.stream().mapToDouble(EngineStarts.Start::seconds).sum();
        if (!starts.isEmpty()) {
            lines.add("");
            lines.add(String.format(Locale.ROOT, "Engines: %d were started here, in %.1f s altogether (%s)",
                    starts.size(), all, byVersion.entrySet().stream().map(each -> each.getValue().size() + " of "
                            + each.getKey()).collect(Collectors.joining(", "))));
        }
        if (commandStarts > 0) {
            lines.add("Engines: " + commandStarts + " more were started by commands");
        }
        return lines;
    }

    /** How often each test failed that failed at least once. Each list is a run. */
    static List<String> table(List<List<TestRun.Outcome>> runs) {
        Map<String, List<Integer>> failedIn = new TreeMap<>();
        for (int run = 0; run < runs.size(); run++) {
            int number = run + 1;
            runs.get(run).stream().filter(outcome -> outcome.kind() == TestRun.Kind.FAILED)
                    .forEach(outcome -> failedIn.computeIfAbsent(outcome.name(), name -> new ArrayList<>())
                            .add(number));
        }
        long tests = runs.stream().flatMap(List::stream).map(TestRun.Outcome::name).distinct().count();
        if (failedIn.isEmpty()) {
            return List.of("None of " + tests + " tests failed in " + runs.size() + " runs.");
        }
        List<String> lines = new ArrayList<>(List.of(failedIn.size() + " of " + tests + " tests failed:"));
        failedIn.entrySet().stream()
                .sorted(Comparator.comparingInt((Map.Entry<String, List<Integer>> each) -> -each.getValue().size()))
                .forEach(each -> lines.add(String.format(Locale.ROOT, "%5d of %d runs  %s (run %s)",
                        each.getValue().size(), runs.size(), each.getKey(), each.getValue().stream()
                                .map(String::valueOf).collect(Collectors.joining(", ")))));
        return lines;
    }

    /** The last line. */
    static String counts(List<TestRun.Outcome> outcomes) {
        int[] counts = IntStream.range(0, TestRun.Kind.values().length)
                .map(kind -> (int) outcomes.stream().filter(outcome -> outcome.kind().ordinal() == kind).count())
                .toArray();
        return "%d passed, %d failed, %d skipped".formatted(counts[TestRun.Kind.PASSED.ordinal()],
                counts[TestRun.Kind.FAILED.ordinal()], counts[TestRun.Kind.SKIPPED.ordinal()]);
    }
}
