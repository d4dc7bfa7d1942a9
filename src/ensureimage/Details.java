// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.HeldImage;
import ensureimage.recipe.Manifest;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a look-up learned of an image besides its status.
 *
 * @param named when the image that is there last got a name; empty if none is there, or it is not known
 * @param size of that image in bytes; 0 if none is there, or it is not known
 * @param inputs what counts as an input now: of contents and values only digests
 * @param outsideBases images outside the collection that it is built on, by their names
 * @param asks whether it is built from something that no look-up can know, so that docker build is asked each time
 */
public record Details(Optional<Instant> named, long size, Manifest inputs, SortedSet<String> outsideBases,
        boolean asks) {

    static Details of(Found found, Plan plan) {
        Optional<HeldImage> held =
                Optional.ofNullable(found.images().get(found.expected().recipe().reference().toString()));
        return new Details(held.flatMap(HeldImage::named), held.map(HeldImage::size).orElse(0L),
                plan.fingerprint().manifest(), new TreeSet<>(plan.expected().outsideBases()), plan.labels().asks());
    }
}
