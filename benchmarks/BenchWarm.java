import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The image is there and current: what a user waits for who changed nothing. */
final class BenchWarm {
    private static final String COMPOSE = "docker compose build";
    private static final String INSPECT = "docker image inspect";
    private static final String JVM = "bare JVM start";
    private static final String JBANGW = "jbangw";
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
        stage.once(stage.exported(ensure));
        List<BenchScene.Way> ways = new ArrayList<>();
        ways.add(way(BenchStage.JAR, stage.exported(ensure), BenchStage.present(holds)));
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

    private List<BenchTarget> targets(List<BenchScene.Way> ways) {
        if (processes == 1) {
            return List.of(new BenchTarget.Time(BenchStage.JAR, 0.5, BenchStage.BUILD),
                    new BenchTarget.Time(BenchStage.JAR, 1.5, JVM, INSPECT),
                    new BenchTarget.Time(JBANGW, 1.5, BenchStage.BUILD));
        }
        return ways.stream().map(BenchScene.Way::name)
                .filter(List.of(BenchStage.BUILD, BenchStage.BAKE, COMPOSE)::contains)
                .<BenchTarget>map(rival -> new BenchTarget.Time(BenchStage.JAR, 1.0, rival)).toList();
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
