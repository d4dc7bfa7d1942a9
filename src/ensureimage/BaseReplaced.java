// SPDX-License-Identifier: Apache-2.0
package ensureimage;

/** While an image was built, the reference of one of its bases went to another image, or to none for a moment. */
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
