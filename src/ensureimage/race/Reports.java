// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.Printable;
import ensureimage.report.ExitCode;
import ensureimage.report.Message;
import ensureimage.report.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a run shows at its end: on the terminal, and in files.
 *
 * <p>What an engine or docker says is data: it is escaped for whatever it is written into.
 */
public final class Reports {

    private Reports() {
    }

    /** What a report's file holds, by the end of its name. */
    public enum Format {
        /** A page for a browser. */
        HTML,
        /** Markdown, with the timeline as a Mermaid chart. */
        MD,
        /** For programs. */
        JSON,
        /** The timeline alone. */
        SVG;

        /** By the end of the name of a file. */
        private static Optional<Format> find(Path file) {
            String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
            return Arrays.stream(values()).filter(format -> name.endsWith(format.ending())).findFirst();
        }

        private String ending() {
            return "." + name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Refuses a file that cannot be a report, so that the user is told before the run.
     *
     * @return the file
     * @throws IllegalArgumentException if its name ends in no {@link Format}, or it cannot be written; the message is
     *         for the user
     */
    public static Path requireWritable(Path file) {
        if (Format.find(file).isEmpty()) {
            throw new IllegalArgumentException("the name '" + file + "' ends in none of "
                    + Arrays.stream(Format.values()).map(Format::ending).collect(Collectors.joining(", ")));
        }
        Path folder = file.toAbsolutePath().getParent();
        if (!Files.isDirectory(folder) || !Files.isWritable(folder) || Files.isDirectory(file)) {
            throw new IllegalArgumentException("cannot write a file '" + file + "'");
        }
        return file;
    }

    /** A run in lines of text. */
    public static List<String> text(Results results, Terminal terminal) {
        return new TextReport(results, terminal).lines();
    }

    /** A fleet in lines of text. */
    public static List<String> text(FleetResults fleet, Terminal terminal) {
        return new FleetReport(fleet).text(terminal);
    }

    /**
     * Writes reports. Markdown is also appended to the summary of a GitHub Actions job.
     *
     * @param files as {@link #requireWritable} takes each
     * @param environment names that summary, if this is such a job
     * @throws NotPlayed {@link ExitCode#USAGE} if one cannot be written
     */
    public static void write(Results results, List<Path> files, Map<String, String> environment) throws NotPlayed {
        for (Path file : files) {
            Format format = Format.find(file).orElseThrow();
            write(switch (format) {
                case HTML -> new HtmlPage(results).text();
                case MD -> new MarkdownPage(results).text();
                case JSON -> new JsonReport(results).text();
                case SVG -> new SvgTimeline(results.examples()).file();
            }, format, file, environment);
        }
    }

    /** The same of a fleet, which has no timeline. */
    public static void write(FleetResults fleet, List<Path> files, Map<String, String> environment) throws NotPlayed {
        FleetReport report = new FleetReport(fleet);
        for (Path file : files) {
            Format format = Format.find(file).orElseThrow();
            write(switch (format) {
                case HTML -> report.html();
                case MD -> report.markdown();
                case JSON -> report.json();
                case SVG -> throw new NotPlayed(ExitCode.USAGE, new Message("a fleet has no timeline"), List.of());
            }, format, file, environment);
        }
    }

    private static void write(String text, Format format, Path file, Map<String, String> environment) throws NotPlayed {
        try {
            Files.writeString(file, text);
            String summary = environment.getOrDefault("GITHUB_STEP_SUMMARY", "");
            if (format == Format.MD && !summary.isEmpty()) {
                Files.writeString(Path.of(summary), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }
        } catch (IOException e) {
            throw new NotPlayed(ExitCode.USAGE, new Message("cannot write a report: "
                    + Printable.escape(e.getMessage())), List.of());
        }
    }
}
