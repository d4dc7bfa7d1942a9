// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.util.List;
import java.util.Locale;

/**
 * The engine wanted.
 *
 * @param version 20.10, 26.1 or 28.5, see {@link DebianRelease}; or {@code dind:TAG} for the image
 *                {@code docker:TAG-dind}, or {@code dind} for a tag of our choice
 * @param store   where it keeps its images
 * @param disk    most that its disk may hold, in MB (10^6 bytes); one in a container ignores it
 */
public record EngineSpec(String version, Store store, int disk) {

    /** The default size of a disk, in MB. */
    public static final int DISK = 20_000;
    private static final int HIGHEST_PORT = 65_535;

    /** Where an engine keeps its images. */
    public enum Store {
        CONTAINERD, CLASSIC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** @throws IllegalArgumentException if there is no such engine; the message is for the user */
    public EngineSpec {
        version = DindEngine.fullVersion(version).orElse(version);
        var stores = stores(version);
        if (!stores.contains(store)) {
            throw new IllegalArgumentException("Docker " + version + " has no " + store + " store, only "
                    + stores.get(0));
        }
        if (disk <= 0) {
            throw new IllegalArgumentException("the disk size must be at least 1 MB, not " + disk);
        }
    }

    /** One with a disk of {@link #DISK} MB. */
    public EngineSpec(String version, Store store) {
        this(version, store, DISK);
    }

    /** Whether it runs in a container of the current engine, and uses the disk of that. */
    public boolean isDind() {
        return DindEngine.fullVersion(version).isPresent();
    }

    /**
     * For {@link ThrowawayEngine#reach}.
     *
     * @throws IllegalArgumentException if the engine cannot reach such a port of the machine; the message is for the user
     */
    public void requireReachable(int port) {
        if (isDind()) {
            throw new IllegalArgumentException("an engine in a container does not reach 127.0.0.1:" + port
                    + " of this machine");
        }
        if (port < 1 || port > HIGHEST_PORT) {
            throw new IllegalArgumentException("a port is a number from 1 to " + HIGHEST_PORT + ", not " + port);
        }
    }

    /**
     * The stores that a version has, the default first. Whether an image {@code docker:TAG-dind} has both is only seen
     * when it runs.
     *
     * @throws IllegalArgumentException if there is no such version; the message is for the user
     */
    public static List<Store> stores(String version) {
        return DindEngine.fullVersion(version).isPresent() ? List.of(Store.values())
                : DebianRelease.find(version).stores();
    }
}
