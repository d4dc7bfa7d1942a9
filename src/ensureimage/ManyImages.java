// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.EngineException;
import ensureimage.recipe.ImageCollection.Member;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Several images, each after its bases, some at a time: an image that waits for its bases is not one of them. */
final class ManyImages {
    private final Tools tools;
    private final Work work;
    private final List<Member> members;
    private final Listener listener;
    private final Waves waves;
    private final Map<Reference, Future<Outcome>> outcomes = new ConcurrentHashMap<>();

    /** What is done with each image. */
    enum Work {
        /** It is looked up, and pulled or built if that is needed. */
        ENSURE,
        /** It is looked up; docker build is asked where only it can tell. */
        CHECK,
        /** It is looked up, and nothing is built. */
        LOOK,
        /** It is compared with what was shared last. */
        COMPARE
    }

    /** @param members bases before what is built on them */
    ManyImages(Tools tools, Work work, List<Member> members, Listener listener) {
        this.tools = tools;
        this.work = work;
        this.listener = listener;
        this.members = members;
        this.waves = new Waves(tools.docker(), members, tools.limits());
    }

    /**
     * The outcome of each, in the same order. If an image fails, only what is built on it is not tried; without an engine,
     * nothing is.
     */
    Map<Reference, Outcome> run() throws InterruptedException {
        listener.begin(members);
        if (members.size() > 1) {
            lookAhead();
        }
        ExecutorService pool = Executors.newFixedThreadPool(Math.max(1, members.size()));
        try {
            for (Member member : members) {
                outcomes.put(member.reference(), pool.submit(task(member)));
            }
            return collect();
        } finally {
            end(pool);
        }
    }

    /** Tells the threads to stop, and waits for them: they end what they have started. */
    private static void end(ExecutorService pool) {
        pool.shutdownNow();
        boolean interrupted = false;
        while (!pool.isTerminated()) {
            try {
                pool.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Callable<Outcome> task(Member member) {
        return () -> {
            try {
                return ensure(member);
            } finally {
                waves.end(member.reference());
                listener.done(member);
            }
        };
    }

    private Map<Reference, Outcome> collect() throws InterruptedException {
        Map<Reference, Outcome> all = new LinkedHashMap<>();
        Optional<NotEnsured> endOfAll = Optional.empty();
        for (Member member : members) {
            Outcome outcome = endOfAll.isPresent()
                    ? new NotEnsured.NotTried(member.recipe(), endOfAll)
                    : join(outcomes.get(member.reference()));
            if (outcome instanceof NotEnsured.NoEngine noEngine) {
                endOfAll = Optional.of(noEngine);
            }
            listener.ended(member, outcome);
            all.put(member.reference(), outcome);
        }
        return all;
    }

    /** All by one question. What goes wrong here, each image will meet and tell. */
    private void lookAhead() throws InterruptedException {
        try {
            tools.freshness().lookAhead(members.stream().map(Member::recipe).toList(),
                    new Deadline(tools.limits().perImage()));
        } catch (EngineException | RecipeException e) {
            return;
        }
    }

    /** One image on its bases; again, with its bases, if one of them was replaced while it was built. */
    private Outcome ensure(Member member) throws InterruptedException {
        for (int round = 1;; round++) {
            SortedMap<String, String> bases = new TreeMap<>();
            for (Map.Entry<Reference, Member> base : member.bases().entrySet()) {
                Outcome outcome =
                        round == 1 ? join(outcomes.get(base.getValue().reference())) : ensure(base.getValue());
                if (outcome instanceof NotEnsured failed) {
                    return new NotEnsured.BaseFailed(member.recipe(), failed);
                }
                bases.put(base.getKey().toString(), fingerprint(outcome));
            }
            try {
                return ensure(member.recipe().withBases(bases), member.otherNames());
            } catch (NotEnsured failed) {
                return failed;
            } catch (BaseReplaced replaced) {
                if (round == tools.limits().attempts()) {
                    return replaced.unlessRetried();
                }
            }
        }
    }

    private Outcome ensure(Recipe recipe, List<Reference> otherNames)
            throws NotEnsured, BaseReplaced, InterruptedException {
        waves.enter();
        try {
            if (work == Work.COMPARE) {
                return new SharedInputs(tools.repository().orElseThrow(), tools, recipe, listener).compare();
            }
            OtherNames others = new OtherNames(tools, waves, recipe, otherNames, listener);
            return work == Work.ENSURE ? others.ensure() : others.check(work == Work.CHECK);
        } finally {
            waves.leave();
        }
    }

    private static String fingerprint(Outcome outcome) {
        return outcome instanceof Ensured ensured ? ensured.fingerprint() : ((Checked) outcome).fingerprint();
    }

    private static Outcome join(Future<Outcome> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof InterruptedException interrupted) {
                throw interrupted;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
