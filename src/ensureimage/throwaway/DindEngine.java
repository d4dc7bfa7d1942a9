// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * An engine in a container of the image {@code docker:TAG-dind}, on a Docker that is there already: the outer one.
 *
 * <p>The rule it keeps: <b>the container ends with a pipe of this JVM</b>. Its main process is a {@code cat} that reads
 * the pipe, dockerd is started beside that, and the outer engine removes the container with its volumes when
 * {@code cat} ends. What a killed JVM leaves, a folder with a dead socket, the next start removes.
 */
final class DindEngine extends ThrowawayEngine {

    private static final String DEFAULT = "28";
    private static final String NAME = "with_docker-";
    /** Our folder in the container. Not below /run or /tmp, where the image's entrypoint mounts and deletes. */
    private static final String INSIDE = "/with_docker";
    private static final int LONGEST_SOCKET_PATH = 107;
    private static final String REGISTRY = "registry:2";
    /** In the network of the engine's container, which is its own: any port is free. */
    private static final String REGISTRY_ADDRESS = "127.0.0.1:5000";

    /** The client of the outer engine. */
    private final Path outer;
    private final String name;
    /** In the cache: the socket, the log, and the client's configuration. */
    private final Path folder;
    private Optional<Process> container = Optional.empty();
    private Optional<Process> dockerd = Optional.empty();
    private Optional<Process> registry = Optional.empty();
    /** Of the container; known when it runs, as is the version. */
    private String address;
    private String version;

    private DindEngine(EngineSpec spec, Machine machine, Path outer, Path cache) {
        super(spec, machine);
        this.outer = outer;
        this.name = NAME + ProcessHandle.current().pid() + "-" + Integer.toHexString(new SecureRandom().nextInt());
        this.folder = cache.resolve(name);
    }

    /** The full name of such a version; empty for one of another kind of engine. */
    static Optional<String> fullVersion(String wanted) {
        var full = wanted.equals("dind") ? "dind:" + DEFAULT : wanted;
        return full.matches("dind:\\w[\\w.-]{0,99}") ? Optional.of(full) : Optional.empty();
    }

    /** An engine that is still to be booted. */
    static DindEngine prepare(EngineSpec spec, Machine machine, Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        var docker = requireProgram("docker", machine);
        requireProgram("setsid", machine);
        var engine = new DindEngine(spec, machine, docker, machine.cacheFolder());
        if (engine.socket().toString().length() > LONGEST_SOCKET_PATH) {
            throw new EngineUnavailable(EngineUnavailable.Reason.CACHE_PATH_TOO_LONG,
                    "the path of a socket in " + machine.cacheFolder() + " would be too long");
        }
        engine.pullImage(engine.image(), progress);
        engine.removeAbandoned();
        progress.step("starting " + engine.image() + ", " + spec.store() + " store");
        return engine;
    }

    private static Path requireProgram(String name, Machine machine) throws EngineUnavailable {
        return machine.find(name).orElseThrow(() -> new EngineUnavailable(
                "dind needs Linux and a Docker to start the engine in: " + name + " is not on PATH"));
    }

    private String image() {
        return spec.version().replaceFirst("dind:(.*)", "docker:$1-dind");
    }

    private void pullImage(String image, Progress progress) throws EngineUnavailable, InterruptedException {
        askOuter("no Docker to start " + image + " in", "version", "--format", "{{.Server.Version}}");
        if (askOuter("cannot look for " + image, "images", "--quiet", image).isBlank()) {
            progress.step("pulling " + image);
            askOuter("there is no " + image, Machine.LONG, "pull", "--quiet", image);
        }
    }

    /**
     * Removes what killed JVMs left: the process in the name is gone, and no engine answers. One of the two alone is no
     * proof: a JVM can be in another container, an engine can still be starting.
     */
    private void removeAbandoned() throws EngineUnavailable, InterruptedException {
        for (var left : Machine.list(machine.cacheFolder(), NAME).toList()) {
            var name = left.getFileName().toString();
            if (name.matches(NAME + "\\d{1,9}-\\w+") && ProcessHandle.of(Long.parseLong(name.split("-")[1])).isEmpty()
                    && !answers(left.resolve("docker.sock"))) {
                removeContainer(registryName(name));
                removeContainer(name); // one that was made but never started
                delete(left);
            }
        }
    }

    @Override
    public String version() {
        return version;
    }

    @Override
    public Map<String, String> environment() {
        var environment = clientEnvironment(folder.toString());
        // A published port is open in the container, which Testcontainers cannot know.
        environment.put("TESTCONTAINERS_HOST_OVERRIDE", address);
        registry.ifPresent(beside -> environment.put(ThrowawayRegistry.VARIABLE, REGISTRY_ADDRESS));
        return environment;
    }

    /** That of the outer engine. */
    @Override
    public Path docker() {
        return outer;
    }

    @Override
    public Path logFile() {
        return folder.resolve("dockerd.log");
    }

    private Path socket() {
        return folder.resolve("docker.sock");
    }

    // ---- the command: an ordinary process -------------------------------------------------------------------------

    @Override
    Process launch(List<String> command, Network network) throws IOException {
        return ofUser(command, environment()).start();
    }

    @Override
    Optional<ProcessHandle> command(Process launched) {
        return Optional.of(launched.toHandle());
    }

    // ---- how it comes up ------------------------------------------------------------------------------------------

    @Override
    void boot(Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        writeConfiguration();
        startContainer();
        awaitReady(startDockerd(), socket());
        address = askOuter("cannot look into the container", "inspect", "--format",
                "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name).strip();
        version = runDocker("version", "--format", "{{.Server.Version}}").strip();
        requireStore();
        loadBusybox(progress);
    }

    private void writeConfiguration() throws IOException {
        Files.createDirectories(folder.getParent());
        Files.createDirectory(folder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        // The socket is for root and a group: ours. The second one is for containers that mount it.
        Files.writeString(folder.resolve("daemon.json"), """
                {"hosts": ["unix://%s/docker.sock", "unix:///var/run/docker.sock"], "group": "%s",
                 "features": {"containerd-snapshotter": %s}}
                """.formatted(INSIDE, Files.getAttribute(folder, "unix:gid"),
                spec.store() == EngineSpec.Store.CONTAINERD));
        var config = Files.createDirectories(folder.resolve("client/config"));
        Files.writeString(config.resolve("config.json"), "{}\n");
        var home = machine.environment().getOrDefault("HOME", "");
        var users = machine.environment().getOrDefault("DOCKER_CONFIG", home + "/.docker");
        var plugins = machine.folder().resolve(users).resolve("cli-plugins"); // buildx may be one of them
        if (Files.exists(plugins)) {
            Files.createSymbolicLink(config.resolve("cli-plugins"), plugins);
        }
    }

    /** In a session of its own, so that a Ctrl-C does not end it before the command that uses it. */
    private void startContainer() throws EngineUnavailable, IOException {
        var line = new ArrayList<>(List.of("setsid", outer.toString(), "run", "--rm", "--interactive", "--init",
                "--privileged", "--userns=host", "--name", name, "--entrypoint", "cat"));
        line.addAll(mount("type=bind", folder.toString(), INSIDE));
        var folders = visibleFolders();
        folders.forEach(visible -> line.addAll(mount("type=bind", visible, visible)));
        // On disk; and an overlay does not work on the container's own root, which is one.
        Stream.of("/var/lib/docker", "/tmp").filter(path -> !folders.contains(path))
                .forEach(path -> line.addAll(List.of("--volume", path)));
        line.add(image());
        var cat = new ProcessBuilder(line).start(); // its stdin stays open, which a Command's does not
        container = Optional.of(cat);
        if (!Machine.echoes(cat)) {
            var why = new String(cat.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).lines()
                    .filter(printed -> !printed.matches("(Run|See) 'docker.*"));
            throw new EngineUnavailable("the current engine does not start " + image()
                    + " as a privileged container that sees " + folder.getParent() + ": "
                    + Machine.lastLines(why, 3));
        }
    }

    private static List<String> mount(String type, String source, String target) {
        return List.of("--mount", "%s,\"source=%s\",\"target=%s\"".formatted(type, source.replace("\"", "\"\""),
                target.replace("\"", "\"\"")));
    }

    /** The user's folders, but for those that the image has of its own. */
    private List<String> visibleFolders() {
        return machine.usersFolders().stream().filter(name -> !name.matches("/|/var|/var/lib|"
                + "/(bin|dev|etc|lib[^/]*|proc|run|sbin|sys|usr|var/run|var/lib/docker)(/.*)?")).toList();
    }

    /** By the image's entrypoint, which sees to the mounts and cgroups that dockerd needs. */
    private Process startDockerd() throws IOException {
        var line = new ArrayList<>(List.of("setsid", outer.toString(), "exec", "--privileged"));
        machine.environment().keySet().stream().filter(Machine::isProxy)
                .forEach(proxy -> line.addAll(List.of("--env", proxy)));
        line.addAll(List.of(name, "dockerd-entrypoint.sh", "dockerd", "--config-file", INSIDE + "/daemon.json"));
        var process = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(logFile().toFile()).start();
        dockerd = Optional.of(process);
        return process;
    }

    /** An engine that does not know the store uses another. */
    private void requireStore() throws EngineUnavailable, InterruptedException {
        var status = runDocker("info", "--format", "{{json .DriverStatus}}");
        if (status.contains("io.containerd.snapshotter") != (spec.store() == EngineSpec.Store.CONTAINERD)) {
            throw new EngineUnavailable("Docker " + version + " has no " + spec.store() + " store");
        }
    }

    private void loadBusybox(Progress progress) throws IOException, InterruptedException {
        var image = "busybox:latest";
        var tar = folder.resolve("busybox.tar");
        try {
            if (askOuter("cannot look for " + image, "images", "--quiet", image).isBlank()) {
                runDocker("pull", "--quiet", image);
            } else {
                askOuter("cannot get " + image, "save", "--output", tar.toString(), image);
                runDocker("load", "--quiet", "--input", tar.toString());
            }
        } catch (EngineUnavailable e) {
            progress.notice("the engine has no busybox: " + e.getMessage());
        } finally {
            Files.deleteIfExists(tar);
        }
    }

    /** Runs the client on the outer engine and returns what it prints. */
    private String askOuter(String mistake, String... arguments) throws EngineUnavailable, InterruptedException {
        return askOuter(mistake, Machine.SHORT, arguments);
    }

    /** @param mistake what it means if that fails */
    private String askOuter(String mistake, Duration limit, String... arguments)
            throws EngineUnavailable, InterruptedException {
        var line = Stream.concat(Stream.of(outer.toString()), Stream.of(arguments)).toList();
        try {
            return machine.run(line, Map.of(), limit, output -> {});
        } catch (EngineUnavailable e) {
            throw new EngineUnavailable(mistake + ": " + e.getMessage());
        }
    }

    // ---- what it has beside it ------------------------------------------------------------------------------------

    /** A container in the network of the engine's. It ends with a pipe of this JVM, as the engine's does. */
    @Override
    void openRegistry(Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        pullImage(REGISTRY, progress);
        progress.step("starting " + REGISTRY);
        var cat = new ProcessBuilder("setsid", outer.toString(), "run", "--rm", "--interactive", "--init", "--name",
                registryName(name), "--network", "container:" + name, "--entrypoint", "cat", REGISTRY).start();
        registry = Optional.of(cat);
        if (!Machine.echoes(cat)) {
            throw new EngineUnavailable("the current engine does not start " + REGISTRY + ": " + Machine.lastLines(
                    new String(cat.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).lines(), 1));
        }
        askOuter("cannot start " + REGISTRY, "exec", "--detach", "--env", "REGISTRY_HTTP_ADDR=" + REGISTRY_ADDRESS,
                "--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", registryName(name), "registry", "serve",
                "/etc/docker/registry/config.yml");
        awaitRegistry();
    }

    /** By the engine itself, which alone reaches it: there is no such image, and that is its answer. */
    private void awaitRegistry() throws EngineUnavailable, InterruptedException {
        var deadline = Instant.now().plus(READY);
        while (true) {
            try {
                runDocker("pull", "--quiet", REGISTRY_ADDRESS + "/nothing:nothing");
                return;
            } catch (EngineUnavailable e) {
                if (e.getMessage().matches("(?s).*(not found|manifest unknown).*")) {
                    return;
                }
                if (Instant.now().isAfter(deadline)) {
                    throw new EngineUnavailable(REGISTRY + " does not answer: " + e.getMessage());
                }
            }
            Thread.sleep(100);
        }
    }

    private static String registryName(String engine) {
        return engine + "-registry";
    }

    @Override
    void openReach(int port, Progress progress) {
        throw new IllegalStateException("a container does not reach 127.0.0.1 of the machine");
    }

    // ---- how it goes down -----------------------------------------------------------------------------------------

    @Override
    void takeDown() {
        registry.ifPresent(cat -> end(cat, registryName(name)));
        container.ifPresent(cat -> end(cat, name));
        dockerd.ifPresent(process -> Machine.awaitEnd(process.toHandle(), GRACE));
        delete(folder);
    }

    private void end(Process cat, String container) {
        try {
            cat.getOutputStream().close();
        } catch (IOException e) {
            // the other end of the pipe is gone already
        }
        try {
            if (!Machine.awaitEnd(cat.toHandle(), READY)) {
                removeContainer(container);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void removeContainer(String name) throws InterruptedException {
        try {
            machine.run(List.of(outer.toString(), "rm", "--force", "--volumes", name));
        } catch (EngineUnavailable e) {
            // there is none
        }
    }

    private static void delete(Path tree) {
        try (var files = Files.walk(tree)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // another start was faster, or a container of root's wrote there: the next start tries again
        }
    }
}
