// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import com.fasterxml.jackson.core.JsonGenerator;
import ensureimage.recipe.Change;
import ensureimage.recipe.Printable;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What made an image stale, for programs: an object per cause, whose {@code kind} says which other fields it has. */
final class ChangeJson {
    private static final String NAMES = "names";

    private ChangeJson() {
    }

    static void write(JsonGenerator json, String field, List<Change> changes) throws IOException {
        json.writeArrayFieldStart(field);
        for (Change change : changes) {
            json.writeStartObject();
            write(json, change);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void write(JsonGenerator json, Change change) throws IOException {
        if (change instanceof Change.FilesChanged files) {
            named(json, "files", files.names());
            json.writeStringField("how", files.how().name().toLowerCase(Locale.ROOT));
        } else if (change instanceof Change.BasesChanged bases) {
            named(json, "collection-bases", bases.names());
            json.writeStringField("how", bases.how().name().toLowerCase(Locale.ROOT));
        } else if (change instanceof Change.BasesReplaced bases) {
            named(json, "base-images", bases.names());
        } else if (change instanceof Change.ArgumentsChanged arguments) {
            named(json, "build-arguments", arguments.names());
        } else if (change instanceof Change.OptionsChanged options) {
            named(json, "options", options.names());
        } else if (change instanceof Change.SurroundingsChanged settings) {
            named(json, "settings", settings.names());
        } else if (change instanceof Change.DockerfileChanged dockerfile) {
            kind(json, "dockerfile");
            if (dockerfile.line().isPresent()) {
                json.writeNumberField("line", dockerfile.line().getAsInt());
            }
        } else if (change instanceof Change.TargetChanged target) {
            changed(json, "target", target.before(), target.now());
        } else if (change instanceof Change.PlatformChanged platform) {
            changed(json, "platform", platform.before(), platform.now());
        } else if (change instanceof Change.BuilderChanged builder) {
            changed(json, "builder", Optional.of(builder.before().name().toLowerCase(Locale.ROOT)),
                    Optional.of(builder.now().name().toLowerCase(Locale.ROOT)));
        } else if (change instanceof Change.ArchitectureDiffers architecture) {
            changed(json, "architecture", Optional.of(architecture.is()), Optional.of(architecture.wanted()));
        } else {
            kind(json, change instanceof Change.NotOurs ? "not-ours"
                    : change instanceof Change.OlderLabel ? "other-version"
                    : change instanceof Change.CoverageChanged ? "coverage"
                    : change instanceof Change.IgnoreRulesChanged ? "ignore-rules"
                    : change instanceof Change.BuildDiffers ? "docker-build"
                    : "unknown");
        }
    }

    private static void kind(JsonGenerator json, String kind) throws IOException {
        json.writeStringField("kind", kind);
    }

    private static void named(JsonGenerator json, String kind, List<String> names) throws IOException {
        kind(json, kind);
        json.writeArrayFieldStart(NAMES);
        for (String name : names) {
            json.writeString(Printable.path(name));
        }
        json.writeEndArray();
    }

    private static void changed(JsonGenerator json, String kind, Optional<String> before, Optional<String> now)
            throws IOException {
        kind(json, kind);
        json.writeStringField("before", before.orElse(null));
        json.writeStringField("now", now.orElse(null));
    }
}
