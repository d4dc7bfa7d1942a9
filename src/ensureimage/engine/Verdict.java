// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.Reference;
import java.util.Collection;
import java.util.Optional;
import java.util.regex.Matcher;

/**
 * What a finished build or naming says of itself, in the line that is its verdict.
 *
 * @param line the last one of stderr; not to be trusted
 * @param id of the image that the line names, if it names one by its ID
 */
public record Verdict(KnownLine.Meaning meaning, String line, Optional<String> id, Processes.Finished process) {

    /**
     * Reads the verdict on a build or naming of {@code wanted}. Only the last line of stderr counts, and it must match
     * from its first to its last character: everything before it can be printed by a build step, and a failed step's
     * verdict begins with {@code process "} or ends in {@code returned a non-zero code}.
     */
    public static Verdict read(Processes.Finished process, Reference wanted) {
        String line = BuildOutput.lastLine(process.err());
        if (process.status() == 0) {
            return new Verdict(KnownLine.Meaning.DONE, line, Optional.empty(), process);
        }
        for (KnownLine known : KnownLine.values()) {
            Matcher matcher = known.matcher(line);
            if (matcher.matches() && (!known.namesTheTag() || isNamed(wanted, matcher.group("ref")))) {
                Optional<String> id = known.namesTheId() ? Optional.of(matcher.group("id")) : Optional.empty();
                return new Verdict(known.meaning(), line, id, process);
            }
        }
        return new Verdict(KnownLine.Meaning.FAILED, line, Optional.empty(), process);
    }

    /**
     * Whether the build did not find one of these base images. The base may be there again: Docker 26.1 takes a name
     * from one image before it gives it to another ({@code daemon/containerd/image_tag.go}).
     */
    public boolean missesOneOf(Collection<String> bases) {
        Matcher matcher = KnownLine.NO_BASE.matcher(line);
        return meaning == KnownLine.Meaning.FAILED && matcher.matches()
                && bases.stream().anyMatch(base -> parse(base).filter(reference -> isNamed(reference,
                        matcher.group("base"))).isPresent());
    }

    private static boolean isNamed(Reference wanted, String named) {
        return parse(named).filter(wanted::equals).isPresent();
    }

    private static Optional<Reference> parse(String name) {
        return Reference.find(name);
    }
}
