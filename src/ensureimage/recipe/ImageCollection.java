// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A collection of images: a folder with a folder for each, by convention {@code NAME/TAG/}. Says which images are
 * meant, what each is built from, and in which order. Immutable; each call reads the folders anew.
 */
public final class ImageCollection {

    private final CollectionFolders folders;
    private final BuildOptions options;
    private final BuilderKind builder;

    /**
     * A collection whose images are all built with these options.
     *
     * @param root the collection's folder; it need not exist
     * @param builder what builds them; it decides which bases an image needs
     */
    public ImageCollection(Path root, BuildOptions options, BuilderKind builder) {
        this.folders = new CollectionFolders(root);
        this.options = options;
        this.builder = builder;
    }

    /**
     * An image to ensure.
     *
     * @param recipe under the first of its names
     * @param otherNames further references that the same image gets
     * @param bases the images of the collection that it is built on, by the names that its Dockerfile has for them
     * @param asked whether the caller named it; others are there because one that was named needs them
     */
    public record Member(Recipe recipe, List<Reference> otherNames, Map<Reference, Member> bases, boolean asked) {

        /** An image with one name and no bases. */
        public Member(Recipe recipe, boolean asked) {
            this(recipe, List.of(), Map.of(), asked);
        }

        /** The image's name, or the first of them. */
        public Reference reference() {
            return recipe.reference();
        }

        /** All names of the image. */
        public List<Reference> references() {
            return Stream.concat(Stream.of(reference()), otherNames.stream()).toList();
        }
    }

    /**
     * An image that the caller names.
     *
     * @param context the folder to build it from; empty for the one that the reference names
     */
    public record Wanted(Reference reference, Optional<Path> context) {

        /**
         * Reads {@code REF} or {@code REF=DIR}.
         *
         * @throws RecipeException {@link Flaw.MalformedReference} or {@link Flaw.UnnamedContext}
         */
        public static Wanted parse(String text) throws RecipeException {
            int equals = text.indexOf('=');
            if (equals < 0) {
                return new Wanted(Reference.parse(text), Optional.empty());
            }
            Reference reference = Reference.parse(text.substring(0, equals));
            if (equals == text.length() - 1) { // most likely of a variable that is not set; Java takes it for the working folder
                throw new RecipeException(new Flaw.UnnamedContext(reference));
            }
            return new Wanted(reference, Optional.of(Path.of(text.substring(equals + 1))));
        }
    }

    /**
     * These images and what they are built on, bases first.
     *
     * @param dockerfile of each of them; empty for the one in its folder
     * @throws RecipeException if there is no such context or Dockerfile, if one cannot be read, or if there is a cycle
     */
    public List<Member> members(List<Wanted> wanted, Optional<DockerfileSource> dockerfile) throws RecipeException {
        Map<Reference, Recipe> asked = new LinkedHashMap<>();
        for (Wanted each : wanted) {
            Recipe recipe = recipe(each.reference(), each.context().orElse(folder(each.reference())), dockerfile);
            add(recipe, asked);
        }
        return order(asked);
    }

    /**
     * Every image of the collection, bases first.
     *
     * @throws RecipeException if there is no collection or no image in it, or as for {@link #members}
     */
    public List<Member> allMembers() throws RecipeException {
        if (!Files.isDirectory(folders.root())) {
            throw new RecipeException(new Flaw.NoCollection(folders.root()));
        }
        Map<Reference, Recipe> asked = new LinkedHashMap<>();
        for (Map.Entry<String, Path> each : folders.all().entrySet()) {
            add(recipe(Reference.parse(each.getKey()), each.getValue(), Optional.empty()), asked);
        }
        if (asked.isEmpty()) {
            throw new RecipeException(new Flaw.EmptyCollection(folders.root()));
        }
        return order(asked);
    }

    /**
     * The references that the collection's folders define.
     *
     * @throws RecipeException {@link Flaw.UnreadableFolder}
     */
    public List<Reference> references() throws RecipeException {
        return folders.all().keySet().stream().map(Reference::find).flatMap(Optional::stream).toList();
    }

    private static void add(Recipe recipe, Map<Reference, Recipe> asked) throws RecipeException {
        Recipe other = asked.putIfAbsent(recipe.reference(), recipe);
        if (other != null && !other.context().equals(recipe.context())) {
            throw new RecipeException(
                    new Flaw.TwoContexts(recipe.reference(), other.context(), recipe.context()));
        }
    }

    private Recipe recipe(Reference reference, Path context, Optional<DockerfileSource> given)
            throws RecipeException {
        boolean byConvention = context.equals(folder(reference));
        if (!Files.isDirectory(context)) {
            throw new RecipeException(new Flaw.NoContext(reference, context, Files.exists(context), byConvention,
                    folders.root(), byConvention ? folders.nearest(reference) : Optional.empty()));
        }
        DockerfileSource dockerfile = given.map(ImageCollection::found)
                .orElse(Recipe.inFolder(reference, context, options).dockerfile());
        if (dockerfile instanceof DockerfileSource.InFile in && !Files.isRegularFile(in.path())) {
            throw new RecipeException(new Flaw.NoDockerfile(reference, in.path(), byConvention,
                    byConvention && given.isEmpty() ? folders.nearest(reference) : Optional.empty()));
        }
        return new Recipe(reference, context, dockerfile, options, Collections.emptySortedMap());
    }

    /** A missing {@code Dockerfile} is looked for in lower case, as docker does. */
    private static DockerfileSource found(DockerfileSource given) {
        if (given instanceof DockerfileSource.InFile in && in.path().endsWith("Dockerfile")
                && !Files.isRegularFile(in.path())) {
            Path lower = in.path().resolveSibling("dockerfile");
            return Files.isRegularFile(lower) ? new DockerfileSource.InFile(lower) : given;
        }
        return given;
    }

    /** The folder that a reference names; it may not exist. */
    public Path folder(Reference reference) {
        return folders.folder(reference);
    }

    /** The name of a base image as the engine tells it; empty if only docker knows what it is. */
    public static Optional<String> canonicalName(String base) {
        return base.matches("[^$@ ]+@sha256:[0-9a-f]{64}") ? Optional.of(base)
                : Reference.find(base).map(Reference::toString);
    }

    private List<Member> order(Map<Reference, Recipe> asked) throws RecipeException {
        MemberOrder order = new MemberOrder(builder, reference -> base(reference, asked));
        for (Recipe recipe : asked.values()) {
            order.add(new MemberOrder.Entry(recipe, List.of()));
        }
        return order.members();
    }

    private Optional<MemberOrder.Entry> base(Reference reference, Map<Reference, Recipe> asked)
            throws RecipeException {
        if (asked.containsKey(reference)) {
            return Optional.of(new MemberOrder.Entry(asked.get(reference), List.of()));
        }
        Optional<Path> folder = folders.defines(reference);
        return folder.isEmpty() ? Optional.empty()
                : Optional.of(new MemberOrder.Entry(recipe(reference, folder.get(), Optional.empty())
                        .withOptions(options.withoutTarget()), List.of()));
    }
}
