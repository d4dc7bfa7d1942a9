// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Printable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** A command line of this program, to be pasted: in the place of one of docker's, or before it. */
public final class OurLine {
    /** With these docker builds in any case. */
    private static final Set<String> ANEW = Set.of("--no-cache", "--no-cache-filter", "--pull");

    private final String command;
    /** Variables of the environment; for this command only. */
    private final List<String> variables = new ArrayList<>();
    private final List<String> words = new ArrayList<>();
    private final List<String> passedOn = new ArrayList<>();

    /** @param command as the user types it */
    OurLine(String command) {
        this.command = command;
    }

    void set(String variable, String value) {
        variables.add(variable + "=" + quoted(value));
    }

    /** Options and names, in the order of the line. */
    void add(String... some) {
        words.addAll(List.of(some));
    }

    /** What {@code docker build} gets. */
    void passOn(List<String> some) {
        passedOn.addAll(some);
    }

    /** {@code --compose} or {@code --bake}, with what names its files. */
    void addFiles(String option, List<String> files) {
        boolean areTold = files.stream().allMatch(file -> Options.FileNames.FILE.matcher(file).matches());
        if (files.isEmpty() || areTold) {
            words.add(option);
            words.addAll(files);
        } else {
            files.forEach(file -> words.add(option + "=" + file));
        }
    }

    String text() {
        boolean isAnew = passedOn.stream().anyMatch(ANEW::contains) && !words.contains("--force");
        return Stream.of(variables.stream(), Stream.of(command), words.stream().map(OurLine::quoted),
                Stream.of("--force").filter(force -> isAnew), Stream.of("--").filter(end -> !passedOn.isEmpty()),
                passedOn.stream().map(OurLine::quoted)).flatMap(each -> each)
                .reduce((line, word) -> line + " " + word).orElseThrow();
    }

    /** That, and what follows if it succeeds. */
    String text(Optional<String> then) {
        return text() + then.map(next -> " && " + next).orElse("");
    }

    /** A word for a shell. */
    static String quoted(String word) {
        String printable = Printable.escape(word);
        return printable.matches("[\\w./@%+,:=-]+") ? printable : "'" + printable.replace("'", "'\\''") + "'";
    }

    /** {@return words as a line for a shell, with nothing in it that cannot be printed} */
    public static String quoted(List<String> words) {
        return String.join(" ", words.stream().map(OurLine::quoted).toList());
    }
}
