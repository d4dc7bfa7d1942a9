// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Quotes, escapes and variables in the form that BuildKit gives them: {@code frontend/dockerfile/shell/lex.go}. Works on
 * text, not on byte strings. What BuildKit refuses is not clear, and neither is what depends on an unknown value.
 */
final class ShellWords {
    /** Longer than any reference or path. Values made of values may double with every line. */
    private static final int LONGEST = 4096;
    private static final int DEEPEST = 50;
    private static final char END = '\uffff';

    private final String text;
    private final char escape;
    private final Function<String, Value> variables;
    /** Only looks for words: a variable stays what is written. */
    private final boolean keepsVariables;
    private final boolean keepsQuotes;
    private final Words words = new Words();
    private boolean keepsEscapes;
    private int at;
    private int depth;

    private static final class Unclear extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unclear() {
            super(null, null, false, false);
        }
    }

    private ShellWords(String text, char escape, Function<String, Value> variables, boolean keepsVariables,
            boolean keepsAll) {
        this.text = text;
        this.escape = escape;
        this.variables = variables;
        this.keepsVariables = keepsVariables;
        this.keepsQuotes = keepsAll;
        this.keepsEscapes = keepsAll;
    }

    /** A word with its variables replaced, without quotes and escapes; empty if that is not clear. */
    static Optional<String> expand(String word, char escape, Function<String, Value> variables) {
        ShellWords lexer = new ShellWords(word, escape, variables, false, false);
        try {
            return Optional.of(lexer.until(END, false)).filter(result -> result.length() <= LONGEST);
        } catch (Unclear e) {
            return Optional.empty();
        }
    }

    /** The words of a line as they are written; none at all if a quote or brace has no end. */
    static List<String> written(String line) {
        return words(line, true);
    }

    /** The words of a text without quotes and escapes, but with variables as they are written. */
    static List<String> unquoted(String text) {
        return words(text, false);
    }

    private static List<String> words(String text, boolean asWritten) {
        ShellWords lexer = new ShellWords(text, '\\', name -> Value.UNSET, true, asWritten);
        try {
            lexer.until(END, asWritten);
            return lexer.words.all();
        } catch (Unclear e) {
            return List.of();
        }
    }

    // ---- The grammar

    private char peek() {
        return at < text.length() ? text.charAt(at) : END;
    }

    private char next() {
        return at < text.length() ? text.charAt(at++) : END;
    }

    private String until(char stop, boolean keepingEscapes) {
        if (++depth > DEEPEST) {
            throw new Unclear();
        }
        boolean before = keepsEscapes;
        keepsEscapes = keepingEscapes;
        StringBuilder result = new StringBuilder();
        while (at < text.length() && (stop == END || peek() != stop)) {
            char c = peek();
            String part = switch (c) {
                case '\'' -> singleQuoted();
                case '"' -> doubleQuoted();
                case '$' -> variable();
                default -> plain();
            };
            result.append(part);
            if (depth == 1) {
                words.add(part, c == '\'' || c == '"' || c == escape);
            }
        }
        if (stop != END && next() != stop) {
            throw new Unclear();
        }
        keepsEscapes = before;
        depth--;
        return result.toString();
    }

    /** One character, or an escape and what it protects. */
    private String plain() {
        char c = next();
        if (c != escape) {
            return String.valueOf(c);
        }
        String kept = keepsEscapes ? String.valueOf(c) : "";
        return at < text.length() ? kept + next() : kept;
    }

    private String singleQuoted() {
        int end = text.indexOf('\'', at + 1);
        if (end < 0) {
            throw new Unclear();
        }
        String inside = text.substring(at + 1, end);
        at = end + 1;
        return keepsQuotes ? "'" + inside + "'" : inside;
    }

    private String doubleQuoted() {
        StringBuilder inside = new StringBuilder();
        next();
        while (peek() != '"') {
            if (at == text.length()) {
                throw new Unclear();
            }
            if (peek() == '$') {
                inside.append(variable());
                continue;
            }
            char c = next();
            if (c == escape) {
                inside.append(keepsEscapes ? String.valueOf(c) : "");
                c = peek() == '"' || peek() == '$' || peek() == escape ? next() : c;
            }
            inside.append(c);
        }
        next();
        return keepsQuotes ? "\"" + inside + "\"" : inside.toString();
    }

    private String variable() {
        next();
        if (peek() != '{') {
            String name = name();
            return name.isEmpty() ? "$" : keepsVariables ? "$" + name : known(name).text();
        }
        next();
        if (at == text.length() || "{}:".indexOf(peek()) >= 0) {
            throw new Unclear();
        }
        String name = name();
        char modifier = next();
        if (modifier == '}') {
            return keepsVariables ? "${" + name + "}" : known(name).text();
        } else if (modifier == '/') {
            return replaced(name);
        }
        boolean emptyIsUnset = modifier == ':';
        char kind = emptyIsUnset ? next() : modifier;
        if (!emptyIsUnset && "+-?#%".indexOf(kind) < 0) {
            throw new Unclear();
        }
        String word = until('}', kind == '#' || kind == '%');
        return keepsVariables ? "${" + name + (emptyIsUnset ? ":" : "") + kind + word + "}"
                : modified(known(name), emptyIsUnset, kind, word);
    }

    private static String modified(Value value, boolean emptyIsUnset, char kind, String word) {
        boolean there = value.isSet() && !(emptyIsUnset && value.text().isEmpty());
        return switch (kind) {
            case '-' -> there ? value.text() : word;
            case '+' -> there ? word : "";
            case '?' -> {
                if (!there) {
                    throw new Unclear(); // the build fails
                }
                yield value.text();
            }
            case '#', '%' -> trimmed(value.text(), kind == '#', word, word.startsWith(String.valueOf(kind)));
            default -> throw new Unclear();
        };
    }

    private String name() {
        int begin = at;
        if (Character.isDigit(peek())) {
            while (Character.isDigit(peek())) {
                at++;
            }
        } else if ("@*#?-$!".indexOf(peek()) >= 0) {
            at++;
        } else {
            while (peek() != END && (Character.isLetterOrDigit(peek()) || peek() == '_')) {
                at++;
            }
        }
        return text.substring(begin, at);
    }

    private Value known(String name) {
        Value value = variables.apply(name);
        if (!value.isKnown()) {
            throw new Unclear();
        }
        return value;
    }

    // ---- Patterns of a shell

    private static String trimmed(String value, boolean atBegin, String word, boolean longest) {
        String pattern = longest ? word.substring(1) : word;
        StringBuilder text = new StringBuilder(value);
        if (!atBegin) {
            text.reverse();
        }
        com.google.re2j.Matcher found =
                com.google.re2j.Pattern.compile("^" + regex(tokens(pattern, !atBegin), longest)).matcher(text);
        String rest = found.find() ? text.substring(found.end()) : text.toString();
        return atBegin ? rest : new StringBuilder(rest).reverse().toString();
    }

    private String replaced(String name) {
        boolean all = peek() == '/';
        at += all ? 1 : 0;
        String pattern = until('/', true);
        String replacement = until('}', true);
        if (keepsVariables) {
            return "${" + name + "/" + pattern + "/" + replacement + "}";
        }
        String value = known(name).text();
        if (pattern.isEmpty() || replacement.contains("$")) {
            throw new Unclear(); // depends on how Go replaces
        }
        com.google.re2j.Matcher found =
                com.google.re2j.Pattern.compile(regex(tokens(pattern, false), true)).matcher(value);
        String quoted = com.google.re2j.Matcher.quoteReplacement(replacement);
        return all ? found.replaceAll(quoted) : found.replaceFirst(quoted);
    }

    /** Characters, and escapes with the character that they protect. */
    private static List<String> tokens(String pattern, boolean backwards) {
        List<String> tokens = new ArrayList<>();
        for (int i = 0; i < pattern.length(); i++) {
            if (Character.isSurrogate(pattern.charAt(i))) {
                throw new Unclear();
            }
            boolean escaped = pattern.charAt(i) == '\\' && i + 1 < pattern.length();
            tokens.add(backwards ? 0 : tokens.size(), pattern.substring(i, escaped ? i + 2 : i + 1));
            i += escaped ? 1 : 0;
        }
        return tokens;
    }

    private static String regex(List<String> tokens, boolean longest) {
        StringBuilder regex = new StringBuilder();
        for (String token : tokens) {
            switch (token) {
                case "*" -> regex.append(longest ? ".*" : ".*?");
                case "?" -> regex.append('.');
                case "\\}", "\\/" -> regex.append(com.google.re2j.Pattern.quote(token.substring(1)));
                case "\\*", "\\?", "\\\\" -> regex.append(token);
                default -> {
                    if (token.startsWith("\\")) {
                        throw new Unclear(); // the build fails
                    }
                    regex.append(com.google.re2j.Pattern.quote(token));
                }
            }
        }
        return regex.toString();
    }

    /** Collects words: what is quoted or escaped belongs to one, even a space. */
    private static final class Words {
        private final List<String> done = new ArrayList<>();
        private final StringBuilder word = new StringBuilder();

        void add(String part, boolean together) {
            if (together) {
                word.append(part);
                return;
            }
            for (char c : part.toCharArray()) {
                if (!isSpace(c)) {
                    word.append(c);
                } else if (word.length() > 0) {
                    done.add(word.toString());
                    word.setLength(0);
                }
            }
        }

        List<String> all() {
            add(" ", false);
            return done;
        }
    }

    /** As Go's {@code unicode.IsSpace}, for Latin-1. */
    static boolean isSpace(char c) {
        return c >= '\t' && c <= '\r' || c == ' ' || c == '\u0085' || c == '\u00a0';
    }
}
