// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * An option or an argument of a command line of docker.
 *
 * @param option its name, as in {@code --file} or {@code -it}; empty for an argument
 * @param value of the option, if it has one; or the argument
 * @param given its words
 */
record DockerWord(String option, Optional<String> value, List<String> given) {

    /**
     * Reads a command line up to an argument that ends its options, or all of it.
     *
     * @param valued which options take a value: {@code --name VALUE}, {@code --name=VALUE}, {@code -n VALUE},
     *     {@code -nVALUE}
     * @param toArgument whether the first argument is the last word that is read
     */
    static List<DockerWord> read(List<String> words, Predicate<String> valued, boolean toArgument) {
        List<DockerWord> all = new ArrayList<>();
        int next = 0;
        while (next < words.size()) {
            DockerWord word = read(words.subList(next, words.size()), valued);
            all.add(word);
            next += word.given.size();
            if (toArgument && word.isArgument()) {
                break;
            }
        }
        return all;
    }

    private static DockerWord read(List<String> words, Predicate<String> valued) {
        String word = words.get(0);
        if (!word.startsWith("-") || word.equals("-")) {
            return new DockerWord("", Optional.of(word), List.of(word));
        }
        int equals = word.indexOf('=');
        boolean isShort = !word.startsWith("--");
        if (isShort && word.length() > 2 && valued.test(word.substring(0, 2))) {
            return new DockerWord(word.substring(0, 2), Optional.of(word.substring(equals == 2 ? 3 : 2)),
                    List.of(word));
        }
        if (equals > 0) {
            return new DockerWord(word.substring(0, equals), Optional.of(word.substring(equals + 1)), List.of(word));
        }
        boolean takes = valued.test(isShort ? "-" + word.charAt(word.length() - 1) : word);
        return takes && words.size() > 1 ? new DockerWord(word, Optional.of(words.get(1)), words.subList(0, 2))
                : new DockerWord(word, Optional.empty(), List.of(word));
    }

    boolean isArgument() {
        return option.isEmpty();
    }

    /** Whether it sets a variable to a value, which may be a secret. */
    boolean setsVariable() {
        return option.matches("-e|--env") && value.filter(text -> text.contains("=")).isPresent();
    }
}
