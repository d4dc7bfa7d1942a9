// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.ImageFiles;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Machines that want one image at once, each with an engine and a cache of its own, and a registry that they share.
 *
 * <p>A build notes a random number in the image, so that the engines' images say how many builds there were.
 */
class FleetTest {

    private static final int MACHINES = 4;

    private static final List<ThrowawayEngine> ENGINES = new ArrayList<>();
    private static final List<Path> CACHES = new ArrayList<>();
    private static final Path FOLDER = Harness.newFolder();
    private static ThrowawayRegistry registry;

    @BeforeAll
    static void startTheFleet() throws Exception {
        registry = Harness.ownRegistry(1000);
        for (int i = 0; i < MACHINES; i++) {
            var engine = Harness.ownEngine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD));
            ENGINES.add(engine);
            CACHES.add(Harness.newFolder());
            engine.reach(registry.port(), ThrowawayEngine.Progress.NONE);
        }
    }

    @AfterAll
    static void takeTheFleetDown() {
        ENGINES.forEach(ThrowawayEngine::close);
        registry.close();
    }

    @Test
    void withoutSharingEachMachineBuilds() {
        var results = wanted("fleet-alone");
        assertAll(
                () -> assertEquals(MACHINES, outcomes(results).get("built"), results::toString),
                () -> assertEquals(MACHINES, builds("fleet-alone")));
    }

    @Test
    void machinesThatShareAtOnceNeverFailAndBuildAtMostOnceEach() {
        var results = wanted("fleet-shared", "--share", repository());
        assertEquals(Map.of(), without(outcomes(results), "built", "pulled"), results::toString);
        long builds = builds("fleet-shared");
        assertTrue(builds <= MACHINES, "builds: " + builds);
        assertEquals(outcomes(results).getOrDefault("built", 0), (int) builds, "each build is one that was told");
    }

    @Test
    void machinesThatComeLaterPull() {
        wanted("fleet-first", 1, "--share", repository());
        var results = wanted("fleet-first", "--share", repository());
        assertAll(
                () -> assertEquals(Map.of("present", 1, "pulled", MACHINES - 1), outcomes(results), results::toString),
                () -> assertEquals(1, builds("fleet-first")));
    }

    @Test
    void withSingleFlightOneMachineBuildsAndTheOthersPull() {
        var results = wanted("fleet-single", "--share", repository(), "--single-flight");
        assertAll(
                () -> assertEquals(Map.of("built", 1, "pulled", MACHINES - 1), outcomes(results), results::toString),
                () -> assertEquals(1, builds("fleet-single")));
    }

    // ---- helpers

    private static String repository() {
        return registry.address() + "/team/ensured";
    }

    private static List<Harness.Result> wanted(String image, String... options) {
        return wanted(image, MACHINES, options);
    }

    /** On the first so many machines at once; each has succeeded and holds the right content, told by running it. */
    private static List<Harness.Result> wanted(String image, int machines, String... options) {
        Harness.write(FOLDER.resolve(image + "/Dockerfile"), """
                FROM busybox
                COPY content /content
                RUN sleep 2 && cat /proc/sys/kernel/random/uuid >/number
                """);
        Harness.write(FOLDER.resolve(image + "/content"), "made for " + image + "\n");
        var line = Stream.concat(Stream.of(options), Stream.of(image + "=" + image)).toArray(String[]::new);
        var results = Harness.together(machines, machine -> Harness.script("ensure_image", line).in(FOLDER)
                .env(ENGINES.get(machine).environment()).env("XDG_CACHE_HOME", CACHES.get(machine)));
        for (int machine = 0; machine < machines; machine++) {
            results.get(machine).succeeded();
            docker(machine, "run", "--rm", image, "grep", "-qx", "made for " + image, "/content").succeeded();
        }
        return results;
    }

    private static Map<String, Integer> outcomes(List<Harness.Result> results) {
        return results.stream().collect(Collectors.toMap(result -> result.out().split(" ")[0], result -> 1,
                Integer::sum));
    }

    private static Map<String, Integer> without(Map<String, Integer> outcomes, String... names) {
        return outcomes.entrySet().stream().filter(entry -> !List.of(names).contains(entry.getKey()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    /** How many different builds the engines' images are from. */
    private static long builds(String image) {
        return IntStream.range(0, MACHINES)
                .mapToObj(
                        machine -> ImageFiles.read(image, "/number", ENGINES.get(machine).environment()).orElseThrow())
                .distinct().count();
    }

    private static Harness.Result docker(int machine, String... arguments) {
        var line = Stream.concat(Stream.of(ENGINES.get(machine).docker().toString()), Stream.of(arguments))
                .toArray(String[]::new);
        return Harness.command(line).env(ENGINES.get(machine).environment()).run();
    }
}
