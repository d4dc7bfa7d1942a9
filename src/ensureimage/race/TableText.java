import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** All that a person reads at the end. */
final class RaceText {
    static final String TITLE = "Concurrent Docker builds of one tag: who is told the truth";
    static final String SAID = "What docker said to the first who lost:";
    static final String CLAIMS = "What the decision said, as first written, against what was seen here";

    private RaceText() {
    }

    static String matrix(RaceResults results) {
        return "False answers to " + results.plan().builders() + " builders in "
                + count(results.roundsPlayed(), "round");
    }

    static String run(RaceResults results) {
        race_repro.Plan plan = results.plan();
        return count(plan.builders(), "builder") + " as " + (plan.processes() ? "processes" : "threads") + ", "
                + count(results.roundsPlayed(), "round") + ", a shared build step of " + number(plan.stepSeconds())
                + " s, seed " + plan.seed() + ", race_repro " + ensure_image.VERSION;
    }

    /** The command that plays the same again. */
    static String again(RaceResults results) {
        return Stream.concat(Stream.of("race_repro"), results.plan().arguments().stream())
                .map(word -> word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'")
                .map(ensure_image.Text::printable).collect(Collectors.joining(" "));
    }

    static String shares(RaceResults results) {
        return "0 never, ~ sometimes, 'all' always; of " + results.plan().builders() + " builders, "
                + count(results.roundsPlayed(), "round");
    }

    /** Every word of the tables with its meaning. */
    static Map<String, String> legend(RaceResults results) {
        Map<String, String> legend = new LinkedHashMap<>();
        legend.put("lost race", "another builder named the tag first: \"already exists\"");
        legend.put("served", "told \"there\", and handed an image of his inputs");
        legend.put("false failure", "told \"failed\", but the tag was on an image of his inputs (F)");
        legend.put("false success", "told \"there\", but handed no image (M), or a wrong or stale one");
        legend.put("wrong", "built from another folder's inputs (W)");
        legend.put("stale", "built from older inputs of his folder (S)");
        legend.put("step runs", "how often the shared build step ran, a round");
        legend.put("exports", "builds that came as far as their export, a round");
        legend.put("tags left", "names in the engine beside the one wanted, a round");
        legend.put("wall time", "until the last answer, median; 1.0x is one lone build, "
                + race_repro.Text.seconds(results.lone()));
        return legend;
    }

    static List<String> notes(RaceResults results) {
        List<String> notes = new ArrayList<>();
        if (results.plan().scenarios().contains(race_repro.Scenario.REMOVED)) {
            notes.add("In removed, who is told less than one look-up after the removal is not misled:"
                    + " nobody sees that.");
        }
        List<race_repro.Strategy> alike = List.of(race_repro.Strategy.NAIVE, race_repro.Strategy.SUBSTRING);
        if (results.plan().strategies().containsAll(alike)) {
            notes.add("naive and substring are two readings of the same builds.");
        }
        return notes;
    }

    static String telling(RaceResults.Telling telling) {
        int runs = telling.round().runs().size();
        return "The most telling round: " + telling.strategy() + " in " + telling.round().scenario() + ", round "
                + telling.round().number() + ". " + telling.round().lost() + " of " + runs + " lost the race, "
                + telling.falseAnswers() + " misled.";
    }

    static String noRace(RaceResults results) {
        return results.engine().canRace() ? "Nobody lost a race this time. Try more rounds: --until-race"
                : "Nobody lost a race: " + results.engine().why();
    }

    static String conclusion(race_repro.Strategy strategy, RaceResults.Share falsely) {
        return String.format("%-13s  told %s", strategy, falsely.isNever() ? "all " + falsely.of()
                + " builders the truth" : falsely.count() + " of " + falsely.of() + " builders something false");
    }

    static String number(double value) {
        return value == Math.rint(value) ? Long.toString(Math.round(value)) : String.format(Locale.ROOT, "%.1f", value);
    }

    static String times(double wall) {
        return String.format(Locale.ROOT, "%.1fx", wall);
    }

    static String count(long number, String what) {
        return number + " " + what + (number == 1 ? "" : "s");
    }
}
