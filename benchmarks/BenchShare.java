// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Machines that share images through a registry. There is one engine: before a trial on a second machine, it loses its
 * images and its build cache, and ensure_image what it has learnt.
 */
final class BenchShare {
    private static final String REBUILD = BenchStage.BUILD;
    private static final String MAX = "--cache-from, mode=max";
    private static final String INLINE = "--cache-from, inline";
    private static final String PULL = "docker pull, docker tag";
    private static final String SHARE = "--share";
    private static final String SHARE_PULL = "--share --share-only pull";
    private static final String ALONE = "without --share";
    private static final double FRACTION = 0.6;
    private static final double NOTHING = 1.1;

    private final BenchStage stage;
    private final String registry;
    private final double step;
    private final int layer;

    private BenchShare(BenchStage stage, String registry, double step, int layer) {
        this.stage = stage;
        this.registry = registry;
        this.step = step;
        this.layer = layer;
    }

    /**
     * Starts the registry.
     *
     * @param step seconds that each of four build steps takes
     * @param layer bytes that each adds
     */
    static List<BenchScene> scenes(BenchStage stage, double step, int layer) throws Exception {
        BenchShare share = new BenchShare(stage, stage.startRegistry(), step, layer);
        return List.of(share.second(), share.edited(), share.missed(), share.warm());
    }

    /** A folder and what is built from it, wherever it is kept. */
    private record Fresh(Path folder, String marker) {
        String image() {
            return "bench-share:" + marker;
        }
    }

    private Fresh fresh() {
        Fresh fresh = new Fresh(stage.folder.resolve("share").resolve(stage.fresh()), stage.fresh());
        String make = "RUN sleep " + step + " && head -c " + layer + " /dev/urandom > /layer-";
        Harness.write(fresh.folder.resolve("file"), fresh.marker);
        Harness.write(fresh.folder.resolve("first"), fresh.marker);
        Harness.write(fresh.folder.resolve("Dockerfile"), String.join("\n", "FROM " + BenchStage.BASE,
                "COPY first /first", make + 1, make + 2, make + 3, make + 4, "COPY file /file",
                "LABEL " + BenchStage.LABEL + "=" + fresh.marker) + "\n");
        return fresh;
    }

    // ---- What a machine runs

    private List<String> ensure(Fresh fresh, String... options) {
        return stage.installed(Stream.concat(Arrays.stream(options), Stream.of(fresh.image() + "=" + fresh.folder))
                .toArray(String[]::new));
    }

    /** As no witness speaks on 26.1, which would share nothing else. */
    private List<String> sharing(Fresh fresh, String... options) {
        return ensure(fresh, Stream.concat(Stream.of("--share-all", "--share", registry + "/ensured"),
                Arrays.stream(options)).toArray(String[]::new));
    }

    private List<String> build(Fresh fresh, String... options) {
        return stage.docker(Stream.of(Stream.of("build", "-t", fresh.image()), Arrays.stream(options),
                Stream.of(fresh.folder.toString())).flatMap(words -> words).toArray(String[]::new));
    }

    private String cache(String kind, Fresh fresh) {
        return "type=registry,ref=" + registry + "/" + kind + ":" + fresh.marker;
    }

    private String inline(Fresh fresh) {
        return registry + "/inline:" + fresh.marker;
    }

    private List<String> pull(Fresh fresh) throws IOException {
        return stage.shell("pull", "docker pull -q \"$1\" && docker tag \"$1\" \"$2\"\n",
                registry + "/tags:" + fresh.marker, fresh.image());
    }

    /** Leaves nothing of it on the machine. */
    private void empty(Fresh fresh) throws IOException {
        for (String image : List.of(fresh.image(), registry + "/tags:" + fresh.marker)) {
            stage.run("image", "rm", "--force", image);
        }
        stage.run("builder", "prune", "--all", "--force").succeeded();
        stage.forgetLessons();
    }

    // ---- Scenes

    /** The first machine has built and shared it, in each of the ways. */
    private BenchScene second() throws IOException {
        Fresh fresh = fresh();
        shareInAllWays(fresh);
        List<BenchScene.Way> ways = new ArrayList<>();
        ways.add(saying("pulled ", way(SHARE, () -> fresh, this::sharing)));
        ways.add(way(REBUILD, () -> fresh, this::build));
        ways.add(way(MAX, () -> fresh, each -> build(each, "--cache-from", cache("max", each))));
        ways.add(way(INLINE, () -> fresh, each -> build(each, "--cache-from", cache("inline", each))));
        ways.add(way(PULL, () -> fresh, this::pull));
        return new BenchScene("share: a second machine, empty", ways, REBUILD,
                List.of(new BenchTarget.Time(SHARE, FRACTION, MAX), new BenchTarget.Time(SHARE, FRACTION, INLINE)));
    }

    private void shareInAllWays(Fresh fresh) throws IOException {
        stage.once(sharing(fresh));
        stage.once(build(fresh, "--cache-to", cache("max", fresh) + ",mode=max"));
        stage.once(stage.docker("build", "-t", inline(fresh), "--cache-to", "type=inline",
                fresh.folder.toString()));
        stage.once(stage.docker("push", "-q", inline(fresh)));
        stage.once(stage.docker("tag", fresh.image(), registry + "/tags:" + fresh.marker));
        stage.once(stage.docker("push", "-q", registry + "/tags:" + fresh.marker));
        stage.run("image", "rm", "--force", inline(fresh));
    }

    /** After that, its last file was edited. */
    private BenchScene edited() throws IOException {
        Fresh first = fresh();
        shareInAllWays(first);
        empty(first);
        Edits edits = () -> {
            Harness.write(first.folder.resolve("file"), stage.fresh());
            return first;
        };
        return new BenchScene("share: another machine, empty, after an edit of the last file", List.of(
                way(SHARE, edits, this::sharing),
                way(REBUILD, edits, this::build),
                way(MAX, edits, each -> build(each, "--cache-from", cache("max", each))),
                way(INLINE, edits, each -> build(each, "--cache-from", cache("inline", each)))), REBUILD,
                List.of(new BenchTarget.Time(SHARE, 1.0, REBUILD)));
    }

    /** No machine has it, but its first layers are in the engine and in the registry. */
    private BenchScene missed() {
        Fresh first = fresh();
        stage.once(sharing(first));
        Edits edits = () -> {
            Harness.write(first.folder.resolve("file"), stage.fresh());
            stage.run("image", "rm", "--force", first.image());
            return first;
        };
        return new BenchScene("share: a miss, all but the last layer is there", List.of(
                keeping(ALONE, edits, this::ensure), keeping(SHARE_PULL, edits, each -> sharing(each, "--share-only",
                        "pull")),
                keeping(SHARE, edits, this::sharing)), ALONE, List.of(new BenchTarget.Time(SHARE_PULL, 1.1, ALONE)));
    }

    /** It is there and current: the registry is not asked. */
    private BenchScene warm() {
        Fresh fresh = fresh();
        stage.once(ensure(fresh));
        return new BenchScene("share: present", List.of(
                saying("present ", keeping(ALONE, () -> fresh, this::ensure)),
                saying("present ", keeping(SHARE, () -> fresh, this::sharing))), ALONE,
                List.of(new BenchTarget.Time(SHARE, NOTHING, ALONE)));
    }

    // ---- Ways

    private interface Edits {
        Fresh next() throws IOException;
    }

    private interface Commands {
        List<String> of(Fresh fresh) throws IOException;
    }

    /** On an empty machine. */
    private BenchScene.Way way(String name, Edits edits, Commands commands) {
        return keeping(name, () -> {
            Fresh fresh = edits.next();
            empty(fresh);
            return fresh;
        }, commands);
    }

    /** Besides, that this was its outcome: if it built, its time is that of something else. */
    private static BenchScene.Way saying(String outcome, BenchScene.Way way) {
        return new BenchScene.Way(way.name(), () -> {
            BenchScene.Trial trial = way.preparation().prepare();
            return new BenchScene.Trial(trial.launches(), ended -> {
                for (Harness.Result result : ended.results()) {
                    if (!result.out().startsWith(outcome)) {
                        throw new BenchScene.Wrong(ended.who() + ": it is not '" + outcome + "': " + result);
                    }
                }
                trial.check().check(ended);
            });
        });
    }

    private BenchScene.Way keeping(String name, Edits edits, Commands commands) {
        return new BenchScene.Way(name, () -> {
            Fresh fresh = edits.next();
            return new BenchScene.Trial(stage.launches(1, commands.of(fresh)),
                    stage.holds(fresh.image(), fresh.marker));
        });
    }
}
