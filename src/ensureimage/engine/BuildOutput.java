// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.BuilderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What can be read from the plain output of a build, on the way and at its end. */
public final class BuildOutput {
    /** BuildKit's, whose steps' own output has the time after the number; the legacy builder's; podman's. */
    private static final Pattern STEP = Pattern.compile(
            "#\\d+ (?<buildkit>\\[[^]]+] .+|exporting to \\w+)|(?:Step|STEP) (?<number>\\d+/\\d+) ?: (?<other>.+)");

    private static final Pattern LEGACY_STEP = Pattern.compile("Step \\d+/\\d+ : .*");
    private static final Pattern LEGACY_BEGIN = Pattern.compile(
            "DEPRECATED: The legacy builder .*|Sending build context to Docker daemon .*|" + LEGACY_STEP.pattern());
    private static final Pattern PODMAN_STEP = Pattern.compile("STEP \\d+/\\d+: .*");
    private static final Pattern BUILDKIT_STEP = Pattern.compile("#\\d+ \\[.*");

    /** What docker's client says before it starts the legacy builder (docker/cli {@code cmd/docker/builder.go}). */
    private static final Pattern DEPRECATED =
            Pattern.compile(
                    "DEPRECATED: The legacy builder .*| {12}(?:BuildKit is|Install the|environment-|https://docs\\.).*");

    /** The pointer to its own window that Docker Desktop adds after the verdict (buildx {@code util/desktop}). */
    private static final String DESKTOP = "View build details: ";
    private static final Pattern ID = Pattern.compile("sha256:[0-9a-f]{64}");
    private static final Pattern DIGEST = Pattern.compile("\"containerimage\\.digest\":\\s*\"(" + ID + ")\"");
    private static final String RULER = "-".repeat(20);
    private static final Pattern FAILED_STEP = Pattern.compile("(#\\d+) ERROR: .*");
    private static final int MARGIN = 10; // so few lines are not worth leaving out
    private static final Pattern PLACE = Pattern.compile(".+:(\\d{1,9})");
    private static final Pattern LEGACY_VERDICT = Pattern.compile(".* returned a non-zero code: \\d+");
    private static final Pattern VERDICT = Pattern.compile(
            "(?:ERROR: )?(?:failed to build: )?(?:failed to solve: )?(.+)");

    private BuildOutput() {
    }

    /** The step that begins with a line, if one does: {@code [3/5] RUN make}. Not to be trusted. */
    public static Optional<String> step(String line) {
        Matcher matcher = STEP.matcher(line);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        return Optional.of(matcher.group("buildkit") != null ? matcher.group("buildkit")
                : "[" + matcher.group("number") + "] " + matcher.group("other"));
    }

    /** Whether the legacy builder builds, by a line of the first that it prints: BuildKit numbers what a step prints. */
    public static boolean isLegacy(String line) {
        return LEGACY_BEGIN.matcher(line).matches();
    }

    /**
     * The IDs that the image of a build may have, as it was told to write them into files.
     *
     * @param metadata of buildx
     * @param id of {@code --iidfile}
     */
    static List<String> ids(Path metadata, Path id) {
        return Stream.of(find(DIGEST, metadata, 1), find(ID, id, 0)).flatMap(Optional::stream).distinct().toList();
    }

    private static Optional<String> find(Pattern pattern, Path file, int group) {
        try {
            Matcher matcher = pattern.matcher(Files.readString(file));
            return matcher.find() ? Optional.of(matcher.group(group)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** What has built: BuildKit tells its steps on stderr, the others on stdout. */
    static Optional<BuilderKind> builder(Processes.Finished build) {
        if (build.out().stream().anyMatch(line -> LEGACY_STEP.matcher(line).matches())) {
            return Optional.of(BuilderKind.LEGACY);
        }
        if (build.out().stream().anyMatch(line -> PODMAN_STEP.matcher(line).matches())) {
            return Optional.of(BuilderKind.PODMAN);
        }
        return Optional.of(BuilderKind.BUILDKIT)
                .filter(kind -> build.err().stream().anyMatch(line -> BUILDKIT_STEP.matcher(line).matches()));
    }

    /** Without blank lines, and without what Docker Desktop adds. */
    private static List<String> relevantLines(List<String> output) {
        return output.stream().filter(line -> !line.isBlank() && !line.startsWith(DESKTOP)).toList();
    }

    /**
     * The builder's verdict: the last line of what it printed, or empty if it printed nothing. Lines are split at
     * newlines only, because a carriage return can come from a build step.
     */
    static String lastLine(List<String> output) {
        List<String> lines = relevantLines(output);
        return lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    }

    /** Why a build failed, in the builder's last words. Not to be trusted. */
    public static Optional<String> verdict(List<String> output) {
        return Optional.of(lastLine(output)).map(VERDICT::matcher).filter(Matcher::matches)
                .map(matcher -> matcher.group(1));
    }

    /**
     * What a person reads of a failed build first: the last lines of the failed step, the place in the Dockerfile, and the
     * verdict; the last lines of all if which step failed cannot be told. All of it if it is hardly longer than that.
     *
     * @param most lines of the step, or of all
     */
    public static List<String> excerpt(List<String> output, int most) {
        List<String> lines = relevantLines(output);
        List<String> excerpt = failedStep(lines, most).or(() -> lastStep(lines, most))
                .orElse(lines.subList(Math.max(0, lines.size() - most), lines.size()));
        return lines.size() - excerpt.size() <= MARGIN ? output : excerpt;
    }

    /** BuildKit says which step failed, and repeats its output before it says where that is in the Dockerfile. */
    private static Optional<List<String>> failedStep(List<String> lines, int most) {
        Optional<String> failed = lines.stream().map(FAILED_STEP::matcher).filter(Matcher::matches)
                .map(matcher -> matcher.group(1)).reduce((before, last) -> last);
        int verdict = lines.size() - 1;
        int place = failedLine(lines).isPresent() ? lines.subList(0, verdict - 1).lastIndexOf(RULER) - 1 : verdict;
        if (failed.isEmpty() || verdict - place > most) {
            return Optional.empty();
        }
        List<String> step =
                lines.subList(0, place).stream().filter(line -> line.startsWith(failed.get() + " ")).toList();
        List<String> excerpt = new ArrayList<>(step.subList(Math.max(0, step.size() - most), step.size()));
        excerpt.addAll(lines.subList(place, lines.size()));
        return Optional.of(excerpt);
    }

    /** Of another builder, the step that it began last. What it says of itself first is on stderr, after the steps. */
    private static Optional<List<String>> lastStep(List<String> lines, int most) {
        List<String> steps = lines.stream().filter(
                line -> LEGACY_STEP.matcher(line).matches() || PODMAN_STEP.matcher(line).matches()).toList();
        if (steps.isEmpty()) {
            return Optional.empty();
        }
        String begin = steps.get(steps.size() - 1);
        List<String> rest = lines.subList(lines.lastIndexOf(begin) + 1, lines.size()).stream()
                .filter(line -> !DEPRECATED.matcher(line).matches()).toList();
        return Optional.of(Stream.concat(Stream.of(begin),
                rest.subList(Math.max(0, rest.size() - most + 1), rest.size()).stream()).toList());
    }

    /**
     * The line of the Dockerfile at which a build failed. BuildKit tells it at the end: {@code Dockerfile:3}, the lines
     * around it between two rulers, the verdict. What a step printed is prefixed there. The legacy builder does not
     * prefix; a step could make it print all of this, but not change how its verdict ends.
     */
    public static Optional<String> failedLine(List<String> output) {
        List<String> lines = relevantLines(output);
        int end = lines.size() - 2;
        if (end < 0 || !lines.get(end).equals(RULER) || LEGACY_VERDICT.matcher(lines.get(end + 1)).matches()) {
            return Optional.empty();
        }
        int begin = lines.subList(0, end).lastIndexOf(RULER);
        return Optional.of(begin).filter(ruler -> ruler > 0).map(ruler -> PLACE.matcher(lines.get(ruler - 1)))
                .filter(Matcher::matches).map(matcher -> matcher.group(1));
    }
}
