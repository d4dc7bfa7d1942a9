//DEPS com.google.re2j:re2j:1.8

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileSystemException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The fingerprint of a Docker build's inputs. The rule: it never covers less than the build can see; where that cannot
 * be told, it covers more.
 *
 * <p>Paths and texts are byte strings: one char (0 to 255) for each byte, whatever the locale, so that no file name is
 * lost or confused and sorting is by bytes.
 */
final class Fingerprints {
    private Fingerprints() {}

    /** What one build gets. {@code arguments} are resolved; {@code bases}: the collection's images it builds on. */
    record Inputs(Path context, Dockerfile dockerfile, Map<String, String> arguments, String target, String platform,
            List<String> passThrough, SortedMap<String, String> bases) {

        /** The options that count. Secrets are no input, so neither is where they come from. */
        List<String> options() {
            List<String> options = new ArrayList<>();
            for (int i = 0; i < passThrough.size(); i++) {
                if (passThrough.get(i).equals("--secret")) i++;
                else if (!passThrough.get(i).startsWith("--secret=")) options.add(passThrough.get(i));
            }
            return options;
        }

        /** Values of {@code --build-context}, as {@code name=where}. */
        List<String> namedContexts() {
            List<String> found = new ArrayList<>();
            for (int i = 0; i < passThrough.size(); i++) {
                String option = passThrough.get(i);
                if (option.startsWith("--build-context=")) found.add(option.substring("--build-context=".length()));
                if (option.equals("--build-context") && i + 1 < passThrough.size()) found.add(passThrough.get(++i));
            }
            return found;
        }
    }

    /** An input that cannot be read; the message is for the user. */
    static final class Unreadable extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unreadable(Path file, IOException cause) {
            super("cannot read " + shown(bytes(file)) + ": " + reason(cause), cause);
        }

        private static String reason(IOException e) {
            if (e instanceof AccessDeniedException) return "permission denied";
            if (e instanceof NoSuchFileException) return "no such file or folder";
            String why = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
            return why == null ? e.getClass().getSimpleName() : shown(raw(why));
        }
    }

    /** How much of the context a fingerprint covers; its value begins with it, so a label says how to check it. */
    enum Scope {
        /** What the Dockerfile itself uses: enough if no base image outside the collection has ONBUILD triggers. */
        SEEN("v1s:"),
        /** Everything that is not ignored: always enough. */
        WHOLE("v1:");

        final String prefix;

        Scope(String prefix) { this.prefix = prefix; }

        static Scope of(String label) { return label.startsWith(SEEN.prefix) ? SEEN : WHOLE; }
    }

    /** {@code value} goes on the image, {@code manifest} into the cache to say why later; {@code stamp}: see below. */
    record Fingerprint(String value, Manifest manifest, Stamp stamp) {

        static Fingerprint of(Inputs inputs, Scope asked) {
            View view = View.of(inputs, asked);
            Map<String, String> files = view.nodes.entrySet().parallelStream()
                    .map(e -> Map.entry(e.getKey(), e.getValue().digest()))
                    .filter(e -> !e.getValue().isEmpty())
                    .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
            Manifest manifest = new Manifest(new Digest().add(new String(inputs.dockerfile.content,
                    StandardCharsets.ISO_8859_1)).hex(), new TreeMap<>(files), inputs.bases);
            String digest = new Digest().add("ensure_image fingerprint", "1", view.scope.name())
                    .add(manifest.dockerfile).add(new TreeMap<>(inputs.arguments))
                    .add(inputs.target, inputs.platform).add(inputs.options().toArray(String[]::new))
                    .add(manifest.bases).add(view.unclear).add(manifest.files).hex();
            return new Fingerprint(view.scope.prefix + digest, manifest, view.stamp());
        }

        /**
         * Whether the inputs are what they were, and were all the time since: sizes, times, inodes and modes tell. Only
         * for files changed just before the fingerprint was made they may not, so then it is made again to compare.
         */
        boolean unchanged(Inputs inputs) {
            try {
                return View.of(inputs, Scope.of(value)).stamp().value.equals(stamp.value)
                        && (!stamp.racy || of(inputs, Scope.of(value)).value.equals(value));
            } catch (Unreadable gone) {
                return false;
            }
        }
    }

    /** The digest of what lstat says of all files; {@code racy}: one changed so recently that it may again, unseen. */
    private record Stamp(String value, boolean racy) {}

    /** What of the inputs is kept to say why an image is stale: digests only, and nothing about build arguments. */
    record Manifest(String dockerfile, SortedMap<String, String> files, SortedMap<String, String> bases) {
        private static final String HEAD = "ensure_image manifest 1\n";

        String text() {
            StringBuilder text = new StringBuilder(HEAD).append("D ").append(dockerfile).append(" -\n");
            bases.forEach((name, digest) -> text.append("B " + digest + " " + packed(name) + "\n"));
            files.forEach((name, digest) -> text.append("F " + digest + " " + packed(name) + "\n"));
            return text + "= " + new Digest().add(text.toString()).hex() + "\n";
        }

        /** Empty for anything that {@link #text} did not write, whole. */
        static Optional<Manifest> parse(String text) {
            int end = text.lastIndexOf("= ");
            if (!text.startsWith(HEAD) || end < HEAD.length()
                    || !text.substring(end).equals("= " + new Digest().add(text.substring(0, end)).hex() + "\n")) {
                return Optional.empty();
            }
            Map<String, SortedMap<String, String>> parts = Map.of("D", new TreeMap<>(), "B", new TreeMap<>(), "F",
                    new TreeMap<>());
            for (String line : text.substring(HEAD.length(), end).split("\n")) {
                String[] words = line.split(" ");
                parts.get(words[0]).put(unpacked(words[2]), words[1]);
            }
            return Optional.of(new Manifest(parts.get("D").get("-"), parts.get("F"), parts.get("B")));
        }

        /** For example {@code Dockerfile changed; 1 file added (src/new.conf)}. */
        static String whyStale(Manifest before, Manifest now) {
            List<String> reasons = new ArrayList<>();
            if (!before.dockerfile.equals(now.dockerfile)) reasons.add("Dockerfile changed");
            differences(before.bases, now.bases).forEach(
                    (how, names) -> reasons.add((names.size() == 1 ? "base " : "bases ") + some(names) + " " + how));
            differences(before.files, now.files).forEach((how, names) -> reasons.add(names.size()
                    + (names.size() == 1 ? " file " : " files ") + how + " (" + some(names) + ")"));
            return reasons.isEmpty() ? "build arguments or options changed" : String.join("; ", reasons);
        }

        private static Map<String, List<String>> differences(Map<String, String> before, Map<String, String> now) {
            Map<String, List<String>> found = new TreeMap<>();
            SortedSet<String> names = new TreeSet<>(before.keySet());
            names.addAll(now.keySet());
            for (String name : names) {
                String how = !now.containsKey(name) ? "removed" : !before.containsKey(name) ? "added" : "changed";
                if (!now.getOrDefault(name, "").equals(before.get(name))) {
                    found.computeIfAbsent(how, h -> new ArrayList<>()).add(name);
                }
            }
            return found;
        }

        private static String some(List<String> names) {
            return names.stream().limit(3).map(Fingerprints::shown).collect(Collectors.joining(", "))
                    + (names.size() > 3 ? ", …" : "");
        }
    }

    /**
     * What a Dockerfile says about its inputs. {@code sources}: cleaned patterns of the context's paths that it uses,
     * {@code /} if it may use everything; {@code bases}: images that it builds on or copies from, as written, variables
     * substituted; {@code triggers}: it has ONBUILD instructions, which see the context of whoever builds on it.
     */
    record Dockerfile(Path file, byte[] content, SortedSet<String> sources, SortedSet<String> bases, boolean triggers,
            List<Stat> stats) {

        static Dockerfile read(Path file, Map<String, String> arguments) {
            List<Stat> before = stats(file);
            return of(file, contentOf(file), arguments, before);
        }

        /** {@code file} is null for a Dockerfile that is none ({@code -f -}). */
        static Dockerfile of(Path file, byte[] content, Map<String, String> arguments) {
            return of(file, content, arguments, List.of());
        }

        private static Dockerfile of(Path file, byte[] content, Map<String, String> arguments, List<Stat> stats) {
            DockerfileReader reader = new DockerfileReader(arguments);
            reader.read(new String(content, StandardCharsets.ISO_8859_1));
            return new Dockerfile(file, content, reader.sources, reader.bases, reader.triggers, stats);
        }

        /** Of the file, and of what it links to. */
        private static List<Stat> stats(Path file) {
            try {
                return List.of(Stat.of(file), Stat.of(file.toRealPath()));
            } catch (IOException e) {
                throw new Unreadable(file, e);
            }
        }
    }

    /** Reads a Dockerfile as BuildKit does; whatever it does not know for sure may use the whole context. */
    private static final class DockerfileReader {
        private static final Pattern DIRECTIVE = Pattern.compile("#\\s*(\\w+)\\s*=\\s*(\\S+).*");
        private static final Pattern KNOWN_SYNTAX =
                Pattern.compile("(docker\\.io/)?docker/dockerfile(-upstream)?([:@].*)?");
        private static final Pattern HEREDOC = Pattern.compile("\\d*<<(-?)(['\"]?)([^\\s<'\"]+)\\2");
        private static final Pattern VARIABLE =
                Pattern.compile("\\$(?:(\\w+)|\\{(\\w+)(?:(:?)([-+])([^${}]*))?\\})");
        private static final Pattern REMOTE = Pattern.compile("(?i)(https?|git|ssh)://.*|git@.*");
        private static final Pattern JSON_LIST =
                Pattern.compile("\\s\\[\\s*\"([^\"\\\\]*+(?:\"\\s*+,\\s*+\"[^\"\\\\]*+)*+)\"\\s*\\]\\s*$");
        private static final Set<String> KNOWN_FLAGS = Set.of("from", "chown", "chmod", "link", "exclude", "checksum",
                "keep-git-dir", "unpack", "mount", "network", "security", "device");
        private static final Set<String> WITHOUT_CONTEXT = Set.of("CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK",
                "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR");

        /** Longer than any reference. Values made of values may double with every line; such a one stays unknown. */
        private static final int LONGEST_VALUE = 4096;

        final SortedSet<String> sources = new TreeSet<>();
        final SortedSet<String> bases = new TreeSet<>();
        boolean triggers;
        private final Map<String, String> given;
        private final Map<String, String> globals = new TreeMap<>();
        private final Set<String> stages = new TreeSet<>();
        private int stageCount;
        private String escape = "\\";

        DockerfileReader(Map<String, String> arguments) {
            given = arguments;
            if (arguments.containsKey("BUILDKIT_SYNTAX")) syntax(raw(arguments.get("BUILDKIT_SYNTAX")));
        }

        void read(String text) {
            Deque<String> lines = new ArrayDeque<>();
            for (String line : text.replaceFirst("^\u00ef\u00bb\u00bf", "").split("\n"))
                lines.add(withoutReturns(line));
            if (!lines.isEmpty() && lines.peek().startsWith("#!")) everything();
            directives(new ArrayDeque<>(lines));
            while (!lines.isEmpty()) {
                String line = lines.remove().stripLeading();
                if (!line.isEmpty() && !line.startsWith("#")) instruction(joined(line, lines), lines);
            }
        }

        private static String withoutReturns(String line) {
            int end = line.length();
            while (end > 0 && line.charAt(end - 1) == '\r') end--;
            return line.substring(0, end);
        }

        private void everything() { sources.add("/"); }

        private void directives(Deque<String> lines) {
            while (!lines.isEmpty()) {
                String line = lines.remove();
                Matcher directive = DIRECTIVE.matcher(line.strip());
                if (!directive.matches()) return;
                if (Character.isWhitespace(line.charAt(0))) everything(); // versions differ on whether it counts then
                switch (directive.group(1).toLowerCase(Locale.ROOT)) {
                    case "escape" -> escape = directive.group(2);
                    case "syntax" -> syntax(directive.group(2));
                    case "check" -> {}
                    default -> { return; }
                }
            }
        }

        private void syntax(String image) {
            if (!KNOWN_SYNTAX.matcher(image.split(" ")[0]).matches()) everything();
        }

        /** The line with its continuation lines, without comments and empty lines between. */
        private String joined(String line, Deque<String> rest) {
            StringBuilder joined = new StringBuilder();
            for (String end; (end = line.stripTrailing()).endsWith(escape);) {
                if (end.endsWith(escape + escape)) everything(); // versions differ on whether it goes on then
                joined.append(end, 0, end.length() - escape.length());
                while (!rest.isEmpty() && rest.peek().matches("(?s)\\s*(#.*)?")) rest.remove();
                line = rest.isEmpty() ? "" : rest.remove();
            }
            return joined.append(line).toString();
        }

        private void instruction(String line, Deque<String> rest) {
            List<String> words = new ArrayList<>(List.of(line.strip().split("\\s+")));
            String name = words.remove(0).toUpperCase(Locale.ROOT);
            if (name.equals("ONBUILD")) { // a later stage may build on this one, so it counts here too
                triggers = true;
                if (words.isEmpty()) return;
                name = words.remove(0).toUpperCase(Locale.ROOT);
            }
            List<String> flags = new ArrayList<>();
            while (!words.isEmpty() && words.get(0).startsWith("--")) flags.add(words.remove(0));
            if (Set.of("RUN", "COPY", "ADD").contains(name)) {
                skipHeredocs(words, rest);
                if (flags.stream().anyMatch(f -> !KNOWN_FLAGS.contains(f.substring(2).split("=")[0]))) everything();
            }
            switch (name) {
                case "ARG" -> { if (stageCount == 0) words.forEach(this::argument); }
                case "FROM" -> from(words);
                case "COPY", "ADD" -> copy(line, name, flags, words);
                case "RUN" -> flags.stream().filter(f -> f.startsWith("--mount")).forEach(this::mount);
                default -> { if (!WITHOUT_CONTEXT.contains(name)) everything(); }
            }
        }

        /** A heredoc whose end is missing is none: BuildKit refuses such a file if it takes it for one. */
        private void skipHeredocs(List<String> words, Deque<String> rest) {
            for (String word : List.copyOf(words)) {
                Matcher heredoc = HEREDOC.matcher(word);
                if (!heredoc.matches()) continue;
                List<String> body = new ArrayList<>(rest);
                if (!heredoc.group(1).isEmpty()) body.replaceAll(l -> l.replaceFirst("^\t+", ""));
                int end = body.indexOf(heredoc.group(3));
                for (int i = 0; i <= end; i++) rest.remove();
                if (end >= 0) words.remove(word);
            }
        }

        private void argument(String word) {
            String[] pair = word.split("=", 2);
            String value = given.containsKey(pair[0]) ? raw(given.get(pair[0]))
                    : pair.length == 2 ? substituted(pair[1]) : null;
            if (value != null && value.length() <= LONGEST_VALUE) globals.put(pair[0], value);
        }

        private void from(List<String> words) {
            if (!words.isEmpty()) reference(words.get(0));
            if (words.size() == 3) stages.add(words.get(2).toLowerCase(Locale.ROOT));
            stageCount++;
        }

        private void reference(String word) {
            String name = substituted(word);
            if (!name.equals("scratch") && !stages.contains(name.toLowerCase(Locale.ROOT))) bases.add(name);
        }

        private void stageOrImage(String name) {
            if (!name.matches("\\d{1,6}") || Integer.parseInt(name) >= stageCount) reference(name);
        }

        /** With the values of the ARGs before the first FROM; a variable without one stays: it may be predefined. */
        private String substituted(String word) {
            String text = word.replaceAll("[\"']", "");
            Matcher m = VARIABLE.matcher(text);
            for (int depth = 0; depth < 20 && m.find(); depth++, m = VARIABLE.matcher(text)) { // the innermost first
                String name = m.group(1) != null ? m.group(1) : m.group(2);
                String value = globals.getOrDefault(name, given.containsKey(name) ? raw(given.get(name)) : null);
                boolean set = value != null && !(":".equals(m.group(3)) && value.isEmpty());
                if (m.group(4) == null && value == null) return text;
                String result = m.group(4) == null || m.group(4).equals("-") && set ? value
                        : m.group(4).equals("-") || set ? m.group(5) : "";
                text = text.substring(0, m.start()) + result + text.substring(m.end());
            }
            return text;
        }

        private void copy(String line, String name, List<String> flags, List<String> words) {
            for (String flag : flags) {
                if (!flag.startsWith("--from=") || flag.equals("--from=")) continue;
                stageOrImage(flag.substring("--from=".length()));
                return;
            }
            if (!words.isEmpty() && words.get(0).startsWith("[")) {
                Matcher list = JSON_LIST.matcher(line);
                if (!list.find()) everything();
                else words = List.of(list.group(1).split("\"\\s*,\\s*\"", -1));
            }
            for (String source : words.subList(0, Math.max(0, words.size() - 1))) {
                if (!name.equals("ADD") || !REMOTE.matcher(source).matches()) source(source);
            }
        }

        private void mount(String flag) {
            Map<String, String> fields = new TreeMap<>(Map.of("type", "bind"));
            if (flag.contains("$") || flag.contains("\"") || flag.contains("'")) everything();
            for (String field : flag.replaceFirst("^--mount=?", "").split(",")) {
                String[] pair = field.split("=", 2);
                String key = pair[0].toLowerCase(Locale.ROOT);
                fields.put(key.equals("src") ? "source" : key, pair.length == 2 ? pair[1] : "");
            }
            String from = fields.getOrDefault("from", "");
            if (!from.isEmpty()) stageOrImage(from);
            switch (fields.get("type").toLowerCase(Locale.ROOT)) {
                case "bind" -> { if (from.isEmpty()) source(fields.getOrDefault("source", "/")); }
                case "cache", "tmpfs", "secret", "ssh" -> {}
                default -> everything();
            }
        }

        private void source(String path) {
            boolean literal = path.chars().noneMatch(c -> "$\\\"'`".indexOf(c) >= 0);
            sources.add(literal ? cleaned("/" + path) : "/");
        }
    }

    /** The patterns of a .dockerignore, with the meaning that BuildKit gives them, quirks included. */
    record Ignore(List<Glob> globs, boolean plainExceptions, String unclear, List<Stat> files) {
        private static final Pattern SPACE = Pattern.compile("[\t-\r ]|\u00c2[\u0085\u00a0]|\u00e1\u009a\u0080"
                + "|\u00e2\u0080[\u0080-\u008a\u00a8\u00a9\u00af]|\u00e2\u0081\u009f|\u00e3\u0080\u0080");
        private static final int LONGEST_SPACE = 3; // bytes
        static final Ignore NONE = of("");

        /** What is known of one path: does each pattern match it or a folder above, and what follows from that. */
        record Verdict(boolean[] matches, boolean excluded, boolean pruned) {}

        /** The file beside the Dockerfile wins over the one in the context, unless it is missing, a folder or so. */
        static Ignore of(Inputs inputs) {
            Path dockerfile = inputs.dockerfile.file;
            List<Stat> files = new ArrayList<>();
            String text = dockerfile == null ? null
                    : textOf(dockerfile.toAbsolutePath().getParent(),
                            bytes(dockerfile.getFileName()) + ".dockerignore", files);
            if (text == null) text = textOf(inputs.context, ".dockerignore", files);
            Ignore ignore = text == null ? NONE : of(text);
            return new Ignore(ignore.globs, ignore.plainExceptions, ignore.unclear, files);
        }

        /** Links are followed as if the folder were the root of everything. */
        private static String textOf(Path folder, String name, List<Stat> stats) {
            List<Node> found = new ArrayList<>();
            Tree tree = new Tree(folder, NONE);
            tree.resolve(tree.root, List.of("/" + name), new HashSet<>(), found::add);
            found.forEach(node -> stats.add(node.stat));
            Node last = found.isEmpty() ? null : found.get(found.size() - 1);
            return last == null || !last.stat.isFile() ? null
                    : new String(contentOf(last.file), StandardCharsets.ISO_8859_1);
        }

        static Ignore of(String text) {
            List<Glob> globs = new ArrayList<>();
            String unclear = "";
            for (String line : text.replaceFirst("^\u00ef\u00bb\u00bf", "").split("\r?\n|\r$")) {
                String pattern = trimmed(line);
                if (line.startsWith("#") || pattern.isEmpty()) continue;
                boolean exception = pattern.startsWith("!");
                pattern = trimmed(exception ? pattern.substring(1) : pattern);
                if (!pattern.isEmpty()) pattern = cleaned(pattern);
                if (pattern.length() > 1 && pattern.startsWith("/")) pattern = pattern.substring(1);
                Glob glob = Glob.of(cleaned(trimmed((exception ? "!" : "") + pattern)));
                if (!glob.certain || line.length() > 65_000) unclear = text;
                globs.add(glob);
            }
            boolean special = globs.stream().anyMatch(g -> g.exception && g.bare().matches("(?s).*[*\\[\\]?^\\\\].*"));
            return new Ignore(globs, !special, unclear, List.of());
        }

        private static String trimmed(String s) {
            Matcher space = SPACE.matcher(s);
            int begin = 0;
            while (space.region(begin, s.length()).lookingAt()) begin = space.end();
            int end = s.length();
            for (int length = 1; length <= LONGEST_SPACE && end - length >= begin; length++) {
                if (space.region(end - length, end).matches()) {
                    end -= length;
                    length = 0;
                }
            }
            return s.substring(begin, end);
        }

        Verdict top() { return new Verdict(new boolean[globs.size()], false, false); }

        Verdict judge(String path, boolean folder, Verdict above) {
            boolean[] matches = new boolean[globs.size()];
            boolean excluded = false;
            for (int i = 0; i < matches.length; i++) {
                Glob glob = globs.get(i);
                if (!above.matches[i] && glob.exception != excluded) continue;
                matches[i] = above.matches[i] || glob.matches(path);
                if (matches[i]) excluded = !glob.exception;
            }
            boolean prune = excluded && folder && plainExceptions
                    && globs.stream().noneMatch(g -> g.exception && (g.bare() + "/").startsWith(path + "/"));
            return new Verdict(matches, excluded || above.pruned, prune || above.pruned);
        }
    }

    /**
     * One pattern. {@code regex} is null where plain comparison does; it is Go's, linear for any pattern. {@code
     * certain} is false where BuildKit's regular expressions, which patterns reach nearly unfiltered, may differ from
     * ours: then it excludes nothing and re-includes everything.
     */
    private record Glob(boolean exception, String text, Kind kind, com.google.re2j.Pattern regex, boolean certain) {
        enum Kind { EXACT, PREFIX, SUFFIX, REGEX }

        private static final Pattern SIMPLE_CLASS = Pattern.compile(
                "\\[\\^?(?:[^]\\[\\\\*?^-]|\\\\\\p{Punct})(?:[^]\\[\\\\*?]|\\\\\\p{Punct})*+(?<!(?<!\\\\)-)\\]");

        /** Of a path on Linux. */
        private static final int LONGEST = 4096;

        static Glob of(String pattern) {
            boolean exception = pattern.startsWith("!");
            String text = exception ? pattern.substring(1) : pattern;
            if (text.length() > LONGEST) return new Glob(exception, text, Kind.REGEX, null, false);
            Kind kind = Kind.EXACT;
            boolean certain = !text.isEmpty();
            boolean literal = true;
            StringBuilder regex = new StringBuilder("^");
            String chars = runes(text);
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
                if ("*?[]\\".indexOf(c) >= 0) kind = Kind.REGEX;
                if (c == '*') regex.append("[^/]*");
                else if (c == '?') regex.append("[^/]");
                else if (c == '[') {
                    int end = classEnd(chars, i);
                    certain &= end > 0;
                    if (end > 0) regex.append(chars.substring(i, end + 1).replace("&", "\\&"));
                    i = Math.max(i, end);
                } else if (c == '\\') {
                    certain &= ++i < chars.length() && chars.substring(i, i + 1).matches("\\p{Punct}");
                    if (certain) regex.append('\\').append(chars.charAt(i));
                } else if (".+()$]{|}".indexOf(c) >= 0) {
                    regex.append('\\').append(c);
                    literal &= c != '{' && c != '|'; // BuildKit forgets to escape them; it may not forever
                } else regex.append(c);
            }
            com.google.re2j.Pattern compiled = kind == Kind.REGEX ? compiled(regex + "\\z") : null;
            certain &= kind != Kind.REGEX || compiled != null && literal;
            return new Glob(exception, text, kind, compiled, certain);
        }

        /** Where the class that begins at {@code start} ends, 0 if it is not of the simple kind that is certain. */
        private static int classEnd(String chars, int start) {
            Matcher simple = SIMPLE_CLASS.matcher(chars).region(start, chars.length());
            return simple.lookingAt() ? simple.end() - 1 : 0;
        }

        private static com.google.re2j.Pattern compiled(String regex) {
            try {
                return com.google.re2j.Pattern.compile(regex);
            } catch (com.google.re2j.PatternSyntaxException e) {
                return null;
            }
        }

        /** Without a last {@code /*} or {@code /**}. */
        String bare() {
            return text.replaceFirst("/\\*\\*$", "").replaceFirst("/\\*$", "");
        }

        boolean matches(String path) {
            return switch (kind) {
                case EXACT -> path.equals(text);
                case PREFIX -> path.startsWith(text.substring(0, text.length() - 2));
                case SUFFIX -> path.endsWith(text.substring(2)) || text.equals("**/" + path);
                case REGEX -> certain ? regex.matcher(runes(path)).find() : exception;
            };
        }
    }

    /** A file's lstat, as far as it counts; times, in nanoseconds since 1970, only tell whether it changed. */
    private record Stat(int mode, long size, long inode, long modified, long changed, long device) {
        static Stat of(Path file) throws IOException {
            Map<String, Object> a = Files.readAttributes(file, "unix:mode,size,ino,lastModifiedTime,ctime,rdev",
                    LinkOption.NOFOLLOW_LINKS);
            return new Stat((int) a.get("mode"), (long) a.get("size"), (long) a.get("ino"),
                    ((FileTime) a.get("lastModifiedTime")).to(TimeUnit.NANOSECONDS),
                    ((FileTime) a.get("ctime")).to(TimeUnit.NANOSECONDS), (long) a.get("rdev"));
        }

        private int type() { return mode & 0170000; }

        boolean isFile() { return type() == 0100000; }

        boolean isFolder() { return type() == 0040000; }

        boolean isLink() { return type() == 0120000; }
    }

    /** A file, folder, link or special file of a context; {@code path} is relative to its root, which has "". */
    private record Node(Node above, String path, Path file, Stat stat, Ignore.Verdict verdict) {

        String inside(String name) { return path.isEmpty() ? name : path + "/" + name; }

        String name() { return path.substring(path.lastIndexOf('/') + 1); }

        String target() {
            try {
                return bytes(Files.readSymbolicLink(file));
            } catch (IOException e) {
                throw new Unreadable(file, e);
            }
        }

        /** Of type, permission bits and content; empty if it vanished meanwhile. */
        String digest() {
            Digest digest = new Digest().add(stat.isLink() ? "link" : Integer.toOctalString(stat.mode));
            try {
                if (stat.isLink()) digest.add(target());
                else if (stat.isFile()) digest.addContent(file);
                else if (!stat.isFolder()) digest.add(Long.toString(stat.device)); // BuildKit copies pipes and devices
                return digest.hex();
            } catch (NoSuchFileException e) {
                return "";
            } catch (IOException e) {
                throw new Unreadable(file, e);
            }
        }
    }

    /** A folder as a build sees it: nothing outside it, links followed as if it were the root, ignored files out. */
    private record Tree(Node root, Ignore ignore) {
        private static final int MOST_NAMES = 255; // still to go; a link like a -> a/a makes them more and more

        Tree(Path folder, Ignore ignore) {
            this(rootNode(folder, ignore), ignore);
        }

        private static Node rootNode(Path folder, Ignore ignore) {
            try {
                Path real = folder.toRealPath();
                return new Node(null, "", real, Stat.of(real), ignore.top());
            } catch (IOException e) {
                throw new Unreadable(folder, e);
            }
        }

        /** Everything that copying these sources can see, by path. */
        SortedMap<String, Node> covered(Collection<String> sources) {
            SortedMap<String, Node> covered = new TreeMap<>();
            for (String source : sources) {
                resolve(root, List.of(source.substring(1).split("/")), new HashSet<>(),
                        found -> covered.putAll(covered(found)));
            }
            covered.remove(root.path);
            return covered;
        }

        /** An ignored folder counts if something below it is not ignored: BuildKit makes it then. */
        private SortedMap<String, Node> covered(Node top) {
            SortedMap<String, Node> covered = new TreeMap<>();
            for (List<Node> level = List.of(top); !level.isEmpty(); level =
                    level.parallelStream().flatMap(n -> children(n).stream()).toList()) {
                for (Node found : level) {
                    if (found.verdict.excluded) continue;
                    for (Node n = found; covered.putIfAbsent(n.path, n) == null && n != top;) n = n.above;
                }
            }
            return covered;
        }

        /**
         * Goes along a path, passing on the links on the way and what is at its end, if that exists. BuildKit sometimes
         * cleans a link's target before following it and sometimes not, so both ways are gone.
         */
        void resolve(Node at, List<String> rest, Set<List<String>> passed, Consumer<Node> found) {
            if (at.stat.isLink()) {
                found.accept(at);
                List<String> step = new ArrayList<>(List.of(at.path));
                step.addAll(rest);
                if (step.size() > MOST_NAMES || !passed.add(step)) return;
                String target = at.target();
                for (String way : Set.copyOf(List.of(target, cleaned(target)))) {
                    List<String> onward = new ArrayList<>();
                    for (String name : way.split("/")) onward.add("/" + name); // the slash: a name, never a wildcard
                    onward.addAll(rest);
                    resolve(target.startsWith("/") ? root : at.above, onward, passed, found);
                }
            } else if (rest.isEmpty()) {
                found.accept(at);
            } else if (rest.get(0).matches("(?s)[^/]*[*?\\[].*")) {
                Glob glob = Glob.of(rest.get(0));
                boolean any = !glob.certain || rest.get(0).matches("(?s)!.*|.*\\^.*"); // they differ in ignore files
                for (Node child : children(at)) {
                    if (any || glob.matches(child.name())) resolve(child, rest.subList(1, rest.size()), passed, found);
                }
            } else {
                String name = rest.get(0).replace("/", "");
                Node next = Set.of("", ".").contains(name) ? at : name.equals("..") ? at.above == null ? root : at.above
                        : child(at, named(at.file, name));
                if (next != null) resolve(next, rest.subList(1, rest.size()), passed, found);
            }
        }

        private List<Node> children(Node folder) {
            if (!folder.stat.isFolder() || folder.verdict.pruned) return List.of();
            List<Node> children = new ArrayList<>();
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.file)) {
                for (Path file : files) {
                    Node child = child(folder, file);
                    if (child != null) children.add(child);
                }
            } catch (IOException | DirectoryIteratorException e) {
                IOException cause = e instanceof DirectoryIteratorException d ? d.getCause() : (IOException) e;
                if (!folder.verdict.excluded) throw new Unreadable(folder.file, cause);
            }
            return children;
        }

        /** Null if it does not exist, or no longer. */
        private Node child(Node folder, Path file) {
            try {
                Stat stat = Stat.of(file);
                String path = folder.inside(bytes(file.getFileName()));
                return new Node(folder, path, file, stat, ignore.judge(path, stat.isFolder(), folder.verdict));
            } catch (AccessDeniedException e) {
                throw new Unreadable(file, e);
            } catch (IOException e) {
                return null;
            }
        }
    }

    /**
     * What one fingerprint covers of the context, and of folders as named contexts (their paths begin with //).
     * {@code others}: the Dockerfile, what says which files are ignored, and roots, whose times tell what came and went.
     */
    private record View(Scope scope, SortedMap<String, Node> nodes, String unclear, List<Stat> others, Instant start) {
        private static final Duration RACY = Duration.ofSeconds(2); // the coarsest time stamps of common file systems

        static View of(Inputs inputs, Scope asked) {
            Instant start = Instant.now();
            Ignore ignore = Ignore.of(inputs);
            boolean whole = asked == Scope.WHOLE || inputs.dockerfile.sources.contains("/")
                    || inputs.passThrough.stream()
                            .anyMatch(o -> o.matches("(?s)--build-context.*|.*BUILDKIT_SYNTAX.*"));
            Tree tree = new Tree(inputs.context, ignore);
            SortedMap<String, Node> nodes = tree.covered(whole ? Set.of("/") : inputs.dockerfile.sources);
            List<Stat> others = new ArrayList<>(inputs.dockerfile.stats);
            others.addAll(ignore.files);
            if (whole) others.add(tree.root.stat);
            for (String named : inputs.namedContexts()) {
                Path folder = Path.of(named.replaceFirst("^[^=]*=(oci-layout://)?", ""));
                if (!Files.isDirectory(folder)) continue;
                Tree other = new Tree(folder, Ignore.NONE);
                others.add(other.root.stat);
                other.covered(Set.of("/")).forEach((path, node) -> nodes.put("//" + raw(named) + "/" + path, node));
            }
            return new View(whole ? Scope.WHOLE : Scope.SEEN, nodes, ignore.unclear, others, start);
        }

        Stamp stamp() {
            List<Stat> stats = new ArrayList<>(others);
            nodes.values().forEach(node -> stats.add(node.stat));
            Digest digest = new Digest().add(unclear).add(nodes.keySet().toArray(String[]::new));
            stats.forEach(s -> digest.numbers(s.mode, s.size, s.inode, s.modified, s.changed, s.device));
            long recent = FileTime.from(start.minus(RACY)).to(TimeUnit.NANOSECONDS);
            return new Stamp(digest.hex(), stats.stream().anyMatch(stat -> stat.changed > recent));
        }
    }

    /** SHA-256 over values, each with its length before it, so that no two lists of values look alike. */
    private static final class Digest {
        private static final ThreadLocal<byte[]> BUFFER = ThreadLocal.withInitial(() -> new byte[1 << 16]);
        private final MessageDigest sha = sha256();

        Digest add(String... values) {
            number(values.length);
            for (String value : values) {
                byte[] content = (value == null ? "" : value).getBytes(StandardCharsets.UTF_8);
                number(content.length);
                sha.update(content);
            }
            return this;
        }

        Digest add(SortedMap<String, String> values) {
            number(values.size());
            values.forEach(this::add);
            return this;
        }

        /** Its length needs no telling: it is the last value. */
        void addContent(Path file) throws IOException {
            byte[] buffer = BUFFER.get();
            try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
                for (int n; (n = in.read(buffer)) >= 0;) sha.update(buffer, 0, n);
            }
        }

        String hex() { return HexFormat.of().formatHex(sha.digest()); }

        void numbers(long... numbers) {
            for (long n : numbers) sha.update(ByteBuffer.allocate(8).putLong(n).flip());
        }

        private void number(int n) { sha.update(ByteBuffer.allocate(4).putInt(n).flip()); }

        private static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new AssertionError("every Java has SHA-256", e);
            }
        }
    }

    private static byte[] contentOf(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new Unreadable(file, e);
        }
    }

    /** As Go's path.Clean. */
    static String cleaned(String path) {
        boolean rooted = path.startsWith("/");
        Deque<String> parts = new ArrayDeque<>();
        for (String part : path.split("/")) {
            if (part.isEmpty() || part.equals(".")) continue;
            if (part.equals("..") && !parts.isEmpty() && !parts.peekLast().equals("..")) parts.removeLast();
            else if (!rooted || !part.equals("..")) parts.addLast(part);
        }
        String clean = String.join("/", parts);
        return rooted ? "/" + clean : clean.isEmpty() ? "." : clean;
    }

    /** The byte string of a text. */
    static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The byte string of a path, also of one that the locale cannot express: its URI has the real bytes. */
    static String bytes(Path path) {
        String text = path.toString();
        if (ascii(text)) return text;
        String uri = unpacked(path.toUri().getRawPath());
        if (!path.isAbsolute()) uri = uri.substring(unpacked(Path.of("").toUri().getRawPath()).length());
        return uri.endsWith("/") && !text.endsWith("/") ? uri.substring(0, uri.length() - 1) : uri;
    }

    private static boolean ascii(String text) {
        for (int i = 0; i < text.length(); i++) if (text.charAt(i) > 127) return false;
        return true;
    }

    /** The other way round. */
    private static Path named(Path folder, String name) {
        if (ascii(name) && name.indexOf(0) < 0) return folder.resolve(name);
        return folder.resolve(Path.of(URI.create("file:///" + packed(name))).getFileName());
    }

    /** A byte string in printable ASCII without spaces. */
    private static String packed(String bytes) {
        StringBuilder packed = new StringBuilder();
        for (char c : bytes.toCharArray()) {
            boolean plain = c < 128 && Character.isLetterOrDigit(c) || "/._-".indexOf(c) >= 0;
            packed.append(plain ? String.valueOf(c) : "%%%02X".formatted((int) c));
        }
        return packed.toString();
    }

    private static String unpacked(String packed) {
        return Pattern.compile("%(..)").matcher(packed)
                .replaceAll(m -> Matcher.quoteReplacement(String.valueOf((char) Integer.parseInt(m.group(1), 16))));
    }

    /** A byte string as text, as Go decodes it: each byte that is no UTF-8 becomes a replacement character. */
    static String runes(String bytes) {
        if (ascii(bytes)) return bytes;
        StringBuilder text = new StringBuilder();
        for (int i = 0, length; i < bytes.length(); i += length) {
            length = bytes.charAt(i) < 0xC0 ? 1 : bytes.charAt(i) < 0xE0 ? 2 : bytes.charAt(i) < 0xF0 ? 3 : 4;
            String rune = utf8(bytes.substring(i, Math.min(i + length, bytes.length())));
            if (rune.codePointCount(0, rune.length()) != 1 || rune.equals("\ufffd")) length = 1;
            text.append(length == 1 && bytes.charAt(i) > 127 ? "\ufffd" : rune);
        }
        return text.toString();
    }

    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    /** A byte string for people: nothing in it can move the cursor, hide text or forge a line. */
    static String shown(String bytes) {
        StringBuilder shown = new StringBuilder();
        runes(bytes).codePoints().forEach(c -> {
            boolean odd = Set.of(Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR)
                    .contains((byte) Character.getType(c));
            shown.append(c == '\n' ? "\\n" : odd ? "\\u{%x}".formatted(c) : Character.toString(c));
        });
        return shown.toString();
    }
}
