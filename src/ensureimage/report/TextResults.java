// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.Ensured;
import ensureimage.Outcome;
import ensureimage.Status;
import java.util.Locale;
import java.util.Optional;

/** For people. One image that failed is told of on stderr only; of several, stdout has the whole list. */
record TextResults(Terminal terminal) implements Results {

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        boolean current = ExitCode.forOutcome(outcome) == ExitCode.ENSURED;
        String word = word(outcome);
        String line = String.format(Locale.ROOT, "%-16s  %s  %s", word, outcome.recipe().reference(), detail(outcome))
                .strip();
        String time = outcome instanceof Ensured ensured && ensured.builds() > 0
                ? "  " + Wording.seconds(ensured.took())
                : "";
        if (outcome instanceof Ensured ensured) {
            String shared = ensured.shared().map(ShareWording::outcome).orElse("");
            time += shared.isEmpty() ? "" : time.isEmpty() ? "  " + shared : ", " + shared;
        }
        return Optional.of(paint(current ? Terminal.GREEN : Terminal.YELLOW, word, line + time));
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        String line = String.format(Locale.ROOT, "%-16s  %s  %s", FAILED, course.member.reference(),
                Wording.first(message.text()));
        return several ? Optional.of(paint(Terminal.RED, FAILED, line)) : Optional.empty();
    }

    /** What a person calls it: {@code built-by-another}. */
    static String word(Outcome outcome) {
        if (outcome instanceof Ensured ensured) {
            return ensured.how().name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
        Status status = ((Checked) outcome).status();
        return status instanceof Status.Current ? "present" : status instanceof Status.Stale ? "stale"
                : status instanceof Status.Uncertain ? "uncertain" : "missing";
    }

    private static String detail(Outcome outcome) {
        return outcome instanceof Checked checked && checked.status() instanceof Status.Stale stale
                ? ChangeWording.causes(stale.why())
                : IdResults.id(outcome).orElse("");
    }

    private String paint(int colour, String word, String line) {
        return terminal.paint(colour, word) + line.substring(word.length());
    }
}
