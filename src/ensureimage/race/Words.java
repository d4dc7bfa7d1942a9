// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Version;
import ensureimage.engine.EngineFacts;
import ensureimage.recipe.Printable;
import ensureimage.report.Message;
import ensureimage.report.OurLine;
import ensureimage.report.Wording;
import ensureimage.throwaway.EngineUnavailable;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The sentences that a person reads while a run is played and at its end, whatever they are printed on. */
final class Words {
    static final String TITLE = "Concurrent Docker builds of one tag: which strategy tells the truth";
    static final String SAID = "What docker said to the first builder that lost:";
    static final String CLAIMS = "What the decision said, as first written, against what was seen here";

    private Words() {
    }

    // ---- The engine

    /** What it is, and whether builds can race for a tag on it: a line each. */
    static String engine(EngineFacts engine) {
        return "Docker " + Printable.escape(engine.version()) + ", "
                + store(engine) + " image store, " + Printable.escape(Wording.builder(engine)) + "\nBuilds "
                + (canRace(engine) ? "can" : "cannot") + " race for a tag here: " + Wording.tagRace(engine);
    }

    static String store(EngineFacts engine) {
        return engine.containerdStore() ? "containerd" : "classic";
    }

    static boolean canRace(EngineFacts engine) {
        return engine.tagRace() == EngineFacts.TagRace.POSSIBLE;
    }

    static String cannotRace(EngineFacts engine) {
        return "builds cannot race on the current engine, Docker " + Printable.escape(engine.version()) + ": "
                + Wording.tagRace(engine);
    }

    /** @param why the current engine is not used */
    static String throwaway(String why) {
        return Character.toUpperCase(why.charAt(0)) + why.substring(1) + ". So this uses a throwaway engine.";
    }

    /** Why there is no throwaway engine, and what to do. */
    static Message unavailable(EngineUnavailable e) {
        String container = "On a machine that has Docker, the engine dind runs in a container.";
        return new Message(e.getMessage(), switch (e.reason()) {
            case NOT_LINUX -> container;
            case NOT_ROOT -> "Use sudo. " + container;
            case NO_APT -> "Run this on Debian or Ubuntu. " + container;
            case NO_CACHE -> "Set HOME or XDG_CACHE_HOME.";
            case CACHE_PATH_TOO_LONG -> "Set XDG_CACHE_HOME to a shorter path.";
            case FAILED -> "";
        });
    }

    // ---- On the way

    static String playing(Scenario scenario, Procedure procedure, int number) {
        return number == 0 ? "one lone build: "
                : scenario + ", " + names(procedure, List.of(Strategy.values())) + ", round " + number + ": ";
    }

    static String phases(List<Track> tracks) {
        return tracks.stream().map(track -> track.last().phase()).collect(Collectors.groupingBy(phase -> phase,
                () -> new EnumMap<>(Phase.class), Collectors.counting())).entrySet().stream()
                .map(entry -> entry.getValue() + " " + entry.getKey()).collect(Collectors.joining(", "));
    }

    static String played(Round round, Plan plan) {
        return String.format(Locale.ROOT, "round %d, %-10s  %-15s  %d of %d lost the race, %s", round.number(),
                round.scenario(), names(round.procedure(), plan.strategies()), round.lost(), round.runs().size(),
                seconds(round.wall()));
    }

    private static String names(Procedure procedure, List<Strategy> among) {
        return among.stream().filter(strategy -> strategy.procedure() == procedure)
                .map(Strategy::toString).collect(Collectors.joining("/"));
    }

    // ---- At the end

    static String matrix(Results results) {
        return "False answers to " + results.plan().builders() + " builders in "
                + count(results.roundsPlayed(), "round");
    }

    /** How it was played. */
    static String run(Results results) {
        Plan plan = results.plan();
        return count(plan.builders(), "builder") + " as " + (plan.jvm().isPresent() ? "processes" : "threads") + ", "
                + count(results.roundsPlayed(), "round") + ", a shared build step of " + number(plan.stepSeconds())
                + " s, seed " + plan.seed() + ", race_repro " + Version.TEXT;
    }

    /** The command that plays the same again. */
    static String again(Results results) {
        return OurLine.quoted(results.plan().command());
    }

    static String shares(Results results) {
        return "0 never, ~ sometimes, 'all' always; of " + results.plan().builders() + " builders, "
                + count(results.roundsPlayed(), "round");
    }

    /** Every word of the tables with its meaning. */
    static Map<String, String> legend(Results results) {
        Map<String, String> legend = new LinkedHashMap<>();
        legend.put("lost race", "another builder named the tag first: \"already exists\"");
        legend.put("served", "told \"there\", and got an image built from its own inputs");
        legend.put("false failure", "told \"failed\", but the tag was on an image of its inputs (F)");
        legend.put("false success", "told \"there\", but got no image (M), or a wrong or stale one");
        legend.put("wrong", "built from another folder's inputs (W)");
        legend.put("stale", "built from older inputs of its own folder (S)");
        legend.put("step runs", "how often the shared build step ran, per round");
        legend.put("exports", "builds that reached their export, per round");
        legend.put("tags left", "names in the engine besides the one wanted, per round");
        legend.put("wall time", "until the last answer, median; 1.0x is one lone build, " + seconds(results.lone()));
        return legend;
    }

    static List<String> notes(Results results) {
        List<String> notes = new ArrayList<>();
        if (results.plan().scenarios().contains(Scenario.REMOVED)) {
            notes.add("In \"removed\", a builder that gets its answer less than one look-up after the removal "
                    + "could not see it, so a \"there\" is not false.");
        }
        if (results.plan().strategies().containsAll(List.of(Strategy.NAIVE, Strategy.SUBSTRING))) {
            notes.add("naive and substring are two readings of the same builds.");
        }
        return notes;
    }

    static String example(Reading reading) {
        Round round = reading.round();
        return "Example: strategy \"" + reading.strategy() + "\", scenario \"" + round.scenario() + "\", round "
                + round.number() + ". " + outcome(reading);
    }

    private static String outcome(Reading reading) {
        long lost = reading.round().lost();
        int all = reading.round().runs().size();
        String race = (lost == 0 ? "No builder" : lost + " of " + all) + " lost the race";
        if (lost > 0 && reading.failsTheLosersAlone()) {
            return race + " and reported failure.";
        }
        return race + ", " + falseAnswers(reading) + ".";
    }

    static String falseAnswers(Reading reading) {
        return reading.falseAnswers() + " of " + reading.round().runs().size() + " answers were false";
    }

    static String noRace(Results results) {
        return canRace(results.engine()) ? "No builder lost a race this time. It may take more rounds."
                : "No builder lost a race: " + Wording.tagRace(results.engine());
    }

    static String conclusion(Strategy strategy, Share falsely) {
        return String.format("%-13s  told %s", strategy, falsely.isNever() ? "all " + falsely.of()
                + " builders the truth" : falsely.count() + " of " + falsely.of() + " builders something false");
    }

    // ---- Pieces

    static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%.1f s", seconds);
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
