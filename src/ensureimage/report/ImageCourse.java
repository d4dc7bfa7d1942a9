// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Listener;
import ensureimage.Notice;
import ensureimage.engine.BuildProgress;
import ensureimage.recipe.Change;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Printable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** An image on its way, as far as the report has heard of it. */
final class ImageCourse {

    final ImageCollection.Member member;
    final List<String> notes = new ArrayList<>();
    private List<Change> why = List.of();
    private long start;
    private Optional<Listener.Step> step = Optional.empty();
    private boolean begun;
    private BuildProgress progress = new BuildProgress();
    private String transfer = "";
    private int builds;
    private Duration took = Duration.ZERO;
    private Duration reminded = Duration.ZERO;

    ImageCourse(ImageCollection.Member member) {
        this.member = member;
    }

    void enter(Listener.Step next) {
        if (!begun) {
            begun = true;
            start = System.nanoTime();
        }
        step = Optional.of(next);
        builds += next == Listener.Step.BUILDING ? 1 : 0;
        progress = new BuildProgress();
        transfer = "";
    }

    void read(String line) {
        transfer = "";
        progress.read(line);
    }

    void transfer(long bytes, long whole) {
        transfer = ShareWording.progress(bytes, whole);
    }

    void hear(Notice notice) {
        notes.add(Wording.notice(notice));
        if (notice instanceof Notice.Building building) {
            why = building.stale().orElse(why);
        }
    }

    /** What made the image stale, so that it was built; empty if that is not known. */
    List<Change> why() {
        return why;
    }

    void stop() {
        took = elapsed();
        step = Optional.empty();
    }

    boolean isUnderWay() {
        return step.isPresent();
    }

    int builds() {
        return builds;
    }

    Duration elapsed() {
        return isUnderWay() ? Duration.ofNanos(System.nanoTime() - start) : took;
    }

    /** A line of the status. @param width of the column with the references */
    String row(int width) {
        return String.format(Locale.ROOT, "%-" + width + "s  %-10s  %7s  %s", member.reference(), doing(),
                Wording.seconds(elapsed()), at()).stripTrailing();
    }

    /** How far a transfer is, or the step of the build and what it printed last. */
    private String at() {
        if (!transfer.isEmpty()) {
            return transfer;
        }
        String said = Printable.escape(progress.output()).strip();
        return Printable.escape(progress.step()) + (said.isEmpty() ? "" : " | " + said);
    }

    /** A line for a log, in which nothing can be drawn over; empty if one was due less than this long ago. */
    Optional<String> remind(Duration period) {
        Duration now = elapsed();
        if (!isUnderWay() || now.minus(reminded).compareTo(period) < 0) {
            return Optional.empty();
        }
        reminded = now;
        return Optional.of(("still " + doing() + " after " + now.toSeconds() + " s: " + at())
                .replaceFirst(": $", ""));
    }

    private String doing() {
        return step.map(current -> current.name().toLowerCase(Locale.ROOT).replace('_', ' ')).orElse("");
    }
}
