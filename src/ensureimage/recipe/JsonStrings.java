// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A list of strings in JSON, the exec form of Dockerfiles. Much less than a library, whose loading a warm run would notice. */
final class JsonStrings {
    /** In place of a character that JSON does not escape. */
    private static final char NONE = Character.MIN_SURROGATE;

    private final String text;
    private int at;

    private JsonStrings(String text) {
        this.text = text;
    }

    /** Empty if the text is anything else; then it is a command for the shell, or words. */
    static Optional<List<String>> parse(String text) {
        if (!text.startsWith("[")) {
            return Optional.empty();
        }
        JsonStrings parser = new JsonStrings(text);
        try {
            return parser.list();
        } catch (StringIndexOutOfBoundsException | NumberFormatException e) { // no end, or no number after \\u
            return Optional.empty();
        }
    }

    private Optional<List<String>> list() {
        List<String> strings = new ArrayList<>();
        at++;
        skipBlanks();
        while (text.charAt(at) != ']') {
            if (!strings.isEmpty() && text.charAt(at++) != ',') {
                return Optional.empty();
            }
            skipBlanks();
            StringBuilder string = new StringBuilder();
            if (text.charAt(at++) != '"' || !string(string)) {
                return Optional.empty();
            }
            strings.add(string.toString());
            skipBlanks();
        }
        at++;
        skipBlanks();
        return at == text.length() ? Optional.of(strings) : Optional.empty();
    }

    private void skipBlanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    /** Reads on to the closing quote; false if there is something that JSON does not allow. */
    private boolean string(StringBuilder string) {
        for (char c; (c = text.charAt(at++)) != '"';) {
            if (c < ' ') {
                return false;
            }
            if (c == '\\') {
                char kind = text.charAt(at++);
                int simple = "\"\\/bfnrt".indexOf(kind);
                char meant = kind == 'u' ? (char) Integer.parseInt(text.substring(at, at += 4), 16)
                        : simple < 0 ? NONE : "\"\\/\b\f\n\r\t".charAt(simple);
                if (Character.isSurrogate(meant)) { // of a pair, which no path in a Dockerfile needs
                    return false;
                }
                string.append(ByteStrings.encode(String.valueOf(meant)));
            } else {
                string.append(c);
            }
        }
        return true;
    }
}
