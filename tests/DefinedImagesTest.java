// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.ImageFiles;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The images that bake files and compose files define: the same as docker's own tools make, current, and safe at once. */
class DefinedImagesTest {

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final Workbench bench = Workbench.ofToday().withCompose("28.5");

    // ---- The shapes of public projects, rebuilt in tests/shapes

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "c1-folder-per-service | compose build | --compose | PROJECT-vote PROJECT-result PROJECT-worker | /app/vote=vote",
        "c2-one-image-many-services | compose build cron column-store | --compose | app-local column-store-local "
                + "| /which=app",
        "c3-one-context | compose build | --compose | demo-shop:2.1-ad demo-shop:2.1-cart | /built=cart",
        "c4-inline | compose build | --compose | PROJECT-proxy PROJECT-names "
                + "| /etc/site=try_files $uri ${uri}/ /index.html; host $host",
        "c5-everything | compose build | --compose | registry.example.com/team/app:dev everything/app:a everything/app:b "
                + "everything-base | /mode=release",
        "b1-linked | buildx bake | --bake | linked-repository linked-indexer-path linked-indexer-content "
                + "| /server=17-10",
        "b2-outputs | buildx bake image tests | --bake | outputs-image:local outputs-tests | /version=none",
        "b3-stack | buildx bake --set *.platform=linux/amd64 base; buildx bake --set *.platform=linux/amd64 minimal; "
                + "buildx bake scipy | --bake | stack/scipy stack/scipy:edge stack/minimal stack/minimal:edge stack/base "
                + "stack/base:edge | /base=base",
        "b4-registry | buildx bake | --bake | registry.example.com/fleet:app-latest registry.example.com/fleet:app-1.4 "
                + "registry.example.com/fleet:events-latest registry.example.com/fleet:events-1.4 "
                + "registry.example.com/fleet:httpd | /size=3",
        "b5-json | buildx bake --allow network.host | --bake | json-inline:1 json-inline json-net:1 "
                + "| /text=bake ${not} %{neither} bake ${not} %{neither}"})
    void theImagesAreThoseThatDockersOwnToolMakes(String shape, String builds, String option, String names,
            String content) {
        copy(Harness.projectFile("tests/shapes/" + shape));
        List<String> references = List.of(names.replace("PROJECT", project()).split(" "));
        for (String build : builds.split("; ")) {
            Harness.eventually(build + " succeeds, which has a race of its own", Harness.SOON,
                    () -> bench.docker(build.split(" ")).status() == 0);
        }
        Map<String, String> wanted = configurations(references);
        bench.docker(words(List.of("image", "rm", "--force"), references)).succeeded();

        bench.ensure(option).succeeded();
        assertEquals(wanted, configurations(references));
        Harness.Result again = bench.ensure(option).succeeded();
        assertTrue(again.out().lines().allMatch(line -> line.startsWith("present ")), again.toString());
        String[] file = content.split("=", 2);
        assertEquals(file[1],
                references.stream().map(reference -> ImageFiles.read(reference, file[0], bench.environment()))
                        .map(text -> text.orElse("")).filter(text -> !text.equals(ImageFiles.NO_FILE)).findFirst()
                        .orElse(""));
    }

    /** All that a container gets from an image, but our labels; and how many layers it has. */
    private Map<String, String> configurations(List<String> references) {
        Map<String, String> all = new TreeMap<>();
        for (String reference : references) {
            String config = bench.docker("image", "inspect", reference, "--format",
                    "{{json .Config}} {{.Architecture}} {{len .RootFS.Layers}}").succeeded().out();
            all.put(reference, config.replaceAll("\"ensure_image\\.[a-z]+\":\"[^\"]*\",?", "").replace(",}", "}")
                    .replaceAll(",?\"Labels\":\\{}", ""));
        }
        return all;
    }

    /** A compose that cannot print what it would build is asked for its configuration; both say the same. */
    @ParameterizedTest
    @ValueSource(strings = {"c2-one-image-many-services", "c4-inline", "c5-everything"})
    void anOlderComposeDefinesTheSame(String shape) throws IOException {
        copy(Harness.projectFile("tests/shapes/" + shape));
        Path file = bench.folder.resolve("compose.yaml");
        if (Files.exists(file)) { // another service's image as a context is younger than this compose
            bench.write("compose.yaml", Files.readString(file).replace("service:base", "docker-image://busybox"));
        }
        Workbench old = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", bench.folder).withCompose("26.1");
        old.environment().put("XDG_CACHE_HOME", bench.cache.toString());
        Harness.Result control = old.docker("compose", "build", "--print");
        assertTrue(control.err().contains("unknown flag: --print"), "control: it is old: " + control);
        List<String> references = old.ensure("--format", "json", "--compose").succeeded().out().lines()
                .map(line -> line.replaceFirst(".*\"reference\":\"([^\"]*)\".*", "$1")).toList();
        Map<String, String> ours = configurations(references);
        bench.docker(words(List.of("image", "rm", "--force"), references)).succeeded();
        Harness.eventually("compose builds, which has a race of its own", Harness.SOON,
                () -> old.docker("compose", "build").status() == 0);
        // Of services that share an image, the label names the one that was last to build it.
        String service = "(compose.service\":\")[^\"]*";
        Map<String, String> theirs = configurations(references);
        List.of(ours, theirs).forEach(each -> each.replaceAll((name, text) -> text.replaceAll(service, "$1")));
        assertEquals(theirs, ours);

        old.ensure("--compose").succeeded();
        bench.ensure("--check", "--compose").succeeded(); // which version noted itself on the image is no input
    }

    // ---- Many at once

    @Test
    void composeLosesItsOwnRaceAndWeDoNot() {
        bench.write("Dockerfile", "FROM busybox\nARG V\nRUN sleep 1; echo $V > /v\n");
        bench.write("compose.yaml",
                "services:\n" + IntStream.range(0, 8).mapToObj(i -> "  s" + i + ":\n    image: race-"
                        + id
                        + "\n    build:\n      context: .\n      args: {V: \"${V}\"}\n    command: [\"cat\", \"/v\"]\n")
                        .reduce("", String::concat));
        List<Harness.Result> failures = new ArrayList<>();
        Harness.eventually("compose fails", Harness.SOON, () -> {
            bench.docker("image", "rm", "--force", "race-" + id);
            Harness.Result built = bench.command(bench.client(), "compose", "build")
                    .env("V", UUID.randomUUID().toString()).run();
            failures.add(built);
            return built.status() != 0;
        });
        assertTrue(failures.get(failures.size() - 1).err().contains("already exists"), "control: " + failures);

        bench.docker("image", "rm", "--force", "race-" + id);
        List<Harness.Result> results = Harness.together(4, i -> bench.ensuring("--compose").env("V", id));
        results.forEach(Harness.Result::succeeded);
        assertTrue(results.stream().allMatch(result -> result.out().lines().count() == 1), "one image: " + results);
        String images = bench.command(bench.client(), "compose", "config", "--images").env("V", id).run().succeeded()
                .out();
        images.lines().distinct().forEach(image -> assertEquals(id, bench.cat(image, "/v")));
        Harness.Result up = bench.command(bench.client(), "compose", "up", "--no-build", "--abort-on-container-failure")
                .env("V", id).run().succeeded();
        assertEquals(8, up.out().lines().filter(line -> line.endsWith("| " + id)).count(), up.toString());
        bench.command(bench.client(), "compose", "down").env("V", id).run().succeeded();
    }

    // ---- Freshness

    @Test
    void whatTheFileSaysIsAnInput() {
        bench.write("Dockerfile", "FROM busybox\nARG V\nRUN echo $V > /v\n");
        bench.write("compose.yaml",
                "services:\n  a:\n    image: fresh-" + id + ":${TAG:-1}\n    build:\n      context: .\n"
                        + "      args: {V: \"${V:-none}\"}\n      labels: {l: \"${L:-none}\"}\n");
        bench.ensure("--compose").succeeded();
        bench.ensure("--compose", "--check").succeeded();
        stale("build argument changed (V)", bench.ensuring("--compose", "--check").env("V", "2").run());
        stale("option changed (--label)", bench.ensuring("--compose", "--check").env("L", "2").run());
        bench.write(".env", "V=3\n");
        stale("build argument changed (V)", bench.ensure("--compose", "--check"));
        bench.write(".env", "TAG=2\n");
        assertTrue(bench.ensure("--compose", "--check").expect(11).out().startsWith("missing "));
        bench.write(".env", "");
        bench.write("compose.override.yaml", "services:\n  a:\n    build:\n      labels: {m: n}\n");
        stale("option changed (--label)", bench.ensure("--compose", "--check"));
        bench.write("compose.override.yaml", "services: {}\n");
        bench.ensure("--compose", "--check").succeeded();
    }

    private static void stale(String why, Harness.Result result) {
        assertTrue(result.expect(11).out().startsWith("stale "), result.toString());
        assertTrue(result.out().strip().endsWith(why), result.toString());
    }

    @Test
    void eachNameOfAnImageIsEnsuredByOneBuild() {
        String app = "names-" + id;
        bench.write("Dockerfile", "FROM busybox\nRUN date +%N > /built\n");
        bench.write("docker-bake.json", "{\"target\": {\"default\": {\"tags\": [\"" + app + ":1\", \"" + app + ":2\", "
                + "\"localhost:5000/" + app + "\"]}}}");
        Harness.Result first = bench.ensure("--bake").succeeded();
        assertEquals(1, first.err().lines().filter(line -> line.contains("building from")).count(), first.toString());
        String image = bench.imageId(app + ":1");
        assertEquals(List.of(image, image), List.of(bench.imageId(app + ":2"), bench.imageId("localhost:5000/" + app)));

        bench.docker("image", "rm", app + ":2").succeeded();
        assertTrue(bench.ensure("--bake", "--check").expect(11).out().startsWith("missing "));
        Harness.Result named = bench.ensure("--bake").succeeded();
        assertTrue(named.err().contains("also named " + app + ":2"), named.toString());
        bench.docker("tag", "busybox", app + ":2").succeeded();
        assertTrue(bench.ensure("--bake", "--check").expect(11).out().contains("not built by ensure_image"));
        for (Harness.Result result : Harness.together(6, i -> bench.ensuring("--bake"))) {
            result.succeeded();
        }
        assertEquals(image, bench.imageId(app + ":2"), "the image that is there gets the name");
        bench.write("Dockerfile", "FROM busybox\nRUN date +%N > /built # again\n");
        for (Harness.Result result : Harness.together(6, i -> bench.ensuring("--bake"))) {
            result.succeeded();
        }
        assertEquals(bench.cat(app + ":1", "/built"), bench.cat(app + ":2", "/built"));
    }

    @Test
    void anImageBecomesStaleWithTheTargetThatItIsBuiltOn() {
        bench.write("base.Dockerfile", "FROM busybox\nRUN echo one > /base\n");
        bench.write("Dockerfile", "FROM basis\nRUN cp /base /copy\n");
        bench.write("docker-bake.json",
                "{\"target\": {\"hidden\": {\"dockerfile\": \"base.Dockerfile\"}, \"default\": {"
                        + "\"contexts\": {\"basis\": \"target:hidden\"}, \"tags\": [\"on-" + id + "\"]}}}");
        bench.ensure("--bake").succeeded();
        bench.write("base.Dockerfile", "FROM busybox\nRUN echo two > /base\n");
        Harness.Result result = bench.ensure("--bake").succeeded();
        assertEquals(2, result.out().lines().filter(line -> line.startsWith("rebuilt ")).count(), result.toString());
        assertEquals("two", bench.cat("on-" + id, "/copy"));
    }

    // ---- What is named on the command line

    @Test
    void targetsGroupsServicesAndImagesCanBeNamed() {
        copy(Harness.projectFile("tests/shapes/b4-registry"));
        assertEquals(List.of("registry.example.com/fleet:httpd"), names("--bake", "httpd"));
        assertEquals(List.of("registry.example.com/fleet:events-latest", "registry.example.com/fleet:app-latest"),
                names("--bake=docker-bake.hcl", "app"), "a target of a matrix is a group");
        assertEquals(List.of("registry.example.com/fleet:app-latest"),
                names("--bake", "docker-bake.hcl", "registry.example.com/fleet:app-1.4"));
        bench.write("compose.yml", "services:\n  a:\n    image: a-" + id + "\n    profiles: [p]\n    build: "
                + "{dockerfile: docker/httpd/Dockerfile, context: .}\n  b:\n    image: b-" + id
                + "\n    build: {dockerfile: docker/httpd/Dockerfile, context: .}\n");
        assertEquals(List.of("b-" + id + ":latest"), names("--compose"));
        assertEquals(List.of("a-" + id + ":latest"), names("--compose", "a"));
        assertEquals(List.of("a-" + id + ":latest", "b-" + id + ":latest"),
                names("--compose", "compose.yml", "--profile", "p"));
    }

    private List<String> names(String... arguments) {
        return bench.ensure(arguments).succeeded().out().lines().map(line -> line.split(" +")[1]).sorted()
                .sorted(Comparator.comparing((String name) -> name.contains("events") ? 0 : 1)).toList();
    }

    @Test
    void whatCannotBeHonouredIsSaidInOneLineEach() {
        copy(Harness.projectFile("tests/shapes/b2-outputs"));
        Harness.Result result = bench.ensure("--bake").succeeded();
        assertEquals(List.of("left out: target binary: it makes no image in the engine, but: local",
                "left out: target checks: it makes no image in the engine, but: check",
                "left out: target lint: it makes no image in the engine, but: cacheonly"),
                result.err().lines().filter(line -> line.startsWith("left out")).sorted().toList());
        bench.write("docker-bake.override.json", "{\"target\": {\"image\": {\"platforms\": [\"linux/arm64\", "
                + "\"linux/amd64\"], \"output\": [\"type=registry\", \"type=docker\", \"out\"], \"no-cache\": true, "
                + "\"cache-to\": [\"type=local,dest=cache\"]}}}");
        assertEquals(List.of("image: of several platforms only linux/amd64 is built", "image: the image is not pushed",
                "image: the output of type local is not written",
                "image: the cache is exported only if the image is built",
                "image: it is built without the cache only if it is missing or stale"),
                bench.ensure("--bake", "--check", "image").expect(11).err().lines().toList());
    }

    @Test
    void mistakesAreNamed() {
        mistake("docker buildx bake: couldn't find a bake definition", "--bake");
        mistake("docker compose: no configuration file provided: not found", "--compose");
        bench.write("compose.yaml", "services:\n  a: {image: busybox}\n");
        mistake("no service in the compose file has a build section", "--compose");
        bench.write("compose.yaml", "services:\n  a: {build: 'https://example.com/x.git'}\n  b: {build: nosuch}\n"
                + "  c: {build: .}\n");
        mistake("service a: its context is not a folder but https://example.com/x.git, where nothing can be looked up",
                "--compose");
        mistake("service b: context not found: " + bench.folder.resolve("nosuch"), "--compose", "b");
        mistake("service c: Dockerfile not found: " + bench.folder.resolve("Dockerfile"), "--compose", "c");
        mistake("docker compose: no such service: d", "--compose", "d");
        mistake("no service has the image d:1", "--compose", "d:1");
        bench.write("Dockerfile", "FROM busybox\n");
        bench.write("compose.yaml", "services:\n  a: {build: ., image: x}\n  b: {build: {context: ., args: {A: 1}}, "
                + "image: x}\n");
        mistake("x:latest is built in two ways, by the services a and b", "--compose");
        bench.write("compose.yaml", "services:\n  a: {build: {context: ., secrets: [s]}}\nsecrets:\n  s: {environment: "
                + "NO_SUCH_VARIABLE}\n");
        mistake("service a: its secret comes from the variable NO_SUCH_VARIABLE, which is not set", "--compose");
        mistake("--file names a Dockerfile, and with --compose each image has its own", "--compose", "-f", "x");
        mistake("--bake and --compose exclude each other", "--bake", "--compose");
        mistake("--profile goes with --compose", "--profile", "x", "app");
    }

    @Test
    void aDockerThatLacksTheToolIsToldInOneLine() {
        bench.environment().put("DOCKER_CONFIG", Harness.newFolder().toString());
        mistake("docker compose is not installed, but it has to read the compose file", "--compose");
        mistake("docker buildx bake is not installed, but it has to read the bake file", "--bake");
    }

    private void mistake(String message, String... arguments) {
        Harness.Result result = bench.ensure(arguments).expect(2);
        assertEquals("ensure_image: " + message, result.err().lines().findFirst().orElse(""), result.toString());
    }

    // ---- Helpers

    /** As compose calls a project: by its folder. */
    private String project() {
        return bench.folder.getFileName().toString().toLowerCase(Locale.ROOT).replaceAll("[^-_a-z0-9]", "");
    }

    private static String[] words(List<String> first, List<String> rest) {
        return Stream.concat(first.stream(), rest.stream()).toArray(String[]::new);
    }

    private void copy(Path shape) {
        try (Stream<Path> files = Files.walk(shape)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = bench.folder.resolve(shape.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
