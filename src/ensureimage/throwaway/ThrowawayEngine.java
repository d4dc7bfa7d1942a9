// SPDX-License-Identifier: Apache-2.0
//SOURCES AtExit.java
//SOURCES BusyboxArchive.java
//SOURCES Cgroups.java
//SOURCES DebianEngine.java
//SOURCES DebianMounts.java
//SOURCES DebianPackages.java
//SOURCES DebianRelease.java
//SOURCES DebianRoot.java
//SOURCES DindEngine.java
//SOURCES Disk.java
//SOURCES EngineSpec.java
//SOURCES EngineUnavailable.java
//SOURCES Machine.java
//SOURCES Namespaces.java
//SOURCES RemoteBuilder.java
//SOURCES ThrowawayRegistry.java
//SOURCES package-info.java
//SOURCES ../engine/Processes.java

package ensureimage.throwaway;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A private, real Docker engine that is running and has the image {@code busybox}. It is closed by the code that started
 * it; it ends with this JVM at the latest, however that ends. Many can run at once, beside the machine's own.
 */
public abstract sealed class ThrowawayEngine implements AutoCloseable permits DebianEngine, DindEngine {

    static final Duration GRACE = Duration.ofSeconds(10);
    static final Duration READY = Duration.ofSeconds(60);

    final EngineSpec spec;
    final Machine machine;
    private AtExit atExit;
    private Optional<Running> running = Optional.empty();

    /** Which localhost and addresses a command has. Beside an engine in a container, these are always the machine's. */
    public enum Network {
        ENGINE, HOST;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** What a start tells of what it does. */
    public interface Progress {
        /** Says nothing. */
        Progress NONE = new Progress() {
        };

        /** What is being done now, until the next step or {@link #done()}. */
        default void step(String what) {}

        /** What the user should know even afterwards. */
        default void notice(String what) {}

        /** The last step has ended. */
        default void done() {}
    }

    /**
     * A command under way.
     *
     * @param canary   in the command's process group and nothing but that: a signal to the group ends it
     * @param launched what was started
     * @param command  the command itself, if it was seen
     */
    private record Running(Process canary, Process launched, Optional<ProcessHandle> command) {
    }

    ThrowawayEngine(EngineSpec spec, Machine machine) {
        this.spec = spec;
        this.machine = machine;
    }

    /**
     * Starts an engine and returns it when it answers. The first start of a version can take a minute and needs the
     * network; what it fetches is kept in {@link Machine#cache()} or, for one in a container, in the current engine.
     *
     * @throws EngineUnavailable if there can be none here, or it does not start; nothing is left of it then
     */
    public static ThrowawayEngine start(EngineSpec spec, Machine machine, Progress progress)
            throws EngineUnavailable, InterruptedException {
        try {
            var engine = spec.isDind() ? DindEngine.prepare(spec, machine, progress)
                    : DebianEngine.prepare(spec, machine, progress);
            engine.open(progress);
            return engine;
        } catch (IOException e) {
            throw new EngineUnavailable("cannot set up the engine: " + e);
        } finally {
            progress.done();
        }
    }

    private void open(Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        atExit = new AtExit(this::end);
        try {
            boot(progress);
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    // ---- what there is to a running one ---------------------------------------------------------------------------

    /** The full version, as in 26.1.5. */
    public abstract String version();

    /** What to add to a process's environment for it to talk to this engine, and to a registry beside it. */
    public abstract Map<String, String> environment();

    /** The client to use. */
    public abstract Path docker();

    /**
     * Starts a real registry that ends with this engine. From then on its address, as the engine has it, is in the
     * variable ENSURE_IMAGE_REGISTRY of {@link #environment}: 127.0.0.1:PORT.
     *
     * @throws EngineUnavailable if there can be none here
     */
    public void startRegistry(Progress progress) throws EngineUnavailable, InterruptedException {
        try {
            openRegistry(progress);
        } catch (IOException e) {
            throw new EngineUnavailable("cannot set up the registry: " + e);
        } finally {
            progress.done();
        }
    }

    /**
     * Makes a port of this machine's 127.0.0.1 that of the engine's, too: a registry's, for example. What listens there
     * may come and go.
     *
     * @throws IllegalArgumentException see {@link EngineSpec#requireReachable}
     * @throws EngineUnavailable if the engine uses the port itself
     */
    public void reach(int port, Progress progress) throws EngineUnavailable, InterruptedException {
        spec.requireReachable(port);
        try {
            openReach(port, progress);
        } catch (IOException e) {
            throw new EngineUnavailable("cannot reach 127.0.0.1:" + port + ": " + e);
        } finally {
            progress.done();
        }
    }

    /**
     * Runs a command in our terminal and process group, so that Ctrl-C reaches it as if started directly. One at a time.
     *
     * @return its exit status; 128 + N if signal N killed it
     * @throws EngineUnavailable if it cannot be started
     */
    public int run(List<String> command, Network network) throws EngineUnavailable, InterruptedException {
        Running started;
        try {
            started = startCommand(command, network);
        } catch (IOException e) {
            throw new EngineUnavailable("cannot run " + command.get(0) + ": " + e.getMessage());
        }
        try {
            return started.launched().waitFor();
        } finally {
            started.canary().destroy();
        }
    }

    /** Where dockerd prints. */
    public abstract Path logFile();

    /** What dockerd has printed. */
    public String log() {
        return read(logFile());
    }

    /** What a program has printed, or why that cannot be told. */
    static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return "(no log: " + e + ")";
        }
    }

    /** Ends the engine with all that is in it, and returns when it is gone. */
    @Override
    public void close() {
        atExit.close();
    }

    // ---- what a kind of engine does in its own way ----------------------------------------------------------------

    /** Brings it up until it answers and has busybox. */
    abstract void boot(Progress progress) throws EngineUnavailable, IOException, InterruptedException;

    abstract void openRegistry(Progress progress) throws EngineUnavailable, IOException, InterruptedException;

    abstract void openReach(int port, Progress progress) throws EngineUnavailable, IOException, InterruptedException;

    /** Starts a command in our terminal and process group. */
    abstract Process launch(List<String> command, Network network)
            throws EngineUnavailable, IOException, InterruptedException;

    /** The command itself, once it is there. */
    abstract Optional<ProcessHandle> command(Process launched);

    /** Ends all that there is of it, and returns when it is gone. */
    abstract void takeDown();

    // ---- the command ----------------------------------------------------------------------------------------------

    /** Not while {@link #endCommand} looks whether there is one. */
    private synchronized Running startCommand(List<String> line, Network network)
            throws EngineUnavailable, IOException, InterruptedException {
        var canary = new ProcessBuilder("cat").start();
        try {
            var launched = launch(line, network);
            var command = command(launched);
            while (launched.isAlive() && command.isEmpty()) {
                Thread.sleep(1);
                command = command(launched);
            }
            running = Optional.of(new Running(canary, launched, command));
            return running.get();
        } catch (Throwable e) {
            canary.destroy();
            throw e;
        }
    }

    private void end() {
        endCommand();
        takeDown();
    }

    /** If the command still runs, because we are told to end: lets it end in its own way. */
    private synchronized void endCommand() {
        running.ifPresent(current -> current.command().filter(ProcessHandle::isAlive).ifPresent(command -> {
            // If the whole group got a signal, as from Ctrl-C, the command is at it already. Else only we got it.
            if (!Machine.awaitEnd(current.canary().toHandle(), Duration.ofMillis(200))
                    || !Machine.awaitEnd(command, GRACE)) {
                command.destroy();
                Machine.awaitEnd(command, GRACE);
            }
        }));
    }

    /** In our terminal, with the machine's variables and those of the engine. */
    ProcessBuilder ofUser(List<String> line, Map<String, String> variables) {
        var builder = new ProcessBuilder(line).inheritIO(); // a Command would put pipes between it and the terminal
        builder.environment().keySet().retainAll(machine.environment().keySet()); // so each keeps its bytes
        builder.environment().putAll(variables);
        return builder;
    }

    // ---- what the kinds of engine share ---------------------------------------------------------------------------

    /** @param folder in which the socket and the client's configuration are */
    Map<String, String> clientEnvironment(String folder) {
        var environment = new LinkedHashMap<String, String>();
        // These would overrule DOCKER_HOST, or belong to another engine. The client takes empty for unset.
        Stream.of("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
                "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_HOST").filter(machine.environment()::containsKey)
                .forEach(name -> environment.put(name, ""));
        environment.put("DOCKER_HOST", "unix://" + folder + "/docker.sock");
        environment.put("DOCKER_CONFIG", folder + "/client/config");
        return environment;
    }

    /** Runs the client on this engine and returns what it prints. */
    String runDocker(String... arguments) throws EngineUnavailable, InterruptedException {
        var line = Stream.concat(Stream.of(docker().toString()), Stream.of(arguments)).toList();
        return machine.run(line, environment(), Machine.SHORT, output -> {});
    }

    void awaitReady(Process dockerd, Path socket) throws EngineUnavailable, InterruptedException {
        var deadline = Instant.now().plus(READY);
        while (!answers(socket)) {
            if (!dockerd.isAlive() || Instant.now().isAfter(deadline)) {
                var what = dockerd.isAlive() ? "does not answer after " + READY.toSeconds() + " s"
                        : "ended with status " + dockerd.exitValue();
                throw new EngineUnavailable("dockerd " + what + "; its last lines:\n"
                        + Machine.lastLines(log().lines(), 10));
            }
            Thread.sleep(20);
        }
    }

    /** Whether an engine listens at a socket. */
    static boolean answers(Path file) {
        try (var socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.connect(UnixDomainSocketAddress.of(file));
            socket.write(ByteBuffer.wrap("GET /_ping HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
            var answer = ByteBuffer.allocate(12);
            while (answer.hasRemaining() && socket.read(answer) >= 0) {
            }
            return new String(answer.array(), StandardCharsets.US_ASCII).endsWith(" 200");
        } catch (IOException e) {
            return false; // not yet, or no more
        }
    }
}
