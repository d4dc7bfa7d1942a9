// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import java.nio.file.Path;

/** Something could not be installed or removed; what there was before still works. */
public final class NotInstalled extends Exception {
    private static final long serialVersionUID = 1L;
    private final Kind kind;
    private final transient Path path;

    /** What is in the way. */
    public enum Kind {
        /** The environment names no home folder. */
        NO_HOME,
        /** A file or folder cannot be written or removed. */
        CANNOT_WRITE,
        /** A file that another program wrote has the name of a launcher. */
        FOREIGN,
        /** This program does not run from class files that could be copied. */
        NO_CLASSES,
        /** There is no installed form. */
        NOTHING_THERE
    }

    NotInstalled(Kind kind, Path path, String reason) {
        super(reason);
        this.kind = kind;
        this.path = path;
    }

    /** What is in the way. */
    public Kind kind() {
        return kind;
    }

    /** On which file or folder. */
    public Path path() {
        return path;
    }

    /** What the operating system said; may be empty. */
    public String reason() {
        return getMessage();
    }
}
