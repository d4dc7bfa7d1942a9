// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is wrong with what a caller asks for. Data only: texts and names are as they were given, and may hold control
 * characters.
 */
public sealed interface Flaw {

    /** A text that is no image reference. */
    record MalformedReference(String text, Why why) implements Flaw {
    }

    /** Which rule of references a text breaks. */
    enum Why {
        /** It has a digest, which is the result of a build. */
        DIGEST,
        /** The name has more than 255 characters. */
        NAME_TOO_LONG,
        /** The registry's host name is not valid. */
        HOST_NAME,
        /** There is no name. */
        NO_NAME,
        /** The name has upper case letters. */
        UPPER_CASE,
        /** The name has other characters than letters, digits and single separators between them. */
        NAME,
        /** The tag is empty, too long, or has other characters. */
        TAG,
        /** It has the form of an image ID. */
        IMAGE_ID
    }

    /**
     * A text that lost characters on its way in, for the locale does not have them.
     *
     * @param name of the build argument; otherwise empty
     */
    record LostCharacters(What what, String name) implements Flaw {
    }

    /** What lost characters. */
    enum What {
        /** A word of the command line. */
        ARGUMENT,
        /** The value of a build argument. */
        BUILD_ARGUMENT
    }

    /** More than one platform for one image, which an engine holds under one ID. @param platforms as given */
    record SeveralPlatforms(String platforms) implements Flaw {
    }

    /** A folder is asked for, and has no name. */
    record UnnamedContext(Reference reference) implements Flaw {
    }

    /** An option of {@code docker build} that cannot be passed to it. */
    record ForbiddenOption(String option) implements Flaw {
    }

    /**
     * There is no folder to build from.
     *
     * @param exists whether there is something else in its place
     * @param byConvention whether the reference names the folder, not the caller
     * @param collection where the folders are that references name
     * @param nearest an image of the collection that may have been meant
     */
    record NoContext(Reference reference, Path context, boolean exists, boolean byConvention, Path collection,
            Optional<Reference> nearest) implements Flaw {
    }

    /**
     * There is no Dockerfile.
     *
     * @param byConvention whether the reference names the folder that it should be in
     * @param nearest an image of the collection that may have been meant
     */
    record NoDockerfile(Reference reference, Path dockerfile, boolean byConvention, Optional<Reference> nearest)
            implements Flaw {
    }

    /** One reference is asked for from two folders. */
    record TwoContexts(Reference reference, Path one, Path other) implements Flaw {
    }

    /** The collection's folder is not a folder. */
    record NoCollection(Path folder) implements Flaw {
    }

    /** A collection without any image. */
    record EmptyCollection(Path folder) implements Flaw {
    }

    /** A folder of a collection that cannot be listed. */
    record UnreadableFolder(Path folder) implements Flaw {
    }

    /** Images that are built from each other; the first is the last, too. */
    record Cycle(List<Reference> references) implements Flaw {
    }

    /**
     * An input that cannot be read.
     *
     * @param reason why not, in the words of the operating system
     * @param recipe what it is an input of
     */
    record Unreadable(Path file, String reason, Recipe recipe) implements Flaw {
    }

    /** A file that defines images cannot be read, because docker lacks what reads it. */
    record NoReader(FileKind kind) implements Flaw {
    }

    /** Docker does not take such a file. @param line its last words */
    record FileRejected(FileKind kind, String line) implements Flaw {
    }

    /** No image is defined under that name. @param known those that are */
    record NotDefined(FileKind kind, String name, List<String> known) implements Flaw {
    }

    /** Nothing in such a file has a name that could be looked up. */
    record NothingDefined(FileKind kind) implements Flaw {
    }

    /** Two images of different content have one reference. @param names of both in the file */
    record DefinedTwice(FileKind kind, Reference reference, List<String> names) implements Flaw {
    }

    /**
     * An image that such a file defines cannot be ensured.
     *
     * @param name in the file
     * @param detail what {@link Unusable} says that it is; may be empty
     */
    record UnusableDefinition(FileKind kind, String name, Unusable why, String detail) implements Flaw {
    }

    /** Why a definition cannot be used. */
    enum Unusable {
        /** The context is a URL or a git repository, the detail: what is there cannot be looked up. */
        REMOTE_CONTEXT,
        /** The context, the detail, is not a folder. */
        NO_CONTEXT,
        /** The Dockerfile, the detail, is not there. */
        NO_DOCKERFILE,
        /** It has no name. */
        NO_NAME,
        /** It makes something else than an image, such as files in a folder; the detail is the kind of output. */
        NO_IMAGE,
        /** It takes a secret from a variable, the detail, that the environment does not have. */
        NO_SECRET
    }
}
