// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.Details;
import ensureimage.Outcome;
import ensureimage.Status;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** {@code --why}: what counts as an input of each image, and what has changed since it was built. */
record WhyResults(Terminal terminal, Clock clock, boolean all) implements Results {
    private static final int MOST_FILES = 20;

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        Checked checked = (Checked) outcome;
        String state = TextResults.word(outcome);
        int colour = ExitCode.forOutcome(outcome) == ExitCode.ENSURED ? Terminal.GREEN : Terminal.YELLOW;
        List<String> lines = new ArrayList<>();
        lines.add(course.member.references().stream().map(Reference::toString).collect(Collectors.joining(", ")) + ": "
                + terminal.paint(colour, state));
        checked.details().flatMap(Details::named).ifPresent(named -> add(lines, "named", when(named)));
        if (checked.status() instanceof Status.Stale stale) {
            String label = "changed";
            for (String cause : ChangeWording.causes(stale.why()).split("; ")) {
                add(lines, label, cause.isEmpty() ? "what it was is not known" : cause);
                label = "";
            }
        }
        checked.details().ifPresent(details -> addInputs(lines, course, details));
        return Optional.of(String.join("\n", lines));
    }

    private String when(Instant named) {
        return DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT).format(named.atZone(ZoneId.systemDefault()))
                + ", " + ListResults.age(Duration.between(named, clock.instant())) + " ago";
    }

    private void addInputs(List<String> lines, ImageCourse course, Details details) {
        Recipe recipe = course.member.recipe();
        Manifest inputs = details.inputs();
        add(lines, "Dockerfile", Wording.dockerfile(recipe));
        add(lines, "context", Printable.path(recipe.context()));
        List<String> files = inputs.files().keySet().stream().map(Printable::path).toList();
        add(lines, "files", files.isEmpty() ? "none is used"
                : String.join(", ", all ? files : files.subList(0, Math.min(MOST_FILES, files.size())))
                        + (all || files.size() <= MOST_FILES ? ""
                                : " and " + (files.size() - MOST_FILES) + " more, which --verbose shows"));
        addNames(lines, "arguments", inputs.parts().get(Manifest.Part.ARGUMENTS).keySet());
        addNames(lines, "options", inputs.parts().get(Manifest.Part.OPTIONS).keySet());
        addNames(lines, "settings", inputs.parts().get(Manifest.Part.SURROUNDINGS).keySet());
        recipe.options().target().ifPresent(target -> add(lines, "target", Printable.escape(target)));
        recipe.options().platform().ifPresent(platform -> add(lines, "platform", Printable.escape(platform)));
        addNames(lines, "built on", ListResults.bases(course.member, Optional.of(details)));
        if (details.asks()) {
            add(lines, "besides", "what no look-up can know: docker build is asked each time");
        }
    }

    private static void addNames(List<String> lines, String label, Collection<String> names) {
        if (!names.isEmpty()) {
            add(lines, label, names.stream().map(Printable::path).collect(Collectors.joining(", ")));
        }
    }

    private static void add(List<String> lines, String label, String text) {
        lines.add(String.format(Locale.ROOT, "  %-10s  %s", label, text));
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        return new TextResults(terminal).failed(course, code, message, true);
    }
}
