// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/** A column of a scenario's table. */
enum Column {
    LOST_RACE(cell -> cell.lost().brief()),
    SERVED(cell -> cell.served().brief()),
    FALSE_FAILURE(cell -> cell.count(Falsehood.FAILURE)),
    FALSE_SUCCESS(Cell::falseSuccesses),
    WRONG(cell -> cell.count(Falsehood.WRONG)),
    STALE(cell -> cell.count(Falsehood.STALE)),
    STEP_RUNS(cell -> Words.number(cell.stepRuns())),
    EXPORTS(cell -> Words.number(cell.exports())),
    TAGS_LEFT(cell -> Words.number(cell.tagsLeft())),
    WALL_TIME(cell -> Words.times(cell.wall()));

    private final Function<Cell, Object> value;

    /** @param value a text, or how often a builder was told something false */
    Column(Function<Cell, Object> value) {
        this.value = value;
    }

    String text(Cell cell) {
        Object shown = value.apply(cell);
        return shown instanceof Share share ? share.brief() : shown.toString();
    }

    /** How often a builder was told something false; empty if this column does not count that. */
    Optional<Share> falsely(Cell cell) {
        return value.apply(cell) instanceof Share share ? Optional.of(share) : Optional.empty();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
