// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

/** A command line that cannot be used, or for which docker would have to be asked and cannot. */
public final class UsageException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Message message;
    private final ExitCode code;

    UsageException(Message message) {
        this(message, ExitCode.USAGE);
    }

    UsageException(Message message, ExitCode code) {
        super(message.text());
        this.message = message;
        this.code = code;
    }

    /** The exit code of the run. */
    public ExitCode code() {
        return code;
    }

    /** What the user is told. */
    public Message message() {
        return message;
    }
}
