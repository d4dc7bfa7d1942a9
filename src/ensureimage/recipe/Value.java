// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

/** What is known of a variable of a Dockerfile: its text, that it is not set, or nothing. */
record Value(State state, String text) {
    enum State { SET, UNSET, UNKNOWN }

    static final Value UNSET = new Value(State.UNSET, "");
    static final Value UNKNOWN = new Value(State.UNKNOWN, "");

    static Value set(String text) {
        return new Value(State.SET, text);
    }

    boolean isSet() {
        return state == State.SET;
    }

    boolean isKnown() {
        return state != State.UNKNOWN;
    }
}
