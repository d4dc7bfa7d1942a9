// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.HeldImage;
import ensureimage.recipe.Reference;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The images outside the collection that an image was built on, as its label has them.
 *
 * @param identities by reference, as the engine writes it
 */
record BaseImages(SortedMap<String, Identity> identities) {
    static final BaseImages NONE = new BaseImages(new TreeMap<>());

    /**
     * Which image it was.
     *
     * @param id in the engine that built on it
     * @param digest in the registry that it comes from, the same on all machines; empty if none is known. An image that is
     *        built or imported gets one when it is pushed, so the two are compared apart (Docker 28.5, classic store)
     */
    record Identity(String id, String digest) {

        static Identity read(String reference, HeldImage image) {
            return new Identity(image.id(), Reference.find(reference).flatMap(image::digestIn).orElse(""));
        }

        /** The digest; else the ID, by which another machine does not recognise it. */
        String acrossMachines() {
            return digest.isEmpty() ? id : digest;
        }

        /** Whether both are the same image. */
        boolean matches(Identity other) {
            return id.equals(other.id) || !digest.isEmpty() && digest.equals(other.digest);
        }
    }

    /** Those of these references that the engine holds. */
    static BaseImages find(Iterable<String> references, Map<String, HeldImage> held) {
        BaseImages images = new BaseImages(new TreeMap<>());
        for (String reference : references) {
            HeldImage image = held.get(reference);
            if (image != null) {
                images.identities.put(reference, Identity.read(reference, image));
            }
        }
        return images;
    }

    /** The references of the images here that those did not have, or had as another image. */
    List<String> changedSince(BaseImages those) {
        return identities.entrySet().stream()
                .filter(base -> Optional.ofNullable(those.identities.get(base.getKey()))
                        .filter(base.getValue()::matches).isEmpty())
                .map(Map.Entry::getKey).toList();
    }

    /** A text for a label: {@code REFERENCE=ID+DIGEST,…}. */
    String text() {
        return identities.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue().id + "+" + entry.getValue().digest)
                .collect(Collectors.joining(","));
    }

    /** Empty for anything that {@link #text} did not write. */
    static Optional<BaseImages> parse(String text) {
        BaseImages images = new BaseImages(new TreeMap<>());
        for (String part : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            String[] words = part.split("[=+]", -1);
            if (words.length != 3) {
                return Optional.empty();
            }
            images.identities.put(words[0], new Identity(words[1], words[2]));
        }
        return Optional.of(images).filter(parsed -> parsed.text().equals(text));
    }
}
