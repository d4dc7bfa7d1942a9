// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What answers a command line of docker is pasted into a shell, on a real engine, and does what that line does. */
class PastedLinesTest {
    private static final String COMPOSE = """
            name: project-ID
            services:
              web:
                build: web
                image: web-ID:FILE
                network_mode: none
                command: cat /name
                depends_on: [api]
              api:
                build: api
                image: api-ID:FILE
                network_mode: none
                command: cat /name
            """;
    private static final String BAKE = """
            group "default" {
              targets = ["web", "api"]
            }
            target "web" {
              context = "web"
              tags = ["web-ID:FILE"]
            }
            target "api" {
              context = "api"
              tags = ["api-ID:FILE"]
            }
            """;

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final Workbench bench = Workbench.ofToday().withCompose("28.5");

    @BeforeEach
    void makeAProject() {
        for (String name : List.of("web", "api")) {
            bench.write(name + "/Dockerfile",
                    "FROM busybox\nARG V=1\nRUN echo " + name + " of " + id + " $V > /name\n");
        }
        for (String file : List.of("compose.yaml", "ci.yml", "docker-bake.hcl", "ci.hcl")) {
            bench.write(file, (file.endsWith("hcl") ? BAKE : COMPOSE).replace("ID", id).replace("FILE", file));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "docker compose build web | web:compose.yaml",
        "docker compose -f ci.yml build --no-cache --pull=false --build-arg V api | api:ci.yml",
        "docker compose -f ci.yml -p other create --build | web:ci.yml api:ci.yml",
        "docker buildx bake | web:docker-bake.hcl api:docker-bake.hcl",
        "docker buildx bake -f ci.hcl --load web | web:ci.hcl",
        "buildx bake -f docker-bake.hcl -f ci.hcl --no-cache api | api:ci.hcl"})
    void theImagesAreThose(String line, String images) {
        paste(line);
        for (String image : images.split(" ")) {
            assertTrue(bench.imageId(image.replace(":", "-" + id + ":")).startsWith("sha256:"));
        }
        bench.docker("compose", "-p", "other", "down").succeeded();
    }

    /** These come to compose by another way than its options. */
    @Test
    void theProjectAndItsVariablesAreThose() {
        bench.write("plain.yml", "services: {web: {build: web}, api: {build: api, image: 'api-" + id + ":${TAG}'}}\n");
        bench.write("ci.env", "TAG=fromfile\n");
        paste("docker compose -f plain.yml --project-name other-" + id + " --env-file ci.env build");
        for (String image : List.of("other-" + id + "-web", "api-" + id + ":fromfile")) {
            assertTrue(bench.imageId(image).startsWith("sha256:"), image);
        }
    }

    @ParameterizedTest
    @CsvSource({"docker compose up, 2", "docker compose -f ci.yml up --build --no-log-prefix, 2",
        "docker compose -f ci.yml up web, 2", "docker compose -f ci.yml run --no-deps --rm web cat /name, 1"})
    void composeStartsWhatWasEnsured(String line, int containers) {
        String out = paste(line).out();
        assertEquals(containers, out.lines().filter(each -> each.contains(" of " + id)).count(), out);
        paste("docker compose down --timeout 0");
        assertEquals("", bench.docker("ps", "--all", "--quiet", "--filter", "name=project-" + id).succeeded().out());
    }

    @Test
    void aContainerOfItsImageIsStarted() {
        bench.write("images/web-" + id + "/Dockerfile", "FROM busybox\nRUN echo of " + id + " > /name\n");
        assertEquals("of " + id + "\n", paste("docker run --rm web-" + id + " cat /name").out());
        assertEquals("of " + id + "\n", paste("docker run -i --network none web-" + id + " cat /name").out());
    }

    /** From a server that there is not: git takes another address for it. */
    @Test
    void aRepositoryIsCloned() throws IOException {
        Programs.require("git", "git");
        Path server = Harness.newFolder();
        Harness.write(server.resolve("shop.git/docker/app/Dockerfile"), "FROM busybox\nRUN echo cloned > /name\n");
        Map<String, String> git = Map.of("GIT_CONFIG_COUNT", "3", "GIT_CONFIG_KEY_0", "url." + server + "/.insteadOf",
                "GIT_CONFIG_VALUE_0", "https://example.com/", "GIT_CONFIG_KEY_1", "user.name", "GIT_CONFIG_VALUE_1",
                "a", "GIT_CONFIG_KEY_2", "user.email", "GIT_CONFIG_VALUE_2", "a@example.com");
        Harness.command("sh", "-ec", "git init -q -b dev; git add .; git commit -qm 1; git rev-parse HEAD > ../commit")
                .in(server.resolve("shop.git")).env(git).run().succeeded();
        String url = "https://example.com/shop.git#";
        shell(hint("docker build -t cloned-" + id + " " + url + "dev:docker/app")).env(git).run().succeeded();
        assertEquals("cloned", bench.cat("cloned-" + id, "/name"));
        Harness.delete(bench.folder.resolve("shop"));
        String commit = Harness.command("cat", server.resolve("commit").toString()).run().succeeded().out().strip();
        shell(hint("again-" + id + "=" + url + commit + ":docker/app")).env(git).run().succeeded();
        assertEquals("cloned", bench.cat("again-" + id, "/name"));
    }

    private Harness.Result paste(String line) {
        return shell(hint(line)).run().succeeded();
    }

    private String hint(String line) {
        String said = bench.ensuring(line.split(" ")).run().expect(2).err();
        String hint = said.lines().skip(1).findFirst().orElse("");
        assertTrue(hint.startsWith("Try: "), said);
        return hint.substring("Try: ".length());
    }

    private Harness.Command shell(String line) {
        String program = Harness.script("ensure_image").line().stream().map(word -> "'" + word + "'")
                .collect(Collectors.joining(" "));
        Path bin = Harness.program(Harness.newFolder().resolve("ensure_image"), "exec " + program + " \"$@\"\n");
        return bench.command("bash", "-euc", line).env("V", "2").env("PATH",
                bin.getParent() + ":" + Path.of(bench.client()).getParent() + ":" + System.getenv("PATH"));
    }
}
