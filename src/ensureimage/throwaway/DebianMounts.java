// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The file systems of an engine from Debian's packages. All are in its mount namespace, and end with that. */
final class DebianMounts {

    /** What slirp4netns offers inside; fixed in it. */
    static final String NAMESERVER = "10.0.2.3";
    static final Path RESOLV_CONF = Path.of("/etc/resolv.conf");

    private final Machine machine;
    private final DebianRoot root;
    private final Namespaces namespaces;
    private final String folder;
    private final String rootfs;

    /** @param folder the engine's, below /run in the namespaces */
    DebianMounts(Machine machine, DebianRoot root, Namespaces namespaces, String folder) {
        this.machine = machine;
        this.root = root;
        this.namespaces = namespaces;
        this.folder = folder;
        this.rootfs = folder + "/root";
    }

    /**
     * Makes the engine's folder and root; from then on, the namespaces' root is the engine's.
     *
     * @param disk most that the disk may hold, in MB
     */
    void mount(int disk, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        enter("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run");
        for (var name : List.of("base", "disk", "root")) {
            Files.createDirectories(file(name));
        }
        new Disk(machine, namespaces, Namespaces.ALL, root.program("usr/sbin/mkfs.ext4")).mount(folder + "/disk", disk,
                progress);
        for (var name : List.of("upper", "work", "docker")) {
            Files.createDirectory(file("disk/" + name));
        }
        mountRoot();
        pivot();
    }

    /** The engine's root: the unpacked packages, which no process writes to, below a layer on the disk. */
    private void mountRoot() throws EngineUnavailable, IOException, InterruptedException {
        // Under a name of ours, because the cache's path may contain what overlay's options cannot.
        enter("mount", "--bind", root.folder().toString(), folder + "/base");
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
     * {@code docker exec} and health checks enter a container's mount namespace by setns(2), and its root would still be
     * the machine's.
     */
    private void pivot() throws EngineUnavailable, InterruptedException {
        var old = "/mnt";
        enter(rootfs + "/usr/bin/busybox", "pivot_root", rootfs, rootfs + old);
        enter("busybox", "umount", "-l", old);
    }

    /** The user's home and the current folder, by all their names; not those that the engine has of its own. */
    private List<String> visibleFolders() {
        return machine.usersFolders().stream().filter(name -> name.matches("/(home|root|srv|opt|mnt|media|tmp)")
                || !Files.exists(root.folder().resolve(name.substring(1)))
                        && !name.matches("/(proc|sys|dev|run|var/run|var/lib/docker)(/.*)?"))
                .toList();
    }

    /** The lines of the machine's, but with slirp4netns as name server: the machine's may be one on its localhost. */
    static List<String> resolvConf() throws IOException {
        var others = Files.exists(RESOLV_CONF) ? Files.readAllLines(RESOLV_CONF) : List.<String>of();
        return Stream.concat(others.stream().filter(line -> line.matches("\\s*(search|options|domain)\\b.*")),
                Stream.of("nameserver " + NAMESERVER)).toList();
    }

    private void enter(String... line) throws EngineUnavailable, InterruptedException {
        machine.run(namespaces.entrance(Namespaces.ALL, List.of(line)));
    }

    /** A file in the engine's folder, as this machine reaches it. */
    private Path file(String name) {
        return namespaces.path(folder + "/" + name);
    }
}
