// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The lines that docker is known to fail with, each whole. To add one: its meaning, the line as a pattern, and where it
 * was seen; and a transcript in {@code tests/transcripts} that it matches.
 */
public enum KnownLine {
    /** BuildKit's exporter, {@code exporter/containerimage/export.go}: buildx 0.13, 0.29; bake and compose alike. */
    BUILDKIT_TAG(Meaning.CLAIMED, "(?:ERROR: )?(?:failed to build: )?(?:target [^ ]+: )?"
            + "failed to solve: (?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

    /** The same for an image without a tag, whose name is its digest: Docker 26.1, 28.5. */
    BUILDKIT_DIGEST(Meaning.CLAIMED, "(?:ERROR: )?(?:failed to build: )?failed to solve: "
            + "(?:AlreadyExists: )?image \"moby-dangling@(?<id>sha256:[0-9a-f]{64})\": already exists"),

    /** Legacy builder and API, {@code daemon/containerd/image_tag.go}: Docker 26.1, 28.5. */
    ENGINE_TAG(Meaning.CLAIMED, "(?:Error response from daemon: )?failed to create an image [^ ]+ "
            + "with target sha256:[0-9a-f]{64} after deleting the existing one: "
            + "(?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

    /** The same place when the winner's image was removed again at once, or the tag kept changing: Docker 26.1, 28.5. */
    ENGINE_TAG_GONE(Meaning.CLAIMED, "(?:Error response from daemon: )?creating image (?<ref>[^ ]+) "
            + "failed because it already exists, but accessing it also failed: "
            + "(?:No such image: [^ ]+|consistency error: data changed during operation, retry)"),

    /** Concurrent export: Docker 26.1, 29.0 to 29.2 (moby/buildkit#6521, ddev/ddev#8136). */
    PARENT_SNAPSHOT(Meaning.TEMPORARY, "(?:ERROR: )?(?:failed to build: )?failed to solve: "
            + "failed to prepare extraction snapshot \"[^\"]+\": parent snapshot [^ ]+ does not exist: not found"),

    /** Concurrent commits, of the legacy builder and through the API (Testcontainers): Docker 28.5. */
    LEASE(Meaning.TEMPORARY, Part.COMMIT + "lease does not exist(?:: not found)?"),

    /** The same place: of two that write one blob, one has moved the file. Docker 28.5. */
    BLOB_GONE(Meaning.TEMPORARY, Part.COMMIT + "rename [^ ]+/ingest/[0-9a-f]{64}/data "
            + "[^ ]+/blobs/sha256/[0-9a-f]{64}: no such file or directory"),

    /**
     * The image was removed between its build and its naming, or a part of it during its build, as by
     * {@code docker image prune}: Docker 20.10, 26.1, 28.5.
     */
    GONE(Meaning.TEMPORARY, "(?:Error response from daemon: )?" + Part.STEPS + "No such image: sha256:[0-9a-f]{64}"
            + "(?::latest)?|unable to find image \"sha256:[0-9a-f]{64}\""),

    /** Not all of the image is there: as while it is removed, its name last. Docker 26.1, 28.5, containerd store. */
    HALF_GONE(Meaning.TEMPORARY, "(?:Error response from daemon: )?" + Part.STEPS
            + "(?:content digest sha256:[0-9a-f]{64}"
            + "|blob sha256:[0-9a-f]{64} expected at [^ ]+: blob not found): not found"),

    /** The image lost its last name while it was looked up, {@code daemon/containerd/image_inspect.go}: Docker 28.5. */
    CHANGED(Meaning.TEMPORARY,
            "(?:Error response from daemon: )?consistency error: data changed during operation, retry"),

    /** Two exports write one blob at once: containerd {@code content/local/locks.go}; builds in moby/moby#52431. */
    REF_LOCKED(Meaning.TEMPORARY, "(?:ERROR: |Error response from daemon: )?"
            + "(?:(?:failed to [a-z ]+|Unavailable|mount callback failed on [^ ]+): ){0,6}"
            + "ref [^ ]+ locked(?: for [^ ]+ \\(since [^()]+\\))?: unavailable"),

    /** What a build had made was removed before its image was written, as by {@code docker builder prune}: Docker 26.1. */
    PRUNED(Meaning.TEMPORARY, "(?:ERROR: )?(?:failed to build: )?failed to solve: not found"),

    /** A folder of the engine's own is gone, as when its disk was full a moment ago: Docker 26.1. */
    SNAPSHOT_GONE(Meaning.TEMPORARY,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: failed to read dockerfile: "
                    + "[a-z/]+: lstat /[^ ]+/snapshots/\\d+/fs/[^ ]+: no such file or directory"),

    /** The engine has so much to do that it passes a limit of its own, as with 64 builds at once: Docker 26.1. */
    OVERLOADED(Meaning.TEMPORARY,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: DeadlineExceeded: (?:commit failed: )?"
                    + "context deadline exceeded"),

    /** No such base image: none here, and no registry has it or could be asked. Docker 26.1, 28.5. */
    NO_BASE(Meaning.FAILED, "(?:ERROR: |Error response from daemon: )?"
            + "(?:(?:failed to build: )?failed to solve: [^ ]+: failed to resolve source metadata for "
            + "|failed to resolve reference \"|pull access denied for )(?<base>[^\", ]+)[\",:].*"),

    /** Engine killed during a build: Docker 26.1, 28.5; {@code unexpected EOF} is the legacy builder's. */
    ENGINE_KILLED(Meaning.NO_ENGINE, "(?:ERROR: )?(?:(?:failed to build: )?failed to solve: Unavailable: .*"
            + "|listing workers for Build: failed to list workers: Unavailable: .*"
            + "|failed to receive status: rpc error: code = Unavailable .*|unexpected EOF)"),

    /** Engine not running: Docker 20.10 to 28.5, and the new wording of 29. */
    ENGINE_AWAY(Meaning.NO_ENGINE, "(?:ERROR: )?(?:error during connect: .*"
            + "|Cannot connect to the Docker daemon at .*|failed to connect to the docker API at .*"
            + "|failed to dial gRPC: cannot connect to the Docker daemon\\. .*)"),

    /** Engine running, but not for this user: Docker 20.10 to 28.5 ({@code Got permission denied …} in 20.10). */
    NO_PERMISSION(Meaning.NO_ENGINE,
            "(?:ERROR: )?(?:Got )?permission denied while trying to connect to the [Dd]ocker .*"),

    /** A docker context that does not exist; without the endpoint in the words of buildx 0.13. */
    NO_ENDPOINT(Meaning.NO_ENGINE, "(?:Failed to initialize: )?unable to resolve docker endpoint: .*"
            + "|ERROR: context \"[^\"]*\": context not found: .*"),

    /** docker got a signal, as from Ctrl-C: Docker 20.10, buildx 0.13, 0.29. */
    CANCELED(Meaning.INTERRUPTED,
            "(?:(?:ERROR: )?(?:failed to build: )?failed to solve: Canceled: )?context canceled");

    /** What several of them begin with. */
    private static final class Part {
        private static final String OF = "(?: of the manifest)?(?: \"?sha256:[0-9a-f]{64}\"?)?";

        /** What the engine was at. */
        static final String STEPS = "(?:(?:failed to [a-z ]+?" + OF + "(?: to a descriptor)?:|NotFound:"
                + "|rpc error: code = NotFound desc =) ){0,4}";

        /** The same while a layer or an image is written. */
        static final String COMMIT = "(?:Error response from daemon: )?(?:(?:failed to [a-z ]+"
                + "|failed commit on ref \"[^\"]+\"|commit failed|CreateDiff|NotFound"
                + "|mount callback failed on [^ ]+): ){0,8}";
    }

    private static final Pattern NO_SUCH_IMAGE = Pattern.compile(
            "(?:Error response from daemon: |Error: )?(?:(?:no such image: [^ ]+: )?No such image: [^ ]+"
                    + "|(?:inspecting object: )?[^ ]+: image not known)");
    private static final Pattern ADDRESS = Pattern.compile(
            ".* (?:daemon|daemon socket|API) at (?<host>[^ ;]+?)[.:;]?(?: .*)?");
    private static final Pattern CONTEXT = Pattern.compile(".* context \"(?<name>[^\"]*)\".*");

    private final Meaning meaning;
    private final boolean namesTheTag;
    private final boolean namesTheId;
    private final Pattern pattern;

    KnownLine(Meaning meaning, String wholeLine) {
        this.meaning = meaning;
        this.namesTheTag = wholeLine.contains("(?<ref>");
        this.namesTheId = wholeLine.contains("(?<id>");
        this.pattern = Pattern.compile(wholeLine);
    }

    /** What a line says of what was built or named. */
    public enum Meaning {
        /** It worked. */
        DONE,
        /** Another build named this very image. Whether it is there now is for the engine to say. */
        CLAIMED,
        /** It failed because of others at work; every step is cached, so that trying again is cheap. */
        TEMPORARY,
        /** The engine is away. */
        NO_ENGINE,
        /** docker was told to stop. */
        INTERRUPTED,
        /** It failed for a reason of its own. */
        FAILED
    }

    /** What a whole line of this kind says. */
    public Meaning meaning() {
        return meaning;
    }

    /** Whether the line counts only if the reference in it is the one that was to be named. */
    boolean namesTheTag() {
        return namesTheTag;
    }

    /** Whether the line has the ID of the image. */
    boolean namesTheId() {
        return namesTheId;
    }

    Matcher matcher(String line) {
        return pattern.matcher(line);
    }

    /** Whether the line, as a whole, is of this kind. */
    public boolean matches(String line) {
        return matcher(line).matches();
    }

    /** What the last line of a failed build says, whatever it was to be called. */
    static Meaning read(String line) {
        return Arrays.stream(values()).filter(known -> known.matches(line)).map(KnownLine::meaning).findFirst()
                .orElse(Meaning.FAILED);
    }

    /** Whether a line, as docker prints it, says that there is no such image, not all of it, or not any more. */
    public static boolean saysMissing(String line) {
        return NO_SUCH_IMAGE.matcher(line).matches() || HALF_GONE.matches(line) || CHANGED.matches(line);
    }

    /**
     * The failure of a client that cannot reach its engine.
     *
     * @param line the last that it printed
     * @param host the engine's address as far as the client was told one; else empty
     */
    static EngineException readFailure(String line, String host) {
        if (NO_PERMISSION.matches(line) || ENGINE_AWAY.matches(line)) {
            Matcher address = ADDRESS.matcher(line);
            return new EngineException(NO_PERMISSION.matches(line) ? EngineException.Kind.NO_PERMISSION
                    : EngineException.Kind.AWAY, address.matches() ? address.group("host") : host, "");
        }
        Matcher context = CONTEXT.matcher(line);
        if (NO_ENDPOINT.matches(line) && context.matches()) {
            return new EngineException(EngineException.Kind.NO_CONTEXT, context.group("name"), "");
        }
        return new EngineException(EngineException.Kind.FAILED, "", line);
    }
}
