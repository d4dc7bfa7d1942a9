// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import java.util.Optional;

/** What is false about an answer. */
enum Falsehood {
    /** Told "failed", and the tag was on an image of the builder's own inputs. */
    FAILURE('F'),
    /** Told "there", and handed nothing. */
    MISSING('M'),
    /** Told "there", and handed an image of another folder's inputs. */
    WRONG('W'),
    /** Told "there", and handed an image of older inputs. */
    STALE('S');

    private final char letter;

    Falsehood(char letter) {
        this.letter = letter;
    }

    /** In tables. */
    char letter() {
        return letter;
    }

    /** Empty if the strategy tells this builder's caller the truth. */
    static Optional<Falsehood> find(Strategy strategy, Run run) {
        boolean success = strategy.reportsSuccess(run.ending());
        return switch (run.truth()) {
            case OWN -> success ? Optional.empty() : Optional.of(FAILURE);
            case REMOVED -> Optional.empty();
            case MISSING -> Optional.of(MISSING).filter(what -> success);
            case WRONG -> Optional.of(WRONG).filter(what -> success);
            case STALE -> Optional.of(STALE).filter(what -> success);
        };
    }
}
