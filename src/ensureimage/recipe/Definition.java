// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.List;

/**
 * An image as a file of docker's own defines it.
 *
 * @param names of it in the file: a target, or one or more services that share it
 * @param recipe under the first of its references
 * @param otherNames its other references
 * @param remarks what the file says of it and a look-up cannot honour
 */
public record Definition(List<String> names, Recipe recipe, List<Reference> otherNames, List<Remark> remarks) {

    /** What is done otherwise than the file says. */
    public enum Kind {
        /** It is built for one platform of several; the detail is that one. */
        ONE_PLATFORM,
        /** It is not pushed to a registry. */
        NOT_PUSHED,
        /** Besides the image nothing is written; the detail is the kind of output. */
        NOT_WRITTEN,
        /** The cache is exported only when the image is built. */
        CACHE_EXPORT,
        /** It is built without the cache only if it is missing or stale. */
        NO_CACHE
    }

    /** Whether a build context is a URL or a git repository. */
    public static boolean isRemote(String context) {
        return NamedContext.parse(context).kind() == NamedContext.Kind.REMOTE;
    }

    /** @param detail what {@link Kind} says that it is; may be empty */
    public record Remark(Kind kind, String detail) {
    }
}
