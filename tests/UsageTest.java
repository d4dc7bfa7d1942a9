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

    private final Path folder = Harness.newFolder();

    @BeforeEach
    void makeACollection() {
        for (String image : List.of("app-test/ubuntu-24.04", "app-test/debian-12", "other")) {
            Harness.write(folder.resolve("images/" + image + "/Dockerfile"), "FROM scratch\n");
        }
        Harness.write(folder.resolve("images/empty/readme"), "");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        // Which image?
        "\"\"               | no reference: which image? | See: ensure_image --help",
        "--build-arg app    | no reference: 'app' is a build argument, for it comes after --build-arg "
                + "| Try: ensure_image REF --build-arg NAME=VALUE",
        "--build-arg A=s3cret | no reference: 'A=...' is a build argument, for it comes after --build-arg "
                + "| Try: ensure_image REF --build-arg NAME=VALUE",
        "-- app             | no reference: all that comes after the -- goes to docker build "
                + "| Try: ensure_image REF -- OPTIONS",
        "--all app          | --all names every image, but there are references too | See: ensure_image --help",
        "App                | malformed reference: 'App': a name is all lower case | ",
        "app@sha256:0       | malformed reference: 'app@sha256:0': use NAME[:TAG]; digests are not supported | ",
        "\"\033[2a\"       | malformed reference: '\\u001b[2a': a name has letters, digits, and single . _ - between "
                + "them | ",
        // Which folder?
        "unlike             | context not found: images/unlike "
                + "| Create images/unlike/Dockerfile, or name another folder: unlike:latest=DIR",
        "unlike:1           | context not found: images/unlike/1 "
                + "| Create images/unlike/1/Dockerfile, or name another folder: unlike:1=DIR",
        "app-tset:ubuntu-2404 | context not found: images/app-tset/ubuntu-2404 "
                + "| Did you mean app-test:ubuntu-24.04? To build from another folder: app-tset:ubuntu-2404=DIR",
        "app-test           | Dockerfile not found: images/app-test/Dockerfile "
                + "| Did you mean app-test:debian-12? To build from another folder: app-test:latest=DIR",
        "app-test=nosuch    | context not found: nosuch "
                + "| Create nosuch/Dockerfile, or name another folder: app-test:latest=DIR",
        "app=images/empty/readme | context not found: images/empty/readme is not a folder "
                + "| Name another folder: app:latest=DIR",
        // Which Dockerfile?
        "empty              | Dockerfile not found: images/empty/Dockerfile "
                + "| Name another one with --file, or another folder: empty:latest=DIR",
        "app-test:debian-12 -f nosuch | Dockerfile not found: nosuch "
                + "| Name another one with --file, or another folder: app-test:debian-12=DIR",
        "a b -f x           | --file names one Dockerfile, but there are several references | ",
        // Options of docker
        "-t app:1 .         | there is no option -t: the name comes first | Try: ensure_image app:1=.",
        "--tag=app:1 dir    | there is no option --tag: the name comes first | Try: ensure_image app:1=dir",
        "-t app:1           | there is no option -t: the name comes first | Try: ensure_image app:1=.",
        "-t                 | there is no option -t: the name comes first | Try: ensure_image NAME=.",
        "other --network host | there is no option --network before the -- "
                + "| Options for docker build go after it: ensure_image REF -- --network",
        "--no-cache other   | there is no option --no-cache before the -- "
                + "| Options for docker build go after it: ensure_image REF -- --no-cache",
        "other -- -t x      | -t cannot be passed to docker build | List each name as a reference: REF=DIR.",
        "other -- --output x | --output cannot be passed to docker build "
                + "| The image goes into the engine. To push it from there: docker push REF",
        "other -- --push    | --push cannot be passed to docker build "
                + "| The image goes into the engine. To push it from there: docker push REF",
        "other -- --target x | --target cannot be passed to docker build | Give it before the --.",
        "other -- --iidfile x | --iidfile cannot be passed to docker build "
                + "| The image ID is printed by --quiet and --format json.",
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
        assertSaid("ensure_image: " + message + (hint == null ? "" : "\n" + hint),
                Harness.script("ensure_image", words));
    }

    private void assertSaid(String said, Harness.Command command) {
        Harness.Result result = command.in(folder).run().expect(ExitCode.USAGE.status());
        assertEquals(said + "\n", result.err());
        assertEquals("", result.out());
    }

    /** What the hint names is what the user typed. */
    @Test
    void theHelpIsNamedByTheWayItWasStarted() {
        String problem = "ensure_image: no reference: which image?\nSee: ";
        assertSaid(problem + "./jbangw ensure_image.java --help",
                Harness.script("ensure_image").env("JBANGW_JBANG", "0.132.1"));
        assertSaid(problem + "ensure_image --help", Harness.script("ensure_image")); // as a jar: CatalogTest
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
