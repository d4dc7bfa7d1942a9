import java.util.regex.Pattern;

/** The known texts, each a whole line. To add one: the line, where it was seen, and its kind. */
enum FailureText {
    /** BuildKit's exporter, {@code exporter/containerimage/export.go}: buildx 0.13, 0.29; bake and compose alike. */
    BUILDKIT_TAG(Verdict.Kind.CLAIMED, "(?:ERROR: )?(?:failed to build: )?(?:target [^ ]+: )?"
            + "failed to solve: (?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

    /** The same for an image without a tag, whose name is its digest: Docker 26.1, 28.5. */
    BUILDKIT_DIGEST(Verdict.Kind.CLAIMED, "(?:ERROR: )?(?:failed to build: )?failed to solve: "
            + "(?:AlreadyExists: )?image \"moby-dangling@(?<id>sha256:[0-9a-f]{64})\": already exists"),

    /** Legacy builder and API, {@code daemon/containerd/image_tag.go}: Docker 26.1, 28.5. */
    ENGINE_TAG(Verdict.Kind.CLAIMED, "(?:Error response from daemon: )?failed to create an image [^ ]+ "
            + "with target sha256:[0-9a-f]{64} after deleting the existing one: "
            + "(?:AlreadyExists: )?image \"(?<ref>[^\" ]+)\": already exists"),

    /** The same place when the winner's image was removed again at once: Docker 26.1, 28.5. */
    ENGINE_TAG_GONE(Verdict.Kind.CLAIMED, "(?:Error response from daemon: )?creating image (?<ref>[^ ]+) "
            + "failed because it already exists, but accessing it also failed: No such image: [^ ]+"),

    /** Concurrent export on Docker 29.0 to 29.2: moby/buildkit#6521, ddev/ddev#8136. */
    PARENT_SNAPSHOT(Verdict.Kind.TRANSIENT, "(?:ERROR: )?(?:failed to build: )?failed to solve: "
            + "failed to prepare extraction snapshot \"[^\"]+\": parent snapshot [^ ]+ does not exist: not found"),

    /** Concurrent commits through the API (Testcontainers): Docker 28.5. */
    LEASE(Verdict.Kind.TRANSIENT, "(?:Error response from daemon: )?(?:failed to open writer|failed to export "
            + "layer: NotFound|failed commit on ref \"[^\"]+\": commit failed): lease does not exist(?:: not found)?"),

    /** The image was removed between its build and its naming, as by {@code docker image prune}: Docker 20.10, 28.5. */
    GONE(Verdict.Kind.TRANSIENT, "Error response from daemon: (?:failed to resolve image id "
            + "\"sha256:[0-9a-f]{64}\" to a descriptor: )?No such image: sha256:[0-9a-f]{64}(?::latest)?"),

    /** Not all of the image is there: as while it is removed, its name last. Docker 26.1, 28.5, containerd store. */
    HALF_GONE(Verdict.Kind.TRANSIENT, "(?:Error response from daemon: )?"
            + "(?:(?:failed to [a-z ]+:|NotFound:|rpc error: code = NotFound desc =) ){0,3}"
            + "(?:content digest sha256:[0-9a-f]{64}"
            + "|blob sha256:[0-9a-f]{64} expected at [^ ]+: blob not found): not found"),

    /** Two exports write one blob at once: containerd {@code content/local/locks.go}; builds in moby/moby#52431. */
    REF_LOCKED(Verdict.Kind.TRANSIENT, "(?:ERROR: |Error response from daemon: )?"
            + "(?:(?:failed to [a-z ]+|Unavailable|mount callback failed on [^ ]+): ){0,6}"
            + "ref [^ ]+ locked(?: for [^ ]+ \\(since [^()]+\\))?: unavailable"),

    /** What a build had made was removed before its image was written, as by {@code docker builder prune}: Docker 26.1. */
    PRUNED(Verdict.Kind.TRANSIENT, "(?:ERROR: )?(?:failed to build: )?failed to solve: not found"),

    /** A folder of the engine's own is gone, as when its disk was full a moment ago: Docker 26.1. */
    SNAPSHOT_GONE(Verdict.Kind.TRANSIENT,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: failed to read dockerfile: "
                    + "[a-z/]+: lstat /[^ ]+/snapshots/\\d+/fs/[^ ]+: no such file or directory"),

    /** The engine has so much to do that it passes a limit of its own, as with 64 builds at once: Docker 26.1. */
    OVERLOADED(Verdict.Kind.TRANSIENT,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: DeadlineExceeded: context deadline exceeded"),

    /** No such base image: none here, and no registry has it or could be asked. Docker 26.1, 28.5. */
    NO_BASE(Verdict.Kind.FAILED, "(?:ERROR: |Error response from daemon: )?"
            + "(?:(?:failed to build: )?failed to solve: [^ ]+: failed to resolve source metadata for "
            + "|failed to resolve reference \"|pull access denied for )(?<base>[^\", ]+)[\",:].*"),

    /** Engine killed during a build: Docker 26.1, 28.5; {@code unexpected EOF} is the legacy builder's. */
    ENGINE_KILLED(Verdict.Kind.NO_ENGINE, "(?:ERROR: )?(?:(?:failed to build: )?failed to solve: Unavailable: .*"
            + "|listing workers for Build: failed to list workers: Unavailable: .*"
            + "|failed to receive status: rpc error: code = Unavailable .*|unexpected EOF)"),

    /** Engine not running: Docker 20.10 to 28.5, and the new wording of 29. */
    ENGINE_AWAY(Verdict.Kind.NO_ENGINE, "(?:ERROR: )?(?:error during connect: .*"
            + "|Cannot connect to the Docker daemon at .*|failed to connect to the docker API at .*)"),

    /** Engine running, but not for this user: Docker 20.10 to 28.5 ({@code Got permission denied …} in 20.10). */
    NO_PERMISSION(Verdict.Kind.NO_ENGINE,
            "(?:ERROR: )?(?:Got )?permission denied while trying to connect to the [Dd]ocker .*"),

    /** A docker context that does not exist. */
    NO_ENDPOINT(Verdict.Kind.NO_ENGINE,
            "(?:ERROR: )?(?:ensure_image.Failed to initialize: )?unable to resolve docker endpoint: .*"),

    /** docker got a signal, as from Ctrl-C: buildx 0.13, 0.29. */
    CANCELED(Verdict.Kind.INTERRUPTED,
            "(?:ERROR: )?(?:failed to build: )?failed to solve: Canceled: context canceled");

    final Verdict.Kind kind;
    final boolean namesTheTag;
    final boolean namesTheId;
    final Pattern pattern;

    FailureText(Verdict.Kind kind, String wholeLine) {
        this.kind = kind;
        this.namesTheTag = wholeLine.contains("(?<ref>");
        this.namesTheId = wholeLine.contains("(?<id>");
        this.pattern = Pattern.compile(wholeLine);
    }
}
