// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import static ensureimage.ReportScene.FINGERPRINT;
import static ensureimage.ReportScene.ID;
import static ensureimage.ReportScene.JSON;
import static ensureimage.ReportScene.building;
import static ensureimage.ReportScene.built;
import static ensureimage.ReportScene.described;
import static ensureimage.ReportScene.ensured;
import static ensureimage.ReportScene.failed;
import static ensureimage.ReportScene.noEngine;
import static ensureimage.ReportScene.notTried;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import ensureimage.recipe.Change;
import ensureimage.recipe.ImageCollection.Member;
import ensureimage.report.RunReport;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What ensure_image prints for programs, {@code --format json}. */
class JsonReportTest {

    private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)` \\|");

    private final ReportScene scene = new ReportScene();

    @Test
    void everyObjectHasTheFieldsThatTheDocumentationNames() throws Exception {
        try (RunReport report = scene.open(JSON)) {
            report.begin(List.of(scene.base, scene.app));
            report.step(scene.base.recipe(), Listener.Step.BUILDING);
            report.notice(scene.base.recipe(),
                    building(scene.base, new Change.FilesChanged(Change.How.ADDED, List.of("a"))));
            report.step(scene.base.recipe(), Listener.Step.BUILDING);
            report.ended(scene.base, ensured(scene.base, Ensured.How.REBUILT));
            report.step(scene.app.recipe(), Listener.Step.BUILDING);
            report.ended(scene.app, failed(scene.app, NotEnsured.BuildFailed.Stage.LOADING, "output"));
        }
        List<Map<String, Object>> objects = objects(scene.out());
        String told = "stale: 1 file added (a); building from images/base/1";
        Map<String, Object> rebuilt = new LinkedHashMap<>();
        rebuilt.put("schema", BigDecimal.ONE);
        rebuilt.put("reference", "base:1");
        rebuilt.put("references", List.of("base:1"));
        rebuilt.put("outcome", "rebuilt");
        rebuilt.put("id", ID);
        rebuilt.put("why", "1 file added (a)");
        rebuilt.put("changes", List.of(Map.of("kind", "files", "names", List.of("a"), "how", "added")));
        rebuilt.put("fingerprint", FINGERPRINT);
        rebuilt.put("context", "images/base/1");
        rebuilt.put("dockerfile", "images/base/1/Dockerfile");
        rebuilt.put("builds", BigDecimal.valueOf(2));
        rebuilt.put("seconds", new BigDecimal("1.500"));
        rebuilt.put("exit", BigDecimal.ZERO);
        rebuilt.put("error", null);
        rebuilt.put("hint", null);
        rebuilt.put("shared", null);
        rebuilt.put("notes", List.of(told));
        Map<String, Object> failed = objects.get(1);
        assertAll(
                () -> assertEquals(rebuilt, objects.get(0)),
                () -> assertEquals(documentedFields(), List.copyOf(objects.get(0).keySet())),
                () -> assertEquals(documentedFields(), List.copyOf(failed.keySet())),
                () -> assertEquals("failed", failed.get("outcome")),
                () -> assertEquals(BigDecimal.ONE, failed.get("builds")),
                () -> assertEquals(BigDecimal.TEN, failed.get("exit")),
                () -> assertEquals("the build made no image: " + described(scene.app), failed.get("error")),
                () -> assertEquals("Is the builder one that does not load images? Try: -- --load", failed.get("hint")),
                () -> assertEquals(null, failed.get("id")),
                () -> assertTrue(scene.err().startsWith("base:1: " + told + "\n  | output\n"), scene.err()));
    }

    private static List<String> documentedFields() throws IOException {
        String page = Files.readString(Harness.projectFile("docs/json.md"));
        return ROW.matcher(page.substring(0, page.indexOf("`shared` has these fields"))).results()
                .map(row -> row.group(1)).toList();
    }

    @Test
    void anImageThatWasNotTriedSaysWhatWentWrongBefore() throws Exception {
        try (RunReport report = scene.open(JSON)) {
            report.begin(List.of(scene.base, scene.app));
            NotEnsured first = noEngine(scene.base);
            report.ended(scene.base, first);
            report.ended(scene.app, notTried(scene.app, first));
        }
        assertLast(69, "not tried: app:1: the engine is not running");
        assertEquals(2, scene.err().lines().count(), "nothing new is to be said of it: " + scene.err());
    }

    @Test
    void anImageThatWasNotReachedHasFailedToo() throws Exception {
        for (boolean interrupted : List.of(true, false)) {
            scene.clear();
            try (RunReport report = scene.open(JSON)) {
                report.begin(List.of(scene.base, scene.app));
                report.ended(scene.base, built(scene.base));
                if (interrupted) {
                    report.interrupted();
                }
            }
            assertLast(interrupted ? 130 : 70, "given up: app:1: the run ended early");
            assertEquals("", scene.err());
        }
    }

    private void assertLast(int exit, String error) throws IOException {
        Map<String, Object> last = objects(scene.out()).get(1);
        assertEquals("app:1", last.get("reference"));
        assertEquals("failed", last.get("outcome"));
        assertEquals(BigDecimal.valueOf(exit), last.get("exit"));
        assertEquals(error, last.get("error"));
    }

    @Test
    void jsonIsOneLineOfAsciiWhateverItSays() throws Exception {
        Member strange = ReportScene.member("app:1", "b\u00e4se\n\"\u2026", true);
        try (RunReport report = scene.open(JSON)) {
            report.begin(List.of(strange));
            report.ended(strange, built(strange));
        }
        assertTrue(scene.out().matches("[ -~]+\n"), scene.out());
        assertEquals("b\u00e4se\n\"\u2026", objects(scene.out()).get(0).get("context"));
    }

    /** It would cost every run the time to load it. */
    @ParameterizedTest
    @CsvSource({"text, false", "json, true"})
    void theJsonLibraryIsLoadedForJsonOnly(String format, boolean loaded) throws IOException {
        Path folder = Harness.newFolder();
        Harness.write(folder.resolve("Dockerfile"), "FROM busybox\n");
        Path log = folder.resolve("classes");
        Harness.script("ensure_image", "app=.", "--format", format, "--docker", "no-such-docker").in(folder)
                .env("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=" + log).run().expect(69);
        String classes = Files.readString(log);
        assertTrue(classes.contains(" ensureimage.report.RunReport "), "control: the log is there");
        assertEquals(loaded, classes.contains(" com.fasterxml."));
    }

    // ---- Reading it

    /** The lines, each an object, with fields in their order. */
    static List<Map<String, Object>> objects(String lines) throws IOException {
        List<Map<String, Object>> objects = new ArrayList<>();
        for (String line : lines.lines().toList()) {
            try (JsonParser json = new JsonFactory().createParser(line)) {
                assertEquals(JsonToken.START_OBJECT, json.nextToken(), line);
                Map<String, Object> object = object(json);
                assertEquals(null, json.nextToken(), "nothing after the object: " + line);
                objects.add(object);
            }
        }
        return objects;
    }

    private static Map<String, Object> object(JsonParser json) throws IOException {
        Map<String, Object> object = new LinkedHashMap<>();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            object.put(json.currentName(), value(json, json.nextToken()));
        }
        return object;
    }

    private static Object value(JsonParser json, JsonToken token) throws IOException {
        switch (token) {
            case VALUE_NULL:
                return null;
            case VALUE_NUMBER_INT:
            case VALUE_NUMBER_FLOAT:
                return json.getDecimalValue();
            case START_OBJECT:
                return object(json);
            case START_ARRAY:
                List<Object> values = new ArrayList<>();
                for (JsonToken next = json.nextToken(); next != JsonToken.END_ARRAY; next = json.nextToken()) {
                    values.add(value(json, next));
                }
                return values;
            default:
                return json.getText();
        }
    }
}
