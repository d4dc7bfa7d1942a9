// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

/**
 * What the engine holds for a builder at the moment of its answer: under the tag or ID that it was handed or, if it was
 * told "failed", under the tag.
 */
enum Truth {
    /** An image of the builder's own inputs. */
    OWN,
    /** No image: the scenario removed it, too late for the builder to see ({@link Removal#excuse}). */
    REMOVED,
    /** No image. */
    MISSING,
    /** An image of another folder's inputs. */
    WRONG,
    /** An image of older inputs of the builder's folder. */
    STALE
}
