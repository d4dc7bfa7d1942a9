///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Runs a command with a private, throwaway, real Docker engine
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0

import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.LogOutputStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/**
 * A throwaway real Docker engine around any command.
 *
 * <p>The rule this file keeps: <b>an engine consists only of what the kernel takes down by itself</b>. Its processes
 * are in one PID namespace, its mounts and its socket in one mount namespace, its bridge, addresses and iptables rules
 * in one network namespace, its disk in a file that no longer has a name. All of them hang on one process, the
 * {@link Anchor}, which reads a pipe that only this JVM holds. However the JVM ends, the pipe ends, and the kernel does
 * the rest. The one exception is empty directories, see {@link Cgroups}.
 */
@Command(name = "with_docker", version = "with_docker " + with_docker.VERSION, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = {"with_docker [--engine 20.10|26.1|28.5] [--store containerd|classic] [--] COMMAND...",
            "       with_docker [OPTIONS] --shell"},
        description = {"%nRuns COMMAND with a private, throwaway, real Docker engine: DOCKER_HOST is set and a matching"
            + " `docker` is first on PATH. COMMAND's exit status is passed on. When it ends, the engine is gone with"
            + " all that was in it. The image `busybox` is there from the start.%n",
            "Needs root on Debian or Ubuntu. The first start of a version unpacks Docker's Debian packages into"
            + " $${XDG_CACHE_HOME:-~/.cache}/ensure_image/engines (about 450 MB, 20 s); delete that to get newer"
            + " ones.%n",
            "COMMAND sees only its own processes and the engine's, and whatever it leaves running ends with it. The"
            + " engine sees your home and the current folder, for bind mounts. It can reach the network, but is not"
            + " reached from it: a published port is open on COMMAND's localhost alone.%n"},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {"N:COMMAND's own; else", "2:usage", "69:no engine: it cannot be had here, or did not start",
            "126:COMMAND is not executable", "127:COMMAND was not found", "128+N:COMMAND was killed by signal N",
            "130:interrupted"})
class with_docker implements Callable<Integer> {

    /** That of the project. */
    static final String VERSION = "0.1.0";

    @Option(names = "--engine", paramLabel = "VERSION", defaultValue = "26.1",
            description = "Docker version: 20.10, 26.1 or 28.5. Default: ${DEFAULT-VALUE}")
    private String version;

    @Option(names = "--store", paramLabel = "STORE",
            description = "Image store: ${COMPLETION-CANDIDATES}. Default: containerd, where the version has it")
    private Store store;

    @Option(names = "--disk", paramLabel = "MB", defaultValue = "" + Spec.DISK,
            description = "Size of the engine's disk, of which only what is used is taken. Default: ${DEFAULT-VALUE}")
    private int disk;

    @Option(names = "--network", paramLabel = "NETWORK", defaultValue = "engine",
            description = "COMMAND's network: ${COMPLETION-CANDIDATES}. With `engine`, localhost has the ports that"
                + " containers publish; with `host`, what else this machine has there. Default: ${DEFAULT-VALUE}")
    private Network network;

    @Option(names = "--shell", description = "Run a shell ($$SHELL, else sh) as COMMAND")
    private boolean shell;

    @Option(names = "--verbose", description = "Print the engine's log when it ends, and stack traces")
    private boolean verbose;

    @Parameters(paramLabel = "COMMAND", hidden = true)
    private List<String> command = List.of();

    @CommandLine.Spec
    private CommandSpec cli;

    public static void main(String... args) {
        System.exit(execute(args));
    }

    /** Runs the command line and returns the exit status; never ends the JVM. */
    static int execute(String... args) {
        return new CommandLine(new with_docker())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false) // an @word is COMMAND's
                .setStopAtPositional(true) // and so is every option after it
                .setParameterExceptionHandler((mistake, arguments) -> {
                    mistake.getCommandLine().getErr().println("with_docker: " + mistake.getMessage() + " (see --help)");
                    return 2;
                })
                .setExecutionExceptionHandler((failure, line, parsed) -> line.<with_docker>getCommand().report(failure))
                .execute(args);
    }

    @Override
    public Integer call() throws Failure, InterruptedException {
        if (shell == !command.isEmpty()) {
            throw new ParameterException(cli.commandLine(), shell ? "--shell takes no COMMAND" : "COMMAND is missing");
        }
        if (shell) {
            command = List.of(System.getenv().getOrDefault("SHELL", "/bin/sh"));
        }
        Spec spec;
        try {
            spec = new Spec(version, store == null ? Release.of(version).stores.get(0) : store, disk);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(cli.commandLine(), e.getMessage());
        }
        requireExecutable(command.get(0));
        var err = cli.commandLine().getErr();
        try (var engine = start(spec, new Console(err))) {
            int status = engine.run(command, network);
            if (verbose) {
                err.print(engine.log());
            }
            return status;
        }
    }

    /** Tells a mistake in COMMAND before the engine is started for it. */
    private static void requireExecutable(String program) throws Failure {
        var file = program.contains("/") ? Path.of(program) : Tools.find(program);
        if (program.equals("docker")) {
            return; // comes with the engine
        }
        if (file == null || !Files.exists(file)) {
            throw new Failure(127, program + ": command not found");
        }
        if (Files.isDirectory(file) || !Files.isExecutable(file)) {
            throw new Failure(126, program + ": not an executable file");
        }
    }

    private int report(Exception failure) {
        var err = cli.commandLine().getErr();
        if (AtExit.running) {
            return 130; // nobody waits for this; and it failed because it is being ended
        }
        if (verbose || !(failure instanceof Failure)) {
            failure.printStackTrace(err);
        } else {
            err.println("with_docker: " + failure.getMessage());
        }
        return failure instanceof Failure known ? known.status : Failure.NO_ENGINE;
    }

    // ---- what can be asked for ------------------------------------------------------------------------------------

    /** Where an engine keeps its images. */
    enum Store {
        CONTAINERD, CLASSIC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Whose localhost and addresses a command has. */
    enum Network {
        ENGINE, HOST;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A Docker version, and the Debian release whose packages it is. */
    enum Release {
        DOCKER_20_10("20.10", "bookworm", List.of(Store.CLASSIC), List.of("docker.io")),
        DOCKER_26_1("26.1", "trixie", List.of(Store.CONTAINERD, Store.CLASSIC),
                List.of("docker.io", "docker-cli", "docker-buildx")),
        /** Debian testing: may have moved on to a later version, which {@link Root#version()} tells. */
        DOCKER_28_5("28.5", "forky", DOCKER_26_1.stores, DOCKER_26_1.docker);

        final String version;
        final String suite;
        /** The default first. */
        final List<Store> stores;
        private final List<String> docker;

        Release(String version, String suite, List<Store> stores, List<String> docker) {
            this.version = version;
            this.suite = suite;
            this.stores = stores;
            this.docker = docker;
        }

        String packages() {
            var needed = Stream.of("containerd", "runc", "ca-certificates", "iptables");
            var ours = Stream.of("busybox-static", "e2fsprogs", "slirp4netns"); // base image, disk, way out
            return Stream.of(docker.stream(), needed, ours).flatMap(s -> s).collect(Collectors.joining(","));
        }

        static Release of(String version) {
            return Arrays.stream(values()).filter(release -> release.version.equals(version)).findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no engine " + version + ", only "
                        + Arrays.toString(values())));
        }

        @Override
        public String toString() {
            return version;
        }
    }

    /**
     * The engine wanted.
     *
     * @param version 20.10, 26.1 or 28.5
     * @param disk    size of its disk in MB
     * @throws IllegalArgumentException if there is no such engine
     */
    record Spec(String version, Store store, int disk) {
        static final int DISK = 20_000;

        Spec {
            var stores = Release.of(version).stores;
            if (!stores.contains(store)) {
                throw new IllegalArgumentException("Docker " + version + " has no " + store + " store, only "
                        + stores.get(0));
            }
            if (disk <= 0) {
                throw new IllegalArgumentException("a disk of " + disk + " MB is none");
            }
        }

        Spec(String version, Store store) {
            this(version, store, DISK);
        }

        Release release() {
            return Release.of(version);
        }
    }

    /** Something that a user can understand and act on; the exit status says which kind. */
    static final class Failure extends Exception {
        static final int NO_ENGINE = 69;
        private static final long serialVersionUID = 1;

        final int status;

        Failure(int status, String message) {
            super(message);
            this.status = status;
        }

        static Failure noEngine(String message) {
            return new Failure(NO_ENGINE, message);
        }
    }

    /** Where a start tells what it does. */
    interface Progress {
        Progress NONE = new Progress() { };

        /** What is being done now, until the next step or {@link #done()}. */
        default void step(String what) { }

        /** What the user should know even afterwards. */
        default void notice(String what) { }

        default void done() { }
    }

    // ---- the life of an engine ------------------------------------------------------------------------------------

    /**
     * Starts an engine and returns it when it answers.
     *
     * @throws Failure if there can be none here, or it does not start; nothing is left of it then
     */
    static Engine start(Spec spec, Progress progress) throws Failure, InterruptedException {
        try {
            requireLinuxRoot();
            var root = Root.unpacked(spec.release(), progress);
            var version = root.version();
            if (!version.startsWith(spec.version + ".")) {
                progress.notice("Debian " + spec.release().suite + " has moved on: this is Docker " + version + ", not "
                        + spec.version);
            }
            progress.step("starting Docker " + version + ", " + spec.store + " store");
            Cgroups.sweep();
            var anchor = Anchor.start(Anchor.ALL, root.file("usr/bin/docker-init"), "--", "cat");
            var engine = new Engine(spec, version, root, anchor);
            try {
                engine.boot(progress);
                return engine;
            } catch (Throwable e) {
                engine.close();
                throw e;
            }
        } catch (IOException | UncheckedIOException e) {
            throw Failure.noEngine("cannot set up the engine: " + e);
        } finally {
            progress.done();
        }
    }

    private static void requireLinuxRoot() throws Failure, IOException {
        boolean linux = System.getProperty("os.name").equals("Linux");
        if (!linux || !Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
            throw Failure.noEngine("a throwaway engine needs "
                    + (linux ? "root: use sudo" : "Debian or Ubuntu, and root") + Tools.OTHERWISE);
        }
    }

    /** A running engine. Whoever started it closes it; it ends with the JVM at the latest. */
    static final class Engine implements AutoCloseable {
        private static final Duration READY = Duration.ofSeconds(60);
        private static final Duration GRACE = Duration.ofSeconds(10);
        /** What slirp4netns offers inside; fixed in it. */
        private static final String NAMESERVER = "10.0.2.3";
        private static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");
        private static final String DISK = "disk-";
        /** In the engine's root, and so on its disk. */
        private static final String LOG = "/var/log/dockerd.log";

        private final Spec spec;
        private final String version;
        private final Root root;
        private final Anchor anchor;
        /** Never used again, unlike the process number in the same path: a stale path never leads to another engine. */
        private final String id = Long.toHexString(new SecureRandom().nextLong());
        /** Our folder, on a tmpfs of the mount namespace; the same path in the engine's root. */
        private final String folder = "/run/" + id;
        private final String rootfs = folder + "/root";
        /** The nsenter processes of what runs inside, which are outside: they end just after it. */
        private final List<Process> entrances = new CopyOnWriteArrayList<>();
        private Process nsenter;
        private ProcessHandle command;
        private final AtExit atExit = new AtExit(this::end);

        private Engine(Spec spec, String version, Root root, Anchor anchor) {
            this.spec = spec;
            this.version = version;
            this.root = root;
            this.anchor = anchor;
        }

        Spec spec() {
            return spec;
        }

        /** The full version, as in 26.1.5. */
        String version() {
            return version;
        }

        /** What to add to a process's environment for it to talk to this engine. Root only: others cannot reach it. */
        Map<String, String> environment() {
            return environment(anchor.pid);
        }

        /** The client that matches. */
        Path docker() {
            return file("client/bin/docker");
        }

        /** What dockerd has printed. */
        String log() {
            try {
                return Files.readString(inside(LOG));
            } catch (IOException e) {
                return "(no log: " + e + ")";
            }
        }

        /** @param anchorPid as the process that gets the environment sees it */
        private Map<String, String> environment(long anchorPid) {
            var ours = "/proc/" + anchorPid + "/root" + folder;
            var environment = new LinkedHashMap<String, String>();
            // These would overrule DOCKER_HOST, or belong to another engine. The client takes empty for unset.
            Stream.of("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
                    "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_HOST").filter(name -> System.getenv(name) != null)
                    .forEach(name -> environment.put(name, ""));
            environment.put("DOCKER_HOST", "unix://" + ours + "/docker.sock");
            environment.put("DOCKER_CONFIG", ours + "/client/config");
            environment.put("PATH", ours + "/client/bin:" + Tools.PATH);
            return environment;
        }

        /**
         * Runs a command in our terminal and process group, so that Ctrl-C reaches it as if started directly, but in
         * the engine's PID namespace, so that it and all that it starts end with the engine at the latest.
         *
         * @return its exit status; 128 + N if signal N killed it
         */
        int run(List<String> arguments, Network network) throws Failure, InterruptedException {
            try {
                var line = machineView(network).enter(List.of("--pid", "--net", "--mount", "--wd"), arguments);
                var builder = new ProcessBuilder(line).inheritIO(); // zt-exec would put pipes before the terminal
                builder.environment().putAll(environment(1));
                startCommand(builder);
            } catch (IOException e) {
                throw Failure.noEngine("cannot run " + arguments.get(0) + ": " + e.getMessage());
            }
            return nsenter.waitFor();
        }

        /** The machine as the command sees it: its files and our folder, with a /proc and a name server that fit. */
        private Anchor machineView(Network network) throws Failure, IOException, InterruptedException {
            var shared = network == Network.ENGINE ? List.of("--pid", "--net") : List.of("--pid");
            var view = anchor.within(shared, "--mount", "--mount-proc");
            entrances.add(view.process);
            if (network == Network.ENGINE && Files.exists(RESOLV_CONF)) {
                // A mount can only come from the same namespace, so the file is in there, for a moment at /mnt.
                enter(view, "mount", "-t", "tmpfs", "tmpfs", "/mnt");
                Files.write(Path.of("/proc/" + view.pid + "/root/mnt/resolv.conf"), resolvConf());
                enter(view, "mount", "--bind", "/mnt/resolv.conf", RESOLV_CONF.toString());
                enter(view, "umount", "/mnt");
            }
            return view;
        }

        /** The machine's, but with slirp4netns as name server: the machine's may be one on its localhost. */
        private static List<String> resolvConf() throws IOException {
            var others = Files.exists(RESOLV_CONF) ? Files.readAllLines(RESOLV_CONF) : List.<String>of();
            return Stream.concat(others.stream().filter(line -> line.matches("\\s*(search|options|domain)\\b.*")),
                    Stream.of("nameserver " + NAMESERVER)).toList();
        }

        /** Not while {@link #endCommand} looks whether there is one. */
        private synchronized void startCommand(ProcessBuilder builder) throws IOException, InterruptedException {
            nsenter = start(builder);
            while (nsenter.isAlive() && command == null) {
                command = Tools.child(nsenter).orElse(null);
                Thread.sleep(1);
            }
        }

        /** Ends the engine with all that is in it, and returns when it is gone. */
        @Override
        public void close() {
            atExit.close();
        }

        private void end() {
            endCommand();
            anchor.close();
            entrances.forEach(entrance -> ended(entrance.toHandle(), GRACE));
            Cgroups.remove(cgroup());
        }

        /** If the command still runs, because we are told to end: lets it end in its own way. */
        private synchronized void endCommand() {
            if (command == null || !command.isAlive()) {
                return;
            }
            // nsenter, which waits for it, does not survive a signal: if it is gone, the whole group got one, as from
            // Ctrl-C, and the command is at it already. Else only we got it.
            if (!ended(nsenter.toHandle(), Duration.ofMillis(200)) || !ended(command, GRACE)) {
                command.destroy();
                ended(command, GRACE);
            }
        }

        /** Waits for that; false if it takes longer. */
        private static boolean ended(ProcessHandle process, Duration limit) {
            try {
                process.onExit().get(limit.toMillis(), TimeUnit.MILLISECONDS);
                return true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // what follows does not wait either
            } catch (ExecutionException | TimeoutException e) {
                // not yet
            }
            return false;
        }

        // -- how it comes up: everything is a command in the namespaces, or a file on a file system that ends with them

        private void boot(Progress progress) throws Failure, IOException, InterruptedException {
            enter("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run");
            for (var name : List.of("base", "disk", "root", "client/bin", "client/config/cli-plugins")) {
                Files.createDirectories(file(name));
            }
            mountDisk(progress);
            mountRoot();
            pivot();
            writeClient();
            enter("busybox", "ip", "link", "set", "lo", "up");
            var slirp = startSlirp();
            awaitReady(startDockerd());
            Tools.run(environment(), Tools.SHORT, List.of(docker().toString(), "import", "--change", "CMD [\"sh\"]",
                    root.busyboxTar().toString(), "busybox:latest"));
            awaitNetwork(slirp, progress);
        }

        /**
         * The disk: an ext4 in a sparse file that loses its name before anything is in it; the loop device lets go of
         * it with the last mount. Docker's overlays do not work on another overlay, and a folder would have to be
         * deleted.
         */
        private void mountDisk(Progress progress) throws Failure, IOException, InterruptedException {
            removeAbandonedDisks();
            var path = Files.createTempFile(Root.engines(), DISK, ".img");
            try (var file = new RandomAccessFile(path.toFile(), "rw")) {
                Files.delete(path);
                file.setLength(spec.disk * 1_000_000L);
                var open = Tools.openFile(path);
                // Nothing on it survives the engine, so it need not survive a crash: no journal, no barriers.
                Tools.run(Map.of(), Tools.SHORT, root.program("usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0",
                        "-O", "^has_journal", "-E", "lazy_itable_init=1", open));
                enter("mount", "--no-canonicalize", "-t", "ext4", "-o", "loop,noatime,nobarrier", open,
                        folder + "/disk");
            } catch (Failure e) {
                progress.notice("the engine's disk is in memory: " + e.getMessage());
                enter("mount", "-t", "tmpfs", "-o", "size=" + spec.disk + "m", "tmpfs", folder + "/disk");
            }
            for (var name : List.of("upper", "work", "docker")) {
                Files.createDirectory(file("disk/" + name));
            }
        }

        /** Those of starts that were killed in the instant before their file lost its name; they are empty. */
        private static void removeAbandonedDisks() throws IOException {
            for (var file : Tools.list(Root.engines(), DISK).toList()) {
                try {
                    if (Files.getLastModifiedTime(file).toInstant().isBefore(Instant.now().minusSeconds(60))) {
                        Files.delete(file);
                    }
                } catch (NoSuchFileException e) {
                    // its owner did
                }
            }
        }

        /** The engine's root: the unpacked packages, which nobody writes to, below a layer on the disk. */
        private void mountRoot() throws Failure, IOException, InterruptedException {
            // Under a name of ours, because the cache's path may contain what overlay's options cannot.
            enter("mount", "--bind", root.folder.toString(), folder + "/base");
            enter("mount", "-t", "overlay", "-o", "lowerdir=%1$s/base,upperdir=%1$s/disk/upper,workdir=%1$s/disk/work"
                    .formatted(folder), "overlay", rootfs);
            enter("mount", "-t", "proc", "proc", rootfs + "/proc");
            enter("mount", "-t", "sysfs", "sysfs", rootfs + "/sys"); // a new one shows this network namespace
            enter("mount", "--rbind", "/sys/fs/cgroup", rootfs + "/sys/fs/cgroup");
            enter("mount", "--rbind", "/dev", rootfs + "/dev");
            enter("mount", "--bind", "/run", rootfs + "/run");
            Files.createDirectories(file("root/var/lib/docker"));
            enter("mount", "--bind", folder + "/disk/docker", rootfs + "/var/lib/docker");
            for (var visible : visibleFolders()) {
                Files.createDirectories(file("root" + visible));
                enter("mount", "--rbind", visible, rootfs + visible);
            }
            var resolvConf = file("root/etc/resolv.conf");
            Files.deleteIfExists(resolvConf); // it may be a link
            Files.write(resolvConf, resolvConf());
        }

        /**
         * Makes the engine's root that of the namespace, and the machine's unreachable in it. A chroot is not enough:
         * `docker exec` and health checks enter a container's mount namespace by setns(2), and its root would still be
         * the machine's.
         */
        private void pivot() throws Failure, InterruptedException {
            var old = "/mnt";
            enter(rootfs + "/usr/bin/busybox", "pivot_root", rootfs, rootfs + old);
            enter("busybox", "umount", "-l", old);
        }

        /** The user's home and the current folder, by all their names; not those that the engine has of its own. */
        private List<String> visibleFolders() {
            return Stream.of(Tools.home(), System.getenv().getOrDefault("PWD", ""), System.getProperty("user.dir"))
                    .map(name -> Path.of("/").resolve(name).normalize()).filter(Files::isDirectory)
                    .map(Path::toString).distinct()
                    .filter(name -> name.matches("/(home|root|srv|opt|mnt|media|tmp)")
                        || !Files.exists(root.folder.resolve(name.substring(1)))
                        && !name.matches("/(proc|sys|dev|run|var/run|var/lib/docker)(/.*)?")).toList();
        }

        private void writeClient() throws IOException {
            Files.writeString(file("client/config/config.json"), "{}\n");
            writeScript(docker(), root.program("usr/bin/docker"));
            if (Files.exists(Path.of(root.file(Root.BUILDX)))) {
                writeScript(file("client/config/cli-plugins/docker-buildx"), root.program(Root.BUILDX));
            }
        }

        private static void writeScript(Path script, List<String> line) throws IOException {
            var quoted = line.stream().map(word -> "'" + word.replace("'", "'\\''") + "' ")
                    .collect(Collectors.joining());
            Files.writeString(script, "#!/bin/sh\nexec " + quoted + "\"$@\"\n");
            Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        }

        /**
         * The way out: user-mode networking by a process that stays in the machine's network, and so needs no device,
         * address or rule there.
         */
        private Process startSlirp() throws IOException {
            var slirp = root.program("usr/bin/slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback",
                    "--netns-type=path", "/proc/" + anchor.pid + "/ns/net", "tap0");
            return start(daemon(file("slirp.log"), anchor.enter(List.of("--pid"), slirp)));
        }

        private void awaitNetwork(Process slirp, Progress progress) throws IOException, InterruptedException {
            var deadline = Instant.now().plusSeconds(5);
            while (!Files.readString(Path.of("/proc/" + anchor.pid + "/net/route")).contains("tap0\t00000000")) {
                if (!slirp.isAlive() || Instant.now().isAfter(deadline)) {
                    progress.notice("the engine has no network: "
                            + Tools.lastLines(Files.readString(file("slirp.log")), 1));
                    return;
                }
                Thread.sleep(20);
            }
        }

        private Process startDockerd() throws IOException {
            Files.writeString(file("daemon.json"), """
                    {"hosts": ["unix://%s/docker.sock"], "features": {"containerd-snapshotter": %s},
                     "cgroup-parent": "/%s", "dns": ["%s"]}
                    """.formatted(folder, spec.store == Store.CONTAINERD, cgroup(), NAMESERVER));
            // Inside, also at the usual place, for containers that mount it.
            Files.createSymbolicLink(file("../docker.sock"), Path.of(id, "docker.sock"));
            var dockerd = daemon(inside(LOG), anchor.enter(Anchor.ALL, List.of("/usr/sbin/dockerd",
                    "--config-file", folder + "/daemon.json")));
            dockerd.environment().keySet().removeIf(name -> !name.matches("(?i)(https?|no|all)_proxy"));
            dockerd.environment().putAll(Map.of("PATH", Tools.SYSTEM_PATH, "HOME", "/", "TMPDIR", "/var/tmp"));
            return start(dockerd);
        }

        private Process start(ProcessBuilder entrance) throws IOException {
            var process = entrance.start();
            entrances.add(process);
            return process;
        }

        /** In a session of its own, so that a Ctrl-C does not end it before the command that uses it. */
        private ProcessBuilder daemon(Path log, List<String> line) {
            line.add(0, "setsid");
            return new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile());
        }

        private void awaitReady(Process dockerd) throws Failure, InterruptedException {
            var deadline = Instant.now().plus(READY);
            while (!answers()) {
                if (!dockerd.isAlive() || Instant.now().isAfter(deadline)) {
                    var what = dockerd.isAlive() ? "does not answer after " + READY.toSeconds() + " s"
                            : "ended with status " + dockerd.exitValue();
                    throw Failure.noEngine("dockerd " + what + "; its last lines:\n" + Tools.lastLines(log(), 10));
                }
                Thread.sleep(20);
            }
        }

        private boolean answers() {
            try (var socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                socket.connect(UnixDomainSocketAddress.of(file("docker.sock")));
                socket.write(ByteBuffer.wrap("GET /_ping HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
                var answer = ByteBuffer.allocate(12);
                while (answer.hasRemaining() && socket.read(answer) >= 0) { }
                return new String(answer.array(), StandardCharsets.US_ASCII).endsWith(" 200");
            } catch (IOException e) {
                return false; // not yet
            }
        }

        private void enter(String... line) throws Failure, InterruptedException {
            Tools.run(Map.of(), Tools.SHORT, anchor.enter(Anchor.ALL, List.of(line)));
        }

        private static void enter(Anchor view, String... line) throws Failure, InterruptedException {
            Tools.run(Map.of(), Tools.SHORT, view.enter(List.of("--mount"), List.of(line)));
        }

        /** A file in our folder, as this machine reaches it. */
        private Path file(String name) {
            return inside(folder + "/" + name);
        }

        private Path inside(String path) {
            return Path.of("/proc/" + anchor.pid + "/root" + path);
        }

        private String cgroup() {
            return Cgroups.PREFIX + anchor.pid + "-" + id;
        }
    }

    // ---- details --------------------------------------------------------------------------------------------------

    /**
     * Namespaces that live as long as a pipe of this JVM is open: their PID 1 is, or waits for, a `cat` that reads it.
     * When PID 1 ends, the kernel kills whatever else is in there, and what only that used goes too. In a session of
     * its own, so that no Ctrl-C reaches it.
     */
    static final class Anchor implements AutoCloseable {
        static final List<String> ALL = List.of("--mount", "--pid", "--net", "--ipc", "--uts");

        /** Ends after all that is in there. */
        final Process process;
        /** PID 1 of the namespaces, as this machine counts. */
        final long pid;

        private Anchor(Process process) {
            this.process = process;
            this.pid = Tools.child(process).orElseThrow().pid();
        }

        /** @param init the command line of PID 1 */
        static Anchor start(List<String> namespaces, String... init) throws Failure {
            return hold(unshare(Stream.concat(Stream.of("--fork", "--kill-child"), namespaces.stream()), init));
        }

        /** Namespaces in which all is as on the machine, but for those that they share with these or have anew. */
        Anchor within(List<String> shared, String... namespaces) throws Failure {
            return hold(enter(shared, unshare(Stream.of(namespaces), "cat")));
        }

        private static List<String> unshare(Stream<String> options, String... line) {
            return Stream.of(Stream.of("unshare", "--propagation", "slave"), options, Stream.of("--"), Stream.of(line))
                    .flatMap(words -> words).toList();
        }

        private static Anchor hold(List<String> line) throws Failure {
            try {
                var words = Stream.concat(Stream.of("setsid"), line.stream()).toList();
                var process = new ProcessBuilder(words).start(); // zt-exec cannot hold a stdin open
                // The echo says that unshare is done; before that, a mount in there could still reach the machine.
                if (echoes(process)) {
                    return new Anchor(process);
                }
                throw Failure.noEngine("cannot make namespaces; in a container, that takes a privileged one: "
                        + new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip());
            } catch (IOException e) {
                throw Failure.noEngine("cannot make namespaces: " + e.getMessage());
            }
        }

        private static boolean echoes(Process process) {
            try {
                process.getOutputStream().write('\n');
                process.getOutputStream().flush();
                return process.getInputStream().read() == '\n';
            } catch (IOException e) {
                return false; // it has ended
            }
        }

        /** The command line that runs a command in some of these namespaces. */
        List<String> enter(List<String> namespaces, List<String> line) {
            var entered = new ArrayList<>(List.of("nsenter", "--target", Long.toString(pid)));
            entered.addAll(namespaces);
            entered.add("--");
            entered.addAll(line);
            return entered;
        }

        /** Ends all that is in there, and waits for that. */
        @Override
        public void close() {
            try {
                process.getOutputStream().close();
            } catch (IOException e) {
                // it has ended before
            }
            try {
                if (process.waitFor(20, TimeUnit.SECONDS)) {
                    return;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            process.destroyForcibly();
        }
    }

    /** The Debian packages of a Docker version, unpacked in the cache. Engines share it and never write to it. */
    static final class Root {
        static final String BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx";
        /** To be raised when what this file makes of the packages changes. */
        private static final int FORMAT = 1;

        private final Path home;
        final Path folder;

        private Root(Path home) {
            this.home = home;
            this.folder = home.resolve("root");
        }

        /** Where they all are. */
        static Path engines() {
            var xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
            var cache = xdg.startsWith("/") ? Path.of(xdg) : Path.of(Tools.home(), ".cache");
            return cache.resolve("ensure_image/engines");
        }

        /** From the cache, or unpacked now, by one process while others wait. What has its final name is complete. */
        static Root unpacked(Release release, Progress progress) throws Failure, IOException, InterruptedException {
            var name = release.suite + "-" + System.getProperty("os.arch") + "-" + FORMAT;
            var home = Files.createDirectories(engines()).resolve(name);
            synchronized (Root.class) { // a FileLock is the whole JVM's
                try (var lock = FileChannel.open(engines().resolve(name + ".lock"), StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
                    if (!Files.exists(home) && lock.tryLock() == null) {
                        progress.step("waiting for another process that unpacks Docker " + release);
                        lock.lock();
                    }
                    if (!Files.exists(home)) {
                        unpack(release, home, progress);
                    }
                }
            }
            return new Root(home);
        }

        private static void unpack(Release release, Path home, Progress progress)
                throws Failure, IOException, InterruptedException {
            Tools.require("mmdebstrap", progress);
            var prefix = home.getFileName() + ".unpacking-";
            Tools.list(engines(), prefix).forEach(Root::delete); // their owners are dead: we have the lock
            var root = new Root(Files.createTempDirectory(engines(), prefix));
            var anchor = Anchor.start(List.of("--mount", "--pid"), "cat");
            var atExit = new AtExit(() -> {
                anchor.close();
                delete(root.home);
            });
            try (atExit) {
                var tmp = Files.createDirectory(root.home.resolve("tmp"));
                root.unpackPackages(release, anchor, progress);
                root.makeBusybox(tmp);
                var version = Tools.run(Map.of(), Tools.SHORT, root.program("usr/sbin/dockerd", "--version"));
                Files.writeString(root.home.resolve("version"), version.replaceFirst("(?s)\\D*([\\d.]+).*", "$1"));
                delete(tmp);
                Tools.run(Map.of(), Tools.LONG, List.of("sync", "--file-system", root.home.toString()));
                Files.move(root.home, home, StandardCopyOption.ATOMIC_MOVE);
            }
        }

        /** In namespaces of its own, so that its processes and mounts, too, end with us. */
        private void unpackPackages(Release release, Anchor anchor, Progress progress)
                throws Failure, InterruptedException {
            var what = "unpacking Docker " + release + " (Debian " + release.suite + "), once";
            progress.step(what);
            var line = anchor.enter(List.of("--mount", "--pid"), List.of("mmdebstrap", "--mode=root",
                    "--variant=essential", "--include=" + release.packages(),
                    "--aptopt=APT::Install-Recommends \"false\""));
            if (release == Release.DOCKER_28_5) {
                line.add("--aptopt=Acquire::Check-Valid-Until \"false\""); // a mirror of testing may lag behind
            }
            line.addAll(List.of(release.suite, folder.toString()));
            line.add(0, "setsid"); // a Ctrl-C is ours to handle
            var environment = Map.of("TMPDIR", home.resolve("tmp").toString(), "LC_ALL", "C.UTF-8");
            var telling = Pattern.compile("I: ((downloading|extracting|installing) .*?)\\.*");
            Tools.run(environment, Tools.LONG, line, output -> {
                var step = telling.matcher(output);
                if (step.matches()) {
                    progress.step(what + ": " + step.group(1));
                }
            });
        }

        /** A base image that needs no registry: the static busybox, with a link for each of its applets. */
        private void makeBusybox(Path tmp) throws Failure, IOException, InterruptedException {
            var image = tmp.resolve("busybox");
            for (var name : List.of("bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "tmp", "usr/bin",
                    "usr/sbin", "var/tmp")) {
                Files.createDirectories(image.resolve(name));
            }
            for (var name : List.of("tmp", "var/tmp")) {
                Files.setAttribute(image.resolve(name), "unix:mode", 01777);
            }
            var busybox = Path.of(file("usr/bin/busybox"));
            Files.copy(busybox, image.resolve("bin/busybox"), StandardCopyOption.COPY_ATTRIBUTES);
            var applets = Tools.run(Map.of(), Tools.SHORT, List.of(busybox.toString(), "--list-full"));
            for (var applet : applets.split("\n")) {
                var link = image.resolve(applet);
                if (!Files.exists(link)) {
                    Files.createDirectories(link.getParent());
                    Files.createSymbolicLink(link, Path.of("/bin/busybox"));
                }
            }
            Files.writeString(image.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n"
                    + "nobody:x:65534:65534:nobody:/:/bin/false\n");
            Files.writeString(image.resolve("etc/group"), "root:x:0:\nnogroup:x:65534:\n");
            Tools.run(Map.of(), Tools.SHORT, List.of("tar", "-C", image.toString(), "--sort=name", "-cf",
                    busyboxTar().toString(), "."));
        }

        /** Never across a mount: there is none, and if there ever were, what is behind it would not be ours. */
        private static void delete(Path tree) {
            try {
                Tools.run(Map.of(), Tools.LONG, List.of("rm", "-rf", "--one-file-system", tree.toString()));
            } catch (Failure e) {
                // the next unpacking tries again
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        String version() throws IOException {
            return Files.readString(home.resolve("version"));
        }

        Path busyboxTar() {
            return home.resolve("busybox.tar");
        }

        String file(String name) {
            return folder.resolve(name).toString();
        }

        /** The command line that runs one of its programs on this machine, with the libraries that it was built for. */
        List<String> program(String name, String... arguments) throws IOException {
            try (var libraries = Files.find(folder.resolve("usr/lib"), 2,
                    (path, attributes) -> path.toString().matches(".*-linux-gnu[^/]*/ld-linux[^/]*"))) {
                var loader = libraries.findFirst().orElseThrow(() -> new IOException("no loader in " + folder));
                var line = new ArrayList<>(List.of(loader.toString(), "--library-path", loader.getParent().toString(),
                        "--argv0", Path.of(name).getFileName().toString(), file(name)));
                line.addAll(List.of(arguments));
                return line;
            }
        }
    }

    /**
     * The one thing that the kernel keeps: a cgroup's directory stays when its last process ends. So an engine has one
     * of its own, named after its anchor. It is removed at the engine's end, or else at the next start of any.
     */
    private static final class Cgroups {
        static final String PREFIX = "with_docker-";

        /** Removes those of engines that are gone. The kernel refuses if a process is in it. */
        static void sweep() {
            find(PREFIX).forEach(directory -> {
                var name = directory.getFileName().toString().split("-");
                if (name.length != 3 || !Files.exists(Path.of("/proc", name[1], "root/run", name[2]))) {
                    removeTree(directory);
                }
            });
        }

        static void remove(String name) {
            find(name).forEach(Cgroups::removeTree);
        }

        /** At the top of the one tree of cgroup v2, or of the many of v1. */
        private static List<Path> find(String prefix) {
            var top = Path.of("/sys/fs/cgroup");
            return Stream.concat(Stream.of(top), Tools.list(top, "")).flatMap(folder -> Tools.list(folder, prefix))
                    .toList();
        }

        private static void removeTree(Path directory) {
            try (var tree = Files.find(directory, 20, (path, attributes) -> attributes.isDirectory())) {
                for (var path : tree.sorted(Comparator.reverseOrder()).toList()) {
                    Files.deleteIfExists(path);
                }
            } catch (IOException | UncheckedIOException e) {
                // in use, or removed by another start meanwhile
            }
        }
    }

    /** Something to be done once: when closed, or when the JVM is told to end before that. */
    static final class AtExit implements AutoCloseable {
        /** The JVM is being ended; what fails meanwhile fails because of that. */
        static volatile boolean running;

        private final Runnable action;
        private final Thread hook = new Thread(() -> {
            running = true;
            runOnce();
        });
        private boolean done;

        AtExit(Runnable action) {
            this.action = action;
            Runtime.getRuntime().addShutdownHook(hook);
        }

        private synchronized void runOnce() {
            if (!done) {
                done = true;
                action.run();
            }
        }

        @Override
        public void close() {
            runOnce();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // it runs already, and finds nothing to do
            }
        }
    }

    /** Small things around processes and files. */
    private static final class Tools {
        static final String SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        /** The user's, and what a user's may lack. */
        static final String PATH = System.getenv().getOrDefault("PATH", "") + ":" + SYSTEM_PATH;
        static final String OTHERWISE = "; or run the command without with_docker, on an engine that you have";
        private static final int LINE = 300;
        static final Duration SHORT = Duration.ofMinutes(1);
        static final Duration LONG = Duration.ofMinutes(20);

        static String run(Map<String, String> environment, Duration timeout, List<String> line)
                throws Failure, InterruptedException {
            return run(environment, timeout, line, output -> { });
        }

        /** Runs a command to its end and returns its output. What it prints on failure is in the exception. */
        static String run(Map<String, String> environment, Duration timeout, List<String> line, Consumer<String> lines)
                throws Failure, InterruptedException {
            var name = Path.of(line.get(line.indexOf("--") + 1)).getFileName(); // not nsenter, if it is that
            try {
                var executor = new ProcessExecutor(line).environment("PATH", PATH).environment(environment)
                        .readOutput(true).redirectOutputAlsoTo(new LogOutputStream() {
                            @Override
                            protected void processLine(String output) {
                                lines.accept(output);
                            }
                        });
                var result = executor.timeout(timeout.toSeconds(), TimeUnit.SECONDS)
                        .closeTimeout(5, TimeUnit.SECONDS).execute();
                if (result.getExitValue() != 0) {
                    throw Failure.noEngine(name + " failed with status " + result.getExitValue() + ": "
                            + lastLines(result.outputUTF8(), 5));
                }
                return result.outputUTF8();
            } catch (TimeoutException e) {
                throw Failure.noEngine(name + " did not end within " + timeout.toSeconds() + " s");
            } catch (IOException e) {
                throw Failure.noEngine("cannot run " + name + ": " + e.getMessage());
            }
        }

        /** Installs a Debian package, if the program of that name is not there. */
        static void require(String program, Progress progress) throws Failure, InterruptedException {
            if (find(program) != null) {
                return;
            }
            if (find("apt-get") == null) {
                throw Failure.noEngine(program + " is missing and there is no apt-get to install it: run this on Debian"
                        + " or Ubuntu" + OTHERWISE);
            }
            progress.step("installing " + program);
            for (var action : List.of(List.of("update"),
                    List.of("install", "--yes", "--no-install-recommends", program, "debian-archive-keyring"))) {
                var line = new ArrayList<>(List.of("apt-get", "-o", "DPkg::Lock::Timeout=300"));
                line.addAll(action);
                run(Map.of("DEBIAN_FRONTEND", "noninteractive"), LONG, line);
            }
        }

        static Path find(String program) {
            return Stream.of(PATH.split(":")).map(folder -> Path.of(folder, program))
                    .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file)).findFirst().orElse(null);
        }

        static String home() {
            return System.getenv().getOrDefault("HOME", System.getProperty("user.home"));
        }

        /** A file that this JVM has open and has deleted, as other processes reach it. */
        static String openFile(Path deleted) throws IOException {
            return list(Path.of("/proc/self/fd"), "").filter(descriptor -> {
                try {
                    return Files.readSymbolicLink(descriptor).toString().equals(deleted + " (deleted)");
                } catch (IOException e) {
                    return false; // closed meanwhile
                }
            }).findFirst().orElseThrow(() -> new IOException("not open: " + deleted)).toString()
                    .replace("self", Long.toString(ProcessHandle.current().pid()));
        }

        /** The only child of a process. At once, while {@link ProcessHandle#children} goes through all processes. */
        static Optional<ProcessHandle> child(Process parent) {
            try {
                var child = Files.readString(Path.of("/proc/%1$d/task/%1$d/children".formatted(parent.pid()))).strip();
                return child.isEmpty() ? Optional.empty() : ProcessHandle.of(Long.parseLong(child));
            } catch (IOException e) {
                return parent.children().findFirst(); // this kernel does not have that file
            }
        }

        /** What is in a folder under names that begin so; nothing, if it cannot be read. */
        static Stream<Path> list(Path folder, String prefix) {
            try (var children = Files.list(folder)) {
                return children.filter(path -> path.getFileName().toString().startsWith(prefix)).toList().stream();
            } catch (IOException | UncheckedIOException e) {
                return Stream.of();
            }
        }

        static String lastLines(String text, int count) {
            var lines = text.lines().filter(line -> !line.isBlank())
                    .map(line -> line.length() <= LINE ? line : line.substring(0, LINE) + "...").toList();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - count), lines.size()));
        }
    }

    /** One live line on a terminal, a line a step elsewhere; on stderr, because stdout is COMMAND's. */
    static final class Console implements Progress {
        private static final String ERASE = "\r\033[K";

        private final PrintWriter err;
        private final boolean live = isTerminal();
        private final Instant since = Instant.now();
        private String step;

        Console(PrintWriter err) {
            this.err = err;
            if (live) {
                var clock = new Thread(this::tick);
                clock.setDaemon(true);
                clock.start();
            }
        }

        private static boolean isTerminal() {
            try {
                var stderr = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
                return stderr.matches("/dev/(pts/|tty|console).*");
            } catch (IOException e) {
                return false;
            }
        }

        @Override
        public synchronized void step(String what) {
            step = what;
            if (live) {
                draw();
            } else {
                notice(what);
            }
        }

        @Override
        public synchronized void notice(String what) {
            err.println((live ? ERASE : "") + "with_docker: " + what);
            err.flush();
        }

        @Override
        public synchronized void done() {
            step = null;
            if (live) {
                err.print(ERASE);
                err.flush();
            }
        }

        private synchronized void draw() {
            if (step != null) {
                err.print(ERASE + step + ", " + Duration.between(since, Instant.now()).toSeconds() + " s");
                err.flush();
            }
        }

        private void tick() {
            try {
                while (true) {
                    Thread.sleep(1000);
                    draw();
                }
            } catch (InterruptedException e) {
                // nobody does
            }
        }
    }
}
