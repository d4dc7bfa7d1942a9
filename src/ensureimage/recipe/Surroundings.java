// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a build takes from elsewhere than its recipe.
 *
 * @param builder what builds
 * @param arguments build arguments that the client adds by itself, such as the proxies of its configuration; they count if
 *        the Dockerfile declares them, and those of the recipe win
 * @param facts whatever else the image depends on, by a name for people, such as labels that the client adds
 */
public record Surroundings(BuilderKind builder, SortedMap<String, String> arguments, SortedMap<String, String> facts) {

    /** A builder, and nothing else. */
    public static Surroundings of(BuilderKind builder) {
        return new Surroundings(builder, Collections.emptySortedMap(), Collections.emptySortedMap());
    }

    /** The client's arguments with the recipe's in their place where both have one. */
    SortedMap<String, String> with(SortedMap<String, String> ownArguments) {
        SortedMap<String, String> all = new TreeMap<>(arguments);
        all.putAll(ownArguments);
        return all;
    }
}
