// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What buildx writes of one target into the metadata file of a bake.
 *
 * @param digest of the image's manifest; empty if it was not told
 * @param configuration the digest of the image's configuration; empty if it was not told
 * @param witness what BuildKit says that it saw; empty if it does not say
 */
record BakeMetadata(String digest, String configuration, Optional<Witness> witness) {
    private static final JsonFactory JSON = new JsonFactory();
    private static final BakeMetadata NOTHING = new BakeMetadata("", "", Optional.empty());

    /** By target; targets that come after something that is not understood are left out. */
    static Map<String, BakeMetadata> read(Path file) {
        Map<String, BakeMetadata> targets = new HashMap<>();
        try (JsonParser json = JSON.createParser(file.toFile())) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String target = json.currentName();
                if (json.nextToken() == JsonToken.START_OBJECT) {
                    targets.put(target, readTarget(json));
                }
            }
        } catch (IOException e) {
            return targets;
        }
        return targets;
    }

    private static BakeMetadata readTarget(JsonParser json) throws IOException {
        BakeMetadata all = NOTHING;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            if (name.equals("containerimage.digest") && value == JsonToken.VALUE_STRING) {
                all = new BakeMetadata(json.getText(), all.configuration, all.witness);
            } else if (name.equals("containerimage.config.digest") && value == JsonToken.VALUE_STRING) {
                all = new BakeMetadata(all.digest, json.getText(), all.witness);
            } else if (name.equals(Witness.PROVENANCE)) {
                all = new BakeMetadata(all.digest, all.configuration, Witness.readProvenance(json));
            } else {
                json.skipChildren();
            }
        }
        return all;
    }

    /** The IDs that the image may have, as {@link Docker.Built} has them. */
    Stream<String> ids() {
        return Stream.of(digest, configuration).filter(id -> !id.isEmpty()).distinct();
    }
}
