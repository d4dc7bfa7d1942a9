// SPDX-License-Identifier: Apache-2.0

/** A program that does nothing: what it takes is what a JVM takes to start and end. */
class Nothing {

    public static void main(String... arguments) {
    }
}
