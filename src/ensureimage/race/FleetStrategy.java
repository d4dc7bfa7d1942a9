// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

/** What each machine of a fleet does to have an image that none of them has. */
public enum FleetStrategy implements Choice {
    /** As a test suite does it. */
    NAIVE("look up the tag, build if it is missing"),

    /** What buildx offers for machines that have no engine in common. */
    BUILDX_CACHE("docker build, --cache-from and --cache-to a registry"),

    /** This project on one machine. */
    ENSURE("ensure_image"),

    /** This project through a registry. */
    SHARE("ensure_image --share"),

    /** The same, and machines that miss at once wait for the first one. */
    SHARE_SINGLE_FLIGHT("ensure_image --share --single-flight"),

    /** The same without waiting: what all of them want at once, their builder does once. */
    SHARED_BUILDER("ensure_image --share, one builder for all");

    private final String description;

    FleetStrategy(String description) {
        this.description = description;
    }

    @Override
    public boolean isDefault() {
        return true;
    }

    @Override
    public String description() {
        return description;
    }

    /** Whether it is this project's. */
    boolean isOurs() {
        return ordinal() >= ENSURE.ordinal();
    }

    @Override
    public String toString() {
        return Choice.name(this);
    }
}
