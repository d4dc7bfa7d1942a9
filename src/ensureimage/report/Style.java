// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

/**
 * How a run is shown.
 *
 * @param format of stdout
 * @param quiet whether only IDs are printed, and what went wrong
 * @param verbose whether the output of each build and stack traces are printed
 * @param view what is told of each image
 */
public record Style(Format format, boolean quiet, boolean verbose, View view) {

    /** What became of each image. */
    public Style(Format format, boolean quiet, boolean verbose) {
        this(format, quiet, verbose, View.OUTCOME);
    }

    /** What is told of an image. */
    public enum View {
        /** What became of it. */
        OUTCOME,
        /** A row of a table. */
        LIST,
        /** What counts as its input, and what has changed. */
        WHY,
        /** What would be done. */
        PLAN
    }

    /** What stdout has: a line per image, for people or for programs. */
    public enum Format { TEXT, JSON }
}
