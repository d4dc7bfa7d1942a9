// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What BuildKit says that it took from outside for a build: the sources of its build graph, as buildx 0.29 writes them into
 * the metadata file with {@code BUILDX_METADATA_PROVENANCE=max} (buildx 0.13 does not). Only stages that the target needs
 * are in it, with all variables expanded and with the ONBUILD instructions of base images.
 *
 * @param contexts of each build context that was asked for something, by name ({@code context} is the main one), the paths
 *            in it that were asked for, as {@code local.followpaths} has them; empty if all of it was
 * @param images the base images: their full names with tags, and the digests that were used; the classic store has none for an
 *            image that the engine held
 * @param unknowable URLs without checksum, git repositories, and whatever else may be another one at the next build
 */
public record Witness(SortedMap<String, Optional<SortedSet<String>>> contexts, SortedMap<String, String> images,
        SortedSet<String> unknowable) {
    private static final JsonFactory JSON = new JsonFactory();
    private static final Pattern COMMIT = Pattern.compile("(?s)git://.*#[0-9a-f]{40}(?::.*)?");
    /** Where it is in the metadata of a build. */
    static final String PROVENANCE = "buildx.build.provenance";
    private static final String LOCAL = "local://";
    private static final String IMAGE = "docker-image://";
    private static final String LAYOUT = "oci-layout://"; // a named context that is an image on disk

    /** Reads a metadata file; empty if the builder did not say. */
    static Optional<Witness> read(Path metadata) {
        try (JsonParser json = JSON.createParser(metadata.toFile())) {
            json.nextToken();
            return find(json, PROVENANCE) ? readProvenance(json) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Reads the value of {@link #PROVENANCE} that begins here, to its end; empty if the builder did not say. */
    static Optional<Witness> readProvenance(JsonParser json) throws IOException {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            json.skipChildren();
            return Optional.empty();
        }
        Witness witness = new Witness(new TreeMap<>(), new TreeMap<>(), new TreeSet<>());
        JsonStreamContext outside = json.getParsingContext().getParent();
        boolean told = find(json, "buildConfig", "llbDefinition") && witness.addAll(json);
        while (json.getParsingContext() != outside && json.nextToken() != null) {
            // the rest, which can be megabytes
        }
        return told ? Optional.of(witness) : Optional.empty();
    }

    /** Goes to the value under these names, each within the one before; skips all else, which can be megabytes. */
    private static boolean find(JsonParser json, String... names) throws IOException {
        for (String name : names) {
            if (json.currentToken() != JsonToken.START_OBJECT) {
                return false;
            }
            boolean found = false;
            while (!found && json.nextToken() == JsonToken.FIELD_NAME) {
                found = json.currentName().equals(name);
                json.nextToken();
                if (!found) {
                    json.skipChildren();
                }
            }
            if (!found) {
                return false;
            }
        }
        return true;
    }

    /** Of a list of steps, the sources; false if it is not a list. */
    private boolean addAll(JsonParser json) throws IOException {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            return false;
        }
        while (json.nextToken() != JsonToken.END_ARRAY) {
            Map<String, String> step = new HashMap<>();
            if (json.currentToken() == JsonToken.START_OBJECT) {
                HeldImage.collect(json, step);
            } else {
                json.skipChildren();
            }
            String source = step.get("/op/Op/source/identifier");
            if (source != null) {
                add(source, step);
            }
        }
        return true;
    }

    private void add(String source, Map<String, String> step) throws IOException {
        String attributes = "/op/Op/source/attrs/";
        if (source.startsWith(LOCAL)) {
            Optional<SortedSet<String>> paths = list(step.get(attributes + "local.followpaths"));
            // A context can be there several times, once per stage.
            contexts.merge(source.substring(LOCAL.length()), paths, Witness::union);
        } else if (source.startsWith(IMAGE)) {
            String[] parts = source.substring(IMAGE.length()).split("@", 2);
            images.merge(parts[0], parts.length == 2 ? parts[1] : "", (one, other) -> one.isEmpty() ? other : one);
        } else if (source.startsWith(LAYOUT)) {
            contexts.put(source.substring(LAYOUT.length()).replaceFirst("@.*", ""), Optional.empty());
        } else if (!step.containsKey(attributes + "http.checksum") && !COMMIT.matcher(source).matches()) {
            unknowable.add(source);
        }
    }

    private static Optional<SortedSet<String>> union(Optional<SortedSet<String>> one,
            Optional<SortedSet<String>> other) {
        if (one.isEmpty() || other.isEmpty()) {
            return Optional.empty();
        }
        SortedSet<String> all = new TreeSet<>(one.get());
        all.addAll(other.get());
        return Optional.of(all);
    }

    /** A JSON list of strings, itself in a string. */
    private static Optional<SortedSet<String>> list(String text) throws IOException {
        if (text == null) {
            return Optional.empty();
        }
        SortedSet<String> words = new TreeSet<>();
        try (JsonParser json = JSON.createParser(text)) {
            while (json.nextToken() != null) {
                if (json.currentToken() == JsonToken.VALUE_STRING) {
                    words.add(json.getText());
                }
            }
        }
        return Optional.of(words);
    }
}
