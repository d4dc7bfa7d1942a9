// SPDX-License-Identifier: Apache-2.0
//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8
//DEPS com.google.re2j:re2j:1.8
//SOURCES BuildOptions.java
//SOURCES BuilderKind.java
//SOURCES ByteStrings.java
//SOURCES Change.java
//SOURCES CollectionFolders.java
//SOURCES Contents.java
//SOURCES ContextNode.java
//SOURCES ContextTree.java
//SOURCES Coverage.java
//SOURCES DefinedCollection.java
//SOURCES Definition.java
//SOURCES Digest.java
//SOURCES Dockerfile.java
//SOURCES DockerfileLines.java
//SOURCES DockerfileReader.java
//SOURCES DockerfileSource.java
//SOURCES FileKind.java
//SOURCES FileStat.java
//SOURCES FileSystems.java
//SOURCES Fingerprint.java
//SOURCES Flaw.java
//SOURCES IgnoreFile.java
//SOURCES IgnorePattern.java
//SOURCES ImageCollection.java
//SOURCES InputOptions.java
//SOURCES InputTable.java
//SOURCES Instruction.java
//SOURCES JsonStrings.java
//SOURCES KnownFiles.java
//SOURCES Manifest.java
//SOURCES MemberOrder.java
//SOURCES Moment.java
//SOURCES NamedContext.java
//SOURCES OciLayout.java
//SOURCES Printable.java
//SOURCES PrivateCopy.java
//SOURCES RecipeException.java
//SOURCES Reference.java
//SOURCES RepositoryScan.java
//SOURCES ShellWords.java
//SOURCES Snapshot.java
//SOURCES Stage.java
//SOURCES StatIndex.java
//SOURCES Surroundings.java
//SOURCES UnreadableFile.java
//SOURCES Value.java
//SOURCES package-info.java

package ensureimage.recipe;

import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;

/**
 * What an image is called and what it is built from.
 *
 * @param reference the name that the image gets
 * @param context the folder that the build reads
 * @param options of the build, as far as they are inputs
 * @param bases the images of the collection that it is built on, with their fingerprints
 */
public record Recipe(Reference reference, Path context, DockerfileSource dockerfile, BuildOptions options,
        SortedMap<String, String> bases) {

    private static final char LOST = '\ufffd';

    /** The recipe of a folder that holds its Dockerfile, if need be one called {@code dockerfile}. */
    public static Recipe inFolder(Reference reference, Path context, BuildOptions options) {
        Path dockerfile = CollectionFolders.dockerfile(context).orElse(context.resolve("Dockerfile"));
        return new Recipe(reference, context, new DockerfileSource.InFile(dockerfile), options,
                Collections.emptySortedMap());
    }

    /** The same, built on these images. */
    public Recipe withBases(SortedMap<String, String> others) {
        return new Recipe(reference, context, dockerfile, options, others);
    }

    /** The same under another name. */
    public Recipe withReference(Reference other) {
        return new Recipe(other, context, dockerfile, options, bases);
    }

    /** The same with other options. */
    public Recipe withOptions(BuildOptions others) {
        return new Recipe(reference, context, dockerfile, others, bases);
    }

    /** The same built from other folders. @param named those of {@code --build-context} that are folders, by name */
    public Recipe withContexts(Path main, Map<String, Path> named) {
        return new Recipe(reference, main, dockerfile, options.withContextFolders(named), bases);
    }

    /** The same for a builder that finds the images of these names in OCI layouts. */
    public Recipe withLayouts(Map<String, Path> layouts) {
        return new Recipe(reference, context, dockerfile, options.withLayouts(layouts), bases);
    }

    /** The same with its Dockerfile in another place. */
    public Recipe withDockerfile(DockerfileSource other) {
        return new Recipe(reference, context, other, options, bases);
    }

    /**
     * What the Dockerfile says now.
     *
     * @throws RecipeException {@link Flaw.Unreadable}
     */
    public Dockerfile readDockerfile(BuilderKind builder) throws RecipeException {
        try {
            return Dockerfile.read(this, builder);
        } catch (UnreadableFile e) {
            throw e.flawOf(this);
        }
    }

    /**
     * Refuses a text that lost characters: Java reads the command line and the environment by the locale's encoding, and
     * what is lost in that must not pass for an input, for two values would be the same.
     *
     * @throws RecipeException {@link Flaw.LostCharacters}
     */
    public static void requireReadable(Flaw.What what, String text) throws RecipeException {
        requireReadable(what, "", text);
    }

    static void requireReadable(Flaw.What what, String name, String text) throws RecipeException {
        if (text.indexOf(LOST) >= 0) {
            throw new RecipeException(new Flaw.LostCharacters(what, name));
        }
    }
}
