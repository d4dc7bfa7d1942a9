// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

/**
 * There can be no throwaway engine here, or it did not start; nothing is left of it.
 *
 * <p>The message says what is wrong. What to do about it depends on the caller's options: see {@link #reason()}.
 */
public final class EngineUnavailable extends Exception {

    private static final long serialVersionUID = 1;

    /** What is wrong, for advice on it. */
    public enum Reason {
        /** An engine from Debian's packages needs Linux. */
        NOT_LINUX,
        /** An engine from Debian's packages needs root. */
        NOT_ROOT,
        /** A program is missing, and there is no apt-get to install it. */
        NO_APT,
        /** {@link Machine#cache()} is empty. */
        NO_CACHE,
        /** A socket in {@link Machine#cache()} would have a longer path than the kernel takes. */
        CACHE_PATH_TOO_LONG,
        /** All else; the message has the words of the program that failed. */
        FAILED
    }

    private final Reason reason;

    EngineUnavailable(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    EngineUnavailable(String message) {
        this(Reason.FAILED, message);
    }

    /** What is wrong. */
    public Reason reason() {
        return reason;
    }
}
