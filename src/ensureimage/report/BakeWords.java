// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A command line of docker buildx bake, and what it is here. */
final class BakeWords {
    private static final Set<String> VALUED = Set.of("-f", "--file", "--allow", "--builder", "--call", "--list",
            "--metadata-file", "--progress", "--set", "--var");
    private static final Set<String> PASSED_ON = Set.of("--allow", "--builder", "--no-cache", "--pull");
    /** An image goes into the engine, and what is pushed is told by the file. */
    private static final Set<String> WITHOUT_EFFECT = Set.of("--load", "--push", "--progress", "-D", "--debug");

    private BakeWords() {
    }

    /** The same in this program's words; empty if that cannot be said. @param line of ours that is to be filled */
    static Optional<String> translate(OurLine line, List<String> words) {
        List<String> files = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        for (DockerWord word : DockerWord.read(words, VALUED::contains, false)) {
            String option = word.option();
            if (word.isArgument() && UrlContext.find(word.given().get(0)).isEmpty()) {
                rest.addAll(word.given());
            } else if (option.equals("-f") || option.equals("--file")) {
                word.value().ifPresent(files::add);
            } else if (PASSED_ON.contains(option)) {
                line.passOn(word.given());
            } else if (option.equals("--print")) {
                rest.add("--dry-run");
            } else if (option.equals("--list")) {
                rest.add(option);
            } else if (!WITHOUT_EFFECT.contains(option)) {
                return Optional.empty();
            }
        }
        line.addFiles("--bake", files);
        line.add(rest.toArray(String[]::new));
        return files.contains("-") ? Optional.empty() : Optional.of(line.text());
    }
}
