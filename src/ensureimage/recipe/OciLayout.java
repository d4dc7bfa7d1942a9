// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A folder of images, of which one is a named context. Rules: OCI image layout; docker/buildx {@code build/opt.go}, which
 * takes the one that has the tag, else the only one.
 */
record OciLayout(Path folder) {
    private static final String TAG = "org.opencontainers.image.ref.name";

    /** The list of what is in it, which changes with the images. */
    Path index() {
        return folder.resolve("index.json");
    }

    /** The digest of the image with this tag; empty if the index cannot be read or does not say which one it is. */
    Optional<String> digest(String tag) {
        List<Map<String, String>> images;
        try (JsonParser json = new JsonFactory().createParser(index().toFile())) {
            images = images(json);
        } catch (IOException e) {
            return Optional.empty();
        }
        List<String> tagged = images.stream().filter(image -> tag.equals(image.get(TAG)))
                .map(image -> image.getOrDefault("digest", "")).distinct().toList();
        List<String> found = !tagged.isEmpty() ? tagged
                : images.stream().map(image -> image.getOrDefault("digest", "")).toList();
        return found.size() == 1 ? Optional.of(found.get(0)) : Optional.empty();
    }

    private static List<Map<String, String>> images(JsonParser json) throws IOException {
        List<Map<String, String>> images = new ArrayList<>();
        if (json.nextToken() != JsonToken.START_OBJECT) {
            return images;
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            boolean manifests = json.currentName().equals("manifests");
            if (json.nextToken() == JsonToken.START_ARRAY && manifests) {
                while (json.nextToken() == JsonToken.START_OBJECT) {
                    images.add(strings(json));
                }
            } else {
                json.skipChildren();
            }
        }
        return images;
    }

    /** The texts of an object and of its annotations. */
    private static Map<String, String> strings(JsonParser json) throws IOException {
        Map<String, String> strings = new HashMap<>();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            if (value == JsonToken.VALUE_STRING) {
                strings.put(name, json.getText());
            } else if (value == JsonToken.START_OBJECT && name.equals("annotations")) {
                strings.putAll(strings(json));
            } else {
                json.skipChildren();
            }
        }
        return strings;
    }
}
