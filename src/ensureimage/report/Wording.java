// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.NotEnsured;
import ensureimage.Notice;
import ensureimage.engine.BuildOutput;
import ensureimage.engine.EngineException;
import ensureimage.engine.EngineFacts;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The sentences that people read about a run; {@link FlawWording} and {@link ChangeWording} have the rest. */
public final class Wording {
    static final String TIMEOUT_HINT = "Allow more with --timeout SECONDS.";
    private static final String PERMISSION_HINT = "Run as a user of the group 'docker', or set DOCKER_HOST.";
    private static final String ENGINE_HINT = "Start it, or set DOCKER_HOST. To see its state: docker version";
    private static final String DOCKER_HINT = "Install the docker client, or name one with --docker.";
    private static final String LEGACY_ASKED = "DOCKER_BUILDKIT=0";
    private static final String DEFAULT_ADDRESS = "/var/run/docker.sock";
    private static final double MILLIS_PER_SECOND = 1000.0;

    private Wording() {
    }

    // ---- Pieces

    /** Of any script: its name before what it says. */
    public static String error(String script, String message) {
        return script + ": " + message;
    }

    /** A duration with its unit, to a tenth of a second. */
    public static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / MILLIS_PER_SECOND);
    }

    /** A line of another program, marked as such, so that it cannot pass for one of ours. */
    public static String quote(String line) {
        return "  | " + Printable.escape(line);
    }

    static String event(Recipe recipe, String message) {
        return recipe.reference() + ": " + message;
    }

    static String dockerfile(Recipe recipe) {
        return recipe.dockerfile() instanceof DockerfileSource.InFile file ? Printable.path(file.path()) : "on stdin";
    }

    private static String describe(Recipe recipe) {
        return recipe.reference() + " (Dockerfile " + dockerfile(recipe) + ", context "
                + Printable.path(recipe.context()) + ")";
    }

    // ---- On the way

    /** A notice as one short sentence. */
    public static String notice(Notice notice) {
        if (notice instanceof Notice.Building building) {
            String why = building.stale().map(changes -> ChangeWording.stale(changes) + "; ").orElse("");
            return why + "building from " + Printable.path(building.context()) + (building.attempt() == 1 ? ""
                    : " (attempt " + building.attempt() + " of " + building.attempts() + ")");
        }
        if (notice instanceof Notice.Claimed claimed) {
            return "another build named it first, looking it up" + inBrackets(claimed.line());
        }
        if (notice instanceof Notice.NamedBesides named) {
            return "also named " + named.reference();
        }
        if (notice instanceof Notice.Temporary temporary) {
            return "temporary failure, trying again" + inBrackets(temporary.line());
        }
        if (notice instanceof Notice.MadeByAnother made) {
            return "warning: the build failed, but another build of the same inputs has made the image"
                    + inBrackets(made.line());
        }
        if (notice instanceof Notice.WaitingForProcess waiting) {
            return "waiting for " + waiting.number().map(number -> "process " + number).orElse("another process")
                    + ", which is building it";
        }
        if (notice instanceof Notice.CannotWait cannot) {
            return cannot.folder().map(folder -> "cannot lock files in " + Printable.path(folder))
                    .orElse("no usable cache folder") + ": not waiting for others that build the same";
        }
        if (notice instanceof Notice.NotAvailable away) {
            return ShareWording.notAvailable(away);
        }
        if (notice instanceof Notice.ForeignImage foreign) {
            return ShareWording.foreign(foreign);
        }
        if (notice instanceof Notice.NotShared not) {
            return ShareWording.notShared(not);
        }
        return notice instanceof Notice.Taken ? "another image took the tag, trying again"
                : notice instanceof Notice.WaitingForMachine ? "waiting for another machine, which is building it"
                : notice instanceof Notice.WaitingForThread ? "waiting for another thread, which is building it"
                : notice instanceof Notice.InputsChanged ? "its inputs changed while it was built, building again"
                : notice instanceof Notice.LabelledAnew
                        ? "the build saw other inputs than expected, building again from the cache"
                : notice instanceof Notice.WaitedInVain ? "the other build has failed, building it in this process"
                : "waited long enough, building it in this process";
    }

    private static String inBrackets(String line) {
        return line.isEmpty() ? "" : " (" + Printable.escape(line) + ")";
    }

    // ---- Failures

    /** What is said of an image that could not be ensured. */
    public static Message failure(NotEnsured failure) {
        if (failure instanceof NotEnsured.BuildFailed build) {
            return buildFailed(build);
        }
        if (failure instanceof NotEnsured.GaveUp gaveUp) {
            return gaveUp(gaveUp);
        }
        if (failure instanceof NotEnsured.TimedOut timedOut) {
            return new Message("timed out after " + seconds(timedOut.limit()) + ": " + timedOut.recipe().reference()
                    + ": docker " + Printable.escape(timedOut.command()), TIMEOUT_HINT);
        }
        if (failure instanceof NotEnsured.NoEngine noEngine) {
            return engine(noEngine.engine());
        }
        if (failure instanceof NotEnsured.BaseFailed base) {
            return new Message("not built: " + describe(base.recipe()) + ": its base image "
                    + base.base().recipe().reference() + " failed");
        }
        if (failure instanceof NotEnsured.UnusableRecipe unusable) {
            return FlawWording.flaw(unusable.flaw().flaw());
        }
        Optional<NotEnsured> because = ((NotEnsured.NotTried) failure).because();
        return new Message("not tried: " + failure.recipe().reference() + ": "
                + because.map(first -> first(failure(first).text())).orElse("the run ended early"));
    }

    /** The first part of a message: what comes after it is said elsewhere. */
    static String first(String message) {
        return message.split(": ", 2)[0];
    }

    private static Message buildFailed(NotEnsured.BuildFailed build) {
        return switch (build.stage()) {
            case LOADING -> new Message("the build made no image: " + describe(build.recipe()),
                    "Is the builder one that does not load images? Try: -- --load");
            case NAMING -> new Message("the image cannot be named: " + ending(build));
            case BUILDING -> new Message("build failed: " + ending(build), tryNext(build));
        };
    }

    /** Where to look, and how to see more. */
    private static String tryNext(NotEnsured.BuildFailed build) {
        String all = BuildOutput.excerpt(build.output(), RunReport.MOST_LINES).size() < build.output().size()
                ? "To see all of its output: --verbose"
                : "";
        Optional<String> line = BuildOutput.failedLine(build.output());
        return line.isEmpty() ? all
                : "See line " + line.get() + " of the Dockerfile." + (all.isEmpty() ? "" : " " + all);
    }

    private static String ending(NotEnsured.BuildFailed build) {
        return describe(build.recipe()) + ", after " + seconds(build.took()) + ", docker's exit status "
                + build.status();
    }

    private static Message gaveUp(NotEnsured.GaveUp failure) {
        if (failure.reason() == NotEnsured.GaveUp.Reason.BASE_REPLACED) {
            return new Message("gave up: " + failure.recipe().reference() + ": its base " + failure.detail()
                    + " keeps being replaced while it is built", "Does another folder share that tag?");
        }
        String but = switch (failure.reason()) {
            case TEMPORARY -> "the last time " + Printable.escape(failure.detail());
            case INPUTS_CHANGED -> "its inputs changed during each build";
            case TAKEN -> "the engine holds another image under that tag";
            default -> "the engine does not hold it";
        };
        String hint = switch (failure.reason()) {
            case TEMPORARY -> "The engine is overloaded. Retry, or raise --attempts.";
            case INPUTS_CHANGED -> "Leave files that change during the build out with a .dockerignore file.";
            case TAKEN -> "Does another folder share the tag?";
            default -> "Is another program removing it?";
        };
        return new Message("gave up: " + describe(failure.recipe()) + ": built " + failure.builds()
                + (failure.builds() == 1 ? " time in " : " times in ") + seconds(failure.took()) + ", but " + but,
                hint);
    }

    // ---- The engine

    /** What is said if there is no engine. */
    public static Message engine(EngineException e) {
        String subject = Printable.escape(e.subject());
        String detail = Printable.escape(e.detail());
        return switch (e.kind()) {
            case NOT_INSTALLED -> new Message("docker is not installed: cannot start '" + subject + "'", DOCKER_HINT);
            case CANNOT_RUN -> new Message("cannot run '" + subject + "': " + detail);
            case NO_PERMISSION -> new Message("no permission to use the engine at " + address(subject),
                    PERMISSION_HINT);
            case AWAY -> new Message("the engine is not running: no answer at " + address(subject), ENGINE_HINT);
            case NO_CONTEXT -> new Message("no docker context '" + subject + "'",
                    "To list the contexts: docker context ls");
            case FAILED -> new Message("the engine failed: " + detail, ENGINE_HINT);
            case SILENT ->
                new Message("docker " + subject + " did not answer: it printed nothing that is recognised and "
                        + "ended with status " + detail, ENGINE_HINT);
            case TIMED_OUT -> new Message("timed out: docker " + subject, TIMEOUT_HINT);
            case NO_SCRATCH -> new Message("no folder for temporary files: " + detail,
                    "Make room or set XDG_CACHE_HOME.");
        };
    }

    private static String address(String told) {
        return told.isEmpty() ? DEFAULT_ADDRESS : told.replaceFirst("^unix://", "");
    }

    /** On one line: {@code docker 28.5.2, engine 28.5.2, containerd image store, BuildKit through buildx 0.29.1}. */
    public static String facts(EngineFacts engine, Map<String, String> environment) {
        return Printable.escape("docker " + engine.client() + ", engine " + engine.version() + ", "
                + (engine.containerdStore() ? "containerd" : "classic") + " image store, "
                + (isLegacyAsked(environment) ? "legacy builder, because " + LEGACY_ASKED : builder(engine)));
    }

    /** Whether the user wants the legacy builder. */
    static boolean isLegacyAsked(Map<String, String> environment) {
        return List.of("0", "false").contains(environment.getOrDefault("DOCKER_BUILDKIT", ""));
    }

    /** That it builds, and why. */
    static String legacyBuilder(boolean isAsked) {
        return "the legacy builder builds, because " + (isAsked ? LEGACY_ASKED : "there is no buildx");
    }

    /** What {@code docker build} builds with there. */
    public static String builder(EngineFacts engine) {
        return engine.buildx().isEmpty() ? "legacy builder, there is no buildx"
                : "BuildKit through buildx " + engine.buildx();
    }

    /** Why builds can or cannot race for a tag there. */
    public static String tagRace(EngineFacts engine) {
        return switch (engine.tagRace()) {
            case POSSIBLE -> "containerd image store, Docker before 29.3";
            case CLASSIC_STORE -> "with the classic image store the last build takes the tag";
            case FIXED -> "BuildKit has the fix since Docker 29.3";
        };
    }
}
