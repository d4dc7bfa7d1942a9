// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What --init says of a repository, and the completion that knows its images. No engine is needed. */
class InitTest {
    private final Path folder = Harness.newFolder().resolve("My Shop");

    private void makeARepository() {
        for (String file : List.of("images/app/1/Dockerfile", "images/tool/Dockerfile", "docker/web/Dockerfile",
                "docker/web/test.Dockerfile", "api/Dockerfile.dev", "Dockerfile", "sub/docker-compose.yml",
                "docker-bake.hcl", "node_modules/x/Dockerfile", ".git/Dockerfile", "src/Dockerfile.java",
                "docker/web/test.Dockerfile.dockerignore")) {
            Harness.write(folder.resolve(file), "FROM scratch\n");
        }
    }

    @Test
    void eachFileIsListedWithWhatEnsuresItsImages() throws IOException {
        makeARepository();
        Map<String, String> before = files();
        List<String> lines = Harness.script("ensure_image", "--init").in(folder).run().succeeded().out().lines()
                .takeWhile(line -> !line.isEmpty()).map(line -> line.strip().replaceAll(" {2,}", " -> ")).toList();
        assertEquals(List.of("Found, and what ensures the images:",
                "sub/docker-compose.yml -> ensure_image --compose sub/docker-compose.yml",
                "then: docker compose -f sub/docker-compose.yml up --no-build",
                "docker-bake.hcl -> ensure_image --bake",
                "images -> ensure_image --all",
                "images/app/1/Dockerfile -> ensure_image app:1",
                "images/tool/Dockerfile -> ensure_image tool",
                "Dockerfile -> ensure_image my-shop=.",
                "api/Dockerfile.dev -> ensure_image api-dev=api -f api/Dockerfile.dev",
                "docker/web/Dockerfile -> ensure_image web=docker/web",
                "docker/web/test.Dockerfile -> ensure_image web-test=docker/web -f docker/web/test.Dockerfile"),
                lines);
        assertEquals(before, files(), "nothing was written");
        for (String line : lines.stream().filter(each -> each.contains(" -> ")).toList()) {
            String[] words = line.replaceFirst(".* -> ensure_image ", "").split(" ");
            Harness.Result result = Harness.script("ensure_image", Stream.concat(Stream.of(words),
                    Stream.of("--docker", "no-such-docker")).toArray(String[]::new)).in(folder).run();
            assertEquals(69, result.status(), "nothing but docker is missing: " + result);
        }
    }

    private Map<String, String> files() throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.toList()) {
                files.put(file.toString(), Files.isDirectory(file) ? "" : Files.readString(file));
            }
        }
        return files;
    }

    @Test
    void theLinesForAMakefileEnsureAllThatWasFound() throws IOException {
        makeARepository();
        Harness.write(folder.resolve("a$b/Dockerfile"), "FROM scratch\n");
        assertEquals(List.of("--compose sub/docker-compose.yml", "--bake", "--all", "my-shop=. a-b=a$b web=docker/web",
                "api-dev=api -f api/Dockerfile.dev", "web-test=docker/web -f docker/web/test.Dockerfile"),
                made("test"));
    }

    /** Of a rule of the Makefile that is printed: what ensure_image is started with. */
    private List<String> made(String rule) throws IOException {
        Harness.write(folder.resolve("Makefile"), block("  Makefile"));
        Path log = Harness.newFolder().resolve("log");
        Path bin = Harness.program(Harness.newFolder().resolve("ensure_image"), "echo \"$*\" >> '" + log + "'\n");
        Harness.command("make", rule).in(folder).env("PATH", bin.getParent() + ":" + System.getenv("PATH")).run()
                .succeeded();
        return Files.readAllLines(log);
    }

    private String block(String title) {
        String text = Harness.script("ensure_image", "--init").in(folder).run().succeeded().out();
        return text.lines().dropWhile(line -> !line.equals(title)).skip(1).takeWhile(line -> line.startsWith("    "))
                .map(line -> line.substring(4)).reduce("", (all, line) -> all + line + "\n");
    }

    /** The other lines start that rule, so they are as short whatever there is. */
    @Test
    void ciAndPytestStartTheSameRule() throws IOException {
        makeARepository();
        assertEquals("- run: make images\n", block("  a workflow of GitHub Actions, before the tests"));
        assertEquals("before_script:\n  - make images\n", block("  .gitlab-ci.yml"));
        assertTrue(block("  conftest.py, for pytest").contains("subprocess.run([\"make\", \"images\"], check=True)"));
        assertEquals(6, made("images").size());
    }

    @Test
    void twoFoldersOfOneNameAreTwoImages() {
        for (String file : List.of("apps/web/Dockerfile", "docker/web/Dockerfile", "images/tool/Dockerfile",
                "tool/Dockerfile")) {
            Harness.write(folder.resolve(file), "FROM scratch\n");
        }
        assertTrue(block("  Makefile").contains("\tensure_image --all\n"
                + "\tensure_image apps-web=apps/web docker-web=docker/web my-shop-tool=tool\n"), block("  Makefile"));
    }

    @Test
    void anEmptyFolderIsToldHowToBegin() {
        Harness.write(folder.resolve("readme"), "");
        assertEquals("No Dockerfile, compose file or bake file is here.\nCreate images/app/Dockerfile, and then: "
                + "ensure_image app\n", Harness.script("ensure_image", "--init").in(folder).run().succeeded().out());
    }

    // ---- Completion

    @Test
    void theShellCompletesTheNamesOfTheCollection() {
        makeARepository();
        Harness.write(folder.resolve("images/app/22.04/Dockerfile"), "FROM scratch\n");
        assertEquals("app:1 app:22.04 tool", completed("ensure_image "));
        assertEquals("1 22.04", completed("ensure_image app:"), "of a word with a colon, what is behind it");
        assertEquals("tool", completed("ensure_image --check t"));
        assertFalse(completed("ensure_image --images ").contains("app:1"), "which takes a folder");
        Harness.write(folder.resolve("other/x/2/Dockerfile"), "FROM scratch\n");
        assertEquals("x:2", completed("ensure_image --images other x"));
        assertTrue(completed("ensure_image --com").startsWith("--com"));
    }

    private String completed(String line) {
        String script = Harness.script("ensure_image", "--completion").in(folder).run().succeeded().out();
        Path file = Harness.write(Harness.newFolder().resolve("completion"), script);
        List<String> start = Harness.script("ensure_image").line();
        StringBuilder program = new StringBuilder("exec");
        start.forEach(word -> program.append(" '").append(word).append("'"));
        Path bin = Harness.program(Harness.newFolder().resolve("ensure_image"), program + " \"$@\"\n");
        String bash = "source '" + file + "'\nCOMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\nCOMP_LINE='" + line
                + "'\nCOMP_POINT=${#COMP_LINE}\nread -r -a COMP_WORDS <<< \"$COMP_LINE\"\n"
                + "[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                + "COMPREPLY=()\n_ensure_image_with_names ensure_image \"${COMP_WORDS[COMP_CWORD]}\" x\n"
                + "echo \"${COMPREPLY[*]}\"\n";
        return Harness.command("bash", "-c", bash).in(folder)
                .env("PATH", bin.getParent() + ":" + System.getenv("PATH")).run().succeeded().out().strip();
    }
}
