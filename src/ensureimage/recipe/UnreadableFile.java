// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** An input that cannot be read, on its way through streams to where it becomes a flaw of a recipe. */
final class UnreadableFile extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient Path file;

    UnreadableFile(Path file, IOException cause) {
        super(cause);
        this.file = file;
    }

    RecipeException flawOf(Recipe recipe) {
        return new RecipeException(new Flaw.Unreadable(file, reason((IOException) getCause()), recipe));
    }

    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof NoSuchFileException) {
            return "no such file or folder";
        }
        String why = e instanceof FileSystemException inFiles ? inFiles.getReason() : e.getMessage();
        return why == null ? e.getClass().getSimpleName() : why;
    }
}
