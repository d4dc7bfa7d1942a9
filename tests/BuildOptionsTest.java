// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.recipe.Surroundings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Options for docker build: which are refused, which count, and how their forms are understood. */
class BuildOptionsTest {
    @TempDir
    Path context;

    @ParameterizedTest
    @CsvSource({"-t x, -t", "-tx, -t", "-t=x, -t", "--tag x, --tag", "--tag=x, --tag", "--push, --push",
        "--push=true, --push",
        "-o x, -o", "-ox, -o", "--output x, --output", "--output=type=local, --output", "-qt x, -t", "-Dqox, -o",
        "-f x, -f", "-fx, -f", "--file=x, --file", "--target x, --target", "--platform=x, --platform",
        "--iidfile x, --iidfile", "--metadata-file=x, --metadata-file", "--label a=b --tag x, --tag",
        "--no-cache -t x, -t", "--pull --push, --push", "--check, --check", "--call=outline, --call"})
    void anOptionThatIsNotToBePassedIsRefused(String line, String option) {
        assertEquals(new Flaw.ForbiddenOption(option), assertInstanceOf(Flaw.ForbiddenOption.class,
                assertThrows(RecipeException.class, () -> parse(line)).flaw()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"--label --tag", "--label=-t", "--secret -tx", "--build-arg -t", "--network -o", "-m -t", "-mt",
                "--tagged x", "--new-option --pushed", "--cache-to -o"})
    void aValueIsNoOption(String line) throws RecipeException {
        parse(line);
    }

    @Test
    void allOthersArePassedOnAsTheyAre() throws RecipeException {
        assertEquals(List.of("--label", "a=b", "-qm", "1g", "--pull", "--new", "x", "-m1g", "--no-cache"),
                parse("--label a=b -qm 1g --build-arg A=1 --pull --new x -m1g --build-arg=B=2 --no-cache")
                        .passThrough());
        assertEquals(new TreeMap<>(Map.of("A", "1", "B", "2")),
                parse("--build-arg A=1 --build-arg=B=2").arguments());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--secret id=a", "--secret=id=b", "--ssh default", "--cache-from a",
        "--cache-to type=local,dest=x",
        "--progress=plain", "--progress plain", "--load", "--builder x", "-q", "--quiet", "-D", "--no-cache",
        "--pull=false",
        "--pull", "--no-cache-filter x", "--rm", "--force-rm=true", "--compress", "-qD",
        "--build-context unused=/nosuch",
        "--build-arg UNUSED=1", "--allow network.host", "--provenance=false", "--sbom false", "--network default",
        "-m 1g", "--security-opt x", "--isolation default", "--build-arg BUILDKIT_BUILD_NAME=x"})
    void whatDoesNotChangeTheImageIsNoInput(String line) throws RecipeException {
        assertEquals(value(""), value(line));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--label a=b", "--network host", "--add-host x:1.2.3.4", "--shm-size 1g",
        "--ulimit nofile=9",
        "--annotation a=b", "--sbom true", "--provenance=max", "--attest type=sbom", "--cache-to type=inline",
        "--cache-to=type=inline",
        "--unknown", "--unknown=1", "-x", "word", "--build-context x=docker-image://y", "--build-context x=https://y",
        "--build-arg USED=1", "--squash", "--cgroup-parent x", "--provenance true", "--policy x",
        "--build-arg BUILDKIT_INLINE_CACHE=1", "--build-arg SOURCE_DATE_EPOCH=1"})
    void whatMayChangeTheImageIsOne(String line) throws RecipeException {
        assertNotEquals(value(""), value(line));
    }

    @Test
    void oneOptionInTwoFormsIsTheSame() throws RecipeException {
        assertEquals(value("--label a=b --shm-size 1g"), value("--label=a=b --shm-size=1g"));
        assertEquals(value("--label a=b -q"), value("-qm1g --label=a=b"));
        assertNotEquals(value("--label a=b --label c"), value("--label c --label a=b"), "the order may count");
    }

    @Test
    void onlyABuildCanTellWhetherThereIsANewerBase() throws RecipeException {
        for (String line : List.of("--pull", "--pull=true", "-q --pull", "--pull=newer")) {
            assertEquals(1, parse(line).unknowable().size(), line);
        }
        for (String line : List.of("", "--pull=false", "--pull=never", "--label --pull", "--no-cache")) {
            assertEquals(List.of(), parse(line).unknowable(), line);
        }
    }

    private static BuildOptions parse(String line) throws RecipeException {
        List<String> words = line.isEmpty() ? List.of() : List.of(line.split(" "));
        return BuildOptions.parse(List.of(), Optional.empty(), Optional.empty(), words, Map.of());
    }

    private String value(String line) throws RecipeException {
        byte[] dockerfile = "FROM scratch\nARG USED\n".getBytes(StandardCharsets.UTF_8);
        Recipe recipe = new Recipe(Reference.parse("app"), context, new DockerfileSource.Given(dockerfile), parse(line),
                new TreeMap<>());
        return Fingerprint.of(recipe, Coverage.NONE, Surroundings.of(BuilderKind.BUILDKIT)).value();
    }
}
