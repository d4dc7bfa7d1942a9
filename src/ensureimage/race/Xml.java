// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import ensureimage.recipe.Printable;

/** Text from elsewhere made safe for XML and HTML, between tags and in attributes. */
final class Xml {

    private Xml() {
    }

    static String escape(Object text) {
        return Printable.escape(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\"", "&quot;").replace("'", "&#39;");
    }
}
