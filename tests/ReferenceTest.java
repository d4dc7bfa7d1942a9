// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.report.FlawWording;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** References: what is one, which are the same, and which folder each names. */
class ReferenceTest {

    @ParameterizedTest
    @CsvSource({
        "app,                                docker.io,          library/app,  latest, app:latest",
        "app:1,                              docker.io,          library/app,  1,      app:1",
        "team/app:1,                         docker.io,          team/app,     1,      team/app:1",
        "docker.io/library/app:1,            docker.io,          library/app,  1,      app:1",
        "index.docker.io/app,                docker.io,          library/app,  latest, app:latest",
        "localhost/app,                      localhost,          app,          latest, localhost/app:latest",
        "localhost:5000/app,                 localhost:5000,     app,          latest, localhost:5000/app:latest",
        "example.com/a/b/c:1.0,              example.com,        a/b/c,        1.0,    example.com/a/b/c:1.0",
        "Example/app,                        Example,            app,          latest, Example/app:latest",
        "[::1]:5000/app,                     [::1]:5000,         app,          latest, [::1]:5000/app:latest",
        "docker.io/library/team/app,         docker.io,          library/team/app, latest, library/team/app:latest",
        "docker.io/example.com/app,          docker.io,          example.com/app, latest, docker.io/example.com/app:latest",
        "library/example.com/app,            docker.io,          library/example.com/app, latest, library/example.com/app:latest",
        "a__b-c.d--e:_X.-,                   docker.io,          library/a__b-c.d--e, _X.-, a__b-c.d--e:_X.-",
    })
    void aReferenceIsReadAsTheEngineReadsIt(String text, String domain, String path, String tag, String shown)
            throws Exception {
        Reference reference = Reference.parse(text);
        assertEquals(new Reference(domain, path, tag), reference);
        assertEquals(shown, reference.toString());
        assertEquals(reference, Reference.parse(shown), "what is shown is the same reference");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":", ":1", "app:", "App", "app:-x", "app:.x", "-app", "app-", "app_", "a..b", "a___b",
        "a//b", "/app", "app/", "app:1:2", "app 1", "app\n", "app:1\n", "äpp", "app:ä", "a.b-/app", "http://a/b",
        "../app",
        "app@sha256:0123456789012345678901234567890123456789012345678901234567890123", "docker.io/", "library/",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "--help", "app$(id)", "app;id"})
    void whatIsNoReferenceIsRefusedInOneLine(String text) {
        RecipeException refused = assertThrows(RecipeException.class, () -> Reference.parse(text));
        String message = FlawWording.flaw(refused.flaw()).text();
        assertTrue(message.startsWith("malformed reference: "), message);
        assertEquals(1, message.lines().count(), "one line: " + message);
    }

    @Test
    void lengthsAreLimitedAsTheEngineLimitsThem() throws Exception {
        Reference.parse("a".repeat(255 - "docker.io/library/".length()) + ":" + "t".repeat(128));
        assertThrows(RecipeException.class, () -> Reference.parse("app:" + "t".repeat(129)));
        assertThrows(RecipeException.class,
                () -> Reference.parse("a".repeat(256 - "docker.io/library/".length())));
    }

    @Test
    void theReferenceNamesTheFolder(@TempDir Path images) throws Exception {
        write(images, "own/1/Dockerfile");
        write(images, "shared/Dockerfile");
        write(images, "both/Dockerfile");
        write(images, "both/2/Dockerfile");
        write(images, "team/app/1/Dockerfile");
        Files.createDirectories(images.resolve("none"));
        assertEquals(images.resolve("own/1"), folder(images, "own:1"));
        assertEquals(images.resolve("shared"), folder(images, "shared"));
        assertEquals(images.resolve("shared"), folder(images, "shared:any"));
        assertEquals(images.resolve("both/2"), folder(images, "both:2"));
        assertEquals(images.resolve("both"), folder(images, "both:3"));
        assertEquals(images.resolve("none"), folder(images, "none"));
        assertEquals(images.resolve("none/1"), folder(images, "none:1"), "not another tag's folder");
        assertEquals(images.resolve("team/app/1"), folder(images, "localhost:5000/team/app:1"));
    }

    private static Path folder(Path images, String reference) throws Exception {
        return new ImageCollection(images, BuildOptions.NONE, BuilderKind.BUILDKIT).folder(Reference.parse(reference));
    }

    private static void write(Path images, String file) throws IOException {
        Files.createDirectories(images.resolve(file).getParent());
        Files.writeString(images.resolve(file), "FROM scratch\n");
    }
}
