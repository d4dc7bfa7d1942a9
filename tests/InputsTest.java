// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a build sees besides the files that its Dockerfile names: the set-ups of public bug reports, on real engines. What is
 * true is read from inside the images, and compared with what {@code docker build} of the same folder makes.
 */
class InputsTest {

    /** Engines of which one tells what it saw, one does not, and one keeps its images elsewhere. */
    enum Where {
        WITNESS("28.5", EngineSpec.Store.CONTAINERD), NO_WITNESS("26.1", EngineSpec.Store.CONTAINERD),
        CLASSIC("28.5", EngineSpec.Store.CLASSIC);

        final String version;
        final EngineSpec.Store store;

        Where(String version, EngineSpec.Store store) {
            this.version = version;
            this.store = store;
        }

        Workbench open() {
            return new Workbench(version, store, "1", Harness.newFolder());
        }
    }

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String app = "inputs-" + id;

    // ---- The right bytes arrive

    /** moby/moby#51518 */
    @ParameterizedTest
    @EnumSource
    void foldersOfOneBaseNameWithFilesOfOneTimeGetTheirOwnFiles(Where where) throws IOException {
        Workbench bench = where.open();
        for (String name : List.of("alpha", "beta")) {
            bench.write(name + "/7.4/Dockerfile", "FROM busybox\nCOPY who /\n");
            setTime(bench.write(name + "/7.4/who", name.substring(0, 4) + "\n"));
        }
        for (String name : List.of("alpha", "beta")) {
            bench.docker("build", "--tag", app + "-plain-" + name, name + "/7.4").succeeded();
        }
        assertEquals("alph", bench.cat(app + "-plain-beta", "/who"), "control: docker build takes the other's file");
        for (String name : List.of("alpha", "beta")) {
            bench.ensure(app + "-" + name + "=" + name + "/7.4").succeeded();
        }
        assertEquals("alph", bench.cat(app + "-alpha", "/who"));
        assertEquals("beta", bench.cat(app + "-beta", "/who"));
    }

    /** moby/buildkit#5680 */
    @ParameterizedTest
    @EnumSource
    void anEditOfTheSameSizeWithItsTimeSetBackArrives(Where where) throws IOException {
        Workbench bench = where.open();
        bench.write("Dockerfile", "FROM busybox\nCOPY chain /\n");
        setTime(bench.write("chain", "one\n"));
        ensured(bench, "built", app + "=.");
        bench.docker("build", "--tag", app + "-plain", ".").succeeded();
        setTime(bench.write("chain", "two\n"));
        bench.docker("build", "--tag", app + "-plain", ".").succeeded();
        assertEquals("one", bench.cat(app + "-plain", "/chain"), "control: docker build does not see the edit");
        ensured(bench, "rebuilt", app + "=.");
        assertEquals("two", bench.cat(app, "/chain"));
        ensured(bench, "present", app + "=.");
    }

    // ---- What the client brings along

    @Test
    void theIgnoreFileBesideTheDockerfileIsBuildKitsAlone() {
        Workbench bench = new Workbench("28.5", EngineSpec.Store.CONTAINERD, "0", Harness.newFolder());
        bench.write("test.Dockerfile", "FROM busybox\nCOPY . /app/\n");
        bench.write("test.Dockerfile.dockerignore", "data\n");
        bench.write("data", "one\n");
        ensured(bench, "built", app + "=.", "-f", "test.Dockerfile");
        assertEquals("one", bench.cat(app, "/app/data"), "control: the legacy builder sends it");
        bench.write("data", "two\n");
        ensured(bench, "rebuilt", app + "=.", "-f", "test.Dockerfile");
        assertEquals("two", bench.cat(app, "/app/data"));
    }

    @Test
    void proxiesOfDockersConfigurationAreInputsIfTheDockerfileDeclaresThem() throws IOException {
        Workbench bench = Workbench.ofToday();
        Path config = Harness.newFolder();
        Path plugins = Files.createDirectory(config.resolve("cli-plugins"));
        try (Stream<Path> own = Files.list(Path.of(bench.environment().get("DOCKER_CONFIG"), "cli-plugins"))) {
            for (Path each : own.toList()) {
                Files.copy(each, plugins.resolve(each.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        bench.write("uses/Dockerfile", "FROM busybox\nARG HTTP_PROXY\nRUN echo $HTTP_PROXY > /proxy\n");
        bench.write("does-not/Dockerfile", "FROM busybox\nRUN echo > /proxy\n");
        List<String> outcomes = new ArrayList<>();
        for (String proxy : List.of("http://a.test:1", "http://a.test:1", "http://b.test:1")) {
            Harness.write(config.resolve("config.json"),
                    "{\"proxies\":{\"default\":{\"httpProxy\":\"" + proxy + "\"}}}");
            Harness.Result result = bench.ensuring(app + "=uses", app + "-not=does-not").env("DOCKER_CONFIG", config)
                    .run().succeeded();
            result.out().lines().forEach(line -> outcomes.add(line.split(" ")[0]));
        }
        assertEquals(List.of("built", "built", "present", "present", "rebuilt", "present"), outcomes);
        assertEquals("http://b.test:1", bench.cat(app, "/proxy"));
    }

    @Test
    void anotherBuilderMakesAnotherImage() {
        Workbench bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM busybox\nARG TARGETARCH\nRUN echo \"[$TARGETARCH]\" > /arch\n");
        bench.ensuring(app + "=.").env("DOCKER_BUILDKIT", "0").run().succeeded();
        assertEquals("[]", bench.cat(app, "/arch"), "control: the legacy builder does not know it");
        Harness.Result result = ensured(bench, "rebuilt", app + "=.");
        assertTrue(result.err().contains("stale: built by the legacy builder"), result.toString());
        assertNotEquals("[]", bench.cat(app, "/arch"));
    }

    @Test
    void gitLabelsAreThoseOfTheLastCommit() {
        Workbench bench = Workbench.ofToday();
        bench.write("app/Dockerfile", "FROM busybox\nRUN echo hi > /hi\n");
        git(bench, "init", "--quiet");
        commit(bench);
        labelled(bench, "built");
        String first = revision(bench);
        labelled(bench, "present");
        bench.write("other", "");
        commit(bench);
        labelled(bench, "rebuilt");
        assertNotEquals(first, revision(bench));
        labelled(bench, "present");
    }

    private void labelled(Workbench bench, String outcome) {
        Harness.Result result = bench.ensuring(app + "=app").env("BUILDX_GIT_LABELS", "1").run().succeeded();
        assertTrue(result.out().startsWith(outcome + " "), result.toString());
    }

    private String revision(Workbench bench) {
        return bench.docker("image", "inspect", app, "--format",
                "{{index .Config.Labels \"org.opencontainers.image.revision\"}}").succeeded().out();
    }

    private static void commit(Workbench bench) {
        git(bench, "add", ".");
        git(bench, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message", "x");
    }

    private static void git(Workbench bench, String... arguments) {
        bench.command(Stream.concat(Stream.of("git"), Stream.of(arguments)).toArray(String[]::new)).run().succeeded();
    }

    // ---- What no look-up can know

    @ParameterizedTest
    @EnumSource
    void aUrlWithoutChecksumIsAskedForEachTime(Where where) throws IOException {
        Workbench bench = where.open();
        int port = 20_000 + new Random().nextInt(10_000);
        String server = "server-" + id;
        bench.docker("run", "--detach", "--name", server, "--network", "host", "busybox", "sh", "-c",
                "mkdir /w; echo one > /w/tool; printf '#!/bin/sh\nread request\n"
                        + "printf \"HTTP/1.0 200 OK\\\\r\\\\nContent-Length: %%s\\\\r\\\\n\\\\r\\\\n\" $(wc -c < /w/tool)\n"
                        + "cat /w/tool\n' > /w/serve; chmod +x /w/serve; nc -ll -p " + port + " -e /w/serve")
                .succeeded();
        bench.write("Dockerfile", "FROM busybox\nADD http://127.0.0.1:" + port + "/tool /tool\n");
        ensured(bench, "built", app + "=.");
        ensured(bench, "present", app + "=.");
        assertTrue(bench.ensure("--check", app + "=.").succeeded().out().startsWith("present "));
        bench.docker("exec", server, "sh", "-c", "echo two-new > /w/tool").succeeded();
        bench.ensure("--check", app + "=.").expect(11);
        ensured(bench, "rebuilt", app + "=.");
        assertEquals("two-new", bench.cat(app, "/tool"));
        ensured(bench, "present", app + "=.");
        theTagIsSetAgainIfItIsRemovedWhileDockerIsAsked(bench);
        bench.docker("rm", "--force", server).succeeded();
    }

    private void theTagIsSetAgainIfItIsRemovedWhileDockerIsAsked(Workbench bench) {
        bench.docker("tag", app, "kept-" + app).succeeded();
        try (Gate gate = Gate.after(bench);
                Harness.Running asking = bench.ensuring("--docker", gate.client(), app + "=.").start()) {
            gate.await(1);
            bench.docker("image", "rm", app).succeeded();
            gate.open();
            Harness.Result result = asking.await().succeeded();
            assertTrue(result.out().startsWith("present "), result.toString());
        }
        assertEquals(bench.imageId("kept-" + app), bench.imageId(app));
    }

    // ---- Bases and architectures

    @ParameterizedTest
    @EnumSource
    void aBaseThatSomethingElseReplacesMakesAnImageStale(Where where) {
        Workbench bench = where.open();
        String base = "base-" + id;
        for (String content : List.of("one", "two")) {
            bench.write("base/Dockerfile", "FROM busybox\nRUN echo " + content + " > /base\n");
            bench.docker("build", "--tag", base, "base").succeeded();
            bench.write("app/Dockerfile", "FROM " + base + "\nRUN cp /base /app\n");
            Harness.Result result = bench.ensure(app + "=app").succeeded();
            if (content.equals("two")) {
                assertTrue(result.err().contains("base image " + base + ":latest has changed"),
                        result.toString());
            }
            assertEquals(content, bench.cat(app, "/app"));
            ensured(bench, "present", app + "=app");
        }
        bench.docker("image", "rm", "--force", base).succeeded();
        ensured(bench, "present", app + "=app"); // a base that is gone is no reason to build
    }

    @Test
    void anImageOfAnotherArchitectureIsNotTheOneWanted() {
        Workbench bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM scratch\nCOPY run /run\n");
        bench.write("run", "x");
        ensured(bench, "built", app + "=.");
        String labels = bench.docker("image", "inspect", app, "--format",
                "{{range $name, $value := .Config.Labels}}{{$name}}={{$value}}\n{{end}}").succeeded().out();
        List<String> build = new ArrayList<>(List.of("build", "--platform", "linux/s390x", "--tag", app));
        labels.lines().filter(line -> !line.isBlank()).forEach(label -> build.addAll(List.of("--label", label)));
        build.add(".");
        bench.docker("image", "rm", "--force", app).succeeded();
        bench.docker(build.toArray(String[]::new)).succeeded();
        Harness.Result result = ensured(bench, "rebuilt", app + "=.");
        assertTrue(result.err().contains("architecture is linux/s390x, not linux/"), result.toString());
        ensured(bench, "present", app + "=.");
    }

    @Test
    void aBuildThatGivesAnotherArchitectureByItselfIsCurrent() {
        Workbench bench = Workbench.ofToday();
        bench.write("arm/Dockerfile", "FROM scratch\nCOPY run /run\n");
        bench.write("arm/run", "x");
        bench.docker("build", "--platform", "linux/arm64", "--tag", app + "-arm", "arm").succeeded();
        bench.write("app/Dockerfile", "FROM --platform=linux/arm64 " + app + "-arm\nCOPY more /more\n");
        bench.write("app/more", "y");
        ensured(bench, "built", app + "=app");
        ensured(bench, "present", app + "=app");
    }

    // ---- What is no input

    @Test
    void whatNoBuildSeesIsNoInput() {
        Workbench bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM busybox AS base\nCOPY src /src\nFROM base AS test\nCOPY tests /tests\n"
                + "COPY not-there /x\nFROM base\nARG USED\nRUN echo $USED > /used\n");
        bench.write("src/a", "1");
        bench.write("tests/t", "1");
        ensured(bench, "built", app + "=.", "--build-arg", "BUILD_ID=1", "--build-arg", "USED=1");
        bench.write("tests/t", "2");
        ensured(bench, "present", app + "=.", "--build-arg", "BUILD_ID=2", "--build-arg", "USED=1", "--",
                "--progress=plain", "--cache-from", "type=local,src=/nonexistent");
        Harness.Result result = ensured(bench, "rebuilt", app + "=.", "--build-arg", "USED=2");
        assertTrue(result.err().contains("build argument changed (USED)"), result.toString());
        assertEquals("2", bench.cat(app, "/used"));
    }

    @ParameterizedTest
    @EnumSource
    void aNamedContextCountsByItsContentUnderItsOwnIgnoreFile(Where where) {
        Workbench bench = where.open();
        for (String checkout : List.of("one", "two")) {
            bench.write(checkout + "/app/Dockerfile", "FROM busybox\nCOPY --from=shared . /shared/\n");
            bench.write(checkout + "/shared/lib", "1");
            bench.write(checkout + "/shared/.dockerignore", "junk\n");
        }
        ensured(bench, "built", app + "=one/app", "--", "--build-context", "shared=one/shared");
        bench.write("one/shared/junk", "");
        ensured(bench, "present", app + "=one/app", "--", "--build-context", "shared=one/shared");
        ensured(bench, "present", app + "=two/app", "--", "--build-context",
                "shared=" + bench.folder.resolve("two/shared"));
        bench.write("two/shared/lib", "2");
        ensured(bench, "rebuilt", app + "=two/app", "--", "--build-context", "shared=two/shared");
        assertEquals("2", bench.cat(app, "/shared/lib"));
    }

    // ---- Names

    @Test
    void aFolderNamedLikeAVendorsImageIsNotThatImage() {
        Workbench bench = Workbench.ofToday();
        String vendor = "vendor-" + id;
        bench.docker("tag", "busybox", vendor + ":16").succeeded();
        String before = bench.imageId(vendor + ":16");
        bench.write("images/" + vendor + "/Dockerfile", "FROM " + vendor + ":16\nRUN echo ours > /who\n");
        bench.write("images/api-" + id + "/Dockerfile", "FROM " + vendor + ":16\nRUN echo api > /api\n");
        ensured(bench, "built", vendor + ":test");
        assertEquals("ours", bench.cat(vendor + ":test", "/who"));
        bench.ensure("--all").succeeded();
        assertEquals("api", bench.cat("api-" + id, "/api"));
        assertEquals(before, bench.imageId(vendor + ":16"), "the vendor's image");
        assertEquals("ours", bench.cat(vendor + ":latest", "/who"));
    }

    @Test
    void aDockerfileInLowerCaseIsFound() {
        Workbench bench = Workbench.ofToday();
        bench.write("dockerfile", "FROM busybox\nRUN echo ok > /ok\n");
        ensured(bench, "built", app + "=.");
        assertEquals("ok", bench.cat(app, "/ok"));
    }

    // ---- Inputs that move

    @Test
    void inputsThatAreWrittenAllTheTimeAreBuiltFromACopy() throws Exception {
        Workbench bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM busybox\nRUN sleep 2; echo " + id + "\nCOPY . /app/\n");
        Path log = bench.write("app.log", "0\n");
        Thread writer = new Thread(() -> {
            for (int i = 1; !Thread.interrupted(); i++) {
                replace(log, i + "\n");
                LockSupport.parkNanos(5_000_000);
            }
        });
        writer.start();
        try {
            Harness.Result result = ensured(bench, "built", app + "=.");
            assertTrue(result.err().contains("its inputs changed while it was built"), "control: " + result);
        } finally {
            writer.interrupt();
            writer.join();
        }
        assertTrue(bench.cat(app, "/app/app.log").matches("\\d+"), bench.cat(app, "/app/app.log"));
    }

    // ---- Tools

    private static Harness.Result ensured(Workbench bench, String outcome, String... arguments) {
        Harness.Result result = bench.ensure(arguments).succeeded();
        assertTrue(result.out().startsWith(outcome + " "), outcome + " was expected: " + result);
        return result;
    }

    /** At once, so that the file is never seen half written. */
    private static void replace(Path file, String text) {
        try {
            Files.move(Harness.write(file.resolveSibling("." + file.getFileName()), text), file,
                    StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path setTime(Path file) throws IOException {
        return Files.setLastModifiedTime(file, FileTime.from(Instant.parse("2024-05-24T09:07:57.582709305Z")));
    }
}
