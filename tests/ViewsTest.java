// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What --list, --why and --dry-run tell of a collection; they build nothing, and exit 0 whatever they tell. */
class ViewsTest {

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String base = "vbase-" + id;
    private final String app = "vapp-" + id;
    private final Workbench bench = Workbench.ofToday();

    @BeforeEach
    void makeACollection() {
        bench.write("images/" + base + "/1/Dockerfile", "FROM busybox\nRUN echo one > /base\n");
        bench.write("images/" + app + "/Dockerfile", "FROM " + base + ":1\nARG V=1\nCOPY src /src\n");
        bench.write("images/" + app + "/src/a", "1");
        bench.write("images/" + app + "/unused", "1");
    }

    @Test
    void theListHasTheStateOfEachImage() {
        assertEquals(List.of("IMAGE STATE AGE SIZE FROM",
                base + ":1 missing images/" + base + "/1 on busybox:latest",
                app + ":latest missing images/" + app + " on " + base + ":1"), rows(bench.ensure("--list")));
        bench.ensure("--all").succeeded();
        bench.write("images/" + app + "/src/a", "2");
        assertEquals(List.of(base + ":1 present AGE SIZE images/" + base + "/1 on busybox:latest",
                app + ":latest stale AGE SIZE images/" + app + " on " + base + ":1"),
                rows(bench.ensure("--list", "--all")).subList(1, 3));
        assertEquals(2, rows(bench.ensure("--list", base + ":1")).size(), "one image, if it is named");
        String json = bench.ensure("--list", "--format", "json", base + ":1").succeeded().out();
        assertTrue(json.matches("(?s).*\"outcome\":\"present\".*\"exit\":0.*\"named\":\"20[^\"]*Z\",\"size\":\\d{4,},"
                + "\"bases\":\\[\"busybox:latest\"],\"asks\":false}\n"), json);
    }

    private static List<String> rows(Harness.Result result) {
        return result.succeeded().out().lines().map(line -> line.replaceAll(" +", " ")
                .replaceFirst("(present|stale) \\d+ (?:s|min|h) [0-9.]+ [kM]?B", "$1 AGE SIZE")).toList();
    }

    @Test
    void whyTellsWhatCountsAndWhatChanged() {
        bench.ensure(app).succeeded();
        bench.write("images/" + app + "/src/b", "2");
        String why = bench.ensure("--why", app, "--build-arg", "V=2").succeeded().out();
        String ours = why.substring(why.indexOf(app + ":latest: stale\n"));
        assertEquals(app + """
                :latest: stale
                  named       WHEN
                  changed     build argument changed (V)
                              1 file added (src/b)
                  Dockerfile  images/APP/Dockerfile
                  context     images/APP
                  files       src, src/a, src/b
                  arguments   V
                  built on    BASE:1
                """.replace("APP", app).replace("BASE", base),
                ours.replaceFirst("20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d, \\d+ (s|min) ago", "WHEN"));
        String json = bench.ensure("--why", app, "--format", "json").succeeded().out().lines().skip(1).findFirst()
                .orElse("");
        assertTrue(json.endsWith("\"inputs\":{\"files\":[\"src\",\"src/a\",\"src/b\"],\"arguments\":[],\"options\":[],"
                + "\"settings\":[]}}"), json);
    }

    @Test
    void aDryRunTellsWhatWouldBeBuiltInOrderAndWhy() throws IOException {
        assertEquals(List.of("would-build " + base + ":1 missing", "would-build " + app + ":latest missing"),
                rows(bench.ensure("--dry-run", "--all")));
        bench.ensure("--all").succeeded();
        bench.write("images/" + base + "/1/Dockerfile", "FROM busybox\nRUN echo two > /base\n");
        Path log = Harness.newFolder().resolve("log");
        String client = bench.loggingClient(log).toString();
        assertEquals(List.of("would-rebuild " + base + ":1 Dockerfile changed (line 2)",
                "would-rebuild " + app + ":latest base " + base + ":1 changed"),
                rows(bench.ensure("--docker", client, "--dry-run", "--all")));
        bench.ensure("--all").succeeded();
        String id = bench.ensure("-q", app).succeeded().out().strip();
        assertEquals(List.of("would-ask " + base + ":1 only docker build can tell",
                "would-ask " + app + ":latest only docker build can tell"),
                rows(bench.ensure("--docker", client, "--dry-run", "--all", "--", "--pull")).stream()
                        .map(line -> line.replace("would-rebuild", "would-ask")).toList(),
                "also what only a build can tell is not built");
        assertFalse(Files.readAllLines(log).stream().anyMatch(line -> line.startsWith("build ")),
                Files.readString(log));
        assertEquals(id, bench.ensure("-q", app).succeeded().out().strip());
    }
}
