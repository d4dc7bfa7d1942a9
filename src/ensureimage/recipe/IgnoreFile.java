// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The patterns of a {@code .dockerignore} file, with the meaning that BuildKit gives them, quirks included. */
public final class IgnoreFile {
    private static final Pattern SPACE = Pattern.compile("[\t-\r ]|\u00c2[\u0085\u00a0]|\u00e1\u009a\u0080"
            + "|\u00e2\u0080[\u0080-\u008a\u00a8\u00a9\u00af]|\u00e2\u0081\u009f|\u00e3\u0080\u0080");
    private static final int LONGEST_SPACE = 3; // bytes
    private static final int LONGEST_LINE = 65_000;
    /** Nothing is ignored. */
    public static final IgnoreFile NONE = parse("");

    private final List<IgnorePattern> patterns;
    /** Whether no exception has a wildcard: then BuildKit does not look into ignored folders. */
    private final boolean plainExceptions;
    private final String unclear;
    private final List<FileStat> stats;

    private IgnoreFile(List<IgnorePattern> patterns, boolean plainExceptions, String unclear, List<FileStat> stats) {
        this.patterns = patterns;
        this.plainExceptions = plainExceptions;
        this.unclear = unclear;
        this.stats = stats;
    }

    /**
     * What follows for one path.
     *
     * @param matches whether each pattern matches it or a folder above
     * @param excluded whether it is ignored
     * @param pruned whether everything in it is, too
     */
    public record Decision(boolean[] matches, boolean excluded, boolean pruned) {
    }

    /** The one that counts for a build's main context. */
    static IgnoreFile read(Recipe recipe, BuilderKind builder) {
        if (builder == BuilderKind.PODMAN && recipe.options().passes("--ignorefile")) {
            return NONE; // wherever that is: what is ignored there counts, too
        }
        List<FileStat> stats = new ArrayList<>();
        if (recipe.dockerfile() instanceof DockerfileSource.InFile in) {
            String name = ByteStrings.encode(in.path().getFileName());
            for (String ending : builder.ignoreFilesOfTheDockerfile()) {
                Optional<String> text = textOf(in.path().toAbsolutePath().getParent(), name + ending, stats);
                if (text.isPresent()) {
                    return parse(text.get(), stats);
                }
            }
        }
        return inFolder(recipe.context(), builder, stats);
    }

    /** The one that counts for a folder that is a named context. */
    static IgnoreFile inFolder(Path folder) {
        return inFolder(folder, BuilderKind.BUILDKIT, new ArrayList<>());
    }

    private static IgnoreFile inFolder(Path folder, BuilderKind builder, List<FileStat> stats) {
        for (String name : builder.ignoreFiles()) {
            Optional<String> text = textOf(folder, name, stats);
            if (text.isPresent()) {
                return parse(text.get(), stats);
            }
        }
        return parse("", stats);
    }

    private static IgnoreFile parse(String text, List<FileStat> stats) {
        IgnoreFile ignore = parse(text);
        return new IgnoreFile(ignore.patterns, ignore.plainExceptions, ignore.unclear, stats);
    }

    /** Links are followed as if the folder were the root of everything. Empty if it is missing, a folder or so. */
    private static Optional<String> textOf(Path folder, String name, List<FileStat> stats) {
        List<ContextNode> found = ContextTree.in(folder, NONE, true, KnownFiles.NONE.now()).walk("/" + name);
        found.forEach(node -> stats.add(node.stat()));
        if (found.isEmpty() || !found.get(found.size() - 1).stat().isFile()) {
            return Optional.empty();
        }
        Path file = found.get(found.size() - 1).file();
        try {
            return Optional.of(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    /** Reads the content of a file, a byte string. */
    public static IgnoreFile parse(String text) {
        List<IgnorePattern> patterns = new ArrayList<>();
        String unclear = "";
        for (String line : text.replaceFirst("^\u00ef\u00bb\u00bf", "").split("\r?\n|\r$")) {
            String pattern = trimmed(line);
            if (line.startsWith("#") || pattern.isEmpty()) {
                continue;
            }
            boolean exception = pattern.startsWith("!");
            pattern = trimmed(exception ? pattern.substring(1) : pattern);
            if (!pattern.isEmpty()) {
                pattern = ByteStrings.cleanPath(pattern);
            }
            if (pattern.length() > 1 && pattern.startsWith("/")) {
                pattern = pattern.substring(1);
            }
            IgnorePattern parsed = IgnorePattern.parse(
                    ByteStrings.cleanPath(trimmed((exception ? "!" : "") + pattern)));
            if (!parsed.isCertain() || line.length() > LONGEST_LINE) {
                unclear = text;
            }
            patterns.add(parsed);
        }
        boolean special = patterns.stream()
                .anyMatch(pattern -> pattern.isException() && pattern.bare().matches("(?s).*[*\\[\\]?^\\\\].*"));
        return new IgnoreFile(patterns, !special, unclear, List.of());
    }

    private static String trimmed(String text) {
        Matcher space = SPACE.matcher(text);
        int begin = 0;
        while (space.region(begin, text.length()).lookingAt()) {
            begin = space.end();
        }
        int end = text.length();
        for (int length = 1; length <= LONGEST_SPACE && end - length >= begin; length++) {
            if (space.region(end - length, end).matches()) {
                end -= length;
                length = 0;
            }
        }
        return text.substring(begin, end);
    }

    /** The whole text, if the meaning of one of the patterns is not certain; otherwise empty. */
    public String unclear() {
        return unclear;
    }

    /** Of the files that it was read from, and of links on the way. */
    List<FileStat> stats() {
        return stats;
    }

    /** The decision for the context's root: no pattern matches it. */
    public Decision start() {
        return new Decision(new boolean[patterns.size()], false, false);
    }

    /**
     * Decides about a file or folder.
     *
     * @param path from the context's root, a byte string
     * @param above the decision for the folder that it is in
     */
    public Decision judge(String path, boolean folder, Decision above) {
        if (patterns.isEmpty()) {
            return above;
        }
        boolean[] matches = new boolean[patterns.size()];
        boolean excluded = false;
        for (int i = 0; i < matches.length; i++) {
            IgnorePattern pattern = patterns.get(i);
            if (!above.matches[i] && pattern.isException() != excluded) {
                continue;
            }
            matches[i] = above.matches[i] || pattern.matches(path);
            if (matches[i]) {
                excluded = !pattern.isException();
            }
        }
        boolean prune = excluded && folder && plainExceptions && patterns.stream()
                .noneMatch(pattern -> pattern.isException() && (pattern.bare() + "/").startsWith(path + "/"));
        return new Decision(matches, excluded || above.pruned, prune || above.pruned);
    }
}
