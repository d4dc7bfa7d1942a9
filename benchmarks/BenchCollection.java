// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Many images, on several levels: each but the root is built from one of the level above. */
final class BenchCollection {
    private static final String JAR = BenchStage.INSTALLED + ", --all";
    /** What everything has that is built on the root: labels are inherited. */
    private static final String ROOT_LABEL = BenchStage.LABEL + ".root";
    private final BenchStage stage;
    private final String prefix;
    private final Path images;
    private final Path bake;
    /** The base of each image, bases first. */
    private final Map<String, String> bases = new LinkedHashMap<>();
    private final Map<String, String> markers = new LinkedHashMap<>();

    private BenchCollection(BenchStage stage, List<Integer> levels) {
        this.stage = stage;
        this.prefix = "bench-" + stage.fresh();
        this.images = stage.folder.resolve(prefix).resolve("images");
        List<String> above = List.of(BenchStage.BASE);
        for (int level = 0; level < levels.size(); level++) {
            List<String> names = new ArrayList<>();
            for (int i = 0; i < levels.get(level); i++) {
                String name = prefix + "-" + level + "-" + i;
                bases.put(name, above.get(i % above.size()));
                names.add(name);
                write(name);
            }
            above = names;
        }
        this.bake = BenchFiles.bake(stage.folder.resolve(prefix + ".json"), targets());
    }

    /** @param levels how many images each has */
    static List<BenchScene> scenes(BenchStage stage, List<Integer> levels) throws IOException {
        BenchCollection collection = new BenchCollection(stage, levels);
        List<String> names = List.copyOf(collection.bases.keySet());
        String what = "collection of " + names.size() + " in " + levels.size() + " levels, ";
        collection.launch(collection.ensure()).command().run().succeeded();
        collection.launch(collection.bake()).command().run().succeeded();
        return List.of(collection.scene(what + "all current", null, 0.2),
                collection.scene(what + "one leaf changed", names.get(names.size() - 1), 1.0),
                collection.scene(what + "the root changed", names.get(0), 1.1));
    }

    private void write(String name) {
        String marker = stage.fresh();
        markers.put(name, marker);
        boolean root = bases.get(name).equals(BenchStage.BASE);
        Path folder = images.resolve(name);
        Harness.write(folder.resolve("file"), marker);
        BenchStage.dockerfile(folder.resolve("Dockerfile"), bases.get(name), marker,
                root ? "LABEL " + ROOT_LABEL + "=" + marker : "", "COPY file /" + name, "RUN cat /" + name);
    }

    /** The same folders, and names of its own. */
    private Map<String, String> targets() {
        Map<String, String> targets = new LinkedHashMap<>();
        bases.forEach((name, base) -> targets.put(name, "{\"context\": \"%s\", \"tags\": [\"%s\"]%s}".formatted(
                images.resolve(name), baked(name), base.equals(BenchStage.BASE) ? ""
                        : ", \"contexts\": {\"%1$s\": \"target:%1$s\"}".formatted(base))));
        return targets;
    }

    private static String baked(String name) {
        return "baked-" + name;
    }

    private List<String> ensure() {
        return stage.installed("--all");
    }

    /** Where a user starts it: in the folder that holds {@code images}. */
    private BenchStage.Launch launch(List<String> line) {
        return stage.launch(line, images.getParent());
    }

    private List<String> bake() {
        return stage.docker("buildx", "bake", "-f", bake.toString());
    }

    /**
     * One case.
     *
     * @param changed before each turn; null for none
     * @param most of what bake takes
     */
    private BenchScene scene(String title, String changed, double most) {
        var ways = List.of(way(JAR, ensure(), changed, false), way(BenchStage.BAKE, bake(), changed, true));
        return new BenchScene(title, ways, BenchStage.BAKE, List.of(new BenchTarget.Time(JAR, most, BenchStage.BAKE)));
    }

    private BenchScene.Way way(String name, List<String> line, String changed, boolean baked) {
        return new BenchScene.Way(name, () -> {
            if (changed != null) {
                write(changed);
            }
            BenchScene.Check holds = stage.holds(expected(baked));
            return new BenchScene.Trial(List.of(launch(line)),
                    changed == null && !baked ? BenchStage.present(holds) : holds);
        });
    }

    private Map<String, Map<String, String>> expected(boolean baked) {
        String root = markers.values().iterator().next();
        Map<String, Map<String, String>> expected = new LinkedHashMap<>();
        markers.forEach((name, marker) -> expected.put(baked ? baked(name) : name,
                Map.of(BenchStage.LABEL, marker, ROOT_LABEL, root)));
        return expected;
    }
}
