// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Byte strings: one char (0 to 255) for each byte. Paths and texts of a build are kept as such, whatever the locale, so
 * that no file name is lost or confused and sorting is by bytes.
 */
public final class ByteStrings {
    private static final Pattern ESCAPED = Pattern.compile("%(..)");

    private ByteStrings() {
    }

    /** The byte string of a text in UTF-8. */
    public static String encode(String text) {
        return isAscii(text) ? text
                : new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The text of a byte string, as Go decodes it: each byte that is no UTF-8 becomes a replacement character. */
    public static String decode(String bytes) {
        if (isAscii(bytes)) {
            return bytes;
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0, length; i < bytes.length(); i += length) {
            length = bytes.charAt(i) < 0xC0 ? 1 : bytes.charAt(i) < 0xE0 ? 2 : bytes.charAt(i) < 0xF0 ? 3 : 4;
            String rune = utf8(bytes.substring(i, Math.min(i + length, bytes.length())));
            if (rune.codePointCount(0, rune.length()) != 1 || rune.equals("\ufffd")) {
                length = 1;
            }
            text.append(length == 1 && bytes.charAt(i) > 127 ? "\ufffd" : rune);
        }
        return text.toString();
    }

    private static String utf8(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    /** The byte string of a path, also of one that the locale cannot express: its URI has the real bytes. */
    public static String encode(Path path) {
        String separator = path.getFileSystem().getSeparator();
        String text = path.toString();
        if (!separator.equals("/")) {
            return encode(text.replace(separator, "/")); // Windows, where names are no bytes
        }
        if (isAscii(text)) {
            return text;
        }
        String uri = unpacked(path.toUri().getRawPath());
        if (!path.isAbsolute()) {
            uri = uri.substring(unpacked(Path.of("").toUri().getRawPath()).length());
        }
        return uri.endsWith("/") && !text.endsWith("/") ? uri.substring(0, uri.length() - 1) : uri;
    }

    /** The byte string of the last name in a path. */
    static String nameOf(Path file) {
        String text = file.toString();
        boolean slashes = file.getFileSystem().getSeparator().equals("/");
        return slashes && isAscii(text) ? text.substring(text.lastIndexOf('/') + 1) : encode(file.getFileName());
    }

    /** The path of a file in a folder whose name is a byte string. */
    static Path resolve(Path folder, String name) {
        if (isAscii(name) && name.indexOf(0) < 0) {
            return folder.resolve(name);
        }
        if (!folder.getFileSystem().getSeparator().equals("/")) {
            return folder.resolve(decode(name));
        }
        return folder.resolve(Path.of(URI.create("file:///" + packed(name))).getFileName());
    }

    /** A path in its shortest form, as Go's path.Clean makes it. */
    public static String cleanPath(String path) {
        boolean rooted = path.startsWith("/");
        Deque<String> parts = new ArrayDeque<>();
        for (String part : path.split("/")) {
            if (part.isEmpty() || part.equals(".")) {
                continue;
            }
            if (part.equals("..") && !parts.isEmpty() && !parts.peekLast().equals("..")) {
                parts.removeLast();
            } else if (!rooted || !part.equals("..")) {
                parts.addLast(part);
            }
        }
        String clean = String.join("/", parts);
        return rooted ? "/" + clean : clean.isEmpty() ? "." : clean;
    }

    /** A byte string in printable ASCII without spaces. */
    static String packed(String bytes) {
        StringBuilder packed = new StringBuilder();
        for (int i = 0; i < bytes.length(); i++) {
            char c = bytes.charAt(i);
            if (c < 128 && Character.isLetterOrDigit(c) || "/._-".indexOf(c) >= 0) {
                packed.append(c);
            } else {
                packed.append("%%%02X".formatted((int) c));
            }
        }
        return packed.toString();
    }

    /** What {@link #packed} was made from. */
    static String unpacked(String packed) {
        return packed.indexOf('%') < 0 ? packed
                : ESCAPED.matcher(packed)
                        .replaceAll(
                                m -> Matcher.quoteReplacement(String.valueOf((char) Integer.parseInt(m.group(1), 16))));
    }

    private static boolean isAscii(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 127) {
                return false;
            }
        }
        return true;
    }
}
