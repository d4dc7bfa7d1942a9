// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import ensureimage.report.ExitCode;
import ensureimage.testing.Harness;
import ensureimage.throwaway.EngineSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;

/**
 * race_repro's scenario fleet: that it is played, and what its reports make of it.
 *
 * <p>Run: {@code ./jbangw tests/all.java RaceFleetTest}
 */
public class RaceFleetTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private final Path folder = Harness.newFolder();

    @Test
    void aFleetOfTwoIsPlayedAndItsImagesAreRun() throws Exception {
        Path report = folder.resolve("fleet.json");
        Harness.Result run = Harness.script("race_repro", "--scenario", "fleet", "-n", "2", "--step-seconds", "2",
                "--strategy", "naive", "--strategy", "share-single-flight", "--strategy", "shared-builder",
                "--report", report.toString()).run()
                .succeeded();
        JsonNode json = JSON.readTree(report.toFile());
        assertValid(json);
        JsonNode naive = json.get("fleet").get("strategies").get(0);
        JsonNode ours = json.get("fleet").get("strategies").get(1);
        JsonNode together = json.get("fleet").get("strategies").get(2);
        assertAll(run.toString(),
                () -> assertEquals(2, naive.get("builds").asInt(), "the control: each machine builds"),
                () -> assertEquals(2, naive.get("served").asInt()),
                () -> assertEquals(1, ours.get("builds").asInt()),
                () -> assertEquals(1, ours.get("fromAnother").asInt()),
                () -> assertEquals(2, ours.get("served").asInt()),
                () -> assertEquals(1, together.get("builds").asInt(), "the builder runs the step once for both"),
                () -> assertEquals(2, together.get("served").asInt()),
                () -> assertTrue(run.out().contains("2 machines that want one image at once, and one registry\n")));
    }

    @Test
    void itsReportsParseAndShowEveryStrategy() throws Exception {
        FleetResults results = results(new FleetResults.Row(FleetStrategy.NAIVE, 8, 8, 0, 0, 20.25),
                new FleetResults.Row(FleetStrategy.SHARE_SINGLE_FLIGHT, 1, 8, 0, 0, 6.5));
        List<Path> files = List.of(folder.resolve("f.html"), folder.resolve("f.md"), folder.resolve("f.json"));
        Reports.write(results, files, Map.of());
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(files.get(0).toFile());
        String html = Files.readString(files.get(0));
        assertFalse(html.contains("<script"), html);
        assertTrue(html.contains("<tr><th>share-single-flight</th><td class=\"never\">1</td>"), html);
        assertTrue(Files.readString(files.get(1)).contains("| share-single-flight | 1 | 7 | 8 | 0 | 0 | 6.5 s |\n"));
        JsonNode json = JSON.readTree(files.get(2).toFile());
        assertValid(json);
        assertEquals(7, json.get("fleet").get("strategies").get(1).get("fromAnother").asInt());
        NotPlayed noTimeline = assertThrows(NotPlayed.class,
                () -> Reports.write(results, List.of(folder.resolve("f.svg")), Map.of()));
        assertEquals(ExitCode.USAGE, noTimeline.code());
    }

    @Test
    void onlyWhatThisProjectDoesDecidesTheExitStatus() {
        assertFalse(results(new FleetResults.Row(FleetStrategy.BUILDX_CACHE, 1, 7, 1, 0, 1)).isOursFalse());
        assertTrue(results(new FleetResults.Row(FleetStrategy.SHARE, 1, 7, 1, 0, 1)).isOursFalse());
        assertTrue(results(new FleetResults.Row(FleetStrategy.ENSURE, 1, 7, 0, 1, 1)).isOursFalse());
    }

    @Test
    void aFleetThatCannotBeIsAUsageError() {
        assertAll(
                () -> mistake("fleet is played alone", "--scenario", "fleet", "--scenario", "same"),
                () -> mistake("fleet takes --engine throwaway:VERSION, not 'current'", "--scenario", "fleet",
                        "--engine",
                        "current"),
                () -> mistake("'substring' is none of naive, buildx-cache,", "--scenario", "fleet", "--strategy",
                        "substring"));
    }

    private static void mistake(String message, String... arguments) {
        Harness.Result result = Harness.script("race_repro", arguments).run().expect(2);
        assertTrue(result.err().contains(message), result::toString);
    }

    private static FleetResults results(FleetResults.Row... rows) {
        FleetPlan plan = new FleetPlan(List.of(FleetStrategy.values()), 8,
                new EngineSpec("28.5", EngineSpec.Store.CONTAINERD), 1, List.of("race_repro", "--scenario", "fleet"));
        return new FleetResults(plan, "28.5.2", List.of(rows));
    }

    private static void assertValid(JsonNode json) throws Exception {
        JsonNode schema = JSON.readTree(Harness.projectFile("docs/race-fleet.schema.json").toFile());
        assertEquals(Set.of(), JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(schema)
                .validate(json));
    }
}
