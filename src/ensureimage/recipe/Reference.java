import java.util.Locale;
import java.util.regex.Pattern;

/**
 * An image reference in its canonical parts: {@code app} is {@code docker.io/library/app:latest}. Two references
 * are equal if the engine takes them for the same. Grammar: distribution/reference, {@code reference.go}.
 */
record Reference(String domain, String path, String tag) {

    private static final Pattern DOMAIN = Pattern.compile(
            "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
                    + "(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?|\\[[a-fA-F0-9:]+](?::[0-9]+)?");
    private static final Pattern PATH = Pattern.compile(
            "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");
    private static final Pattern TAG = Pattern.compile("[\\w][\\w.-]{0,127}");
    private static final Pattern IMAGE_ID = Pattern.compile("[a-f0-9]{64}");
    private static final String DOCKER_HUB = "docker.io";
    private static final int MAX_NAME = 255;

    static Reference parse(String text) throws ensure_image.Failed {
        if (text.contains("@")) {
            throw malformed(text, "a digest is the result of a build, it cannot be asked for");
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
        check(text, domain.length() + 1 + path.length() <= MAX_NAME, "a name has at most 255 characters");
        check(text, DOMAIN.matcher(domain).matches(), "the registry's host name is not valid");
        check(text, !path.equals("library/"), "there is no name");
        check(text, path.equals(path.toLowerCase(Locale.ROOT)), "a name is all lower case");
        check(text, PATH.matcher(path).matches(), "a name has letters, digits, and single . _ - between them");
        check(text, TAG.matcher(tag).matches(), "a tag has up to 128 letters, digits, . _ -");
        check(text, !IMAGE_ID.matcher(text).matches(), "this is an image ID");
        return new Reference(domain, path, tag);
    }

    private static boolean isDomain(String first) {
        return first.contains(".") || first.contains(":") || first.equals("localhost")
                || !first.equals(first.toLowerCase(Locale.ROOT));
    }

    private static void check(String text, boolean holds, String why) throws ensure_image.Failed {
        if (!holds) {
            throw malformed(text, why);
        }
    }

    private static ensure_image.Failed malformed(String text, String why) {
        return new ensure_image.Failed(ensure_image.ExitCode.USAGE,
                "malformed reference: '" + ensure_image.Text.printable(text) + "': " + why, "");
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

    /** Without the tag. */
    String name() {
        String text = toString();
        return text.substring(0, text.length() - tag.length() - 1);
    }

    /**
     * As people write it, as far as that names the same image: what {@code docker.io/} stands before may look like a
     * host, too. Always with the tag: without one the engine may take it for an image ID.
     */
    @Override
    public String toString() {
        String name = path.replaceFirst("^library/(?=[^/]+$)", "");
        boolean needsDomain = !domain.equals(DOCKER_HUB) || isDomain(name.substring(0, Math.max(0, name.indexOf('/'))));
        return (needsDomain ? domain + "/" + path : name) + ":" + tag;
    }
}
