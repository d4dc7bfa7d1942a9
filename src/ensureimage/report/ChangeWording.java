// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Change;
import ensureimage.recipe.Printable;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Why an image is stale, for example {@code Dockerfile changed (line 3); 1 file added (src/new.conf)}. */
public final class ChangeWording {
    private static final int MOST_NAMES = 3;

    private ChangeWording() {
    }

    /** All causes on one line; empty if none is known. */
    public static String causes(List<Change> changes) {
        return changes.stream().map(ChangeWording::cause).collect(Collectors.joining("; "));
    }

    /** The same after the word. */
    static String stale(List<Change> changes) {
        boolean onlyArguments = changes.size() == 1 && changes.get(0) instanceof Change.ArgumentsChanged;
        return changes.isEmpty() ? "stale"
                : "stale: " + causes(changes)
                        + (onlyArguments ? " (if another caller uses other values, give each its own tag)" : "");
    }

    private static String cause(Change change) {
        if (change instanceof Change.FilesChanged files) {
            return count(files.names(), "file") + " " + how(files.how()) + " (" + some(files.names()) + ")";
        }
        if (change instanceof Change.BasesChanged bases) {
            return (bases.names().size() == 1 ? "base " : "bases ") + some(bases.names()) + " " + how(bases.how());
        }
        if (change instanceof Change.BasesReplaced bases) {
            return bases.names().size() == 1 ? "base image " + some(bases.names()) + " has changed"
                    : "base images " + some(bases.names()) + " have changed";
        }
        if (change instanceof Change.DockerfileChanged dockerfile) {
            return "Dockerfile changed"
                    + (dockerfile.line().isPresent() ? " (line " + dockerfile.line().getAsInt() + ")"
                            : "");
        }
        if (change instanceof Change.ArgumentsChanged arguments) {
            return plural(arguments.names(), "build argument") + " changed (" + some(arguments.names()) + ")";
        }
        if (change instanceof Change.OptionsChanged options) {
            return plural(options.names(), "option") + " changed (" + some(options.names()) + ")";
        }
        if (change instanceof Change.SurroundingsChanged others) {
            return plural(others.names(), "setting") + " of docker changed (" + some(others.names()) + ")";
        }
        return other(change);
    }

    private static String other(Change change) {
        if (change instanceof Change.TargetChanged target) {
            return "target is " + named(target.now(), "the last stage") + ", not "
                    + named(target.before(), "the last stage");
        }
        if (change instanceof Change.PlatformChanged platform) {
            return "platform is " + named(platform.now(), "the engine's") + ", not "
                    + named(platform.before(), "the engine's");
        }
        if (change instanceof Change.BuilderChanged builder) {
            return "built by " + builder(builder.before());
        }
        if (change instanceof Change.ArchitectureDiffers differs) {
            return "architecture is " + Printable.escape(differs.is()) + ", not " + Printable.escape(differs.wanted());
        }
        return change instanceof Change.NotOurs ? "it was not built by ensure_image"
                : change instanceof Change.OlderLabel ? "labelled by another version of ensure_image"
                : change instanceof Change.CoverageChanged ? "other files count as inputs"
                : change instanceof Change.IgnoreRulesChanged ? "rules of the ignore file changed"
                : change instanceof Change.BuildDiffers ? "docker build makes another image"
                : "an input changed";
    }

    private static String builder(BuilderKind kind) {
        return switch (kind) {
            case BUILDKIT -> "BuildKit";
            case LEGACY -> "the legacy builder";
            case PODMAN -> "podman";
        };
    }

    private static String named(Optional<String> name, String otherwise) {
        return name.map(Printable::escape).orElse(otherwise);
    }

    private static String count(List<String> names, String what) {
        return names.size() + " " + plural(names, what);
    }

    private static String plural(List<String> names, String what) {
        return names.size() == 1 ? what : what + "s";
    }

    private static String how(Change.How how) {
        return how.name().toLowerCase(Locale.ROOT);
    }

    private static String some(List<String> names) {
        return names.stream().limit(MOST_NAMES).map(Printable::path).collect(Collectors.joining(", "))
                + (names.size() > MOST_NAMES ? ", …" : "");
    }
}
