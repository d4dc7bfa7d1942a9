// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

/** A kind of file of docker's own that defines images. */
public enum FileKind {
    /** Read by {@code docker buildx bake}; each of its targets is an image. */
    BAKE,
    /** Read by {@code docker compose}; each of its services that is built is an image. */
    COMPOSE
}
