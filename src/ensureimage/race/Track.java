import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** One builder's course through a round, read from its steps and from what docker prints. */
final class RaceTrack implements ensure_image.Events {

    private static final Pattern STAMP = Pattern.compile("#.* race-demo ran: ([0-9a-f]{8}-[0-9a-f-]{27})");
    private static final Pattern EXPORT = Pattern.compile("#\\d+ (?:exporting to image|unpacking to .*)");
    private static final Pattern NAME = Pattern.compile("#\\d+ naming to .*");
    private static final Pattern ID = Pattern.compile(
            "#\\d+ (?:exporting manifest(?: list)?|writing image) (sha256:[0-9a-f]{64}).*");

    private final DoubleSupplier seconds;
    private final List<Mark> marks = new ArrayList<>(List.of(new Mark(Phase.WAITING, 0)));
    private final Set<String> stamps = new HashSet<>();
    private String id;
    private Race race;
    private int builds;
    private int exports;
    private boolean exporting;
    private double asked = -1;
    private double longestQuestion;

    /** @param seconds the time since the start of the round */
    RaceTrack(DoubleSupplier seconds) {
        this.seconds = seconds;
    }

    /** Where a builder is. Each has its mark in the timeline, and an ANSI colour or 0. */
    enum Phase {
        WAITING(' ', ' ', 0), LOOKING_UP('.', '\u00b7', 0), BUILDING('-', '\u2591', 34), EXPORTING('=', '\u2592', 33),
        NAMING('#', '\u2588', 35), RETRYING('~', '~', 36),
        /** The ends, as the caller is told: it is there; a failure said that it is there; it failed. */
        THERE('o', '\u2713', Terminal.GREEN), TOLERATED('t', '\u2248', Terminal.GREEN),
        FAILED('x', '\u2717', Terminal.RED);

        private final char ascii;
        private final char unicode;
        final int colour;

        Phase(char ascii, char unicode, int colour) {
            this.ascii = ascii;
            this.unicode = unicode;
            this.colour = colour;
        }

        char mark(boolean inUnicode) {
            return inUnicode ? unicode : ascii;
        }

        String mark(Terminal terminal) {
            return terminal.paint(colour, String.valueOf(mark(terminal.unicode())));
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /** A phase that begins at this moment, in seconds since the start. */
    record Mark(Phase phase, double at) {
    }

    /** A race that a builder lost: the line that says so, when it named the tag, and whether it was at that. */
    record Race(String line, double at, boolean naming) {
    }

    @Override
    public synchronized void step(Recipe recipe, ensure_image.Step step) {
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
    public void tell(Recipe recipe, String message) {
        // Steps and output say it all.
    }

    @Override
    public synchronized void output(Recipe recipe, String line) {
        Matcher stamp = STAMP.matcher(line);
        Matcher image = ID.matcher(line);
        if (stamp.find()) {
            stamps.add(stamp.group(1));
        } else if (image.matches()) {
            id = image.group(1);
        } else if (EXPORT.matcher(line).matches()) {
            export();
        } else if (NAME.matcher(line).matches()) {
            enter(Phase.NAMING);
        } else if (race == null && Stream.of(FailureText.values())
                .anyMatch(known -> known.kind == Verdict.Kind.CLAIMED
                        && known.pattern.matcher(line).matches())) {
                            boolean naming = last().phase() == Phase.NAMING;
                            race = new Race(line, naming ? last().at() : seconds.getAsDouble(), naming);
                        }
    }

    /** BuildKit prints the line again when it has shown something else meanwhile. */
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
        asked = seconds.getAsDouble();
    }

    synchronized void enter(Phase phase) {
        double now = seconds.getAsDouble();
        if (asked >= 0) {
            longestQuestion = Math.max(longestQuestion, now - asked);
            asked = -1;
        }
        if (last().phase() != phase) {
            marks.add(new Mark(phase, now));
        }
    }

    synchronized List<Mark> marks() {
        return List.copyOf(marks);
    }

    synchronized Mark last() {
        return marks.get(marks.size() - 1);
    }

    /** Seconds that it took, at most, to ask the engine for the image, or to have it name one. */
    synchronized double longestQuestion() {
        return longestQuestion;
    }

    /** What each real run of the slow step printed. */
    synchronized Set<String> stamps() {
        return Set.copyOf(stamps);
    }

    /** How many builds came as far as their export. */
    synchronized int exports() {
        return exports;
    }

    /** The ID of the image that the last build exported, whether or not it got the tag. */
    synchronized Optional<String> id() {
        return Optional.ofNullable(id);
    }

    synchronized Optional<Race> race() {
        return Optional.ofNullable(race);
    }
}
