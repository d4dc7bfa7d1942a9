package ensureimage.recipe;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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
     * @param bases the images of the collection that it is built on
     * @param asked whether the caller named it; others are there because one that was named needs them
     */
    public record Member(Recipe recipe, List<Member> bases, boolean asked) {

        /** The image's name. */
        public Reference reference() {
            return recipe.reference();
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
         * @throws RecipeException {@link Flaw.MalformedReference}
         */
        public static Wanted parse(String text) throws RecipeException {
            int equals = text.indexOf('=');
            return equals < 0 ? new Wanted(Reference.parse(text), Optional.empty())
                    : new Wanted(Reference.parse(text.substring(0, equals)),
                            Optional.of(Path.of(text.substring(equals + 1))));
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
        return new Order(asked).members();
    }

    /**
     * Every image of the collection, bases first.
     *
     * @throws RecipeException if there is no collection, none in it, as well as for {@link #members}
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
        return new Order(asked).members();
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

    /** Puts images behind what they are built on. */
    private final class Order {
        private final Map<Reference, Recipe> asked;
        private final Map<Reference, Member> ordered = new LinkedHashMap<>();
        private final Set<Reference> underWay = new LinkedHashSet<>();

        Order(Map<Reference, Recipe> asked) {
            this.asked = asked;
        }

        List<Member> members() throws RecipeException {
            for (Recipe recipe : asked.values()) {
                place(recipe);
            }
            return List.copyOf(ordered.values());
        }

        private Member place(Recipe recipe) throws RecipeException {
            Reference reference = recipe.reference();
            Member known = ordered.get(reference);
            if (known != null) {
                return known;
            }
            if (!underWay.add(reference)) {
                List<Reference> way = new ArrayList<>(underWay);
                way.add(reference);
                throw new RecipeException(new Flaw.Cycle(List.copyOf(way.subList(way.indexOf(reference),
                        way.size()))));
            }
            List<Member> bases = new ArrayList<>();
            for (Recipe base : bases(recipe)) {
                bases.add(place(base));
            }
            underWay.remove(reference);
            Member member = new Member(recipe, bases, asked.containsKey(reference));
            ordered.put(reference, member);
            return member;
        }

        /** The images of the collection that a Dockerfile builds on or copies from. */
        private Collection<Recipe> bases(Recipe recipe) throws RecipeException {
            Map<Reference, Recipe> bases = new LinkedHashMap<>();
            for (String name : recipe.readDockerfile(builder).bases()) {
                Optional<Reference> reference = Reference.find(name); // none if only docker knows which one it is
                if (reference.isPresent()) {
                    base(reference.get()).ifPresent(base -> bases.put(base.reference(), base));
                }
            }
            return bases.values();
        }

        private Optional<Recipe> base(Reference reference) throws RecipeException {
            if (asked.containsKey(reference)) {
                return Optional.of(asked.get(reference));
            }
            Optional<Path> folder = folders.defines(reference);
            return folder.isEmpty() ? Optional.empty()
                    : Optional.of(recipe(reference, folder.get(), Optional.empty())
                            .withOptions(options.withoutTarget()));
        }
    }
}
