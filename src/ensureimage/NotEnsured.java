// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.BuildOutput;
import ensureimage.engine.Deadline;
import ensureimage.engine.EngineException;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The image could not be ensured. The message is for a stack trace; what a person is told is made from the data.
 *
 * <p>An interruption is none of these: it is an {@link InterruptedException}.
 */
public abstract sealed class NotEnsured extends Exception implements Outcome {
    private static final long serialVersionUID = 1L;
    private final transient Recipe recipe;

    private NotEnsured(Recipe recipe, String message, Throwable cause) {
        super(recipe.reference() + ": " + message, cause);
        this.recipe = recipe;
    }

    /** What an engine's failure is for this image. */
    static NotEnsured by(EngineException e, Recipe recipe, Deadline deadline) {
        return e.kind() == EngineException.Kind.TIMED_OUT ? new TimedOut(recipe, deadline.limit(), e.subject())
                : new NoEngine(recipe, e);
    }

    @Override
    public Recipe recipe() {
        return recipe;
    }

    /** The build failed for a reason of its own, or made no image, or docker refused to name the image. */
    public static final class BuildFailed extends NotEnsured {
        private static final long serialVersionUID = 1L;
        private static final int LINES = 20;
        private final transient Stage stage;
        /** Docker's exit status. */
        private final int status;
        private final transient Duration took;
        private final transient List<String> output;

        /** Where it failed. */
        public enum Stage {
            /** The build itself. */
            BUILDING,
            /** The build succeeded, but no image is in the engine. */
            LOADING,
            /** The image is there, but cannot have its name. */
            NAMING
        }

        BuildFailed(Recipe recipe, Stage stage, int status, Duration took, List<String> output) {
            super(recipe, message(recipe, stage, status, output), null);
            this.stage = stage;
            this.status = status;
            this.took = took;
            this.output = List.copyOf(output);
        }

        private static String message(Recipe recipe, Stage stage, int status, List<String> output) {
            String what = switch (stage) {
                case BUILDING -> "the build failed";
                case LOADING -> "the build made no image";
                case NAMING -> "the image was built, but cannot have its name";
            };
            String dockerfile = recipe.dockerfile() instanceof DockerfileSource.InFile file ? file.path().toString()
                    : "given as text";
            String line = BuildOutput.failedLine(output).map(number -> " line " + number).orElse("");
            String why = stage == Stage.LOADING ? ""
                    : BuildOutput.verdict(output).map(verdict -> ": " + verdict).orElse("");
            List<String> told = BuildOutput.excerpt(output, LINES);
            return what + " (Dockerfile " + dockerfile + line + ", context " + recipe.context()
                    + "), docker's exit status " + status + why
                    + (told.isEmpty() ? "" : "\ndocker printed:\n" + String.join("\n", told));
        }

        /** {@return where it failed} */
        public Stage stage() {
            return stage;
        }

        /** {@return docker's exit status} */
        public int status() {
            return status;
        }

        /** {@return how long the failed command took} */
        public Duration took() {
            return took;
        }

        /**
         * {@return the last lines that docker printed, stdout before stderr} Values that must not be shown are taken out.
         */
        public List<String> output() {
            return output;
        }
    }

    /** The attempts are used up. */
    public static final class GaveUp extends NotEnsured {
        private static final long serialVersionUID = 1L;
        private final transient Reason reason;
        /** What the reason says that it is. */
        private final String detail;
        /** How many there were. */
        private final int builds;
        private final transient Duration took;

        /** What was wrong in the end. */
        public enum Reason {
            /** Builds failed for a reason that does not last; the detail is docker's last line. */
            TEMPORARY,
            /** The inputs changed during each build. */
            INPUTS_CHANGED,
            /** The tag went to another image each time. */
            TAKEN,
            /** The image was not there when it was looked up after its build. */
            REMOVED,
            /** A base image was replaced during each build; the detail is the base's reference. */
            BASE_REPLACED
        }

        GaveUp(Recipe recipe, Reason reason, String detail, int builds, Duration took) {
            super(recipe, "gave up after " + builds + " builds: " + reason + " " + detail, null);
            this.reason = reason;
            this.detail = detail;
            this.builds = builds;
            this.took = took;
        }

        /** {@return what was wrong in the end} */
        public Reason reason() {
            return reason;
        }

        /** {@return what {@link #reason()} says that it is; else empty} */
        public String detail() {
            return detail;
        }

        /** {@return how many builds there were} */
        public int builds() {
            return builds;
        }

        /** {@return how long all of it took} */
        public Duration took() {
            return took;
        }
    }

    /** {@link Limits#perImage()} is over. */
    public static final class TimedOut extends NotEnsured {
        private static final long serialVersionUID = 1L;
        private final transient Duration limit;
        /** What docker was at. */
        private final String command;

        TimedOut(Recipe recipe, Duration limit, String command) {
            super(recipe, "timed out after " + limit + " in docker " + command, null);
            this.limit = limit;
            this.command = command;
        }

        /** {@return the limit} */
        public Duration limit() {
            return limit;
        }

        /** {@return what docker was at, such as {@code build}} */
        public String command() {
            return command;
        }
    }

    /** No engine can be used: docker is not installed, the engine is not running, or it does not let this user in. */
    public static final class NoEngine extends NotEnsured {
        private static final long serialVersionUID = 1L;

        NoEngine(Recipe recipe, EngineException cause) {
            super(recipe, "no engine: " + cause.getMessage(), cause);
        }

        /** {@return what is wrong with the engine} */
        public EngineException engine() {
            return (EngineException) getCause();
        }
    }

    /** An image of the collection that this one is built on could not be ensured. */
    public static final class BaseFailed extends NotEnsured {
        private static final long serialVersionUID = 1L;

        BaseFailed(Recipe recipe, NotEnsured base) {
            super(recipe, "its base failed: " + base.getMessage(), base);
        }

        /** {@return what became of the base} */
        public NotEnsured base() {
            return (NotEnsured) getCause();
        }
    }

    /** The recipe's inputs cannot be used: a file that cannot be read, for example. */
    public static final class UnusableRecipe extends NotEnsured {
        private static final long serialVersionUID = 1L;

        UnusableRecipe(Recipe recipe, RecipeException cause) {
            super(recipe, cause.getMessage(), cause);
        }

        /** {@return what is wrong with the inputs} */
        public RecipeException flaw() {
            return (RecipeException) getCause();
        }
    }

    /** Nothing was tried, because what went wrong with an image before it concerns all. */
    public static final class NotTried extends NotEnsured {
        private static final long serialVersionUID = 1L;

        NotTried(Recipe recipe, Optional<NotEnsured> because) {
            super(recipe, "not tried", because.orElse(null));
        }

        /** {@return what went wrong; empty if the run was ended from outside} */
        public Optional<NotEnsured> because() {
            return Optional.ofNullable((NotEnsured) getCause());
        }
    }
}
