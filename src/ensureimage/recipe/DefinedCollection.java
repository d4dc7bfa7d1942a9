// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import ensureimage.recipe.ImageCollection.Member;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The images that a file of docker's own defines. */
public final class DefinedCollection {
    private final FileKind kind;
    private final Map<Reference, Definition> byReference = new LinkedHashMap<>();
    private final List<Definition> asked;
    private final Map<String, Flaw> skipped;
    private final BuilderKind builder;

    /**
     * A collection.
     *
     * @param definitions all images
     * @param asked the names in the file of those that were asked for; others are there because an image is built on them
     * @param skipped what was asked for and is no image, by its name in the file, and why not
     * @param builder what builds them
     * @throws RecipeException {@link Flaw.DefinedTwice}
     */
    public DefinedCollection(FileKind kind, List<Definition> definitions, Set<String> asked,
            Map<String, Flaw> skipped, BuilderKind builder) throws RecipeException {
        this.kind = kind;
        this.builder = builder;
        this.skipped = new LinkedHashMap<>(skipped);
        this.asked = definitions.stream().filter(each -> each.names().stream().anyMatch(asked::contains)).toList();
        for (Definition definition : definitions) {
            for (Reference reference : references(definition)) {
                Definition other = byReference.putIfAbsent(reference, definition);
                if (other != null && other != definition) {
                    throw new RecipeException(new Flaw.DefinedTwice(kind, reference,
                            List.of(other.names().get(0), definition.names().get(0))));
                }
            }
        }
    }

    /** All names of an image. */
    public static Set<Reference> references(Definition definition) {
        Set<Reference> references = new LinkedHashSet<>(List.of(definition.recipe().reference()));
        references.addAll(definition.otherNames());
        return references;
    }

    /** What was asked for. */
    public List<Definition> asked() {
        return asked;
    }

    /** What was asked for and is no image, by its name in the file, and why it is left out. */
    public Map<String, Flaw> skipped() {
        return skipped;
    }

    /**
     * The images that were asked for and what they are built on, bases first.
     *
     * @throws RecipeException {@link Flaw.NothingDefined}, {@link Flaw.Cycle}, or {@link Flaw.Unreadable}
     */
    public List<Member> members() throws RecipeException {
        if (asked.isEmpty()) {
            throw new RecipeException(new Flaw.NothingDefined(kind));
        }
        MemberOrder order = new MemberOrder(builder,
                reference -> Optional.ofNullable(byReference.get(reference)).map(DefinedCollection::entry));
        asked.forEach(definition -> order.add(entry(definition)));
        return order.members();
    }

    private static MemberOrder.Entry entry(Definition definition) {
        return new MemberOrder.Entry(definition.recipe(), definition.otherNames());
    }
}
