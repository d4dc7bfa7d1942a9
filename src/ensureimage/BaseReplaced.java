// SPDX-License-Identifier: Apache-2.0
package ensureimage;

/** An image was built on one that had another one's name by then, or on one that had none at that moment. */
final class BaseReplaced extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param unlessRetried what the failure is if the image is not built again with its bases */
    BaseReplaced(NotEnsured unlessRetried) {
        super(unlessRetried);
    }

    NotEnsured unlessRetried() {
        return (NotEnsured) getCause();
    }
}
