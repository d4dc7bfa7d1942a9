// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a bake prints, taken apart by target, with each step as {@code docker build} would name it. A step that several
 * targets share is printed once, for one of them. What a step prints itself has the time before it, so that no step can
 * speak for another one.
 */
final class BakeProgress {
    /** The first line of a step: {@code #7 [TARGET 2/3] RUN make}, {@code #9 [TARGET] exporting to image}. */
    private static final Pattern STEP =
            Pattern.compile("#(?<step>\\d+) \\[(?<target>[A-Za-z0-9_-]+)(?: (?<place>[^]]*))?] (?<what>.*)");
    private static final Pattern EVENT = Pattern.compile("#(?<step>\\d+) (?<what>.*)");
    /** Buildx 0.29 names the target in its last line, 0.13 does not. */
    private static final Pattern VERDICT = Pattern.compile("ERROR: target (?<target>[A-Za-z0-9_-]+): (?<what>.*)");
    private static final String ERROR = "ERROR: ";

    private final List<String> names;
    private final List<Bake.Target> targets;
    private final IntConsumer exported;
    private final Map<String, Integer> targetOfStep = new HashMap<>();
    private final Set<String> exports = new HashSet<>();
    private OptionalInt failed = OptionalInt.empty();

    /** @param exported is told of each target whose image is in the engine, by its place in the list */
    BakeProgress(List<String> names, List<Bake.Target> targets, IntConsumer exported) {
        this.names = new ArrayList<>(names);
        this.targets = targets;
        this.exported = exported;
    }

    synchronized void accept(String line) {
        Matcher step = STEP.matcher(line);
        int target = step.matches() ? names.indexOf(step.group("target")) : -1;
        if (target >= 0) {
            targetOfStep.put(step.group("step"), target);
            if (step.group("what").startsWith("exporting to ")) {
                exports.add(step.group("step"));
            }
            String place = step.group("place") == null ? "" : "[" + step.group("place") + "] ";
            targets.get(target).listener().accept("#" + step.group("step") + " " + place + step.group("what"));
            return;
        }
        Matcher event = EVENT.matcher(line);
        if (event.matches() && targetOfStep.containsKey(event.group("step"))) {
            hear(targetOfStep.get(event.group("step")), event.group("step"), event.group("what"));
            targets.get(targetOfStep.get(event.group("step"))).listener().accept(line);
        }
    }

    private void hear(int target, String step, String what) {
        if (what.startsWith("DONE ") && exports.contains(step)) {
            exported.accept(target);
        } else if (what.startsWith(ERROR) && failed.isEmpty()) {
            failed = OptionalInt.of(target);
        }
    }

    /** Whether BuildKit has begun with any target. */
    synchronized boolean hasBegun() {
        return !targetOfStep.isEmpty();
    }

    /** The target that made the bake fail, if that can be told. @param verdict its last line */
    synchronized OptionalInt failed(String verdict) {
        Matcher named = VERDICT.matcher(verdict);
        int target = named.matches() ? names.indexOf(named.group("target")) : -1;
        return target >= 0 ? OptionalInt.of(target) : failed;
    }

    /** The verdict as {@code docker build} has it. */
    static String withoutTarget(String verdict) {
        Matcher named = VERDICT.matcher(verdict);
        return named.matches() ? ERROR + named.group("what") : verdict;
    }
}
