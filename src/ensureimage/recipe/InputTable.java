// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which options of {@code docker build}, build arguments and variables of the environment change the image. Each row was
 * measured on Docker 28.5 (both stores) and 26.1, with BuildKit and with the legacy builder: whether an otherwise cached
 * build gives an image with another ID. What is not in the table counts.
 */
public final class InputTable {

    /** What an option, an argument or a variable does. */
    public enum Effect {
        /** Changes the image, or may. */
        COUNTS,
        /** Changes only what is printed, kept or transferred. */
        NOTHING,
        /** Is a build argument, which counts if the Dockerfile declares it. */
        ARGUMENT,
        /** Gives a name another meaning: counts by what is found there. */
        CONTEXT,
        /** Only docker build can tell what it does to the image. */
        ASKS,
        /** Names a file whose content counts. */
        FILE,
        /** Is set by this program, has an option of its own in it, or makes docker build no image. */
        FORBIDDEN
    }

    /** Set by BuildKit, by what it runs on and builds for; an argument of that name wins. */
    static final Pattern BY_PLATFORM =
            Pattern.compile("(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE");
    private static final String NO = "false|f|0";
    private static final String NEVER = "";

    /**
     * An option.
     *
     * @param names in all forms, with a blank between; the long one first
     * @param hasValue whether the next word is its value
     * @param harmless a pattern of values with which it changes nothing
     * @param reason for people
     */
    public record Row(String names, boolean hasValue, Effect effect, String harmless, String reason) {

        /** The long one. */
        public String name() {
            return names.split(" ")[0];
        }

        Effect effectOf(Optional<String> value) {
            return value.filter(text -> text.matches(harmless) && !text.isEmpty()).isPresent()
                    ? Effect.NOTHING
                    : effect;
        }
    }

    /** Options, by name. Those of buildx 0.13 and 0.29, also the experimental ones, and of the legacy builder. */
    private static final List<Row> OPTIONS = List.of(
            valued("--add-host", Effect.COUNTS, "RUN sees other addresses"),
            valued("--allow", Effect.NOTHING, "permits what the Dockerfile asks for, or the build fails"),
            valued("--annotation", Effect.COUNTS, "is written into the manifest, if the exporter keeps it"),
            valued("--attest", Effect.COUNTS, "is attached to the image"),
            valued("--build-arg", Effect.ARGUMENT, "counts if it is declared"),
            valued("--build-context", Effect.CONTEXT, "counts by content"),
            valued("--builder", Effect.NOTHING, "any builder of one kind makes the same of the same"),
            valued("--cache-from", Effect.NOTHING, "where to look for finished steps"),
            valued("--cache-to", Effect.COUNTS, "(?!.*type=inline).*",
                    "where to keep finished steps: inline is in the image"),
            valued("--call", Effect.FORBIDDEN, "builds no image"),
            valued("--cgroup-parent", Effect.COUNTS, "RUN runs under other limits"),
            flag("--check", Effect.FORBIDDEN, "builds no image"),
            flag("--compress", Effect.NOTHING, "how the context is transferred"),
            valued("--cpu-period", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--cpu-quota", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--cpu-shares -c", Effect.NOTHING,
                    "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--cpuset-cpus", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--cpuset-mems", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            flag("--debug -D", Effect.NOTHING, "what is printed"),
            flag("--detach", Effect.NOTHING, "where buildx runs"),
            flag("--disable-content-trust", Effect.COUNTS, "true|t|1",
                    "=false: signatures decide what a base's name means"),
            valued("--file -f", Effect.FORBIDDEN, "the recipe has its Dockerfile"),
            flag("--force-rm", Effect.NOTHING, "containers that are left behind"),
            valued("--iidfile", Effect.FORBIDDEN, "is used to learn the image's ID"),
            valued("--invoke", Effect.FORBIDDEN, "starts a debugger"),
            valued("--isolation", Effect.NOTHING, "Linux has one kind of containers"),
            valued("--label", Effect.COUNTS, "is written into the image"),
            flag("--load", Effect.NOTHING, "where the image goes: into the engine anyway"),
            valued("--memory -m", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--memory-swap", Effect.NOTHING, "BuildKit ignores it; the legacy builder keeps its finished steps"),
            valued("--metadata-file", Effect.FORBIDDEN, "is used to learn what was built"),
            valued("--network", Effect.COUNTS, "default", "RUN sees another network"),
            flag("--no-cache", Effect.NOTHING, "whether finished steps are used"),
            valued("--no-cache-filter", Effect.NOTHING, "whether finished steps are used"),
            valued("--output -o", Effect.FORBIDDEN, "the image must end up in the engine, without a name"),
            valued("--platform", Effect.FORBIDDEN, "the recipe has its platform"),
            valued("--policy", Effect.COUNTS, "decides which sources a build gets"),
            valued("--print", Effect.FORBIDDEN, "builds no image"),
            valued("--progress", Effect.NOTHING, "what is printed"),
            valued("--provenance", Effect.COUNTS, NO, "is attached to the image"),
            flag("--pull", Effect.ASKS, NO + "|never|missing|ifmissing",
                    "another image may be under a base's name by now"),
            flag("--push", Effect.FORBIDDEN, "the image must end up in the engine, without a name"),
            flag("--quiet -q", Effect.NOTHING, "what is printed"),
            flag("--rm", Effect.NOTHING, "containers that are left behind"),
            valued("--root", Effect.NOTHING, "where buildx runs"),
            valued("--sbom", Effect.COUNTS, NO, "is attached to the image"),
            valued("--secret", Effect.NOTHING, "a secret is no input, nor is where it comes from"),
            valued("--security-opt", Effect.NOTHING, "BuildKit ignores it; on Linux the legacy builder refuses it"),
            valued("--server-config", Effect.NOTHING, "where buildx runs"),
            valued("--shm-size", Effect.COUNTS, "RUN runs under other limits"),
            flag("--squash", Effect.COUNTS, "makes other layers"),
            valued("--ssh", Effect.NOTHING, "a secret is no input, nor is where it comes from"),
            valued("--tag -t", Effect.FORBIDDEN, "an image is named when it is known to be right"),
            valued("--target", Effect.FORBIDDEN, "the recipe has its target"),
            valued("--ulimit", Effect.COUNTS, "RUN runs under other limits"));

    /**
     * An argument of the build or a variable of the environment.
     *
     * @param name a pattern for the whole name
     * @param reason for people
     */
    public record Named(String name, Effect effect, String reason) {
    }

    /** Build arguments that mean something to the builder, declared or not. The first row of a name counts. */
    private static final List<Named> ARGUMENTS = List.of(
            named("SOURCE_DATE_EPOCH", Effect.COUNTS, "is the time of the image"),
            named("BUILDKIT_(CACHE_MOUNT_NS|DOCKERFILE_CHECK|BUILD_NAME)", Effect.ARGUMENT,
                    "which cache mounts, what is printed"),
            named("BUILDKIT_.*", Effect.COUNTS, "the frontend reads it: its syntax, an inline cache, RUN's host name"),
            new Named(BY_PLATFORM.pattern(), Effect.COUNTS, "takes the place of what BuildKit sets"));

    /** Variables that docker reads. Others, such as {@code BUILDX_GIT_INFO} or {@code BUILDKIT_PROGRESS}, do nothing. */
    private static final List<Named> ENVIRONMENT = List.of(
            named("SOURCE_DATE_EPOCH", Effect.ARGUMENT, "buildx makes a build argument of it"),
            named("DOCKER_DEFAULT_PLATFORM", Effect.COUNTS, "stands for --platform"),
            named("DOCKER_BUILDKIT", Effect.COUNTS, "decides between BuildKit and the legacy builder"),
            named("BUILDX_GIT_LABELS", Effect.ASKS, "labels of the last commit"),
            named("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY", Effect.FILE,
                    "puts other sources in the place of those named"));

    private static final Map<String, Row> BY_NAME = byName();

    private InputTable() {
    }

    private static Row valued(String names, Effect effect, String reason) {
        return new Row(names, true, effect, NEVER, reason);
    }

    private static Row valued(String names, Effect effect, String harmless, String reason) {
        return new Row(names, true, effect, harmless, reason);
    }

    private static Row flag(String names, Effect effect, String reason) {
        return new Row(names, false, effect, NEVER, reason);
    }

    private static Row flag(String names, Effect effect, String harmless, String reason) {
        return new Row(names, false, effect, harmless, reason);
    }

    private static Named named(String pattern, Effect effect, String reason) {
        return new Named(pattern, effect, reason);
    }

    private static Map<String, Row> byName() {
        Map<String, Row> rows = new HashMap<>();
        OPTIONS.forEach(row -> List.of(row.names.split(" ")).forEach(name -> rows.put(name, row)));
        return Map.copyOf(rows);
    }

    /** All options, in the order of their names. */
    public static List<Row> options() {
        return OPTIONS;
    }

    /** The row of an option, in one of its forms such as {@code --tag} or {@code -t}; empty if it is not known. */
    public static Optional<Row> row(String option) {
        return Optional.ofNullable(BY_NAME.get(option));
    }

    /** Whether a build argument counts that no instruction declares. */
    static boolean alwaysCounts(String argument) {
        return ARGUMENTS.stream().filter(row -> argument.matches(row.name)).findFirst()
                .filter(row -> row.effect == Effect.COUNTS).isPresent();
    }

    /** The names of variables of docker's environment that have this effect. */
    public static List<String> variables(Effect effect) {
        return ENVIRONMENT.stream().filter(row -> row.effect == effect).map(Named::name).toList();
    }
}
