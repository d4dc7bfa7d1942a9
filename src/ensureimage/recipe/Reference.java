// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * An image reference in its canonical parts: {@code app} is {@code docker.io/library/app:latest}. Two references
 * are equal if the engine takes them for the same. Grammar: distribution/reference, {@code reference.go}.
 *
 * @param domain the registry's host, with its port if it has one
 * @param path the name within the registry
 * @param tag never empty
 */
public record Reference(String domain, String path, String tag) {

    private static final Pattern DOMAIN = Pattern.compile(
            "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
                    + "(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?|\\[[a-fA-F0-9:]+](?::[0-9]+)?");
    private static final Pattern PATH = Pattern.compile(
            "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");
    private static final Pattern TAG = Pattern.compile("[\\w][\\w.-]{0,127}");
    private static final Pattern IMAGE_ID = Pattern.compile("[a-f0-9]{64}");
    private static final String DOCKER_HUB = "docker.io";
    private static final int MAX_NAME = 255;

    /**
     * Reads {@code [HOST[:PORT]/]NAME[:TAG]} as the engine does.
     *
     * @throws RecipeException {@link Flaw.MalformedReference} if it is none, or one with a digest, or an image ID
     */
    public static Reference parse(String text) throws RecipeException {
        if (text.contains("@")) {
            throw malformed(text, Flaw.Why.DIGEST);
        }
        int slash = text.indexOf('/');
        boolean hasDomain = slash > 0 && isDomain(text.substring(0, slash));
        String domain = hasDomain ? text.substring(0, slash) : DOCKER_HUB;
        String rest = hasDomain ? text.substring(slash + 1) : text;
        int colon = rest.lastIndexOf(':');
        String path = colon < 0 ? rest : rest.substring(0, colon);
        String tag = colon < 0 ? "latest" : rest.substring(colon + 1);
        if (domain.equals(DOCKER_HUB) || domain.equals("index.docker.io")) {
            domain = DOCKER_HUB;
            path = path.indexOf('/') < 0 ? "library/" + path : path;
        }
        require(domain.length() + 1 + path.length() <= MAX_NAME, text, Flaw.Why.NAME_TOO_LONG);
        require(DOMAIN.matcher(domain).matches(), text, Flaw.Why.HOST_NAME);
        require(!path.equals("library/"), text, Flaw.Why.NO_NAME);
        require(path.equals(path.toLowerCase(Locale.ROOT)), text, Flaw.Why.UPPER_CASE);
        require(PATH.matcher(path).matches(), text, Flaw.Why.NAME);
        require(TAG.matcher(tag).matches(), text, Flaw.Why.TAG);
        require(!IMAGE_ID.matcher(text).matches(), text, Flaw.Why.IMAGE_ID);
        return new Reference(domain, path, tag);
    }

    /** The same; empty if the text is no reference that {@link #parse} takes. */
    public static Optional<Reference> find(String text) {
        try {
            return Optional.of(parse(text));
        } catch (RecipeException e) {
            return Optional.empty();
        }
    }

    private static boolean isDomain(String first) {
        return first.contains(".") || first.contains(":") || first.equals("localhost")
                || !first.equals(first.toLowerCase(Locale.ROOT));
    }

    private static void require(boolean holds, String text, Flaw.Why why) throws RecipeException {
        if (!holds) {
            throw malformed(text, why);
        }
    }

    private static RecipeException malformed(String text, Flaw.Why why) {
        return new RecipeException(new Flaw.MalformedReference(text, why));
    }

    // Spelled out, for the generated two take a tenth of a run in which nothing changed: Java makes them at run time.

    @Override
    public boolean equals(Object other) {
        return other instanceof Reference that && domain.equals(that.domain) && path.equals(that.path)
                && tag.equals(that.tag);
    }

    @Override
    public int hashCode() {
        return (domain.hashCode() * 31 + path.hashCode()) * 31 + tag.hashCode();
    }

    /** The reference as {@link #toString} writes it, without the tag. */
    public String name() {
        String text = toString();
        return text.substring(0, text.length() - tag.length() - 1);
    }

    /** The path without the {@code library/} of Docker Hub's own images: the folder of a collection that it names. */
    public String folderName() {
        return path.replaceFirst("^library/", "");
    }

    /**
     * The shortest way to write it that names the same image: what {@code docker.io/} stands before may look like a
     * host, too. Always with the tag: without one the engine may take it for an image ID.
     */
    @Override
    public String toString() {
        String shortPath = path.replaceFirst("^library/(?=[^/]+$)", "");
        boolean needsDomain = !domain.equals(DOCKER_HUB)
                || isDomain(shortPath.substring(0, Math.max(0, shortPath.indexOf('/'))));
        return (needsDomain ? domain + "/" + path : shortPath) + ":" + tag;
    }
}
