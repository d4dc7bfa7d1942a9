// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Files as they were at one moment. All that look at the same moment share what was seen: each folder is listed once, and
 * each file is read once. Safe from many threads.
 */
public final class Moment {
    private final KnownFiles known;
    private final Instant start;
    private final Map<Path, Listing> listings = new ConcurrentHashMap<>();
    private final Map<Child, Content> contents = new ConcurrentHashMap<>();

    Moment(KnownFiles known, Instant start) {
        this.known = known;
        this.start = start;
    }

    /** What a folder held. @param failure why that is not all */
    record Listing(List<Child> children, Optional<IOException> failure) {
    }

    /** A file in a folder. @param failure why there is no {@code stat} */
    record Child(Path file, FileStat stat, IOException failure) {
        static Child look(Path file) {
            try {
                return new Child(file, FileStat.read(file), null);
            } catch (IOException e) {
                return new Child(file, null, e);
            }
        }

        /** Written out, as {@link #equals}: a record's own cost each start of a JVM some milliseconds. */
        @Override
        public int hashCode() {
            return 31 * file.hashCode() + Objects.hashCode(stat);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Child child && file.equals(child.file) && Objects.equals(stat, child.stat)
                    && failure == child.failure;
        }
    }

    /** What came of reading a file. @param failure why there is no {@code digest} */
    private record Content(String digest, IOException failure) {
    }

    /** What reads a file. */
    @FunctionalInterface
    interface Reading {
        String digest() throws IOException;
    }

    KnownFiles known() {
        return known;
    }

    /** All that was seen is as it was then, or later. */
    Instant start() {
        return start;
    }

    Listing list(Path folder) {
        return listings.computeIfAbsent(folder, Moment::look);
    }

    private static Listing look(Path folder) {
        List<Child> children = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                children.add(Child.look(file));
            }
        } catch (IOException e) {
            return new Listing(children, Optional.of(e));
        } catch (DirectoryIteratorException e) {
            return new Listing(children, Optional.of(e.getCause()));
        }
        return new Listing(children, Optional.empty());
    }

    /**
     * The digest of a file.
     *
     * @param stat what it is a digest of, too
     * @param reading makes it, if the file was not read yet
     */
    String digest(Path file, FileStat stat, Reading reading) throws IOException {
        Content content = contents.computeIfAbsent(new Child(file, stat, null), ignored -> {
            try {
                return new Content(reading.digest(), null);
            } catch (IOException e) {
                return new Content(null, e);
            }
        });
        if (content.failure() != null) {
            throw content.failure();
        }
        return content.digest();
    }
}
