// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.engine.Docker;
import ensureimage.report.ExitCode;
import ensureimage.report.Wording;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What ensure_image says of a command line that it cannot use: what is wrong, and what to do. No engine is needed. */
class UsageTest {

    private static final String WHICH = "Name one, or take all of images/: ensure_image --all. "
            + "To see what is here: ensure_image --init";

    private final Path folder = Harness.newFolder();

    @BeforeEach
    void makeACollection() {
        for (String image : List.of("app-test/ubuntu-24.04", "app-test/debian-12", "other")) {
            Harness.write(folder.resolve("images/" + image + "/Dockerfile"), "FROM scratch\n");
        }
        Harness.write(folder.resolve("images/empty/readme"), "");
        for (String file : List.of("docker/app/Dockerfile", "docker/app/test.Dockerfile")) {
            Harness.write(folder.resolve(file), "FROM scratch\n");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        // Which image?
        "\"\"               | no reference: which image? | " + WHICH,
        "--dry-run          | no reference: which image? | Name one, or take all of images/: ensure_image --dry-run --all. "
                + "To see what is here: ensure_image --init",
        "-f x               | no reference: which image? | Try: ensure_image NAME=. -f x",
        "--build-arg app    | no reference: 'app' is a build argument, for it comes after --build-arg "
                + "| Try: ensure_image REF --build-arg NAME=VALUE",
        "--build-arg A=s3cret | no reference: 'A=...' is a build argument, for it comes after --build-arg "
                + "| Try: ensure_image REF --build-arg NAME=VALUE",
        "-- app             | no reference: all that comes after the -- goes to docker build "
                + "| Try: ensure_image REF -- OPTIONS",
        "--all app          | --all names every image, but there are references too | See: ensure_image --help",
        "App                | malformed reference: 'App': a name is all lower case | Try: ensure_image app",
        "app@sha256:0       | malformed reference: 'app@sha256:0': use NAME[:TAG]; digests are not supported | ",
        "\"\033[2a\"       | malformed reference: '\\u001b[2a': a name has letters, digits, and single . _ - between "
                + "them | ",
        // Which folder?
        "unlike             | context not found: images/unlike (working folder FOLDER) "
                + "| Create images/unlike/Dockerfile, or name another folder: unlike:latest=DIR",
        "unlike:1           | context not found: images/unlike/1 (working folder FOLDER) "
                + "| Create images/unlike/1/Dockerfile, or name another folder: unlike:1=DIR",
        "app-tset:ubuntu-2404 | context not found: images/app-tset/ubuntu-2404 (working folder FOLDER) "
                + "| Did you mean app-test:ubuntu-24.04? To build from another folder: app-tset:ubuntu-2404=DIR",
        "app-test           | Dockerfile not found: images/app-test/Dockerfile "
                + "| Did you mean app-test:debian-12? To build from another folder: app-test:latest=DIR",
        "app-test=nosuch    | context not found: nosuch (working folder FOLDER) "
                + "| Create nosuch/Dockerfile, or name another folder: app-test:latest=DIR",
        "app=images/empty/readme | context not found: images/empty/readme is not a folder "
                + "| Name another folder: app:latest=DIR",
        "other=             | no folder after other:latest= "
                + "| The working folder is other:latest=. (with a dot).",
        // Which Dockerfile?
        "empty              | Dockerfile not found: images/empty/Dockerfile "
                + "| Name another one with --file, or another folder: empty:latest=DIR",
        "app-test:debian-12 -f nosuch | Dockerfile not found: nosuch "
                + "| Name another one with --file, or another folder: app-test:debian-12=DIR",
        "a b -f x           | --file names one Dockerfile, but there are several references | ",
        // Options of docker
        "-t app:1 .         | there is no option -t: the name comes first | Try: ensure_image app:1=.",
        "--tag=app:1 dir    | there is no option --tag: the name comes first | Try: ensure_image app:1=dir",
        "-t app:1           | there is no option -t: the name comes first | Try: ensure_image app:1",
        "docker build --provenance false -m 1g -t app . | there is no option -t: the name comes first "
                + "| Try: ensure_image app=. -- --provenance false -m 1g",
        "other --network host | there is no option --network: options for docker build go after a -- "
                + "| Try: ensure_image other -- --network host",
        "--no-cache other -- --rm | there is no option --no-cache: options for docker build go after a -- "
                + "| Try: ensure_image other --force -- --no-cache --rm",
        "other --pull       | there is no option --pull: options for docker build go after a -- "
                + "| Try: ensure_image other --force -- --pull",
        "other --push       | there is no option --push: the image goes into the engine "
                + "| Try: ensure_image other && docker push other",
        "other --json       | Unknown option: '--json' | Try: --format json",
        // Command lines of docker
        "docker build -t app:1 -f x --build-arg V=s3cret --load docker/app "
                + "| there is no option -t: the name comes first "
                + "| Try: ensure_image app:1=docker/app -f x --build-arg V=... -- --load",
        "build docker/app   | no image is named 'build', and there are no commands | Try: ensure_image app=docker/app",
        "build images/other | no image is named 'build', and there are no commands | Try: ensure_image other",
        "compose build web  | no image is named 'compose', and there are no commands "
                + "| Try: ensure_image --compose web",
        "docker-compose up  | no image is named 'compose', and there are no commands "
                + "| Try: ensure_image --compose && docker compose up --no-build",
        "up                 | no image is named 'up', and there are no commands "
                + "| Try: ensure_image --compose && docker compose up --no-build",
        "buildx bake tests  | no image is named 'bake', and there are no commands | Try: ensure_image --bake tests",
        "run other          | no image is named 'run', and there are no commands "
                + "| Try: docker run --rm $(ensure_image -q other)",
        "push other         | no image is named 'push', and there are no commands "
                + "| Try: ensure_image other && docker push other",
        "help               | no image is named 'help', and there are no commands | Try: ensure_image --help",
        "pull other         | no image is named 'pull', and there are no commands | Try: docker pull other",
        "docker image inspect other | no image is named 'inspect', and there are no commands "
                + "| Try: ensure_image --check other",
        "other --build-arg V=... | the value of the build argument V is left out "
                + "| Put it in place of the dots: --build-arg V=VALUE",
        "--check            | no reference: which image? | Name one, or take all of images/: ensure_image --check --all. "
                + "To see what is here: ensure_image --init",
        // Folders and files
        "docker/app         | 'docker/app' is a folder: the name of the image comes first "
                + "| Try: ensure_image app=docker/app",
        "other .            | '.' is a folder: the name of the image comes first | Try: ensure_image other=.",
        "images/app-test/debian-12/ | 'images/app-test/debian-12/' is a folder: the name of the image comes first "
                + "| Try: ensure_image app-test:debian-12",
        "docker/app/Dockerfile | 'docker/app/Dockerfile' is a file: the name of the image comes first "
                + "| Try: ensure_image app=docker/app",
        "app=docker/app/test.Dockerfile | context not found: docker/app/test.Dockerfile is not a folder "
                + "| Try: ensure_image app:latest=docker/app -f docker/app/test.Dockerfile",
        "other -            | a Dockerfile on stdin is --file -, and it needs a name "
                + "| Try: ensure_image other -f -",
        "ghcr.io/team/app:1 | context not found: images/team/app/1 (working folder FOLDER) | Create images/team/app/1/Dockerfile, or name "
                + "another folder: ghcr.io/team/app:1=DIR. To pull it: docker pull ghcr.io/team/app:1",
        "other -- -t x      | -t cannot be passed to docker build | List each name as a reference: REF=DIR.",
        "other -- --output x | --output cannot be passed to docker build "
                + "| The image goes into the engine. To push it from there: docker push REF",
        "other -- --push    | --push cannot be passed to docker build "
                + "| The image goes into the engine. To push it from there: docker push REF",
        "other -- --target x | --target cannot be passed to docker build | Give it before the --.",
        "other -- --iidfile x | --iidfile cannot be passed to docker build "
                + "| The image ID is printed by --quiet and --format json.",
        "other --platform linux/amd64,linux/arm64 | one image has one platform, not 'linux/amd64,linux/arm64' "
                + "| Give each platform a name of its own, and ensure one after the other.",
        // Options of ours
        "other --atempts 3  | Unknown option: '--atempts' | Did you mean --attempts?",
        "other --check --force | --check, --force are mutually exclusive (specify only one) | See: ensure_image --help",
        "other -j 0         | --jobs takes a number from 1, not 0 | ",
        "other --timeout 0  | --timeout takes a number from 1, not 0 | ",
        "other --attempts -1 | --attempts takes a number from 1, not -1 | ",
        "other --wait 0     | --wait takes a number from 1, not 0 | ",
        "\"other --format xml\033\" | --format is text or json, not 'xml\\u001b' | See: ensure_image --help"})
    void eachMistakeHasAMessageAndAHint(String arguments, String message, String hint) {
        String[] words = arguments.isEmpty() ? new String[0] : arguments.split(" ");
        assertSaid("ensure_image: " + message.replace("FOLDER", folder.toString())
                + (hint == null ? "" : "\n" + hint), Harness.script("ensure_image", words));
    }

    private void assertSaid(String said, Harness.Command command) {
        Harness.Result result = command.in(folder).run().expect(ExitCode.USAGE.status());
        assertEquals(said + "\n", result.err());
        assertEquals("", result.out());
    }

    /** What the hint names is what the user typed. */
    @Test
    void theHelpIsNamedByTheWayItWasStarted() {
        String problem = "ensure_image: Unknown option: '--nosuch'\nSee: ";
        assertSaid(problem + "./jbangw ensure_image.java --help",
                Harness.script("ensure_image", "--nosuch").env("JBANGW_JBANG", "0.132.1"));
        assertSaid(problem + "ensure_image --help", Harness.script("ensure_image", "--nosuch")); // as a jar: CatalogTest
    }

    /** The line is pasted where the user is, which need not be the clone. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "FOLDER/ensure_image.java | ./jbangw ensure_image.java",
        "FOLDER/../clone/ensure_image.java | ../clone/jbangw ../clone/ensure_image.java",
        "FOLDER/sub/ensure_image.java | sub/jbangw sub/ensure_image.java",
        "/a clone/ensure_image.java | '/a clone/jbangw' '/a clone/ensure_image.java'",
        "/clone/tests/all.java | ensure_image"})
    void theWrapperIsNamedByItsPlace(String script, String command) {
        assertSaid("ensure_image: Unknown option: '--nosuch'\nSee: " + command + " --help",
                Harness.script("ensure_image", "--nosuch").env("JBANGW_JBANG", "0.132.1").env("PWD", folder)
                        .env("JBANGW_SCRIPT", script.replace("FOLDER", folder.toString())));
    }

    @Test
    void whatIsNoOptionOfDockerIsNotTakenForOne() {
        Harness.Result result = Harness.script("ensure_image", "other", "--nosuch").in(folder).run().expect(2);
        assertEquals("ensure_image: Unknown option: '--nosuch'\nSee: ensure_image --help\n", result.err());
    }

    // ---- Without an engine

    @Test
    void theDefaultAddressIsNamed() {
        Docker docker = new Docker("docker", Map.of(), () -> {
            throw new IOException("nothing is built here");
        }, Optional.empty());
        for (String line : List.of("error during connect: EOF", "failed to dial gRPC: cannot connect to the Docker "
                + "daemon. Is 'docker daemon' running on this host?: dial unix: connect: connection refused")) {
            assertEquals("the engine is not running: no answer at /var/run/docker.sock",
                    Wording.engine(docker.failure(line)).text());
        }
        assertEquals("no permission to use the engine at /x.sock", Wording.engine(docker.failure("permission denied "
                + "while trying to connect to the Docker daemon socket at unix:///x.sock: Get \"http://x\": no"))
                .text());
    }

    @Test
    void everyExitCodeIsDocumentedOnceAndNoneIsJbangs() {
        String help = Harness.script("ensure_image", "--help-all").in(folder).run().succeeded().out();
        List<String> codes = help.substring(help.indexOf("Exit codes:")).lines().skip(1)
                .takeWhile(line -> !line.isBlank()).filter(line -> line.matches(" +\\d+ .*"))
                .map(line -> line.strip().split(" ")[0]).toList();
        assertEquals(Arrays.stream(ExitCode.values()).map(code -> Integer.toString(code.status())).sorted()
                .collect(Collectors.toList()), codes.stream().sorted().toList());
        for (String jbangs : List.of("1", "3", "4")) {
            assertFalse(codes.contains(jbangs), codes.toString());
        }
        assertTrue(codes.contains("70"), "a bug has one too");
    }
}
