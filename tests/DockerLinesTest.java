// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.report.ExitCode;
import ensureimage.testing.Harness;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A command line of docker in the place of a name is answered by what does the same with this program, to be pasted. No
 * engine is needed; {@code PastedLinesTest} pastes them.
 */
class DockerLinesTest {
    private static final String NO_COMMANDS = "no image is named '%s', and there are no commands";

    private final Path folder = Harness.newFolder();

    @BeforeEach
    void makeAProject() {
        for (String file : List.of("Dockerfile", "web/Dockerfile", "images/run/Dockerfile")) {
            Harness.write(folder.resolve(file), "FROM scratch\n");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        // up, create and run need images, and do the rest themselves
        "compose up -d | ensure_image --compose && docker compose up --no-build -d",
        "docker compose up -d --build | ensure_image --compose && docker compose up --no-build -d",
        "docker compose up --wait | ensure_image --compose && docker compose up --no-build --wait",
        "docker compose up -d -t 5 --wait | ensure_image --compose && docker compose up --no-build -d -t 5 --wait",
        "docker compose -f ci.yml up | ensure_image --compose ci.yml && docker compose -f ci.yml up --no-build",
        "docker compose --file=ci.yml -f b.yaml up | ensure_image --compose ci.yml b.yaml "
                + "&& docker compose --file=ci.yml -f b.yaml up --no-build",
        "docker compose -fci.yml up | ensure_image --compose ci.yml && docker compose -fci.yml up --no-build",
        "docker compose -f ci.config up web | ensure_image --compose=ci.config web && docker compose -f ci.config up web",
        "docker compose up web -d | ensure_image --compose web && docker compose up web -d",
        "docker compose up --no-deps web | ensure_image --compose web && docker compose up --no-build --no-deps web",
        "docker compose up --scale web=2 --pull always | ensure_image --compose "
                + "&& docker compose up --no-build --scale web=2 --pull always",
        "docker compose --profile test -p shop up | COMPOSE_PROJECT_NAME=shop ensure_image --profile test --compose "
                + "&& docker compose --profile test -p shop up --no-build",
        "docker compose --env-file ci.env up | COMPOSE_ENV_FILES=ci.env ensure_image --compose "
                + "&& docker compose --env-file ci.env up --no-build",
        "docker-compose -f ci.yml up | ensure_image --compose ci.yml && docker compose -f ci.yml up --no-build",
        "up -d web | ensure_image --compose web && docker compose up -d web",
        "compose create | ensure_image --compose && docker compose create --no-build",
        "docker compose run --rm web sh -c ls | ensure_image --compose web && docker compose run --rm web sh -c ls",
        "docker compose run -v /a:/b --build web -- -x "
                + "| ensure_image --compose web && docker compose run -v /a:/b web -- -x",
        "docker compose run -e TOKEN=s3cret web | ensure_image --compose web, and then docker compose run as before",
        "docker compose run -e TOKEN web | ensure_image --compose web && docker compose run -e TOKEN web",
        "docker -H tcp://host:1 compose up | DOCKER_HOST=tcp://host:1 ensure_image --compose "
                + "&& docker -H tcp://host:1 compose up --no-build",
        "podman compose up | ensure_image --docker podman --compose && podman compose up --no-build",
        // build
        "compose build web api | ensure_image --compose web api",
        "compose build --no-cache web | ensure_image --compose web --force -- --no-cache",
        "compose build -q --pull --progress plain | ensure_image --compose -q --force -- --pull",
        "docker compose -f ci.yml build --push web | ensure_image --compose ci.yml web && docker compose -f ci.yml push web",
        "docker compose build --with-dependencies web | ensure_image --compose",
        "docker compose push | ensure_image --compose && docker compose push",
        "compose | ensure_image --compose",
        // What builds nothing
        "compose down -v | docker compose down -v",
        "docker compose -f ci.yml ps -a | docker compose -f ci.yml ps -a",
        "docker compose logs -f web | docker compose logs -f web",
        "docker compose exec web sh -c ls | docker compose exec web sh -c ls",
        "docker compose --project-directory x down | docker compose --project-directory x down"})
    void composeGetsItsImages(String line, String answer) {
        assertTried("compose".equals(line.split(" ")[0]) || !line.startsWith("up") ? "compose" : "up", line, answer);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "bake -f ci.hcl | ensure_image --bake ci.hcl",
        "docker buildx bake | ensure_image --bake",
        "docker buildx bake web tests | ensure_image --bake web tests",
        "buildx bake -f docker-bake.hcl -f ci.hcl --load web | ensure_image --bake docker-bake.hcl ci.hcl web",
        "docker buildx bake --file=release.bake web | ensure_image --bake=release.bake web",
        "docker buildx bake --push web | ensure_image --bake web",
        "docker buildx bake --no-cache --progress=plain | ensure_image --bake --force -- --no-cache",
        "docker buildx bake --builder b web | ensure_image --bake web -- --builder b",
        "docker buildx bake --print web | ensure_image --bake --dry-run web",
        "docker buildx bake --list targets | ensure_image --bake --list",
        "docker --context staging buildx bake web | DOCKER_CONTEXT=staging ensure_image --bake web"})
    void bakeIsTheOptionOfThatName(String line, String answer) {
        assertTried("bake", line, answer);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "docker run --rm -it app:1 sh -c ls | run | docker run --rm -it $(ensure_image -q app:1) sh -c ls",
        "docker run -p 80:80 app | run | docker run -p 80:80 $(ensure_image -q app)",
        "docker run -v /a:/b --name=x app | run | docker run -v /a:/b --name=x $(ensure_image -q app)",
        "docker --context c run app true | run "
                + "| docker --context c run $(DOCKER_CONTEXT=c ensure_image -q app) true",
        "docker ps -a | ps | docker ps -a",
        "docker rmi -f app | rmi | docker rmi -f app",
        "docker image rm app | rm | docker image rm app",
        "docker tag app other | tag | docker tag app other",
        "docker images | images | ensure_image --list"})
    void whatEnsuresNothingIsDockersOwn(String line, String verb, String answer) {
        assertTried(verb, line, answer);
    }

    /** What cannot be said in other words, and what may be a secret, is not half said. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "docker compose --project-directory x up | compose", "docker compose -f - up | compose",
        "docker compose build --memory-swap 1 | compose", "docker buildx bake --set *.args.A=1 | bake",
        "docker buildx bake -f - | bake", "docker buildx bake https://example.com/x/y.git | bake",
        "docker run -e TOKEN=s3cret app | run", "docker login -u me -p s3cret | login",
        "docker compose exec -e TOKEN=s3cret web sh | compose"})
    void whatCannotBeSaidHasTheHelp(String line, String verb) {
        assertSaid(NO_COMMANDS.formatted(verb) + "\nSee: ensure_image --help", line);
    }

    private void assertTried(String verb, String line, String answer) {
        assertSaid(NO_COMMANDS.formatted(verb) + "\nTry: " + answer, line);
    }

    private void assertSaid(String said, String line) {
        Harness.Result result = Harness.script("ensure_image", line.split(" ")).in(folder).run()
                .expect(ExitCode.USAGE.status());
        assertEquals("ensure_image: " + said + "\n", result.err());
        assertEquals("", result.out());
    }

    /** A terminal shows what was typed there; what a log shows, others read. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "docker build -t app --build-arg V=s3cret . | ensure_image app=. --build-arg V=s3cret",
        "docker compose run -e V=s3cret web | ensure_image --compose web && docker compose run -e V=s3cret web",
        "docker compose build --build-arg V=s3cret | ensure_image --compose --build-arg V=s3cret",
        "docker run -e V=s3cret app | docker run -e V=s3cret $(ensure_image -q app)",
        "docker build -t app https://me:s3cret@example.com/y.git "
                + "| git clone https://me:s3cret@example.com/y.git && ensure_image app=y"})
    void onATerminalValuesAreRepeated(String line, String answer) {
        assertTrue(onTerminal(line, "").endsWith("\r\nTry: " + answer + "\r\n"), onTerminal(line, ""));
        assertFalse(onTerminal(line, "CI=true").contains("s3cret"), onTerminal(line, "CI=true"));
    }

    private String onTerminal(String line, String variables) {
        String script = Stream.concat(Harness.script("ensure_image").line().stream(), Stream.of(line.split(" ")))
                .map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        return Harness.command("script", "--quiet", "--return", "--command", "env " + variables + " " + script,
                "/dev/null").in(folder).run().expect(ExitCode.USAGE.status()).out();
    }

    // ---- URLs

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "docker build -t app:1 https://example.com/x/y.git | https://example.com/x/y.git "
                + "| Try: git clone https://example.com/x/y.git && ensure_image app:1=y",
        "docker build -t app https://example.com/x/y.git#main:docker/app | https://example.com/x/y.git "
                + "| Try: git clone --branch main https://example.com/x/y.git && ensure_image app=y/docker/app",
        "docker build -t app -f x.Dockerfile --build-arg V=1 https://example.com/x/y.git#:sub | https://example.com/x/y.git "
                + "| Try: git clone https://example.com/x/y.git && ensure_image app=y/sub -f y/sub/x.Dockerfile "
                + "--build-arg V=...",
        "build git@example.com:x/y.git#0123abc | git@example.com:x/y.git "
                + "| Try: git clone git@example.com:x/y.git && git -C y checkout 0123abc && ensure_image y=y",
        "docker buildx build --no-cache -t app ssh://git@example.com/x/y#refs/pull/1/head | ssh://git@example.com/x/y "
                + "| Try: git clone ssh://git@example.com/x/y && git -C y fetch origin refs/pull/1/head "
                + "&& git -C y checkout FETCH_HEAD && ensure_image app=y --force -- --no-cache",
        "docker build -t app github.com/x/y | github.com/x/y "
                + "| Try: git clone https://github.com/x/y && ensure_image app=y",
        "app=https://example.com/x/y.git | https://example.com/x/y.git "
                + "| Try: git clone https://example.com/x/y.git && ensure_image app=y",
        "web app=https://example.com/x/y.git --check | https://example.com/x/y.git "
                + "| Try: git clone https://example.com/x/y.git && ensure_image web app=y --check",
        "https://example.com/x/My_Site.git | https://example.com/x/My_Site.git "
                + "| Try: git clone https://example.com/x/My_Site.git && ensure_image my-site=My_Site",
        "docker build -t app https://example.com/app.tar.gz | https://example.com/app.tar.gz "
                + "| Unpack it into the folder app, and then: ensure_image app=app"})
    void aUrlIsClonedFirst(String line, String url, String hint) {
        assertSaid("a URL cannot be the context, for nothing can be looked up there: '" + url + "'\n" + hint, line);
    }

    @Test
    void aUrlWithAPasswordIsNotRepeated() {
        assertSaid("a URL cannot be the context, for nothing can be looked up there\n"
                + "Clone it into the folder y, and then: ensure_image app=y",
                "docker build -t app https://me:s3cret@example.com/x/y.git");
    }

    /** A folder of this name, which is what docker would take. */
    @Test
    void aFolderIsNoUrl() {
        Harness.write(folder.resolve("github.com/x/y/Dockerfile"), "FROM scratch\n");
        assertSaid("there is no option -t: the name comes first\nTry: ensure_image app=github.com/x/y",
                "docker build -t app github.com/x/y");
    }

    // ---- No command of docker

    /** It is found, and only docker is missing. */
    @Test
    void anImageMayHaveTheNameOfACommand() {
        Harness.script("ensure_image", "run", "--docker", "no-such-docker").in(folder).run()
                .expect(ExitCode.NO_ENGINE.status());
        assertSaid("Unknown option: '--nosuch'\nSee: ensure_image --help", "run --nosuch");
        assertSaid("--jobs takes a number from 1, not 0", "build --compose -j 0");
    }

    /** So that --compose is not forgotten, nor the folder mistaken. */
    @Test
    void whereAFileOfDockersIsItIsNamed() {
        Harness.write(folder.resolve("compose.yaml"), "services: {}\n");
        String where = " (working folder " + folder + ")\n";
        assertSaid("context not found: images/shop" + where + "Create images/shop/Dockerfile, or name another folder: "
                + "shop:latest=DIR. Is it in compose.yaml? Try: ensure_image --compose shop", "shop");
        assertSaid("no collection: nosuch is not a folder" + where
                + "To take all that compose.yaml builds: ensure_image --compose", "--all --images nosuch");
        assertSaid("context not found: nosuch" + where + "Create nosuch/Dockerfile, or name another folder: "
                + "shop:latest=DIR", "shop=nosuch");
    }

    @Test
    void aBakeFileIsNamedToo() {
        Harness.write(folder.resolve("docker-bake.hcl"), "");
        assertSaid("context not found: images/shop/1 (working folder " + folder
                + ")\nCreate images/shop/1/Dockerfile, or name another folder: shop:1=DIR. Is it in docker-bake.hcl? "
                + "Try: ensure_image --bake shop:1", "shop:1");
    }
}
