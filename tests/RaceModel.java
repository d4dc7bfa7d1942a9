// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.BuilderModel.Flight;
import ensureimage.BuilderModel.Moved;
import ensureimage.BuilderModel.Said;
import ensureimage.BuilderModel.Trait;
import ensureimage.EngineAnswer.Words;
import ensureimage.EngineCall.At;
import ensureimage.EngineCall.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

/**
 * Builders of one tag, others that get in their way, and the engine, between two steps.
 *
 * @param edited whether folder A has been edited
 */
record RaceModel(EngineModel engine, List<BuilderModel> builders, List<Other> others, boolean edited) {
    /** The inputs of a folder. */
    static final int A = 1;
    /** The inputs of another folder. */
    static final int B = 2;
    /** The inputs of the first folder after the edit. */
    private static final int EDITED = 3;

    /** What gets in the way. */
    enum Kind {
        /** {@code docker rmi -f} of the tag: {@code tests/transcripts/28.5-rmi-loop-buildkit-1.txt}. */
        REMOVER(At.REMOVE_GET),
        /** {@code docker tag} of the foreign image: {@code tests/transcripts/28.5-tag-race-1.txt}. */
        TAGGER(At.RESOLVE),
        /** {@code docker build -t}: {@code tests/transcripts/28.5-buildkit-naive-race-1.txt}. */
        NAIVE_BUILD(At.NAIVE_COMMIT),
        /** {@code docker image prune}: {@code tests/transcripts/26.1-pruned-buildkit.txt}. */
        PRUNER(At.PRUNE),
        /** Edits folder A, or what is built with it: {@code FreshnessTest}, and see {@link BuilderModel.Trait}. */
        EDITOR(null),
        /** Kills the engine, and starts it again: {@code tests/transcripts/28.5-engine-sigkill-buildkit.txt}. */
        KILLER(null);

        private final At first;

        Kind(At first) {
            this.first = first;
        }
    }

    /**
     * One that gets in the way.
     *
     * @param call that it is at, or null
     * @param left how often it still begins
     */
    record Other(Kind kind, EngineCall call, int left) {
        @Override
        public String toString() {
            return "the " + kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /**
     * One step.
     *
     * @param who made it
     * @param what it was, in plain words
     * @param next what there is then
     * @param fault the promise that is broken by it; empty if none is
     */
    record Step(Object who, String what, RaceModel next, String fault) {
    }

    /** The same; content that no call can come across any more goes at once, for no order of events would tell. */
    static RaceModel of(EngineModel engine, List<BuilderModel> builders, List<Other> others, boolean edited) {
        RaceModel full = new RaceModel(engine, builders, others, edited);
        return new RaceModel(engine.withoutGarbage(full.bits(call -> call.lease() | call.reach(), null)), builders,
                others, edited);
    }

    /** Whether all builders have ended. */
    boolean isOver() {
        return builders.stream().noneMatch(BuilderModel::isRunning);
    }

    /** All steps that can come next. */
    List<Step> steps() {
        List<Step> steps = new ArrayList<>();
        if (isOver()) {
            return steps;
        }
        for (int i = 0; i < builders.size(); i++) {
            BuilderModel builder = builders.get(i);
            if (builder.isRunning()) {
                if (builder.call() == null) {
                    addTurns(i, steps);
                } else {
                    addCall(i, steps);
                }
            }
        }
        for (int i = 0; i < others.size(); i++) {
            addOther(i, steps);
        }
        long leased = leased(null);
        if (engine.up() && engine.hasGarbage(leased)) {
            EngineModel clean = engine.withoutGarbage(leased);
            steps.add(new Step("the engine", "collects the content of images without a record",
                    of(clean, List.copyOf(seen(clean, -1)), others, edited), ""));
        }
        return steps;
    }

    // ---- Builders

    private void addCall(int i, List<Step> steps) {
        int inputs = inputs(builders.get(i));
        boolean commits = builders.get(i).call().at() == At.COMMIT;
        BuilderModel builder = commits ? builders.get(i).seen(inputs) : builders.get(i);
        EngineCall call = commits ? EngineCall.begin(At.COMMIT, builder.wanted(inputs)) : builder.call();
        List<Turn> turns = new ArrayList<>(call.turns(engine, leased(builder.call())));
        if (builder.role().has(Trait.BREAKS) && call.at() == At.COMMIT && engine.up()) {
            turns.add(new Turn(engine, null, new EngineAnswer(Words.BROKEN, EngineModel.NONE), "fails to build"));
        }
        for (Turn turn : turns) {
            BuilderModel seen = builder.see(engine, turn.engine(), true, inputs);
            steps.add(step(i, turn.what(), turn.engine(), turn.answer() == null
                    ? new Moved(seen.with(turn.call()), "", Said.NOTHING)
                    : seen.receive(turn.answer(), turn.engine(), inputs)));
        }
    }

    /** A builder that waits for its turn may take it if it is free; else it may have waited long enough. */
    private void addTurns(int i, List<Step> steps) {
        boolean held = builders.stream().anyMatch(builders.get(i)::waitsFor);
        steps.add(step(i, held ? "has waited long enough" : "takes its turn", engine,
                builders.get(i).takeTurn(held ? Flight.ALONE : Flight.MINE)));
    }

    private Step step(int i, String what, EngineModel now, Moved moved) {
        BuilderModel before = builders.get(i);
        List<BuilderModel> all = seen(now, i);
        all.set(i, moved.builder());
        String fault = moved.fault();
        for (int j = 0; j < all.size() && moved.said() != Said.NOTHING; j++) {
            if (j != i && all.get(j).waitsFor(before)) {
                Moved heard = all.get(j).hear(moved.said());
                all.set(j, heard.builder());
                fault = fault.isEmpty() ? heard.fault() : fault;
            }
        }
        return new Step(before, what, of(now, List.copyOf(all), others, edited), fault);
    }

    /** All builders when the engine has changed. @param own the one that has changed it, or -1 */
    private List<BuilderModel> seen(EngineModel now, int own) {
        List<BuilderModel> all = new ArrayList<>(builders);
        for (int i = 0; i < all.size(); i++) {
            if (i != own) {
                all.set(i, all.get(i).see(engine, now, false, inputs(all.get(i))));
            }
        }
        return all;
    }

    private int inputs(BuilderModel builder) {
        return edited && builder.role().inputs() == A ? EDITED : builder.role().inputs();
    }

    /** The content that calls keep. @param except a call that does not count */
    private long leased(EngineCall except) {
        return bits(EngineCall::lease, except);
    }

    private long bits(ToLongFunction<EngineCall> kind, EngineCall except) {
        long all = 0;
        for (BuilderModel builder : builders) {
            all |= builder.call() == null || builder.call() == except ? 0 : kind.applyAsLong(builder.call());
        }
        for (Other other : others) {
            all |= other.call == null || other.call == except ? 0 : kind.applyAsLong(other.call);
        }
        return all;
    }

    // ---- Others

    private void addOther(int i, List<Step> steps) {
        Other other = others.get(i);
        if (other.call == null && other.left == 0) {
            return;
        }
        Other begun = other.call == null ? new Other(other.kind, null, other.left - 1) : other;
        switch (other.kind) {
            case EDITOR -> steps.add(new Step(other, "edits folder A", of(engine, builders, with(i, begun), true), ""));
            case KILLER -> steps.add(engine.up() ? kill(i, begun)
                    : new Step(other, "starts the engine", of(engine.running(true), builders, with(i, begun),
                            edited), ""));
            default -> {
                EngineCall call = other.call != null ? other.call
                        : EngineCall.begin(other.kind.first,
                                other.kind == Kind.NAIVE_BUILD ? EngineModel.NAIVE : EngineModel.FOREIGN);
                for (Turn turn : call.turns(engine, leased(other.call))) {
                    Other then = new Other(other.kind, turn.call(), begun.left);
                    steps.add(new Step(other, turn.what(), of(turn.engine(),
                            List.copyOf(seen(turn.engine(), -1)), with(i, then), edited), ""));
                }
            }
        }
    }

    private Step kill(int i, Other killer) {
        List<Other> rest = with(i, killer).stream().map(other -> new Other(other.kind, null, other.left)).toList();
        List<BuilderModel> left = builders.stream().map(BuilderModel::cut).toList();
        return new Step(killer, "kills the engine", of(engine.running(false), left, rest, edited), "");
    }

    private List<Other> with(int i, Other other) {
        List<Other> all = new ArrayList<>(others);
        all.set(i, other);
        return List.copyOf(all);
    }
}
