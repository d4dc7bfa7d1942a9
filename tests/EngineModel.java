// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import java.util.stream.IntStream;

/**
 * What an engine with the containerd image store holds, as far as one tag is concerned. The store changes one record at a
 * time; {@link EngineCall} has the steps that do.
 *
 * <p>An image is a small number: {@link #image} tells what it is made of.
 *
 * @param up whether the engine runs
 * @param tag the image that has the tag, or {@link #NONE}
 * @param unnamed the images that a {@code moby-dangling@…} record keeps, a bit per image
 * @param fetched the images that have a name in a registry besides, a bit per image
 * @param whole the images whose content is stored, a bit per image; an image can have a record and no content
 */
record EngineModel(boolean up, int tag, long unnamed, long fetched, long whole) {
    static final int NONE = -1;
    /** An image without a label of ours. It has another name besides, so that it is never gone. */
    static final int FOREIGN = 0;
    /** What a label tells of that covers only a part of folder A: the part that no edit here changes. */
    static final int NARROW = 4;

    /** What the inputs 1 to 3 are, and what labels tell of. */
    private static final String[] FOLDERS = {"", "A", "B", "A as edited", "a part of A"};
    /** Labels, and contents, that go together; the place of a pair is the image's number, with the maker above it. */
    private static final int[][] KINDS = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {1, 3}, {3, 1}, {NARROW, 1}, {NARROW, 3}};
    private static final int KIND_BITS = 3;

    /** What a {@code docker build -t} beside ours makes. */
    static final int NAIVE = image(0, 0, 1);

    /** An engine that holds this image under the tag. */
    static EngineModel holding(int image) {
        return new EngineModel(true, image, 0, 0, bit(FOREIGN) | bit(image));
    }

    /**
     * An image.
     *
     * @param label the inputs that its label tells of, 1 to 3, or {@link #NARROW}; 0 is no label
     * @param content the inputs that it was built from, 1 to 3; 0 is those of others
     * @param maker the builder, 1 to 3, if builds of the same inputs differ; else 0
     */
    static int image(int label, int content, int maker) {
        for (int kind = 0; kind < KINDS.length; kind++) {
            if (KINDS[kind][0] == label && KINDS[kind][1] == content) {
                return kind | maker << KIND_BITS;
            }
        }
        throw new IllegalArgumentException(label + " " + content);
    }

    static int label(int image) {
        return KINDS[image & KINDS.length - 1][0];
    }

    static int content(int image) {
        return KINDS[image & KINDS.length - 1][1];
    }

    /** What inputs are called. */
    static String inputs(int number) {
        return FOLDERS[number];
    }

    /** What an image is called. */
    static String name(int image) {
        if (image == NONE || label(image) == 0) {
            return image == NONE ? "no image" : image == NAIVE ? "the naive build's image" : "the foreign image";
        }
        String other = label(image) == content(image) ? "" : " (built from " + inputs(content(image)) + ")";
        int maker = image >> KIND_BITS;
        return "image " + inputs(label(image)) + other + (maker == 0 ? "" : " of builder " + maker);
    }

    // ---- What it holds

    static long bit(int image) {
        return image == NONE ? 0 : 1L << image;
    }

    /** Whether a record has the image. */
    boolean holds(int image) {
        return (held() & bit(image)) != 0;
    }

    boolean isUnnamed(int image) {
        return (unnamed & bit(image)) != 0;
    }

    boolean isWhole(int image) {
        return (whole & bit(image)) != 0;
    }

    IntStream allUnnamed() {
        return IntStream.range(0, Long.SIZE).filter(this::isUnnamed);
    }

    /** Whether there is content that no record and no call keeps. */
    boolean hasGarbage(long leased) {
        return (whole & ~held() & ~leased) != 0;
    }

    private long held() {
        return bit(tag) | unnamed | fetched | bit(FOREIGN);
    }

    // ---- What one step changes

    EngineModel withTag(int image) {
        return new EngineModel(up, image, unnamed, fetched, whole);
    }

    EngineModel withUnnamed(int image) {
        return new EngineModel(up, tag, unnamed | bit(image), fetched, whole);
    }

    EngineModel withoutUnnamed(int image) {
        return new EngineModel(up, tag, unnamed & ~bit(image), fetched, whole);
    }

    EngineModel withFetched(int image) {
        return new EngineModel(up, tag, unnamed, fetched | bit(image), whole);
    }

    EngineModel withoutFetched(int image) {
        return new EngineModel(up, tag, unnamed, fetched & ~bit(image), whole);
    }

    EngineModel withContent(int image) {
        return new EngineModel(up, tag, unnamed, fetched, whole | bit(image));
    }

    EngineModel withoutGarbage(long leased) {
        return new EngineModel(up, tag, unnamed, fetched, whole & (held() | leased));
    }

    EngineModel running(boolean now) {
        return new EngineModel(now, tag, unnamed, fetched, whole);
    }
}
