// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.EngineModel.FOREIGN;
import static ensureimage.EngineModel.NONE;
import static ensureimage.EngineModel.name;

import ensureimage.EngineAnswer.Words;
import java.util.List;

/**
 * A call that the engine is at. A step of it is one question to the store or one change of it; between two steps any
 * step of another call may come. The names of Go functions are those of moby, {@code daemon/containerd}.
 *
 * @param at what it does next
 * @param image that it is about
 * @param old that it found under the tag
 * @param both whether the old image was found with an unnamed record besides the tag
 * @param looks how often it has looked at the tag
 */
record EngineCall(At at, int image, int old, boolean both, int looks) {
    /** {@code resolveAllReferences} looks so often when the tag changes under it. */
    private static final int MOST_LOOKS = 4;

    /** What a call does next. */
    enum At {
        /** A look-up begins: {@code resolveImage}. The test of this on real engines is {@code EnsureImageTest}. */
        FIND_TAG,
        /** A look-up by ID begins: {@code resolveImage}. */
        FIND_ID,
        /** {@code ImageInspect} lists the image's records and reads its content. */
        READ,

        /** BuildKit, {@code exporter/containerimage/export.go}: writes the content, and holds a lease on it. */
        COMMIT,
        /** Its {@code Images.Update} of the unnamed image: {@code tests/transcripts/26.1-pruned-buildkit.txt}, "naming". */
        UPDATE,
        /** Its {@code Images.Create}, if there was nothing to update: where builds lose in {@code docs/race-28.5.md}. */
        CREATE,
        /** It unpacks, and ends: {@code tests/transcripts/26.1-pruned-buildkit.txt}, "unpacking". */
        UNPACK,

        /** {@code TagImage} finds the image by its ID. */
        RESOLVE,
        /** {@code createOrReplaceImage} creates the tag's record. */
        CREATE_TAG,
        /** The tag exists, so {@code resolveAllReferences} gets it: {@code tests/transcripts/28.5-tag-race-2.txt}. */
        GET_TAG,
        /** It lists the records of the tag's image; if the tag's is not among them any more, it begins again. */
        LIST,
        /** {@code softImageDelete} keeps the old image without a name, if the tag was its only record. */
        KEEP,
        /** It deletes the tag's record, whosever that is by then. {@code NamingRaceTest} saw images dropped so. */
        DROP,
        /** The tag's record is created again: {@code tests/transcripts/28.5-tag-race-1.txt}. */
        CREATE_AGAIN,
        /** {@code createOrReplaceImage} deletes the unnamed record of the image. */
        FORGET,

        /** {@code docker pull}: the registry has the image, or another one, or none, or is away. */
        ASK,
        /** The image's content is written, and then a record with its name in the registry. {@code ShareTest} saw both. */
        FETCH,
        /** {@code docker image rm} of that name; what has no other record then is collected at once. */
        UNTAG,
        /** {@code docker tag} with that name, for a push. */
        OFFER,

        /** {@code ImageDelete}, as of {@code docker rmi -f} in {@code tests/transcripts/28.5-rmi-loop-buildkit-1.txt}. */
        REMOVE_GET,
        /** Its {@code resolveAllReferences}, as above. */
        REMOVE_LIST,
        /** {@code deleteAll} deletes one record after the other; what has none then is collected at once. */
        REMOVE_TAG,
        /** The second one. */
        REMOVE_UNNAMED,
        /** {@code ImagesPrune} deletes an unnamed record: {@code tests/transcripts/26.1-pruned-buildkit.txt}. */
        PRUNE,

        /** BuildKit's exporter, when a build has a name: {@code tests/transcripts/28.5-buildkit-naive-race-1.txt}. */
        NAIVE_COMMIT,
        /** Its {@code Images.Update} of the tag; the image that had it is dropped. */
        NAIVE_UPDATE,
        /** Its {@code Images.Create} of the tag. */
        NAIVE_CREATE
    }

    /**
     * One way for a call to go on by one step.
     *
     * @param engine as it is after that
     * @param call what is left of it; null if it has ended
     * @param answer if it has ended; else null
     * @param what was done, in plain words
     */
    record Turn(EngineModel engine, EngineCall call, EngineAnswer answer, String what) {
    }

    static EngineCall begin(At at, int image) {
        return new EngineCall(at, image, NONE, false, 1);
    }

    boolean hasBegun() {
        return switch (at) {
            case FIND_TAG, FIND_ID, COMMIT, RESOLVE, ASK, UNTAG, OFFER, REMOVE_GET, PRUNE, NAIVE_COMMIT -> looks > 1;
            default -> true;
        };
    }

    /** The content that it keeps from being collected. */
    long lease() {
        return switch (at) {
            case UPDATE, CREATE, UNPACK, FETCH, NAIVE_UPDATE, NAIVE_CREATE -> EngineModel.bit(image);
            default -> 0;
        };
    }

    /** The content that it may still come across without a record. */
    long reach() {
        return hasBegun() ? EngineModel.bit(image) | EngineModel.bit(old) : 0;
    }

    private EngineCall then(At next) {
        return begin(next, image);
    }

    // ---- Its steps

    /** All ways for it to go on. @param leased the content that others keep */
    List<Turn> turns(EngineModel engine, long leased) {
        if (!engine.up()) {
            return List.of(ends(engine, Words.AWAY, NONE, "the engine does not answer"));
        }
        return switch (at) {
            case READ -> read(engine);
            case COMMIT -> commit(engine, leased);
            case UNPACK -> unpack(engine);
            case PRUNE -> prune(engine, leased);
            case ASK -> ask(engine);
            case FETCH, UNTAG, OFFER -> List.of(share(engine, leased));
            case REMOVE_GET, REMOVE_LIST, REMOVE_TAG, REMOVE_UNNAMED -> List.of(remove(engine, leased));
            case NAIVE_COMMIT, NAIVE_UPDATE, NAIVE_CREATE -> List.of(buildNaively(engine));
            case FIND_TAG, FIND_ID -> List.of(find(engine));
            case UPDATE, CREATE -> List.of(export(engine));
            default -> List.of(tag(engine));
        };
    }

    private Turn find(EngineModel engine) {
        int found = at == At.FIND_TAG ? engine.tag() : engine.holds(image) ? image : NONE;
        String what = at == At.FIND_TAG ? "looks the tag up" : "looks up the ID of " + name(image);
        return found == NONE ? ends(engine, Words.MISSING, NONE, what + ": it is not there")
                : goes(engine, new EngineCall(At.READ, found, NONE, false, looks), what + ": finds " + name(found));
    }

    /** Docker 26.1 reads what is not collected yet; 28.5 complains about an image without a record. */
    private List<Turn> read(EngineModel engine) {
        Turn read = engine.isWhole(image) ? ends(engine, Words.DONE, image, "reads " + name(image))
                : ends(engine, Words.HALF_GONE, NONE, "reads " + name(image) + ": its content is gone");
        return engine.holds(image) ? List.of(read)
                : List.of(ends(engine, Words.CHANGED, NONE, "reads " + name(image) + ": it lost its last record"),
                        read);
    }

    private List<Turn> commit(EngineModel engine, long leased) {
        Turn written = goes(engine.withContent(image), then(At.UPDATE), "builds: writes " + name(image));
        return (leased & EngineModel.bit(image)) == 0 ? List.of(written)
                : List.of(written, ends(engine, Words.LOCKED, NONE, "builds: another build writes " + name(image)));
    }

    private Turn export(EngineModel engine) {
        boolean there = engine.isUnnamed(image);
        if (at == At.UPDATE) {
            return goes(engine, then(there ? At.UNPACK : At.CREATE),
                    there ? "updates the unnamed record" : "finds no unnamed record to update");
        }
        return there ? ends(engine, Words.UNNAMED_TAKEN, image, "cannot create the unnamed record: it exists")
                : goes(engine.withUnnamed(image), then(At.UNPACK), "creates the unnamed record");
    }

    private List<Turn> ask(EngineModel engine) {
        return List.of(goes(engine.withContent(image), then(At.FETCH), "pulls: writes " + name(image)),
                ends(engine, Words.DONE, FOREIGN, "pulls: under its tag is the foreign image"),
                ends(engine, Words.NOT_IN_REGISTRY, NONE, "pulls: the registry does not have it"),
                ends(engine, Words.REGISTRY_AWAY, NONE, "pulls: the registry is away"));
    }

    private Turn share(EngineModel engine, long leased) {
        return switch (at) {
            case FETCH -> goes(engine.withFetched(image), then(At.FIND_ID), "names it as in the registry");
            case OFFER -> engine.holds(image) ? goes(engine.withFetched(image), then(At.UNTAG), "pushes it")
                    : ends(engine, Words.DONE, NONE, "has nothing to push");
            default -> ends(engine.withoutFetched(image).withoutGarbage(leased), Words.DONE, image,
                    "drops the name in the registry");
        };
    }

    private List<Turn> unpack(EngineModel engine) {
        Turn done = ends(engine, Words.DONE, image, "has built " + name(image));
        return engine.isUnnamed(image) ? List.of(done)
                : List.of(done, ends(engine, Words.PRUNED, NONE, "fails to build: what it made is gone"));
    }

    private Turn tag(EngineModel engine) {
        int owner = engine.tag();
        return switch (at) {
            case RESOLVE -> engine.holds(image)
                    ? goes(engine, then(At.CREATE_TAG), "asks to name " + name(image))
                    : ends(engine, Words.ID_GONE, NONE, "asks to name " + name(image) + ": it is not there");
            case CREATE_TAG -> owner == NONE
                    ? goes(engine.withTag(image), then(At.FORGET), "creates the tag for " + name(image))
                    : goes(engine, then(At.GET_TAG), "cannot create the tag: it exists");
            case GET_TAG -> owner == NONE
                    ? ends(engine, Words.TAG_GONE, NONE, "cannot get the tag that exists: it is gone")
                    : goes(engine, new EngineCall(At.LIST, image, owner, false, looks), "finds " + name(owner)
                            + " under the tag");
            case LIST -> list(engine);
            case KEEP -> goes(engine.withUnnamed(old), then(At.DROP), "keeps " + name(old) + " without a name");
            case DROP -> goes(engine.withTag(NONE), then(At.CREATE_AGAIN),
                    "deletes the tag, which " + name(owner) + " has");
            case CREATE_AGAIN -> owner == NONE
                    ? goes(engine.withTag(image), then(At.FORGET), "creates the tag again, for " + name(image))
                    : ends(engine, Words.TAG_TAKEN, NONE, "cannot create the tag again: it exists");
            case FORGET -> ends(engine.withoutUnnamed(image), Words.DONE, image,
                    "deletes the unnamed record of " + name(image) + ": it is named");
            default -> throw new IllegalStateException(at.name());
        };
    }

    private Turn list(EngineModel engine) {
        if (engine.tag() != old) {
            return looks == MOST_LOOKS
                    ? ends(engine, Words.TAG_CHANGES, NONE, "sees that the tag has changed again, and fails")
                    : goes(engine, new EngineCall(At.GET_TAG, image, NONE, false, looks + 1),
                            "sees that the tag has changed");
        }
        if (old == image) {
            return ends(engine, Words.DONE, image, "sees that " + name(image) + " has the tag already");
        }
        boolean only = old != FOREIGN && !engine.isUnnamed(old);
        return goes(engine, only ? new EngineCall(At.KEEP, image, old, false, 1) : then(At.DROP),
                "sees that " + name(old) + (only ? " has no other record" : " has another record"));
    }

    private Turn remove(EngineModel engine, long leased) {
        int owner = engine.tag();
        return switch (at) {
            case REMOVE_GET -> owner == NONE ? ends(engine, Words.DONE, NONE, "finds no tag to remove")
                    : goes(engine, new EngineCall(At.REMOVE_LIST, owner, owner, false, looks), "finds " + name(owner));
            case REMOVE_LIST -> owner == old
                    ? goes(engine, new EngineCall(At.REMOVE_TAG, image, old, engine.isUnnamed(image), looks),
                            "lists its records")
                    : looks == MOST_LOOKS ? ends(engine, Words.TAG_CHANGES, NONE, "sees that the tag has changed again")
                    : goes(engine, new EngineCall(At.REMOVE_GET, NONE, NONE, false, looks + 1),
                            "sees that the tag has changed");
            case REMOVE_TAG -> {
                EngineModel removed = engine.withTag(NONE).withoutGarbage(leased);
                String what = owner == NONE ? "finds the tag gone" : "removes the tag, which " + name(owner) + " has";
                yield both && owner != NONE ? goes(removed, then(At.REMOVE_UNNAMED), what)
                        : ends(removed, Words.DONE, NONE, what);
            }
            default -> ends(engine.withoutUnnamed(image).withoutGarbage(leased), Words.DONE, NONE,
                    "removes the unnamed record of " + name(image));
        };
    }

    private List<Turn> prune(EngineModel engine, long leased) {
        return engine.unnamed() == 0 ? List.of(ends(engine, Words.DONE, NONE, "finds nothing to prune"))
                : engine.allUnnamed().mapToObj(each -> ends(engine.withoutUnnamed(each).withoutGarbage(leased),
                        Words.DONE, NONE, "prunes the unnamed record of " + name(each))).toList();
    }

    private Turn buildNaively(EngineModel engine) {
        int owner = engine.tag();
        return switch (at) {
            case NAIVE_COMMIT -> goes(engine.withContent(image), then(At.NAIVE_UPDATE), "writes " + name(image));
            case NAIVE_UPDATE -> owner == NONE ? goes(engine, then(At.NAIVE_CREATE), "finds no tag to update")
                    : ends(engine.withTag(image), Words.DONE, image, "gives " + name(image) + " the tag, which "
                            + name(owner) + " has");
            default -> owner == NONE
                    ? ends(engine.withTag(image), Words.DONE, image, "creates the tag for " + name(image))
                    : ends(engine, Words.DONE, NONE, "cannot create the tag: it exists");
        };
    }

    private static Turn goes(EngineModel engine, EngineCall call, String what) {
        return new Turn(engine, call, null, what);
    }

    private static Turn ends(EngineModel engine, Words words, int image, String what) {
        return new Turn(engine, null, new EngineAnswer(words, image), what);
    }
}
