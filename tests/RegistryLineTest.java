// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.Reference;
import ensureimage.testing.Harness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a failed pull or push is taken for: real output of real engines, and texts made to deceive. */
class RegistryLineTest {
    private static final Path TRANSCRIPTS = Harness.projectFile("tests/transcripts");
    private static final Pattern COMMAND = Pattern.compile("command: docker (?:pull|push) ([^;]+);");
    private static final Reference IMAGE = Reference.find("registry.example/team/ensured:0123").orElseThrow();

    static Stream<String> transcripts() throws IOException {
        try (Stream<Path> files = Files.list(TRANSCRIPTS)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.contains("-registry-")).sorted()
                    .toList().stream();
        }
    }

    private static Optional<RegistryLine.Meaning> read(String name) throws IOException {
        List<String> lines = Files.readAllLines(TRANSCRIPTS.resolve(name));
        Matcher command = COMMAND.matcher(lines.get(0));
        assertTrue(command.find(), "the first line tells the command: " + name);
        return RegistryLine.read(BuildOutput.lastLine(lines.subList(1, lines.size())),
                Reference.find(command.group(1)).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("transcripts")
    void everyTranscriptIsTakenForWhatItWas(String name) throws Exception {
        Optional<RegistryLine.Meaning> expected = name.matches(".*-pull-(?:miss|404).*") ? Optional.of(
                RegistryLine.Meaning.NOT_THERE)
                : name.matches(".*-(?:401|403|405|401-ping)\\.txt") ? Optional.of(RegistryLine.Meaning.DENIED)
                : name.endsWith("-name-gone.txt") ? Optional.of(RegistryLine.Meaning.NAME_GONE)
                : Optional.empty();
        assertEquals(expected, read(name));
    }

    /** The words of registries that are not here are from their documentation and from reports of their users. */
    @Test
    void everyOtherMeaningHasATranscript() throws Exception {
        List<RegistryLine.Meaning> seen = new ArrayList<>();
        for (String name : transcripts().toList()) {
            read(name).ifPresent(seen::add);
        }
        assertEquals(EnumSet.complementOf(EnumSet.of(RegistryLine.Meaning.ALREADY_THERE)),
                EnumSet.copyOf(Set.copyOf(seen)));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "tag invalid: The image tag '1' already exists in the 'team/ensured' repository and cannot be overwritten "
                + "because the repository is immutable.",
        "unknown: configured as immutable",
        "denied: manifest is immutable",
        "PUT http://registry.example/v2/team/ensured/manifests/0123: Failed to process request due to 'team:0123' "
                + "configured as immutable.",
        "error from registry: tag cannot be overwritten because the tag is immutable"})
    void aTagThatCannotBeOverwrittenIsThereAlready(String line) {
        assertEquals(Optional.of(RegistryLine.Meaning.ALREADY_THERE), RegistryLine.read(line, IMAGE));
    }

    /** A miss is silent and trouble is not: only the registry's answer about this very image is a miss. */
    @ParameterizedTest
    @ValueSource(strings = {
        "Error response from daemon: failed to resolve reference \"registry.example/team/ensured:9999\": "
                + "registry.example/team/ensured:9999: not found",
        "Error response from daemon: failed to resolve reference \"registry.example/team/ensured:0123\": "
                + "failed to do request: lookup registry.example: not found",
        "Error response from daemon: no matching manifest for linux/amd64 in the manifest list entries: not found",
        "Error response from daemon: manifest for registry.example/team/other:0123 not found: manifest unknown",
        "not found", "manifest unknown"})
    void whatIsNotAMissIsTrouble(String line) {
        assertNotEquals(Optional.of(RegistryLine.Meaning.NOT_THERE), RegistryLine.read(line, IMAGE));
    }
}
