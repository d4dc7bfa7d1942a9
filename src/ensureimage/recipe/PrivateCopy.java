// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A copy of what a build may see, which nothing changes while it is built: for inputs that do not keep still. It has the
 * same fingerprint as its original at the moment at which it was made.
 */
public final class PrivateCopy {
    private static final int PERMISSIONS = 07777;
    private static final String MAIN = "context";

    private PrivateCopy() {
    }

    /**
     * Makes it.
     *
     * @param coverage which files
     * @param folder where to, empty
     * @return the recipe that builds from the copy
     * @throws IOException if it cannot be made, as where there is a device among the files, or no room
     * @throws RecipeException {@link Flaw.Unreadable}
     */
    public static Recipe make(Recipe recipe, Coverage coverage, BuilderKind builder, Path folder)
            throws IOException, RecipeException {
        Dockerfile dockerfile = recipe.readDockerfile(builder);
        Snapshot snapshot;
        try {
            snapshot = Snapshot.take(recipe, dockerfile, coverage, builder, KnownFiles.NONE.now());
        } catch (UnreadableFile e) {
            throw e.flawOf(recipe);
        }
        Path main = Files.createDirectory(folder.resolve(MAIN));
        Map<String, Path> contexts = new TreeMap<>();
        for (String name : recipe.options().contextFolders().keySet()) {
            contexts.put(name, Files.createDirectory(folder.resolve("named-" + contexts.size())));
        }
        List<Snapshot.Input> inputs = new ArrayList<>(snapshot.inputs());
        for (Snapshot.Input input : inputs) {
            copy(input.node(), target(input.path(), input.node(), main, contexts));
        }
        copyRules(recipe, builder, main, contexts);
        Collections.reverse(inputs); // folders after what is in them
        inputs.forEach(input -> setTime(input.node(), target(input.path(), input.node(), main, contexts)));
        return recipe.withContexts(main, contexts).withDockerfile(copyDockerfile(recipe, builder, folder));
    }

    private static Path target(String key, ContextNode node, Path main, Map<String, Path> contexts) {
        if (!key.startsWith("//")) {
            return ByteStrings.resolve(main, node.path());
        }
        String name = ByteStrings.decode(key.substring(2, key.length() - node.path().length() - 1));
        return ByteStrings.resolve(contexts.get(name), node.path());
    }

    private static void copy(ContextNode node, Path to) throws IOException {
        try {
            if (node.stat().isFolder()) {
                Files.createDirectories(to);
            } else if (node.stat().isLink()) {
                Files.createDirectories(to.getParent());
                Files.createSymbolicLink(to, Files.readSymbolicLink(node.file()));
            } else if (node.stat().isFile()) {
                Files.createDirectories(to.getParent());
                Files.copy(node.file(), to, LinkOption.NOFOLLOW_LINKS, StandardCopyOption.REPLACE_EXISTING);
                FileStat.setPermissions(to, node.stat().mode() & PERMISSIONS);
            } else {
                throw new IOException("a device or pipe among the inputs: " + Printable.path(node.file()));
            }
        } catch (NoSuchFileException | FileAlreadyExistsException e) {
            return; // it is gone; or it was another kind of file a moment ago
        }
    }

    private static void setTime(ContextNode node, Path to) {
        try {
            if (!node.stat().isLink()) {
                FileStat.setPermissions(to, node.stat().mode() & PERMISSIONS);
                Files.setLastModifiedTime(to, FileTime.from(node.stat().modified(), TimeUnit.NANOSECONDS));
            }
        } catch (IOException e) {
            return; // it is gone
        }
    }

    /** The ignore files of the contexts, which are not among what is sent if they ignore themselves. */
    private static void copyRules(Recipe recipe, BuilderKind builder, Path main, Map<String, Path> contexts)
            throws IOException {
        SortedMap<Path, Path> folders = new TreeMap<>(Map.of(recipe.context(), main));
        recipe.options().contextFolders().forEach((name, original) -> folders.put(original, contexts.get(name)));
        for (Map.Entry<Path, Path> each : folders.entrySet()) {
            for (String name : builder.ignoreFiles()) {
                copyIfThere(each.getKey().resolve(name), each.getValue().resolve(name));
            }
        }
    }

    private static DockerfileSource copyDockerfile(Recipe recipe, BuilderKind builder, Path folder)
            throws IOException {
        if (!(recipe.dockerfile() instanceof DockerfileSource.InFile in)) {
            return recipe.dockerfile();
        }
        Path rules = Files.createDirectory(folder.resolve("dockerfile"));
        Path copy = rules.resolve(in.path().getFileName());
        Files.copy(in.path(), copy);
        for (String ending : builder.ignoreFilesOfTheDockerfile()) {
            copyIfThere(in.path().resolveSibling(in.path().getFileName() + ending),
                    rules.resolve(copy.getFileName() + ending));
        }
        return new DockerfileSource.InFile(copy);
    }

    private static void copyIfThere(Path from, Path to) throws IOException {
        if (Files.isRegularFile(from)) {
            Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
