// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A round as a picture: one bar per builder with its phases, what it was told, and the moment of the race. What the
 * pictures of all kinds have in common.
 */
final class Timeline {
    private static final int MOST_BARS = 24;

    private Timeline() {
    }

    /** A phase from its beginning to its end, in seconds since the start. */
    record Span(Phase phase, double from, double to) {
    }

    /**
     * One builder.
     *
     * @param name its number; 0 for a build before the start
     * @param answer what its caller is told
     */
    record Bar(String name, Track track, Phase answer, boolean isFalse) {

        /** Its phases; the last mark is the answer. */
        List<Span> spans() {
            List<Track.Mark> marks = track.marks();
            List<Span> spans = new ArrayList<>();
            for (int i = 0; i + 1 < marks.size(); i++) {
                spans.add(new Span(marks.get(i).phase(), marks.get(i).at(), marks.get(i + 1).at()));
            }
            return spans;
        }

        /** The phases that have a mark of their own. */
        List<Span> visibleSpans() {
            return spans().stream().filter(span -> span.phase() != Phase.WAITING).toList();
        }

        String label() {
            return answer + (isFalse ? ", falsely" : "");
        }
    }

    /** The bars of a round; of many builders only the first ones. */
    static List<Bar> bars(Reading reading) {
        List<Bar> bars = new ArrayList<>();
        for (Track track : reading.round().before()) {
            bars.add(new Bar("0", track, track.last().phase(), false));
        }
        List<Run> runs = reading.round().runs();
        for (int i = 0; i < Math.min(MOST_BARS, runs.size()); i++) {
            bars.add(new Bar(Integer.toString(i + 1), runs.get(i).track(), reading.answer(runs.get(i)),
                    reading.isFalse(runs.get(i))));
        }
        return bars;
    }

    /** A line for the builders that have no bar; none if all have one. */
    static List<String> rest(Reading reading) {
        int rest = reading.round().runs().size() - MOST_BARS;
        return rest > 0 ? List.of("and " + rest + " more") : List.of();
    }

    static String moment(Track.Race race) {
        return "the race, at " + Words.seconds(race.at());
    }

    /** The phases to be seen, for a legend. */
    static Set<Phase> phases(List<Reading> readings) {
        Set<Phase> seen = EnumSet.noneOf(Phase.class);
        for (Reading reading : readings) {
            for (Bar bar : bars(reading)) {
                bar.visibleSpans().stream().filter(span -> span.to() > span.from())
                        .forEach(span -> seen.add(span.phase()));
                seen.add(bar.answer());
            }
        }
        return seen;
    }
}
