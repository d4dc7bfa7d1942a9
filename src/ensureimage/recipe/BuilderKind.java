// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.List;

/** What builds an image. They differ in what of a Dockerfile they look at, and in which files say what is ignored. */
public enum BuilderKind {
    /** Docker's builder since 23.0: builds only the stages that the target needs. */
    BUILDKIT,
    /** The engine's former builder, {@code DOCKER_BUILDKIT=0}: builds every stage up to the target. */
    LEGACY,
    /** Podman's, with rules of its own: read as {@link #LEGACY}; what the builders read differently is not certain. */
    PODMAN;

    /** Endings that make a Dockerfile's name that of its own ignore file; the first that is there wins. */
    List<String> ignoreFilesOfTheDockerfile() {
        return this == LEGACY ? List.of()
                : this == BUILDKIT ? List.of(".dockerignore") : List.of(".dockerignore", ".containerignore");
    }

    /** Names of the ignore file in a context; the first that is there wins. */
    List<String> ignoreFiles() {
        return this == PODMAN ? List.of(".containerignore", ".dockerignore") : List.of(".dockerignore");
    }

    /** Whether variables in a source are those that BuildKit knows: for the others ENV wins over ARG, for example. */
    boolean hasBuildKitsVariables() {
        return this == BUILDKIT;
    }
}
