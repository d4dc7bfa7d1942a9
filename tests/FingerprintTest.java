// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ByteStrings;
import ensureimage.recipe.Change;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.recipe.Surroundings;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a fingerprint covers, and what it says; no engine needed.
 * FingerprintDifferentialTest has what BuildKit makes of the same. */
class FingerprintTest {
    private static final Surroundings BUILDKIT = Surroundings.of(BuilderKind.BUILDKIT);

    @TempDir
    Path work;
    private Path context;

    @BeforeEach
    void plant() throws IOException {
        context = Files.createDirectories(work.resolve("context"));
        Files.createDirectories(context.resolve("dir/sub"));
        for (String file : List.of("one", "two", "dir/a", "dir/sub/c")) Files.writeString(context.resolve(file), file);
    }

    // What a fingerprint covers

    @Test
    void onlyWhatTheDockerfileUsesIsRead() throws Exception {
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
    void linksThatGoRoundOrNowhereDoNoHarm() throws Exception {
        Files.createSymbolicLink(context.resolve("loop"), Path.of("loop"));
        Files.createSymbolicLink(context.resolve("star*"), Path.of("*"));
        Files.createSymbolicLink(context.resolve("grows"), Path.of("dir/../grows/grows"));
        Files.createSymbolicLink(context.resolve("dir/up"), Path.of(".."));
        Files.createSymbolicLink(context.resolve("away"), Path.of("/no/where"));
        assertEquals(Set.of("loop", "star*", "away", "grows"), seen("COPY loop star* away grows /").keySet());
        assertEquals(11, seen("COPY . /").size());
    }

    @Test
    void contentTypeModeAndLinkTargetCountButTimesDoNot() throws Exception {
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
    void everythingOutsideTheFilesCountsAndNothingCanBeTakenForAnother() throws Exception {
        List<Recipe> all = List.of(
                inputs("", Map.of(), "", "", List.of(), Map.of()), inputs(" ", Map.of(), "", "", List.of(), Map.of()),
                inputs("ARG A AB B", Map.of("A", "BC"), "", "", List.of(), Map.of()),
                inputs("ARG A AB B", Map.of("AB", "C"), "", "", List.of(), Map.of()),
                inputs("ARG A AB B", Map.of("A", ""), "", "", List.of(), Map.of()),
                inputs("ARG A AB B", Map.of("A", "1", "B", "2"), "", "", List.of(), Map.of()),
                inputs("FROM x AS A", Map.of(), "A", "", List.of(), Map.of()),
                inputs("", Map.of(), "", "A", List.of(), Map.of()),
                inputs("", Map.of(), "", "", List.of("A"), Map.of()),
                inputs("", Map.of(), "", "", List.of("A", "B"), Map.of()),
                inputs("", Map.of(), "", "", List.of("B", "A"), Map.of()),
                inputs("", Map.of(), "", "", List.of("A B"), Map.of()),
                inputs("", Map.of(), "", "", List.of(), Map.of("A", "BC")),
                inputs("", Map.of(), "", "", List.of(), Map.of("A", "B")));
        Set<String> values = new HashSet<>();
        for (var inputs : all) assertTrue(values.add(fingerprint(inputs).value()), inputs.toString());
        assertTrue(values.add(Fingerprint.of(all.get(0), Coverage.whole(Set.of(Coverage.MAIN)), BUILDKIT).value()));
        for (String value : values) assertTrue(Fingerprint.isValue(value), value);
    }

    /** An image keeps its label: another value for the same inputs would build every image once more. */
    @Test
    void theValueOfAFingerprintStaysWhatItIs() throws Exception {
        Files.setAttribute(context.resolve("one"), "unix:mode", 0100644);
        Recipe recipe = inputs("FROM y AS t\nARG A\nCOPY one /", Map.of("A", "\u00e9"), "t", "linux/arm64",
                List.of("--network", "host", "--pull"), Map.of("b:1", "v2:0"));
        assertEquals("v2:191041202e1d0206cfa84d4342a930ba259ed5a1e59c1611e690ed0e1df3c854",
                fingerprint(recipe).value());
    }

    @Test
    void whatBuildsAndWhatTheClientAddsCount() throws Exception {
        Recipe recipe = inputs("ARG HTTP_PROXY", Map.of(), "", "", List.of(), Map.of());
        Set<String> values = new HashSet<>();
        SortedMap<String, String> none = new TreeMap<>();
        for (Surroundings surroundings : List.of(BUILDKIT, Surroundings.of(BuilderKind.LEGACY),
                new Surroundings(BuilderKind.BUILDKIT, new TreeMap<>(Map.of("HTTP_PROXY", "x")), none),
                new Surroundings(BuilderKind.BUILDKIT, none, new TreeMap<>(Map.of("git revision", "x"))))) {
            assertTrue(values.add(Fingerprint.of(recipe, Coverage.NONE, surroundings).value()));
        }
        assertFalse(values.add(Fingerprint.of(recipe, Coverage.NONE,
                new Surroundings(BuilderKind.BUILDKIT, new TreeMap<>(Map.of("FTP_PROXY", "x")), none)).value()));
    }

    @Test
    void onlyArgumentsThatTheBuildSeesCount() throws Exception {
        for (String text : List.of("", "FROM x AS unneeded\nARG A\nFROM y", "RUN echo $A", "ONBUILD ARG A")) {
            assertEquals(value(text), fingerprint(inputs(text, Map.of("A", "1"), "", "", List.of(), Map.of())).value(),
                    text);
        }
        for (String text : List.of("ARG A", "ARG A=2 B", "FROM x AS a\nARG A\nFROM y\nCOPY --from=a / /",
                "FROM x AS a\nONBUILD ARG A\nFROM a", "NEW instruction")) {
            assertNotEquals(value(text),
                    fingerprint(inputs(text, Map.of("A", "1"), "", "", List.of(), Map.of())).value(), text);
        }
        for (String argument : List.of("BUILDKIT_INLINE_CACHE", "SOURCE_DATE_EPOCH", "TARGETARCH")) {
            assertNotEquals(value(""),
                    fingerprint(inputs("", Map.of(argument, "1"), "", "", List.of(), Map.of())).value(), argument);
        }
        Recipe recipe = inputs("", Map.of("A", "1"), "", "", List.of(), Map.of());
        assertNotEquals(Fingerprint.of(inputs("", Map.of(), "", "", List.of(), Map.of()), all(), BUILDKIT).value(),
                Fingerprint.of(recipe, all(), BUILDKIT).value(), "a base may ask for it");
    }

    private static Coverage all() {
        return new Coverage(new TreeMap<>(), true);
    }

    // Named contexts

    @Test
    void aFolderAsNamedContextCountsByWhatIsUsedOfIt() throws Exception {
        Path one = Files.createDirectories(work.resolve("one"));
        Path other = Files.createDirectories(work.resolve("other/one"));
        for (Path folder : List.of(one, other)) {
            Files.writeString(folder.resolve("x"), "1");
            Files.writeString(folder.resolve("y"), "1");
            Files.writeString(folder.resolve("z"), "1");
            Files.writeString(folder.resolve(".dockerignore"), "z");
        }
        for (String text : List.of("COPY --from=e x /", "FROM e\nCOPY dir /",
                "RUN --mount=from=e,source=x,target=/x true")) {
            String before = named(text, "e=" + one).value();
            assertEquals(before, named(text, "e=" + other).value(), "wherever it is");
            assertNotEquals(before, named(text, "e=" + context).value(), text);
            Files.writeString(one.resolve("z"), text);
            assertEquals(before, named(text, "e=" + one).value(), "a file that it ignores");
            Files.writeString(one.resolve("y"), text);
            assertEquals(text.contains("x"), before.equals(named(text, "e=" + one).value()), "a file that is not used");
            Files.writeString(one.resolve("y"), "1");
            Files.writeString(one.resolve("x"), text);
            assertNotEquals(before, named(text, "e=" + one).value(), "a file that is used");
            Files.writeString(one.resolve("x"), "1");
        }
        assertEquals(named("COPY one /", "e=" + one).value(), value("COPY one /"), "a context that is not used");
        assertEquals(Set.of("//e/x"), named("COPY --from=e x z /", "e=" + one).manifest().files().keySet());
        assertNotEquals(named("COPY --from=e x /", "e=docker-image://a").value(),
                named("COPY --from=e x /", "e=docker-image://b").value());
    }

    @Test
    void anOciLayoutCountsByTheImageInIt() throws Exception {
        Path layout = Files.createDirectories(work.resolve("layout"));
        String image = "{\"mediaType\":\"m\",\"platform\":{\"os\":\"linux\"},\"digest\":\"%s\",\"annotations\":"
                + "{\"org.opencontainers.image.ref.name\":\"%s\"}}";
        String index = "{\"schemaVersion\":2,\"manifests\":[%s]}";
        Set<String> values = new HashSet<>();
        for (String where : List.of("layout:v1", "layout", "layout:other")) {
            String context = "e=oci-layout://" + work.resolve(where);
            values.clear();
            assertTrue(values.add(named("FROM e", context).value()), "nothing there");
            for (String digest : List.of("sha256:1", "sha256:2")) {
                Files.writeString(layout.resolve("index.json"), index.formatted(image.formatted(digest, "v1")));
                assertTrue(values.add(named("FROM e", context).value()), where);
                assertFalse(values.add(named("FROM e", context).value()), where);
            }
            Files.delete(layout.resolve("index.json"));
        }
        Files.writeString(layout.resolve("index.json"),
                index.formatted(image.formatted("sha256:1", "a") + "," + image.formatted("sha256:2", "b")));
        assertNotEquals(named("FROM e", "e=oci-layout://" + layout + ":a").value(),
                named("FROM e", "e=oci-layout://" + layout + ":b").value());
        assertEquals(named("FROM e", "e=oci-layout://" + layout + ":a").value(),
                named("FROM e", "e=oci-layout://" + layout + "@sha256:1").value());
    }

    private Fingerprint named(String text, String context) throws RecipeException {
        return fingerprint(inputs(text, Map.of(), "", "", List.of("--build-context", context), Map.of()));
    }

    // Ignored files (what each pattern means is compared with BuildKit)

    @Test
    void theIgnoreFileBesideTheDockerfileWins() throws Exception {
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
    void ignoredFoldersAreMadeForWhatIsNotIgnoredInThem() throws Exception {
        Files.writeString(context.resolve(".dockerignore"), "*\n!dir/sub/c");
        assertEquals(Set.of("dir", "dir/sub", "dir/sub/c"), seen("COPY . /").keySet());
        assertEquals(Set.of("dir", "dir/sub", "dir/sub/c"), seen("COPY dir /").keySet());
        assertEquals(Set.of("dir/sub", "dir/sub/c"), seen("COPY dir/sub /").keySet());
        assertEquals(Set.of(), seen("COPY one /").keySet());
    }

    // Awkward files

    @Test
    void namesThatAreNotUtf8AreNeitherLostNorConfused() throws Exception {
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
        assertTrue(seen("COPY . /").containsKey(ByteStrings.encode("n\n\u00e9 ")));
    }

    @Test
    void aPipeIsCoveredWithoutBeingRead() throws Exception {
        assertEquals(0, new ProcessBuilder("mkfifo", context.resolve("pipe").toString()).start().waitFor());
        assertTrue(seen("COPY . /").containsKey("pipe"));
    }

    /** Of a process that may not override permissions, also if root runs the tests. */
    @Test
    void aFileThatMayNotBeReadIsAFlawOnlyIfTheDockerfileSurelyUsesIt() throws Exception {
        Path file = Files.writeString(context.resolve("no\nentry"), "");
        Path folder = Files.createDirectory(context.resolve("pgdata"));
        Files.writeString(folder.resolve("data"), "");
        String before = asUser("COPY one /");
        for (Path each : List.of(file, folder)) {
            Files.setAttribute(each, "unix:mode", Files.isDirectory(each) ? 0040000 : 0100000);
        }
        try {
            assertEquals(before, asUser("COPY one /"), "it is not used");
            for (String text : List.of("COPY . /", "COPY pgdata /", "COPY no* /")) {
                String flaw = asUser(text);
                assertTrue(flaw.matches("(?s)unreadable /.*/(no\nentry|pgdata): permission denied"), flaw);
            }
            for (String text : List.of("COPY $UNKNOWN /", "FROM s-$TARGETARCH\nCOPY one /", "NEW one /")) {
                String value = asUser(text);
                assertTrue(Fingerprint.isValue(value), value);
                assertEquals(value, asUser(text));
                Files.writeString(context.resolve("one"), text);
                assertNotEquals(value, asUser(text), "control: other files count");
            }
            Files.writeString(context.resolve(".dockerignore"), "no*\npgdata");
            assertTrue(Fingerprint.isValue(asUser("COPY . /")), "it is ignored");
        } finally {
            Files.setAttribute(folder, "unix:mode", 0040755);
        }
    }

    private String asUser(String text) {
        List<String> line = new ArrayList<>(System.getProperty("user.name").equals("root")
                ? List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search")
                : List.of());
        line.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-classpath",
                System.getProperty("java.class.path"), User.class.getName(), context.toString(), text));
        return Harness.command(line.toArray(String[]::new)).run().succeeded().out();
    }

    /** Prints the fingerprint of a context, as predicted, or what is wrong. */
    static final class User {
        public static void main(String... arguments) throws RecipeException {
            byte[] dockerfile = ("FROM x\n" + arguments[1] + "\n").getBytes(StandardCharsets.UTF_8);
            try {
                System.out.print(fingerprint(new Recipe(Reference.parse("app"), Path.of(arguments[0]),
                        new DockerfileSource.Given(dockerfile), BuildOptions.NONE, new TreeMap<>())).value());
            } catch (RecipeException e) {
                Flaw.Unreadable flaw = (Flaw.Unreadable) e.flaw();
                System.out.print("unreadable " + flaw.file() + ": " + flaw.reason());
            }
        }
    }

    @Test
    void whoseIgnoreFileCountsDependsOnTheBuilder() throws Exception {
        Path dockerfile = Files.writeString(work.resolve("D"), "FROM x\nCOPY . /\n");
        Files.writeString(work.resolve("D.dockerignore"), "one\ndir");
        Files.writeString(context.resolve(".dockerignore"), "two\ndir");
        assertEquals(Set.of(".dockerignore", "two"), files(dockerfile, BuilderKind.BUILDKIT));
        assertEquals(Set.of(".dockerignore", "one"), files(dockerfile, BuilderKind.LEGACY));
        assertEquals(Set.of(".dockerignore", "two"), files(dockerfile, BuilderKind.PODMAN));
        Files.delete(work.resolve("D.dockerignore"));
        Files.writeString(context.resolve(".containerignore"), ".*\ndir\none");
        assertEquals(Set.of(".containerignore", ".dockerignore", "one"), files(dockerfile, BuilderKind.BUILDKIT));
        assertEquals(Set.of("two"), files(dockerfile, BuilderKind.PODMAN));
        Files.writeString(work.resolve("D.containerignore"), ".*\ndir\ntwo");
        assertEquals(Set.of("one"), files(dockerfile, BuilderKind.PODMAN));
    }

    @Test
    void anUnreadableFileIsAnErrorThatNamesItUnlessItIsIgnored() throws Exception {
        Path file = context.resolve("no\nentry");
        Files.writeString(file, "");
        Files.setAttribute(file, "unix:mode", 0100000);
        if (Files.isReadable(file)) { // root reads everything, unless it may not
            Harness.Result run = Harness.script("all",
                    "FingerprintTest#anUnreadableFileIsAnErrorThatNamesItUnlessItIsIgnored")
                    .startedBy("setpriv", "--bounding-set=-dac_override,-dac_read_search")
                    .env("XDG_CACHE_HOME", Harness.newFolder()).run().succeeded();
            assertTrue(run.out().endsWith("\n1 passed, 0 failed, 0 skipped\n"), run.toString());
            return;
        }
        Flaw.Unreadable flaw = unreadable("COPY . /");
        assertEquals(file.toRealPath(), flaw.file());
        assertEquals("permission denied", flaw.reason());
        Files.writeString(context.resolve(".dockerignore"), "no*");
        assertDoesNotThrow(() -> value("COPY . /"));
    }

    @Test
    void aMissingContextIsAnErrorThatNamesIt() throws Exception {
        context = work.resolve("missing\u001b[31m");
        Flaw.Unreadable flaw = unreadable("COPY . /");
        assertEquals(context, flaw.file());
        assertEquals("no such file or folder", flaw.reason());
        assertEquals(context, flaw.recipe().context());
        assertEquals(work + "/missing\\u001b[31m", Printable.path(flaw.file()));
    }

    // Changes while it is computed

    @Test
    void aChangeSinceIsSeenAlsoIfItWasTakenBack() throws Exception {
        for (String text : List.of("COPY . /", "COPY dir /")) {
            var inputs = inputs(text, Map.of(), "", "", List.of(), Map.of());
            var file = context.resolve("dir/sub/c");
            String content = Files.readString(file);
            var before = fingerprint(inputs);
            assertTrue(before.isUnchanged(inputs, BUILDKIT), "also if it was written just now");
            Thread.sleep(20); // longer than a tick of the file system's clock
            Files.writeString(file, text.length() + "23456789");
            assertFalse(before.isUnchanged(inputs, BUILDKIT), "the same size");
            assertNotEquals(before.value(), fingerprint(inputs).value());
            Files.writeString(file, content);
            assertEquals(before.value(), fingerprint(inputs).value(), "control: nothing but times tells");
            assertFalse(before.isUnchanged(inputs, BUILDKIT));
        }
    }

    // What is kept, and said

    @Test
    void aManifestSurvivesBeingWrittenAndNothingElsePassesForOne() throws Exception {
        Map<Manifest.Part, SortedMap<String, String>> parts = new EnumMap<>(Manifest.Part.class);
        for (Manifest.Part part : Manifest.Part.values()) {
            parts.put(part, new TreeMap<>(Map.of("a b\n\u00ff%41" + part, "1 \n", "b", "", "= x", "3")));
        }
        var manifest = new Manifest(parts);
        String text = manifest.text();
        assertEquals(Optional.of(manifest), Manifest.parse(text));
        for (int i = 0; i < text.length(); i++) {
            assertEquals(Optional.empty(), Manifest.parse(text.substring(0, i)));
            assertEquals(Optional.empty(),
                    Manifest.parse(text.substring(0, i) + "~" + text.substring(i + 1)));
        }
        for (String garbage : List.of("", "= ", "\n", text + text, text + " ")) {
            assertEquals(Optional.empty(), Manifest.parse(garbage));
        }
    }

    @Test
    void aValueLeavesNoTraceInTheManifest() throws Exception {
        String text = fingerprint(inputs("ARG TOKEN\nENV password=hunter3", Map.of("TOKEN", "hunter2"), "", "",
                List.of("--label", "x=hunter2"), Map.of())).manifest().text();
        assertFalse(text.contains("hunter"), text);
        assertTrue(text.lines().filter(line -> line.matches("[ALOS] .*"))
                .allMatch(line -> line.matches(". \\S+ [0-9a-f]{4}")), text);
    }

    @Test
    void itSaysWhatHasChanged() throws Exception {
        Manifest before = changed("COPY . /", "", List.of(), "");
        assertEquals(List.of(), Manifest.changes(before, changed("COPY . /", "", List.of(), "")));
        assertEquals(List.of(new Change.DockerfileChanged(OptionalInt.of(2))),
                Manifest.changes(before, changed("COPY  . /", "", List.of(), "")));
        assertEquals(List.of(new Change.DockerfileChanged(OptionalInt.of(3))),
                Manifest.changes(before, changed("COPY . /\nUSER 1", "", List.of(), "")));
        assertEquals(List.of(new Change.TargetChanged(Optional.empty(), Optional.of("t"))),
                Manifest.changes(changed("FROM x AS t", "", List.of(), ""),
                        changed("FROM x AS t", "t", List.of(), "")));
        assertEquals(List.of(new Change.PlatformChanged(Optional.empty(), Optional.of("linux/arm64"))),
                Manifest.changes(before, changed("COPY . /", "", List.of(), "linux/arm64")));
        assertEquals(List.of(new Change.OptionsChanged(List.of("--label", "--network"))),
                Manifest.changes(changed("", "", List.of("--label", "a=b"), ""),
                        changed("", "", List.of("--label=a=c", "--network=host"), "")));
        Recipe recipe = inputs("ARG A B", Map.of("A", "1"), "", "", List.of(), Map.of("b:1", "v2:0"));
        Manifest one = fingerprint(recipe).manifest();
        assertEquals(List.of(new Change.ArgumentsChanged(List.of("A", "B"))), Manifest.changes(one, fingerprint(
                inputs("ARG A B", Map.of("A", "2", "B", ""), "", "", List.of(), Map.of("b:1", "v2:0"))).manifest()));
        assertEquals(List.of(new Change.BasesChanged(Change.How.CHANGED, List.of("b:1"))), Manifest.changes(one,
                fingerprint(recipe.withBases(new TreeMap<>(Map.of("b:1", "v2:1")))).manifest()));
        assertEquals(List.of(new Change.BuilderChanged(BuilderKind.BUILDKIT, BuilderKind.LEGACY)), Manifest.changes(one,
                Fingerprint.of(recipe, Coverage.NONE, Surroundings.of(BuilderKind.LEGACY)).manifest()));
        assertEquals(List.of(new Change.SurroundingsChanged(List.of("revision"))), Manifest.changes(one,
                Fingerprint.of(recipe, Coverage.NONE, new Surroundings(BuilderKind.BUILDKIT, new TreeMap<>(),
                        new TreeMap<>(Map.of("revision", "1")))).manifest()));
        Files.writeString(context.resolve("one"), "more");
        Files.delete(context.resolve("two"));
        Files.writeString(context.resolve("n\u00e9w"), "");
        assertEquals(List.of(new Change.FilesChanged(Change.How.ADDED, List.of(ByteStrings.encode("n\u00e9w"))),
                new Change.FilesChanged(Change.How.CHANGED, List.of("one")),
                new Change.FilesChanged(Change.How.REMOVED, List.of("two"))),
                Manifest.changes(before, changed("COPY . /", "", List.of(), "")));
        Files.writeString(context.resolve(".dockerignore"), "a\\d");
        Manifest unclear = changed("COPY one /", "", List.of(), "");
        Files.writeString(context.resolve(".dockerignore"), "a\\w");
        assertEquals(List.of(new Change.IgnoreRulesChanged()),
                Manifest.changes(unclear, changed("COPY one /", "", List.of(), "")));
        assertEquals(List.of(new Change.CoverageChanged()), Manifest.changes(one,
                Fingerprint.of(recipe, all(), BUILDKIT).manifest()));
    }

    private Manifest changed(String text, String target, List<String> options, String platform)
            throws RecipeException {
        return fingerprint(inputs(text, Map.of(), target, platform, options, Map.of())).manifest();
    }

    /** A relative path by its bytes, whatever the locale. */
    private static Path odd(String escaped) {
        Path absolute = Path.of(URI.create("file:///" + escaped.replace("//", "/")));
        return absolute.getRoot().relativize(absolute);
    }

    private Recipe inputs(String text, Map<String, String> arguments, String target, String platform,
            List<String> options, Map<String, String> bases) throws RecipeException {
        byte[] dockerfile = ("FROM x\n" + text + "\n").getBytes(StandardCharsets.UTF_8);
        return new Recipe(Reference.parse("app"), context, new DockerfileSource.Given(dockerfile),
                new BuildOptions(new TreeMap<>(arguments), Set.of(), given(target), given(platform), options),
                new TreeMap<>(bases));
    }

    private static Optional<String> given(String option) {
        return option.isEmpty() ? Optional.empty() : Optional.of(option);
    }

    private static Fingerprint fingerprint(Recipe recipe) throws RecipeException {
        return Fingerprint.of(recipe, recipe.readDockerfile(BuilderKind.BUILDKIT).coverage(false), BUILDKIT);
    }

    private String value(String text) throws RecipeException {
        return fingerprint(inputs(text, Map.of(), "", "", List.of(), Map.of())).value();
    }

    private Flaw.Unreadable unreadable(String text) {
        return (Flaw.Unreadable) assertThrows(RecipeException.class, () -> value(text)).flaw();
    }

    private SortedMap<String, String> seen(String text) throws RecipeException {
        return fingerprint(inputs(text, Map.of(), "", "", List.of(), Map.of())).manifest().files();
    }

    private Set<String> files(Path dockerfile) throws RecipeException {
        return files(dockerfile, BuilderKind.BUILDKIT);
    }

    private Set<String> files(Path dockerfile, BuilderKind builder) throws RecipeException {
        Recipe recipe = new Recipe(Reference.parse("app"), context, new DockerfileSource.InFile(dockerfile),
                BuildOptions.NONE, new TreeMap<>());
        Set<String> files = new HashSet<>(Fingerprint.of(recipe, recipe.readDockerfile(builder).coverage(false),
                Surroundings.of(builder)).manifest().files().keySet());
        files.removeIf(f -> f.startsWith("dir"));
        return files;
    }
}
