///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Formats the project's Java; with --check only tells which files are not formatted
//JAVA 17+
//DEPS org.eclipse.jdt:org.eclipse.jdt.core:3.38.0

import static org.eclipse.jdt.core.formatter.CodeFormatter.K_COMPILATION_UNIT;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.eclipse.jdt.core.JavaCore;
import org.eclipse.jdt.core.ToolFactory;
import org.eclipse.jdt.core.formatter.CodeFormatter;
import org.eclipse.jdt.core.formatter.DefaultCodeFormatterConstants;
import org.eclipse.jface.text.BadLocationException;
import org.eclipse.jface.text.Document;
import org.eclipse.text.edits.TextEdit;

/**
 * Eclipse's formatter over all Java files of this checkout. It leaves comments alone, so JBang's directives too, and
 * the places where a line is broken.
 *
 * <p>Run: {@code ./jbangw tests/format.java [--check]}. Exit status: 0; 2 for another argument; 10 with
 * {@code --check} if a file is not formatted.
 */
class format {
    static final int USAGE = 2;
    static final int UNFORMATTED = 10;

    private static final String PREFIX = JavaCore.PLUGIN_ID + ".formatter.";
    private static final Map<String, String> SETTINGS = Map.ofEntries(
            Map.entry("lineSplit", "120"),
            Map.entry("tabulation.char", "space"),
            Map.entry("join_wrapped_lines", "false"),
            Map.entry("comment.format_javadoc_comments", "false"),
            Map.entry("comment.format_block_comments", "false"),
            Map.entry("comment.format_line_comments", "false"),
            Map.entry("continuation_indentation_for_array_initializer", "1"),
            Map.entry("insert_space_after_opening_brace_in_array_initializer", "do not insert"),
            Map.entry("insert_space_before_closing_brace_in_array_initializer", "do not insert"),
            Map.entry("indent_switchstatements_compare_to_switch", "true"),
            Map.entry("alignment_for_arguments_in_annotation", "16"),
            Map.entry("alignment_for_assignment", "16"),
            Map.entry("alignment_for_conditional_expression_chain", "16"),
            Map.entry("blank_lines_before_new_chunk", "0"),
            Map.entry("keep_else_statement_on_same_line", "true"),
            Map.entry("keep_enum_declaration_on_one_line", "one_line_preserve"),
            Map.entry("keep_lambda_body_block_on_one_line", "one_line_preserve"),
            Map.entry("keep_method_body_on_one_line", "one_line_preserve"),
            Map.entry("keep_record_declaration_on_one_line", "one_line_preserve"),
            Map.entry("keep_simple_for_body_on_same_line", "true"),
            Map.entry("keep_simple_while_body_on_same_line", "true"),
            Map.entry("keep_switch_body_block_on_one_line", "one_line_preserve"),
            Map.entry("keep_switch_case_with_arrow_on_one_line", "one_line_preserve"),
            Map.entry("keep_then_statement_on_same_line", "true"),
            Map.entry("keep_type_declaration_on_one_line", "one_line_preserve"));

    public static void main(String... arguments) throws IOException {
        boolean check = List.of(arguments).equals(List.of("--check"));
        if (arguments.length > 0 && !check) {
            System.err.println("format: the one option is --check");
            System.exit(USAGE);
        }
        List<Path> changed = all(Path.of(""), !check);
        changed.forEach(file -> System.out.println((check ? "not formatted: " : "formatted: ") + file));
        System.exit(check && !changed.isEmpty() ? UNFORMATTED : 0);
    }

    /** The Java files below a folder that are not formatted; on request they are from then on. */
    static List<Path> all(Path root, boolean write) throws IOException {
        CodeFormatter formatter = formatter();
        List<Path> changed = new ArrayList<>();
        for (Path file : javaFiles(root)) {
            String before = Files.readString(file);
            String after = formatted(formatter, before, file);
            if (!after.equals(before)) {
                changed.add(file);
                if (write) {
                    Files.writeString(file, after);
                }
            }
        }
        return changed;
    }

    private static List<Path> javaFiles(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> !root.relativize(file).toString().matches("(?:.*/)?\\..*")).sorted().toList();
        }
    }

    private static CodeFormatter formatter() {
        Map<String, String> options = DefaultCodeFormatterConstants.getEclipseDefaultSettings();
        JavaCore.setComplianceOptions("17", options);
        SETTINGS.forEach((name, value) -> {
            if (options.put(PREFIX + name, value) == null) {
                throw new IllegalArgumentException("no such setting: " + name);
            }
        });
        return ToolFactory.createCodeFormatter(options);
    }

    private static String formatted(CodeFormatter formatter, String text, Path file) {
        TextEdit edit = formatter.format(K_COMPILATION_UNIT, text, 0, text.length(), 0, "\n");
        if (edit == null) {
            throw new IllegalArgumentException("not Java: " + file);
        }
        Document document = new Document(text);
        try {
            edit.apply(document);
        } catch (BadLocationException e) {
            throw new IllegalStateException(e);
        }
        return document.get();
    }
}
