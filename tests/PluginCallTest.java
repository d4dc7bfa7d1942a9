// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.install.PluginCall;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How docker's options before the word are read, as docker's own client reads them. */
class PluginCallTest {
    private static final Map<String, String> ENVIRONMENT =
            Map.of("HOME", "/home/u", "DOCKER_HOST", "tcp://of-the-environment", "PATH", "/nowhere");

    private static PluginCall read(Map<String, String> environment, String line) {
        try {
            return PluginCall.read(line.isEmpty() ? List.of() : List.of(line.split(" ")), environment);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What is another one than in the environment. */
    private static String changed(String line) {
        Map<String, String> changes = new TreeMap<>(read(ENVIRONMENT, line).environment());
        changes.entrySet().removeAll(ENVIRONMENT.entrySet());
        return changes.toString();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "ensure app                            | {}",
        "--context there ensure app            | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "--context=there ensure app            | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "-c there ensure app                   | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "-cthere ensure app                    | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "-Dc there ensure app                  | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "-c=there ensure app                   | {DOCKER_CONTEXT=there, DOCKER_HOST=}",
        "-c default ensure app                 | {DOCKER_CONTEXT=default}",
        "-H unix:///s ensure app               | {DOCKER_HOST=unix:///s}",
        "-Hunix:///s ensure app                | {DOCKER_HOST=unix:///s}",
        "--host=unix:///s --log-level warn ensure app | {DOCKER_HOST=unix:///s}",
        "--host ensure ensure app              | {DOCKER_HOST=ensure}",
        "--config /c ensure app                | {DOCKER_CONFIG=/c}",
        "--tls ensure app                      | {DOCKER_CERT_PATH=/home/u/.docker, DOCKER_TLS=1}",
        "--tls=false ensure app                | {DOCKER_TLS=}",
        "--tlsverify ensure app                | {DOCKER_CERT_PATH=/home/u/.docker, DOCKER_TLS=1, DOCKER_TLS_VERIFY=1}",
        "--tlsverify=0 ensure app              | {DOCKER_CERT_PATH=/home/u/.docker, DOCKER_TLS=1, DOCKER_TLS_VERIFY=}",
        "--config /c --tls ensure app          | {DOCKER_CERT_PATH=/home/u/.docker, DOCKER_CONFIG=/c, DOCKER_TLS=1}"})
    void optionsBeforeTheWordBecomeWhatDockerReadsInItsEnvironment(String line, String expected) {
        assertEquals(expected, changed(line));
        assertEquals(List.of("app"), read(ENVIRONMENT, line).words());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"-D ensure app | true", "--debug=true ensure app | true", "-l debug ensure app | true",
                "-l info ensure app | false", "ensure -D app | false", "--debug=false ensure app | false"})
    void debugIsAsked(String line, boolean expected) {
        assertEquals(expected, read(ENVIRONMENT, line).debug());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"help ensure | --help", "--help ensure | --help", "ensure --help | --help",
        "ensure help | help", "ensure ensure | ensure", "ensure -c x -- -H y | -c x -- -H y", "app | app",
        "__complete ensure -c a | -c a"})
    void theRestIsForThePlugin(String line, String expected) {
        assertEquals(List.of(expected.split(" ")), read(ENVIRONMENT, line).words());
    }

    @Test
    void aCompletionIsAskedFor() {
        PluginCall call = PluginCallTest.read(ENVIRONMENT, "__complete ensure ap");
        assertTrue(call.completes());
        assertEquals(List.of("ap"), call.words());
    }

    @Test
    void certificatesInSeveralFoldersAreFoundInOne() throws IOException {
        Path home = Harness.newFolder();
        Path certificate = Harness.write(home.resolve("mine.pem"), "mine");
        Harness.write(home.resolve(".docker/ca.pem"), "everybody's");
        Map<String, String> environment = Map.of("HOME", home.toString());
        List<PluginCall> calls = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            calls.add(PluginCall.read(List.of("--tlsverify", "--tlscert", "\"" + certificate + "\"", "ensure", "app"),
                    environment));
        }
        Path folder = Path.of(calls.get(0).environment().get("DOCKER_CERT_PATH"));
        assertEquals("mine", Files.readString(folder.resolve("cert.pem")));
        assertEquals("everybody's", Files.readString(folder.resolve("ca.pem")));
        assertTrue(Files.notExists(folder.resolve("key.pem")), "docker does without, as where it looked itself");
        assertEquals(calls.get(0), calls.get(1));
    }

    @Test
    void theClientThatStartedItIsUsed() throws IOException {
        Path folder = Harness.newFolder();
        Path docker = Harness.program(folder.resolve("docker"), "");
        String name = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";
        for (String[] each : new String[][] {{"docker", "/nowhere", "docker"},
            {docker.toString(), "/nowhere", docker.toString()},
            {docker.toString(), folder.toString(), "docker"}}) {
            assertEquals(each[2], read(Map.of("HOME", "/", name, each[0], "PATH", each[1]), "ensure app").docker());
        }
    }
}
