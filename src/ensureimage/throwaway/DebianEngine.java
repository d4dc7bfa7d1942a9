import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An engine from Debian's packages, for root on Linux.
 *
 * <p>The rule this file keeps: <b>an engine consists only of what the kernel takes down by itself</b>. Its processes
 * are in one PID namespace, its mounts and its socket in one mount namespace, its bridge, addresses and iptables rules
 * in one network namespace, its disk in a file that no longer has a name. All of them hang on one process, the
 * {@link Anchor}, which reads a pipe that only this JVM holds. However the JVM ends, the pipe ends, and the kernel does
 * the rest. The one exception is empty directories, see {@link Cgroups}.
 */
final class DebianEngine extends with_docker.Engine {

    /** What slirp4netns offers inside; fixed in it. */
    private static final String NAMESERVER = "10.0.2.3";
    private static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");
    private static final String DISK = "disk-";
    /** In the engine's root, and so on its disk. */
    private static final String LOG = "/var/log/dockerd.log";

    private final Root root;
    private final String version;
    private final Anchor anchor;
    /** Never used again, unlike the process number in the same path: a stale path never leads to another engine. */
    private final String id = Long.toHexString(new SecureRandom().nextLong());
    /** Our folder, on a tmpfs of the mount namespace; the same path in the engine's root. */
    private final String folder = "/run/" + id;
    private final String rootfs = folder + "/root";
    /** The nsenter processes of what runs inside, which are outside: they end just after it. */
    private final List<Process> entrances = new CopyOnWriteArrayList<>();

    private DebianEngine(with_docker.Spec spec, Root root, String version, Anchor anchor) {
        super(spec);
        this.root = root;
        this.version = version;
        this.anchor = anchor;
    }

    /** An engine that is still to be booted. */
    static DebianEngine prepare(with_docker.Spec spec, with_docker.Progress progress)
            throws with_docker.Failure, IOException, InterruptedException {
        requireLinuxRoot();
        var release = Release.of(spec.version());
        var root = Root.unpacked(release, progress);
        var version = root.version();
        if (!version.startsWith(release + ".")) {
            progress.notice("Debian " + release.suite + " has moved on: this is Docker " + version + ", not "
                    + release);
        }
        progress.step("starting Docker " + version + ", " + spec.store() + " store");
        Cgroups.sweep();
        var anchor = Anchor.start(Anchor.ALL, root.file("usr/bin/docker-init"), "--", "cat");
        return new DebianEngine(spec, root, version, anchor);
    }

    private static void requireLinuxRoot() throws with_docker.Failure, IOException {
        boolean linux = System.getProperty("os.name").equals("Linux");
        if (!linux || !Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0)) {
            throw with_docker.Failure.noEngine("a throwaway engine needs "
                    + (linux ? "root: use sudo" : "Debian or Ubuntu, and root") + Tools.OTHERWISE);
        }
    }

    @Override
    String version() {
        return version;
    }

    /** Root only: others cannot reach it. */
    @Override
    Map<String, String> environment() {
        return environment(anchor.pid);
    }

    @Override
    Path docker() {
        return file("client/bin/docker");
    }

    @Override
    Path logFile() {
        return inside(LOG);
    }

    /** @param anchorPid as the process that gets the environment sees it */
    private Map<String, String> environment(long anchorPid) {
        var ours = "/proc/" + anchorPid + "/root" + folder;
        var environment = environment(ours);
        environment.put("PATH", ours + "/client/bin:" + Tools.PATH);
        return environment;
    }

    // ---- the command ----------------------------------------------------------------------------------------------

    /** In the engine's PID namespace, so that the command and all that it starts end with the engine at the latest. */
    @Override
    Process launch(List<String> arguments, with_docker.Network network)
            throws with_docker.Failure, IOException, InterruptedException {
        var line = machineView(network).enter(List.of("--pid", "--net", "--mount", "--wd"), arguments);
        var builder = new ProcessBuilder(line).inheritIO(); // zt-exec would put pipes between it and the terminal
        builder.environment().putAll(environment(1));
        return start(builder);
    }

    /** Behind its nsenter. */
    @Override
    Optional<ProcessHandle> command(Process launched) {
        return Tools.child(launched);
    }

    /** The machine as the command sees it: its files and our folder, with a /proc and a name server that fit. */
    private Anchor machineView(with_docker.Network network)
            throws with_docker.Failure, IOException, InterruptedException {
        var shared = network == with_docker.Network.ENGINE ? List.of("--pid", "--net") : List.of("--pid");
        var view = anchor.within(shared, "--mount", "--mount-proc");
        entrances.add(view.process);
        if (network == with_docker.Network.ENGINE && Files.exists(RESOLV_CONF)) {
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

    @Override
    void takeDown() {
        anchor.close();
        for (var entrance : entrances) {
            if (!ended(entrance.toHandle(), GRACE)) {
                entrance.destroyForcibly(); // nsenter stops itself with what it started, and then sees no end
            }
        }
        ProcessHandle.of(anchor.pid).ifPresent(init -> ended(init, GRACE)); // it waits for what those had started
        Cgroups.remove(cgroup());
    }

    // ---- how it comes up: everything is a command in the namespaces, or a file on a file system that ends with them

    @Override
    void boot(with_docker.Progress progress) throws with_docker.Failure, IOException, InterruptedException {
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
        awaitReady(startDockerd(), file("docker.sock"));
        docker("import", "--change", "CMD [\"sh\"]", root.busyboxTar().toString(), "busybox:latest");
        awaitNetwork(slirp, progress);
    }

    /**
     * The disk: an ext4 in a sparse file that loses its name before anything is in it; the loop device lets go of
     * it with the last mount. Docker's overlays do not work on another overlay, and a folder would have to be
     * deleted.
     */
    private void mountDisk(with_docker.Progress progress)
            throws with_docker.Failure, IOException, InterruptedException {
        removeAbandonedDisks();
        var path = Files.createTempFile(Root.engines(), DISK, ".img");
        try (var file = new RandomAccessFile(path.toFile(), "rw")) {
            Files.delete(path);
            file.setLength(spec().disk() * 1_000_000L);
            var open = Tools.openFile(path);
            // Nothing on it survives the engine, so it need not survive a crash: no journal, no barriers.
            Tools.run(Map.of(), Tools.SHORT, root.program("usr/sbin/mkfs.ext4", "-q", "-F", "-m", "0",
                    "-O", "^has_journal", "-E", "lazy_itable_init=1", open));
            enter("mount", "--no-canonicalize", "-t", "ext4", "-o", "loop,noatime,nobarrier", open,
                    folder + "/disk");
        } catch (with_docker.Failure e) {
            progress.notice("the engine's disk is in memory: " + e.getMessage());
            enter("mount", "-t", "tmpfs", "-o", "size=" + spec().disk() + "m", "tmpfs", folder + "/disk");
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
    private void mountRoot() throws with_docker.Failure, IOException, InterruptedException {
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
    private void pivot() throws with_docker.Failure, InterruptedException {
        var old = "/mnt";
        enter(rootfs + "/usr/bin/busybox", "pivot_root", rootfs, rootfs + old);
        enter("busybox", "umount", "-l", old);
    }

    /** The user's home and the current folder, by all their names; not those that the engine has of its own. */
    private List<String> visibleFolders() {
        return Tools.usersFolders().stream().filter(name -> name.matches("/(home|root|srv|opt|mnt|media|tmp)")
                || !Files.exists(root.folder.resolve(name.substring(1)))
                        && !name.matches("/(proc|sys|dev|run|var/run|var/lib/docker)(/.*)?"))
                .toList();
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

    private void awaitNetwork(Process slirp, with_docker.Progress progress) throws IOException, InterruptedException {
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
                """.formatted(folder, spec().store() == with_docker.Store.CONTAINERD, cgroup(), NAMESERVER));
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

    private void enter(String... line) throws with_docker.Failure, InterruptedException {
        Tools.run(Map.of(), Tools.SHORT, anchor.enter(Anchor.ALL, List.of(line)));
    }

    private static void enter(Anchor view, String... line) throws with_docker.Failure, InterruptedException {
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

    // ---- details --------------------------------------------------------------------------------------------------

    /** A Docker version, and the Debian release whose packages it is. */
    enum Release {
        DOCKER_20_10("20.10", "bookworm", List.of(with_docker.Store.CLASSIC), List.of("docker.io")),
        DOCKER_26_1("26.1", "trixie", List.of(with_docker.Store.CONTAINERD, with_docker.Store.CLASSIC),
                List.of("docker.io", "docker-cli", "docker-buildx")),
        /** Debian testing: may have moved on to a later version, which {@link Root#version()} tells. */
        DOCKER_28_5("28.5", "forky", DOCKER_26_1.stores, DOCKER_26_1.docker);

        final String version;
        final String suite;
        /** The default first. */
        final List<with_docker.Store> stores;
        private final List<String> docker;

        Release(String version, String suite, List<with_docker.Store> stores, List<String> docker) {
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
                            + Arrays.toString(values()) + " and dind[:VERSION]"));
        }

        @Override
        public String toString() {
            return version;
        }
    }

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
        static Anchor start(List<String> namespaces, String... init) throws with_docker.Failure {
            return hold(unshare(Stream.concat(Stream.of("--fork", "--kill-child"), namespaces.stream()), init));
        }

        /** Namespaces in which all is as on the machine, but for those that they share with these or have anew. */
        Anchor within(List<String> shared, String... namespaces) throws with_docker.Failure {
            return hold(enter(shared, unshare(Stream.of(namespaces), "cat")));
        }

        private static List<String> unshare(Stream<String> options, String... line) {
            return Stream.of(Stream.of("unshare", "--propagation", "slave"), options, Stream.of("--"), Stream.of(line))
                    .flatMap(words -> words).toList();
        }

        private static Anchor hold(List<String> line) throws with_docker.Failure {
            try {
                var words = Stream.concat(Stream.of("setsid"), line.stream()).toList();
                var process = new ProcessBuilder(words).start(); // zt-exec cannot hold a stdin open
                // The echo says that unshare is done; before that, a mount in there could still reach the machine.
                if (Tools.echoes(process)) {
                    return new Anchor(process);
                }
                throw with_docker.Failure.noEngine("cannot make namespaces; in a container, that takes a"
                        + " privileged one: "
                        + new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip());
            } catch (IOException e) {
                throw with_docker.Failure.noEngine("cannot make namespaces: " + e.getMessage());
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
            return Tools.cache().resolve("engines");
        }

        /** From the cache, or unpacked now, by one process while others wait. What has its final name is complete. */
        static Root unpacked(Release release, with_docker.Progress progress)
                throws with_docker.Failure, IOException, InterruptedException {
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

        private static void unpack(Release release, Path home, with_docker.Progress progress)
                throws with_docker.Failure, IOException, InterruptedException {
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
        private void unpackPackages(Release release, Anchor anchor, with_docker.Progress progress)
                throws with_docker.Failure, InterruptedException {
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
        private void makeBusybox(Path tmp) throws with_docker.Failure, IOException, InterruptedException {
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
            } catch (with_docker.Failure e) {
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

        List<String> program(String name, String... arguments) throws IOException {
            return program(folder, name, arguments);
        }

        /** The command line that runs a program of a Debian tree on this machine, with the libraries it was built for. */
        static List<String> program(Path folder, String name, String... arguments) throws IOException {
            try (var libraries = Files.find(folder.resolve("usr/lib"), 2,
                    (path, attributes) -> path.toString().matches(".*-linux-gnu[^/]*/ld-linux[^/]*"))) {
                var loader = libraries.findFirst().orElseThrow(() -> new IOException("no loader in " + folder));
                var line = new ArrayList<>(List.of(loader.toString(), "--library-path", loader.getParent().toString(),
                        "--argv0", Path.of(name).getFileName().toString(), folder.resolve(name).toString()));
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
}
