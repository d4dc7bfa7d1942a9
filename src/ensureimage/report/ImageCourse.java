package ensureimage.report;

import ensureimage.Listener;
import ensureimage.Notice;
import ensureimage.engine.BuildOutput;
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
    private static final int LONGEST_STEP = 200; // characters: more than a terminal is wide

    final ImageCollection.Member member;
    final List<String> notes = new ArrayList<>();
    private List<Change> why = List.of();
    private long start;
    private Optional<Listener.Step> step = Optional.empty();
    private boolean begun;
    private String buildStep = "";
    private int builds;
    private Duration took = Duration.ZERO;

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
        buildStep = "";
    }

    void read(String line) {
        BuildOutput.step(line).ifPresent(text -> buildStep = text.substring(0, Math.min(LONGEST_STEP, text.length())));
    }

    void transfer(long bytes, long whole) {
        buildStep = ShareWording.progress(bytes, whole);
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
        String doing = step.map(current -> current.name().toLowerCase(Locale.ROOT).replace('_', ' ')).orElse("");
        return String.format(Locale.ROOT, "%-" + width + "s  %-10s  %7s  %s", member.reference(), doing,
                Wording.seconds(elapsed()), Printable.escape(buildStep)).stripTrailing();
    }
}
