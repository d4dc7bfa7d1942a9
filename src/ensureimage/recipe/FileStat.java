package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A file's lstat, as far as it counts; times, in nanoseconds since 1970, only tell whether it changed.
 *
 * @param device of a device file, its number; else 0
 * @param host the number of the device that it is on
 */
record FileStat(int mode, long size, long inode, long modified, long changed, long device, long host) {
    private static final int TYPE = 0170000;
    private static final int FILE = 0100000;
    private static final int FOLDER = 0040000;
    private static final int LINK = 0120000;
    private static final int CHARACTERS = 0020000;
    private static final int BLOCKS = 0060000;
    /** No more: each costs time for each file. */
    private static final String USED = "unix:mode,size,ino,lastModifiedTime,ctime,dev";

    static FileStat read(Path file) throws IOException {
        Map<String, Object> a = Files.readAttributes(file, USED,
                LinkOption.NOFOLLOW_LINKS);
        int mode = (int) a.get("mode");
        boolean special = (mode & TYPE) == CHARACTERS || (mode & TYPE) == BLOCKS;
        return new FileStat(mode, (long) a.get("size"), (long) a.get("ino"),
                ((FileTime) a.get("lastModifiedTime")).to(TimeUnit.NANOSECONDS),
                ((FileTime) a.get("ctime")).to(TimeUnit.NANOSECONDS),
                special ? (long) Files.getAttribute(file, "unix:rdev", LinkOption.NOFOLLOW_LINKS) : 0,
                (long) a.get("dev"));
    }

    boolean isFile() {
        return (mode & TYPE) == FILE;
    }

    boolean isFolder() {
        return (mode & TYPE) == FOLDER;
    }

    boolean isLink() {
        return (mode & TYPE) == LINK;
    }
}
