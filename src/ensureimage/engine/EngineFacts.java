// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.List;

/**
 * What an engine is, and whether builds can race for a tag on it.
 *
 * @param client the version of docker's command line
 * @param version the engine's
 * @param containerdStore whether its images are in containerd's store; else they are in the classic one
 * @param buildx its version, or empty: then {@code docker build} is the legacy builder
 */
public record EngineFacts(String client, String version, boolean containerdStore, String buildx) {
    private static final String UNKNOWN = "?";
    private static final int MAJOR = 1000;
    private static final int FIRST_FIXED = 29 * MAJOR + 3;

    /**
     * {@return what docker says of them}
     *
     * @param docker the client to ask
     * @param deadline for all questions together
     * @throws EngineException if no engine answers
     * @throws InterruptedException if this thread is interrupted
     */
    public static EngineFacts ask(Docker docker, Deadline deadline)
            throws EngineException, InterruptedException {
        var info = docker.run(deadline, List.of("info", "--format", "{{.ServerVersion}} {{json .DriverStatus}}"),
                line -> {});
        String[] engine = firstLine(info).split(" ", 2);
        if (info.status() != 0 || engine[0].isEmpty()) {
            throw docker.failure(BuildOutput.lastLine(info.err()));
        }
        var client = docker.run(deadline, List.of("version", "--format", "{{.Client.Version}}"), line -> {});
        var buildx = docker.run(deadline, List.of("buildx", "version", "--"), line -> {});
        String[] words = firstLine(buildx).split(" ");
        return new EngineFacts(client.status() == 0 ? firstLine(client) : UNKNOWN, engine[0],
                engine.length > 1 && engine[1].contains("io.containerd.snapshotter"),
                buildx.status() == 0 && words.length > 1 ? words[1] : "");
    }

    private static String firstLine(Processes.Finished process) {
        return process.out().isEmpty() ? "" : process.out().get(0);
    }

    /** Whether builds can race for a tag on an engine, and why not. */
    public enum TagRace {
        /** They can: the containerd image store, and Docker before 29.3. */
        POSSIBLE,
        /** With the classic image store the last build takes the tag. */
        CLASSIC_STORE,
        /** BuildKit 0.28 has the fix (moby/buildkit#6477), which first ships in Docker 29.3. */
        FIXED
    }

    /** {@return whether builds can race for a tag here} */
    public TagRace tagRace() {
        return !containerdStore ? TagRace.CLASSIC_STORE : hasFix() ? TagRace.FIXED : TagRace.POSSIBLE;
    }

    private boolean hasFix() {
        String[] numbers = version.split("[^0-9]+");
        return numbers.length > 1
                && Integer.parseInt(numbers[0]) * MAJOR + Integer.parseInt(numbers[1]) >= FIRST_FIXED;
    }
}
