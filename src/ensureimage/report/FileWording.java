// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Definition;
import ensureimage.recipe.FileKind;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.Printable;
import java.util.List;
import java.util.Optional;

/** What is said of bake files and compose files. */
final class FileWording {
    private static final int MOST_NAMES = 10;

    private FileWording() {
    }

    /** What is wrong; empty for another kind of flaw. */
    static Optional<Message> flaw(Flaw flaw) {
        if (flaw instanceof Flaw.NoReader none) {
            return Optional.of(new Message(tool(none.kind()) + " is not installed, but it has to read the "
                    + file(none.kind()),
                    none.kind() == FileKind.BAKE
                            ? "Install docker's plugin buildx. To see whether it works: docker buildx version"
                            : "Install docker's plugin compose. To see whether it works: docker compose version"));
        }
        if (flaw instanceof Flaw.FileRejected rejected) {
            return Optional.of(new Message(tool(rejected.kind()) + ": " + Printable.escape(rejected.line()
                    .replaceFirst("^(?:ERROR|Error): ", "")), "To see its whole output: " + command(rejected.kind())));
        }
        if (flaw instanceof Flaw.NotDefined not) {
            return Optional.of(new Message("no " + item(not.kind()) + " has the image " + Printable.escape(not.name()),
                    "There are: " + some(not.known())));
        }
        if (flaw instanceof Flaw.NothingDefined nothing) {
            return Optional.of(new Message("no " + item(nothing.kind()) + " in the " + file(nothing.kind())
                    + (nothing.kind() == FileKind.BAKE ? " has tags" : " has a build section"),
                    nothing.kind() == FileKind.BAKE ? "Give one a name: tags = [\"app:1\"]"
                            : "A service that only has an image is pulled by docker compose."));
        }
        if (flaw instanceof Flaw.DefinedTwice twice) {
            return Optional.of(new Message(twice.reference() + " is built in two ways, by the " + item(twice.kind())
                    + "s " + Printable.escape(String.join(" and ", twice.names())),
                    "Give each a name of its own, or make them the same."));
        }
        return flaw instanceof Flaw.UnusableDefinition unusable ? Optional.of(unusable(unusable)) : Optional.empty();
    }

    private static Message unusable(Flaw.UnusableDefinition flaw) {
        String name = item(flaw.kind()) + " " + Printable.escape(flaw.name()) + ": ";
        String detail = Printable.escape(flaw.detail());
        return switch (flaw.why()) {
            case REMOTE_CONTEXT -> new Message(name + "its context is not a folder but " + detail
                    + ", where nothing can be looked up", "Name the images to ensure, and build this one with docker.");
            case NO_CONTEXT -> new Message(name + "context not found: " + detail);
            case NO_DOCKERFILE -> new Message(name + "Dockerfile not found: " + detail);
            case NO_NAME -> new Message(name + "it has no tag, so it cannot be looked up");
            case NO_IMAGE -> new Message(name + "it makes no image in the engine, but: " + detail);
            case NO_SECRET -> new Message(name + "its secret comes from the variable " + detail + ", which is not set",
                    "Set it: export " + detail);
        };
    }

    /** What is done otherwise than a file says. */
    static String remark(Definition.Remark remark) {
        String detail = Printable.escape(remark.detail());
        return switch (remark.kind()) {
            case ONE_PLATFORM -> "of several platforms only " + detail + " is built";
            case NOT_PUSHED -> "the image is not pushed";
            case NOT_WRITTEN -> "the output of type " + detail + " is not written";
            case CACHE_EXPORT -> "the cache is exported only if the image is built";
            case NO_CACHE -> "it is built without the cache only if it is missing or stale";
        };
    }

    private static String some(List<String> names) {
        return Printable.escape(String.join(", ", names.subList(0, Math.min(MOST_NAMES, names.size()))))
                + (names.size() > MOST_NAMES ? " and " + (names.size() - MOST_NAMES) + " more" : "");
    }

    private static String tool(FileKind kind) {
        return kind == FileKind.BAKE ? "docker buildx bake" : "docker compose";
    }

    private static String command(FileKind kind) {
        return kind == FileKind.BAKE ? "docker buildx bake --print" : "docker compose config";
    }

    private static String file(FileKind kind) {
        return kind == FileKind.BAKE ? "bake file" : "compose file";
    }

    private static String item(FileKind kind) {
        return kind == FileKind.BAKE ? "target" : "service";
    }
}
