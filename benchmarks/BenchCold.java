// SPDX-License-Identifier: Apache-2.0

import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The image is not there, and so many processes want it at once. */
final class BenchCold {
    private static final String LONE = "one docker build";
    private static final String SINGLE = BenchStage.INSTALLED + ", --single-flight";
    private static final String NAIVE = "naive: inspect, else build";
    private static final String FLOCK = "flock around naive";
    private static final String SCRIPT = """
            docker image inspect "$1" >/dev/null 2>&1 || docker build -t "$1" "$2"
            """;
    private final BenchStage stage;
    private final int processes;
    private final double seconds;

    private BenchCold(BenchStage stage, int processes, double seconds) {
        this.stage = stage;
        this.processes = processes;
        this.seconds = seconds;
    }

    /** @param seconds that the build step sleeps, so that all join it, as they do with any step of a real build */
    static BenchScene scene(BenchStage stage, int processes, double seconds) {
        return new BenchCold(stage, processes, seconds).scene();
    }

    private BenchScene scene() {
        List<BenchScene.Way> ways = new ArrayList<>();
        ways.add(way(LONE, fresh -> trial(fresh, 1, stage.docker("build", "-t", fresh.image(), fresh.folder()))));
        ways.add(way(BenchStage.INSTALLED,
                fresh -> ensuring(fresh, stage.installed("-q", fresh.image() + "=" + fresh.folder()))));
        ways.add(way(SINGLE, fresh -> ensuring(fresh,
                stage.installed("-q", "--single-flight", fresh.image() + "=" + fresh.folder()))));
        ways.add(way(NAIVE, fresh -> trial(fresh, processes, naive(fresh))).thatMayLose());
        ways.add(way(FLOCK, fresh -> trial(fresh, processes, flock(fresh))));
        ways.add(way(BenchStage.BAKE, fresh -> trial(fresh, 1, stage.docker("buildx", "bake", "-f",
                BenchFiles.bake(fresh.file("bake.json"), processes, fresh.context(), fresh.image()).toString())))
                .thatMayLose());
        ways.add(way("docker compose build", fresh -> trial(fresh, 1, stage.docker("compose", "-f",
                BenchFiles.compose(fresh.file("compose.json"), processes, fresh.context(), fresh.image()).toString(),
                "build"))).thatMayLose());
        return new BenchScene("cold, " + processes + (processes == 1 ? " process" : " at once"), ways, LONE,
                List.of(new BenchTarget.Time(SINGLE, 1.0, FLOCK),
                        new BenchTarget.Time(BenchStage.INSTALLED, 1.1, NAIVE)));
    }

    private List<String> naive(Fresh fresh) throws IOException {
        return stage.shell("naive", SCRIPT, fresh.image(), fresh.folder());
    }

    private List<String> flock(Fresh fresh) throws IOException {
        List<String> line = new ArrayList<>(List.of("flock", fresh.file("lock").toString()));
        line.addAll(naive(fresh));
        return line;
    }

    /** Inputs that nothing was built from, and a name that no image has. */
    private record Fresh(String marker, Path context) {
        String folder() {
            return context.toString();
        }

        String image() {
            return "bench-cold:" + marker;
        }

        /** Beside the context. */
        Path file(String name) {
            return context.resolveSibling(marker + "-" + name);
        }
    }

    private interface Trials {
        BenchScene.Trial of(Fresh fresh) throws IOException;
    }

    private BenchScene.Way way(String name, Trials trials) {
        return new BenchScene.Way(name, () -> {
            String marker = stage.fresh();
            Path context = stage.folder.resolve("cold").resolve(marker);
            Harness.write(context.resolve("file"), marker);
            BenchStage.dockerfile(context.resolve("Dockerfile"), BenchStage.BASE, marker, "COPY file /file",
                    "RUN sleep " + seconds + "; echo " + marker + " > /marker");
            return trials.of(new Fresh(marker, context));
        });
    }

    private BenchScene.Trial trial(Fresh fresh, int count, List<String> line) {
        return new BenchScene.Trial(stage.launches(count, line), outcome -> {
            stage.holds(fresh.image(), fresh.marker()).check(outcome);
            stage.run("image", "rm", "--force", fresh.image());
        });
    }

    /** Each process says which image it ensured. */
    private BenchScene.Trial ensuring(Fresh fresh, List<String> line) {
        BenchScene.Trial trial = trial(fresh, processes, line);
        return new BenchScene.Trial(trial.launches(), outcome -> {
            Set<String> ids = new TreeSet<>();
            outcome.results().forEach(result -> ids.add(result.out().strip()));
            for (String id : ids) {
                stage.holds(id, fresh.marker()).check(outcome);
            }
            trial.check().check(outcome);
        });
    }
}
