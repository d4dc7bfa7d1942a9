// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;

/** What the jar is made of, as CycloneDX 1.6 in JSON. The same libraries always make the same text: it has no time. */
final class Sbom {
    private static final String ROOT = "ensure_image";

    private Sbom() {
    }

    /**
     * @param direct the libraries that the scripts themselves name, as GROUP:NAME
     * @param checksum of the jar, SHA-256
     */
    static String of(String version, List<Library> libraries, List<String> direct, String checksum)
            throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeStringField("bomFormat", "CycloneDX");
            json.writeStringField("specVersion", "1.6");
            json.writeStringField("serialNumber",
                    "urn:uuid:" + UUID.nameUUIDFromBytes(checksum.getBytes(StandardCharsets.US_ASCII)));
            json.writeNumberField("version", 1);
            json.writeObjectFieldStart("metadata");
            json.writeObjectFieldStart("component");
            component(json, "application", ROOT, version, checksum);
            licences(json, List.of("Apache-2.0"));
            json.writeEndObject();
            json.writeEndObject();
            json.writeArrayFieldStart("components");
            for (Library library : libraries) {
                json.writeStartObject();
                json.writeStringField("group", library.group());
                json.writeStringField("purl", library.address());
                json.writeStringField("scope", "required");
                component(json, "library", library.name(), library.version(), release.checksum(library.jar()));
                licences(json, library.licences());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("dependencies");
            dependencies(json, ROOT + "@" + version, direct, libraries);
            for (Library library : libraries) {
                dependencies(json, reference(library), library.needs(), libraries);
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        return text + "\n";
    }

    private static String reference(Library library) {
        return library.name() + "@" + library.version();
    }

    private static void component(JsonGenerator json, String type, String name, String version, String checksum)
            throws IOException {
        json.writeStringField("type", type);
        json.writeStringField("bom-ref", name + "@" + version);
        json.writeStringField("name", name);
        json.writeStringField("version", version);
        json.writeArrayFieldStart("hashes");
        json.writeStartObject();
        json.writeStringField("alg", "SHA-256");
        json.writeStringField("content", checksum);
        json.writeEndObject();
        json.writeEndArray();
    }

    private static void licences(JsonGenerator json, List<String> licences) throws IOException {
        json.writeArrayFieldStart("licenses");
        for (String licence : licences) {
            json.writeStartObject();
            json.writeObjectFieldStart("license");
            json.writeStringField(Library.isIdentifier(licence) ? "id" : "name", licence);
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void dependencies(JsonGenerator json, String reference, List<String> needs,
            List<Library> libraries) throws IOException {
        json.writeStartObject();
        json.writeStringField("ref", reference);
        json.writeArrayFieldStart("dependsOn");
        for (Library library : libraries) {
            if (needs.contains(library.id())) {
                json.writeString(reference(library));
            }
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
