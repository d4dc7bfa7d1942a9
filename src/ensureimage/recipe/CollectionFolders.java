// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The folders of a collection, and which image each is for. */
record CollectionFolders(Path root) {

    /** The folder that a reference names, if a user asks for it; it may not exist. */
    Path folder(Reference reference) {
        Path name = root.resolve(reference.folderName());
        Path own = name.resolve(reference.tag());
        boolean shared = reference.tag().equals("latest") || dockerfile(name).isPresent();
        return Files.isDirectory(own) || !shared ? own : name;
    }

    /**
     * The folder whose image has exactly this reference: {@code NAME/TAG/}, or {@code NAME/} for the tag {@code latest}.
     * Any other reference is an image from elsewhere, even if a folder has its name.
     */
    Optional<Path> defines(Reference reference) {
        try {
            return find(reference);
        } catch (InvalidPathException e) { // no folder has such a name: on Windows, that of a registry with its port
            return Optional.empty();
        }
    }

    private Optional<Path> find(Reference reference) {
        boolean isLocal = reference.toString().startsWith(reference.folderName() + ":");
        Path name = isLocal ? root.resolve(reference.folderName())
                : root.resolve(reference.domain()).resolve(reference.folderName());
        Path own = name.resolve(reference.tag());
        return dockerfile(own).isPresent() ? Optional.of(own)
                : reference.tag().equals("latest") && dockerfile(name).isPresent() ? Optional.of(name)
                : Optional.empty();
    }

    /** The Dockerfile in a folder: the builders also know it in lower case. */
    static Optional<Path> dockerfile(Path folder) {
        return Stream.of("Dockerfile", "dockerfile").map(folder::resolve).filter(Files::isRegularFile).findFirst();
    }

    /** All folders with a Dockerfile, by what they name, and nothing below them, for that is their context. */
    Map<String, Path> all() throws RecipeException {
        Map<String, Path> folders = new LinkedHashMap<>();
        addFolders(root, "", folders);
        return folders;
    }

    private static void addFolders(Path folder, String name, Map<String, Path> folders) throws RecipeException {
        List<Path> children;
        try (Stream<Path> files = Files.list(folder)) {
            children = files.filter(file -> Files.isDirectory(file) && !file.getFileName().toString().startsWith("."))
                    .sorted().toList();
        } catch (IOException e) {
            throw new RecipeException(new Flaw.UnreadableFolder(folder));
        }
        for (Path child : children) {
            String own = child.getFileName().toString();
            if (dockerfile(child).isEmpty()) {
                addFolders(child, name.isEmpty() ? own : name + "/" + own, folders);
            } else {
                folders.put(name.isEmpty() ? own : name + ":" + own, child);
            }
        }
    }

    /** The image of the collection that was meant, it seems: the name counts more than the tag. */
    Optional<Reference> nearest(Reference mistyped) {
        Set<String> names;
        try {
            names = all().keySet();
        } catch (RecipeException e) { // there is no collection, or it cannot be read: nothing to suggest
            return Optional.empty();
        }
        String wanted = mistyped.folderName();
        return names.stream().map(Reference::find).flatMap(Optional::stream)
                .filter(each -> distance(each.folderName(), wanted) <= (wanted.length() + 2) / 3)
                .min(Comparator.comparingInt((Reference each) -> distance(each.folderName(), wanted))
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
}
