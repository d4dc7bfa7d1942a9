// SPDX-License-Identifier: Apache-2.0
//DEPS com.google.jimfs:jimfs:1.3.1

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Coverage;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.PrivateCopy;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.recipe.RepositoryScan;
import ensureimage.recipe.Surroundings;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The logic of paths by the rules of Windows, on a file system in memory: no modes, backslashes, no colon in a name. */
class WindowsPathsTest {
    private final FileSystem windows = Jimfs.newFileSystem(Configuration.windows().toBuilder()
            .setAttributeViews("basic", "dos", "owner").build());
    private final Path root = windows.getPath("C:\\work\\images");

    @AfterEach
    void close() throws IOException {
        windows.close();
    }

    @Test
    void thisIsNotUnix() {
        assertFalse(windows.supportedFileAttributeViews().contains("unix"), "control");
        assertEquals("\\", windows.getSeparator());
        assertThrows(InvalidPathException.class, () -> root.resolve("localhost:5000"));
    }

    @Test
    void aCollectionIsFoundByItsFolders() throws Exception {
        write("base\\1\\Dockerfile", "FROM busybox\n");
        write("team\\app\\Dockerfile", "FROM base:1\nCOPY --from=localhost:5000/x/y /a /a\nCOPY src/ /src/\n");
        write("team\\app\\src\\file", "1");
        assertEquals("base:1 team:app", names(collection().allMembers()));
        assertEquals("base:1 team/app:latest",
                names(collection().members(List.of(ImageCollection.Wanted.parse("team/app")), Optional.empty())));
        assertEquals(Set.of("base:1", "team:app"),
                collection().references().stream().map(Reference::toString).collect(Collectors.toSet()));
    }

    @Test
    void theFilesThatABuildSeesAreItsInputs() throws Exception {
        write("app\\Dockerfile", "FROM busybox\nCOPY src /src\n");
        write("app\\.dockerignore", "src/ignored\n**/*.md\n");
        write("app\\src\\deep\\file", "1");
        write("app\\src\\n\u00e4me", "1");
        write("app\\src\\ignored\\file", "1");
        write("app\\src\\deep\\read.md", "1");
        Files.createSymbolicLink(root.resolve("app\\src\\link"), windows.getPath("deep\\file"));
        assertEquals("src src/deep src/deep/file src/link src/n\u00c3\u00a4me", String.join(" ",
                fingerprint().manifest().files().keySet()), "as byte strings, with slashes");
        String first = fingerprint().value();
        write("app\\src\\deep\\read.md", "2");
        write("app\\src\\ignored\\file", "2");
        assertEquals(first, fingerprint().value());
        write("app\\src\\n\u00e4me", "2");
        assertNotEquals(first, fingerprint().value());
        String second = fingerprint().value();
        Files.delete(root.resolve("app\\src\\link"));
        Files.createSymbolicLink(root.resolve("app\\src\\link"), windows.getPath("n\u00e4me"));
        assertNotEquals(second, fingerprint().value());
    }

    @Test
    void aPrivateCopyHasTheSameInputs() throws Exception {
        write("app\\Dockerfile", "FROM busybox\nCOPY src /src\n");
        write("app\\.dockerignore", "*.md\n");
        write("app\\src\\n\u00e4me\\file", "1");
        Path folder = Files.createDirectories(windows.getPath("C:\\scratch"));
        Recipe copy = PrivateCopy.make(recipe(), fingerprint().coverage(), BuilderKind.BUILDKIT, folder);
        assertTrue(copy.context().startsWith(folder), copy.toString());
        assertEquals(fingerprint().value(), Fingerprint.of(copy, fingerprint().coverage(), SURROUNDINGS).value());
    }

    @Test
    void aRepositoryIsScanned() throws Exception {
        write("app\\Dockerfile", "");
        write("compose.yaml", "");
        write("node_modules\\x\\Dockerfile", "");
        RepositoryScan scan = RepositoryScan.of(root);
        assertEquals(Set.of(root.resolve("app\\Dockerfile")), scan.dockerfiles());
        assertEquals("app", RepositoryScan.name(scan.dockerfiles().first()));
        assertEquals(Set.of(root.resolve("compose.yaml")), scan.composeFiles());
    }

    // ---- Helpers

    private static final Surroundings SURROUNDINGS = Surroundings.of(BuilderKind.BUILDKIT);

    private void write(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private ImageCollection collection() {
        return new ImageCollection(root, BuildOptions.NONE, BuilderKind.BUILDKIT);
    }

    private Recipe recipe() throws RecipeException {
        return Recipe.inFolder(Reference.parse("app"), root.resolve("app"), BuildOptions.NONE);
    }

    private Fingerprint fingerprint() throws RecipeException {
        Coverage coverage = recipe().readDockerfile(BuilderKind.BUILDKIT).coverage(false);
        return Fingerprint.of(recipe(), coverage, SURROUNDINGS);
    }

    private static String names(List<ImageCollection.Member> members) {
        return members.stream().map(member -> member.reference().toString()).collect(Collectors.joining(" "));
    }
}
