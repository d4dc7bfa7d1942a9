// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/** The engines that a run has started. */
public final class EngineStarts {

    /** What with_docker says, also inside of race_repro. */
    private static final Pattern STARTING = Pattern.compile("(?m)^(?:with_docker: )?starting Docker ");
    private static final List<Start> STARTS = new ArrayList<>();
    private static final Map<String, Open> BY_HOST = new ConcurrentHashMap<>();
    private static final AtomicInteger OF_COMMANDS = new AtomicInteger();

    /** An engine that was started in this JVM. */
    public record Start(String version, double seconds) {
    }

    /**
     * How a shell gets one of the same kind.
     *
     * @param options those of with_docker
     * @param client the path of this one's docker
     */
    record Open(List<String> options, String client) {
    }

    private EngineStarts() {
    }

    static void started(EngineSpec spec, ThrowawayEngine engine, double seconds) {
        synchronized (STARTS) {
            STARTS.add(new Start(engine.version() + " " + spec.store(), seconds));
        }
        BY_HOST.put(engine.environment().get("DOCKER_HOST"), new Open(List.of("--engine", spec.version(), "--store",
                spec.store().toString()), engine.docker().toString()));
    }

    /** Notes those that a command has told of. */
    static void toldBy(String err) {
        OF_COMMANDS.addAndGet((int) STARTING.matcher(err).results().count());
    }

    /** The one that a DOCKER_HOST leads to. */
    static Optional<Open> open(String host) {
        return Optional.ofNullable(BY_HOST.get(host));
    }

    /** Those of this run so far. */
    public static List<Start> all() {
        synchronized (STARTS) {
            return List.copyOf(STARTS);
        }
    }

    /** How many more were started by commands. */
    public static int ofCommands() {
        return OF_COMMANDS.get();
    }
}
