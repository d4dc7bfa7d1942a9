// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Texts from elsewhere made safe to print: nothing in them can move the cursor, hide text or end a line. */
public final class Printable {
    private static final Pattern COLOUR = Pattern.compile("\u001b\\[[0-9;]*m");
    private static final Set<Byte> UNPRINTABLE = Set.of(Character.CONTROL, Character.FORMAT, Character.SURROGATE,
            Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR);

    private Printable() {
    }

    /** The text without colours; control characters but the tab become visible, for example as {@code \u001b}. */
    public static String escape(Object text) {
        return visible(COLOUR.matcher(String.valueOf(text)).replaceAll(""));
    }

    /** A byte string, such as a path of a manifest, in the same notation; with colours, for they are part of the name. */
    public static String path(String byteString) {
        return visible(ByteStrings.decode(byteString));
    }

    /** The same for a file, also one whose name the locale cannot express. */
    public static String path(Path file) {
        return path(ByteStrings.encode(file));
    }

    private static String visible(String text) {
        return text.codePoints()
                .mapToObj(c -> c == '\t' || !UNPRINTABLE.contains((byte) Character.getType(c))
                        ? Character.toString(c)
                        : String.format(Locale.ROOT, "\\u%04x", c))
                .collect(Collectors.joining());
    }
}
