// SPDX-License-Identifier: Apache-2.0
//SOURCES RegistryProxy.java

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.RegistryProxy;
import ensureimage.testing.RegistryProxy.Fault;
import ensureimage.testing.RegistryProxy.Stage;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A registry that fails in any way never fails {@code ensure_image --share}: a real engine and a real registry, with a
 * proxy between them that lets one thing go wrong at a time.
 *
 * <p>Run: {@code ./jbangw tests/all.java ShareFaultsTest}
 */
class ShareFaultsTest {

    private static final int DISK = 300;
    private static final String PAGE = page();
    private static final Path FOLDER = Harness.newFolder();
    private static final Path CACHE = Harness.newFolder();
    private static final Map<Row, String> CELLS = new TreeMap<>();
    private static final Map<Row, String> REASONS = new TreeMap<>();
    private static ThrowawayRegistry registry;
    private static RegistryProxy proxy;
    private static ThrowawayEngine engine;

    /** What goes wrong, and when; {@code full} is the real registry's disk. */
    record Row(String what, Stage stage) implements Comparable<Row> {

        String image() {
            return (what + "-" + stage).toLowerCase(Locale.ROOT).replace('_', '-');
        }

        String next() {
            return image() + "-next";
        }

        @Override
        public int compareTo(Row other) {
            return Integer.compare(rows().toList().indexOf(this), rows().toList().indexOf(other));
        }

        @Override
        public String toString() {
            return "%s | %s".formatted(what, stage.toString().toLowerCase(Locale.ROOT).replace('_', '-'));
        }
    }

    private static final String FULL = "DISK_FULL";
    private static final String REFUSED = "REFUSED";

    static Stream<Row> rows() {
        var everywhere = List.of(Fault.AWAY, Fault.SILENT, Fault.STATUS_401, Fault.STATUS_403, Fault.STATUS_405,
                Fault.STATUS_429, Fault.STATUS_500, Fault.STATUS_503, Fault.CUT, Fault.PORTAL);
        return Stream.of(
                Stream.of(new Row(REFUSED, Stage.LOOK_UP)),
                everywhere.stream().flatMap(fault -> Stream.of(Stage.values())
                        .map(stage -> new Row(fault.name(), stage))),
                Stream.of(new Row(Fault.STALLS.name(), Stage.PULL), new Row(Fault.BROKEN.name(), Stage.PULL),
                        new Row(Fault.FOREIGN.name(), Stage.LOOK_UP),
                        new Row(Fault.IMMUTABLE.name(), Stage.PUSH), new Row(FULL, Stage.PUSH)))
                .flatMap(row -> row);
    }

    @BeforeAll
    static void shareWhatIsToBePulled() throws Exception {
        engine = Harness.ownEngine(new EngineSpec("28.5", EngineSpec.Store.CONTAINERD));
        registry = Harness.ownRegistry(DISK);
        proxy = new RegistryProxy(registry.port());
        engine.reach(proxy.port(), ThrowawayEngine.Progress.NONE);
        for (var row : rows().toList()) {
            for (var image : List.of(row.image(), row.next())) {
                Harness.write(FOLDER.resolve(image + "/Dockerfile"), "FROM busybox\nCOPY content /content\n");
                Harness.write(FOLDER.resolve(image + "/content"), "made for " + image + "\n");
            }
        }
        var pulled = rows().filter(row -> row.stage == Stage.PULL)
                .flatMap(row -> Stream.of(row.image(), row.next()))
                .toList();
        ensure(pulled.stream(), "--share", repository()).succeeded();
        docker("tag", "busybox", repository() + ":" + RegistryProxy.FOREIGN_TAG);
        docker("push", repository() + ":" + RegistryProxy.FOREIGN_TAG);
        docker(Stream.concat(Stream.of("image", "rm", repository() + ":" + RegistryProxy.FOREIGN_TAG), pulled.stream())
                .toArray(String[]::new));
        docker("builder", "prune", "--all", "--force");
        var control = ensure(Stream.of(pulled.get(0)), "--share", repository()).succeeded();
        assertTrue(control.out().startsWith("pulled "), "all is well without a fault: " + control);
        docker("image", "rm", pulled.get(0));
    }

    @AfterAll
    static void takeDown() {
        proxy.close();
        registry.close();
        engine.close();
    }

    /** Prints the reasons, too, for readers of a run's journal; the page has the table alone. */
    @AfterAll
    static void thePageHasTheTable() {
        System.out.println(table());
        REASONS.forEach((row, reason) -> System.out.println(row + ": " + reason));
        if (CELLS.size() == rows().count()) { // not if only some were selected
            assertTrue(PAGE.contains("\n" + table()), () -> "to be pasted into docs/share-faults.md:\n" + table());
        }
    }

    @ParameterizedTest
    @MethodSource("rows")
    void aRegistryThatFailsCostsOneWarning(Row row) throws Exception {
        arrange(row);
        try {
            var share = row.what.equals(REFUSED) ? "127.0.0.1:1/team/ensured" : repository();
            var result = ensure(Stream.of(row.image(), row.next()), "--jobs", "1", "--share-timeout",
                    row.what.matches("SILENT|STALLS") ? "10" : "60", "--share", share);
            var warnings = result.err().lines().filter(line -> line.contains("warning: ")).toList();
            var asked = proxy.requests();
            // A tag that is there is a success; an image that is not what it should be is told of each.
            int expected = row.what.equals(Fault.IMMUTABLE.name()) ? 0 : row.what.equals(Fault.FOREIGN.name()) ? 2 : 1;
            boolean right = holdsItsOwn(row.image()) && holdsItsOwn(row.next());
            var cell = "exit %d, %s, %d warning%s".formatted(result.status(), right ? "right" : "WRONG",
                    warnings.size(), warnings.size() == 1 ? "" : "s");
            CELLS.put(row, cell);
            REASONS.put(row,
                    warnings.stream().map(ShareFaultsTest::reason).distinct().collect(Collectors.joining("; ")));
            assertAll(
                    () -> assertEquals(0, result.status(), result::toString),
                    () -> assertTrue(row.what.equals(REFUSED) || row.what.equals(FULL) || proxy.hasStruck(),
                            () -> "the fault was met: " + asked),
                    () -> assertTrue(right, "each image has its own content"),
                    () -> assertEquals(expected, warnings.size(), result::toString),
                    () -> assertTrue(isLeftAlone(row, asked), () -> "asked again: " + asked + " " + result));
        } finally {
            makeRoom();
            proxy.heal();
        }
    }

    private static void arrange(Row row) throws IOException {
        proxy.heal();
        if (row.what.equals(FULL)) {
            fillDisk();
        } else if (!row.what.equals(REFUSED)) {
            proxy.fail(Fault.valueOf(row.what), row.stage);
        }
    }

    /**
     * After an image failed in the registry, the next one is not asked for. A caller that may not pull may still push, as
     * where the first push makes the repository; and one that may not push may still pull.
     */
    private static boolean isLeftAlone(Row row, List<String> asked) {
        if (row.what.matches("IMMUTABLE|FOREIGN")) {
            return true; // nothing is wrong with the registry
        }
        if (row.what.matches("STATUS_40[135]") && row.stage != Stage.LOOK_UP) {
            var again = row.stage == Stage.PUSH ? "PUT .*/manifests/.*" : "GET .*/manifests/.*";
            int first = row.stage == Stage.PUSH ? 0 : 1;
            return asked.stream().filter(line -> line.matches(again)).distinct().count() <= first;
        }
        var tags = asked.stream().map(line -> line.replaceFirst(".*/manifests/", ""))
                .filter(tag -> !tag.contains("/") && !tag.startsWith("sha256:")).distinct().toList();
        long near = tags.stream().filter(tag -> tag.endsWith("-near")).count(); // one per image, for the build's cache
        return near <= 1 && tags.size() - near <= 1;
    }

    /** One row per fault, as docs/share-faults.md has it. */
    private static String table() {
        var faults = rows().map(Row::what).distinct().toList();
        return "| fault | during a look-up | during a pull | during a push |\n| --- | --- | --- | --- |\n"
                + faults.stream().map(fault -> Stream.of(Stage.values())
                        .map(stage -> CELLS.getOrDefault(new Row(fault, stage), ""))
                        .collect(Collectors.joining(" | ", "| " + fault + " | ", " |\n")))
                        .collect(Collectors.joining());
    }

    /** Docker's words, without what is another one in each run. */
    private static String reason(String warning) {
        return warning.replaceFirst(".*?warning: (?:[^:]*:\\d+[^ ]*: |(.*?) through [^ ]+: )", "")
                .replaceAll("127\\.0\\.0\\.1:\\d+", "REGISTRY").replaceAll("[0-9a-f]{64}", "HASH")
                .replaceAll("[0-9a-f]{8}-[0-9a-f-]{27}", "UUID").replace("|", "\\|");
    }

    // ---- helpers

    private static String page() {
        try {
            return Files.readString(Harness.projectFile("docs/share-faults.md"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String repository() {
        return proxy.address() + "/team/ensured";
    }

    private static Harness.Result ensure(Stream<String> images, String... options) {
        var line = Stream.concat(Stream.of(options), images.map(image -> image + "=" + image)).toArray(String[]::new);
        return Harness.script("ensure_image", line).in(FOLDER).env(engine.environment()).env("XDG_CACHE_HOME", CACHE)
                .run();
    }

    private static boolean holdsItsOwn(String image) {
        return Harness.command(engine.docker().toString(), "run", "--rm", "--network", "none", image, "grep", "-qx",
                "made for " + image, "/content").env(engine.environment()).run().status() == 0;
    }

    private static void docker(String... arguments) {
        var line = new ArrayList<>(List.of(engine.docker().toString()));
        line.addAll(List.of(arguments));
        Harness.command(line.toArray(String[]::new)).env(engine.environment()).run().succeeded();
    }

    private static Path ballast() {
        return registry.storage().resolveSibling("ballast");
    }

    private static void fillDisk() throws IOException {
        try (OutputStream out = Files.newOutputStream(ballast())) {
            for (var block = new byte[4096];;) {
                out.write(block);
            }
        } catch (IOException e) {
            assertTrue(String.valueOf(e.getMessage()).contains("No space left"), e.toString());
        }
    }

    private static void makeRoom() throws IOException {
        Files.deleteIfExists(ballast());
    }
}
