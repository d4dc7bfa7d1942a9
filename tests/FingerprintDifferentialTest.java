// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ByteStrings;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.IgnoreFile;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.recipe.Surroundings;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a build copies on a real engine is what a fingerprint covers. The engine is the environment's. */
class FingerprintDifferentialTest {
    private static final String[] TABLE = {
        "", "*", "**", "**/", "**/**", "*/", "/", ".", "./", "..", "../x", "/*", "//*", "./*", "*.*", ".*", "?", "??",
        "a", "/a", "a/",
        "/a/", "./a", "a/.", "a//b", "a/../b", "a/b", "a/*", "a/**", "a/**/", "a/*/c", "*/b", "*/*", "*/*/*", "**/b",
        "**b", "**/b/c",
        "**/b/**", "**/*.txt", "**/**/*.txt", "a**", "a**/c", "a**/*.txt", "a/*.txt**", "**/a/b", "b*/**", "**/.git",
        "**/d/*",
        "[ab]", "[^a]", "[a-c]", "[^a-c]*", "*[^t]", "a[.]b", "[!a]", "[*]", "[?]", "[a*]", "[[]", "\\[x\\]",
        "[\\]a]", "[\\-x]", "[x\\-]", "[\\\\]", "[^\\]]", "[a-\u00e9]", "[a&b]", "a\\*b", "a\\?b", "\\a", "\\d", "\\#h",
        "\\!n", "!n",
        "#h", " #h", "#", "# a\nb", "\ta\t", "a ", " a", "c d", "c d ", "\u00a0a\u00a0", "\u2003b\u2003", "a\r\nb\r\n",
        "a\r\r\n",
        "\ufeffa\nb", "b\n\ufeffa", "\n\na\n\n", "a.b", "a?b", "a.b*", "a+b", "a+b*", "*+*", "(a)", "(a)*", "*(a)",
        "a|b", "a|b*", "?|*b", "*|",
        "{a}", "{a}*", "a{2}*", "a{2}", "*{", "*}*", "{a,b}*", "^a", "^a*", "*^", "^*", "$a", "$a*", "*$", "*.", "a&b*",
        "~*", "-*",
        "\u00e9", "?\u00e9", "\u00e9*", "[\u00e9]", "*\u00e9*", "new*line", "new?line", "\u263a?", "a\u263ab", "a?b*",
        "*\n!a", "*\n!a/b", "*\n!a/b/c", "*\n!*/b", "*\n!**/b", "**\n!a", "**\n!a/b", "**\n!**/*.txt", "**\n!**/c",
        "*\n!a\na/b", "*\n!a\na/b\n!a/b/c",
        "a\n!a/b", "a\n!a/b/", "a/\n!a/b", "a\n!/a/b", "a\n! a/b", "a\n!a/*", "a\n!a/**", "a\n!a/*/c", "a\n!a/b/**",
        "a/*\n!a/b", "a/**\n!a/b/c",
        "a\n!a/../a/b", "a\n!./a/b", "!a\na", "!a", "!*", "!**", "a\n!a", "a\n!*", "a\n!**", "a\n!b", "a\n!b*", "a\n!?",
        "**/b\n!a/b", "**/b\n!**/b/c",
        "**/c\n!a/**", "*.txt\n!k.txt", "*.txt\n!*k.txt", "*\n!.dockerignore", "*\n!Dockerfile", ".dockerignore",
        "Dockerfile*", "link", "link/b", "ln*",
        "*\n!link", "*\n!empty", "empty", "empty/*", "*\n!a/empty", "fifo", "*\n!\u00e9", "a/b\n!a/b/c\na/b/c/d",
        "!a/b\na\n!a/b/c", "a\n!a/b\na/b/c\n!a/b/c/d",
        "*/\n!a/", "/**\n!/a/b", "a**\n!a/b", "*\n!a\n*\n!b", "*\n!a/b/c/d", "a/b/c\n!a/b/c", "*\n![a]", "*\n!\\a",
        "*\n!a*b", "*\n![^a]", "*\n!a|b*", "*\n!^a*",
        "*\n!a\\d", "!.", "!..", "x\ny\nz", "**/d/**\n!**/d/keep", "**\n!*.txt", "a/b/*\n!a/b/[c]", "c*\n!c d/x",
    };

    /** BuildKit refuses these, and so a change to one of them must not pass for "unchanged". */
    private static final String[] REFUSED =
            {"!", "! ", "!/", "[", "a\n[", "a[b", "a[b-", "[]a]", "[a-]", "[z-a]", "\\", "a\\"};

    private final ThrowawayEngine engine = Harness.engine("28.5", EngineSpec.Store.CONTAINERD);

    @TempDir
    Path work;

    @Test
    void whatBuildKitRefusesIsNeverTakenForUnchanged() throws Exception {
        for (String ignore : REFUSED) {
            assertTrue(!IgnoreFile.parse(ignore).unclear().isEmpty(), ignore);
            Path context = Files.createDirectories(work.resolve("refused" + Arrays.asList(REFUSED).indexOf(ignore)));
            Files.writeString(context.resolve("file"), "");
            Files.writeString(context.resolve(".dockerignore"), ignore);
            write(Map.of("c", new Case(context, ignore)));
            assertFalse(bake(List.of("c")), ignore);
        }
    }

    @Test
    void everyPatternIgnoresWhatBuildKitIgnores() throws Exception {
        Map<String, Case> cases = new LinkedHashMap<>();
        for (String ignore : TABLE) {
            Path context = Files.createDirectories(work.resolve("context" + cases.size()));
            plant(context);
            cases.put("c" + cases.size(), new Case(context, ignore));
        }
        compare(cases);
    }

    @Test
    void generatedTreesAndPatternsAgreeWithBuildKit() throws Exception {
        long seed = Long.getLong("seed", 20251123);
        Map<String, Case> cases = new LinkedHashMap<>();
        for (int i = 0; i < Integer.getInteger("cases", 120); i++) {
            Random random = new Random(seed + i);
            Path context = Files.createDirectories(work.resolve("generated" + i));
            grow(context, random, 3);
            cases.put("c" + i, new Case(context, patterns(random)));
        }
        compare(cases);
    }

    /** Dockerfiles by the files of the context that they use, of those in {@link #FILES}. */
    private static final Map<String, String> USES = Map.ofEntries(
            Map.entry("FROM scratch\nCOPY one /\n", "one"),
            Map.entry("FROM scratch\ncopy --chmod=700 ./one two* /d/\n", "one two"),
            Map.entry("FROM scratch\nCOPY [\"one\", \"with  space\", \"/d/\"]\n", "one|with  space"),
            Map.entry("FROM scratch\nCOPY dir /d\n", "dir/a dir/b.txt dir/sub/c dir/link"),
            Map.entry("FROM scratch\nCOPY dir/*.txt dir/s?b/[a-c] /d/\n", "dir/b.txt dir/sub/c"),
            Map.entry("FROM scratch\nCOPY link /d/\n", "link one"),
            Map.entry("FROM scratch\nCOPY linkdir/a /d/\n", "linkdir dir/a"),
            Map.entry("FROM scratch\nCOPY linkdir /d/\n", "linkdir dir/a dir/b.txt dir/sub/c dir/link"),
            Map.entry("FROM scratch\nCOPY dir/link /d/\n", "dir/link two"),
            Map.entry("FROM scratch\nCOPY d*/link /d/\n", "dir/link two"),
            Map.entry("FROM scratch\nCOPY . /\n", "*"),
            Map.entry("FROM scratch\nADD --chown=1:1 dir/../one ../../two /d/\n", "one two"),
            Map.entry("FROM scratch\nCOPY --exclude=a dir /d\n", ""),
            Map.entry("FROM scratch\nCOPY --parents dir/sub/c /d/\n", "*"),
            Map.entry("FROM scratch\nARG f=one\nCOPY ${f} /d/\n", "*"),
            Map.entry("FROM scratch\nCOPY \\\n  # a comment\n\n  one \\\n/d/\n", "one"),
            Map.entry("# escape=`\nFROM scratch\nCOPY `\n one /d/\n", "one"),
            Map.entry("\ufeffFROM scratch\r\nCOPY one /d/\r\nCOPY two /d/\r\n", "one two"),
            Map.entry("FROM scratch\nCOPY <<EOF one <<-'X' /d/\nCOPY two /\nEOF\n\tX\nCOPY dir/a /e/\n", "one dir/a"),
            Map.entry("FROM scratch AS s\nONBUILD COPY two /onbuild\nFROM s\nCOPY one /d/\n", "one two"),
            Map.entry("FROM scratch AS s\nCOPY one /x\nFROM scratch\nCOPY --from=s /x /y\nCOPY --from=0 /x /z\n",
                    "one"),
            Map.entry(
                    "FROM busybox\nRUN --mount=source=dir,target=/m mkdir /o; cp -r /m /o\nFROM scratch\nCOPY --from=0 /o /\n",
                    "dir/a dir/b.txt dir/sub/c dir/link"),
            Map.entry(
                    "FROM busybox\nRUN --mount=type=bind,src=linkdir/a,dst=/m mkdir /o; cat /m > /o/m\nFROM scratch\nCOPY --from=0 /o /\n",
                    "linkdir dir/a"),
            Map.entry("FROM busybox\nRUN --mount=target=/m mkdir /o; cp -r /m /o\nFROM scratch\nCOPY --from=0 /o /\n",
                    "*"),
            Map.entry(
                    "FROM busybox\nRUN mkdir /o; echo ' <<EOF ' > /o/x\nFROM scratch\nCOPY --from=0 /o /\nCOPY one /\n",
                    "one"),
            Map.entry(
                    "FROM busybox\nRUN --mount=type=tmpfs,target=/t mkdir /o; echo 1 > /o/x\nFROM scratch\nCOPY --from=0 /o /\n",
                    "*"),
            Map.entry(
                    "FROM busybox\nRUN --mount=type=cache,target=/c mkdir /o; echo 1 > /o/x\nFROM scratch\n"
                            + "COPY --from=0 /o /\n",
                    "none"));
    private static final List<String> FILES =
            List.of("one", "two", "with  space", "dir/a", "dir/b.txt", "dir/sub/c", "dir/link",
                    "link", "linkdir", "other/x", "dir/new", "dir/new.txt", "two-new");

    @Test
    void whateverChangesTheImageChangesTheFingerprintToo() throws Exception {
        Path context = Files.createDirectories(work.resolve("context"));
        for (String folder : List.of("dir/sub", "other")) Files.createDirectories(context.resolve(folder));
        for (String file : FILES.subList(0, 6)) Files.writeString(context.resolve(file), file);
        Files.writeString(context.resolve("other/x"), "x");
        Files.createSymbolicLink(context.resolve("dir/link"), Path.of("../../../two"));
        Files.createSymbolicLink(context.resolve("link"), Path.of("/one"));
        Files.createSymbolicLink(context.resolve("linkdir"), Path.of("other/../dir"));
        Files.createDirectories(work.resolve("files"));
        StringBuilder targets = new StringBuilder();
        Map<String, Path> dockerfiles = new LinkedHashMap<>();
        for (String text : USES.keySet()) {
            Path file = work.resolve("files/D" + dockerfiles.size());
            Files.writeString(file, text);
            targets.append(
                    "target \"%s\" {%n context = \"%s\"%n dockerfile = \"%s\"%n output = [\"type=local,dest=%s\"]%n}%n"
                            .formatted(file.getFileName(), context, file, work.resolve("out-" + file.getFileName())));
            dockerfiles.put(text, file);
        }
        Files.writeString(work.resolve("bake.hcl"), targets);
        List<String> refused = new ArrayList<>(), wrong = new ArrayList<>();
        Map<String, Path> building = new LinkedHashMap<>(dockerfiles);
        bake(names(building), refused);
        building.values().removeIf(file -> refused.contains(file.getFileName().toString()));
        System.out.println(
                "refused by this engine: " + refused.stream().map(n -> read(work.resolve("files/" + n))).toList());
        assertTrue(refused.size() < USES.size() / 4, "this engine knows nearly all of them");
        Map<String, SortedMap<String, String>> images = images(building);
        Map<String, String> values = values(context, building);
        for (String changed : FILES) {
            Path file = context.resolve(changed);
            if (Files.isSymbolicLink(file)) {
                Files.delete(file);
                Files.createSymbolicLink(file,
                        Path.of(changed.equals("linkdir") ? "./dir" : changed.equals("link") ? "./one" : "../two"));
            } else Files.writeString(file, "more", java.nio.file.StandardOpenOption.CREATE,
                    java.nio.file.StandardOpenOption.APPEND);
            assertTrue(bake(names(building)), () -> read(work.resolve("log")));
            Map<String, SortedMap<String, String>> newImages = images(building);
            Map<String, String> newValues = values(context, building);
            for (String text : building.keySet()) {
                boolean fingerprint = !newValues.get(text).equals(values.get(text));
                boolean image = !newImages.get(text).equals(images.get(text));
                if (image && !fingerprint) wrong.add("changed unseen: " + changed + " in " + shown(text));
                String used = USES.get(text);
                boolean expected = List.of(used.split(used.contains("|") ? "\\|" : " ")).contains(changed);
                if (!used.isEmpty() && !used.equals("*") && !changed.contains("new") && fingerprint != expected) {
                    wrong.add((expected ? "overlooked: " : "seen in vain: ") + changed + " in " + shown(text));
                }
            }
            images = newImages;
            values = newValues;
        }
        assertEquals("", String.join("\n", wrong));
    }

    private static List<String> names(Map<String, Path> dockerfiles) {
        return dockerfiles.values().stream().map(f -> f.getFileName().toString()).toList();
    }

    private Map<String, SortedMap<String, String>> images(Map<String, Path> dockerfiles)
            throws IOException, RecipeException {
        Map<String, SortedMap<String, String>> images = new LinkedHashMap<>();
        for (var e : dockerfiles.entrySet())
            images.put(e.getKey(), copied(work.resolve("out-" + e.getValue().getFileName())));
        return images;
    }

    private static Map<String, String> values(Path context, Map<String, Path> dockerfiles)
            throws RecipeException {
        Map<String, String> values = new LinkedHashMap<>();
        for (var e : dockerfiles.entrySet()) {
            values.put(e.getKey(), fingerprint(recipe(context, e.getValue())).value());
        }
        return values;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private record Case(Path context, String ignore) {}

    private void write(Map<String, Case> cases) throws IOException {
        Files.writeString(work.resolve("Dockerfile"), "FROM scratch\nCOPY . /\n");
        StringBuilder targets = new StringBuilder();
        for (var e : cases.entrySet()) {
            Files.write(e.getValue().context.resolve(".dockerignore"),
                    e.getValue().ignore.getBytes(StandardCharsets.UTF_8));
            targets.append(
                    "target \"%s\" {%n context = \"%s\"%n dockerfile = \"%s\"%n output = [\"type=local,dest=%s\"]%n}%n"
                            .formatted(e.getKey(), e.getValue().context, work.resolve("Dockerfile"),
                                    work.resolve("out-" + e.getKey())));
        }
        Files.writeString(work.resolve("bake.hcl"), targets);
    }

    private void compare(Map<String, Case> cases) throws Exception {
        write(cases);
        List<String> refused = new ArrayList<>(), unclear = new ArrayList<>(), wrong = new ArrayList<>();
        List<String> names = new ArrayList<>(cases.keySet());
        for (int from = 0; from < names.size(); from += 40) {
            bake(names.subList(from, Math.min(names.size(), from + 40)), refused);
        }
        for (var e : cases.entrySet()) {
            if (refused.contains(e.getKey())) continue;
            boolean exact = IgnoreFile.parse(ByteStrings.encode(e.getValue().ignore)).unclear().isEmpty();
            if (!exact) unclear.add(e.getValue().ignore);
            String difference = difference(exact, covered(e.getValue().context, work.resolve("Dockerfile")),
                    copied(work.resolve("out-" + e.getKey())));
            if (!difference.isEmpty())
                wrong.add("%s %s: %s".formatted(e.getKey(), shown(e.getValue().ignore), difference));
        }
        System.out.println(cases.size() + " cases, refused by BuildKit: "
                + refused.stream().map(n -> shown(cases.get(n).ignore)).toList());
        System.out.println(
                unclear.size() + " unclear: " + unclear.stream().map(FingerprintDifferentialTest::shown).toList());
        assertTrue(refused.size() + unclear.size() < cases.size() / 4, "nearly all cases are compared exactly");
        assertEquals("", String.join("\n", wrong));
    }

    /** Many builds in one; what BuildKit refuses is found by halving. */
    private void bake(List<String> names, List<String> refused) throws Exception {
        if (bake(names)) return;
        if (names.size() == 1) {
            refused.addAll(names);
            return;
        }
        bake(names.subList(0, names.size() / 2), refused);
        bake(names.subList(names.size() / 2, names.size()), refused);
    }

    private boolean bake(List<String> names) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(engine.docker().toString(), "buildx", "bake", "--progress=quiet", "-f", "bake.hcl"));
        command.addAll(names);
        ProcessBuilder builder = new ProcessBuilder(command).directory(work.toFile()).redirectErrorStream(true)
                .redirectOutput(work.resolve("log").toFile());
        builder.environment().putAll(engine.environment());
        Process process = builder.start();
        assertTrue(process.waitFor(10, TimeUnit.MINUTES));
        return process.exitValue() == 0;
    }

    private SortedMap<String, String> covered(Path context, Path dockerfile) throws RecipeException {
        return Fingerprint.of(recipe(context, dockerfile), Coverage.whole(Set.of(Coverage.MAIN)),
                Surroundings.of(BuilderKind.BUILDKIT)).manifest().files();
    }

    private static Fingerprint fingerprint(Recipe recipe) throws RecipeException {
        return Fingerprint.of(recipe, recipe.readDockerfile(BuilderKind.BUILDKIT).coverage(false),
                Surroundings.of(BuilderKind.BUILDKIT));
    }

    private static Recipe recipe(Path context, Path dockerfile) throws RecipeException {
        return new Recipe(Reference.parse("app"), context, new DockerfileSource.InFile(dockerfile), BuildOptions.NONE,
                new TreeMap<>());
    }

    /** The same for what came out; nothing is ignored there, whatever .dockerignore was copied. */
    private SortedMap<String, String> copied(Path out) throws IOException, RecipeException {
        Path plain = Files.createDirectories(work.resolve("plain")).resolve("Dockerfile");
        Files.writeString(plain, "FROM scratch\n");
        Files.writeString(plain.resolveSibling("Dockerfile.dockerignore"), "");
        SortedMap<String, String> copied = covered(out, plain);
        try (Stream<Path> all = Files.walk(out)) {
            assertEquals(all.count() - 1, copied.size());
        }
        return copied;
    }

    private static String difference(boolean exact, SortedMap<String, String> covered,
            SortedMap<String, String> copied) {
        SortedMap<String, String> less = new TreeMap<>(copied), more = new TreeMap<>(covered);
        less.entrySet().removeAll(covered.entrySet());
        more.entrySet().removeAll(copied.entrySet());
        return (less.isEmpty() ? "" : "not covered " + less.keySet())
                + (!exact || more.isEmpty() ? "" : " covered in vain " + more.keySet());
    }

    private static String shown(String s) {
        return "«" + s.replace("\n", "⏎").replace("\r", "␍").replace("\t", "␉") + "»";
    }

    private static final List<String> NAMES = List.of("a", "b", "c", "ab", "aab", "a.b", "a+b", "a*b", "a?b", "a|b",
            "(a)", "{a}", "{a,b}", "a{2}", "^a", "$a", "[x]",
            "a&b", "#h", "!n", "c d", "\u00e9", "a\u263ab", "new\nline", ".git", "k.txt", "kk.txt", "a-b", "a]", "a\\",
            "\\", "-x", "~a", "a1", "]", "*", "d");

    private static void plant(Path context) throws IOException {
        for (String name : NAMES.subList(3, NAMES.size())) Files.writeString(context.resolve(name), name);
        Files.createDirectories(context.resolve("a/b/c/d"));
        Files.createDirectories(context.resolve("a/empty"));
        Files.createDirectories(context.resolve("empty"));
        Files.createDirectories(context.resolve("b/c"));
        Files.delete(context.resolve("d"));
        Files.createDirectories(context.resolve("d/keep"));
        for (String name : List.of("a/x.txt", "a/b/y.txt", "a/b/c/z", "a/b/c/d/deep", "b/c/b", "b/k.txt", "c",
                "d/keep/it", "d/not", "Dockerfile")) {
            Files.writeString(context.resolve(name), name);
        }
        Files.createSymbolicLink(context.resolve("link"), Path.of("a"));
        Files.createSymbolicLink(context.resolve("ln-dangling"), Path.of("/no/where"));
        Files.createSymbolicLink(context.resolve("ln-\u00e9"), Path.of("\u00e9/../x"));
        Files.setPosixFilePermissions(context.resolve("b"), PosixFilePermissions.fromString("rwx--x---"));
        Files.setPosixFilePermissions(context.resolve("k.txt"), PosixFilePermissions.fromString("rwxr-x--x"));
        Files.setAttribute(context.resolve("kk.txt"), "unix:mode", 0106755);
        Files.setAttribute(context.resolve("empty"), "unix:mode", 0041777);
        execute("mkfifo", context.resolve("fifo").toString());
    }

    private static void execute(String... command) throws IOException {
        try {
            assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), Arrays.toString(command));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static void grow(Path folder, Random random, int depth) throws IOException {
        for (int i = random.nextInt(3, 9); i > 0; i--) {
            Path path = folder.resolve(NAMES.get(random.nextInt(random.nextBoolean() ? 6 : NAMES.size())));
            if (Files.exists(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) continue;
            int kind = random.nextInt(10);
            if (kind < 5 && depth > 0) grow(Files.createDirectory(path), random, depth - 1);
            else if (kind == 9) Files.createSymbolicLink(path, Path.of(NAMES.get(random.nextInt(5))));
            else Files.writeString(path, "" + random.nextInt(3));
        }
    }

    private static String patterns(Random random) {
        List<String> lines = new ArrayList<>();
        for (int i = random.nextInt(1, 7); i > 0; i--) {
            List<String> parts = new ArrayList<>();
            for (int j = random.nextInt(1, 4); j > 0; j--) parts.add(part(random));
            lines.add((random.nextInt(5) < 2 ? "!" : "") + (random.nextInt(6) == 0 ? "/" : "") + String.join("/", parts)
                    + (random.nextInt(6) == 0 ? "/" : ""));
        }
        return String.join("\n", lines);
    }

    private static String part(Random random) {
        String name = NAMES.get(random.nextInt(random.nextBoolean() ? 6 : NAMES.size())).replace("\n", "?")
                .replace("\\", "[\\\\]");
        return switch (random.nextInt(10)) {
            case 0 -> "*";
            case 1 -> "**";
            case 2 -> "*" + name;
            case 3 -> name + "*";
            case 4 -> List.of("[ab]", "[^a]", "[a-c]*", "?", "a?b", "\\" + name, "**" + name, name + "**", ".", "..")
                    .get(random.nextInt(10));
            default -> name;
        };
    }
}
