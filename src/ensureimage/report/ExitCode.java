// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.NotEnsured;
import ensureimage.Outcome;
import ensureimage.Status;
import ensureimage.engine.EngineException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The exit statuses of the scripts, mildest first. Never 1, 3 or 4: those are JBang's own. */
public enum ExitCode {
    /** All is well. */
    ENSURED(0, "every image is there and current"),
    /** With {@code --check}. */
    NOT_CURRENT(11, "with --check: an image is missing or stale"),
    /** The attempts are used up: each build lost a race or failed for a temporary reason. */
    GAVE_UP(75, "gave up after the last attempt at a temporary failure"),
    /** {@code --timeout} is over. */
    TIMED_OUT(124, "timed out"),
    /** A build failed for a reason of its own. */
    BUILD_FAILED(10, "a build failed"),
    /** The command line, or what it names, cannot be used. */
    USAGE(2, "bad usage: reference, option, Dockerfile or context"),
    /** The client or the engine is missing. */
    NO_ENGINE(69, "no engine: docker not installed, not running, or no permission"),
    /** Ctrl-C, or the like. */
    INTERRUPTED(130, "interrupted"),
    /** Not the user's fault. */
    BUG(70, "a bug in this program: please report it");

    private final int status;
    private final String sentence;

    ExitCode(int status, String sentence) {
        this.status = status;
        this.sentence = sentence;
    }

    /** The exit status of the process. */
    public int status() {
        return status;
    }

    /** What it means, for {@code --help}. */
    public String sentence() {
        return sentence;
    }

    /** As in {@code gave up}. */
    public String words() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    /** The graver of two. */
    public static ExitCode worse(ExitCode a, ExitCode b) {
        return a.compareTo(b) < 0 ? b : a;
    }

    /** The exit code for an outcome. */
    public static ExitCode forOutcome(Outcome outcome) {
        if (outcome instanceof Checked checked) {
            return checked.status() instanceof Status.Current ? ENSURED : NOT_CURRENT;
        }
        if (outcome instanceof NotEnsured failure) {
            return forFailure(failure);
        }
        return ENSURED;
    }

    private static ExitCode forFailure(NotEnsured failure) {
        if (failure instanceof NotEnsured.NoEngine noEngine) {
            return noEngine.engine().kind() == EngineException.Kind.NO_SCRATCH ? USAGE : NO_ENGINE;
        }
        if (failure instanceof NotEnsured.BaseFailed base) {
            return forFailure(base.base());
        }
        if (failure instanceof NotEnsured.NotTried notTried) {
            return notTried.because().map(ExitCode::forFailure).orElse(INTERRUPTED);
        }
        return failure instanceof NotEnsured.GaveUp ? GAVE_UP
                : failure instanceof NotEnsured.TimedOut ? TIMED_OUT
                : failure instanceof NotEnsured.UnusableRecipe ? USAGE
                : BUILD_FAILED;
    }

    /** For {@code --help}: a sentence for each status, by number. */
    public static Map<String, String> descriptions() {
        return descriptions(Arrays.stream(values()).collect(Collectors.toMap(code -> code, ExitCode::sentence)));
    }

    /** The same for a script that uses only these, or means something else by them. @param sentences without the number */
    public static Map<String, String> descriptions(Map<ExitCode, String> sentences) {
        Map<String, String> byNumber = new LinkedHashMap<>();
        sentences.keySet().stream().sorted(Comparator.comparingInt(ExitCode::status))
                .forEach(code -> byNumber.put(String.format(Locale.ROOT, "%2d", code.status), sentences.get(code)));
        return byNumber;
    }
}
