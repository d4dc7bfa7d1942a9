// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the decision said, as first written, against what was seen: one line per claim, with the figure that confirms or
 * refutes it here. A claim on which nothing was played is left out.
 */
record Claims(Results results) {
    /** The most that still counts as "no impact": one and a half lone builds. */
    private static final double NO_IMPACT = 1.5;

    /**
     * A sentence of the decision.
     *
     * @param id a word for programs
     * @param figure what confirms or refutes it
     */
    record Claim(String id, String sentence, boolean confirmed, String figure) {

        String verdict() {
            return confirmed ? "confirmed" : "refuted";
        }
    }

    /** Those on which there are figures; one lone builder gives none. */
    List<Claim> all() {
        return results.plan().builders() == 1 ? List.of()
                : Stream.of(onlyAtTagging(), sameImage(), availableAtOnce(), failureIsSuccess(), noImpact(),
                        bothBuild(), notRebuilt(), uniqueTagsPollute(), uniqueTagsBuildAll(), lockWaits(),
                        removingIsWorse()).flatMap(Optional::stream).toList();
    }

    // ---- The race

    private Optional<Claim> onlyAtTagging() {
        List<Run> runs = results.cells(Strategy.NAIVE).stream().flatMap(cell -> cell.runs().stream()).toList();
        List<Track.Race> races = runs.stream().flatMap(run -> run.track().race().stream()).toList();
        long naming = races.stream().filter(Track.Race::naming).count();
        long steps = runs.stream().filter(run -> !run.lostRace() && !run.ending().success()
                && Strategy.SUBSTRING.reportsSuccess(run.ending())).count();
        return races.isEmpty() && steps == 0 ? Optional.empty()
                : Optional.of(new Claim("only-at-tagging", "\"already exists\" only occurs at tagging",
                        steps == 0 && naming == races.size(),
                        naming + " of " + races.size() + " lost races were lost at tagging; a failed step said so in "
                                + Words.count(steps, "more build")));
    }

    private Optional<Claim> sameImage() {
        long most = same(Strategy.NAIVE).stream().flatMap(cell -> cell.rounds().stream())
                .mapToLong(round -> round.runs().stream().flatMap(run -> run.track().id().stream()).distinct().count())
                .max().orElse(0);
        Optional<Share> others = losers(Scenario.SHARED_TAG, Truth.WRONG);
        return most == 0 ? Optional.empty()
                : Optional.of(new Claim("same-image", "it is the exact same image",
                        most == 1 && others.map(Share::isNever).orElse(true),
                        "from one folder, " + results.plan().builders() + " builders made up to " + most + " image IDs"
                                + others.map(share -> "; from two, after " + among(share)
                                        + " lost races the tag was on the other folder's image").orElse("")));
    }

    private Optional<Claim> availableAtOnce() {
        List<String> figures = new ArrayList<>();
        boolean confirmed = true;
        for (Scenario scenario : List.of(Scenario.SAME, Scenario.REMOVED)) {
            Optional<Share> missing = losers(scenario, Truth.MISSING);
            if (missing.isPresent()) {
                confirmed &= missing.get().isNever();
                figures.add("in scenario \"" + scenario + "\", after " + afterLostRaces(missing.get()));
            }
        }
        return figures.isEmpty() ? Optional.empty()
                : Optional.of(new Claim("available-at-once", "the image is immediately available", confirmed,
                        String.join("; ", figures)));
    }

    private static String afterLostRaces(Share missing) {
        return !missing.isNever() ? among(missing) + " lost races the image was missing"
                : missing.of() == 1 ? "the lost race the image was there"
                : "all " + missing.of() + " lost races the image was there";
    }

    private Optional<Claim> failureIsSuccess() {
        List<Cell> cells = results.cells(Strategy.SUBSTRING);
        Share all = Share.sum(cells.stream().map(Cell::falseSuccesses).toList());
        String ensure = results.plan().strategies().contains(Strategy.ENSURE)
                ? "; ensure told " + among(results.falseAnswers(Strategy.ENSURE)) + " something false"
                : "";
        return cells.isEmpty() ? Optional.empty()
                : Optional.of(new Claim("failure-is-success", "a failure that says so is a success", all.isNever(),
                        "substring told " + among(all) + " builders a false \"there\"" + ensure));
    }

    // ---- The work

    private Optional<Claim> noImpact() {
        return same(Strategy.SUBSTRING).map(cell -> new Claim("no-impact", "no performance impact",
                cell.wall() <= NO_IMPACT, lastAnswer(cell)
                        + inSame(Strategy.LOCK, lock -> "; with a lock, " + wall(lock))
                        + inSame(Strategy.SINGLE_FLIGHT, single -> "; with single-flight, " + wall(single))));
    }

    private Optional<Claim> bothBuild() {
        return same(Strategy.NAIVE).map(cell -> new Claim("both-build", "both perform the full build",
                eachBuilds(cell), stepRuns(cell)));
    }

    private Optional<Claim> notRebuilt() {
        return results.findCell(Scenario.STALE, Strategy.NAIVE).map(cell -> new Claim("not-rebuilt",
                "an edited folder is not rebuilt", !cell.count(Falsehood.STALE).isNever(),
                "naive handed a stale image to " + among(cell.count(Falsehood.STALE)) + " builders"
                        + results.findCell(Scenario.STALE, Strategy.ENSURE)
                                .map(ensure -> "; ensure, to " + among(ensure.count(Falsehood.STALE))).orElse("")));
    }

    // ---- The alternatives

    private Optional<Claim> uniqueTagsPollute() {
        return same(Strategy.UNIQUE_TAG).map(cell -> new Claim("unique-tags-pollute",
                "unique tags pollute the names", cell.tagsLeft() > 0,
                Words.number(cell.tagsLeft()) + " tags left behind per round"));
    }

    private Optional<Claim> uniqueTagsBuildAll() {
        return same(Strategy.UNIQUE_TAG).map(cell -> new Claim("unique-tags-build-all",
                "with unique tags, each builds from scratch", eachBuilds(cell), stepRuns(cell)));
    }

    private Optional<Claim> lockWaits() {
        return same(Strategy.LOCK).flatMap(lock -> same(Strategy.NAIVE).map(naive -> new Claim("lock-waits",
                "with a lock, builders wait longer", lock.wall() > naive.wall(),
                lastAnswer(lock) + "; without, " + wall(naive))));
    }

    /** If the tag is there, BuildKit updates it and cannot fail; so removing it first brings the race back. */
    private Optional<Claim> removingIsWorse() {
        return results.findCell(Scenario.STALE, Strategy.RMI_FIRST).map(removing -> {
            Share falsely = removing.count(Falsehood.FAILURE);
            return new Claim("removing-is-worse", "removing first makes it worse", !falsely.isNever(),
                    "if an older image had the tag, " + among(falsely) + " builders then failed falsely"
                            + inSame(Strategy.RMI_FIRST, same -> "; if none had, " + among(same.falseAnswers()))
                            + inSame(Strategy.NAIVE, naive -> " (naive: " + among(naive.falseAnswers()) + ")"));
        });
    }

    // ---- Figures

    private Optional<Cell> same(Strategy strategy) {
        return results.findCell(Scenario.SAME, strategy);
    }

    private String inSame(Strategy strategy, Function<Cell, String> figure) {
        return same(strategy).map(figure).orElse("");
    }

    /** How many of the builders that lost a race, which the substring rule calls a success, got this. */
    private Optional<Share> losers(Scenario scenario, Truth truth) {
        List<Run> losers = results.findCell(scenario, Strategy.SUBSTRING).stream()
                .flatMap(cell -> cell.runs().stream()).filter(Run::lostRace).toList();
        return losers.isEmpty() ? Optional.empty()
                : Optional.of(new Share(losers.stream().filter(run -> run.truth() == truth).count(), losers.size()));
    }

    private boolean eachBuilds(Cell cell) {
        return cell.stepRuns() >= results.plan().builders();
    }

    private String stepRuns(Cell cell) {
        return "the step ran " + Words.number(cell.stepRuns()) + "x per round, for " + results.plan().builders()
                + " builders";
    }

    private static String lastAnswer(Cell cell) {
        return "the last answer came after " + wall(cell) + " the time of one lone build";
    }

    private static String among(Share share) {
        return share.count() + " of " + share.of();
    }

    private static String wall(Cell cell) {
        return Words.times(cell.wall());
    }
}
