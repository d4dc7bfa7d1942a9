// SPDX-License-Identifier: Apache-2.0
//DEPS net.jqwik:jqwik-engine:1.9.3

package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import ensureimage.Ensured;
import ensureimage.Notice;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ByteStrings;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Dockerfile;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.IgnoreFile;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.report.FlawWording;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import ensureimage.report.Wording;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.SortedSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.statistics.Statistics;
import net.jqwik.api.statistics.StatisticsReport;

/**
 * What holds for any input at all: generated, from fixed seeds, out of the pieces that matter to the code that reads it.
 * No engine is involved.
 */
class FuzzTest {

    private static final String SEED = "20251124";
    private static final int TRIES = 1_000;
    private static final String NAME = "docker.io/library/race:test";
    private static final Pattern CLAIM = Pattern.compile(
            "(?s).*image \"([^\"]*)\": already exists|.*creating image (\\S*) failed because it already exists, .*");

    // ---- References

    /** The grammar of distribution/reference, {@code reference.go} and {@code normalize.go}, in one expression. */
    private static final Pattern GRAMMAR = grammar();

    private static Pattern grammar() {
        String label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
        String host = "(?:" + label + "(?:\\." + label + ")*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?";
        String component = "[a-z0-9]+(?:(?:[._]|__|[-]*)[a-z0-9]+)*";
        return Pattern.compile("(?:" + host + "/)?" + component + "(?:/" + component + ")*(?::\\w[\\w.-]{0,127})?");
    }

    @Provide
    Arbitrary<String> references() {
        return texts(12, "a", "b9", "A", "-", "--", ".", "_", "__", "/", ":", ":1", "@", "[", "]", "::1", "localhost",
                "docker.io/", "index.docker.io/", "library/", "host:5000/", "e.x/", " ", "\n", "\u001b[2J", "\u00e9",
                "\u0130");
    }

    @Property(tries = TRIES, seed = SEED)
    void aReferenceIsWhatTheEngineTakesForOne(@ForAll("references") String text) {
        Optional<Reference> reference = parsed(text);
        assertEquals(isReference(text), reference.isPresent());
        reference.ifPresent(parsed -> {
            assertTrue(parsed.toString().matches("[A-Za-z0-9\\[][!-~&&[^@\"']]*:[\\w][\\w.-]*"), parsed.toString());
            assertEquals(reference, parsed(parsed.toString()), "what is shown is the same reference");
        });
    }

    private static boolean isReference(String text) {
        int slash = text.indexOf('/');
        String first = slash < 0 ? "" : text.substring(0, slash);
        boolean host = first.matches("(?s).*[.:].*") || first.equals("localhost") || !first.toLowerCase().equals(first);
        String rest = host ? text.substring(slash + 1) : text;
        boolean lower = rest.split(":", 2)[0].chars().noneMatch(Character::isUpperCase);
        String hub = host && first.matches("(?:index\\.)?docker\\.io") ? "docker.io/" : "";
        boolean named = hub.isEmpty() || !rest.split(":", 2)[0].isEmpty();
        return lower && named && GRAMMAR.matcher(host ? first + "/" + rest : "docker.io/" + rest).matches();
    }

    /** Empty if the user is told that it is none, in one line that is safe to print. */
    private static Optional<Reference> parsed(String text) {
        try {
            return Optional.of(Reference.parse(text));
        } catch (RecipeException e) {
            assertPrintable(FlawWording.flaw(e.flaw()).text());
            return Optional.empty();
        }
    }

    // ---- Dockerfiles

    @Provide
    Arbitrary<String> dockerfiles() {
        return texts(25, "\n", "\r\n", "\r", "\\\n", "`\n", "# escape=`\n", "#", "# syntax=x/y\n", "\ufeff", "\0",
                "\u00e9", " ", "\t",
                "FROM ", "from a AS b", "COPY ", "ADD ", "RUN ", "ARG A=", "ONBUILD ", "--from=", "--mount=", "--",
                "$A",
                "${A:-b}",
                "${", "}", "<<E", "<<-'E'", "\nE\n", "\n\tE\n", "[\"a\"", ",", "]", "\"", "'", "\\", "/", ".", "*", "x",
                "=", "a/b");
    }

    @Property(tries = TRIES, seed = SEED)
    void noDockerfileHidesWhatStandsBelowIt(@ForAll("dockerfiles") String above) {
        // The line before takes what a last escape of the text joins to it.
        Dockerfile file = dockerfile(above + "\nFROM busybox\nCOPY below /\n");
        SortedSet<String> sources = file.coverage(false).patterns(Coverage.MAIN);
        assertTrue(sources.contains("/below") || sources.contains("/"), sources.toString());
        sources.forEach(source -> assertEquals(source, ByteStrings.cleanPath(source)));
    }

    @Property(tries = TRIES, seed = SEED)
    void lineEndsDoNotMatter(@ForAll("dockerfiles") String text) {
        String unix = text.replace("\r", "");
        Dockerfile file = dockerfile(unix);
        Dockerfile windows = dockerfile(unix.replace("\n", "\r\n"));
        assertEquals(file.bases(), windows.bases());
        assertEquals(file.coverage(false), windows.coverage(false));
    }

    private static Dockerfile dockerfile(String text) {
        return Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8),
                new BuildOptions(new TreeMap<>(Map.of("A", "$A")),
                        Set.of(), Optional.empty(), Optional.empty(), List.of()),
                BuilderKind.BUILDKIT);
    }

    // ---- .dockerignore

    @Provide
    Arbitrary<String> ignores() {
        return texts(15, "\n", "\r\n", "!", "#", " ", "\t", "\u00a0", "\ufeff", "*", "**", "**/", "?", "/", ".", "..",
                "[a-c]",
                "[^a]", "[", "]", "\\", "\\d", "a", "b", ".txt", "{", "|", "(", ")", "+", "^", "$", "\u00e9", "\u263a");
    }

    @Provide
    Arbitrary<String> paths() {
        return texts(8, "a", "b", "/", ".txt", "*", "\u00e9", "\n", ".", "(", "|").map(FuzzTest::path);
    }

    private static String path(String text) {
        String path = ByteStrings.cleanPath("/" + ByteStrings.encode(text)).substring(1);
        return path.isEmpty() ? "a" : path;
    }

    @Property(tries = TRIES, seed = SEED)
    void everyIgnoreFileHasAMeaning(@ForAll("ignores") String text, @ForAll("paths") String path) {
        IgnoreFile ignore = IgnoreFile.parse(ByteStrings.encode(text));
        IgnoreFile withAll = IgnoreFile.parse(ByteStrings.encode(text) + "\n!" + "**\n");
        boolean refused = !ignore.unclear().isEmpty();
        if (!refused) {
            assertFalse(withAll.judge(path, false, withAll.start()).excluded(), "re-included: " + path);
        }
        ignore.judge(path, true, ignore.start());
    }

    // ---- The classifier

    @Provide
    Arbitrary<List<String>> outputs() {
        return texts(4, "ERROR: failed to solve: image \"" + NAME + "\": already exists", "ERROR: ",
                "failed to build: ", "failed to solve: ", "target x: ", "AlreadyExists: ", "image ", "\"" + NAME + "\"",
                "\"docker.io/library/race:other\"", "\"moby-dangling@sha256:" + "0".repeat(64) + "\"",
                ": already exists",
                "Error response from daemon: ", "creating image " + NAME + " failed because it already exists, ",
                "but accessing it also failed: No such image: x", "#7 0.1 ", "process \"", "\r", "\u0085", "\u2028",
                "\0",
                " ", "\n", "\n")
                .map(text -> List.of(text.split("\n", -1)));
    }

    @Property(tries = TRIES, seed = SEED)
    @StatisticsReport(StatisticsReport.StatisticsReportMode.OFF)
    void onlyALastLineThatClaimsOurTagIsARace(@ForAll("outputs") List<String> lines) {
        assertRaceOnlyIfClaimed(lines);
    }

    @Provide
    Arbitrary<List<String>> mutatedTranscripts() throws IOException {
        List<List<String>> transcripts = new ArrayList<>();
        try (Stream<Path> files = Files.list(Harness.projectFile("tests/transcripts"))) {
            for (Path file : files.sorted().toList()) {
                List<String> lines = Files.readAllLines(file).stream().map(String::stripTrailing).toList();
                transcripts.add(lines.subList(1, lines.size()));
            }
        }
        Arbitrary<Integer> place = Arbitraries.integers().between(0, 999);
        Arbitrary<String> change = texts(2, "", "\n", "\"", " ", ":", "a", "ERROR: failed to solve: image \"" + NAME
                + "\": already exists", ": already exists", "process ", "\u001b[0m");
        return Combinators.combine(Arbitraries.of(transcripts), place, Arbitraries.integers().between(0, 6), change)
                .as(FuzzTest::mutated);
    }

    /** With some characters of the last line but one, or of the last one, replaced. */
    private static List<String> mutated(List<String> transcript, int place, int length, String change) {
        String text = String.join("\n", transcript.subList(Math.max(0, transcript.size() - 4), transcript.size()));
        int begin = place * text.length() / 1000;
        int end = Math.min(text.length(), begin + length);
        return List.of((text.substring(0, begin) + change + text.substring(end)).split("\n", -1));
    }

    @Property(tries = TRIES, seed = SEED)
    @StatisticsReport(StatisticsReport.StatisticsReportMode.OFF)
    void aMutatedTranscriptIsARaceOnlyIfItsLastLineStillClaimsOurTag(
            @ForAll("mutatedTranscripts") List<String> lines) {
        assertRaceOnlyIfClaimed(lines);
    }

    private static void assertRaceOnlyIfClaimed(List<String> lines) {
        Verdict verdict = verdict(lines);
        String last = lines.stream().filter(line -> !line.isBlank() && !line.startsWith("View build details: "))
                .reduce((before, line) -> line).orElse("");
        assertEquals(last, verdict.line());
        boolean claimed = verdict.meaning() == KnownLine.Meaning.CLAIMED;
        Statistics.collect(claimed);
        Statistics.coverage(coverage -> coverage.check(true).count(count -> count > 0)); // control: there are races
        if (claimed) {
            Matcher claim = CLAIM.matcher(last);
            assertTrue(claim.matches(), last);
            String named = claim.group(1) != null ? claim.group(1) : claim.group(2);
            assertTrue(named.matches("moby-dangling@sha256:[0-9a-f]{64}") || parsed(named).equals(parsed(NAME)), last);
            assertFalse(last.contains("process ") || last.contains("returned a non-zero code"), last);
        }
    }

    private static Verdict verdict(List<String> err) {
        return Verdict.read(new Processes.Finished(1, List.of(), err, Duration.ZERO),
                parsed(NAME).orElseThrow());
    }

    // ---- What is shown

    @Provide
    Arbitrary<String> hostile() {
        return texts(12, "a", "\u001b[2J", "\u001b]0;x\u0007", "\r", "\n", "\t", "\0", "\u0085", "\u2028", "\u202e",
                "\ud800", "\udc00",
                "\ud83d\ude00", "\"", "\\", "::error::x", "##[error]x", "::", " ", "%", "ensure_image: ", "{", "}",
                ",");
    }

    @Property(tries = TRIES, seed = SEED)
    void jsonAlwaysParsesAndSaysWhatWasMeant(@ForAll("hostile") String text, @ForAll boolean actions) throws Exception {
        StringWriter out = new StringWriter();
        Recipe recipe = Recipe.inFolder(Reference.parse("app"), Path.of("x"), BuildOptions.NONE);
        ImageCollection.Member image = new ImageCollection.Member(recipe, true);
        Style style = new Style(Style.Format.JSON, false, false);
        try (RunReport report = RunReport.open(style, new PrintWriter(out), new PrintWriter(new StringWriter()),
                new Terminal(false, false, false), actions ? Map.of("GITHUB_ACTIONS", "true") : Map.of())) {
            report.begin(List.of(image));
            report.notice(recipe, new Notice.Temporary(text));
            report.ended(image, new Ensured(recipe, "id", Ensured.How.BUILT, text, 1, Optional.empty(),
                    Duration.ZERO));
        }
        String line = out.toString();
        assertTrue(line.endsWith("}\n") && line.chars().filter(c -> c == '\n').count() == 1, line);
        assertTrue(line.chars().allMatch(c -> c == '\n' || c >= ' ' && c < 127), line);
        assertFalse(actions && line.contains("##["), line);
        Map<String, String> texts = new TreeMap<>();
        try (JsonParser json = new JsonFactory().createParser(line)) {
            for (JsonToken token; (token = json.nextToken()) != null;) {
                if (token == JsonToken.VALUE_STRING) {
                    texts.put(String.valueOf(json.currentName()), json.getText());
                }
            }
        }
        if (!text.isEmpty()) {
            assertEquals(text, texts.get("fingerprint"));
        }
    }

    @Property(tries = TRIES, seed = SEED)
    void noTextFromElsewhereMovesTheCursorOrBeginsALine(@ForAll("hostile") String text) {
        assertPrintable(Printable.escape(text));
        String quoted = Wording.quote(text);
        assertPrintable(quoted);
        assertTrue(quoted.startsWith("  | "), quoted);
        assertPrintable(Printable.path(ByteStrings.encode(text)));
    }

    private static void assertPrintable(String text) {
        text.codePoints().forEach(c -> assertTrue(c == '\t' || !Character.isISOControl(c)
                && Character.getType(c) != Character.FORMAT && Character.getType(c) != Character.LINE_SEPARATOR,
                () -> text));
    }

    // ---- What other programs print, and what files hold

    @Property(tries = TRIES, seed = SEED)
    void whateverTheEngineOrTheCacheHoldsIsRead(@ForAll("hostile") String text) {
        HeldImage.parse(text);
        assertEquals(Optional.empty(), Manifest.parse(text));
        assertEquals(Optional.empty(), Manifest.parse("ensure_image manifest 2\n" + text + "= x\n"));
    }

    @Property(tries = TRIES, seed = SEED)
    void passedOptionsAreTakenOrRefused(@ForAll("options") List<String> options) {
        try {
            BuildOptions taken = BuildOptions.parse(options, Optional.empty(), Optional.empty(), options,
                    Map.of("A", "from the environment"));
            assertTrue(taken.passThrough().stream().noneMatch(option -> option.startsWith("--build-arg=")),
                    taken.toString());
        } catch (RecipeException e) {
            assertTrue(e.flaw() instanceof Flaw.ForbiddenOption, e.getMessage());
        }
    }

    @Provide
    Arbitrary<List<String>> options() {
        return texts(3, "--build-arg", "=", "A", "A=b", "-f", "--file", "--pull", "x", "\n").list().ofMaxSize(5);
    }

    // ---- Generators

    /** Texts of up to so many of these pieces. */
    private static Arbitrary<String> texts(int most, String... pieces) {
        return Arbitraries.of(pieces).list().ofMaxSize(most).map(some -> String.join("", some));
    }
}
