// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;

/** Where a Dockerfile comes from. */
public sealed interface DockerfileSource {

    /** A file. */
    record InFile(Path path) implements DockerfileSource {
    }

    /** A content without a file, as {@code docker build --file -} takes it; not to be changed afterwards. */
    record Given(byte[] content) implements DockerfileSource {
    }
}
