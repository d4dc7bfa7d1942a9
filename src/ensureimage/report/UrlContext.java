// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A URL that docker takes in the place of a build context, and a folder that can hold the same files.
 *
 * @param url as git or curl take it
 * @param ref a branch, a tag or a commit; empty for the default branch
 * @param below the folder in the repository; empty for its root
 */
record UrlContext(String url, String ref, String below) {
    /** The forms of docker (BuildKit {@code util/gitutil}): what is behind the # is a ref and a folder. */
    private static final Pattern FORM = Pattern.compile("(?<url>(?:https?|git|ssh)://[^#]+|git@[^:#]+:[^#]+"
            + "|github\\.com/[^#]+)(?:#(?<ref>[^:]*)(?::(?<below>.*))?)?");
    private static final Pattern GIT = Pattern.compile("(?:git|ssh)://.*|git@.*|github\\.com/.*|.*\\.git");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{7,64}");

    /** Reads a word; empty if it is no URL, or if a folder has this name. */
    static Optional<UrlContext> find(String word) {
        Matcher matcher = FORM.matcher(word);
        return matcher.matches() && !isFolder(word) ? Optional.of(new UrlContext(matcher.group("url"),
                Optional.ofNullable(matcher.group("ref")).orElse(""),
                Optional.ofNullable(matcher.group("below")).orElse(""))) : Optional.empty();
    }

    /** Whether a folder has this name. */
    static boolean isFolder(String word) {
        try {
            return Files.isDirectory(Path.of(word));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /** Whether it is a git repository; else it is an archive, or a Dockerfile. */
    boolean isRepository() {
        return GIT.matcher(url).matches();
    }

    /** Whether a user name or a password of HTTP is in it. */
    boolean isSecret() {
        return url.matches("https?://[^/]*@.*");
    }

    /** The folder for all of it: the one that git makes by itself. */
    String root() {
        String last = url.replaceFirst("[?].*", "").replaceFirst("/+$", "").replaceFirst(".*[/:]", "");
        return last.replaceFirst("\\.(?:git|tgz|zip|tar(?:\\.\\w+)?)$", "").replaceFirst("^[.-]*$", "context");
    }

    /** The folder that takes the place of the URL. */
    String folder() {
        return root() + (below.isEmpty() ? "" : "/" + below.replaceFirst("^/+", ""));
    }

    /** The commands that make the folder; empty if none that can be pasted is known. @param repeatsSecret in the URL */
    Optional<String> fetch(boolean repeatsSecret) {
        if (!isRepository() || isSecret() && !repeatsSecret) {
            return Optional.empty();
        }
        String source = OurLine.quoted((url.startsWith("github.com/") ? "https://" : "") + url);
        String inIt = "git -C " + OurLine.quoted(root()) + " ";
        boolean isCommit = COMMIT.matcher(ref).matches();
        return Optional.of(ref.isEmpty() ? "git clone " + source
                : isCommit ? "git clone " + source + " && " + inIt + "checkout " + ref
                : ref.startsWith("refs/") ? "git clone " + source + " && " + inIt + "fetch origin "
                        + OurLine.quoted(ref) + " && " + inIt + "checkout FETCH_HEAD"
                : "git clone --branch " + OurLine.quoted(ref) + " " + source);
    }
}
