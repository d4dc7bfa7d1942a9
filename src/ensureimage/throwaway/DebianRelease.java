// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import ensureimage.throwaway.EngineSpec.Store;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A Docker version, and the Debian release whose packages it is. */
public enum DebianRelease {
    DOCKER_20_10("20.10", "bookworm", List.of(Store.CLASSIC), List.of("docker.io")),
    DOCKER_26_1("26.1", "trixie", List.of(Store.CONTAINERD, Store.CLASSIC),
            List.of("docker.io", "docker-cli", "docker-buildx")),
    /** Debian testing: may have moved on to a later version, which {@link DebianRoot#version()} tells. */
    DOCKER_28_5("28.5", "forky", DOCKER_26_1.stores, DOCKER_26_1.docker);

    private final String version;
    private final String suite;
    private final List<Store> stores;
    private final List<String> docker;

    DebianRelease(String version, String suite, List<Store> stores, List<String> docker) {
        this.version = version;
        this.suite = suite;
        this.stores = stores;
        this.docker = docker;
    }

    /**
     * @param version as in 26.1
     * @throws IllegalArgumentException if there is none; the message is for the user
     */
    public static DebianRelease find(String version) {
        return Arrays.stream(values()).filter(release -> release.version.equals(version)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no engine " + version + ", only "
                        + Arrays.toString(values()) + " and dind[:VERSION]"));
    }

    /** Debian's name of the release, as in trixie. */
    public String suite() {
        return suite;
    }

    /** The image stores that the version has, the default first. */
    List<Store> stores() {
        return stores;
    }

    /** A mirror of testing may lag behind: its lists of packages can be older than they say that they may be. */
    boolean isTesting() {
        return this == DOCKER_28_5;
    }

    /** What to install, with commas between. */
    String packages() {
        var needed = Stream.of("containerd", "runc", "ca-certificates", "iptables");
        var ours = Stream.of("busybox-static", "e2fsprogs", "slirp4netns"); // base image, disk, way out
        return Stream.of(docker.stream(), needed, ours).flatMap(s -> s).collect(Collectors.joining(","));
    }

    /** The Docker version. */
    @Override
    public String toString() {
        return version;
    }
}
