package ensureimage.report;

/**
 * How a run is shown.
 *
 * @param format of stdout
 * @param quiet whether only IDs are printed, and what went wrong
 * @param verbose whether the output of each build and stack traces are printed
 */
public record Style(Format format, boolean quiet, boolean verbose) {
    /** What stdout has: a line per image, for people or for programs. */
    public enum Format { TEXT, JSON }
}
