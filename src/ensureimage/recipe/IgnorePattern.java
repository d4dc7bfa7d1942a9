// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One pattern of paths. Its regular expression is Go's, linear for any pattern, as BuildKit's is. Where BuildKit's,
 * which patterns reach nearly unfiltered, may differ from ours, the pattern is not certain: then it excludes nothing and
 * re-includes everything.
 *
 * @param isException whether it re-includes what others exclude
 * @param regex empty where plain comparison does, or if there is none
 */
record IgnorePattern(boolean isException, String text, Kind kind, Optional<com.google.re2j.Pattern> regex,
        boolean isCertain) {
    private enum Kind { EXACT, PREFIX, SUFFIX, REGEX }

    private static final Pattern SIMPLE_CLASS = Pattern.compile(
            "\\[\\^?(?:[^]\\[\\\\*?^-]|\\\\\\p{Punct})(?:[^]\\[\\\\*?]|\\\\\\p{Punct})*+(?<!(?<!\\\\)-)\\]");
    private static final int LONGEST_PATH = 4096; // bytes, on Linux

    /** @param pattern trimmed and cleaned; one that begins with {@code !} is an exception */
    static IgnorePattern parse(String pattern) {
        boolean exception = pattern.startsWith("!");
        String text = exception ? pattern.substring(1) : pattern;
        if (text.length() > LONGEST_PATH) {
            return new IgnorePattern(exception, text, Kind.REGEX, Optional.empty(), false);
        }
        Kind kind = Kind.EXACT;
        boolean certain = !text.isEmpty();
        boolean literal = true;
        StringBuilder regex = new StringBuilder("^");
        String chars = ByteStrings.decode(text);
        for (int i = 0; i < chars.length(); i++) {
            char c = chars.charAt(i);
            boolean first = i == 0;
            if (chars.startsWith("**", i)) {
                i += chars.startsWith("/", i + 2) ? 2 : 1;
                boolean last = i == chars.length() - 1;
                regex.append(last ? ".*" : "(.*/)?");
                kind = first ? Kind.SUFFIX : last && kind == Kind.EXACT ? Kind.PREFIX : Kind.REGEX;
                continue;
            }
            if ("*?[]\\".indexOf(c) >= 0) {
                kind = Kind.REGEX;
            }
            if (c == '*') {
                regex.append("[^/]*");
            } else if (c == '?') {
                regex.append("[^/]");
            } else if (c == '[') {
                int end = classEnd(chars, i);
                certain &= end > 0;
                if (end > 0) {
                    regex.append(chars.substring(i, end + 1).replace("&", "\\&"));
                }
                i = Math.max(i, end);
            } else if (c == '\\') {
                certain &= ++i < chars.length() && chars.substring(i, i + 1).matches("\\p{Punct}");
                if (certain) {
                    regex.append('\\').append(chars.charAt(i));
                }
            } else if (".+()$]{|}".indexOf(c) >= 0) {
                regex.append('\\').append(c);
                literal &= c != '{' && c != '|'; // BuildKit forgets to escape them; it may not forever
            } else {
                regex.append(c);
            }
        }
        Optional<com.google.re2j.Pattern> compiled = kind == Kind.REGEX ? compiled(regex + "\\z") : Optional.empty();
        certain &= kind != Kind.REGEX || compiled.isPresent() && literal;
        return new IgnorePattern(exception, text, kind, compiled, certain);
    }

    /** Where the class that begins at {@code start} ends, 0 if it is not of the simple kind that is certain. */
    private static int classEnd(String chars, int start) {
        Matcher simple = SIMPLE_CLASS.matcher(chars).region(start, chars.length());
        return simple.lookingAt() ? simple.end() - 1 : 0;
    }

    private static Optional<com.google.re2j.Pattern> compiled(String regex) {
        try {
            return Optional.of(com.google.re2j.Pattern.compile(regex));
        } catch (com.google.re2j.PatternSyntaxException e) {
            return Optional.empty();
        }
    }

    /** The text without a last {@code /*} or {@code /**}. */
    String bare() {
        return text.replaceFirst("/\\*\\*$", "").replaceFirst("/\\*$", "");
    }

    /** Whether it matches this path, a byte string. */
    boolean matches(String path) {
        return switch (kind) {
            case EXACT -> path.equals(text);
            case PREFIX -> path.startsWith(text.substring(0, text.length() - 2));
            case SUFFIX -> path.endsWith(text.substring(2)) || text.equals("**/" + path);
            case REGEX -> isCertain ? regex.orElseThrow().matcher(ByteStrings.decode(path)).find() : isException;
        };
    }
}
