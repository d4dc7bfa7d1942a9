// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
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

    /** What BuildKit's client sends of a writable file where files have no mode (tonistiigi/fsutil, {@code stat.go}). */
    private static final int MODE_WITHOUT_UNIX = 0755;
    private static final String UNIX = "unix";

    static FileStat read(Path file) throws IOException {
        return isUnix(file) ? readUnix(file) : readBasic(file);
    }

    /** Whether files there have modes, as everywhere but on Windows. */
    private static boolean isUnix(Path file) {
        return file.getFileSystem().supportedFileAttributeViews().contains(UNIX);
    }

    /** Gives a file these permission bits, where it has any. */
    static void setPermissions(Path file, int permissions) throws IOException {
        if (isUnix(file)) {
            Files.setAttribute(file, "unix:mode", permissions);
        }
    }

    private static FileStat readBasic(Path file) throws IOException {
        BasicFileAttributes a = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        int type = a.isSymbolicLink() ? LINK : a.isDirectory() ? FOLDER : a.isRegularFile() ? FILE : 0;
        return new FileStat(type | MODE_WITHOUT_UNIX, a.isRegularFile() ? a.size() : 0, 0,
                a.lastModifiedTime().to(TimeUnit.NANOSECONDS), 0, 0, 0);
    }

    private static FileStat readUnix(Path file) throws IOException {
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

    /** Written out, as {@link #equals}: a record's own cost each start of a JVM some milliseconds. */
    @Override
    public int hashCode() {
        return 31 * Long.hashCode(inode) + Long.hashCode(changed);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FileStat o && mode == o.mode && size == o.size && inode == o.inode
                && modified == o.modified && changed == o.changed && device == o.device && host == o.host;
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
