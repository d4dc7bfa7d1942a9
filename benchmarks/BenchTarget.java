// SPDX-License-Identifier: Apache-2.0

import java.util.List;
import java.util.Locale;

/** What a way is to reach in a scene. */
sealed interface BenchTarget {

    String way();

    boolean isReached(BenchScene.Results results);

    /** What it reached, and what was to be reached. */
    String describe(BenchScene.Results results);

    default String verdict(BenchScene.Results results) {
        return (isReached(results) ? "reached: " : "MISSED: ") + describe(results);
    }

    /** At most so many times what the rivals take, one after the other; by the median over the rounds. */
    record Time(String way, double factor, List<String> rivals) implements BenchTarget {

        Time(String way, double factor, String... rivals) {
            this(way, factor, List.of(rivals));
        }

        @Override
        public boolean isReached(BenchScene.Results results) {
            return results.ratio(way, rivals) <= factor;
        }

        @Override
        public String describe(BenchScene.Results results) {
            return String.format(Locale.ROOT, "%.2f of %s, at most %s", results.ratio(way, rivals),
                    String.join(" + ", rivals), factor);
        }
    }

    /** No process that is larger, in MB. */
    record Memory(String way, int limit) implements BenchTarget {
        private static final double KB = 1000;

        @Override
        public boolean isReached(BenchScene.Results results) {
            return results.peak(way) / KB <= limit;
        }

        @Override
        public String describe(BenchScene.Results results) {
            return String.format(Locale.ROOT, "%.0f MB, at most %d", results.peak(way) / KB, limit);
        }
    }
}
