// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

/** A procedure, and how its end is read: whether the caller is told that the image is there. */
public enum Strategy implements Choice {
    /** The bug. */
    NAIVE(Procedure.CHECK_THEN_BUILD, true, "look up the tag, build if it is missing, report any failure"),

    /** The rule as first decided. It acts as {@link #NAIVE} does, so both read the same builds. */
    SUBSTRING(Procedure.CHECK_THEN_BUILD, true, "as naive, but a failure with \"already exists\" counts as success") {
        @Override
        boolean reportsSuccess(Ending ending) {
            return ending.success() || ending.output().stream().anyMatch(line -> line.contains("already exists"));
        }
    },

    /** This project. */
    ENSURE(Procedure.ENSURE, true, "ensure_image: after a lost race it asks the engine"),

    /** This project with its option of that name. */
    SINGLE_FLIGHT(Procedure.SINGLE_FLIGHT, false, "ensure_image --single-flight: one builds, the others wait"),

    /** Rejected in the decision, as those that follow. */
    UNIQUE_TAG(Procedure.UNIQUE_TAG, false, "as naive, with a separate tag per builder"),

    /** An exclusive file lock. */
    LOCK(Procedure.LOCK, false, "as naive, inside an exclusive file lock"),

    /** One build before all others. */
    PREBUILD(Procedure.PREBUILD, false, "one build first; then the builders only look up the tag"),

    /** The tag is removed before each build. */
    RMI_FIRST(Procedure.RMI_FIRST, false, "docker rmi -f, then docker build");

    private final Procedure procedure;
    private final boolean isDefault;
    private final String description;

    Strategy(Procedure procedure, boolean isDefault, String description) {
        this.procedure = procedure;
        this.isDefault = isDefault;
        this.description = description;
    }

    Procedure procedure() {
        return procedure;
    }

    @Override
    public boolean isDefault() {
        return isDefault;
    }

    @Override
    public String description() {
        return description;
    }

    /** Whether the caller is told that the image is there. */
    boolean reportsSuccess(Ending ending) {
        return ending.success();
    }

    @Override
    public String toString() {
        return Choice.name(this);
    }
}
