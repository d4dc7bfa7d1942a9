// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.throwaway.ThrowawayEngine;
import java.util.function.Supplier;

/** Is told what a run is at, and what a person should know of it afterwards; from several threads at once. */
public interface Progress extends ThrowawayEngine.Progress {

    /** What is being played now, and a text that says how far it is; until this is called again. */
    void show(String what, Supplier<String> state);
}
