// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import ensureimage.recipe.InputTable;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The table of docker build's options is held against docker itself: none is missing, and each does what its row says. */
class InputTableTest {
    /** A line of docker's help: the short form, if there is one, the long one, and the kind of its value, if it has one. */
    private static final Pattern OPTION = Pattern.compile("  (?:(-\\w), |    )(--[\\w-]+)(?: (\\w+))? {2,}\\S.*");
    /** A value for each option that is tried. */
    private static final Map<String, String> SAMPLES = Map.ofEntries(Map.entry("--add-host", "x:1.2.3.4"),
            Map.entry("--allow", "network.host"), Map.entry("--cache-from", "type=local,src=/nonexistent"),
            Map.entry("--builder", "default"), Map.entry("--cache-to", "type=inline"),
            Map.entry("--cgroup-parent", "ensure"), Map.entry("--cpu-period", "50000"),
            Map.entry("--cpu-quota", "40000"), Map.entry("--cpu-shares", "512"), Map.entry("--cpuset-cpus", "0"),
            Map.entry("--cpuset-mems", "0"), Map.entry("--isolation", "default"), Map.entry("--label", "a=b"),
            Map.entry("--memory", "1g"), Map.entry("--memory-swap", "2g"), Map.entry("--network", "host"),
            Map.entry("--progress", "plain"), Map.entry("--secret", "id=a,src=Dockerfile"),
            Map.entry("--security-opt", "seccomp=unconfined"), Map.entry("--shm-size", "128m"),
            Map.entry("--ulimit", "nofile=99:99"),
            Map.entry("--provenance", "true"), Map.entry("--attest", "type=provenance,mode=max"));
    /** Options that are not tried, and why. */
    private static final Map<String, String> NOT_TRIED = Map.ofEntries(
            Map.entry("--annotation", "the engine's own exporter drops it, another one may keep it"),
            Map.entry("--disable-content-trust", "needs signatures"), Map.entry("--detach", "experimental"),
            Map.entry("--ssh", "needs an agent"),
            Map.entry("--quiet", "excludes --progress"), Map.entry("--root", "experimental"),
            Map.entry("--server-config", "experimental"),
            Map.entry("--policy", "newer than the engines here"), Map.entry("--sbom", "needs a scanner's image"),
            Map.entry("--no-cache", "runs the steps again, whatever the inputs"),
            Map.entry("--no-cache-filter", "runs the steps again, whatever the inputs"),
            Map.entry("--squash", "does nothing unless the engine is experimental"));

    @ParameterizedTest
    @CsvSource({"28.5, 1", "28.5, 0", "26.1, 1", "26.1, 0"})
    void eachOptionOfDockersHelpHasARow(String version, String buildkit) {
        Workbench bench = new Workbench(version, EngineSpec.Store.CONTAINERD, buildkit, Harness.newFolder());
        String help = bench.command(bench.client(), "build", "--help").env("BUILDX_EXPERIMENTAL", "1").run()
                .succeeded().out();
        int options = 0;
        List<String> wrong = new ArrayList<>();
        for (String line : help.lines().toList()) {
            Matcher option = OPTION.matcher(line);
            if (option.matches()) {
                options++;
                boolean hasValue = option.group(3) != null;
                for (String form : Stream.of(option.group(1), option.group(2)).filter(each -> each != null).toList()) {
                    if (InputTable.row(form).filter(row -> row.hasValue() == hasValue).isEmpty()) {
                        wrong.add(form + (hasValue ? " with a value" : ""));
                    }
                }
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(options > 20, "control: the help was understood: " + help);
    }

    @Test
    void eachOptionDoesToTheImageWhatItsRowSays() throws IOException {
        Workbench bench = Workbench.ofToday();
        bench.write("Dockerfile", "FROM busybox\nRUN echo " + UUID.randomUUID() + "\n");
        String plain = imageId(bench, List.of());
        assertEquals(plain, imageId(bench, List.of()), "control: a cached build gives the same image");
        List<String> harmless = new ArrayList<>();
        List<String> withoutEffect = new ArrayList<>();
        for (InputTable.Row row : InputTable.options()) {
            if (NOT_TRIED.containsKey(row.name())) {
                continue;
            } else if (row.effect() == InputTable.Effect.NOTHING) {
                harmless.add(word(row));
            } else if (row.effect() == InputTable.Effect.COUNTS
                    && imageId(bench, List.of(word(row))).equals(plain)) {
                        withoutEffect.add(row.name());
                    }
        }
        assertEquals(plain, imageId(bench, harmless), "one of these makes another image: " + harmless);
        assertEquals(List.of(), withoutEffect, "the image stays the same");
    }

    private static String word(InputTable.Row row) {
        String value = SAMPLES.get(row.name());
        assertTrue(!row.hasValue() || value != null, "a value to try, or a reason why not: " + row.name());
        return row.hasValue() ? row.name() + "=" + value : row.name();
    }

    private static String imageId(Workbench bench, List<String> options) throws IOException {
        Path metadata = Harness.newFolder().resolve("metadata");
        List<String> line = new ArrayList<>(List.of(bench.client(), "build", "--metadata-file", metadata.toString()));
        line.addAll(options);
        line.add(".");
        bench.command(line.toArray(String[]::new)).env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1").run().succeeded();
        return new ObjectMapper().readTree(metadata.toFile()).path("containerimage.digest").asText();
    }

    @Test
    void thePageShowsTheTable() throws IOException {
        String rows = InputTable.options().stream()
                .map(row -> "| `%s` | %s | %s |".formatted(row.name(), effect(row), row.reason()))
                .collect(Collectors.joining("\n"));
        String page = Files.readString(Harness.projectFile("docs/freshness.md"));
        assertTrue(page.contains(rows), () -> "docs/freshness.md has other rows than these:\n" + rows);
    }

    private static String effect(InputTable.Row row) {
        return switch (row.effect()) {
            case COUNTS -> "yes";
            case NOTHING -> "no";
            case ARGUMENT -> "if declared";
            case CONTEXT, FILE -> "by content";
            case ASKS -> "docker build is asked";
            case FORBIDDEN -> "cannot be passed";
        };
    }
}
