// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The instructions of a Dockerfile: what its lines say when comments, continuations and heredocs are understood as
 * BuildKit does, {@code frontend/dockerfile/parser/parser.go}. A byte string.
 */
final class DockerfileLines {
    private static final Pattern DIRECTIVE = Pattern.compile("#\\s*([a-zA-Z][a-zA-Z0-9]*)\\s*=\\s*(\\S+).*");

    private final Deque<String> lines = new ArrayDeque<>();
    private final List<Instruction> instructions = new ArrayList<>();
    private char escape = '\\';
    private Optional<String> frontend = Optional.empty();
    private boolean certain = true;

    private DockerfileLines() {
    }

    static DockerfileLines read(String text) {
        DockerfileLines file = new DockerfileLines();
        for (String line : text.replaceFirst("^\u00ef\u00bb\u00bf", "").split("\n", -1)) {
            file.lines.add(withoutReturns(line));
        }
        file.certain = !file.lines.peek().startsWith("#!"); // versions differ on what that line is
        file.directives();
        while (!file.lines.isEmpty()) {
            file.instruction();
        }
        return file;
    }

    /** In order. */
    List<Instruction> instructions() {
        return instructions;
    }

    /** The character that escapes. */
    char escape() {
        return escape;
    }

    /** The image that reads this Dockerfile in place of the builder's own frontend. */
    Optional<String> frontend() {
        return frontend;
    }

    /** Whether every version of BuildKit reads the lines so. */
    boolean isCertain() {
        return certain;
    }

    private static String withoutReturns(String line) {
        int end = line.length();
        while (end > 0 && line.charAt(end - 1) == '\r') {
            end--;
        }
        return line.substring(0, end);
    }

    private void directives() {
        for (String line : lines) {
            Matcher directive = DIRECTIVE.matcher(line.strip());
            if (!directive.matches()) {
                return;
            }
            String value = directive.group(2);
            switch (directive.group(1).toLowerCase(Locale.ROOT)) {
                case "escape" -> {
                    escape = value.charAt(0);
                    certain &= value.equals("\\") || value.equals("`");
                }
                case "syntax" -> frontend = Optional.of(value);
                case "check" -> {
                }
                default -> {
                    return;
                }
            }
            certain &= !Character.isWhitespace(line.charAt(0)); // versions differ on whether it counts then
        }
    }

    private void instruction() {
        String line = lines.remove().stripLeading();
        if (line.isEmpty() || line.startsWith("#")) {
            return;
        }
        String whole = joined(line);
        Instruction instruction = Instruction.parse(whole);
        instructions.add(instruction);
        for (Instruction.Heredoc heredoc : instruction.heredocs(whole)) {
            skip(heredoc);
        }
    }

    /** The line with its continuation lines, without comments and empty lines between. */
    private String joined(String first) {
        StringBuilder joined = new StringBuilder();
        String line = first;
        for (String end; (end = trimmed(line)).endsWith(String.valueOf(escape));) {
            certain &= end.length() < 2 || end.charAt(end.length() - 2) != escape; // versions differ on two of them
            joined.append(end, 0, end.length() - 1);
            while (!lines.isEmpty() && isBlankOrComment(lines.peek())) {
                lines.remove();
            }
            line = lines.isEmpty() ? "" : lines.remove();
        }
        return joined.append(line).toString();
    }

    private static String trimmed(String line) {
        int end = line.length();
        while (end > 0 && (line.charAt(end - 1) == ' ' || line.charAt(end - 1) == '\t')) {
            end--;
        }
        return line.substring(0, end);
    }

    private static boolean isBlankOrComment(String line) {
        String begin = line.stripLeading();
        return begin.isEmpty() || begin.startsWith("#");
    }

    /** Takes a heredoc's content out. One whose end is missing is none: BuildKit refuses such a file. */
    private void skip(Instruction.Heredoc heredoc) {
        int length = 0;
        for (String line : lines) {
            length++;
            if (heredoc.endsWith(line)) {
                for (int i = 0; i < length; i++) {
                    lines.remove();
                }
                return;
            }
        }
    }
}
