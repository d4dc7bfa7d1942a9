// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A file, folder, link or special file of a context.
 *
 * @param above the folder that it is in; empty for the root
 * @param path relative to the root, which has "", as a byte string
 * @param decision whether it is ignored
 */
record ContextNode(Optional<ContextNode> above, String path, Path file, FileStat stat,
        IgnoreFile.Decision decision) {

    String inside(String name) {
        return path.isEmpty() ? name : path + "/" + name;
    }

    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** Where a link points. */
    String target() {
        try {
            return ByteStrings.encode(Files.readSymbolicLink(file));
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    /**
     * Of type, permission bits and content; empty if the file vanished while it was read.
     *
     * @param moment at which it is looked at
     * @param mustBeReadable whether a file that may not be read is a flaw; otherwise that counts in place of its content
     */
    Optional<String> digest(Moment moment, boolean mustBeReadable) {
        try {
            return Optional.of(moment.digest(file, stat, this::read));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (AccessDeniedException e) {
            if (mustBeReadable) {
                throw new UnreadableFile(file, e);
            }
            return Optional.of(unreadable());
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    private String read() throws IOException {
        Digest digest = new Digest().add(stat.isLink() ? "link" : Integer.toOctalString(stat.mode()));
        if (stat.isLink()) {
            digest.add(target());
        } else if (stat.isFile()) {
            digest.addContent(file);
        } else if (!stat.isFolder()) {
            digest.add(Long.toString(stat.device())); // BuildKit copies pipes and devices
        }
        return digest.hex();
    }

    /** Counts in place of the content of a file that may not be read. */
    String unreadable() {
        return new Digest().add("unreadable", Integer.toOctalString(stat.mode())).hex();
    }
}
