// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.OptionalDouble;

/** One builder in one round: its course, how it ended, and the truth at that moment. */
record Run(Track track, Ending ending, Truth truth) {

    /** The same if the tag was removed then, in seconds since the start; empty if it was not. */
    Run excuse(OptionalDouble removed) {
        return removed.isEmpty() ? this
                : new Run(track, ending, Removal.excuse(removed.getAsDouble(), track, truth));
    }

    boolean lostRace() {
        return track.race().isPresent();
    }
}
