import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A collection of images: a folder with a folder for each, by convention {@code NAME/TAG/}. Says which images are
 * meant, what each is built from, and in which order.
 */
final class Images {

    private final Path root;
    private final Recipe.Options options;
    private final Map<Reference, Image> images = new LinkedHashMap<>(); // in the order to build them
    private final Map<Reference, Recipe> asked = new LinkedHashMap<>();
    private final Set<Reference> underWay = new LinkedHashSet<>();

    /** @param root the collection's folder; it need not exist */
    Images(Path root, Recipe.Options options) {
        this.root = root;
        this.options = options;
    }

    /**
     * An image to ensure.
     *
     * @param bases the images of the collection that it is built on
     * @param asked whether the user named it; others are there because one that he named needs them
     */
    record Image(Recipe recipe, List<Image> bases, boolean asked) {
        Reference reference() {
            return recipe.reference();
        }
    }

    /**
     * The images that the user named and what they are built on, bases first.
     *
     * @param all every image of the collection
     * @param arguments {@code REF} or {@code REF=DIR}
     * @param file the Dockerfile, or null for the one in the folder
     * @throws ensure_image.Failed if there is no such reference, context or Dockerfile, or there is a cycle
     */
    List<Image> wanted(boolean all, List<String> arguments, Path file) throws ensure_image.Failed {
        if (all) {
            scan();
        }
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            Reference reference = Reference.parse(equals < 0 ? argument : argument.substring(0, equals));
            Path context = equals < 0 ? folder(reference) : Path.of(argument.substring(equals + 1));
            ask(recipe(reference, context, file));
        }
        for (Recipe recipe : asked.values()) {
            add(recipe);
        }
        return List.copyOf(images.values());
    }

    private void ask(Recipe recipe) throws ensure_image.Failed {
        Recipe other = asked.putIfAbsent(recipe.reference(), recipe);
        if (other != null && !other.context().equals(recipe.context())) {
            throw usage(recipe.reference() + " is asked for from two folders: " + shown(other.context()) + " and "
                    + shown(recipe.context()), "");
        }
    }

    private Recipe recipe(Reference reference, Path context, Path file) throws ensure_image.Failed {
        if (!Files.isDirectory(context)) {
            throw usage("context not found: " + shown(context) + (Files.exists(context) ? " is not a folder" : ""),
                    hint(reference, context, "By convention it is " + shown(root.resolve(name(reference))) + "/["
                            + reference.tag() + "/]. Name another one with " + reference + "=DIR or --images DIR."));
        }
        if (file != null && file.toString().equals(Recipe.Source.STDIN)) {
            return new Recipe(reference, context, new Recipe.Source(file, stdin()), options, new TreeMap<>());
        }
        Path dockerfile = file != null ? file : context.resolve("Dockerfile");
        if (!Files.isRegularFile(dockerfile)) {
            throw usage("Dockerfile not found: " + shown(dockerfile),
                    hint(reference, context, ensure_image.Text.DOCKERFILE_HINT));
        }
        return new Recipe(reference, context, new Recipe.Source(dockerfile, null), options, new TreeMap<>());
    }

    private static byte[] stdin() throws ensure_image.Failed {
        try {
            return System.in.readAllBytes();
        } catch (IOException e) {
            throw usage("cannot read the Dockerfile from stdin", "");
        }
    }

    // ---- The convention

    /** The folder that a reference names; it may not exist. */
    Path folder(Reference reference) {
        Path name = root.resolve(name(reference));
        Path own = name.resolve(reference.tag());
        boolean shared = reference.tag().equals("latest") || Files.exists(name.resolve("Dockerfile"));
        return Files.isDirectory(own) || !shared ? own : name;
    }

    private static String name(Reference reference) {
        return reference.path().replaceFirst("^library/", "");
    }

    /** The other way round: every image of the collection. */
    private void scan() throws ensure_image.Failed {
        if (!Files.isDirectory(root)) {
            throw usage("no collection: " + shown(root) + " is not a folder", "Name another one with --images DIR.");
        }
        for (Map.Entry<String, Path> entry : folders().entrySet()) {
            ask(recipe(Reference.parse(entry.getKey()), entry.getValue(), null));
        }
        if (asked.isEmpty()) {
            throw usage("the collection is empty: no NAME/Dockerfile or NAME/TAG/Dockerfile in " + shown(root), "");
        }
    }

    /** All folders with a Dockerfile, by what they name, and nothing below them, for that is their context. */
    private Map<String, Path> folders() throws ensure_image.Failed {
        Map<String, Path> folders = new LinkedHashMap<>();
        addFolders(root, "", folders);
        return folders;
    }

    private static void addFolders(Path folder, String name, Map<String, Path> folders) throws ensure_image.Failed {
        List<Path> children;
        try (Stream<Path> files = Files.list(folder)) {
            children = files.filter(file -> Files.isDirectory(file) && !file.getFileName().toString().startsWith("."))
                    .sorted().toList();
        } catch (IOException e) {
            throw usage("cannot read " + shown(folder), "");
        }
        for (Path child : children) {
            String own = child.getFileName().toString();
            if (!Files.isRegularFile(child.resolve("Dockerfile"))) {
                addFolders(child, name.isEmpty() ? own : name + "/" + own, folders);
            } else {
                folders.put(name.isEmpty() ? own : name + ":" + own, child);
            }
        }
    }

    private String hint(Reference reference, Path context, String otherwise) {
        Optional<Reference> near = context.equals(folder(reference)) ? nearest(reference) : Optional.empty();
        return near.map(meant -> "Did you mean " + meant + "? To build from another folder: " + reference + "=DIR")
                .orElse(otherwise);
    }

    /** The image of the collection that was meant, it seems: the name counts more than the tag. */
    private Optional<Reference> nearest(Reference mistyped) {
        Set<String> names;
        try {
            names = folders().keySet();
        } catch (ensure_image.Failed e) { // there is no collection, or it cannot be read: nothing to suggest
            return Optional.empty();
        }
        return names.stream().map(Images::reference).flatMap(Optional::stream)
                .filter(each -> distance(name(each), name(mistyped)) <= (name(mistyped).length() + 2) / 3)
                .min(Comparator.comparingInt((Reference each) -> distance(name(each), name(mistyped)))
                        .thenComparingInt(each -> distance(each.tag(), mistyped.tag())));
    }

    /** How many characters to insert, remove or replace (Levenshtein). */
    private static int distance(String one, String other) {
        int[] row = IntStream.rangeClosed(0, other.length()).toArray();
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.length(); j++) {
                int replaced = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[other.length()];
    }

    // ---- Bases

    private Image add(Recipe recipe) throws ensure_image.Failed {
        Reference reference = recipe.reference();
        Image known = images.get(reference);
        if (known != null) {
            return known;
        }
        if (!underWay.add(reference)) {
            List<Reference> way = new ArrayList<>(underWay);
            way.add(reference);
            throw usage("a cycle: " + way.subList(way.indexOf(reference), way.size()).stream().map(Reference::toString)
                    .collect(Collectors.joining(" is built from ")), "Images cannot be built from each other.");
        }
        List<Image> bases = new ArrayList<>();
        for (Recipe base : bases(recipe)) {
            bases.add(add(base));
        }
        underWay.remove(reference);
        Image image = new Image(recipe, bases, asked.containsKey(reference));
        images.put(reference, image);
        return image;
    }

    /** What its Dockerfile builds on or copies from, as far as it is of the collection. */
    private Collection<Recipe> bases(Recipe recipe) throws ensure_image.Failed {
        Map<Reference, Recipe> bases = new LinkedHashMap<>();
        for (String name : Freshness.inputs(recipe).dockerfile().bases()) {
            Optional<Reference> reference = reference(name);
            if (reference.isPresent()) {
                Recipe base = asked.get(reference.get());
                Path folder = folder(reference.get());
                if (base == null && Files.isRegularFile(folder.resolve("Dockerfile"))) {
                    Recipe found = recipe(reference.get(), folder, null);
                    base = new Recipe(found.reference(), folder, found.dockerfile(), options.withoutTarget(),
                            found.bases());
                }
                if (base != null) {
                    bases.put(base.reference(), base);
                }
            }
        }
        return bases.values();
    }

    /** The name of a base image as the engine tells it; empty if only docker knows what it is. */
    static Optional<String> canonical(String base) {
        return base.matches("[^$@ ]+@sha256:[0-9a-f]{64}") ? Optional.of(base)
                : reference(base).map(Reference::toString);
    }

    private static Optional<Reference> reference(String name) {
        try {
            return Optional.of(Reference.parse(name));
        } catch (ensure_image.Failed e) { // with a digest, or with a variable that only docker knows
            return Optional.empty();
        }
    }

    private static ensure_image.Failed usage(String message, String hint) {
        return new ensure_image.Failed(ensure_image.ExitCode.USAGE, message, hint);
    }

    private static String shown(Path path) {
        return ensure_image.Text.printable(path);
    }
}
