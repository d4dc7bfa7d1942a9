// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The files below a folder that define images.
 *
 * @param root the folder; all paths begin with it
 * @param dockerfiles by their names: {@code Dockerfile}, {@code NAME.Dockerfile}, {@code Dockerfile.NAME}
 */
public record RepositoryScan(Path root, SortedSet<Path> dockerfiles, SortedSet<Path> composeFiles,
        SortedSet<Path> bakeFiles) {
    private static final int DEPTH = 6;
    private static final int MOST = 10_000; // files and folders that are looked at
    private static final String NO_DOCKERFILE =
            ".*\\.(?:dockerignore|class|java|kt|go|py|js|ts|rb|rs|md|txt|html|json|ya?ml"
                    + "|tmpl|template|j2|jinja|in|erb|orig|bak|swp)";
    /** What programs put into folders of projects, with Dockerfiles of others in it. */
    private static final Set<String> SKIPPED = Set.of("node_modules", "vendor", "target", "build", "dist", "venv",
            "site-packages", "__pycache__");

    /**
     * Looks at the names of files. Hidden folders and those that hold other people's code are left out.
     *
     * @throws IOException if the folder cannot be listed
     */
    public static RepositoryScan of(Path root) throws IOException {
        RepositoryScan scan = new RepositoryScan(root, new TreeSet<>(), new TreeSet<>(), new TreeSet<>());
        int[] seen = {0};
        Files.walkFileTree(root, EnumSet.noneOf(FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String name = folder.equals(root) ? "" : folder.getFileName().toString();
                return name.startsWith(".") || SKIPPED.contains(name) ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile()) {
                    scan.add(file);
                }
                return ++seen[0] < MOST ? FileVisitResult.CONTINUE : FileVisitResult.TERMINATE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (file.equals(root)) {
                    throw e;
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return scan;
    }

    private void add(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.matches("(?:.+\\.)?dockerfile|dockerfile\\..+") && !name.matches(NO_DOCKERFILE)) {
            dockerfiles.add(file);
        } else if (name.matches("(?:docker-)?compose\\.ya?ml")) {
            composeFiles.add(file);
        } else if (name.matches("docker-bake\\.(?:hcl|json)")) {
            bakeFiles.add(file);
        }
    }

    /**
     * What an image may be called, by the folder and the name of its Dockerfile: {@code app} for {@code app/Dockerfile},
     * {@code app-test} for {@code app/test.Dockerfile}.
     */
    public static String name(Path dockerfile) {
        Path folder = dockerfile.toAbsolutePath().normalize().getParent();
        String place = folder == null || folder.getFileName() == null ? "" : folder.getFileName().toString();
        String file = dockerfile.getFileName().toString();
        String kind = file.replaceFirst("(?i)^dockerfile\\.?|\\.?dockerfile$", "");
        return (place + (kind.isEmpty() ? "" : "-" + kind)).toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9]+", "-").replaceAll("^-+|-+$", "").replaceFirst("^$", "app");
    }
}
