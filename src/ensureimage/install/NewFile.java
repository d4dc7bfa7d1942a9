// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;

/** Files that are written beside their place and renamed into it: at each moment there is the old one or the new one. */
final class NewFile {
    private static final String PREFIX = ".ensure_image-";
    private static final String SUFFIX = ".new";

    private NewFile() {
    }

    /** Writes the content of a file beside it. */
    @FunctionalInterface
    interface Content {
        void writeTo(Path file) throws IOException;
    }

    /** Does not touch a file that has this content already. */
    static void write(Path file, boolean executable, Content content) throws IOException {
        Path beside = beside(file);
        try {
            content.writeTo(beside);
            Files.setPosixFilePermissions(beside,
                    PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
            if (Files.isRegularFile(file) && Files.mismatch(file, beside) < 0
                    && Files.isExecutable(file) == executable) {
                return;
            }
            put(beside, file);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** A text, which takes its place even if it was there: its time is when it was written. */
    static void write(Path file, String... lines) throws IOException {
        Path beside = beside(file);
        try {
            Files.write(beside, Arrays.asList(lines), StandardCharsets.UTF_8);
            put(beside, file);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** A name in the same folder, which no other process uses. */
    static Path beside(Path file) {
        return file.resolveSibling(PREFIX + file.getFileName() + "-" + ProcessHandle.current().pid() + SUFFIX);
    }

    /** Gives the file its place, once its content is on the disk. */
    static void put(Path beside, Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(beside, StandardOpenOption.READ)) {
            channel.force(true);
        }
        Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Deletes what killed processes left; the caller holds the folder's lock. */
    static void deleteLeftOvers(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX + "*")) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
    }
}
