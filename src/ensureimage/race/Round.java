// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;
import java.util.stream.Stream;

/**
 * A round that was played.
 *
 * @param number from 1; 0 before the first
 * @param before the builds before its start, if the procedure has any
 * @param left what it left in the engine
 */
record Round(Scenario scenario, Procedure procedure, int number, List<Run> runs, List<Track> before, Left left) {

    /** What a round left in the engine besides the image under the tag that was wanted. */
    record Left(int tags, int untagged) {
    }

    /** Seconds from the start until the last answer. */
    double wall() {
        return runs.stream().mapToDouble(run -> run.track().last().at()).max().orElse(0);
    }

    long lost() {
        return runs.stream().filter(Run::lostRace).count();
    }

    /** How often the shared step ran: as often as there are different stamps, because builders share its output. */
    long stepRuns() {
        return tracks().flatMap(track -> track.stamps().stream()).distinct().count();
    }

    int exports() {
        return tracks().mapToInt(Track::exports).sum();
    }

    private Stream<Track> tracks() {
        return Stream.concat(before.stream(), runs.stream().map(Run::track));
    }
}
