// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * A private, real registry: Debian's docker-registry, for root on Linux. It listens on the machine's 127.0.0.1 alone,
 * where every user of the machine reaches it. Docker takes a registry at such an address without TLS.
 *
 * <p>As a {@link DebianEngine}, it consists only of what the kernel takes down by itself when this JVM ends: a process in
 * a PID namespace, and a disk in a mount namespace. An engine reaches it by {@link ThrowawayEngine#reach}.
 */
public final class ThrowawayRegistry implements AutoCloseable {

    /** The variable with the address of a registry beside an engine, as in 127.0.0.1:40123. */
    static final String VARIABLE = "ENSURE_IMAGE_REGISTRY";

    private static final List<String> KINDS = List.of("--mount", "--pid");
    /** The disk's place in the mount namespace, in which nothing else uses it. */
    private static final String FOLDER = "/run";
    private static final Pattern LISTENING = Pattern.compile("listening on 127\\.0\\.0\\.1:(\\d+)");

    private final Namespaces namespaces;
    private final AtExit atExit;
    private Process entrance;
    private int port;

    private ThrowawayRegistry(Namespaces namespaces) {
        this.namespaces = namespaces;
        this.atExit = new AtExit(this::end);
    }

    /**
     * Starts one and returns it when it listens. The first start fetches the packages.
     *
     * @param disk most that it may hold, in MB
     * @throws EngineUnavailable if there can be none here, or it does not start; nothing is left of it then
     */
    public static ThrowawayRegistry start(Machine machine, int disk, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, InterruptedException {
        try {
            DebianEngine.requireLinuxRoot();
            var root = packages(machine, progress);
            progress.step("starting a registry");
            var registry = new ThrowawayRegistry(Namespaces.open(KINDS, "cat"));
            try {
                registry.boot(machine, root, disk, progress);
                return registry;
            } catch (Throwable e) {
                registry.close();
                throw e;
            }
        } catch (IOException e) {
            throw new EngineUnavailable("cannot set up the registry: " + e);
        }
    }

    /** The registry's programs, and socat, which leads an engine to it. */
    static Path packages(Machine machine, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        return new DebianPackages("a registry", "registry-trixie-" + machine.architecture() + "-1", "trixie", "extract",
                "docker-registry,e2fsprogs,socat", false).provide(machine, progress, (home, tmp) -> {}).resolve("root");
    }

    private void boot(Machine machine, Path root, int disk, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        var mkfs = DebianPackages.program(root, "usr/sbin/mkfs.ext4");
        new Disk(machine, namespaces, KINDS, mkfs).mount(FOLDER, disk, progress);
        Files.writeString(namespaces.path(FOLDER + "/config.yml"), """
                version: 0.1
                log: {level: info, accesslog: {disabled: true}}
                storage: {filesystem: {rootdirectory: %s/storage}, delete: {enabled: true}}
                http: {addr: "127.0.0.1:0"}
                """.formatted(FOLDER));
        var line = namespaces.entrance(KINDS, DebianPackages.program(root, "usr/bin/docker-registry", "serve",
                FOLDER + "/config.yml"));
        line.add(0, "setsid"); // a Ctrl-C must not end it before the command that uses it
        var builder = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(logFile().toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("REGISTRY_")); // would overrule the file
        entrance = builder.start();
        awaitPort();
    }

    private void awaitPort() throws EngineUnavailable, IOException, InterruptedException {
        var deadline = Instant.now().plus(ThrowawayEngine.READY);
        var found = OptionalInt.empty();
        while ((found = portInLog()).isEmpty()) {
            if (!entrance.isAlive() || Instant.now().isAfter(deadline)) {
                throw new EngineUnavailable("the registry does not listen; its last lines:\n"
                        + Machine.lastLines(log().lines(), 5));
            }
            Thread.sleep(20);
        }
        port = found.getAsInt();
    }

    private OptionalInt portInLog() {
        var line = LISTENING.matcher(log());
        return line.find() ? OptionalInt.of(Integer.parseInt(line.group(1))) : OptionalInt.empty();
    }

    /** Of the machine's 127.0.0.1. */
    public int port() {
        return port;
    }

    /** What a name of an image begins with, as in 127.0.0.1:40123. */
    public String address() {
        return "127.0.0.1:" + port;
    }

    /** The folder that it stores in, as this machine reaches it. */
    public Path storage() {
        return namespaces.path(FOLDER + "/storage");
    }

    private Path logFile() {
        return namespaces.path(FOLDER + "/registry.log");
    }

    /** What it has printed: among others, a line per request. */
    public String log() {
        return ThrowawayEngine.read(logFile());
    }

    /** Ends it with all that it stores, and returns when it is gone. */
    @Override
    public void close() {
        atExit.close();
    }

    private void end() {
        namespaces.close();
        if (entrance != null && !Machine.awaitEnd(entrance.toHandle(), ThrowawayEngine.GRACE)) {
            entrance.destroyForcibly();
        }
        ProcessHandle.of(namespaces.pid()).ifPresent(init -> Machine.awaitEnd(init, ThrowawayEngine.GRACE));
    }
}
