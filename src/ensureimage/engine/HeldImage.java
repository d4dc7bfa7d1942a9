// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * An image that the engine holds, as {@code docker image inspect} and {@code GET /images/NAME/json} tell it.
 *
 * @param id such as {@code sha256:…}
 * @param names its references with tags and with digests, as the engine writes them
 * @param triggers whether it may have ONBUILD instructions
 * @param labels those whose names begin with {@link Docker#LABELS}
 * @param platform such as {@code linux/arm64} or {@code linux/arm/v7}; empty if the engine does not say
 * @param times when it last got a name, and when its last layer was made, as the engine writes them, if it says so.
 *        See {@link #named}
 * @param size in bytes, as the engine counts it; 0 if it does not say
 */
public record HeldImage(String id, Set<String> names, boolean triggers, Map<String, String> labels, String platform,
        List<String> times, long size) {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String DIGEST = "sha256:";

    /** From the JSON object of one image; empty if the text is not one. */
    static Optional<HeldImage> parse(String json) {
        return from(values(json));
    }

    /** From one object after the other, as docker prints them, or from a list of them, as podman does. */
    static List<HeldImage> parseAll(List<String> lines) {
        List<HeldImage> images = new ArrayList<>();
        try (JsonParser parser = JSON.createParser(String.join("\n", lines))) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.START_OBJECT) {
                    Map<String, String> values = new HashMap<>();
                    collect(parser, values);
                    from(values).ifPresent(images::add);
                }
            }
            return images;
        } catch (IOException e) {
            return images; // those before it are whole
        }
    }

    /** The values of the object that begins here, by JSON Pointers within it. */
    static void collect(JsonParser parser, Map<String, String> values) throws IOException {
        int place = parser.getParsingContext().pathAsPointer().toString().length();
        int depth = 1;
        while (depth > 0) {
            JsonToken token = parser.nextToken();
            if (token == null) {
                throw new IOException("not whole");
            }
            depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            if (token.isScalarValue()) {
                values.put(parser.getParsingContext().pathAsPointer().toString().substring(place), parser.getText());
            }
        }
    }

    private static Optional<HeldImage> from(Map<String, String> values) {
        return Optional.ofNullable(values.get("/Id")).map(id -> new HeldImage(
                id.contains(":") ? id : DIGEST + id,
                names(values),
                mayHaveTriggers(id, values),
                labels(values),
                Platform.join(values.getOrDefault("/Os", ""), values.getOrDefault("/Architecture", ""),
                        values.getOrDefault("/Variant", "")),
                Stream.of("/Metadata/LastTagTime", "/Created").map(values::get).filter(Objects::nonNull).toList(),
                size(values.getOrDefault("/Size", ""))));
    }

    /**
     * When it last got a name, or else when its last layer was made; empty if the engine does not say. An image without layers
     * of its own has the creation time of its base; one that never had a name has the year 1.
     */
    public Optional<Instant> named() { // read when asked for: a JVM needs some sixty classes for it
        return times.stream().map(HeldImage::time).flatMap(Optional::stream).filter(time -> time.isAfter(Instant.EPOCH))
                .findFirst();
    }

    private static Optional<Instant> time(String text) {
        try {
            return Optional.of(OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private static long size(String text) {
        return text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 0;
    }

    /** Podman, whose IDs have no algorithm here, does not tell of triggers; so there may be some. */
    private static boolean mayHaveTriggers(String id, Map<String, String> values) {
        boolean untold = values.keySet().stream().noneMatch(name -> name.startsWith("/Config/"));
        return untold || !id.contains(":") || values.containsKey("/Config/OnBuild/0");
    }

    private static Map<String, String> labels(Map<String, String> values) {
        String prefix = "/Config/Labels/";
        Map<String, String> labels = new HashMap<>();
        values.forEach((name, value) -> {
            if (name.startsWith(prefix + Docker.LABELS)) {
                labels.put(name.substring(prefix.length()), value);
            }
        });
        return labels;
    }

    private static Set<String> names(Map<String, String> values) {
        Set<String> names = new HashSet<>();
        for (String list : new String[] {"/RepoTags/", "/RepoDigests/"}) {
            for (int i = 0; values.containsKey(list + i); i++) {
                names.add(values.get(list + i));
            }
        }
        return names;
    }

    /** The label {@link Docker#LABEL}; empty if it has none. */
    public String fingerprint() {
        return labels.getOrDefault(Docker.LABEL, "");
    }

    /** The digest by which a registry has it in the repository of this reference; empty if none is known. */
    public Optional<String> digestIn(Reference reference) {
        return names.stream().map(name -> name.split("@", 2)).filter(parts -> parts.length == 2)
                .filter(parts -> Reference.find(parts[0]).filter(own -> own.name().equals(reference.name()))
                        .isPresent())
                .map(parts -> parts[1]).findFirst();
    }

    /** Whether this is what a look-up of that name or ID found. */
    boolean answersTo(String asked) {
        String wanted = ImageCollection.canonicalName(asked).orElse(asked);
        return id.equals(asked) || names.stream()
                .map(name -> name.replaceFirst("^localhost/", "")) // podman's prefix of what has no registry
                .anyMatch(name -> name.equals(asked)
                        || ImageCollection.canonicalName(name).orElse(name).equals(wanted));
    }

    /** All values of a JSON object, by their JSON Pointers (RFC 6901); none if the text is not just one, and whole. */
    static Map<String, String> values(String json) {
        Map<String, String> values = new HashMap<>();
        try (JsonParser parser = JSON.createParser(json)) {
            if (parser.nextToken() == JsonToken.START_OBJECT) {
                collect(parser, values);
            }
            return parser.nextToken() == null ? values : Map.of();
        } catch (IOException e) {
            return Map.of();
        }
    }
}
