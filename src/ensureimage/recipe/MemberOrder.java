// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import ensureimage.recipe.ImageCollection.Member;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Puts the images of a collection behind what they are built on. */
final class MemberOrder {
    private final BuilderKind builder;
    private final Source source;
    private final Set<Reference> asked = new LinkedHashSet<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Map<Reference, Member> ordered = new LinkedHashMap<>();
    private final Set<Reference> underWay = new LinkedHashSet<>();

    /** An image of a collection. */
    record Entry(Recipe recipe, List<Reference> otherNames) {
    }

    /** A collection. */
    @FunctionalInterface
    interface Source {
        /** The image that has this reference; empty if it is not one of the collection. */
        Optional<Entry> find(Reference reference) throws RecipeException;
    }

    /** @param builder what builds the images; it decides which bases an image needs */
    MemberOrder(BuilderKind builder, Source source) {
        this.builder = builder;
        this.source = source;
    }

    /** Adds an image that the caller named. */
    void add(Entry entry) {
        asked.add(entry.recipe().reference());
        entries.add(entry);
    }

    /**
     * Those that were added, and what they are built on, bases first.
     *
     * @throws RecipeException if there is a cycle, or what the source throws
     */
    List<Member> members() throws RecipeException {
        for (Entry entry : entries) {
            place(entry);
        }
        return List.copyOf(ordered.values());
    }

    private Member place(Entry entry) throws RecipeException {
        Reference reference = entry.recipe().reference();
        Member known = ordered.get(reference);
        if (known != null) {
            return known;
        }
        if (!underWay.add(reference)) {
            List<Reference> way = new ArrayList<>(underWay);
            way.add(reference);
            throw new RecipeException(
                    new Flaw.Cycle(List.copyOf(way.subList(way.indexOf(reference), way.size()))));
        }
        Map<Reference, Member> bases = new LinkedHashMap<>();
        for (String name : entry.recipe().readDockerfile(builder).bases()) {
            Optional<Reference> base = Reference.find(name); // none if only docker knows which one it is
            Optional<Entry> found = base.isEmpty() ? Optional.empty() : source.find(base.get());
            if (found.isPresent()) {
                bases.put(base.get(), place(found.get()));
            }
        }
        underWay.remove(reference);
        Member member = new Member(entry.recipe(), entry.otherNames(), bases, asked.contains(reference));
        ordered.put(reference, member);
        return member;
    }
}
