// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The image is there and current: how long a user waits who changed nothing. */
final class BenchWarm {
    private static final String COMPOSE = "docker compose build";
    private static final String INSPECT = "docker image inspect";
    private static final String JVM = "bare JVM start";
    private static final String JBANGW = "jbangw";
    private static final String PLUGIN = "docker ensure";
    private static final String ON_JAVA = BenchStage.INSTALLED + ", Java ";
    private final BenchStage stage;
    private final int processes;
    private final Path context;
    private final String marker;

    private BenchWarm(BenchStage stage, int processes) {
        this.stage = stage;
        this.processes = processes;
        this.marker = stage.fresh();
        this.context = folder(stage, marker);
    }

    /** A small folder with an image's Dockerfile. */
    static Path folder(BenchStage stage, String marker) {
        Path context = stage.folder.resolve("warm-" + marker);
        Harness.write(context.resolve("file"), marker);
        BenchStage.dockerfile(context.resolve("Dockerfile"), BenchStage.BASE, marker, "COPY file /file",
                "RUN cat /file");
        return context;
    }

    /** One process of each, or so many at once. */
    static BenchScene scene(BenchStage stage, int processes) throws IOException {
        return new BenchWarm(stage, processes).scene();
    }

    private BenchScene scene() throws IOException {
        String ensured = image("ensured");
        String ensure = ensured + "=" + context;
        BenchScene.Check holds = stage.holds(ensured, marker);
        stage.once(stage.installed(ensure));
        List<BenchScene.Way> ways = new ArrayList<>();
        ways.add(way(BenchStage.INSTALLED, stage.installed(ensure), BenchStage.present(holds)));
        ways.add(way(PLUGIN, stage.plugin(ensure), BenchStage.present(holds)));
        for (Map.Entry<String, Path> java : BenchStage.otherJavas().entrySet()) {
            List<String> line = stage.installedOn(java.getValue(), ensure);
            stage.once(line);
            ways.add(way(ON_JAVA + java.getKey(), line, BenchStage.present(holds)));
        }
        ways.add(way(JBANGW, stage.jbangw(ensure), BenchStage.present(holds)));
        ways.add(way("plain jbang", stage.jbang(ensure), BenchStage.present(holds)));
        ways.add(building(BenchStage.BUILD, image("build"),
                stage.docker("build", "-t", image("build"), context.toString())));
        Path bake = BenchFiles.bake(file("bake"), 1, context, image("bake"));
        ways.add(building(BenchStage.BAKE, image("bake"), stage.docker("buildx", "bake", "-f", bake.toString())));
        Path compose = BenchFiles.compose(file("compose"), 1, context, image("compose"));
        ways.add(building(COMPOSE, image("compose"), stage.docker("compose", "-f", compose.toString(), "build")));
        ways.add(way(INSPECT, stage.docker("image", "inspect", ensured), holds));
        ways.add(way(JVM, stage.bareJvm(), outcome -> {}));
        return new BenchScene(processes == 1 ? "warm" : "warm, " + processes + " at once", ways, BenchStage.BUILD,
                targets(ways));
    }

    /** From Java 25 on there is the AOT cache. */
    private static double target(int java) {
        return java >= 25 ? 0.35 : 0.5;
    }

    private List<BenchTarget> targets(List<BenchScene.Way> ways) {
        if (processes == 1) {
            List<BenchTarget> targets = new ArrayList<>(List.of(
                    new BenchTarget.Time(BenchStage.INSTALLED, target(Runtime.version().feature()), BenchStage.BUILD),
                    new BenchTarget.Time(JBANGW, 1.5, BenchStage.BUILD)));
            ways.stream().map(BenchScene.Way::name).filter(name -> name.startsWith(ON_JAVA))
                    .forEach(name -> targets.add(new BenchTarget.Time(name,
                            target(Integer.parseInt(name.substring(ON_JAVA.length()))), BenchStage.BUILD)));
            return targets;
        }
        return ways.stream().map(BenchScene.Way::name)
                .filter(List.of(BenchStage.BUILD, BenchStage.BAKE, COMPOSE)::contains)
                .<BenchTarget>map(rival -> new BenchTarget.Time(BenchStage.INSTALLED, 1.0, rival)).toList();
    }

    /** Its image is built now, by one process, so that no build races. */
    private BenchScene.Way building(String name, String image, List<String> line) {
        stage.once(line);
        return way(name, line, stage.holds(image, marker));
    }

    private BenchScene.Way way(String name, List<String> line, BenchScene.Check check) {
        return new BenchScene.Way(name, () -> new BenchScene.Trial(stage.launches(processes, line), check));
    }

    /** Each builder has an image of its own, for it gives the name to another image each time. */
    private String image(String way) {
        return "bench-warm:" + way + "-" + marker;
    }

    private Path file(String name) {
        return stage.folder.resolve(name + "-" + marker + ".json");
    }
}
