// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Bake;
import ensureimage.engine.BuildCache;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ImageCollection.Member;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * The builds of a collection, in waves: what could be built at the same moment goes to BuildKit as one bake, when each image
 * that is worked on waits for a build. An image that is alone in its wave, or that a bake cannot hold, is built by itself.
 *
 * <p>It also counts which images are worked on. One is ready when its bases have ended; no more than the limit are worked on
 * at once. One that does something else for long, such as waiting for another process, keeps no wave waiting.
 */
final class Waves implements Builds {
    /** Reading inputs can take long; then the others are built without that image. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(30);
    private final Docker docker;
    private final int most;
    private final Semaphore processes;
    private final Map<Reference, Member> open = new LinkedHashMap<>();
    private final Set<Reference> ready = new HashSet<>();
    private final List<Seat> waiting = new ArrayList<>();
    private int working;
    private int aside;
    private boolean bakes = true;

    /** @param members all images that there will be */
    Waves(Docker docker, List<Member> members, Limits limits) {
        this.docker = docker;
        boolean together = docker.clientFacts(List.of()).builder() == BuilderKind.BUILDKIT;
        this.most = together ? limits.atOnce() : limits.processesAtOnce();
        this.processes = new Semaphore(limits.processesAtOnce());
        members.forEach(member -> open.put(member.reference(), member));
        addReady();
    }

    // ---- Which images are worked on

    /** The work on an image begins; waits while there are as many as may be. */
    synchronized void enter() throws InterruptedException {
        while (working >= most) {
            wait();
        }
        working++;
    }

    /** The work on an image is over, for now at least. */
    synchronized void leave() {
        working--;
        notifyAll();
        launchIfAllWait();
    }

    /** An image has its outcome, whatever it is. */
    synchronized void end(Reference reference) {
        open.remove(reference);
        ready.remove(reference);
        addReady();
        launchIfAllWait();
    }

    private void addReady() {
        for (Member member : open.values()) {
            if (member.bases().values().stream().noneMatch(base -> open.containsKey(base.reference()))) {
                ready.add(member.reference());
            }
        }
    }

    @Override
    public <T> T aside(Work<T> work) throws EngineException, RecipeException, InterruptedException {
        stepAside();
        try {
            return work.run();
        } finally {
            stepBack();
        }
    }

    private synchronized void stepAside() {
        aside++;
        launchIfAllWait();
    }

    private synchronized void stepBack() {
        aside--;
    }

    private void launchIfAllWait() {
        if (waiting.size() + aside == working && working == Math.min(ready.size(), most)) {
            launch();
        }
    }

    // ---- Waves

    /** Sends off all that wait. */
    private void launch() {
        Map<Optional<String>, List<Seat>> byBuilder = waiting.stream()
                .collect(Collectors.groupingBy(seat -> Bake.builder(seat.target().recipe())));
        aside += waiting.size();
        waiting.clear();
        for (List<Seat> seats : byBuilder.values()) {
            if (bakes && seats.size() > 1) {
                new Wave(this, docker, seats).start();
            } else {
                settle(seats, Seat.Result.BY_ITSELF);
            }
        }
    }

    /** Gives the same result to seats that have none. */
    synchronized void settle(List<Seat> seats, Seat.Result result) {
        seats.forEach(seat -> settleOne(seat, result));
        notifyAll();
    }

    /** Gives each its result at the same moment: so none of them begins another wave without the others. */
    synchronized void settle(Map<Seat, Seat.Result> results) {
        results.forEach(this::settleOne);
        notifyAll();
    }

    private void settleOne(Seat seat, Seat.Result result) {
        if (seat.settle(result)) {
            aside--;
        }
    }

    /** The client has no bake. */
    synchronized void bakeNoMore() {
        bakes = false;
    }

    synchronized void markExported(Seat seat) {
        Reference reference = seat.target().recipe().reference();
        seat.markExported(open.values().stream()
                .anyMatch(member -> member.bases().values().stream()
                        .anyMatch(base -> base.reference().equals(reference))));
        notifyAll();
    }

    // ---- One build

    @Override
    public Docker.Built make(Plan plan, Recipe recipe, BuildCache cache, Deadline deadline, Consumer<String> listener)
            throws EngineException, InterruptedException {
        Expectation expected = plan.expected();
        boolean plain = !expected.client().addsGitLabels() && !cache.inline() && cache.from().isEmpty();
        if (plain && expected.builder() == BuilderKind.BUILDKIT && Bake.canHold(recipe)) {
            Seat seat = new Seat(new Bake.Target(recipe, plan.labels().values(), listener), expected.bases(), deadline);
            Seat.Result result = take(seat);
            if (result.isKnown()) {
                return result.get();
            }
        }
        stepAside();
        try {
            Deadline waiting = new Deadline(deadline.limit());
            processes.acquire();
            deadline.excuse(waiting.elapsed()); // as for an image that is not worked on yet
            try {
                return docker.build(recipe, plan.labels().values(), cache, deadline, listener);
            } finally {
                processes.release();
            }
        } finally {
            stepBack();
        }
    }

    /** Waits with a seat for its result; leaves without one if the image was exported and the others take long. */
    private Seat.Result take(Seat seat) throws InterruptedException {
        try {
            return await(seat);
        } finally {
            Optional<Wave> deserted = give(seat);
            if (deserted.isPresent()) {
                deserted.get().stop();
            }
        }
    }

    private synchronized Seat.Result await(Seat seat) throws InterruptedException {
        waiting.add(seat);
        launchIfAllWait();
        long end = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (waiting.contains(seat)) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                launch();
            } else {
                waitFor(left);
            }
        }
        while (!seat.isSettled() && seat.patience() > 0) {
            waitFor(seat.patience());
        }
        return seat.result();
    }

    private void waitFor(long nanos) throws InterruptedException {
        final int nanosPerMilli = 1_000_000;
        wait(nanos / nanosPerMilli + 1);
    }

    /** Gives a seat up, if it has no result yet. @return its wave, if no other image is in it any more */
    private synchronized Optional<Wave> give(Seat seat) {
        if (waiting.remove(seat)) {
            launchIfAllWait();
            return Optional.empty();
        }
        settleOne(seat, Seat.Result.BY_ITSELF);
        return seat.wave().filter(wave -> wave.seats().stream().allMatch(Seat::isSettled));
    }
}
