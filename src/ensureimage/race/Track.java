// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.Listener;
import ensureimage.Notice;
import ensureimage.engine.KnownLine;
import ensureimage.recipe.Recipe;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One builder's course through a round, read from its steps and from what docker prints. Safe from many threads. */
final class Track implements Listener {
    private static final Pattern STAMP = Pattern.compile("#.* race-demo ran: ([0-9a-f]{8}-[0-9a-f-]{27})");
    private static final Pattern EXPORT = Pattern.compile("#\\d+ (?:exporting to image|unpacking to .*)");
    private static final Pattern NAME = Pattern.compile("#\\d+ naming to .*");
    private static final Pattern ID = Pattern.compile(
            "#\\d+ (?:exporting manifest(?: list)?|writing image) (sha256:[0-9a-f]{64}).*");

    private final DoubleSupplier seconds;
    private final List<Mark> marks = new ArrayList<>(List.of(new Mark(Phase.WAITING, 0)));
    private final Set<String> stamps = new HashSet<>();
    private Optional<String> id = Optional.empty();
    private Optional<Race> race = Optional.empty();
    private Optional<Double> asked = Optional.empty();
    private double longestQuestion;
    private int builds;
    private int exports;
    private boolean exporting;

    /** @param seconds the time since the start of the round */
    Track(DoubleSupplier seconds) {
        this.seconds = seconds;
    }

    /** A phase that begins at this moment, in seconds since the start. */
    record Mark(Phase phase, double at) {
    }

    /**
     * A race that a builder lost.
     *
     * @param line docker's words
     * @param at when it named the tag, in seconds since the start
     * @param naming whether it was naming the tag
     */
    record Race(String line, double at, boolean naming) {
    }

    // ---- What happens

    @Override
    public synchronized void step(Recipe recipe, Step step) {
        switch (step) {
            case LOOKING_UP -> ask(Phase.LOOKING_UP);
            case WAITING -> enter(Phase.WAITING);
            case BUILDING -> {
                exporting = false;
                enter(builds++ == 0 ? Phase.BUILDING : Phase.RETRYING);
            }
            case NAMING -> ask(Phase.NAMING);
            case PAUSING -> enter(Phase.RETRYING);
        }
    }

    @Override
    public synchronized void output(Recipe recipe, String line) {
        Matcher stamp = STAMP.matcher(line);
        Matcher image = ID.matcher(line);
        if (stamp.find()) {
            stamps.add(stamp.group(1));
        } else if (image.matches()) {
            id = Optional.of(image.group(1));
        } else if (EXPORT.matcher(line).matches()) {
            export();
        } else if (NAME.matcher(line).matches()) {
            enter(Phase.NAMING);
        } else if (race.isEmpty() && saysClaimed(line)) {
            boolean naming = last().phase() == Phase.NAMING;
            race = Optional.of(new Race(line, naming ? last().at() : seconds.getAsDouble(), naming));
        }
    }

    /** A tag can also be claimed outside a build, when ensure_image names the image: then only this tells. */
    @Override
    public void notice(Recipe recipe, Notice notice) {
        if (notice instanceof Notice.Claimed claimed) {
            output(recipe, claimed.line());
        }
    }

    private static boolean saysClaimed(String line) {
        return Arrays.stream(KnownLine.values())
                .anyMatch(known -> known.meaning() == KnownLine.Meaning.CLAIMED && known.matches(line));
    }

    /** BuildKit prints the line again when it has shown another step in between. */
    private void export() {
        if (!exporting) {
            exporting = true;
            exports++;
            if (last().phase() != Phase.RETRYING) {
                enter(Phase.EXPORTING);
            }
        }
    }

    private void ask(Phase phase) {
        enter(phase);
        asked = Optional.of(seconds.getAsDouble());
    }

    synchronized void enter(Phase phase) {
        double now = seconds.getAsDouble();
        asked.ifPresent(since -> longestQuestion = Math.max(longestQuestion, now - since));
        asked = Optional.empty();
        if (last().phase() != phase) {
            marks.add(new Mark(phase, now));
        }
    }

    /** The builder has its answer. */
    void end(boolean success) {
        enter(success ? Phase.THERE : Phase.FAILED);
    }

    // ---- What was seen

    synchronized List<Mark> marks() {
        return List.copyOf(marks);
    }

    synchronized Mark last() {
        return marks.get(marks.size() - 1);
    }

    /** The most seconds that it took to ask the engine for the image, or to have it name one. */
    synchronized double longestQuestion() {
        return longestQuestion;
    }

    /** What each real run of the slow step printed. */
    synchronized Set<String> stamps() {
        return Set.copyOf(stamps);
    }

    /** How many of its builds reached their export. */
    synchronized int exports() {
        return exports;
    }

    /** The ID of the image that its last build exported, whether or not it got the tag. */
    synchronized Optional<String> id() {
        return id;
    }

    synchronized Optional<Race> race() {
        return race;
    }
}
