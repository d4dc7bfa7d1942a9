import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the decision said, as first written, against what was seen: a line a claim, with the figure that confirms or
 * refutes it here. A claim on which nothing was played is left out.
 */
record RaceClaims(RaceResults results) {
    /** What still passes for "no impact": one lone build and half of it. */
    private static final double NO_IMPACT = 1.5;

    private static final race_repro.Strategy NAIVE = race_repro.Strategy.NAIVE;
    private static final race_repro.Strategy SUBSTRING = race_repro.Strategy.SUBSTRING;
    private static final race_repro.Strategy ENSURE = race_repro.Strategy.ENSURE;

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
                : Stream.of(onlyAtTagging(), sameImage(), atOnce(),
                        failureIsSuccess(), noImpact(), bothBuild(), notRebuilt(), uniqueTagsPollute(),
                        uniqueTagsBuildAll(),
                        lockWaits(), removingIsWorse()).flatMap(Optional::stream).toList();
    }

    private Optional<Claim> onlyAtTagging() {
        List<RaceResults.Run> runs = results.cells(NAIVE).stream().flatMap(cell -> cell.runs().stream()).toList();
        List<RaceTrack.Race> races = runs.stream().flatMap(run -> run.track().race().stream()).toList();
        long naming = races.stream().filter(RaceTrack.Race::naming).count();
        long steps = runs.stream().filter(run -> run.track().race().isEmpty() && !run.ended().success()
                && SUBSTRING.tells(run.ended())).count();
        return races.isEmpty() && steps == 0 ? Optional.empty()
                : Optional.of(new Claim("only-at-tagging",
                        "\"already exists\" only occurs at tagging", steps == 0 && naming == races.size(),
                        naming + " of " + races.size()
                                + " lost races were lost at tagging; a step failed and said so in "
                                + RaceText.count(steps, "more build")));
    }

    private Optional<Claim> sameImage() {
        long most = same(NAIVE).stream().flatMap(cell -> cell.rounds().stream())
                .mapToLong(round -> round.runs().stream().flatMap(run -> run.track().id().stream()).distinct().count())
                .max().orElse(0);
        Optional<RaceResults.Share> others = losers(race_repro.Scenario.SHARED_TAG, RaceResults.Held.WRONG);
        return most == 0 ? Optional.empty()
                : Optional.of(new Claim("same-image", "it is the exact same image",
                        most == 1 && others.map(RaceResults.Share::isNever).orElse(true),
                        "from one folder, " + results.plan().builders() + " builders made up to " + most + " image IDs"
                                + others.map(share -> "; from two, " + among(share) + " who lost found the other's")
                                        .orElse("")));
    }

    private Optional<Claim> atOnce() {
        List<String> figures = new ArrayList<>();
        boolean confirmed = true;
        for (var scenario : List.of(race_repro.Scenario.SAME, race_repro.Scenario.REMOVED)) {
            Optional<RaceResults.Share> nothing = losers(scenario, RaceResults.Held.MISSING);
            if (nothing.isPresent()) {
                confirmed &= nothing.get().isNever();
                figures.add("in " + scenario + ", " + among(nothing.get()) + " who lost found nothing");
            }
        }
        return figures.isEmpty() ? Optional.empty()
                : Optional.of(new Claim("available-at-once",
                        "the image is immediately available", confirmed, String.join("; ", figures)));
    }

    private Optional<Claim> failureIsSuccess() {
        List<RaceResults.Cell> cells = results.cells(SUBSTRING);
        RaceResults.Share all = RaceResults.Share.sum(cells.stream().map(RaceResults.Cell::falseSuccesses).toList());
        return cells.isEmpty() ? Optional.empty()
                : Optional.of(new Claim("failure-is-success",
                        "a failure that says so is a success", all.isNever(), "substring told " + among(all)
                                + " a false \"there\"" + (results.plan().strategies().contains(ENSURE)
                                        ? "; ensure misled "
                                                + among(results.falseAnswers(ENSURE))
                                        : "")));
    }

    private Optional<Claim> noImpact() {
        return same(SUBSTRING).map(cell -> new Claim("no-impact", "no performance impact", cell.wall() <= NO_IMPACT,
                "the last answer came after " + wall(cell) + " a lone build"
                        + and(race_repro.Strategy.LOCK, lock -> "; with a lock, " + wall(lock))
                        + and(race_repro.Strategy.SINGLE_FLIGHT, single -> "; single-flight, " + wall(single))));
    }

    private Optional<Claim> bothBuild() {
        return same(NAIVE).map(cell -> new Claim("both-build", "both perform the full build", eachBuilds(cell),
                stepRuns(cell)));
    }

    private Optional<Claim> notRebuilt() {
        return results.played(race_repro.Scenario.STALE, NAIVE).map(cell -> new Claim("not-rebuilt",
                "an edited folder is not rebuilt", !cell.count(RaceResults.Falsehood.STALE).isNever(),
                "naive handed " + among(cell.count(RaceResults.Falsehood.STALE)) + " a stale image"
                        + results.played(race_repro.Scenario.STALE, ENSURE).map(ensure -> "; ensure, "
                                + among(ensure.count(RaceResults.Falsehood.STALE))).orElse("")));
    }

    private Optional<Claim> uniqueTagsPollute() {
        return same(race_repro.Strategy.UNIQUE_TAG).map(cell -> new Claim("unique-tags-pollute",
                "unique tags pollute the names", cell.tagsLeft() > 0,
                RaceText.number(cell.tagsLeft()) + " tags left a round"));
    }

    private Optional<Claim> uniqueTagsBuildAll() {
        return same(race_repro.Strategy.UNIQUE_TAG).map(cell -> new Claim("unique-tags-build-all",
                "with unique tags, each builds from scratch", eachBuilds(cell), stepRuns(cell)));
    }

    private Optional<Claim> lockWaits() {
        return same(race_repro.Strategy.LOCK).flatMap(lock -> same(NAIVE).map(naive -> new Claim("lock-waits",
                "with a lock, one waits longer", lock.wall() > naive.wall(),
                "the last answer came after " + wall(lock) + " a lone build; without, " + wall(naive))));
    }

    /** With the tag there BuildKit updates it and cannot fail; so removing it first brings the race back. */
    private Optional<Claim> removingIsWorse() {
        return results.played(race_repro.Scenario.STALE, race_repro.Strategy.RMI_FIRST).map(removing -> {
            RaceResults.Share falsely = removing.count(RaceResults.Falsehood.FAILURE);
            return new Claim("removing-is-worse", "removing first makes it worse", !falsely.isNever(),
                    "where an older image had the tag, " + among(falsely) + " then failed falsely"
                            + and(race_repro.Strategy.RMI_FIRST,
                                    same -> "; where none had, " + among(same.falseAnswers()))
                            + and(NAIVE, naive -> " (naive " + among(naive.falseAnswers()) + ")"));
        });
    }

    // ------------------------------------------------------------------------------------------------ figures

    private Optional<RaceResults.Cell> same(race_repro.Strategy strategy) {
        return results.played(race_repro.Scenario.SAME, strategy);
    }

    private String and(race_repro.Strategy strategy, Function<RaceResults.Cell, String> figure) {
        return same(strategy).map(figure).orElse("");
    }

    /** Of those who lost a race, which the substring rule calls a success: who has this. */
    private Optional<RaceResults.Share> losers(race_repro.Scenario scenario, RaceResults.Held held) {
        List<RaceResults.Run> losers = results.played(scenario, SUBSTRING).stream()
                .flatMap(cell -> cell.runs().stream()).filter(run -> run.track().race().isPresent()).toList();
        return losers.isEmpty() ? Optional.empty()
                : Optional.of(new RaceResults.Share(
                        losers.stream().filter(run -> run.held() == held).count(), losers.size()));
    }

    private boolean eachBuilds(RaceResults.Cell cell) {
        return cell.stepRuns() >= results.plan().builders();
    }

    private String stepRuns(RaceResults.Cell cell) {
        return "the step ran " + RaceText.number(cell.stepRuns()) + "x a round, for "
                + results.plan().builders() + " builders";
    }

    private static String among(RaceResults.Share share) {
        return share.count() + " of " + share.of();
    }

    private static String wall(RaceResults.Cell cell) {
        return RaceText.times(cell.wall());
    }
}
