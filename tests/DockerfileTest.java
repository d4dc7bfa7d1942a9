// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Dockerfile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read from a Dockerfile; no engine needed. FingerprintDifferentialTest has what BuildKit makes of the same. */
class DockerfileTest {
    private static final String ALL = "/";

    // Files

    @Test
    void itTellsWhichFilesItUses() {
        assertFiles("/one", "COPY one /");
        assertFiles("/one /two", "cOpY --chown=1:1 --link ./one two /d/");
        assertFiles("/one", "COPY dir/../one /");
        assertFiles("/a*/b", "ADD ../a*/b /");
        assertFiles("/with space", "COPY [\"with space\", \"/d/\"]");
        assertFiles("/o[n]e", "COPY o[n]e /d/");
        assertFiles("/one", "COPY 'o'\"n\"\\e /");
        assertFiles("/one", "COPY [\"o\\u006ee\", \"/\"]");
        assertFiles("/one", "ADD https://example.org/x one /");
        assertFiles("/dir", "COPY --exclude=*.md --parents ./dir /");
        assertFiles("/dir", "RUN --mount=type=bind,source=dir,target=/m true");
        assertFiles("/dir", "RUN --mount=target=/m,src=./dir --network=none true");
        assertFiles("/dir", "RUN --mount='type=bind,source=dir',target=/m true");
        assertFiles("", "RUN --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=ssh true");
        assertFiles("", "COPY --from=busybox /bin /bin");
        assertFiles("/one", "HEALTHCHECK --interval=1s CMD true\nCOPY one /");
        assertFiles("", "");
        assertFiles(ALL, "COPY . /");
        assertFiles(ALL, "COPY dir/.. /");
        assertFiles(ALL, "COPY \"\" one /");
        assertFiles(ALL, "RUN --mount=target=/m true");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"COPY $X /", "COPY ${X:-one} /", "COPY a\\\\b /", "COPY [one /", "NEW one /", "COPY --new one /",
                "RUN --mount=type=new,source=one true", "RUN --mount=type=bind,source=$X,target=/m true",
                "RUN --mount true", "RUN --new true", "RUN true \\\\\n one", "COPY ${X /", "COPY \"one /", "ARG A$B=1",
                "FROM x $Y", "ARG BUILDKIT_SBOM_SCAN_CONTEXT=1", "RUN --mount=\"a=\\\"b,c\\\"\" true"})
    void whatIsNotCertainMayUseEverything(String text) {
        Dockerfile file = read("FROM x\n" + text + "\n");
        assertEquals(Set.of(ALL), file.coverage(false).patterns(Coverage.MAIN));
        assertFalse(file.isCertain());
    }

    @Test
    void aDirectiveCountsAsFarAsAllVersionsAgree() {
        for (String first : List.of("# syntax=example/other", "# syntax=docker/dockerfile-not", "#!/usr/bin/env x",
                " # escape=`", "# escape=`\n# SYNTAX = example/other:1", "// syntax=x/y", "{\"syntax\":\"x/y\"}")) {
            assertEquals(Coverage.whole(Set.of("")), read(first + "\nFROM x\n").coverage(false), first);
        }
        for (String first : List.of("# syntax=docker/dockerfile:1",
                "# syntax = docker.io/docker/dockerfile-upstream:master@sha256:0 x", "# check=skip=all",
                "# a comment\n# syntax=example/other")) {
            assertEquals(Coverage.NONE, read(first + "\nFROM x\n").coverage(false), first);
        }
        assertEquals(Coverage.whole(Set.of("")),
                read("FROM x\n", Map.of("BUILDKIT_SYNTAX", "example/other")).coverage(false));
        assertFiles("/one", "FROM x\nCOPY o`ne /", "# escape=`\n", true);
        assertFiles("/one", "FROM x\nCOPY `\n one /", "# escape=`\n", true);
    }

    // Lines

    @Test
    void linesAreJoinedAsBuildKitDoes() {
        assertFiles("/one", "COPY \\\n# comment\n\n   one \\\n /d");
        assertFiles("/COPY /one /two", "COPY one /\\\t \n\n # comment\nCOPY two /");
        assertFiles("/two", "# COPY one /\n  # COPY one /\nCOPY two /");
        assertFiles("/two", "RUN true \\\r\n  COPY one /\r\nCOPY two /\r");
    }

    @Test
    void aHeredocIsOneExactlyWhereBuildKitSeesIt() {
        assertFiles("/one", "RUN <<A cat <<-B\nCOPY two /\nA\n\tB\nCOPY one /");
        assertFiles("/one", "COPY <<A <<'B' <<\"C\" /d/\nCOPY two /\nA\nCOPY two /\nB\n$x\nC\nCOPY one /");
        assertFiles("/one", "RUN cat <<-\"E F\"\n\t\tE F\nCOPY one /");
        assertFiles("/one /two", "COPY <<E two /d/\nCOPY three /\nE\nCOPY one /");
        assertFiles("/one", "RUN 3<<E cat\nCOPY two /\nE\nCOPY one /");
        assertFiles("/one", "ONBUILD RUN <<E\nCOPY two /\nE\nCOPY one /");
        for (String none : List.of("RUN echo ' <<E '", "RUN echo \"usage <<E\"", "RUN [\"echo\", \"<<E\"]",
                "CMD echo <<E",
                "RUN echo a<<E", "RUN echo \\<<E", "RUN it's <<E", "RUN echo ${ <<E", "RUN cat <<<E", "LABEL a=<<E",
                "RUN echo \"a <<E b\" 'c'", "COPY [\"<<E\", \"/\"]")) {
            assertFiles("/one", none.replace("<<E", "<<USER") + "\nCOPY one /\nUSER\n", "FROM x\n", false);
        }
        assertFiles("/one", "RUN <<E\nCOPY one /", "FROM x\n", false); // without an end it is none, and no build
        assertEquals(Coverage.whole(Set.of("")), read("FROM x\nRUN <<E\nE\n", BuilderKind.PODMAN).coverage(false),
                "Podman's builder has versions that know none");
    }

    // Variables

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\0', ignoreLeadingAndTrailingWhitespace = true, value = {
        "$V | v1.2-slim", "${V} | v1.2-slim", "\"$V\" | v1.2-slim", "'$V' | $V", "\\$V | $V", "a$V-b | av1.2-slim-b",
        "$NONE | .", "x${NONE} | x", "${V:-x} | v1.2-slim", "${NONE:-x} | x", "${EMPTY:-x} | x", "x${EMPTY-x} | x",
        "${NONE-x} | x", "${V:+x} | x", "y${NONE:+x} | y", "y${EMPTY:+x} | y", "${EMPTY+x} | x", "${V:?no} | v1.2-slim",
        "${V?no} | v1.2-slim", "${V#v} | 1.2-slim", "${V#x} | v1.2-slim", "${V%-slim} | v1.2", "${V%-*} | v1.2",
        "${D#*/} | b/c", "${D##*/} | c", "${D%/*} | a/b", "${D%%/*} | a", "${V/-slim/} | v1.2", "${D/\\//-} | a-b/c",
        "${D//\\//-} | a-b-c", "${V/1?2/x} | vx-slim", "${NONE:-${V#v}} | 1.2-slim", "${NONE:-'a b'} | a b",
        "${S#\\*} | b", "${S%%\\**} | .", "${DOT%.*} | a", "$V$D | v1.2-slima/b/c", "$ | $", "a$- | a",
        "${V:-}x | v1.2-slimx"})
    void variablesAreReplacedAsBuildKitsShellDoes(String word, String expected) {
        Dockerfile file =
                read("ARG V=v1.2-slim EMPTY= D=a/b/c S=*b DOT=a.b\nFROM scratch\nARG V\nARG EMPTY\nARG D\nARG S\n"
                        + "ARG DOT\nCOPY " + word.replace("'a b'", "a\\ b").replace(" ", "X") + " /\n");
        assertEquals(Set.of(expected.equals(".") ? ALL : "/" + expected.replace(" ", "X")),
                file.coverage(false).patterns(Coverage.MAIN), word);
        assertTrue(file.isCertain());
    }

    @ParameterizedTest
    @ValueSource(strings = {"${V:?no}", "${V?no}", "${}", "${V", "${V:x}", "${V:=x}", "${V/a}", "${V#\\x}", "${${V}}",
        "$TARGETARCH", "$PATH", "${V//a/\\$b}"})
    void whatIsRefusedOrNotKnownIsNotReplaced(String word) {
        assertFalse(read("FROM scratch\nARG TARGETARCH\nCOPY " + word + " /\n").isCertain());
        assertFalse(read("FROM a AS x\nFROM " + word + "\n").isCertain());
    }

    @Test
    void aVariableIsKnownIfItsValueIs() {
        String copy = "\nCOPY $A /\n";
        assertEquals(Set.of("/1"), files(read("FROM x\nARG A=1" + copy)));
        assertEquals(Set.of("/2"), files(read("FROM x\nARG A=1" + copy, Map.of("A", "2"))));
        assertEquals(Set.of("/2"), files(read("FROM x\nARG A" + copy, Map.of("A", "2"))));
        assertEquals(Set.of(ALL), files(read("FROM x\nARG A" + copy)), "the image may have it");
        assertEquals(Set.of(ALL), files(read("FROM x" + copy, Map.of("A", "2"))), "not declared here");
        assertEquals(Set.of("/1"), files(read("FROM x\nENV A=1" + copy)));
        assertEquals(Set.of("/a b"), files(read("FROM x\nENV A a b\nCOPY \"$A\" /\n")), "the old form");
        assertEquals(Set.of("/1"), files(read("FROM x\nENV A=1 B=2\nENV A=3 C=$A\nCOPY $C /\n")), "values before it");
        assertEquals(Set.of("/2"), files(read("FROM x\nENV A=1\nARG A=2" + copy)), "the last one");
        assertEquals(Set.of("/1"), files(read("FROM x AS a\nARG A=1\nFROM a" + copy)), "of the stage below");
        assertEquals(Set.of(ALL), files(read("FROM x AS a\nARG A=1\nFROM x" + copy)), "not of another stage");
        assertEquals(Set.of("/g"), files(read("ARG A=g\nFROM x\nARG A" + copy)), "of the global scope");
        assertEquals(Set.of("/d"), files(read("ARG A=g\nFROM x\nARG A=d" + copy)));
        assertEquals(Set.of(ALL), files(read("ARG A=g\nFROM x" + copy)));
        assertEquals(Set.of("/arm"), files(read("FROM x\nARG TARGETARCH\nCOPY $TARGETARCH /\n",
                Map.of("TARGETARCH", "arm"))));
        assertEquals(Set.of("/1"), files(read("FROM x\nARG A=1\nRUN --mount=source=$A,target=/m true\n")));
        for (BuilderKind other : List.of(BuilderKind.LEGACY, BuilderKind.PODMAN)) {
            assertEquals(Set.of(ALL), files(read("FROM x\nARG A=1" + copy, other)), "ENV may win there");
        }
    }

    // Images

    @Test
    void itTellsWhichImagesItBuildsOn() {
        assertBases("app:1", "FROM --platform=linux/amd64 app:1 AS a\nFROM A\nCOPY --from=a / /\nCOPY --from=0 / /\n");
        assertBases("app:1 b tool", "FROM app:1\nCOPY --from=tool / /\nRUN --mount=from=b,target=/m true\n");
        assertBases("1 app", "FROM app\nCOPY --from=1 / /\n");
        assertBases("app-base:2", "ARG N=app T=2\nARG I=\"${N}-base:$T\"\nFROM ${I}\nARG I=other\n");
        assertBases("app:9", "ARG T=1\nFROM app:${T}\n", "T", "9");
        assertBases("app:", "FROM app:$T\n", "T", "9");
        assertBases("app:9", "FROM x\nFROM app:${T:-${U:-9}}${V:+no}${W-}\n");
        assertBases("app:1.2", "ARG VERSION=v1.2\nFROM app:${VERSION#v}\n");
        assertBases("app:$TARGETARCH", "FROM app:$TARGETARCH\n");
        assertBases("app:arm", "FROM app:$TARGETARCH\n", "TARGETARCH", "arm");
        assertBases("app:$A", "ARG A=\"\\$A\"\nFROM app:$A\n");
        assertBases("", "FROM scratch\n");
        assertTrue(read("FROM x\nonbuild run true\n").triggers());
        assertFalse(read("FROM x\nRUN onbuild\n").triggers());
        assertFalse(read("FROM x\nONBUILD RUN true\nFROM y\n").triggers());
        assertEquals(Set.of("app"), read("FROM app\nCOPY --from=tool / /\n").parents(), "a copy runs no ONBUILD");
    }

    // Stages

    @Test
    void onlyWhatTheTargetNeedsCounts() {
        String text =
                "ARG G=1\nFROM busybox AS base\nCOPY src /\nFROM base AS test\nARG T\nADD https://x/y tests /\nFROM "
                        + "base AS prod\nARG P\nCOPY --from=tool x /\nFROM tools AS other\nCOPY other /\nFROM prod AS last\n"
                        + "RUN --mount=from=other,source=/o,target=/m true\n";
        assertNeeds(text, "prod", "/src", "busybox tool", "G P", "");
        assertNeeds(text, "BASE", "/src", "busybox", "G", "");
        assertNeeds(text, "test", "/src /tests", "busybox", "G T", "ADD https://x/y");
        assertNeeds(text, "", "/other /src", "busybox tool tools", "G P", "");
        assertNeeds(text, "nosuch", "/other /src /tests", "busybox tool tools", "G P T", "ADD https://x/y");
        Dockerfile legacy = Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), options(Map.of(), "prod"),
                BuilderKind.LEGACY);
        assertEquals(Set.of("/src", "/tests"), files(legacy), "it builds every stage up to the target");
    }

    @Test
    void whatOnlyAnUnneededStageMakesUncertainIsCertain() {
        assertEquals(Coverage.NONE, read("FROM x AS a\nCOPY $X /\nNEW one\nFROM y\n").coverage(false));
        Dockerfile file = read("FROM base AS a\nCOPY one /\nFROM $TARGETARCH\n");
        assertEquals(Set.of(ALL), files(file));
        assertEquals(Set.of("$TARGETARCH", "base"), file.bases(), "which stage it is cannot be told");
    }

    @Test
    void anOnbuildInstructionCountsInTheStageThatIsBuiltOnIt() {
        assertFiles("", "ONBUILD COPY two /");
        assertFiles("/0 /1 /one", "ARG A=0\nONBUILD COPY $A one /\nFROM s\nARG A=1\nCOPY $A /", "FROM scratch AS s\n",
                false);
        assertFiles("/two", "ONBUILD COPY two /\nFROM s AS t\nFROM t", "FROM x AS s\n", true);
        assertFiles("", "ONBUILD COPY two /\nFROM x\nCOPY --from=s / /", "FROM x AS s\n", true);
        assertEquals(Coverage.whole(Set.of("")), read("FROM x\n").coverage(true), "an image may have some");
    }

    // Named contexts

    @Test
    void aNamedContextStandsForAnImageOrAStage() {
        for (String from : List.of("FROM alpine\n", "FROM docker.io/library/alpine:latest\n",
                "FROM x AS alpine\nCOPY x /\n",
                "FROM x AS alpine\nFROM alpine\n")) {
            Dockerfile file = read(from, "alpine=dir");
            assertEquals(Map.of("alpine", Set.of(ALL)), file.coverage(false).contexts(), from);
            assertEquals(Set.of(), file.bases(), from);
        }
        Dockerfile file =
                read("FROM scratch\nCOPY --from=e a b/ /\nRUN --mount=from=e,source=c/d,target=/m x\n", "e=dir");
        assertEquals(Map.of("e", Set.of("/a", "/b", "/c/d")), file.coverage(false).contexts());
        assertEquals(Set.of("debian:13"), read("FROM e\n", "e=docker-image://debian:13").bases());
        assertEquals(Set.of("debian:13"), read("FROM e\n", "e=docker-image://debian:13").parents());
        assertEquals(Set.of("e"), read("FROM e\n", "other=dir").bases());
        assertEquals(Map.of("", Set.of(ALL), "e", Set.of(ALL)), read("NEW\n", "e=dir").coverage(false).contexts());
        assertEquals(Set.of("/x"), files(read("FROM scratch\nCOPY --from=context x /\nCOPY x /\n", "context=dir")));
    }

    // What cannot be looked up

    @Test
    void itTellsWhatNoLookUpCanKnow() {
        for (String text : List.of("ADD https://x/y /", "ADD git@github.com:x/y.git /", "ADD git://x/y#main /",
                "ADD https://x/y.git#v1 /", "ARG U=http://x\nADD $U/y /", "ADD $U /", "COPY --from=remote x /",
                "ADD https://x/y#0123456789012345678901234567890123456789 /")) {
            assertEquals(1, read("FROM x\n" + text + "\n", "remote=https://x/y.git").unknowable().size(), text);
        }
        for (String text : List.of("ADD --checksum=sha256:0 https://x/y /", "ADD one /", "COPY https://x/y /",
                "ADD https://x/y.git#0123456789012345678901234567890123456789 /", "RUN curl https://x/y")) {
            assertEquals(Set.of(), read("FROM x\n" + text + "\n", "remote=https://x/y.git").unknowable(), text);
        }
        assertEquals(Set.of("syntax=x/y"), read("# syntax=x/y\nFROM x\n").unknowable());
        assertFiles("/git@github.com:x/y.git", "ADD git@github.com:x/y.git /");
    }

    // How it is asked

    private static Dockerfile read(String text) {
        return read(text, BuilderKind.BUILDKIT);
    }

    private static Dockerfile read(String text, BuilderKind builder) {
        return Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), BuildOptions.NONE, builder);
    }

    private static Dockerfile read(String text, Map<String, String> arguments) {
        return Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), options(arguments, ""), BuilderKind.BUILDKIT);
    }

    private static Dockerfile read(String text, String context) {
        return Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), new BuildOptions(new TreeMap<>(), Set.of(),
                Optional.empty(), Optional.empty(), List.of("--build-context", context)), BuilderKind.BUILDKIT);
    }

    private static BuildOptions options(Map<String, String> arguments, String target) {
        return new BuildOptions(new TreeMap<>(arguments), Set.of(), Optional.of(target).filter(name -> !name.isEmpty()),
                Optional.empty(), List.of());
    }

    private static SortedSet<String> files(Dockerfile file) {
        return file.coverage(false).patterns(Coverage.MAIN);
    }

    private static void assertFiles(String expected, String text) {
        assertFiles(expected, text, "FROM x\n", true);
    }

    /** @param certain whether that is to be certain; otherwise it may be */
    private static void assertFiles(String expected, String text, String before, boolean certain) {
        Dockerfile file = read(before + text + "\n");
        List<String> wanted = expected.isEmpty() ? List.of() : text.contains("with space") ? List.of(expected)
                : Arrays.asList(expected.split(" "));
        assertEquals(wanted, new ArrayList<>(files(file)), text);
        assertTrue(file.isCertain() || !certain, text);
    }

    private static void assertBases(String expected, String text, String... argument) {
        Map<String, String> arguments = argument.length == 0 ? Map.of() : Map.of(argument[0], argument[1]);
        assertEquals(expected, String.join(" ", read(text, arguments).bases()), text);
    }

    private static void assertNeeds(String text, String target, String files, String bases, String arguments,
            String unknowable) {
        Dockerfile file = Dockerfile.parse(text.getBytes(StandardCharsets.UTF_8), options(Map.of(), target),
                BuilderKind.BUILDKIT);
        assertEquals(files, String.join(" ", files(file)), target);
        assertEquals(bases, String.join(" ", file.bases()), target);
        assertEquals(unknowable, String.join(" ", file.unknowable()), target);
        TreeMap<String, String> given = new TreeMap<>(Map.of("G", "1", "T", "1", "P", "1", "OTHER", "1"));
        assertEquals(arguments, String.join(" ", new TreeSet<>(file.counted(given, false).keySet())), target);
        assertEquals(given, file.counted(given, true));
    }
}
