// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

/** docker, or the engine behind it, did not do what it was asked for a reason that no build has. */
public final class EngineException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Kind kind;
    /** As its kind says. */
    private final String subject;
    /** As its kind says. */
    private final String detail;

    /** What is wrong. */
    public enum Kind {
        /** There is no such program as the client; the subject is its command. */
        NOT_INSTALLED,
        /** The client cannot be started; the subject is its command, the detail why. */
        CANNOT_RUN,
        /** The engine does not let this user in; the subject is its address, or empty for the default one. */
        NO_PERMISSION,
        /** No engine answers; the subject is its address, or empty for the default one. */
        AWAY,
        /** There is no such docker context; the subject is its name. */
        NO_CONTEXT,
        /** The engine failed; the detail is the last line that docker printed. */
        FAILED,
        /** The client ended and said nothing that is understood; the subject is what it was asked, the detail its status. */
        SILENT,
        /** The time for it was over; the subject is what docker was asked. */
        TIMED_OUT,
        /** There is no folder for temporary files; the detail is why. */
        NO_SCRATCH
    }

    EngineException(Kind kind, String subject, String detail) {
        super(kind + ": " + subject + (subject.isEmpty() || detail.isEmpty() ? "" : ": ") + detail);
        this.kind = kind;
        this.subject = subject;
        this.detail = detail;
    }

    /** {@return what is wrong} */
    public Kind kind() {
        return kind;
    }

    /** {@return what it is wrong with, as {@link Kind} says; may be empty} */
    public String subject() {
        return subject;
    }

    /** {@return docker's words, or the system's; not to be trusted; may be empty} */
    public String detail() {
        return detail;
    }
}
