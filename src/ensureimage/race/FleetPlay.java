// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.EnsureImage;
import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.Sharing;
import ensureimage.engine.EngineException;
import ensureimage.engine.Processes;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.report.ExitCode;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.Machine;
import ensureimage.throwaway.RemoteBuilder;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Plays a fleet: machines that want one image at once, each with an engine and a cache of its own, and a registry that all
 * of them reach.
 *
 * <p>The truth comes from the engines: each image is run, and prints its inputs and the random number of its build.
 */
public final class FleetPlay implements AutoCloseable {
    private static final int REGISTRY_DISK = 5_000; // MB
    private static final int ATTEMPTS = 5;
    private static final String BUILDER = "fleet";

    private final FleetPlan plan;
    private final Progress progress;
    private final Path root;
    private final List<ThrowawayEngine> engines = new ArrayList<>();
    private final List<Site> sites = new ArrayList<>();
    private Optional<ThrowawayRegistry> registry = Optional.empty();
    private Optional<RemoteBuilder> builder = Optional.empty();
    private int played;

    private FleetPlay(FleetPlan plan, Progress progress) throws IOException {
        this.plan = plan;
        this.progress = progress;
        this.root = Files.createTempDirectory("race_repro-fleet-");
    }

    /**
     * Starts the machines, plays the plan, and takes all of it down.
     *
     * @throws NotPlayed {@link ExitCode#NO_ENGINE} if the engines or the registry cannot be started here
     */
    public static FleetResults run(FleetPlan plan, Machine machine, Progress progress)
            throws NotPlayed, InterruptedException {
        try (FleetPlay fleet = new FleetPlay(plan, progress)) {
            fleet.start(machine);
            List<FleetResults.Row> rows = new ArrayList<>();
            for (FleetStrategy strategy : plan.strategies()) {
                progress.step(strategy + " on " + plan.machines() + " machines");
                FleetResults.Row row = fleet.play(strategy);
                progress.notice(
                        String.format(Locale.ROOT, "%-20s %d builds, %.1f s", strategy, row.builds(), row.wall()));
                rows.add(row);
            }
            return new FleetResults(plan, fleet.engines.get(0).version(), rows);
        } catch (EngineUnavailable e) {
            throw new NotPlayed(ExitCode.NO_ENGINE, Words.unavailable(e), List.of());
        } catch (IOException e) {
            throw NotPlayed.broken("cannot set up a fleet: " + e);
        }
    }

    private void start(Machine machine) throws EngineUnavailable, InterruptedException {
        registry = Optional.of(ThrowawayRegistry.start(machine, REGISTRY_DISK, progress));
        for (int i = 0; i < plan.machines(); i++) {
            ThrowawayEngine engine = startEngine(machine);
            Map<String, String> environment = new TreeMap<>(machine.environment());
            environment.putAll(engine.environment());
            environment.put("XDG_CACHE_HOME", root.resolve("cache-" + i).toString());
            environment.put("BUILDX_CONFIG", root.resolve("buildx-" + i).toString());
            sites.add(Site.open(engine.docker().toString(), environment, root));
        }
        if (plan.strategies().contains(FleetStrategy.SHARED_BUILDER)) {
            builder = Optional.of(new RemoteBuilder(startEngine(machine)));
        }
    }

    private ThrowawayEngine startEngine(Machine machine) throws EngineUnavailable, InterruptedException {
        ThrowawayEngine engine = ThrowawayEngine.start(plan.engine(), machine, progress);
        engines.add(engine);
        engine.reach(registry.orElseThrow().port(), progress);
        return engine;
    }

    // ---- One strategy

    private FleetResults.Row play(FleetStrategy strategy) throws NotPlayed, IOException, InterruptedException {
        String inputs = strategy + " " + ++played;
        Path context = Files.createDirectory(root.resolve(strategy.toString()));
        Files.writeString(context.resolve("inputs"), inputs + "\n");
        Files.writeString(context.resolve("Dockerfile"), String.format(Locale.ROOT, """
                FROM busybox
                COPY inputs /inputs
                RUN sleep %s && cat /proc/sys/kernel/random/uuid >/build
                """, plan.stepSeconds()));
        Recipe recipe = Recipe.inFolder(Reference.find("race-repro-fleet:" + strategy).orElseThrow(), context,
                BuildOptions.NONE);
        List<Site> sites = strategy == FleetStrategy.SHARED_BUILDER ? withBuilder() : this.sites;
        long start = System.nanoTime();
        List<Boolean> told = ask(strategy, sites, recipe);
        double wall = (System.nanoTime() - start) / 1e9;
        return judge(strategy, recipe, inputs, told, wall);
    }

    /** The machines, each of which knows the builder. */
    private List<Site> withBuilder() throws NotPlayed, InterruptedException {
        List<Site> all = new ArrayList<>();
        for (Site site : sites) {
            Processes.Finished created = docker(site, "buildx", "create", "--name", BUILDER, "--driver", "remote",
                    builder.orElseThrow().endpoint());
            if (created.status() != 0) {
                throw NotPlayed.broken("buildx does not take the builder: " + created.err());
            }
            Map<String, String> environment = new TreeMap<>(site.docker().environment());
            environment.put("BUILDX_BUILDER", BUILDER);
            all.add(Site.open(site.command(), environment, root));
        }
        return all;
    }

    /** What each machine was told; all start together. */
    private List<Boolean> ask(FleetStrategy strategy, List<Site> sites, Recipe recipe)
            throws NotPlayed, InterruptedException {
        CyclicBarrier start = new CyclicBarrier(sites.size());
        var pool = Executors.newFixedThreadPool(sites.size());
        try {
            List<Future<Boolean>> answers = new ArrayList<>();
            for (Site site : sites) {
                answers.add(pool.submit(() -> {
                    start.await();
                    return isThere(strategy, site, recipe);
                }));
            }
            List<Boolean> told = new ArrayList<>();
            for (Future<Boolean> answer : answers) {
                told.add(answer.get());
            }
            return told;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof EngineException engine ? NotPlayed.noEngine(engine)
                    : NotPlayed.broken("a machine of the fleet: " + e.getCause());
        } finally {
            pool.shutdownNow();
        }
    }

    private boolean isThere(FleetStrategy strategy, Site site, Recipe recipe)
            throws EngineException, NotPlayed, InterruptedException {
        EnsureImage ensure = EnsureImage.using(site.command(), site.docker().environment());
        Sharing sharing = Sharing.through(repository("ensured"));
        return switch (strategy) {
            case NAIVE -> Procedure.CHECK_THEN_BUILD.play(site, recipe, 1, Listener.NONE).success();
            case BUILDX_CACHE -> {
                String cache = "type=registry,ref=" + repository("cache") + ":" + strategy;
                yield site.docker().build(recipe, List.of("--tag", recipe.reference().toString(), "--cache-from", cache,
                        "--cache-to", cache + ",mode=max"), Map.of(), Site.deadline(), line -> {}).status() == 0;
            }
            case ENSURE -> isEnsured(ensure, recipe);
            case SHARE, SHARED_BUILDER -> isEnsured(ensure.withSharing(sharing), recipe);
            case SHARE_SINGLE_FLIGHT -> isEnsured(ensure.withSharing(sharing).withSingleFlight(Site.LIMIT), recipe);
        };
    }

    private static boolean isEnsured(EnsureImage ensure, Recipe recipe) throws InterruptedException {
        try {
            ensure.ensure(recipe);
            return true;
        } catch (NotEnsured e) {
            return false;
        }
    }

    private String repository(String name) {
        return registry.orElseThrow().address() + "/race-repro/" + name;
    }

    // ---- The truth

    private FleetResults.Row judge(FleetStrategy strategy, Recipe recipe, String inputs, List<Boolean> told,
            double wall)
            throws NotPlayed, InterruptedException {
        Set<String> builds = new HashSet<>();
        int had = 0;
        int failed = 0;
        for (int i = 0; i < sites.size(); i++) {
            List<String> printed = runImage(sites.get(i), recipe.reference().toString());
            boolean right = printed.size() == 2 && printed.get(0).equals(inputs);
            if (!told.get(i)) {
                failed++;
            } else if (right) {
                had++;
                builds.add(printed.get(1));
            }
        }
        return new FleetResults.Row(strategy, builds.size(), had, failed, sites.size() - had - failed, wall);
    }

    /** Docker can lose what a short container prints (moby/moby#27289). */
    private static List<String> runImage(Site site, String image) throws NotPlayed, InterruptedException {
        List<String> printed = List.of();
        for (int attempt = 0; attempt < ATTEMPTS && printed.size() != 2; attempt++) {
            printed = docker(site, "run", "--rm", "--network", "none", image, "cat", "/inputs", "/build").out();
        }
        return printed;
    }

    private static Processes.Finished docker(Site site, String... arguments) throws NotPlayed, InterruptedException {
        try {
            return site.docker().run(Site.deadline(), List.of(arguments), line -> {});
        } catch (EngineException e) {
            throw NotPlayed.noEngine(e);
        }
    }

    @Override
    public void close() throws NotPlayed {
        builder.ifPresent(RemoteBuilder::close);
        engines.forEach(ThrowawayEngine::close);
        registry.ifPresent(ThrowawayRegistry::close);
        Stage.delete(root);
    }
}
