// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a name means instead of an image: {@code --build-context NAME=WHERE}. Rules: docker/buildx {@code build/opt.go}.
 *
 * @param where as it was given
 */
record NamedContext(Kind kind, String where) {

    enum Kind {
        FOLDER,
        /** The name of an image. */
        IMAGE,
        /** An image in an OCI layout on disk. */
        LAYOUT,
        /** A URL or a git repository: what is there cannot be looked up. */
        REMOTE
    }

    private static final String IMAGE_PREFIX = "docker-image://";
    static final String LAYOUT_PREFIX = "oci-layout://";
    private static final Pattern REMOTE =
            Pattern.compile("(?is)(https?|git|ssh)://.*|git@.*|github\\.com/.*|target:.*|input:.*");

    static NamedContext parse(String where) {
        if (where.startsWith(IMAGE_PREFIX)) {
            return new NamedContext(Kind.IMAGE, where.substring(IMAGE_PREFIX.length()));
        } else if (where.startsWith(LAYOUT_PREFIX)) {
            return new NamedContext(Kind.LAYOUT, where.substring(LAYOUT_PREFIX.length()));
        }
        return new NamedContext(REMOTE.matcher(where).matches() ? Kind.REMOTE : Kind.FOLDER, where);
    }

    /** The name as BuildKit compares it: of all forms of an image's name the shortest, and without {@code :latest}. */
    static String canonicalName(String name) {
        return Reference.find(name).map(Reference::toString)
                .map(shortest -> shortest.endsWith(":latest") ? shortest.substring(0, shortest.length() - 7) : shortest)
                .orElse(name);
    }

    /** The folder of this kind of context, or of the layout. */
    Path folder() {
        return Path.of(kind == Kind.LAYOUT ? where.split("[@:]", 2)[0] : where);
    }

    /** Of a layout, the tag that names the image in it. */
    String tag() {
        String[] parts = where.split("@", 2)[0].split(":", 2);
        return parts.length < 2 ? "latest" : parts[1];
    }

    /** Of a layout, the digest that names the image in it, if one does. */
    Optional<String> digest() {
        String[] parts = where.split("@", 2);
        return parts.length < 2 ? Optional.empty() : Optional.of(parts[1]);
    }
}
