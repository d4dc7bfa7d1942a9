import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * An engine in a container of the image {@code docker:VERSION-dind}, for whoever has a Docker already, which this file
 * calls the outer one.
 *
 * <p>The rule this file keeps: <b>the container ends with a pipe of this JVM</b>. Its main process is a `cat` that
 * reads it, dockerd is started beside that, and the outer engine removes the container with its volumes when `cat`
 * ends. What a killed JVM leaves, a folder with a dead socket, the next start removes.
 */
final class DindEngine extends with_docker.Engine {

    private static final String DEFAULT = "28";
    private static final String NAME = "with_docker-";
    /** Our folder in the container. Not below /run or /tmp, where the image's entrypoint mounts and deletes. */
    private static final String INSIDE = "/with_docker";
    private static final int LONGEST_SOCKET_PATH = 107;

    private final Path outer;
    private final String name = NAME + ProcessHandle.current().pid() + "-"
            + Integer.toHexString(new SecureRandom().nextInt());
    private final Path folder = Tools.cache().resolve(name);
    private Process container;
    private Process dockerd;
    private String address;
    private String version;

    private DindEngine(with_docker.Spec spec, Path outer) {
        super(spec);
        this.outer = outer;
    }

    /** The full name of such a version, or none if it is one of another kind of engine. */
    static Optional<String> version(String wanted) {
        var full = wanted.equals("dind") ? "dind:" + DEFAULT : wanted;
        return full.matches("dind:\\w[\\w.-]{0,99}") ? Optional.of(full) : Optional.empty();
    }

    private static String image(with_docker.Spec spec) {
        return spec.version().replaceFirst("dind:(.*)", "docker:$1-dind");
    }

    /** An engine that is still to be booted. */
    static DindEngine prepare(with_docker.Spec spec, with_docker.Progress progress)
            throws with_docker.Failure, IOException, InterruptedException {
        var outer = Tools.find("docker");
        if (outer == null || Tools.find("setsid") == null) {
            throw with_docker.Failure.noEngine("--engine dind needs Linux and a Docker to start the engine in: "
                    + (outer == null ? "docker" : "setsid") + " is not on PATH");
        }
        var engine = new DindEngine(spec, outer);
        if (engine.socket().toString().length() > LONGEST_SOCKET_PATH) {
            throw with_docker.Failure.noEngine("the path of a socket in " + Tools.cache()
                    + " would be too long: set XDG_CACHE_HOME to a shorter one");
        }
        engine.pullImage(progress);
        engine.removeAbandoned();
        progress.step("starting " + image(spec) + ", " + spec.store() + " store");
        return engine;
    }

    private void pullImage(with_docker.Progress progress) throws with_docker.Failure, InterruptedException {
        var image = image(spec());
        outer("no Docker to start " + image + " in", "version", "--format", "{{.Server.Version}}");
        if (outer("cannot look for " + image, "images", "--quiet", image).isBlank()) {
            progress.step("pulling " + image);
            outer("there is no " + image, Tools.LONG, "pull", "--quiet", image);
        }
    }

    /** What killed ones left: their process is gone and no engine answers. One alone may be so in a living one. */
    private void removeAbandoned() throws InterruptedException {
        for (var left : Tools.list(Tools.cache(), NAME).toList()) {
            var name = left.getFileName().toString();
            if (name.matches(NAME + "\\d{1,9}-\\w+") && ProcessHandle.of(Long.parseLong(name.split("-")[1])).isEmpty()
                    && !Tools.answers(left.resolve("docker.sock"))) {
                removeContainer(name); // one that was made but never started
                delete(left);
            }
        }
    }

    @Override
    String version() {
        return version;
    }

    @Override
    Map<String, String> environment() {
        var environment = environment(folder.toString());
        // A published port is open in the container, which Testcontainers cannot know.
        environment.put("TESTCONTAINERS_HOST_OVERRIDE", address);
        return environment;
    }

    /** The user's own. */
    @Override
    Path docker() {
        return outer;
    }

    @Override
    Path logFile() {
        return folder.resolve("dockerd.log");
    }

    private Path socket() {
        return folder.resolve("docker.sock");
    }

    // ---- the command: an ordinary process -------------------------------------------------------------------------

    @Override
    Process launch(List<String> arguments, with_docker.Network network) throws IOException {
        var builder = new ProcessBuilder(arguments).inheritIO();
        builder.environment().putAll(environment());
        return builder.start();
    }

    @Override
    Optional<ProcessHandle> command(Process launched) {
        return Optional.of(launched.toHandle());
    }

    // ---- how it comes up and goes down ----------------------------------------------------------------------------

    @Override
    void boot(with_docker.Progress progress) throws with_docker.Failure, IOException, InterruptedException {
        writeConfiguration();
        startContainer();
        startDockerd();
        awaitReady(dockerd, socket());
        address = outer("cannot look into the container", "inspect", "--format",
                "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name).strip();
        version = docker("version", "--format", "{{.Server.Version}}").strip();
        requireStore();
        loadBusybox(progress);
    }

    private void writeConfiguration() throws IOException {
        Files.createDirectories(Tools.cache());
        Files.createDirectory(folder,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        // The socket is for root and a group: ours. The second one is for containers that mount it.
        Files.writeString(folder.resolve("daemon.json"), """
                {"hosts": ["unix://%s/docker.sock", "unix:///var/run/docker.sock"], "group": "%s",
                 "features": {"containerd-snapshotter": %s}}
                """.formatted(INSIDE, Files.getAttribute(folder, "unix:gid"),
                spec().store() == with_docker.Store.CONTAINERD));
        var config = Files.createDirectories(folder.resolve("client/config"));
        Files.writeString(config.resolve("config.json"), "{}\n");
        var users = System.getenv().getOrDefault("DOCKER_CONFIG", Tools.home() + "/.docker");
        var plugins = Path.of(users, "cli-plugins").toAbsolutePath(); // buildx may be one of them
        if (Files.exists(plugins)) {
            Files.createSymbolicLink(config.resolve("cli-plugins"), plugins);
        }
    }

    /** In a session of its own, so that a Ctrl-C does not end it before the command that uses it. */
    private void startContainer() throws with_docker.Failure, IOException {
        var line = new ArrayList<>(List.of("setsid", outer.toString(), "run", "--rm", "--interactive", "--init",
                "--privileged", "--userns=host", "--name", name, "--entrypoint", "cat"));
        line.addAll(mount("type=bind", folder.toString(), INSIDE));
        var folders = usersFolders();
        folders.forEach(visible -> line.addAll(mount("type=bind", visible, visible)));
        // On disk; and an overlay does not work on the container's own root, which is one.
        Stream.of("/var/lib/docker", "/tmp").filter(path -> !folders.contains(path))
                .forEach(path -> line.addAll(List.of("--volume", path)));
        line.add(image(spec()));
        container = new ProcessBuilder(line).start(); // zt-exec cannot hold a stdin open
        if (!Tools.echoes(container)) {
            var why = new String(container.getErrorStream().readAllBytes(), StandardCharsets.UTF_8)
                    .replaceAll("(?m)^(Run|See) 'docker.*", "");
            throw with_docker.Failure.noEngine("the current engine does not start " + image(spec())
                    + " as a privileged container that sees " + Tools.cache() + ": " + Tools.lastLines(why, 3));
        }
    }

    private static List<String> mount(String type, String source, String target) {
        return List.of("--mount", "%s,\"source=%s\",\"target=%s\"".formatted(type, source.replace("\"", "\"\""),
                target.replace("\"", "\"\"")));
    }

    /** The user's folders, but for those that the image has of its own. */
    private static List<String> usersFolders() {
        return Tools.usersFolders().stream().filter(name -> !name.matches("/|/var|/var/lib|"
                + "/(bin|dev|etc|lib[^/]*|proc|run|sbin|sys|usr|var/run|var/lib/docker)(/.*)?")).toList();
    }

    /** By the image's entrypoint, which sees to the mounts and cgroups that dockerd needs. */
    private void startDockerd() throws IOException {
        var line = new ArrayList<>(List.of("setsid", outer.toString(), "exec", "--privileged"));
        System.getenv().keySet().stream().filter(name -> name.matches("(?i)(https?|no|all)_proxy"))
                .forEach(name -> line.addAll(List.of("--env", name)));
        line.addAll(List.of(name, "dockerd-entrypoint.sh", "dockerd", "--config-file", INSIDE + "/daemon.json"));
        dockerd = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(logFile().toFile()).start();
    }

    /** An engine that does not know the store uses another. */
    private void requireStore() throws with_docker.Failure, InterruptedException {
        var status = docker("info", "--format", "{{json .DriverStatus}}");
        if (status.contains("io.containerd.snapshotter") != (spec().store() == with_docker.Store.CONTAINERD)) {
            throw with_docker.Failure.noEngine("Docker " + version + " has no " + spec().store() + " store");
        }
    }

    private void loadBusybox(with_docker.Progress progress) throws IOException, InterruptedException {
        var image = "busybox:latest";
        var tar = folder.resolve("busybox.tar");
        try {
            if (outer("cannot look for " + image, "images", "--quiet", image).isBlank()) {
                docker("pull", "--quiet", image);
            } else {
                outer("cannot get " + image, "save", "--output", tar.toString(), image);
                docker("load", "--quiet", "--input", tar.toString());
            }
        } catch (with_docker.Failure e) {
            progress.notice("the engine has no busybox: " + e.getMessage());
        } finally {
            Files.deleteIfExists(tar);
        }
    }

    @Override
    void takeDown() {
        try {
            if (container != null) {
                container.getOutputStream().close();
                if (!ended(container.toHandle(), READY)) {
                    removeContainer(name);
                }
            }
        } catch (IOException e) {
            // the other end of the pipe is gone already
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (dockerd != null) {
            ended(dockerd.toHandle(), GRACE);
        }
        delete(folder);
    }

    private void removeContainer(String name) throws InterruptedException {
        try {
            outer("", "rm", "--force", "--volumes", name);
        } catch (with_docker.Failure e) {
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

    /** Runs the client on the outer engine and returns its output. */
    private String outer(String mistake, String... arguments) throws with_docker.Failure, InterruptedException {
        return outer(mistake, Tools.SHORT, arguments);
    }

    private String outer(String mistake, Duration limit, String... arguments)
            throws with_docker.Failure, InterruptedException {
        var line = Stream.concat(Stream.of(outer.toString()), Stream.of(arguments)).toList();
        try {
            return Tools.run(Map.of(), limit, line);
        } catch (with_docker.Failure e) {
            throw with_docker.Failure.noEngine(mistake + ": " + e.getMessage());
        }
    }
}
