// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.recipe.Coverage;
import ensureimage.recipe.Fingerprint;

/**
 * One build that is to be made.
 *
 * @param expected what it will see
 * @param fingerprint of the inputs
 * @param labels for the image
 */
record Plan(Expectation expected, Fingerprint fingerprint, Labels labels) {

    static Plan make(Expectation expected, Fingerprint fingerprint, Coverage coverage, boolean asks, BaseImages bases,
            Labels.For platform) {
        return new Plan(expected, fingerprint,
                new Labels(fingerprint.value(), coverage, asks, bases, platform));
    }

    /** By which single flight recognises builds of the same inputs. */
    String key() {
        return String.join("\n", fingerprint.value(), labels.bases().text(), labels.platform().text());
    }

    /** The same from other inputs. */
    Plan with(Fingerprint inputs) {
        return new Plan(expected, inputs,
                new Labels(inputs.value(), labels.coverage(), labels.asks(), labels.bases(), labels.platform()));
    }

    /** The same with another platform on its label. */
    Plan with(Labels.For platform) {
        return new Plan(expected, fingerprint,
                new Labels(labels.fingerprint(), labels.coverage(), labels.asks(), labels.bases(), platform));
    }
}
