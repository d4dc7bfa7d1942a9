// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Java file taken apart.
 *
 * @param code all but comments, with every text empty
 * @param texts what its string literals hold, as they are written
 */
record JavaText(String code, List<String> texts) {
    private static final Pattern TOKEN = Pattern.compile("(?s)//[^\\n]*+|/\\*.*?\\*/"
            + "|\"\"\"(?<block>[^\\\\\"]*+(?:(?:\\\\.|\"(?!\"\"))[^\\\\\"]*+)*+)\"\"\""
            + "|\"(?<text>[^\"\\\\\\n]*+(?:\\\\.[^\"\\\\\\n]*+)*+)\"|'(?:[^'\\\\]|\\\\[^']+|\\\\')'");

    static JavaText read(String java) {
        List<String> texts = new ArrayList<>();
        Matcher token = TOKEN.matcher(java);
        String code = token.replaceAll(found -> {
            String text = token.group("text") != null ? token.group("text") : token.group("block");
            if (text != null) {
                texts.add(text);
                return "\"\"";
            }
            return found.group().startsWith("'") ? "''" : " ";
        });
        return new JavaText(code, texts);
    }
}
