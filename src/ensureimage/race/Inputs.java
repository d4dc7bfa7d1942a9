// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

/**
 * What an image is made from, as a text that no other inputs have: a file of the folder holds it, and so does the
 * image.
 *
 * @param round the number of the round, which no other run has either
 * @param folder its name
 * @param version counts the edits
 */
record Inputs(String round, String folder, int version) {

    String text() {
        return String.join(" ", round, folder, Integer.toString(version));
    }

    /** What an image with that text is to a builder that wants these inputs. */
    Truth compare(String found) {
        return found.equals(text()) ? Truth.OWN
                : found.startsWith(String.join(" ", round, folder, "")) ? Truth.STALE
                : Truth.WRONG;
    }
}
