// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;

/**
 * What came of a fleet.
 *
 * @param version of the engines
 */
public record FleetResults(FleetPlan plan, String version, List<Row> rows) {

    /**
     * One strategy.
     *
     * @param builds how many builds the machines' images are from
     * @param had machines that were told "there" and had the right image, told by running it
     * @param failed machines that were told "failed"
     * @param wrong machines that were told "there" and had no image, or a wrong one
     * @param wall seconds until the last answer
     */
    public record Row(FleetStrategy strategy, int builds, int had, int failed, int wrong, double wall) {

        /** Machines that have the image of another one's build. */
        int spared() {
            return had - builds;
        }
    }

    /** Whether this project told any machine something false, or failed one. */
    public boolean isOursFalse() {
        return rows.stream().anyMatch(row -> row.strategy.isOurs() && row.failed + row.wrong > 0);
    }
}
