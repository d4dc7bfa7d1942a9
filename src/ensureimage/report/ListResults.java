// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.Details;
import ensureimage.Outcome;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Reference;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** {@code --list}: a table with a row per image. */
final class ListResults implements Results {
    private static final String ROW = "  %-9s  %-8s  %8s  %s";
    private static final double THOUSAND = 1000;

    private final Terminal terminal;
    private final Clock clock;
    private int width = "IMAGE".length();

    ListResults(Terminal terminal, Clock clock) {
        this.terminal = terminal;
        this.clock = clock;
    }

    @Override
    public Optional<String> begin(List<ImageCollection.Member> members) {
        width = members.stream().mapToInt(member -> names(member).length()).reduce(width, Math::max);
        return Optional.of(pad("IMAGE") + String.format(Locale.ROOT, ROW, "STATE", "AGE", "SIZE", "FROM"));
    }

    private String pad(String name) {
        return name + " ".repeat(width - name.length());
    }

    private static String names(ImageCollection.Member member) {
        return member.references().stream().map(Reference::toString).collect(Collectors.joining(", "));
    }

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        Optional<Details> details = ((Checked) outcome).details();
        String state = TextResults.word(outcome);
        int colour = ExitCode.forOutcome(outcome) == ExitCode.ENSURED ? Terminal.GREEN : Terminal.YELLOW;
        String age = details.flatMap(Details::named)
                .map(named -> age(Duration.between(named, clock.instant()))).orElse("");
        long size = details.map(Details::size).orElse(0L);
        String row = String.format(Locale.ROOT, ROW, state, age, size > 0 ? size(size) : "", from(course, details));
        return Optional.of((pad(names(course.member)) + row.replaceFirst(state, terminal.paint(colour, state)))
                .stripTrailing());
    }

    /** The folder, and what it is built on. */
    private static String from(ImageCourse course, Optional<Details> details) {
        List<String> bases = bases(course.member, details);
        return Printable.path(course.member.recipe().context())
                + (bases.isEmpty() ? "" : " on " + Printable.escape(String.join(", ", bases)));
    }

    /** What an image is built on: images of the collection, and others. */
    static List<String> bases(ImageCollection.Member member, Optional<Details> details) {
        List<String> bases = new ArrayList<>();
        member.bases().keySet().forEach(reference -> bases.add(reference.toString()));
        details.ifPresent(each -> bases.addAll(each.outsideBases()));
        return bases;
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        return Optional.of(pad(names(course.member)) + "  " + terminal.paint(Terminal.RED, FAILED) + "     "
                + Wording.first(message.text()));
    }

    /** In one unit: {@code 40 s}, {@code 5 min}, {@code 3 h}, {@code 12 days}. */
    static String age(Duration age) {
        long seconds = Math.max(0, age.toSeconds());
        return seconds < 60 ? seconds + " s"
                : seconds < 3600 ? seconds / 60 + " min"
                : seconds < 2 * 86400 ? seconds / 3600 + " h"
                : seconds / 86400 + " days";
    }

    /** With three digits, as docker prints it. */
    static String size(long bytes) {
        double size = bytes;
        for (String unit : new String[] {"B", "kB", "MB"}) {
            if (size < THOUSAND) {
                return String.format(Locale.ROOT, size < 10 && !unit.equals("B") ? "%.1f %s" : "%.0f %s", size, unit);
            }
            size /= THOUSAND;
        }
        return String.format(Locale.ROOT, "%.1f GB", size);
    }
}
