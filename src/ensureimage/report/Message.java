// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

/**
 * What a person is told of a failure.
 *
 * @param text what failed, on what, and why, in one line
 * @param hint what to do next; may be empty
 */
public record Message(String text, String hint) {

    /** The text alone. */
    public Message(String text) {
        this(text, "");
    }
}
