// SPDX-License-Identifier: Apache-2.0
package ensureimage;

/** The version of the library and of the three scripts. */
public final class Version {
    /** As in {@code --version}. */
    public static final String TEXT = "0.1.0";

    private Version() {
    }
}
