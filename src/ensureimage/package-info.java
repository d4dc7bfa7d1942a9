// SPDX-License-Identifier: Apache-2.0

/**
 * Ensures that the engine holds an image, built from what its inputs are now: one image, or many; also from many threads
 * and processes at once.
 *
 * <p>The API. Start at {@link ensureimage.EnsureImage}.
 */
package ensureimage;
