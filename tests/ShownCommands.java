// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The commands that a page shows: the paragraphs of a code block that begin with a command. Where the paragraph begins
 * with {@code $}, the rest is what that command prints.
 */
public final class ShownCommands {

    /** What a command begins with. What else a code block holds is output, a configuration, or code. */
    private static final Pattern COMMAND =
            Pattern.compile("(?:\\$ )?(?:\\w+=\\S* )*(?:\\w+=\\$\\(|source <\\(|eval \"?\\$\\()?"
                    + "(?:\\./[\\w./-]+|ensure_image|race_repro|with_docker|docker|podman|jbang|java|git|curl|cd|export|jq|make|"
                    + "cp|mkdir|chmod|cat|sha256sum|gh|sudo)(?: .*)?");
    private static final Pattern FENCE = Pattern.compile("```(\\w*).*");
    private static final Pattern SHELL = Pattern.compile("(?:sh|bash|shell|console|text)?");
    /** A line of the examples of a help text: a command, two blanks, and what it does. */
    private static final Pattern EXAMPLE = Pattern.compile("  ((?:\\w+=\\$\\(|source <\\()?(?:ensure_image|race_repro|"
            + "with_docker)(?: .*?)?)(?: {2,}.*)?");
    private static final Pattern COMMENT = Pattern.compile("(?:^| +)# .*$");

    /**
     * A paragraph.
     *
     * @param where the page and the line, from 1
     * @param lines that are commands
     * @param printed what the page says that they print; empty if it says nothing
     */
    public record Shown(String where, List<String> lines, List<String> printed) {

        /** Whether it is about a clone of this repository; else it is about a project of the reader's. */
        public boolean isInClone() {
            return lines.stream().anyMatch(line -> line.contains("./jbangw") || line.contains("tests/")
                    || line.contains(".java"));
        }

        /** The same without these lines. */
        public Shown without(List<String> others) {
            return new Shown(where, lines.stream().filter(line -> !others.contains(line)).toList(), printed);
        }

        public String script() {
            return String.join("\n", lines);
        }

        @Override
        public String toString() {
            return where + " " + script();
        }
    }

    private ShownCommands() {
    }

    /** The pages of this checkout that readers are to follow. */
    public static List<Path> pages() throws IOException {
        var pages = new TreeSet<Path>();
        for (String folder : List.of("", "docs", "examples", "benchmarks")) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Harness.projectFile(folder), "*.md")) {
                files.forEach(pages::add);
            }
        }
        return List.copyOf(pages);
    }

    public static List<Shown> in(Path page) throws IOException {
        return in(Harness.root().relativize(page).toString(), Files.readString(page));
    }

    static List<Shown> in(String page, String text) {
        List<Shown> all = new ArrayList<>();
        List<String> paragraph = new ArrayList<>();
        String fence = null;
        String before = "";
        boolean indented = false;
        int number = 0;
        for (String line : (text + "\n\n").split("\n", -1)) {
            number++;
            Matcher mark = FENCE.matcher(line.strip());
            boolean isFence = mark.matches();
            boolean inBlock = fence != null ? SHELL.matcher(fence).matches() : line.startsWith("    ");
            if (isFence || !inBlock || line.isBlank()) {
                add(all, page, number - paragraph.size(), paragraph);
                paragraph.clear();
            } else {
                boolean begins = fence != null || indented || before.isBlank(); // else it goes on with a list's sentence
                indented = fence == null && begins;
                if (begins) {
                    paragraph.add(fence == null ? line.substring(4) : line);
                }
            }
            indented &= inBlock || line.isBlank();
            if (isFence) {
                fence = fence == null ? mark.group(1) : null;
            }
            before = line;
        }
        return all;
    }

    private static void add(List<Shown> all, String page, int number, List<String> paragraph) {
        if (paragraph.isEmpty()) {
            return;
        }
        String where = page + ":" + number;
        String first = paragraph.get(0);
        if (first.equals("Examples:")) {
            paragraph.stream().skip(1).map(EXAMPLE::matcher).filter(Matcher::matches)
                    .forEach(line -> all.add(new Shown(where, List.of(line.group(1).strip()), List.of())));
        } else if (COMMAND.matcher(first).matches()) {
            if (first.startsWith("$ ")) {
                addTranscript(all, where, paragraph);
            } else {
                all.add(new Shown(where, paragraph.stream().map(line -> COMMENT.matcher(line).replaceAll(""))
                        .filter(line -> !line.isBlank()).toList(), List.of()));
            }
        }
    }

    /** Each line that begins with {@code $} begins a command; what follows up to the next one is its output. */
    private static void addTranscript(List<Shown> all, String where, List<String> paragraph) {
        int i = 0;
        while (i < paragraph.size()) {
            String command = paragraph.get(i).substring(2);
            List<String> printed = new ArrayList<>();
            for (i++; i < paragraph.size() && !paragraph.get(i).startsWith("$ "); i++) {
                printed.add(paragraph.get(i).stripTrailing());
            }
            all.add(new Shown(where, List.of(command), printed));
        }
    }
}
