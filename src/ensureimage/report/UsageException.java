package ensureimage.report;

/** A command line that cannot be used. */
public final class UsageException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Message message;

    UsageException(Message message) {
        super(message.text());
        this.message = message;
    }

    /** What the user is told. */
    public Message message() {
        return message;
    }
}
