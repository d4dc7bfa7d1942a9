// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads options of {@code docker build} as docker's own parser does, spf13/pflag. {@link InputTable} says which count. */
final class InputOptions {

    /**
     * Compose notes on each image by which service of which project, and by which version of itself, it was built. An image
     * that services, checkouts or versions share is the same image.
     */
    private static final String COMPOSE_LABELS = "com.docker.compose.";

    private InputOptions() {
    }

    /**
     * An option as it was given.
     *
     * @param name the long one, if the option is known
     * @param given the name as it was given
     * @param words all of it on the command line
     */
    record Given(String name, String given, Optional<String> value, List<String> words) {

        InputTable.Effect effect() {
            if (name.equals("--label") && value.orElse("").startsWith(COMPOSE_LABELS)) {
                return InputTable.Effect.NOTHING;
            }
            return InputTable.row(name).map(row -> row.effectOf(value)).orElse(InputTable.Effect.COUNTS);
        }

        /** One form for all ways to write it. */
        @Override
        public String toString() {
            return value.map(text -> name + "=" + text).orElse(name);
        }
    }

    /** An option that is not in the table has no value that is a word of its own. */
    static List<Given> parse(List<String> words) {
        List<Given> options = new ArrayList<>();
        for (int i = 0; i < words.size();) {
            String word = words.get(i);
            List<String> rest = words.subList(i, words.size());
            int taken = word.startsWith("--") ? parseLong(rest, options)
                    : word.startsWith("-") && word.length() > 1 ? parseShort(rest, options)
                    : parseOther(rest, options);
            i += taken;
        }
        return options;
    }

    private static int parseLong(List<String> words, List<Given> options) {
        String[] pair = words.get(0).split("=", 2);
        boolean hasValue = InputTable.row(pair[0]).filter(InputTable.Row::hasValue).isPresent();
        boolean next = pair.length == 1 && hasValue && words.size() > 1;
        Optional<String> value = pair.length == 2 ? Optional.of(pair[1])
                : next ? Optional.of(words.get(1)) : Optional.empty();
        options.add(new Given(pair[0], pair[0], value, List.copyOf(words.subList(0, next ? 2 : 1))));
        return next ? 2 : 1;
    }

    /** One dash, and one or more letters; the value of the last one may be part of the word. */
    private static int parseShort(List<String> words, List<Given> options) {
        String word = words.get(0);
        for (int i = 1; i < word.length(); i++) {
            String name = "-" + word.charAt(i);
            Optional<InputTable.Row> row = InputTable.row(name);
            if (row.isEmpty()) {
                return parseOther(words, options);
            }
            String longName = row.get().name();
            String after = word.substring(i + 1);
            if (row.get().hasValue() || after.startsWith("=")) {
                boolean next = after.isEmpty() && words.size() > 1;
                Optional<String> value = next ? Optional.of(words.get(1))
                        : after.isEmpty() ? Optional.empty() : Optional.of(after.replaceFirst("^=", ""));
                options.add(new Given(longName, name, value, List.copyOf(words.subList(i == 1 ? 0 : 1, next ? 2 : 1))));
                return next ? 2 : 1;
            }
            options.add(new Given(longName, name, Optional.empty(), i == 1 ? List.of(word) : List.of()));
        }
        return 1;
    }

    private static int parseOther(List<String> words, List<Given> options) {
        options.add(new Given(words.get(0), words.get(0), Optional.empty(), List.of(words.get(0))));
        return 1;
    }
}
