// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which images are of a collection, and where their Dockerfiles are. */
class ImageCollectionTest {
    @TempDir
    Path root;

    @Test
    void aVendorsImageIsNotTheCollectionsThoughAFolderHasItsName() throws RecipeException {
        dockerfile("postgres", "FROM postgres:16\n");
        dockerfile("redis", "FROM scratch\n");
        dockerfile("tool", "FROM registry.test/tool:1\n");
        dockerfile("web", "FROM redis:7\nCOPY --from=tool:2 / /\n");
        assertEquals("postgres:latest", members("postgres"));
        assertEquals("postgres:test", members("postgres:test"));
        assertEquals("mine:1", members("mine:1=" + root.resolve("postgres")));
        assertEquals("localhost:5000/postgres:1", members("localhost:5000/postgres:1=" + root.resolve("postgres")));
        assertEquals("web:latest", members("web"));
        assertEquals("postgres:latest redis:latest tool:latest web:latest", all());
    }

    @Test
    void aBaseIsOfTheCollectionIfItsFolderNamesItOrItWasAskedFor() throws RecipeException {
        dockerfile("base", "FROM scratch\n");
        dockerfile("base2/1.0", "FROM base:latest\n");
        dockerfile("team/base", "FROM docker.io/library/base2:1.0\n");
        dockerfile("app", "FROM team/base\n");
        dockerfile("tagged", "FROM base:test\n");
        assertEquals("base:latest base2:1.0 team/base:latest app:latest", members("app"));
        assertEquals("tagged:latest", members("tagged"));
        assertEquals("base:test tagged:latest", members("tagged", "base:test"));
        assertEquals("base:latest base2:1.0 team/base:latest app:latest tagged:latest team:base", all(),
                "a folder in a folder names both: NAME/TAG, and NAME of two parts");
    }

    @Test
    void onlyBasesOfStagesThatTheTargetNeedsComeAlong() throws RecipeException {
        dockerfile("base", "FROM scratch\n");
        dockerfile("tests", "FROM scratch\n");
        dockerfile("app", "FROM base AS a\nFROM tests AS t\nFROM a AS last\n");
        assertEquals("base:latest app:latest", members("app"));
        assertEquals("base:latest tests:latest app:latest", show(new ImageCollection(root, BuildOptions.NONE,
                BuilderKind.LEGACY).members(wanted("app"), Optional.empty())));
    }

    @Test
    void anImageThatIsBuiltOnItselfIsACycle() {
        dockerfile("app", "FROM app\n");
        assertEquals("app:latest app:latest", assertInstanceOf(Flaw.Cycle.class,
                assertThrows(RecipeException.class, () -> members("app")).flaw()).references().stream()
                .map(Reference::toString).collect(Collectors.joining(" ")));
    }

    @Test
    void aDockerfileInLowerCaseIsFoundAsDockerFindsIt() throws RecipeException {
        Harness.write(root.resolve("base/1/dockerfile"), "FROM scratch\n");
        Harness.write(root.resolve("app/dockerfile"), "FROM base:1\n");
        Harness.write(root.resolve("both/Dockerfile"), "FROM scratch\n");
        Harness.write(root.resolve("both/dockerfile"), "FROM nosuch\n");
        assertEquals("base:1 app:latest", members("app"));
        assertEquals("base:1 app:test", members("app:test"));
        assertEquals("base:1 app:latest both:latest", all());
        assertEquals(root.resolve("app/dockerfile"), path(recipe("app", Optional.empty())));
        assertEquals(root.resolve("both/Dockerfile"), path(recipe("both", Optional.empty())));
        assertEquals(root.resolve("app/dockerfile"), path(recipe("app",
                Optional.of(new DockerfileSource.InFile(root.resolve("app/Dockerfile"))))), "also if it is named");
        assertEquals(root.resolve("app/dockerfile"),
                path(Recipe.inFolder(Reference.parse("x"), root.resolve("app"), BuildOptions.NONE)));
        assertInstanceOf(Flaw.NoDockerfile.class, assertThrows(RecipeException.class, () -> recipe("app",
                Optional.of(new DockerfileSource.InFile(root.resolve("base/Dockerfile"))))).flaw());
    }

    private void dockerfile(String folder, String text) {
        Harness.write(root.resolve(folder).resolve("Dockerfile"), text);
    }

    private ImageCollection collection() {
        return new ImageCollection(root, BuildOptions.NONE, BuilderKind.BUILDKIT);
    }

    private static List<ImageCollection.Wanted> wanted(String... references) throws RecipeException {
        List<ImageCollection.Wanted> wanted = new ArrayList<>();
        for (String reference : references) {
            wanted.add(ImageCollection.Wanted.parse(reference));
        }
        return wanted;
    }

    private String members(String... references) throws RecipeException {
        return show(collection().members(wanted(references), Optional.empty()));
    }

    private Recipe recipe(String reference, Optional<DockerfileSource> dockerfile) throws RecipeException {
        List<ImageCollection.Member> members = collection().members(wanted(reference), dockerfile);
        return members.get(members.size() - 1).recipe();
    }

    private String all() throws RecipeException {
        return show(collection().allMembers());
    }

    private static Path path(Recipe recipe) {
        Path path = ((DockerfileSource.InFile) recipe.dockerfile()).path();
        assertTrue(Files.isRegularFile(path));
        return path;
    }

    private static String show(List<ImageCollection.Member> members) {
        return members.stream().map(member -> member.reference().toString()).collect(Collectors.joining(" "));
    }
}
