// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import ensureimage.Checked;
import ensureimage.Details;
import ensureimage.Ensured;
import ensureimage.Outcome;
import ensureimage.Shared;
import ensureimage.Status;
import ensureimage.recipe.Change;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** For programs: an object per image. The fields are described in docs/json.md. */
final class JsonResults implements Results {
    private static final int SCHEMA = 1;
    private static final int MILLISECONDS = 3; // digits
    private final Style.View view;
    // Only ASCII, because what stdout can show besides depends on the locale.
    private final JsonFactory factory = JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    JsonResults(Style.View view) {
        this.view = view;
    }

    /** The fields that depend on the outcome; what is empty becomes null. */
    private record Ending(String outcome, String id, List<Change> why, String fingerprint, Duration took,
            ExitCode code, Message message, Optional<Shared> shared, Optional<Details> details) {
    }

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        String id = IdResults.id(outcome).orElse("");
        ExitCode code = view == Style.View.OUTCOME ? ExitCode.forOutcome(outcome) : ExitCode.ENSURED;
        if (outcome instanceof Ensured ensured) {
            List<Change> why = ensured.how() == Ensured.How.REBUILT ? course.why() : List.of();
            return object(course, new Ending(TextResults.word(outcome), id, why, ensured.fingerprint(), ensured.took(),
                    code, new Message(""), ensured.shared(), Optional.empty()));
        }
        Checked checked = (Checked) outcome;
        List<Change> why = checked.status() instanceof Status.Stale stale ? stale.why() : List.of();
        return object(course,
                new Ending(TextResults.word(outcome), id, why, checked.fingerprint(), checked.took(), code,
                        new Message(""), Optional.empty(), checked.details()));
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        return object(course, new Ending(FAILED, "", List.of(), "", course.elapsed(), code, message,
                Optional.empty(), Optional.empty()));
    }

    private Optional<String> object(ImageCourse course, Ending ending) {
        Recipe recipe = course.member.recipe();
        StringWriter text = new StringWriter();
        try (JsonGenerator json = factory.createGenerator(text)) {
            json.writeStartObject();
            json.writeNumberField("schema", SCHEMA);
            json.writeStringField("reference", recipe.reference().toString());
            strings(json, "references", course.member.references().stream().map(Reference::toString).toList());
            json.writeStringField("outcome", ending.outcome);
            write(json, "id", ending.id);
            write(json, "why", ChangeWording.causes(ending.why));
            ChangeJson.write(json, "changes", ending.why);
            write(json, "fingerprint", ending.fingerprint);
            json.writeStringField("context", recipe.context().toString());
            json.writeStringField("dockerfile",
                    recipe.dockerfile() instanceof DockerfileSource.InFile file ? file.path().toString() : "-");
            json.writeNumberField("builds", course.builds());
            json.writeNumberField("seconds", seconds(ending.took));
            json.writeNumberField("exit", ending.code.status());
            write(json, "error", ending.message.text());
            write(json, "hint", ending.message.hint());
            write(json, ending.shared);
            strings(json, "notes", course.notes);
            if (view != Style.View.OUTCOME) {
                details(json, course, ending.details);
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
        return Optional.of(text.toString());
    }

    private void details(JsonGenerator json, ImageCourse course, Optional<Details> details) throws IOException {
        write(json, "named", details.flatMap(Details::named).map(Instant::toString).orElse(""));
        json.writeNumberField("size", details.map(Details::size).orElse(0L));
        strings(json, "bases", ListResults.bases(course.member, details));
        json.writeBooleanField("asks", details.filter(Details::asks).isPresent());
        if (view == Style.View.WHY) {
            json.writeObjectFieldStart("inputs");
            Optional<Manifest> inputs = details.map(Details::inputs);
            strings(json, "files", names(inputs, Manifest.Part.FILES));
            strings(json, "arguments", names(inputs, Manifest.Part.ARGUMENTS));
            strings(json, "options", names(inputs, Manifest.Part.OPTIONS));
            strings(json, "settings", names(inputs, Manifest.Part.SURROUNDINGS));
            json.writeEndObject();
        }
    }

    private static List<String> names(Optional<Manifest> inputs, Manifest.Part part) {
        return inputs.map(manifest -> manifest.parts().get(part).keySet().stream().map(Printable::path).toList())
                .orElse(List.of());
    }

    private static void strings(JsonGenerator json, String name, List<String> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (String value : values) {
            json.writeString(value);
        }
        json.writeEndArray();
    }

    private static void write(JsonGenerator json, String name, String value) throws IOException {
        json.writeStringField(name, value.isEmpty() ? null : value);
    }

    private static void write(JsonGenerator json, Optional<Shared> shared) throws IOException {
        if (shared.isEmpty()) {
            json.writeNullField("shared");
            return;
        }
        Shared told = shared.get();
        json.writeObjectFieldStart("shared");
        json.writeStringField("reference", told.reference());
        json.writeStringField("action", told.action().name().toLowerCase(Locale.ROOT));
        write(json, "reason", ShareWording.reason(told));
        json.writeNumberField("seconds", seconds(told.took()));
        json.writeNumberField("bytes", told.bytes());
        json.writeEndObject();
    }

    private static BigDecimal seconds(Duration duration) {
        return BigDecimal.valueOf(duration.toMillis(), MILLISECONDS);
    }
}
