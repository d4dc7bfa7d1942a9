// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;

/** Small file systems of several kinds, mounted for a test; all are unmounted when it is closed. */
final class FileSystemsUnderTest implements AutoCloseable {
    private static final long SIZE = 64L << 20;
    private final Path folder = Harness.newFolder();
    private final Deque<Path> mounted = new ArrayDeque<>();
    private final AtomicInteger count = new AtomicInteger();

    FileSystemsUnderTest() {
        Harness.closeAtEnd(this);
    }

    /** @param kind {@code ext4}, {@code overlay} over it, or {@code tmpfs} */
    Path mount(String kind) {
        try {
            Path at = Files.createDirectory(folder.resolve(kind + count.incrementAndGet()));
            switch (kind) {
                case "ext4" -> mount(at, "-o", "loop", image(at).toString());
                case "tmpfs" -> mount(at, "-t", "tmpfs", "tmpfs");
                default -> {
                    Path below = mount("ext4");
                    Path lower = Files.createDirectory(below.resolve("lower"));
                    Path upper = Files.createDirectory(below.resolve("upper"));
                    Path work = Files.createDirectory(below.resolve("work"));
                    mount(at, "-t", "overlay", "-o",
                            "lowerdir=%s,upperdir=%s,workdir=%s".formatted(lower, upper, work), "overlay");
                }
            }
            return at;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path image(Path at) throws IOException {
        Programs.require("mkfs.ext4", "e2fsprogs");
        Path image = at.resolveSibling(at.getFileName() + ".img");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
        }
        Harness.command("mkfs.ext4", "-q", "-F", image.toString()).run().succeeded();
        return image;
    }

    private void mount(Path at, String... what) {
        String[] line = new String[what.length + 2];
        line[0] = "mount";
        System.arraycopy(what, 0, line, 1, what.length);
        line[line.length - 1] = at.toString();
        Harness.command(line).run().succeeded();
        mounted.push(at);
    }

    /** Shows one folder in place of another. */
    void bind(Path folder, Path over) {
        mount(over, "--bind", folder.toString());
    }

    /** Ends the last mount. */
    void unmount() {
        Harness.command("umount", mounted.pop().toString()).run().succeeded();
    }

    @Override
    public void close() {
        while (!mounted.isEmpty()) {
            Harness.command("umount", "-l", mounted.pop().toString()).run();
        }
    }
}
