// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

/** A recipe cannot be used; its {@link #flaw} says what is wrong with it, as data. */
public final class RecipeException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Flaw flaw;

    /** The message is terse, for a stack trace; a program words the flaw itself. */
    public RecipeException(Flaw flaw) {
        super(flaw.toString());
        this.flaw = flaw;
    }

    /** What is wrong. */
    public Flaw flaw() {
        return flaw;
    }
}
