// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.Outcome;
import ensureimage.Status;
import java.util.Locale;
import java.util.Optional;

/** {@code --dry-run}: what would be done, in that order, and why. */
record PlanResults(Terminal terminal) implements Results {

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        Status status = ((Checked) outcome).status();
        String word = status instanceof Status.Current ? "present"
                : status instanceof Status.Missing ? "would-build"
                : status instanceof Status.Uncertain ? "would-ask"
                : "would-rebuild";
        String why = status instanceof Status.Stale stale
                ? stale.why().isEmpty() ? "stale" : ChangeWording.causes(stale.why())
                : status instanceof Status.Missing ? "missing"
                : status instanceof Status.Uncertain ? "only docker build can tell"
                : IdResults.id(outcome).orElse("");
        String line = String.format(Locale.ROOT, "%-16s  %s  %s", word, outcome.recipe().reference(), why).strip();
        return Optional.of(terminal.paint(word.equals("present") ? Terminal.GREEN : Terminal.YELLOW, word)
                + line.substring(word.length()));
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        return new TextResults(terminal).failed(course, code, message, true);
    }
}
