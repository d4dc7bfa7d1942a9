// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Printable;
import ensureimage.recipe.Reference;
import ensureimage.recipe.RepositoryScan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** {@code --init}: what a folder has, what each image would be called, and the lines that are needed. Writes no file. */
public final class InitText {
    private static final String ROW = "  %-40s  %s";
    private static final int MOST = 20;

    private final RepositoryScan scan;
    private final Path images;
    private final List<String> lines = new ArrayList<>();
    private String first = "";

    private InitText(RepositoryScan scan, Path images) {
        this.scan = scan;
        this.images = images;
    }

    /** Of the working folder. @param images the folder of a collection */
    public static List<String> lines(UsageWording wording, Path images) throws UsageException {
        try {
            return of(RepositoryScan.of(Path.of("")), images);
        } catch (IOException e) {
            throw wording.unreadableFolder();
        }
    }

    private static List<String> of(RepositoryScan scan, Path images) {
        InitText text = new InitText(scan, images);
        text.addFiles();
        text.addUses();
        return text.lines;
    }

    private void addFiles() {
        scan.composeFiles().forEach(file -> add(file, "--compose" + (isInRoot(file) ? "" : " " + path(file))));
        // Bake reads the paths in a file from the working folder.
        scan.bakeFiles().forEach(file -> add(file, isInRoot(file) ? "" : "cd " + path(file.getParent()) + " && ",
                "--bake"));
        List<Path> inCollection = scan.dockerfiles().stream().filter(this::isInCollection).toList();
        if (!inCollection.isEmpty()) {
            add(images, "--all");
        }
        inCollection.stream().limit(MOST).forEach(file -> add(file, reference(file)));
        scan.dockerfiles().stream().filter(file -> !isInCollection(file)).limit(MOST)
                .forEach(file -> add(file, arguments(file)));
        int left = Math.max(0, inCollection.size() - MOST)
                + Math.max(0, scan.dockerfiles().size() - inCollection.size() - MOST);
        if (left > 0) {
            lines.add("  and " + left + " more Dockerfiles");
        }
        lines.add(0, lines.isEmpty() ? "No Dockerfile, compose file or bake file is here."
                : "Found, and what ensures the images:");
    }

    private void add(Path file, String arguments) {
        add(file, "", arguments);
    }

    private void add(Path file, String before, String arguments) {
        lines.add(String.format(Locale.ROOT, ROW, path(file), before + "ensure_image " + arguments));
        first = first.isEmpty() && before.isEmpty() ? "ensure_image " + arguments : first;
    }

    private boolean isInRoot(Path file) {
        return file.toAbsolutePath().normalize().getParent().equals(scan.root().toAbsolutePath().normalize());
    }

    /** Below the collection's folder, in a folder that a reference names. */
    private boolean isInCollection(Path file) {
        return file.getFileName().toString().equalsIgnoreCase("Dockerfile")
                && file.toAbsolutePath().normalize().startsWith(images.toAbsolutePath().normalize())
                && !file.toAbsolutePath().normalize().getParent().equals(images.toAbsolutePath().normalize())
                && Reference.find(reference(file)).isPresent();
    }

    /** {@code NAME:TAG} for {@code images/NAME/TAG/Dockerfile}, {@code NAME} for {@code images/NAME/Dockerfile}. */
    private String reference(Path file) {
        Path below = images.toAbsolutePath().normalize().relativize(file.toAbsolutePath().normalize()).getParent();
        int names = below.getNameCount();
        return names == 1 ? below.toString()
                : below.getParent().toString().replace('\\', '/') + ":" + below.getFileName();
    }

    private String arguments(Path file) {
        Path folder = file.getParent() == null ? Path.of(".") : file.getParent();
        String context = path(folder);
        boolean plain = file.getFileName().toString().equalsIgnoreCase("Dockerfile");
        return RepositoryScan.name(file) + "=" + (context.isEmpty() ? "." : context)
                + (plain ? "" : " -f " + path(file));
    }

    private static String path(Path file) {
        String path = Printable.path(file.normalize());
        return path.matches("[\\w./@%+,:=-]*") ? path : "'" + path.replace("'", "'\\''") + "'";
    }

    private void addUses() {
        if (first.isEmpty()) {
            lines.addAll(List.of("Create images/app/Dockerfile, and then: ensure_image app"));
            return;
        }
        lines.addAll(List.of("", "To use it, put into",
                "  Makefile",
                "    .PHONY: images",
                "    images:",
                "    \t" + first,
                "    test: images",
                "  a workflow of GitHub Actions, before the tests",
                "    - run: " + first,
                "  .gitlab-ci.yml",
                "    before_script:",
                "      - " + first,
                "  conftest.py, for pytest",
                "    import shlex, subprocess, pytest",
                "    @pytest.fixture(scope=\"session\")",
                "    def images():",
                "        out = subprocess.run(shlex.split(\"" + first.replace("ensure_image", "ensure_image -q")
                        .replace("\\", "\\\\").replace("\"", "\\\"") + "\"),",
                "                             check=True, text=True, stdout=subprocess.PIPE).stdout",
                "        return out.split()  # image IDs, for docker run"));
        if (!scan.composeFiles().isEmpty() && first.contains("--compose")) {
            lines.addAll(List.of("", "What follows: docker compose up --no-build"));
        }
    }
}
