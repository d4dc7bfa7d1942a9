import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What was played, and what it amounts to.
 *
 * @param lone seconds that one lone builder took: the measure of the others
 */
record RaceResults(EngineFacts engine, race_repro.Plan plan, double lone, List<Round> rounds) {

    // ------------------------------------------------------------------------------------------- what was seen

    /**
     * What a builder has in the image that he was handed, or for one who was told "failed", under the tag: read from
     * the engine when he got his answer.
     */
    enum Held {
        /** An image of his inputs. */
        HIS,
        /** None, but the scenario removed it less than one of his own look-ups before he got his answer, or later. */
        REMOVED,
        /** No image. */
        MISSING,
        /** One of another folder's inputs. */
        WRONG,
        /** One of older inputs of his folder. */
        STALE
    }

    /** One builder in one round: its course, its end, and the truth at that moment. */
    record Run(RaceTrack track, race_repro.Ended ended, Held held) {
    }

    /** What a round left in the engine besides the image under the tag that was wanted. */
    record Left(int tags, int untagged) {
    }

    /**
     * A round that was played.
     *
     * @param before the builds before its start, if there were any
     */
    record Round(race_repro.Scenario scenario, race_repro.Procedure procedure, int number, List<Run> runs,
            List<RaceTrack> before, Left left) {

        /** Seconds from the start until the last answer. */
        double wall() {
            return runs.stream().mapToDouble(run -> run.track().last().at()).max().orElse(0);
        }

        long lost() {
            return runs.stream().filter(run -> run.track().race().isPresent()).count();
        }

        /** How often the slow step ran: as often as there are different stamps, for builders share its output. */
        long stepRuns() {
            return tracks().flatMap(track -> track.stamps().stream()).distinct().count();
        }

        int exports() {
            return tracks().mapToInt(RaceTrack::exports).sum();
        }

        private Stream<RaceTrack> tracks() {
            return Stream.concat(before.stream(), runs.stream().map(Run::track));
        }
    }

    // ---------------------------------------------------------------------------------------- answers and truth

    /** What is false about an answer. */
    enum Falsehood {
        /** Told "failed", and the tag was on an image of his inputs. */
        FAILURE('F'),
        /** Told "there", and handed nothing. */
        MISSING('M'),
        /** Told "there", and handed another folder's image. */
        WRONG('W'),
        /** Told "there", and handed an image of older inputs. */
        STALE('S');

        final char letter;

        Falsehood(char letter) {
            this.letter = letter;
        }

        static Optional<Falsehood> of(race_repro.Strategy strategy, Run run) {
            boolean told = strategy.tells(run.ended());
            return switch (run.held()) {
                case HIS -> told ? Optional.empty() : Optional.of(FAILURE);
                case REMOVED -> Optional.empty();
                case MISSING -> told ? Optional.of(MISSING) : Optional.empty();
                case WRONG -> told ? Optional.of(WRONG) : Optional.empty();
                case STALE -> told ? Optional.of(STALE) : Optional.empty();
            };
        }
    }

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

    /** A strategy in a scenario, over all rounds. */
    record Cell(race_repro.Scenario scenario, race_repro.Strategy strategy, List<Round> rounds, double lone) {

        Share served() {
            return share(run -> strategy.tells(run.ended()) && run.held() == Held.HIS);
        }

        Share lost() {
            return share(run -> run.track().race().isPresent());
        }

        Share falseAnswers() {
            return share(run -> Falsehood.of(strategy, run).isPresent());
        }

        Share falseSuccesses() {
            return share(run -> Falsehood.of(strategy, run).filter(what -> what != Falsehood.FAILURE).isPresent());
        }

        Share count(Falsehood what) {
            return share(run -> Falsehood.of(strategy, run).filter(what::equals).isPresent());
        }

        Share share(Predicate<Run> predicate) {
            List<Run> runs = runs();
            return new Share(runs.stream().filter(predicate).count(), runs.size());
        }

        /** The letters of what was false. */
        String letters() {
            return Stream.of(Falsehood.values()).filter(what -> !count(what).isNever())
                    .map(what -> String.valueOf(what.letter)).collect(Collectors.joining());
        }

        double stepRuns() {
            return rounds.stream().mapToLong(Round::stepRuns).average().orElse(0);
        }

        double exports() {
            return rounds.stream().mapToInt(Round::exports).average().orElse(0);
        }

        double tagsLeft() {
            return rounds.stream().mapToInt(round -> round.left().tags()).average().orElse(0);
        }

        double untaggedLeft() {
            return rounds.stream().mapToInt(round -> round.left().untagged()).average().orElse(0);
        }

        /** Until the last answer, as a multiple of one lone build; the median of the rounds. */
        double wall() {
            double[] walls = rounds.stream().mapToDouble(Round::wall).sorted().toArray();
            return (walls[(walls.length - 1) / 2] + walls[walls.length / 2]) / 2 / lone;
        }

        List<Run> runs() {
            return rounds.stream().flatMap(round -> round.runs().stream()).toList();
        }
    }

    // ------------------------------------------------------------------------------------------- the matrix

    Cell cell(race_repro.Scenario scenario, race_repro.Strategy strategy) {
        return new Cell(scenario, strategy, rounds.stream().filter(round -> round.scenario() == scenario
                && round.procedure() == strategy.procedure).toList(), lone);
    }

    /** The cell, if it was played. */
    Optional<Cell> played(race_repro.Scenario scenario, race_repro.Strategy strategy) {
        return plan.scenarios().contains(scenario) && plan.strategies().contains(strategy)
                ? Optional.of(cell(scenario, strategy))
                : Optional.empty();
    }

    List<Cell> cells(race_repro.Strategy strategy) {
        return plan.scenarios().stream().map(scenario -> played(scenario, strategy)).flatMap(Optional::stream).toList();
    }

    Share falseAnswers(race_repro.Strategy strategy) {
        return Share.sum(cells(strategy).stream().map(Cell::falseAnswers).toList());
    }

    boolean isFalse(race_repro.Strategy strategy) {
        return !falseAnswers(strategy).isNever();
    }

    int roundsPlayed() {
        return rounds.stream().mapToInt(Round::number).max().orElse(0);
    }

    // ---------------------------------------------------------------------------------------- the telling round

    /** A round as a strategy reads it. */
    record Telling(race_repro.Strategy strategy, Round round) {

        long falseAnswers() {
            return round.runs().stream().filter(this::isFalse).count();
        }

        boolean isFalse(Run run) {
            return Falsehood.of(strategy, run).isPresent();
        }

        /** What the caller is told, as the end of a bar. */
        RaceTrack.Phase answer(Run run) {
            return !strategy.tells(run.ended()) ? RaceTrack.Phase.FAILED
                    : run.track().race().isPresent() ? RaceTrack.Phase.TOLERATED : RaceTrack.Phase.THERE;
        }

        Optional<RaceTrack.Race> firstRace() {
            return round.runs().stream().flatMap(run -> run.track().race().stream())
                    .min(Comparator.comparingDouble(RaceTrack.Race::at));
        }
    }

    /** The most telling round: somebody lost a race and was misled; then the plainest; then the most of both. */
    Telling telling() {
        return plan.strategies().stream().flatMap(strategy -> rounds.stream()
                .filter(round -> round.procedure() == strategy.procedure).map(round -> new Telling(strategy, round)))
                .max(Comparator.comparing((Telling one) -> one.round().lost() > 0 && one.falseAnswers() > 0)
                        .thenComparing(one -> one.round().lost() > 0)
                        .thenComparing(one -> one.round().scenario(), Comparator.reverseOrder())
                        .thenComparing(one -> one.strategy().story)
                        .thenComparing(Telling::falseAnswers).thenComparing(one -> one.round().lost()))
                .orElseThrow();
    }

    /** The same scenario and round as ensure_image played it, to be seen beside the telling one. */
    Optional<Telling> counterpart() {
        Telling telling = telling();
        return Stream.of(race_repro.Strategy.ENSURE).filter(plan.strategies()::contains)
                .filter(strategy -> strategy != telling.strategy())
                .flatMap(strategy -> rounds.stream().filter(round -> round.procedure() == strategy.procedure
                        && round.scenario() == telling.round().scenario() && round.number() == telling.round().number())
                        .map(round -> new Telling(strategy, round)))
                .findFirst();
    }
}
