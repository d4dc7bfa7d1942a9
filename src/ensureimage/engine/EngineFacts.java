import java.util.List;

/**
 * What an engine is, and whether builds can race for a tag on it.
 *
 * @param client the version of docker's command line
 * @param version the engine's
 * @param containerdStore whether its images are in containerd's store; else they are in the classic one
 * @param buildx its version, or empty: then {@code docker build} is the legacy builder
 */
record EngineFacts(String client, String version, boolean containerdStore, String buildx) {
    private static final String UNKNOWN = "?";

    /** @throws ensure_image.Failed if no engine answers */
    static EngineFacts of(Docker docker, ensure_image.Stopwatch watch) throws ensure_image.Failed {
        var info = docker.run(watch, List.of("info", "--format", "{{.ServerVersion}} {{json .DriverStatus}}"),
                line -> {});
        String[] engine = firstLine(info).split(" ", 2);
        if (info.status() != 0 || engine[0].isEmpty()) {
            throw docker.noEngine(Verdict.lastLine(info.err()));
        }
        var client = docker.run(watch, List.of("version", "--format", "{{.Client.Version}}"), line -> {});
        var buildx = docker.run(watch, List.of("buildx", "version", "--"), line -> {});
        String[] words = firstLine(buildx).split(" ");
        return new EngineFacts(client.status() == 0 ? firstLine(client) : UNKNOWN, engine[0],
                engine.length > 1 && engine[1].contains("io.containerd.snapshotter"),
                buildx.status() == 0 && words.length > 1 ? words[1] : "");
    }

    private static String firstLine(Processes.Finished process) {
        return process.out().isEmpty() ? "" : process.out().get(0);
    }

    String builder() {
        return buildx.isEmpty() ? "legacy builder, there is no buildx" : "BuildKit through buildx " + buildx;
    }

    boolean canRace() {
        return containerdStore && !hasFix();
    }

    /** BuildKit 0.28 has it (moby/buildkit#6477), which first ships in Docker 29.3. */
    private boolean hasFix() {
        String[] numbers = version.split("[^0-9]+");
        return numbers.length > 1 && Integer.parseInt(numbers[0]) * 1000 + Integer.parseInt(numbers[1]) >= 29_003;
    }

    String why() {
        return !containerdStore ? "with the classic image store the last build takes the tag"
                : hasFix() ? "BuildKit has the fix since Docker 29.3"
                : "containerd image store, Docker before 29.3";
    }

    @Override
    public String toString() {
        return ensure_image.Text.printable("docker " + client + ", engine " + version + ", "
                + (containerdStore ? "containerd" : "classic") + " image store, " + builder());
    }
}
