// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.Reference;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The last lines, each whole, of {@code docker pull} and {@code docker push} that say more than that it failed. What is not
 * here is trouble, whatever it says.
 */
enum RegistryLine {
    /** The containerd store of Docker 26.1 and 28.5. Other failures end in "not found", too. */
    MISS(Meaning.NOT_THERE, "(?:Error response from daemon: )?failed to resolve reference \"(?<ref>[^\" ]+)\": "
            + "(?<again>[^\" ]+): not found"),

    /** The classic store of Docker 28.5, {@code distribution/errors.go}: no such tag, or no such repository yet. */
    MISS_CLASSIC(Meaning.NOT_THERE, "Error response from daemon: (?:(?:manifest for (?<ref>[^\" ]+) not found: "
            + "|repository (?<name>[^\" ]+) not found: )?(?:manifest|name) unknown(?:: .*)?)"),

    /** The caller is not allowed to, or no caller is: 401, 403, 405 on the containerd store. */
    DENIED(Meaning.DENIED, "(?:.*: )?(?:(?:pull|push) access denied, .*|.*: (?:401 Unauthorized|403 Forbidden"
            + "|405 Method Not Allowed))"),

    /** The same on the classic store, and in the registry's own words. */
    DENIED_CLASSIC(Meaning.DENIED,
            "(?:Error response from daemon: )?(?:(?:[A-Z][a-z]+ \"[^\"]*\"|error from registry): )?"
                    + "(?:unauthorized|denied|unsupported|no basic auth credentials)(?:: .*)?"),

    /** A tag that cannot be overwritten, as Harbor, ECR, Artifact Registry, ACR and GitLab word it. */
    IMMUTABLE(Meaning.ALREADY_THERE, "(?i).*(?:cannot be overwritten|tag is immutable|immutable tag|"
            + "already exists in the '[^']+' repository and cannot|configured as immutable"
            + "|manifest is immutable|is protected and cannot be overwritten).*"),

    /** Another process has dropped the name that the image had for the push: Docker 28.5; the classic store. */
    NAME_GONE(Meaning.NAME_GONE, "(?:Error response from daemon: )?(?:tag does not exist: .*"
            + "|An image does not exist locally with the tag: .*)");

    /** What a line says. */
    enum Meaning {
        NOT_THERE, DENIED, ALREADY_THERE, NAME_GONE
    }

    private final Meaning meaning;
    private final Pattern pattern;

    RegistryLine(Meaning meaning, String wholeLine) {
        this.meaning = meaning;
        this.pattern = Pattern.compile(wholeLine);
    }

    /** What a line says of this image; empty if it is not known. */
    static Optional<Meaning> read(String line, Reference image) {
        if (MISS.names(line, image) || MISS_CLASSIC.names(line, image)) {
            return Optional.of(Meaning.NOT_THERE);
        }
        for (RegistryLine each : new RegistryLine[] {IMMUTABLE, NAME_GONE, DENIED, DENIED_CLASSIC}) {
            if (each.pattern.matcher(line).matches()) {
                return Optional.of(each.meaning);
            }
        }
        return Optional.empty();
    }

    /** Whether it is such a line, and about this image. */
    private boolean names(String line, Reference image) {
        Matcher matcher = pattern.matcher(line);
        if (!matcher.matches()) {
            return false;
        }
        if (this == MISS) {
            return is(matcher.group("ref"), image) && matcher.group("again").equals(matcher.group("ref"));
        }
        return (matcher.group("ref") == null || is(matcher.group("ref"), image))
                && (matcher.group("name") == null || Reference.find(matcher.group("name"))
                        .filter(each -> each.name().equals(image.name())).isPresent());
    }

    private static boolean is(String named, Reference image) {
        return Reference.find(named).filter(image::equals).isPresent();
    }
}
