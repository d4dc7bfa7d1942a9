// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Bake;
import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.KnownLine;
import ensureimage.engine.Processes;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Builds that go to BuildKit as one. If one fails, BuildKit stops the others, and tells of none what it has made. So the one
 * that failed is left to a build of its own, which has its own words, and the rest is baked again: what had run is cached.
 */
final class Wave implements Runnable {
    /** After these, each is built by itself. */
    private static final int MOST_BAKES = 3;
    private final Waves waves;
    private final Docker docker;
    private final List<Seat> seats;
    private final Thread thread;

    Wave(Waves waves, Docker docker, List<Seat> seats) {
        this.waves = waves;
        this.docker = docker;
        this.seats = List.copyOf(seats);
        this.thread = new Thread(this, "bakes " + seats.size() + " images");
        thread.setDaemon(true);
        seats.forEach(seat -> seat.begin(this));
    }

    void start() {
        thread.start();
    }

    List<Seat> seats() {
        return seats;
    }

    /** Ends its bake, for which no thread waits any more; returns when the process has ended. */
    void stop() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void run() {
        try {
            List<Seat> rest = open();
            for (int bakes = 0; bakes < MOST_BAKES && rest.size() > 1 && bake(rest); bakes++) {
                rest = open();
            }
        } catch (InterruptedException e) {
            return; // no thread waits
        } finally {
            waves.settle(seats, Seat.Result.BY_ITSELF);
        }
    }

    /** Those without a result. */
    private List<Seat> open() {
        synchronized (waves) {
            List<Seat> open = seats.stream().filter(seat -> !seat.isSettled()).toList();
            open.forEach(seat -> seat.begin(this));
            return open;
        }
    }

    /** @return whether there is one that failed, so that the rest is worth another bake */
    private boolean bake(List<Seat> some) throws InterruptedException {
        Deadline first = some.stream().map(Seat::deadline).min(Comparator.comparing(Deadline::left)).orElseThrow();
        try {
            Bake.Result baked = Bake.run(docker, some.stream().map(Seat::target).toList(), first,
                    target -> waves.markExported(some.get(target)));
            return take(some, baked, first);
        } catch (EngineException e) {
            List<Seat> late = some.stream().filter(seat -> seat.deadline().left().isNegative()).toList();
            if (e.kind() != EngineException.Kind.TIMED_OUT || late.isEmpty()) {
                return false;
            }
            waves.settle(late, Seat.Result.failed(e));
            return true;
        }
    }

    /** By one question for all: many are built on the same image. */
    private Map<String, HeldImage> lookUp(List<Seat> some, Bake.Result baked, Deadline first)
            throws EngineException, InterruptedException {
        Set<String> bases = new TreeSet<>();
        some.forEach(seat -> bases.addAll(seat.bases()));
        return docker.lookUp(bases, baked.built().stream().flatMap(Optional::stream).map(Docker.Built::ids).toList(),
                first);
    }

    private boolean take(List<Seat> some, Bake.Result baked, Deadline first)
            throws EngineException, InterruptedException {
        if (baked.meaning() == KnownLine.Meaning.DONE) {
            Map<String, HeldImage> held = lookUp(some, baked, first);
            Map<Seat, Seat.Result> results = new HashMap<>();
            for (int i = 0; i < some.size(); i++) {
                results.put(some.get(i), Seat.Result.of(baked.built().get(i).map(built -> built.with(held))));
            }
            waves.settle(results);
            return false;
        }
        if (baked.meaning() == KnownLine.Meaning.INTERRUPTED || Processes.areEnding()) {
            waves.settle(some, Seat.Result.INTERRUPTED);
            return false;
        }
        if (baked.meaning() == KnownLine.Meaning.NO_ENGINE) {
            waves.settle(some, Seat.Result.failed(docker.failure(baked.line())));
            return false;
        }
        if (!baked.begun()) {
            waves.bakeNoMore();
        }
        baked.failed().ifPresent(target -> waves.settle(List.of(some.get(target)), Seat.Result.BY_ITSELF));
        return baked.failed().isPresent();
    }
}
