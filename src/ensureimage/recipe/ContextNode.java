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
     * @param mustBeReadable whether a file that may not be read is a flaw; otherwise that counts in place of its content
     */
    Optional<String> digest(boolean mustBeReadable) {
        Digest digest = new Digest().add(stat.isLink() ? "link" : Integer.toOctalString(stat.mode()));
        try {
            if (stat.isLink()) {
                digest.add(target());
            } else if (stat.isFile()) {
                digest.addContent(file);
            } else if (!stat.isFolder()) {
                digest.add(Long.toString(stat.device())); // BuildKit copies pipes and devices
            }
            return Optional.of(digest.hex());
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (AccessDeniedException e) {
            if (mustBeReadable) {
                throw new UnreadableFile(file, e);
            }
            return Optional.of(new Digest().add("unreadable", Integer.toOctalString(stat.mode())).hex());
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }
}
