// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A value of a JSON text of which the whole is wanted: an object is a {@link Map} in the order of the text, a list a
 * {@link List}, anything else its text. Members that are null are left out.
 */
final class JsonTree {
    private static final JsonFactory JSON = new JsonFactory();

    private JsonTree() {
    }

    /** The object that a text is; empty if it is anything else, or not whole. */
    static Optional<Map<String, Object>> parse(String text) {
        try (JsonParser parser = JSON.createParser(text)) {
            return parser.nextToken() == JsonToken.START_OBJECT ? Optional.of(object(value(parser))) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Object value(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            Map<String, Object> object = new LinkedHashMap<>();
            while (next(parser) != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                if (next(parser) != JsonToken.VALUE_NULL) {
                    object.put(name, value(parser));
                }
            }
            return object;
        }
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            List<Object> list = new ArrayList<>();
            while (next(parser) != JsonToken.END_ARRAY) {
                list.add(value(parser));
            }
            return list;
        }
        return parser.getText();
    }

    private static JsonToken next(JsonParser parser) throws IOException {
        JsonToken token = parser.nextToken();
        if (token == null) {
            throw new IOException("not whole");
        }
        return token;
    }

    /** A member that is an object; an empty one if there is none. */
    static Map<String, Object> object(Map<String, Object> tree, String name) {
        return object(tree.get(name));
    }

    /** The same of any value. */
    @SuppressWarnings("unchecked") // all maps here are made above
    static Map<String, Object> object(Object value) {
        return value instanceof Map ? (Map<String, Object>) value : Map.of();
    }

    /** A member that is a list; an empty one if there is none. */
    static List<?> list(Map<String, Object> tree, String name) {
        return tree.get(name) instanceof List<?> list ? list : List.of();
    }

    /** A member that is neither; empty if there is none, or if its text is. */
    static Optional<String> text(Map<String, Object> tree, String name) {
        return tree.get(name) instanceof String text && !text.isEmpty() ? Optional.of(text) : Optional.empty();
    }

    /** Whether a member is true. */
    static boolean isTrue(Map<String, Object> tree, String name) {
        return "true".equals(tree.get(name));
    }

    /** The same with other texts, but the same names. */
    static Object mapTexts(Object value, UnaryOperator<String> change) {
        if (value instanceof String text) {
            return change.apply(text);
        }
        if (value instanceof List<?> list) {
            List<Object> changed = new ArrayList<>();
            list.forEach(each -> changed.add(mapTexts(each, change)));
            return changed;
        }
        Map<String, Object> changed = new LinkedHashMap<>();
        object(value).forEach((name, each) -> changed.put(name, mapTexts(each, change)));
        return changed;
    }
}
