// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.engine.EngineException;
import ensureimage.report.ExitCode;
import ensureimage.report.Message;
import ensureimage.report.Wording;
import java.util.List;

/** The run could not be played to its end, so it says nothing about any strategy. */
public final class NotPlayed extends Exception {
    private static final long serialVersionUID = 1L;
    private final ExitCode code;
    private final String hint;
    private final transient List<String> output;

    NotPlayed(ExitCode code, Message message, List<String> output) {
        super(message.text());
        this.code = code;
        this.hint = message.hint();
        this.output = List.copyOf(output);
    }

    /** The engine is away, or does not answer in time. */
    static NotPlayed noEngine(EngineException e) {
        return switch (e.kind()) {
            case TIMED_OUT -> new NotPlayed(ExitCode.TIMED_OUT, new Message(Wording.engine(e).text()), List.of());
            case NO_SCRATCH -> new NotPlayed(ExitCode.USAGE, Wording.engine(e), List.of());
            default -> new NotPlayed(ExitCode.NO_ENGINE, Wording.engine(e), List.of());
        };
    }

    /** Something failed that no run expects to fail, such as writing a temporary file. */
    static NotPlayed broken(String what) {
        return broken(what, "");
    }

    static NotPlayed broken(String what, String hint) {
        return new NotPlayed(ExitCode.BUG, new Message(what, hint), List.of());
    }

    /** For the process; {@link ExitCode#BUILD_FAILED} if the demo image does not build even without a race. */
    public ExitCode code() {
        return code;
    }

    /** What is wrong and, if that is known here, what to do. */
    public Message message() {
        return new Message(getMessage(), hint);
    }

    /** The last lines of the program that failed; not to be trusted; may be empty. */
    public List<String> output() {
        return output;
    }
}
