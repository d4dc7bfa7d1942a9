// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One of several that a user can name; {@link Object#toString} is its name, as a user types it. */
public interface Choice {

    /** Whether it is played if the user names none. */
    boolean isDefault();

    /** In a few words. */
    String description();

    /**
     * What is played: those that are named, in whatever case; else all, or the defaults. In the order of declaration.
     *
     * @throws IllegalArgumentException if a name is none; the message is for the user
     */
    static <T extends Choice> List<T> select(T[] every, List<String> names, boolean all) {
        List<T> named = new ArrayList<>();
        for (String name : names) {
            named.add(Arrays.stream(every).filter(each -> each.toString().equalsIgnoreCase(name)).findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("'" + name + "' is none of " + Stream.of(every)
                            .map(Object::toString).collect(Collectors.joining(", ")))));
        }
        return Arrays.stream(every).filter(each -> names.isEmpty() ? all || each.isDefault() : named.contains(each))
                .toList();
    }

    /** For {@code --help}: a line for each, with a * before the defaults. */
    static List<String> describe(Choice... every) {
        int width = Arrays.stream(every).mapToInt(each -> each.toString().length()).max().orElse(0);
        return Arrays.stream(every).map(each -> String.format(Locale.ROOT, "%s %-" + width + "s  %s",
                each.isDefault() ? "*" : " ", each, each.description())).toList();
    }

    /** The name of a constant, as a user types it. */
    static String name(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
