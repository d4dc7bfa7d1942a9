// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One instruction of a Dockerfile, its lines joined: moby/buildkit {@code frontend/dockerfile/parser}. Byte strings.
 *
 * @param name in upper case
 * @param flags the words that begin with two dashes, without quotes
 * @param rest what follows them
 */
record Instruction(String name, List<String> flags, String rest) {
    private static final Pattern SPACES = Pattern.compile("[\t\u000b\f\r ]+");
    private static final Pattern HEREDOC = Pattern.compile("(?s)\\d*<<(-?)([^<]+)");

    /** Where a heredoc ends. */
    record Heredoc(String name, boolean withoutTabs) {

        boolean endsWith(String line) {
            return name.equals(withoutTabs ? line.replaceFirst("^\t+", "") : line);
        }
    }

    static Instruction parse(String line) {
        String[] parts = SPACES.split(line.strip(), 2);
        List<String> flags = new ArrayList<>();
        String rest = parts.length < 2 ? "" : parts[1].strip();
        while (rest.startsWith("--")) {
            StringBuilder flag = new StringBuilder();
            rest = rest.substring(flag(rest, flag)).strip();
            if (flag.toString().equals("--")) {
                break;
            }
            flags.add(flag.toString());
        }
        return new Instruction(parts[0].toUpperCase(Locale.ROOT), List.copyOf(flags), rest);
    }

    /** Takes the quotes and escapes off the first word, and returns where it ends. */
    private static int flag(String text, StringBuilder flag) {
        char quote = 0;
        int i = 0;
        for (; i < text.length() && (quote != 0 || !ShellWords.isSpace(text.charAt(i))); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length()) {
                flag.append(text.charAt(++i));
            } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
                quote = quote != 0 ? 0 : c;
            } else if (c != '\\') {
                flag.append(c);
            }
        }
        return i;
    }

    /** What ONBUILD stands before; empty for anything else. */
    Optional<Instruction> trigger() {
        return name.equals("ONBUILD") && !rest.isEmpty() ? Optional.of(parse(rest)) : Optional.empty();
    }

    /** The value of a flag, if it is there with one. */
    Optional<String> flag(String flag) {
        return flags.stream().filter(each -> each.startsWith("--" + flag + "="))
                .map(each -> each.substring(flag.length() + 3)).findFirst();
    }

    /** The words of the rest: those of a JSON list, else what blanks separate. */
    List<String> words() {
        return JsonStrings.parse(rest).orElseGet(() -> rest.isEmpty() ? List.of() : List.of(SPACES.split(rest)));
    }

    /**
     * The heredocs whose contents follow a line.
     *
     * @param line the whole of this instruction
     */
    List<Heredoc> heredocs(String line) {
        Instruction inner = trigger().orElse(this);
        boolean possible = List.of("RUN", "COPY", "ADD").contains(inner.name) && line.contains("<<")
                && JsonStrings.parse(inner.rest).isEmpty();
        return !possible ? List.of()
                : ShellWords.written(ByteStrings.decode(line)).stream().map(Instruction::heredoc)
                        .flatMap(Optional::stream).toList();
    }

    /** The heredoc that a word begins, as it is written. */
    static Optional<Heredoc> heredoc(String word) {
        Matcher begin = HEREDOC.matcher(word);
        if (!begin.matches()) {
            return Optional.empty();
        }
        List<String> name = ShellWords.unquoted(begin.group(2));
        return name.size() != 1 ? Optional.empty()
                : Optional.of(new Heredoc(ByteStrings.encode(name.get(0)), !begin.group(1).isEmpty()));
    }

    /** The words of a definition, in which quotes and escapes stay: {@code NAME=VALUE}. */
    static List<String> definitions(String text, char escape) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote == 0 && ShellWords.isSpace(c)) {
                words.add(word.toString());
                word.setLength(0);
                continue;
            }
            if (c == escape && quote != '\'') {
                if (i + 1 == text.length()) {
                    break; // at the end it protects nothing
                }
                word.append(c);
                c = text.charAt(++i);
            } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
                quote = quote != 0 ? 0 : c;
            }
            word.append(c);
        }
        words.add(word.toString());
        words.removeIf(String::isEmpty);
        return words;
    }
}
