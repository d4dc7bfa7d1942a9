// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Docker;
import ensureimage.recipe.Coverage;
import java.util.Map;
import java.util.Optional;

/**
 * What an image carries of what it was built from. So it says itself how it is to be compared.
 *
 * @param fingerprint of all inputs that {@code coverage} names, and of what the command line says
 * @param coverage what of the contexts the build saw, or more
 * @param asks whether the build saw something that no look-up can know, so that docker build is to be asked each time
 * @param bases the images outside the collection that it was built on
 * @param platform that it was built for
 */
record Labels(String fingerprint, Coverage coverage, boolean asks, BaseImages bases, For platform) {
    private static final String INPUTS = Docker.LABELS + "inputs";
    private static final String BASES = Docker.LABELS + "bases";
    private static final String PLATFORM = Docker.LABELS + "platform";
    private static final String ASKS = "?";

    /**
     * The platform that was wanted and the one that the image has. The two differ if a base image decides it, as with
     * {@code FROM --platform=linux/arm64}.
     */
    record For(String wanted, String given) {
        private static final String GIVES = ">";

        String text() {
            return wanted.equals(given) ? wanted : wanted + GIVES + given;
        }

        static For parse(String text) {
            String[] parts = text.split(GIVES, 2);
            return new For(parts[0], parts[parts.length - 1]);
        }
    }

    /** As {@code docker build --label} takes them. */
    Map<String, String> values() {
        return Map.of(Docker.LABEL, fingerprint, INPUTS, (asks ? ASKS : "") + coverage.text(), BASES, bases.text(),
                PLATFORM, platform.text());
    }

    /** Of an image; empty if this version did not write them. */
    static Optional<Labels> read(Map<String, String> labels) {
        String inputs = labels.getOrDefault(INPUTS, "");
        boolean asks = inputs.startsWith(ASKS);
        Optional<Coverage> coverage = Coverage.parse(asks ? inputs.substring(ASKS.length()) : inputs);
        Optional<BaseImages> bases = BaseImages.parse(labels.getOrDefault(BASES, ""));
        return labels.containsKey(INPUTS) && coverage.isPresent() && bases.isPresent()
                ? Optional.of(new Labels(labels.getOrDefault(Docker.LABEL, ""), coverage.get(), asks, bases.get(),
                        For.parse(labels.getOrDefault(PLATFORM, ""))))
                : Optional.empty();
    }
}
