// SPDX-License-Identifier: Apache-2.0
//SOURCES RegistryProxy.java

package ensureimage.testing;

import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Machines that share images through a registry: each an engine with a cache of its own. The engines are those of the run; the
 * registry is the test's.
 */
public final class Fleet {
    private static final Map<EngineSpec, ThrowawayRegistry> ONE = new HashMap<>();

    /** A second engine of a kind is one with another disk. */
    private static final int OTHER_DISK = EngineSpec.DISK + 1;
    private static final int REGISTRY_DISK = 2_000; // MB

    /** Where images are shared. */
    public final String repository;
    /** An image that is the same on all machines that pull it. */
    public final String base;
    private final ThrowawayRegistry registry;

    private Fleet(ThrowawayRegistry registry) {
        String own = UUID.randomUUID().toString().substring(0, 8);
        this.registry = registry;
        this.repository = registry.address() + "/" + own + "/ensured";
        this.base = registry.address() + "/" + own + "/base:1";
    }

    /** A repository of its own in the run's registry, with a base image in it. */
    public static Fleet open() {
        Fleet fleet = new Fleet(registry());
        Workbench first = fleet.machine("28.5", EngineSpec.Store.CONTAINERD, Harness.newFolder());
        first.docker("tag", "busybox", fleet.base).succeeded();
        first.docker("push", fleet.base).succeeded();
        first.docker("image", "rm", fleet.base).succeeded();
        return fleet;
    }

    private static synchronized ThrowawayRegistry registry() {
        return ONE.computeIfAbsent(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD), any -> {
            try {
                ThrowawayRegistry started = Harness.ownRegistry(REGISTRY_DISK);
                Harness.closeAtEnd(started);
                return started;
            } catch (Exception e) {
                throw new AssertionError("no registry: " + e.getMessage(), e);
            }
        });
    }

    /** A machine that works in a folder; two of a kind have one engine. */
    public Workbench machine(String version, EngineSpec.Store store, Path folder) {
        return machine(new EngineSpec(version, store), folder);
    }

    /** Another one of a kind. */
    public Workbench other(String version, EngineSpec.Store store, Path folder) {
        return machine(new EngineSpec(version, store, OTHER_DISK), folder);
    }

    private Workbench machine(EngineSpec spec, Path folder) {
        Workbench machine = new Workbench(Harness.engine(spec), "1", folder);
        reach(machine, registry.port());
        return machine;
    }

    /** Lets a machine's engine reach a port of this machine's 127.0.0.1. */
    public void reach(Workbench machine, int port) {
        try {
            machine.engine().reach(port, ThrowawayEngine.Progress.NONE);
        } catch (Exception e) {
            throw new AssertionError("the engine cannot reach port " + port + ": " + e.getMessage(), e);
        }
    }

    /** Another way to the registry, through which its answers can go wrong. */
    public RegistryProxy proxy() {
        return new RegistryProxy(registry.port());
    }

    /** How often the registry was asked so far for anything of this repository: other tests have others there. */
    public long requests() {
        String path = repository.substring(registry.address().length());
        return registry.log().lines().filter(line -> line.contains("http.request.uri") && line.contains("/v2" + path))
                .count();
    }

    /** {@code ensure_image --share} as a machine's user runs it, with its result as JSON. */
    public Harness.Command sharing(Workbench machine, String... arguments) {
        return machine.ensuring(Stream.concat(Stream.of("--share", repository, "--format", "json"),
                Arrays.stream(arguments)).toArray(String[]::new));
    }

    public Harness.Result share(Workbench machine, String... arguments) {
        return sharing(machine, arguments).run().succeeded();
    }

    /**
     * One machine builds, and does not get on before the other waits for it.
     *
     * @param gate where the one that builds is held
     * @return the results of both
     */
    public static List<Harness.Result> waitingFor(Gate gate, Harness.Command building, Harness.Command waiting) {
        try (Harness.Running first = building.start()) {
            gate.await(1);
            try (Harness.Running second = waiting.start()) {
                Harness.eventually("it waits", Harness.SOON,
                        () -> second.err().contains("waiting for another machine, which is building it"));
                gate.open();
                return List.of(first.await().succeeded(), second.await().succeeded());
            }
        }
    }

    /** A value of a result: that of the first field of this name from {@code shared} on, else of the first one. */
    public static String field(Harness.Result result, String path) {
        String text = path.startsWith("shared.") ? result.out().replaceFirst("(?s).*?\"shared\":", "") : result.out();
        String name = path.replaceFirst("^shared\\.", "");
        Matcher matcher = Pattern.compile("\"" + name + "\":(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^,}]*))").matcher(text);
        if (!matcher.find()) {
            throw new AssertionError("no " + path + " in " + result);
        }
        return matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
    }
}
