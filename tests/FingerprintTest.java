import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a fingerprint covers, and what it says; no engine needed. DifferentialTest has what BuildKit makes of the same. */
class FingerprintTest {
    @TempDir
    Path work;
    private Path context;

    @BeforeEach
    void plant() throws IOException {
        context = Files.createDirectories(work.resolve("context"));
        Files.createDirectories(context.resolve("dir/sub"));
        for (String file : List.of("one", "two", "dir/a", "dir/sub/c")) Files.writeString(context.resolve(file), file);
    }

    // What a Dockerfile uses

    @Test
    void aDockerfileTellsWhichSourcesItUses() {
        assertSources("/one", "COPY one /");
        assertSources("/one /two", "cOpY --chown=1:1 --link ./one two /d/");
        assertSources("/one", "COPY dir/../one /");
        assertSources("/a*/b", "ADD ../a*/b /");
        assertSources("/with space", "COPY [\"with space\", \"/d/\"]");
        assertSources("/o[n]e", "COPY o[n]e /d/");
        assertSources("/one", "ADD https://example.org/x git@example.org:x/y.git one /");
        assertSources("/one", "COPY \\\n# comment\n\n   one \\\n /d");
        assertSources("/dir", "RUN --mount=type=bind,source=dir,target=/m true");
        assertSources("/dir", "RUN --mount=target=/m,src=./dir --network=none true");
        assertSources("", "RUN --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=ssh true");
        assertSources("", "COPY --from=busybox /bin /bin");
        assertSources("/two", "ONBUILD COPY two /");
        assertSources("/one", "RUN <<A cat <<-B\nCOPY two /\nA\n\tB\nCOPY one /");
        assertSources("/one", "RUN echo ' <<EOF '\nCOPY one /");
        assertSources("/one", "HEALTHCHECK --interval=1s CMD true\nCOPY one /");
        assertSources("", "");
    }

    @Test
    void aDockerfileThatCannotBeReadForSureUsesEverything() {
        for (String text : List.of("COPY . /", "COPY / /", "COPY dir/.. /", "COPY $X /", "COPY ${X:-one} /",
                "COPY o\\ne /", "COPY 'one' /", "COPY [one /", "NEW one /",
                "COPY --new one /", "COPY --parents one /", "COPY [\"o\\u006ee\", \"/\"]", "RUN --mount=target=/m true",
                "RUN --mount=type=new,source=one true", "RUN --mount=type=bind,source=$X,target=/m true",
                "RUN --mount true", "RUN --new true",
                "ONBUILD ADD . /", "RUN true \\\\\n one")) {
            assertSources("/", text);
        }
        for (String first : List.of("# syntax=example/other", "# syntax=docker/dockerfile-not", "#!/usr/bin/env x",
                " # escape=`",
                "# escape=`\n# SYNTAX = example/other:1")) {
            assertEquals(Set.of("/"), read(first + "\nFROM x\n", Map.of()).sources(), first);
        }
        for (String first : List.of("# syntax=docker/dockerfile:1",
                "# syntax = docker.io/docker/dockerfile-upstream:master@sha256:0 x", "# check=skip=all",
                "# a comment\n# syntax=example/other")) {
            assertEquals(Set.of(), read(first + "\nFROM x\n", Map.of()).sources(), first);
        }
        assertEquals(Set.of("/"), read("FROM x\n", Map.of("BUILDKIT_SYNTAX", "example/other")).sources());
    }

    @Test
    void aDockerfileTellsWhichImagesItBuildsOn() {
        assertBases("app:1", "FROM --platform=linux/amd64 app:1 AS a\nFROM A\nCOPY --from=a / /\nCOPY --from=0 / /\n");
        assertBases("app:1 b tool",
                "FROM app:1\nCOPY --from=tool / /\nRUN --mount=from=b,target=/m true\nFROM scratch AS b\n");
        assertBases("1 app", "FROM app\nCOPY --from=1 / /\n");
        assertBases("app-base:2", "ARG N=app T=2\nARG I=\"${N}-base:$T\"\nFROM ${I}\nARG I=other\n");
        assertBases("app:9", "ARG T=1\nFROM app:${T}\n", "T", "9");
        assertBases("app:9 x", "FROM x\nFROM app:${T:-${U:-9}}${V:+no}${W-}\n");
        assertBases("app:$TARGETARCH", "FROM app:$TARGETARCH\n");
        assertBases("app:$A", "ARG A=\"\\$A\"\nFROM app:$A\n", "A", "$A");
        assertTrue(read("FROM x\nonbuild run true\n", Map.of()).triggers());
        assertFalse(read("FROM x\nRUN onbuild\n", Map.of()).triggers());
    }

    // What a fingerprint covers

    @Test
    void onlyWhatTheDockerfileUsesIsRead() throws IOException {
        assertEquals(Set.of("one"), seen("COPY one /").keySet());
        assertEquals(Set.of("dir", "dir/a", "dir/sub", "dir/sub/c"), seen("COPY dir /").keySet());
        assertEquals(Set.of("dir/a"), seen("COPY */[a-z] /").keySet());
        assertEquals(Set.of(), seen("COPY missing one/x /").keySet());
        Files.createSymbolicLink(context.resolve("link"), Path.of("../../dir/./sub"));
        Files.createSymbolicLink(context.resolve("dir/sub/up"), Path.of("/link/c"));
        assertEquals(Set.of("link", "dir/sub", "dir/sub/c", "dir/sub/up"), seen("COPY link /").keySet());
        assertEquals(Set.of("link", "dir/sub/c", "dir/sub/up"), seen("COPY link/up /").keySet());
        Files.createSymbolicLink(context.resolve("cleaned"), Path.of("missing/../one"));
        assertEquals(Set.of("cleaned", "one"), seen("COPY cleaned /").keySet());
    }

    @Test
    void linksThatGoRoundOrNowhereDoNoHarm() throws IOException {
        Files.createSymbolicLink(context.resolve("loop"), Path.of("loop"));
        Files.createSymbolicLink(context.resolve("star*"), Path.of("*"));
        Files.createSymbolicLink(context.resolve("grows"), Path.of("dir/../grows/grows"));
        Files.createSymbolicLink(context.resolve("dir/up"), Path.of(".."));
        Files.createSymbolicLink(context.resolve("away"), Path.of("/no/where"));
        assertEquals(Set.of("loop", "star*", "away", "grows"), seen("COPY loop star* away grows /").keySet());
        assertEquals(11, seen("COPY . /").size());
    }

    @Test
    void contentTypeModeAndLinkTargetCountButTimesDoNot() throws IOException {
        Set<String> values = new HashSet<>(Set.of(value("COPY . /")));
        Files.setLastModifiedTime(context.resolve("one"), FileTime.fromMillis(0));
        assertFalse(values.add(value("COPY . /")), "a time");
        Files.setAttribute(context.resolve("one"), "unix:mode", 0104755);
        assertTrue(values.add(value("COPY . /")), "a mode with setuid");
        Files.setAttribute(context.resolve("dir"), "unix:mode", 0040700);
        assertTrue(values.add(value("COPY . /")), "a folder's mode");
        Files.createDirectory(context.resolve("empty"));
        assertTrue(values.add(value("COPY . /")), "an empty folder");
        Files.createSymbolicLink(context.resolve("link"), Path.of("x//y/"));
        assertTrue(values.add(value("COPY . /")), "a link");
        Files.delete(context.resolve("link"));
        Files.createSymbolicLink(context.resolve("link"), odd("x//%C3%A9"));
        assertTrue(values.add(value("COPY . /")), "a link's target");
        Files.delete(context.resolve("link"));
        Files.writeString(context.resolve("link"), "x//y/");
        assertTrue(values.add(value("COPY . /")), "a file in place of a link");
        Files.move(context.resolve("link"), context.resolve("knil"));
        assertTrue(values.add(value("COPY . /")), "a name");
    }

    @Test
    void everythingOutsideTheFilesCountsAndNothingCanBeTakenForAnother() {
        List<Fingerprints.Inputs> all = List.of(
                inputs("", Map.of(), "", "", List.of(), Map.of()), inputs(" ", Map.of(), "", "", List.of(), Map.of()),
                inputs("", Map.of("A", "BC"), "", "", List.of(), Map.of()),
                inputs("", Map.of("AB", "C"), "", "", List.of(), Map.of()),
                inputs("", Map.of("A", ""), "", "", List.of(), Map.of()),
                inputs("", Map.of("A", "1", "B", "2"), "", "", List.of(), Map.of()),
                inputs("", Map.of(), "A", "", List.of(), Map.of()), inputs("", Map.of(), "", "A", List.of(), Map.of()),
                inputs("", Map.of(), "", "", List.of("A"), Map.of()),
                inputs("", Map.of(), "", "", List.of("A", "B"), Map.of()),
                inputs("", Map.of(), "", "", List.of("B", "A"), Map.of()),
                inputs("", Map.of(), "", "", List.of("A B"), Map.of()),
                inputs("", Map.of(), "", "", List.of(), Map.of("A", "BC")),
                inputs("", Map.of(), "", "", List.of(), Map.of("A", "B")));
        Set<String> values = new HashSet<>();
        for (var inputs : all) assertTrue(values.add(fingerprint(inputs).value()), inputs.toString());
        assertTrue(values.add(Fingerprints.Fingerprint.of(all.get(0), Fingerprints.Scope.WHOLE).value()));
        for (String value : values) assertTrue(value.matches("v1s?:[0-9a-f]{64}"), value);
    }

    @Test
    void secretsAreNoInput() {
        assertEquals(fingerprint(inputs("", Map.of(), "", "", List.of("--pull"), Map.of())).value(),
                fingerprint(
                        inputs("", Map.of(), "", "", List.of("--secret", "id=a", "--pull", "--secret=id=b"), Map.of()))
                        .value());
    }

    @Test
    void aLabelTellsWhatItsFingerprintCovered() {
        for (var scope : Fingerprints.Scope.values()) {
            String label = Fingerprints.Fingerprint
                    .of(inputs("COPY one /", Map.of(), "", "", List.of(), Map.of()), scope).value();
            assertEquals(scope, Fingerprints.Scope.of(label));
        }
        assertEquals(Fingerprints.Scope.WHOLE, Fingerprints.Scope.of(value("COPY . /")),
                "where both are the same there is one label");
        assertEquals(Fingerprints.Scope.WHOLE, Fingerprints.Scope.of("v2:who knows"));
    }

    @Test
    void foldersGivenAsNamedContextsAreCovered() throws IOException {
        Path extra = Files.createDirectories(work.resolve("extra"));
        Files.writeString(extra.resolve("x"), "1");
        for (List<String> options : List.of(List.of("--build-context", "e=" + extra),
                List.of("--build-context=e=" + extra))) {
            var inputs = inputs("COPY --from=e x /", Map.of(), "", "", options, Map.of());
            String before = fingerprint(inputs).value();
            Files.writeString(extra.resolve("x"), options.toString());
            assertNotEquals(before, fingerprint(inputs).value());
        }
        assertEquals(5 + 1,
                fingerprint(
                        inputs("", Map.of(), "", "", List.of("--build-context", "e=docker-image://busybox"), Map.of()))
                        .manifest()
                        .files().size(),
                "and the whole context");
    }

    // Ignored files (what each pattern means is compared with BuildKit)

    @Test
    void theIgnoreFileBesideTheDockerfileWins() throws IOException {
        Path dockerfile = Files.createDirectories(work.resolve("elsewhere")).resolve("D[1]");
        Files.writeString(dockerfile, "FROM x\nCOPY . /\n");
        Files.writeString(context.resolve(".dockerignore"), "one\n.dockerignore");
        assertEquals(Set.of("two"), files(dockerfile));
        Path specific = dockerfile.resolveSibling("D[1].dockerignore");
        Files.createSymbolicLink(specific, Path.of("missing"));
        assertEquals(Set.of("two"), files(dockerfile), "not a dangling link");
        Files.delete(specific);
        Files.createDirectory(specific);
        assertEquals(Set.of("two"), files(dockerfile), "not a folder");
        Files.delete(specific);
        Files.writeString(specific, "");
        assertEquals(Set.of(".dockerignore", "one", "two"), files(dockerfile), "but an empty file");
        Files.delete(specific);
        Files.writeString(dockerfile.resolveSibling("real"), "two");
        Files.createSymbolicLink(specific, Path.of("../../elsewhere/../real"));
        assertEquals(Set.of(".dockerignore", "one"), files(dockerfile), "links stay inside the folder");
    }

    @Test
    void ignoredFoldersAreMadeForWhatIsNotIgnoredInThem() throws IOException {
        Files.writeString(context.resolve(".dockerignore"), "*\n!dir/sub/c");
        assertEquals(Set.of("dir", "dir/sub", "dir/sub/c"), seen("COPY . /").keySet());
        assertEquals(Set.of("dir", "dir/sub", "dir/sub/c"), seen("COPY dir /").keySet());
        assertEquals(Set.of("dir/sub", "dir/sub/c"), seen("COPY dir/sub /").keySet());
        assertEquals(Set.of(), seen("COPY one /").keySet());
    }

    // Awkward files

    @Test
    void namesThatAreNotUtf8AreNeitherLostNorConfused() throws IOException {
        Path one = context.resolve(odd("a%FFb"));
        Files.writeString(one, "x");
        Set<String> values = new HashSet<>(Set.of(value("COPY . /")));
        Path two = context.resolve(odd("a%FEb"));
        Files.move(one, two);
        assertTrue(values.add(value("COPY . /")));
        assertTrue(seen("COPY . /").containsKey("a\u00feb"));
        Files.createSymbolicLink(context.resolve("l"), two.getFileName());
        assertEquals(Set.of("l", "a\u00feb"), seen("COPY l /").keySet());
        Files.writeString(context.resolve(odd("n%0A%C3%A9%20")), "x");
        assertTrue(seen("COPY . /").containsKey(Fingerprints.raw("n\n\u00e9 ")));
    }

    @Test
    void aPipeIsCoveredWithoutBeingRead() throws Exception {
        assertEquals(0, new ProcessBuilder("mkfifo", context.resolve("pipe").toString()).start().waitFor());
        assertTrue(seen("COPY . /").containsKey("pipe"));
    }

    @Test
    void anUnreadableFileIsAnErrorThatNamesItUnlessItIsIgnored() throws IOException {
        Path file = context.resolve("no\nentry");
        Files.writeString(file, "");
        Files.setAttribute(file, "unix:mode", 0100000);
        assumeFalse(Files.isReadable(file), "root reads everything");
        String message = assertThrows(Fingerprints.Unreadable.class, () -> value("COPY . /")).getMessage();
        assertTrue(message.matches("cannot read /.*/no\\\\nentry: permission denied"), message);
        Files.writeString(context.resolve(".dockerignore"), "no*");
        assertDoesNotThrow(() -> value("COPY . /"));
    }

    @Test
    void aMissingContextIsAnErrorThatNamesIt() {
        context = work.resolve("missing\u001b[31m");
        assertEquals("cannot read " + work + "/missing\\u{1b}[31m: no such file or folder",
                assertThrows(Fingerprints.Unreadable.class, () -> value("COPY . /")).getMessage());
    }

    // Changes meanwhile

    @Test
    void aChangeSinceIsSeenAlsoIfItWasTakenBack() throws Exception {
        for (String text : List.of("COPY . /", "COPY dir /")) {
            var inputs = inputs(text, Map.of(), "", "", List.of(), Map.of());
            var file = context.resolve("dir/sub/c");
            String content = Files.readString(file);
            var before = fingerprint(inputs);
            assertTrue(before.unchanged(inputs), "also if it was written just now");
            Thread.sleep(20); // longer than a tick of the file system's clock
            Files.writeString(file, text.length() + "23456789");
            assertFalse(before.unchanged(inputs), "the same size");
            assertNotEquals(before.value(), fingerprint(inputs).value());
            Files.writeString(file, content);
            assertEquals(before.value(), fingerprint(inputs).value(), "control: nothing but times tells");
            assertFalse(before.unchanged(inputs));
        }
    }

    // What is kept, and said

    @Test
    void aManifestSurvivesBeingWrittenAndNothingElsePassesForOne() {
        SortedMap<String, String> files = new TreeMap<>(Map.of("a b\n\u00ff%41", "1", "b", "2", "= x", "3"));
        var manifest = new Fingerprints.Manifest("0", files, new TreeMap<>(Map.of("app:1", "v1:0")));
        String text = manifest.text();
        assertEquals(Optional.of(manifest), Fingerprints.Manifest.parse(text));
        for (int i = 0; i < text.length(); i++) {
            assertEquals(Optional.empty(), Fingerprints.Manifest.parse(text.substring(0, i)));
            assertEquals(Optional.empty(),
                    Fingerprints.Manifest.parse(text.substring(0, i) + "~" + text.substring(i + 1)));
        }
        for (String garbage : List.of("", "= ", "\n", text + text, text + " ")) {
            assertEquals(Optional.empty(), Fingerprints.Manifest.parse(garbage));
        }
    }

    @Test
    void aBuildArgumentLeavesNoTraceInTheManifest() {
        var plain = fingerprint(inputs("", Map.of(), "", "", List.of(), Map.of())).manifest();
        assertEquals(plain,
                fingerprint(inputs("", Map.of("TOKEN", "hunter2"), "", "", List.of("--label", "x=hunter2"), Map.of()))
                        .manifest());
    }

    @Test
    void itSaysWhyAnImageIsStale() {
        var before = manifest("D", "b:1=1", "a=1", "b=1", "c=1", "d=1", "e=1");
        assertEquals("Dockerfile changed; 1 file added (src/new.conf)",
                why(before, manifest("E", "b:1=1", "a=1", "b=1", "c=1", "d=1", "e=1", "src/new.conf=1")));
        assertEquals("3 files changed (a, b, c)",
                why(before, manifest("D", "b:1=1", "a=2", "b=2", "c=2", "d=1", "e=1")));
        assertEquals("4 files changed (a, b, c, …); 1 file removed (e)",
                why(before, manifest("D", "b:1=1", "a=2", "b=2", "c=2", "d=2")));
        assertEquals("base b:1 changed", why(before, manifest("D", "b:1=2", "a=1", "b=1", "c=1", "d=1", "e=1")));
        assertEquals("build arguments or options changed", why(before, before));
        assertEquals("1 file added (\\u{1b}[2J\\n\\u{202e}\u00e9\ufffd)",
                why(manifest("D", "b:1=1"),
                        manifest("D", "b:1=1", Fingerprints.raw("\u001b[2J\n\u202e\u00e9") + "\u00ff=1")));
    }

    /** A relative path by its bytes, whatever the locale. */
    private static Path odd(String escaped) {
        Path absolute = Path.of(URI.create("file:///" + escaped.replace("//", "/")));
        return absolute.getRoot().relativize(absolute);
    }

    private static String why(Fingerprints.Manifest before, Fingerprints.Manifest now) {
        return Fingerprints.Manifest.whyStale(before, now);
    }

    private static Fingerprints.Manifest manifest(String dockerfile, String base, String... files) {
        return new Fingerprints.Manifest(dockerfile, map(files), map(base));
    }

    private static SortedMap<String, String> map(String... pairs) {
        SortedMap<String, String> map = new TreeMap<>();
        for (String pair : pairs) map.put(pair.split("=")[0], pair.split("=")[1]);
        return map;
    }

    private static Fingerprints.Dockerfile read(String text, Map<String, String> arguments) {
        return Fingerprints.Dockerfile.of(null, text.getBytes(StandardCharsets.UTF_8), arguments);
    }

    private static void assertSources(String expected, String text) {
        List<String> sources = new ArrayList<>(read("FROM x\n" + text + "\n", Map.of()).sources());
        if (sources.contains("/")) sources = List.of("/");
        assertEquals(expected.isEmpty() ? List.of() : text.contains("with space") ? List.of(expected)
                : Arrays.asList(expected.split(" ")), sources, text);
    }

    private static void assertBases(String expected, String text, String... argument) {
        Map<String, String> arguments = argument.length == 0 ? Map.of() : Map.of(argument[0], argument[1]);
        assertEquals(expected, String.join(" ", read(text, arguments).bases()), text);
    }

    private Fingerprints.Inputs inputs(String text, Map<String, String> arguments, String target, String platform,
            List<String> options,
            Map<String, String> bases) {
        return new Fingerprints.Inputs(context, read("FROM x\n" + text + "\n", arguments), arguments, target, platform,
                options, new TreeMap<>(bases));
    }

    private static Fingerprints.Fingerprint fingerprint(Fingerprints.Inputs inputs) {
        return Fingerprints.Fingerprint.of(inputs, Fingerprints.Scope.SEEN);
    }

    private String value(String text) {
        return fingerprint(inputs(text, Map.of(), "", "", List.of(), Map.of())).value();
    }

    private SortedMap<String, String> seen(String text) {
        return fingerprint(inputs(text, Map.of(), "", "", List.of(), Map.of())).manifest().files();
    }

    private Set<String> files(Path dockerfile) {
        var inputs = new Fingerprints.Inputs(context, Fingerprints.Dockerfile.read(dockerfile, Map.of()), Map.of(), "",
                "", List.of(), new TreeMap<>());
        Set<String> files = new HashSet<>(fingerprint(inputs).manifest().files().keySet());
        files.removeIf(f -> f.startsWith("dir"));
        return files;
    }
}
