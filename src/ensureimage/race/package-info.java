// SPDX-License-Identifier: Apache-2.0

/**
 * The decision record, executable: builders of one tag start together, on a real engine, and what each strategy tells
 * its caller is compared with what the engine then holds. {@link ensureimage.race.Play} plays it.
 *
 * <p>Not API. No strategy is believed: the truth is read from a file inside the image at the moment of each answer.
 */
package ensureimage.race;
