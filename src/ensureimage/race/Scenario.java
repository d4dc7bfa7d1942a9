// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** What the builders find, and what they want. */
public enum Scenario implements Choice {
    /** The plain race. If the tag were there, BuildKit would update it, which cannot fail. */
    SAME(true, "one folder, one tag, and the tag is missing"),

    /** A failure that a substring takes for a lost race. */
    FAILING(true, "the same, but a step fails and says \"already exists\"") {
        @Override
        List<Wish> prepare(Setting setting) throws NotPlayed {
            return Collections.nCopies(setting.builders(), setting.write("a", 1).failing());
        }
    },

    /** Two checkouts that use one name. */
    SHARED_TAG(false, "two folders, one tag; half of the builders want each folder") {
        @Override
        List<Wish> prepare(Setting setting) throws NotPlayed {
            List<Wish> two = List.of(setting.write("a", 1), setting.write("b", 1));
            List<Wish> wishes = new ArrayList<>(
                    IntStream.range(0, setting.builders()).mapToObj(i -> two.get(i % two.size())).toList());
            Collections.shuffle(wishes, setting.random());
            return wishes;
        }
    },

    /** An edit since the last build. */
    STALE(false, "the tag is there, built before a file of the folder changed") {
        @Override
        List<Wish> prepare(Setting setting) throws NotPlayed, InterruptedException {
            setting.build(setting.write("a", 1));
            return Collections.nCopies(setting.builders(), setting.write("a", 2));
        }
    },

    /** A cleanup at the wrong moment. */
    REMOVED(false, "as soon as the tag is there, another process removes it, once") {
        @Override
        boolean removesTheTag() {
            return true;
        }
    };

    private final boolean isDefault;
    private final String description;

    Scenario(boolean isDefault, String description) {
        this.isDefault = isDefault;
        this.description = description;
    }

    @Override
    public boolean isDefault() {
        return isDefault;
    }

    @Override
    public String description() {
        return description;
    }

    /** Sets the engine up for a round, and returns what each builder wants: inputs that are in no build cache. */
    List<Wish> prepare(Setting setting) throws NotPlayed, InterruptedException {
        return Collections.nCopies(setting.builders(), setting.write("a", 1));
    }

    /** Whether a {@link Removal} takes part. */
    boolean removesTheTag() {
        return false;
    }

    @Override
    public String toString() {
        return Choice.name(this);
    }
}
