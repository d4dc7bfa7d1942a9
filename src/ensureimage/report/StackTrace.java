// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Printable;
import java.util.ArrayList;
import java.util.List;

/**
 * Where an exception came from, for {@code --verbose}. Its message is told elsewhere and may have lines of another program; those
 * of its causes are escaped, so that no line of a trace begins with words of another program.
 */
public final class StackTrace {
    private StackTrace() {
    }

    /** {@return the lines of the trace} */
    public static List<String> of(Throwable thrown) {
        List<String> lines = new ArrayList<>();
        for (Throwable each = thrown; each != null; each = each.getCause()) {
            String message = each == thrown || each.getMessage() == null ? ""
                    : ": " + Printable.escape(each.getMessage());
            lines.add((each == thrown ? "" : "Caused by: ") + each.getClass().getName() + message);
            for (StackTraceElement frame : each.getStackTrace()) {
                lines.add("\tat " + frame);
            }
        }
        return lines;
    }
}
