// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Flaw;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Reference;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** What is said of a recipe, or of a collection, that cannot be used. */
public final class FlawWording {
    private static final Set<String> ID_FILES = Set.of("--iidfile", "--metadata-file");
    private static final Set<String> WITHOUT_IMAGE = Set.of("--call", "--check", "--invoke", "--print");
    private static final Set<String> NAMES = Set.of("-t", "--tag");
    private static final Set<String> ELSEWHERE = Set.of("--push", "-o", "--output");

    private FlawWording() {
    }

    /** What is wrong, and what to do. */
    public static Message flaw(Flaw flaw) {
        if (flaw instanceof Flaw.MalformedReference malformed) {
            return new Message("malformed reference: '" + Printable.escape(malformed.text()) + "': "
                    + reason(malformed.why()));
        }
        if (flaw instanceof Flaw.LostCharacters lost) {
            String what = lost.what() == Flaw.What.ARGUMENT ? "an argument"
                    : "the build argument " + Printable.escape(lost.name());
            return new Message(what + " has characters that this locale does not have",
                    "Use a locale of UTF-8, such as LC_ALL=C.UTF-8.");
        }
        if (flaw instanceof Flaw.SeveralPlatforms several) {
            return new Message("one image has one platform, not '" + Printable.escape(several.platforms()) + "'",
                    "Give each platform a name of its own, and ensure one after the other.");
        }
        if (flaw instanceof Flaw.UnnamedContext unnamed) {
            return new Message("no folder after " + unnamed.reference() + "=",
                    "The working folder is " + unnamed.reference() + "=. (with a dot).");
        }
        if (flaw instanceof Flaw.ForbiddenOption forbidden) {
            return new Message(forbidden.option() + " cannot be passed to docker build",
                    ID_FILES.contains(forbidden.option()) ? "The image ID is printed by --quiet and --format json."
                            : NAMES.contains(forbidden.option()) ? "List each name as a reference: REF=DIR."
                            : ELSEWHERE.contains(forbidden.option())
                                    ? "The image goes into the engine. To push it from there: docker push REF"
                            : WITHOUT_IMAGE.contains(forbidden.option()) ? "With it, docker build makes no image."
                            : "Give it before the --.");
        }
        if (flaw instanceof Flaw.NoContext none) {
            return noContext(none);
        }
        if (flaw instanceof Flaw.NoDockerfile none) {
            return new Message("Dockerfile not found: " + Printable.path(none.dockerfile()),
                    suggestion(none.reference(), none.nearest())
                            .orElse("Name another one with --file, or another folder: " + none.reference() + "=DIR"));
        }
        if (flaw instanceof Flaw.TwoContexts two) {
            return new Message(
                    two.reference() + " is asked for from two folders: " + Printable.path(two.one()) + " and "
                            + Printable.path(two.other()));
        }
        if (flaw instanceof Flaw.Cycle cycle) {
            return new Message("a cycle: " + cycle.references().stream().map(Reference::toString)
                    .collect(Collectors.joining(" is built from ")), "Images cannot be built from each other.");
        }
        if (flaw instanceof Flaw.Unreadable unreadable) {
            return new Message("cannot read " + Printable.path(unreadable.file()) + ": "
                    + Printable.escape(unreadable.reason()) + ": an input of " + unreadable.recipe().reference()
                    + " (Dockerfile " + Wording.dockerfile(unreadable.recipe()) + ", context "
                    + Printable.path(unreadable.recipe().context()) + ")",
                    "Make it readable, or leave it out with a .dockerignore file.");
        }
        return FileWording.flaw(flaw).orElseGet(() -> collection(flaw));
    }

    private static Message collection(Flaw flaw) {
        if (flaw instanceof Flaw.NoCollection none) {
            return new Message("no collection: " + Printable.path(none.folder()) + " is not a folder"
                    + inWorkingFolder(none.folder()),
                    "Name another one with --images DIR.");
        }
        if (flaw instanceof Flaw.EmptyCollection empty) {
            return new Message("the collection is empty: no NAME/Dockerfile or NAME/TAG/Dockerfile in "
                    + Printable.path(empty.folder()));
        }
        Path folder = ((Flaw.UnreadableFolder) flaw).folder();
        return new Message("cannot read " + Printable.path(folder));
    }

    private static Message noContext(Flaw.NoContext none) {
        String text = "context not found: " + Printable.path(none.context())
                + (none.exists() ? " is not a folder" : inWorkingFolder(none.context()));
        String another = "ame another folder: " + none.reference() + "=DIR"
                + (none.byConvention() && none.reference().toString().startsWith(none.reference().domain() + "/")
                        ? ". To pull it: docker pull " + none.reference()
                        : "");
        return new Message(text, suggestion(none.reference(), none.nearest()).orElse(none.exists() ? "N" + another
                : "Create " + Printable.path(none.context().resolve("Dockerfile")) + ", or n" + another));
    }

    /** Where a relative path was looked for. */
    private static String inWorkingFolder(Path path) {
        return path.isAbsolute() ? "" : " (working folder " + Printable.path(Path.of("").toAbsolutePath()) + ")";
    }

    private static Optional<String> suggestion(Reference asked, Optional<Reference> nearest) {
        return nearest.map(meant -> "Did you mean " + meant + "? To build from another folder: " + asked + "=DIR");
    }

    private static String reason(Flaw.Why why) {
        return switch (why) {
            case DIGEST -> "use NAME[:TAG]; digests are not supported";
            case NAME_TOO_LONG -> "a name has at most 255 characters";
            case HOST_NAME -> "the registry's host name is not valid";
            case NO_NAME -> "there is no name";
            case UPPER_CASE -> "a name is all lower case";
            case NAME -> "a name has letters, digits, and single . _ - between them";
            case TAG -> "a tag has up to 128 letters, digits, . _ -";
            case IMAGE_ID -> "this is an image ID";
        };
    }
}
