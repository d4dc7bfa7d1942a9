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
    /** What ensures all of it, one after the other. */
    private final List<String> commands = new ArrayList<>();

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
        scan.composeFiles().forEach(this::addCompose);
        // Bake reads the paths in a file from the working folder.
        scan.bakeFiles().forEach(file -> addCommand(file,
                (isInRoot(file) ? "" : "cd " + path(file.getParent()) + " && ") + "ensure_image --bake"));
        List<Path> inCollection = scan.dockerfiles().stream().filter(this::isInCollection).toList();
        List<Path> others = scan.dockerfiles().stream().filter(file -> !isInCollection(file)).toList();
        if (!inCollection.isEmpty()) {
            addCommand(images, "ensure_image --all" + (images.equals(new Options().images) ? ""
                    : " --images " + path(images)));
        }
        inCollection.stream().limit(MOST).forEach(file -> addRow(file, "ensure_image " + reference(file)));
        addOthers(others.stream().limit(MOST).toList());
        int left = Math.max(0, inCollection.size() - MOST) + Math.max(0, others.size() - MOST);
        if (left > 0) {
            lines.add("  and " + left + " more Dockerfiles");
        }
        lines.add(0, lines.isEmpty() ? "No Dockerfile, compose file or bake file is here."
                : "Found, and what ensures the images:");
    }

    private void addCompose(Path file) {
        addCommand(file, "ensure_image --compose" + (isInRoot(file) ? "" : " " + path(file)));
        lines.add(String.format(Locale.ROOT, ROW, "", "then: docker compose "
                + (isInRoot(file) ? "" : "-f " + path(file) + " ") + "up --no-build"));
    }

    /** Those that need no option of their own are ensured by one command. */
    private void addOthers(List<Path> files) {
        files.forEach(file -> addRow(file, "ensure_image " + arguments(file)));
        String together = String.join(" ", files.stream().filter(InitText::isPlain).map(this::arguments).toList());
        if (!together.isEmpty()) {
            commands.add("ensure_image " + together);
        }
        files.stream().filter(file -> !isPlain(file)).forEach(file -> commands.add("ensure_image " + arguments(file)));
    }

    private void addCommand(Path file, String command) {
        addRow(file, command);
        commands.add(command);
    }

    private void addRow(Path file, String command) {
        lines.add(String.format(Locale.ROOT, ROW, path(file), command));
    }

    private static boolean isPlain(Path file) {
        return file.getFileName().toString().equalsIgnoreCase("Dockerfile");
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
        return name(file) + "=" + (context.isEmpty() ? "." : context) + (isPlain(file) ? "" : " -f " + path(file));
    }

    /** By its folder; by its path, if need be with the name of the root, if another image has that name. */
    private String name(Path file) {
        Path root = scan.root().toAbsolutePath().normalize();
        Path folder = root.relativize(file.toAbsolutePath().normalize()).getParent();
        String name = RepositoryScan.name(file);
        if (folder == null || scan.dockerfiles().stream().filter(each -> nameOf(each).equals(name)).count() == 1) {
            return name;
        }
        String path = named(folder.toString(), file);
        return scan.dockerfiles().stream().filter(this::isInCollection).map(this::reference).noneMatch(path::equals)
                ? path
                : named(root.getFileName() + "-" + folder, file);
    }

    private static String named(String folder, Path file) {
        return RepositoryScan.name(Path.of(folder.replaceAll("[/\\\\]", "-")).resolve(file.getFileName()));
    }

    private String nameOf(Path file) {
        return isInCollection(file) ? reference(file) : RepositoryScan.name(file);
    }

    private static String path(Path file) {
        String path = Printable.path(file.normalize());
        return path.isEmpty() ? path : OurLine.quoted(path);
    }

    private void addUses() {
        if (commands.isEmpty()) {
            lines.addAll(List.of("Create images/app/Dockerfile, and then: ensure_image app"));
            return;
        }
        lines.addAll(List.of("", "To ensure them before the tests, leaving out what you do not need:",
                "  Makefile",
                "    .PHONY: images",
                "    images:"));
        commands.forEach(command -> lines.add("    \t" + command.replace("$", "$$")));
        lines.addAll(List.of("    test: images",
                "  a workflow of GitHub Actions, before the tests",
                "    - run: make images",
                "  .gitlab-ci.yml",
                "    before_script:",
                "      - make images",
                "  conftest.py, for pytest",
                "    import subprocess, pytest",
                "    @pytest.fixture(scope=\"session\", autouse=True)",
                "    def images():",
                "        subprocess.run([\"make\", \"images\"], check=True)"));
    }
}
