// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/**
 * One comparison: several ways to the same end, played in turn.
 *
 * @param yardstick the way whose time is 1.0 in the column of ratios
 */
record BenchScene(String title, List<Way> ways, String yardstick, List<BenchTarget> targets) {

    /**
     * Plays it. In each round every way has its turn, so that whatever else the machine does hits all alike; the order
     * rotates. Before several rounds comes one that does not count, for what is made or read the first time only.
     *
     * @throws Wrong if a way gave a wrong image, or failed
     */
    Results play(int rounds, Consumer<String> progress) throws Exception {
        Map<String, List<Sample>> samples = new LinkedHashMap<>();
        ways.forEach(way -> samples.put(way.name(), new ArrayList<>()));
        List<Way> order = new ArrayList<>(ways);
        for (int round = rounds == 1 ? 1 : 0; round <= rounds; round++) {
            for (Way way : order) {
                progress.accept(title + ", round " + round + " of " + rounds + ": " + way.name());
                Sample sample = way.play(title);
                if (round > 0) {
                    samples.get(way.name()).add(sample);
                }
            }
            Collections.rotate(order, -1);
        }
        return new Results(this, samples);
    }

    /** An alternative. It prepares before the clock runs. */
    record Way(String name, Preparation preparation, boolean mayLose) {

        Way(String name, Preparation preparation) {
            this(name, preparation, false);
        }

        /** The same, of which it is known that processes that lose the race for a name fail: they are counted. */
        Way thatMayLose() {
            return new Way(name, preparation, true);
        }

        private Sample play(String scene) throws Exception {
            Trial trial = preparation.prepare();
            List<Harness.Running> running = new ArrayList<>();
            List<Harness.Result> ended = new ArrayList<>();
            long start = System.nanoTime();
            trial.launches().forEach(launch -> running.add(launch.command().start()));
            running.forEach(process -> ended.add(process.await()));
            double wall = (System.nanoTime() - start) / 1e9;
            int lost = 0;
            for (Harness.Result result : ended) {
                if (result.status() != 0) {
                    if (!mayLose || !result.err().contains("already exists")) {
                        throw new Wrong(scene + ": " + name + " failed: " + result);
                    }
                    lost++;
                }
            }
            trial.check().check(new Outcome(scene + ": " + name, ended));
            double cpu = 0;
            long peak = 0;
            for (BenchStage.Launch launch : trial.launches()) {
                BenchStage.Usage usage = launch.usage();
                cpu += usage.cpu();
                peak = Math.max(peak, usage.peak());
            }
            return new Sample(wall, cpu, peak, lost);
        }
    }

    /** What is done before the clock runs: fresh inputs, say. */
    interface Preparation {
        Trial prepare() throws Exception;
    }

    /** What is measured: processes that start together; and how to tell, afterwards, whether what they did is right. */
    record Trial(List<BenchStage.Launch> launches, Check check) {
    }

    interface Check {
        void check(Outcome outcome) throws Wrong;
    }

    /** How a trial ended; {@code who} names it in an error. */
    record Outcome(String who, List<Harness.Result> results) {
    }

    /**
     * One trial.
     *
     * @param wall seconds until the last process ended
     * @param cpu seconds of processor time of all processes, and those below them
     * @param peak memory of the largest process, in kB
     * @param lost how many processes failed because they lost the race for the name
     */
    record Sample(double wall, double cpu, long peak, int lost) {
    }

    /** A benchmark that measures wrong results measures nothing. */
    static final class Wrong extends Exception {
        private static final long serialVersionUID = 1;

        Wrong(String message) {
            super(message);
        }
    }

    /** What came of it; of each way, a sample a round. */
    record Results(BenchScene scene, Map<String, List<Sample>> samples) {

        double median(String way, ToDoubleFunction<Sample> of) {
            return median(samples.get(way).stream().mapToDouble(of).toArray());
        }

        double least(String way) {
            return samples.get(way).stream().mapToDouble(Sample::wall).min().orElseThrow();
        }

        double most(String way) {
            return samples.get(way).stream().mapToDouble(Sample::wall).max().orElseThrow();
        }

        long peak(String way) {
            return samples.get(way).stream().mapToLong(Sample::peak).max().orElseThrow();
        }

        int lost(String way) {
            return samples.get(way).stream().mapToInt(Sample::lost).sum();
        }

        /** The median of what the ratio was in each round: what disturbs a round is on both sides of it. */
        double ratio(String way, List<String> rivals) {
            double[] ratios = new double[samples.get(way).size()];
            for (int round = 0; round < ratios.length; round++) {
                int number = round;
                ratios[round] = samples.get(way).get(round).wall()
                        / rivals.stream().mapToDouble(rival -> samples.get(rival).get(number).wall()).sum();
            }
            return median(ratios);
        }

        double ratio(String way) {
            return ratio(way, List.of(scene.yardstick()));
        }

        private static double median(double[] values) {
            double[] sorted = values.clone();
            Arrays.sort(sorted);
            int middle = sorted.length / 2;
            return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }
}
