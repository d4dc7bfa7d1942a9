// SPDX-License-Identifier: Apache-2.0

import java.util.Map;
import java.util.Optional;

/**
 * The tests that may be skipped, each with what it would take to run it. Any other skip fails the run, so that a test that
 * does not run any more is seen.
 */
final class ExpectedSkips {

    private static final Map<String, String> REASONS = Map.of(
            "ExamplesTest#cargoTest", "Rust 1.80 or newer: Debian has it from 13 on, rustup anywhere",
            "FormatTest#javacHasNothingToWarnOf", "a run by Java 17: each newer javac finds more to warn of");

    private ExpectedSkips() {
    }

    /**
     * What it would take to run a test that may be skipped; empty for all others.
     *
     * @param test {@code CLASS#METHOD}
     */
    static Optional<String> reason(String test) {
        return Optional.ofNullable(REASONS.get(test));
    }
}
