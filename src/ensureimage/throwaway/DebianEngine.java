// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An engine from Debian's packages, for root on Linux.
 *
 * <p>The rule it keeps: <b>an engine consists only of what the kernel takes down by itself</b>. Its processes are in one
 * PID namespace, its mounts and its socket in one mount namespace, its bridge, addresses and iptables rules in one
 * network namespace, its disk in a file that no longer has a name. All of them hang on one process of
 * {@link Namespaces}, which reads a pipe that only this JVM holds. However the JVM ends, the pipe ends, and the kernel
 * does the rest. The one exception is empty directories, see {@link Cgroups}.
 */
final class DebianEngine extends ThrowawayEngine {

    /** In the engine's root, and so on its disk. */
    private static final String LOG = "/var/log/dockerd.log";
    /** How long the other way of a connection stays open when one is at its end, in seconds. */
    private static final String HALF_OPEN = "600";
    /** 127.0.0.1, as /proc/net/tcp has it. */
    private static final String LOCALHOST = "0100007F";

    private final DebianRoot root;
    private final String version;
    private final Namespaces namespaces;
    /** Never used again, unlike the process number in the same path: a stale path never leads to another engine. */
    private final String id = Long.toHexString(new SecureRandom().nextLong());
    /** The engine's folder, on a tmpfs of the mount namespace; the same path in the engine's root. */
    private final String folder = "/run/" + id;
    private final String cgroup;
    /** The nsenter processes of what runs inside, which are outside: they end just after it. */
    private final List<Process> entrances = new CopyOnWriteArrayList<>();
    private final Set<Integer> reached = ConcurrentHashMap.newKeySet();
    private Optional<ThrowawayRegistry> registry = Optional.empty();

    private DebianEngine(EngineSpec spec, Machine machine, DebianRoot root, String version, Namespaces namespaces) {
        super(spec, machine);
        this.root = root;
        this.version = version;
        this.namespaces = namespaces;
        this.cgroup = Cgroups.name(namespaces.pid(), id);
    }

    /** An engine that is still to be booted. */
    static DebianEngine prepare(EngineSpec spec, Machine machine, Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        requireLinuxRoot();
        var release = DebianRelease.find(spec.version());
        var root = DebianRoot.provide(release, machine, progress);
        var version = root.version();
        if (!version.startsWith(release + ".")) {
            progress.notice("Debian " + release.suite() + " has moved on: this is Docker " + version + ", not "
                    + release);
        }
        progress.step("starting Docker " + version + ", " + spec.store() + " store");
        Cgroups.sweep();
        var namespaces = Namespaces.open(Namespaces.ALL, root.file("usr/bin/docker-init"), "--", "cat");
        return new DebianEngine(spec, machine, root, version, namespaces);
    }

    static void requireLinuxRoot() throws EngineUnavailable, IOException {
        if (!Machine.isLinux()) {
            throw new EngineUnavailable(EngineUnavailable.Reason.NOT_LINUX,
                    "a throwaway engine needs Debian or Ubuntu, and root");
        }
        if (!Machine.isRoot()) {
            throw new EngineUnavailable(EngineUnavailable.Reason.NOT_ROOT, "a throwaway engine needs root");
        }
    }

    @Override
    public String version() {
        return version;
    }

    /** Root only: others cannot reach it. */
    @Override
    public Map<String, String> environment() {
        return environment(namespaces.pid());
    }

    /** @param pid of PID 1 of the namespaces, as the process that gets the environment sees it */
    private Map<String, String> environment(long pid) {
        var ours = "/proc/" + pid + "/root" + folder;
        var environment = clientEnvironment(ours);
        environment.put("PATH", ours + "/client/bin:" + machine.path());
        registry.ifPresent(beside -> environment.put(ThrowawayRegistry.VARIABLE, beside.address()));
        return environment;
    }

    @Override
    public Path docker() {
        return file("client/bin/docker");
    }

    @Override
    public Path logFile() {
        return namespaces.path(LOG);
    }

    // ---- the command ----------------------------------------------------------------------------------------------

    /** In the engine's PID namespace, so that the command and all that it starts end with the engine at the latest. */
    @Override
    Process launch(List<String> command, Network network)
            throws EngineUnavailable, IOException, InterruptedException {
        var line = openView(network).entrance(List.of("--pid", "--net", "--mount", "--wd"), command);
        return start(ofUser(line, environment(1)));
    }

    /** Behind its nsenter. */
    @Override
    Optional<ProcessHandle> command(Process launched) {
        return Machine.child(launched);
    }

    /** The machine as the command sees it: its files and our folder, with a /proc and a name server that fit. */
    private Namespaces openView(Network network) throws EngineUnavailable, IOException, InterruptedException {
        var shared = network == Network.ENGINE ? List.of("--pid", "--net") : List.of("--pid");
        var view = namespaces.openView(shared, "--mount", "--mount-proc");
        entrances.add(view.process());
        if (network == Network.ENGINE && Files.exists(DebianMounts.RESOLV_CONF)) {
            // A mount can only come from the same namespace, so the file is in there, for a moment at /mnt.
            enter(view, "mount", "-t", "tmpfs", "tmpfs", "/mnt");
            Files.write(view.path("/mnt/resolv.conf"), DebianMounts.resolvConf());
            enter(view, "mount", "--bind", "/mnt/resolv.conf", DebianMounts.RESOLV_CONF.toString());
            enter(view, "umount", "/mnt");
        }
        return view;
    }

    private void enter(Namespaces view, String... line) throws EngineUnavailable, InterruptedException {
        machine.run(view.entrance(List.of("--mount"), List.of(line)));
    }

    // ---- how it comes up: everything is a command in the namespaces, or a file on a file system that ends with them

    @Override
    void boot(Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        new DebianMounts(machine, root, namespaces, folder).mount(spec.disk(), progress);
        writeClient();
        machine.run(namespaces.entrance(Namespaces.ALL, List.of("busybox", "ip", "link", "set", "lo", "up")));
        var slirp = startSlirp();
        awaitReady(startDockerd(), file("docker.sock"));
        loadBusybox();
        awaitNetwork(slirp, progress);
    }

    private void loadBusybox() throws EngineUnavailable, IOException, InterruptedException {
        runDocker("load", "--quiet", "--input",
                BusyboxArchive.make(root.busyboxTar(), file("busybox"), machine).toString());
    }

    private void writeClient() throws IOException {
        var plugins = Files.createDirectories(file("client/config/cli-plugins"));
        Files.writeString(file("client/config/config.json"), "{}\n");
        Files.createDirectories(docker().getParent());
        writeScript(docker(), root.program("usr/bin/docker"));
        if (Files.exists(Path.of(root.file(DebianRoot.BUILDX)))) {
            writeScript(plugins.resolve("docker-buildx"), root.program(DebianRoot.BUILDX));
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
                "--netns-type=path", "/proc/" + namespaces.pid() + "/ns/net", "tap0");
        return start(daemon(file("slirp.log"), namespaces.entrance(List.of("--pid"), slirp)));
    }

    private void awaitNetwork(Process slirp, Progress progress) throws IOException, InterruptedException {
        var deadline = Instant.now().plusSeconds(5);
        while (!Files.readString(Path.of("/proc/" + namespaces.pid() + "/net/route")).contains("tap0\t00000000")) {
            if (!slirp.isAlive() || Instant.now().isAfter(deadline)) {
                progress.notice("the engine has no network: "
                        + Machine.lastLines(Files.readString(file("slirp.log")).lines(), 1));
                return;
            }
            Thread.sleep(20);
        }
    }

    private Process startDockerd() throws IOException {
        Files.writeString(file("daemon.json"), """
                {"hosts": ["unix://%s/docker.sock"], "features": {"containerd-snapshotter": %s},
                 "cgroup-parent": "/%s", "dns": ["%s"]}
                """.formatted(folder, spec.store() == EngineSpec.Store.CONTAINERD, cgroup, DebianMounts.NAMESERVER));
        // Inside, also at the usual place, for containers that mount it.
        Files.createSymbolicLink(file("../docker.sock"), Path.of(id, "docker.sock"));
        var dockerd = daemon(logFile(), namespaces.entrance(Namespaces.ALL, List.of("/usr/sbin/dockerd",
                "--config-file", folder + "/daemon.json")));
        dockerd.environment().keySet().removeIf(name -> !Machine.isProxy(name));
        dockerd.environment().putAll(Map.of("PATH", Machine.SYSTEM_PATH, "HOME", "/", "TMPDIR", "/var/tmp"));
        return start(dockerd);
    }

    // ---- what it has beside it ------------------------------------------------------------------------------------

    @Override
    void openRegistry(Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        registry = Optional.of(ThrowawayRegistry.start(machine, spec.disk(), progress));
        openReach(registry.get().port(), progress);
    }

    /** Of two network namespaces, each has one end of a socket in the file system. */
    @Override
    void openReach(int port, Progress progress) throws EngineUnavailable, IOException, InterruptedException {
        if (!reached.add(port)) {
            return;
        }
        if (listens("\\w{8}", port)) {
            throw new EngineUnavailable("the engine uses port " + port + " itself");
        }
        var packages = ThrowawayRegistry.packages(machine, progress);
        var socket = file("reach-" + port + ".sock");
        var log = file("reach-" + port + ".log");
        var outside = socat(packages, "UNIX-LISTEN:" + socket + ",fork", "TCP4:127.0.0.1:" + port);
        var inside =
                socat(packages, "TCP4-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr,fork", "UNIX-CONNECT:" + socket);
        var ends = List.of(start(daemon(log, namespaces.entrance(List.of("--pid"), outside))),
                start(daemon(log, namespaces.entrance(List.of("--pid", "--net"), inside))));
        var deadline = Instant.now().plus(GRACE);
        while (!Files.exists(socket) || !listens(LOCALHOST, port)) {
            if (!ends.stream().allMatch(Process::isAlive) || Instant.now().isAfter(deadline)) {
                throw new EngineUnavailable("the engine cannot listen at 127.0.0.1:" + port + ": "
                        + Machine.lastLines(Files.readString(log).lines(), 1));
            }
            Thread.sleep(20);
        }
    }

    private static List<String> socat(Path packages, String from, String to) throws IOException {
        return DebianPackages.program(packages, "usr/bin/socat", "-t", HALF_OPEN, from, to);
    }

    /** Whether anything in the engine's network listens there. */
    private boolean listens(String address, int port) throws IOException {
        return Pattern.compile(": %s:%04X 00000000:0000 0A ".formatted(address, port))
                .matcher(Files.readString(Path.of("/proc/" + namespaces.pid() + "/net/tcp"))).find();
    }

    private Process start(ProcessBuilder entrance) throws IOException {
        var process = entrance.start();
        entrances.add(process);
        return process;
    }

    /** In a session of its own, so that a Ctrl-C does not end it before the command that uses it. */
    private static ProcessBuilder daemon(Path log, List<String> line) {
        line.add(0, "setsid");
        return new ProcessBuilder(line).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    }

    /** A file in the engine's folder, as this machine reaches it. */
    private Path file(String name) {
        return namespaces.path(folder + "/" + name);
    }

    // ---- how it goes down -----------------------------------------------------------------------------------------

    @Override
    void takeDown() {
        registry.ifPresent(ThrowawayRegistry::close);
        namespaces.close();
        for (var entrance : entrances) {
            if (!Machine.awaitEnd(entrance.toHandle(), GRACE)) {
                entrance.destroyForcibly(); // nsenter stops itself with what it started, and then sees no end
            }
        }
        // PID 1 waits for what those had started.
        ProcessHandle.of(namespaces.pid()).ifPresent(init -> Machine.awaitEnd(init, GRACE));
        Cgroups.remove(cgroup);
    }
}
