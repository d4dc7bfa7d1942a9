import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;

/** What a finished build says of itself, in the line that is its verdict. */
record Verdict(Kind kind, String line, Optional<String> id, Processes.Finished process) {

    enum Kind {
        DONE,
        /** Somebody else named this very image meanwhile. Whether it is there now is for the engine to say. */
        CLAIMED,
        /** An export failed because of others at work; every step is cached, trying again is cheap. */
        TRANSIENT,
        /** What was built is not what is there to be built now. */
        INPUTS_CHANGED,
        NO_ENGINE,
        INTERRUPTED,
        FAILED
    }

    /**
     * Reads the verdict on a build or naming of {@code wanted}. Only the last line of stderr counts, and it must
     * match from its first to its last character: everything before it can be printed by a build step, and a failed
     * step's verdict begins with {@code process "} or ends in {@code returned a non-zero code}.
     */
    static Verdict of(Processes.Finished process, Reference wanted) {
        String line = lastLine(process.err());
        if (process.status() == 0) {
            return new Verdict(Kind.DONE, line, Optional.empty(), process);
        }
        for (FailureText known : FailureText.values()) {
            Matcher matcher = known.pattern.matcher(line);
            if (matcher.matches() && (!known.namesTheTag || isNamed(wanted, matcher.group("ref")))) {
                return new Verdict(known.kind, line, known.namesTheId ? Optional.of(matcher.group("id"))
                        : Optional.empty(), process);
            }
        }
        return new Verdict(Kind.FAILED, line, Optional.empty(), process);
    }

    /**
     * Whether the build did not find one of these base images. It may be there again: Docker 26.1 takes a name from one
     * image before it gives it to another ({@code daemon/containerd/image_tag.go}).
     */
    boolean missedOneOf(Set<String> bases) throws ensure_image.Failed {
        Matcher matcher = FailureText.NO_BASE.pattern.matcher(line);
        if (kind == Kind.FAILED && matcher.matches()) {
            for (String base : bases) {
                if (isNamed(Reference.parse(base), matcher.group("base"))) {
                    return true;
                }
            }
        }
        return false;
    }

    Verdict as(Kind other) {
        return new Verdict(other, line, id, process);
    }

    Verdict on(String image) {
        return new Verdict(kind, line, Optional.of(image), process);
    }

    private static boolean isNamed(Reference wanted, String named) {
        try {
            return Reference.parse(named).equals(wanted);
        } catch (ensure_image.Failed e) {
            return false;
        }
    }

    /**
     * The last line that is not blank, nor the pointer to its own window that Docker Desktop adds (buildx
     * {@code util/desktop/desktop.go}). Split at newlines only: a carriage return can come from a build step.
     */
    static String lastLine(List<String> lines) {
        for (int i = lines.size() - 1; i >= 0; i--) {
            String line = lines.get(i);
            if (!line.isEmpty() && !line.startsWith("View build details: ")) {
                return line;
            }
        }
        return "";
    }
}
