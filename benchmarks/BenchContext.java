// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** The image is there and current, and its context is large. */
final class BenchContext {
    private static final String UNCACHED = BenchStage.INSTALLED + ", nothing cached";
    private static final String SMALL = BenchStage.INSTALLED + ", a small context";
    private static final String HASH = "sha256sum, two at once";
    private static final String SCRIPT = """
            find "$1" -type f -print0 | xargs -0 -P 2 -n 500 sha256sum
            """;
    private static final String STALE = BenchStage.INSTALLED + ", --check";
    private static final String GIT = "git status";
    /** The exit status is that of what was asked for. */
    private static final String EXPECT = """
            status=$1
            shift
            "$@"
            test $? -eq "$status"
            """;
    /** Longer than a file must have kept still for an index to have it, with Linux's ordinary settings. */
    private static final Duration SETTLED = Duration.ofSeconds(75);
    private static final int MANY = 100; // files; a smaller context has no index
    private static final int LARGEST_PROCESS = 256; // MB
    private static final int FOLDERS = 10;
    private static final long SEED = 1;
    private final BenchStage stage;
    private final String marker;
    private final Path tree;
    private final Path cache;
    private final Path smallFolder;
    private final String small;

    private BenchContext(BenchStage stage, String copy) {
        this.stage = stage;
        this.marker = stage.fresh();
        this.tree = stage.folder.resolve("context-" + marker);
        this.cache = stage.folder.resolve("no-cache-" + marker);
        this.smallFolder = BenchWarm.folder(stage, marker);
        this.small = "bench-context:small-" + marker;
        BenchStage.dockerfile(tree.resolve("Dockerfile"), BenchStage.BASE, marker, copy);
    }

    /**
     * @param files in {@value #FOLDERS} folders of the context
     * @param size of each, in bytes
     * @param ignored size of a folder that is ignored, in bytes
     */
    static List<BenchScene> scenes(BenchStage stage, int files, int size, long ignored) throws IOException {
        BenchContext one = new BenchContext(stage, "COPY 0/0 /file");
        BenchContext some = new BenchContext(stage, "COPY 1/ /folder/");
        BenchContext all = new BenchContext(stage, "COPY . /all/");
        BenchContext edited = new BenchContext(stage, "COPY . /all/");
        BenchContext little = new BenchContext(stage, "COPY . /all/");
        all.write(files, size);
        edited.write(files, size);
        one.writeAs(all);
        some.writeAs(all);
        if (files >= MANY) {
            pause(SETTLED);
        }
        little.writeIgnored(ignored);
        String what = files + " files, ";
        return List.of(
                one.scene(what + "one copied", false, new BenchTarget.Time(BenchStage.INSTALLED, 1.1, SMALL)),
                some.scene(what + "a folder copied", false,
                        new BenchTarget.Time(BenchStage.INSTALLED, 1.0, BenchStage.BUILD)),
                all.scene(what + "all copied, nothing changed", true,
                        new BenchTarget.Time(BenchStage.INSTALLED, 0.25, BenchStage.BUILD),
                        new BenchTarget.Time(UNCACHED, 0.5, HASH), new BenchTarget.Memory(UNCACHED, LARGEST_PROCESS)),
                edited.stale(what + "one of them edited, until it is known to be stale"),
                little.scene(ignored / 1_000_000 + " MB ignored", false,
                        new BenchTarget.Time(BenchStage.INSTALLED, 1.1, SMALL)));
    }

    /** The same files, not written twice. */
    private void writeAs(BenchContext other) throws IOException {
        for (int i = 0; i < FOLDERS; i++) {
            String name = Integer.toString(i);
            Path folder = Files.createDirectories(tree.resolve(name));
            try (Stream<Path> files = Files.list(other.tree.resolve(name))) {
                for (Path file : files.toList()) {
                    Files.createLink(folder.resolve(file.getFileName()), file);
                }
            }
        }
    }

    private void write(int files, int size) throws IOException {
        Random random = new Random(SEED);
        byte[] content = new byte[size];
        for (int i = 0; i < files; i++) {
            Path folder = tree.resolve(Integer.toString(i % FOLDERS));
            if (i < FOLDERS) {
                Files.createDirectories(folder);
            }
            random.nextBytes(content);
            Files.write(folder.resolve(Integer.toString(i / FOLDERS)), content);
        }
    }

    /** It takes no room on the disk, and as long to read as one that does from memory. */
    private void writeIgnored(long size) throws IOException {
        Harness.write(tree.resolve("file"), marker);
        Harness.write(tree.resolve(".dockerignore"), "ignored\n");
        Path ignored = Files.createDirectories(tree.resolve("ignored"));
        int files = 20;
        for (int i = 0; i < files; i++) {
            try (var file = new RandomAccessFile(ignored.resolve(Integer.toString(i)).toFile(), "rw")) {
                file.setLength(size / files);
            }
        }
    }

    private BenchScene scene(String title, boolean hashed, BenchTarget... targets) throws IOException {
        List<BenchScene.Way> ways = new ArrayList<>();
        String jar = "bench-context:jar-" + marker;
        List<String> ensure = stage.installed(jar + "=" + tree);
        ways.add(way(BenchStage.INSTALLED, ensure, BenchStage.present(stage.holds(jar, marker))));
        ways.add(new BenchScene.Way(UNCACHED, () -> {
            if (Files.exists(cache)) {
                Harness.delete(cache);
            }
            var launch = stage.launch(ensure, stage.folder, Map.of("XDG_CACHE_HOME", cache.toString()));
            return new BenchScene.Trial(List.of(launch), BenchStage.present(stage.holds(jar, marker)));
        }));
        ways.add(
                way(SMALL, stage.installed(small + "=" + smallFolder), BenchStage.present(stage.holds(small, marker))));
        String built = "bench-context:build-" + marker;
        ways.add(
                way(BenchStage.BUILD, stage.docker("build", "-t", built, tree.toString()), stage.holds(built, marker)));
        if (hashed) {
            ways.add(way(HASH, stage.shell("hash", SCRIPT, tree.toString()), outcome -> {}));
        }
        return new BenchScene("context: " + title, ways, BenchStage.BUILD, List.of(targets));
    }

    /** Each time another edit, of which nothing is known yet. */
    private BenchScene stale(String title) throws IOException {
        String image = "bench-context:stale-" + marker;
        Path repository = stage.folder.resolve("git-" + marker);
        List<String> git = List.of("git", "--git-dir=" + repository, "--work-tree=" + tree);
        stage.once(with(git, "init", "--quiet"));
        stage.once(with(git, "add", "--all"));
        stage.once(stage.installed(image + "=" + tree));
        List<String> check = with(stage.shell("expect", EXPECT, "11"),
                stage.installed("--check", image + "=" + tree).toArray(String[]::new));
        List<String> status = with(with(stage.shell("expect", EXPECT, "0"), git.toArray(String[]::new)), "status",
                "--porcelain");
        return new BenchScene("context: " + title, List.of(
                new BenchScene.Way(STALE, () -> afterAnEdit(check, "stale ")),
                new BenchScene.Way(GIT, () -> afterAnEdit(status, "AM 0/0\n"))), GIT,
                List.of(new BenchTarget.Time(STALE, 2, GIT)));
    }

    /** @param said what its output has */
    private BenchScene.Trial afterAnEdit(List<String> line, String said) throws IOException {
        byte[] content = new byte[(int) Files.size(tree.resolve("0/0"))];
        new Random().nextBytes(content);
        Files.write(tree.resolve("0/0"), content);
        return new BenchScene.Trial(stage.launches(1, line), outcome -> {
            for (Harness.Result result : outcome.results()) {
                if (!result.out().contains(said)) {
                    throw new BenchScene.Wrong(outcome.who() + ": the edit was not seen: " + result);
                }
            }
        });
    }

    private static List<String> with(List<String> line, String... more) {
        return Stream.concat(line.stream(), Stream.of(more)).toList();
    }

    private static void pause(Duration time) throws IOException {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            throw new InterruptedIOException();
        }
    }

    private BenchScene.Way way(String name, List<String> line, BenchScene.Check check) {
        stage.once(line);
        return new BenchScene.Way(name, () -> new BenchScene.Trial(stage.launches(1, line), check));
    }
}
