// SPDX-License-Identifier: Apache-2.0

/**
 * What an image is called, what it is built from, and the fingerprint of that. Reads files; asks no engine, prints
 * nothing, and knows no option of this program. Part of the API.
 */
package ensureimage.recipe;
