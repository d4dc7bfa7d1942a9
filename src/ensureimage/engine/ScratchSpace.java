// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.io.IOException;
import java.nio.file.Path;

/** Where a build can have a private folder for a while. */
@FunctionalInterface
public interface ScratchSpace {

    /** A new, empty, private folder. @throws IOException if none can be made */
    Folder open() throws IOException;

    /** Closing it deletes it with what is in it. */
    interface Folder extends AutoCloseable {
        /** Where it is. */
        Path path();

        @Override
        void close();
    }
}
