// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.ThrowawayEngine;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code --docker podman}: another command line, and no engine at all, but the same promise. */
class PodmanTest {

    private static final String APP = "podman-app";
    private final Path folder = Harness.newFolder();
    private Map<String, String> environment;

    /** Podman with images of its own, on any file system and without cgroups. */
    @BeforeEach
    void preparePodman() throws Exception {
        Harness.machine().require("podman", ThrowawayEngine.Progress.NONE);
        Path storage = Harness.write(folder.resolve("storage.conf"), "[storage]\ndriver = \"vfs\"\ngraphroot = \""
                + folder.resolve("images-of-podman") + "\"\nrunroot = \"" + folder.resolve("run") + "\"\n");
        environment = Map.of("CONTAINERS_STORAGE_CONF", storage.toString(), "BUILDAH_ISOLATION", "chroot",
                "XDG_CACHE_HOME", folder.resolve("cache").toString());
        Workbench bench = Workbench.ofToday();
        Path busybox = folder.resolve("busybox.tar");
        bench.docker("image", "save", "--output", busybox.toString(), "busybox").succeeded();
        podman("load", "--input", busybox.toString()).succeeded();
    }

    @Test
    void anImageIsBuiltThenPresentAndBuiltAgainWhenItsFolderChanged() {
        context("one");
        String id = ensured("built");
        assertEquals(id, ensured("present"), "the ID is written alike");
        context("two");
        String second = ensured("rebuilt");
        assertEquals("two", content(second));
        assertEquals("one", content(id), "the ID stays good");
    }

    @Test
    void manyAtOnceAllSucceed() {
        context("many");
        for (Harness.Result result : Harness.together(4, i -> ensuring())) {
            result.succeeded();
        }
        assertEquals("many", content(ensured("present")));
    }

    @Test
    void aStepThatFailsSayingAlreadyExistsIsAFailure() {
        Harness.write(folder.resolve("images/" + APP + "/Dockerfile"),
                "FROM docker.io/library/busybox\nRUN echo \"useradd: user 'app' already exists\"; exit 9\n");
        assertTrue(ensuring().run().expect(10).err().contains("build failed: " + APP + ":latest"));
    }

    private void context(String content) {
        Harness.write(folder.resolve("images/" + APP + "/Dockerfile"),
                "FROM docker.io/library/busybox\nCOPY file /file\nRUN echo done\n");
        Harness.write(folder.resolve("images/" + APP + "/file"), content);
    }

    /** Runs it and returns the ID that it prints. */
    private String ensured(String outcome) {
        List<String> words = List.of(ensuring().run().succeeded().out().split(" +"));
        assertEquals(outcome, words.get(0), words.toString());
        return words.get(2).strip();
    }

    private Harness.Command ensuring() {
        return Harness.script("ensure_image", "--docker", "podman", APP).in(folder).env(environment);
    }

    /** Read without a container, which podman cannot run everywhere. */
    private String content(String id) {
        Path mounted = Path.of(podman("image", "mount", id).succeeded().out().strip());
        try {
            return Harness.command("cat", mounted.resolve("file").toString()).run().succeeded().out();
        } finally {
            podman("image", "unmount", id);
        }
    }

    private Harness.Result podman(String... arguments) {
        return Harness.command(Stream.concat(Stream.of("podman"),
                Stream.of(arguments)).toArray(String[]::new)).env(environment).run();
    }
}
