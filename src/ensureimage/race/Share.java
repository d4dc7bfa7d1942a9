// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.List;

/** So many of all: never, sometimes or always. */
record Share(long count, long of) {

    static Share sum(List<Share> shares) {
        return new Share(shares.stream().mapToLong(Share::count).sum(), shares.stream().mapToLong(Share::of).sum());
    }

    boolean isNever() {
        return count == 0;
    }

    boolean isAlways() {
        return count > 0 && count == of;
    }

    @Override
    public String toString() {
        return isNever() ? "0" : (isAlways() ? "" : "~ ") + count + " of " + of;
    }

    /** For a column whose heading says of how many. */
    String brief() {
        return isNever() ? "0" : isAlways() ? "all " + count : "~ " + count;
    }
}
