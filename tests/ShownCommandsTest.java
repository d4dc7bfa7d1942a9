// SPDX-License-Identifier: Apache-2.0
//SOURCES Checkout.java
package ensureimage.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.ShownCommands.Shown;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every command that a page shows works where its reader stands: in a clone, at its root, if it starts something of it;
 * else in a project of the reader's, with the programs on PATH. Nothing else is there than what a clone has.
 */
class ShownCommandsTest {

    private static final String RACES = "RaceReproTest plays its strategies and scenarios";
    private static final String MINUTES = "takes many minutes; RaceReproTest plays fewer rounds";
    private static final String SELF = "would run these tests inside themselves; RunnerTest selects in these ways";
    private static final String MEASURES = "takes many minutes; BenchTest runs shorter ones";
    private static final String INSTALLS = "InstallTest installs, into a home of its own";
    private static final String RELEASED = "ReleaseTest has a release";
    private static final String TOOL = "ToolImageTest runs it";
    private static final String PLUGIN = "DockerPluginTest has docker with the plugin";

    /** What is not run here, and why. Of a paragraph with other lines, those are run. */
    private static final Map<String, String> NOT_HERE = Map.ofEntries(
            Map.entry("./jbangw tests/all.java", SELF),
            Map.entry("./jbangw tests/all.java FreshnessTest", SELF),
            Map.entry("./jbangw tests/all.java FreshnessTest#checkReportsAndBuildsNothing", SELF),
            Map.entry("./jbangw tests/all.java --only 'socket*tells'", SELF),
            Map.entry("./jbangw tests/all.java --failed", SELF),
            Map.entry("./jbangw tests/all.java --times 20 --shuffle 1 NamingRaceTest", SELF),
            Map.entry("./jbangw race_repro.java", "WorkflowsTest runs it, and RaceReproTest"),
            Map.entry("./jbangw with_docker.java --engine 28.5 --shell", "WithDockerTest opens a shell, and types"),
            Map.entry("./jbangw with_docker.java --engine 28.5 --registry --shell", "WithDockerTest starts a registry"),
            Map.entry("./jbangw with_docker.java --engine 28.5 --reach PORT --shell",
                    "PORT is what the other one prints"),
            Map.entry("docker login registry.example", "asks a person for a password"),
            Map.entry("./jbangw benchmarks/bench.java --rounds 5 warm warm-16", MEASURES),
            Map.entry("./jbangw benchmarks/bench.java --rounds 3 context collection", MEASURES),
            Map.entry("./jbangw benchmarks/bench.java --rounds 1 --engine 28.5 --engine 26.1 cold", MEASURES),
            Map.entry("./jbangw race_repro.java --engine throwaway:26.1 --all -n 8 -r 5 --report docs/race-26.1.md"
                    + " --report docs/race-26.1.svg", MINUTES),
            Map.entry("./jbangw race_repro.java --engine throwaway:28.5 --all -n 8 -r 5 --report docs/race-28.5.md",
                    MINUTES),
            Map.entry("race_repro --engine throwaway:26.1 --all -n 8 -r 1 --report docs/race-26.1.md"
                    + " --report docs/race-26.1.svg", MINUTES),
            Map.entry("race_repro --engine throwaway:28.5 --all -n 8 -r 1", MINUTES),
            Map.entry("ensure_image --compose", "DefinedImagesTest has compose files"),
            Map.entry("race_repro", RACES), Map.entry("race_repro --all -r 5", RACES),
            Map.entry("race_repro --scenario shared-tag", RACES),
            Map.entry("race_repro --scenario fleet -n 4", "RaceFleetTest plays it"),
            Map.entry("./jbangw tests/real.java DIR", "DIR is the reader's; RealDockerfilesTest has one"),
            Map.entry("./jbangw tests/real.java --engine 26.1 --changes 20 DIR", "the same"),
            Map.entry("race_repro --until-race --strategy naive --scenario same", RACES),
            Map.entry("race_repro --engine throwaway:28.5", RACES),
            Map.entry("race_repro --report race.html --report race.json", RACES),
            Map.entry("./jbangw ensure_image.java --install", INSTALLS),
            Map.entry("ensure_image --uninstall", INSTALLS),
            Map.entry("java -jar ensure_image.jar --version", RELEASED),
            Map.entry("java -jar ensure_image.jar --install", INSTALLS),
            Map.entry("curl -fsSLO https://github.com/OWNER/REPO/releases/download/v0.1.0/ensure_image.jar", RELEASED),
            Map.entry("curl -fsSLO https://github.com/OWNER/REPO/releases/download/v0.1.0/SHA256SUMS", RELEASED),
            Map.entry("sha256sum --check --ignore-missing SHA256SUMS", RELEASED),
            Map.entry("gh attestation verify ensure_image.jar --repo OWNER/REPO", "needs GitHub"),
            Map.entry("./jbangw release/release.java --tag v0.1.0 --repository https://github.com/OWNER/REPO dist"
                    + " && cat dist/SHA256SUMS", RELEASED),
            Map.entry("jbang ensure_image@https://github.com/OWNER/REPO/releases/download/v0.1.0/jbang-catalog.json"
                    + " app-test:1", RELEASED),
            Map.entry("cp ensure_image.jar release/image/", TOOL),
            Map.entry("java -jar ensure_image.jar ensure-image=release/image", TOOL),
            Map.entry("docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v \"$PWD\":\"$PWD\" -w \"$PWD\""
                    + " ensure-image app-test:1", TOOL),
            Map.entry("docker ensure app-test:1", PLUGIN),
            Map.entry("docker --context staging ensure app-test:1", PLUGIN),
            Map.entry("docker -H unix:///run/other.sock ensure app-test:1", PLUGIN),
            Map.entry("source <(docker completion bash)", PLUGIN));

    /** What the reader has done before a command whose output is shown. */
    private static final Map<String, String> BEFORE = Map.of(
            "ensure_image --check --all", """
                    rm -r images/app-test/Dockerfile images/app-test/1
                    ensure_image app-test:ubuntu-24.04
                    echo >images/app-test/ubuntu-24.04/src/new.conf""");

    /** What differs from run to run. */
    private static final Pattern VARYING = Pattern.compile("sha256:[0-9a-f]{64}|\\b\\d+\\.\\d s\\b");

    private static final Workbench BENCH = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
    private static Path clone;

    @BeforeAll
    static void open() throws IOException {
        clone = Checkout.copy();
    }

    @ParameterizedTest
    @MethodSource("here")
    void theCommandWorksWhereItsReaderStands(Shown shown) {
        Path folder = shown.isInClone() ? clone : project();
        if (shown.printed().isEmpty()) {
            shell(folder, shown.script()).run().succeeded();
            return;
        }
        String before = BEFORE.get(shown.script());
        if (before != null) {
            shell(folder, before).run().succeeded();
        }
        Harness.Result result = shell(folder, "exec 2>&1\n" + shown.script()).run();
        assertEquals(alike(shown.printed().stream()), alike(result.out().lines()), result.toString());
    }

    static List<Shown> here() throws IOException {
        List<String> elsewhere = List.copyOf(NOT_HERE.keySet());
        return all().stream().filter(shown -> !elsewhere.contains(shown.script()))
                .map(shown -> shown.without(elsewhere)).filter(shown -> !shown.lines().isEmpty()).toList();
    }

    private static List<Shown> all() throws IOException {
        List<Shown> all = new ArrayList<>();
        for (Path page : ShownCommands.pages()) {
            all.addAll(ShownCommands.in(page));
        }
        return all;
    }

    @Test
    void whatIsNotRunHereIsStillShown() throws IOException {
        Set<String> shown = new TreeSet<>();
        for (Shown each : all()) {
            shown.add(each.script());
            shown.addAll(each.lines());
        }
        assertTrue(shown.size() > NOT_HERE.size(), "control: commands are found");
        assertEquals(Set.of(), NOT_HERE.keySet().stream().filter(command -> !shown.contains(command))
                .collect(Collectors.toSet()), "commands that no page shows any more");
    }

    private static List<String> alike(Stream<String> lines) {
        return lines.map(line -> VARYING.matcher(line).replaceAll("...").stripTrailing()).toList();
    }

    /** With an empty home, but the caches of the reader: what was fetched and unpacked before is there. */
    private static Harness.Command shell(Path folder, String script) {
        String caches = System.getenv().getOrDefault("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache");
        return BENCH.command("bash", "-euc", script).in(folder)
                .env("JBANG_DIR", BENCH.cache.resolve("jbang")) // a clone's scripts are built once
                .env("PATH", folder.resolve(".bin") + ":" + Path.of(BENCH.client()).getParent() + ":"
                        + System.getenv("PATH"))
                .env("HOME", Harness.newFolder()).env("XDG_CACHE_HOME", caches);
    }

    // ---- Where readers stand

    /** Has what the help speaks of; its tests are a program called cargo. */
    private static Path project() {
        Path folder = Harness.newFolder();
        for (String name : List.of("docker/test/Dockerfile", "test.Dockerfile", "images/base/Dockerfile",
                "images/app-test/Dockerfile", "images/app-test/1/Dockerfile")) {
            Harness.write(folder.resolve(name), "FROM busybox\nRUN echo " + name + " > /name\n");
        }
        Harness.write(folder.resolve("images/app-test/ubuntu-24.04/Dockerfile"), "FROM base\nCOPY src /src\n");
        Harness.write(folder.resolve("images/app-test/ubuntu-24.04/src/old.conf"), "");
        Harness.write(folder.resolve("race.json"),
                """
                        {"cells": [{"strategy": "naive", "scenario": "same", "falseFailures": 1, "falseSuccesses": 2, "answers": 8}]}
                        """);
        Harness.program(folder.resolve(".bin/cargo"), "[ \"$*\" = test ]\n");
        for (String script : List.of("ensure_image", "race_repro", "with_docker")) {
            onPath(folder, script);
        }
        Programs.require("jq", "jq");
        return folder;
    }

    private static void onPath(Path folder, String script) {
        StringBuilder line = new StringBuilder("exec");
        Harness.script(script).line().forEach(word -> line.append(" '").append(word).append('\''));
        Harness.program(folder.resolve(".bin").resolve(script), line + " \"$@\"\n");
    }

    // ---- How commands are found

    @Test
    void commandsAreFoundInEachKindOfBlock() {
        String page = """
                Text:

                    ./jbangw ensure_image.java x   # in a clone
                    # a comment alone
                    docker run --rm x

                    naive    told 6 of 16 builders something false

                    $ ensure_image --check x
                    missing  x:latest
                    $ ensure_image --check y
                    present  y:latest  sha256:1

                - a list whose sentence
                    docker goes on

                ```yaml
                docker: x
                ```

                ```sh
                A=1 ensure_image z
                ```

                    Examples:
                      ensure_image -q app        what it does
                      IMAGE=$(race_repro x)      another
                """;
        assertEquals(List.of("page:3 [./jbangw ensure_image.java x, docker run --rm x] []",
                "page:9 [ensure_image --check x] [missing  x:latest]",
                "page:9 [ensure_image --check y] [present  y:latest  sha256:1]",
                "page:22 [A=1 ensure_image z] []", "page:25 [ensure_image -q app] []",
                "page:25 [IMAGE=$(race_repro x)] []"),
                ShownCommands.in("page", page).stream()
                        .map(shown -> shown.where() + " " + shown.lines() + " " + shown.printed()).toList());
    }
}
