// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.RaceModel.Step;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tries every interleaving of the steps of a {@link RaceModel}, breadth first. From a state that several lead to it goes
 * on once; what follows is the same for all of them.
 */
final class Interleavings {
    private final List<RaceModel> states = new ArrayList<>();
    private final List<Integer> parents = new ArrayList<>();
    private final Map<RaceModel, Integer> numbers = new HashMap<>();
    private final List<int[]> successors = new ArrayList<>();

    /**
     * What was found.
     *
     * @param steps how many different ones
     * @param count how many interleavings there are, from the start to an end
     * @param counterexample the shortest one that breaks a promise, a line per step; empty if none does
     */
    record Result(int states, int steps, double count, List<String> counterexample) {
    }

    private Interleavings() {
    }

    static Result explore(RaceModel start) {
        return new Interleavings().run(start);
    }

    private Result run(RaceModel start) {
        add(start, -1);
        int all = 0;
        for (int i = 0; i < states.size(); i++) {
            List<Step> steps = states.get(i).steps();
            if (steps.isEmpty() && !states.get(i).isOver()) {
                return found(path(i), "nothing can happen any more, but not all have ended");
            }
            int[] then = new int[steps.size()];
            for (int j = 0; j < then.length; j++) {
                Step step = steps.get(j);
                if (!step.fault().isEmpty()) {
                    List<String> path = path(i);
                    path.add(line(path.size() + 1, step));
                    return found(path, step.who() + " " + step.fault());
                }
                then[j] = add(step.next(), i);
            }
            successors.add(then);
            all += then.length;
        }
        return count(all);
    }

    private int add(RaceModel state, int parent) {
        Integer known = numbers.putIfAbsent(state, states.size());
        if (known != null) {
            return known;
        }
        states.add(state);
        parents.add(parent);
        return states.size() - 1;
    }

    // ---- Counting

    /** A state is counted after all that lead to it. That is impossible for one that leads back to itself. */
    private Result count(int steps) {
        int[] open = new int[states.size()];
        successors.forEach(then -> {
            for (int each : then) {
                open[each]++;
            }
        });
        double[] paths = new double[states.size()];
        paths[0] = 1;
        double ends = 0;
        Deque<Integer> ready = new ArrayDeque<>(List.of(0));
        while (!ready.isEmpty()) {
            int i = ready.remove();
            int[] then = successors.get(i);
            ends += then.length == 0 ? paths[i] : 0;
            for (int each : then) {
                paths[each] += paths[i];
                if (--open[each] == 0) {
                    ready.add(each);
                }
            }
        }
        for (int i = 0; i < open.length; i++) {
            if (open[i] > 0) {
                return found(path(i), "from here on it can go on for ever");
            }
        }
        return new Result(states.size(), steps, ends, List.of());
    }

    // ---- Telling

    private Result found(List<String> path, String fault) {
        path.add("so " + fault);
        return new Result(states.size(), 0, 0, path);
    }

    private List<String> path(int last) {
        List<Integer> way = new ArrayList<>();
        for (int i = last; i >= 0; i = parents.get(i)) {
            way.add(i);
        }
        Collections.reverse(way);
        List<String> lines = new ArrayList<>();
        for (int i = 1; i < way.size(); i++) {
            RaceModel next = states.get(way.get(i));
            Step step = states.get(way.get(i - 1)).steps().stream().filter(each -> each.next().equals(next)).findFirst()
                    .orElseThrow();
            lines.add(line(i, step));
        }
        return lines;
    }

    private static String line(int number, Step step) {
        return number + ". " + step.who() + ": " + step.what();
    }
}
