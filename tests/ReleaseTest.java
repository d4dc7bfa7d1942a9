// SPDX-License-Identifier: Apache-2.0
//DEPS com.networknt:json-schema-validator:1.5.9
//SOURCES Checkout.java
//SOURCES ReleaseFiles.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.testing.Programs;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;

/** The files of a release: the same from everywhere, and what they say is so. {@link WorkflowsTest} makes them twice. */
class ReleaseTest {
    private static final String JAR = "ensure_image.jar";
    private static final String SBOM = "ensure_image.cdx.json";
    /** It has CycloneDX's own schemas. */
    private static final String CYCLONEDX = "org.cyclonedx:cyclonedx-core-java:10.2.1";
    private static final String SCHEMAS = "http://cyclonedx.org/schema/";

    // ---- The jar

    /** The other checkout is built by the workflow's own step. */
    @Test
    void twoCheckoutsMakeTheSameFiles() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        Path runner = Harness.newFolder();
        files.step("Make it again in another checkout, and compare").env("RUNNER_TEMP", runner).run().succeeded();
        Path again = runner.resolve("again/dist").resolve(JAR);
        assertArrayEquals(Files.readAllBytes(files.file(JAR)), Files.readAllBytes(again));
        assertFalse(Arrays.equals(jarOf(files.checkout), jarOf(runner.resolve("again"))),
                "control: a jar keeps the times of the files that it is made of");
    }

    /** The sources as the JDK's jar packs them. */
    private static byte[] jarOf(Path checkout) throws IOException {
        Path jar = Harness.newFolder().resolve("sources.jar");
        String program = Path.of(System.getProperty("java.home"), "bin", "jar").toString();
        Harness.command(program, "--create", "--file", jar.toString(), "-C", checkout.toString(), "src").run()
                .succeeded();
        return Files.readAllBytes(jar);
    }

    /** Of one class path: what the compilers make of a source may differ. */
    @Test
    void eachJavaPacksTheSameJar() throws IOException {
        byte[] expected = Files.readAllBytes(InstalledForm.shared().jar());
        int tried = 0;
        for (Path java : ReleaseFiles.homes()) {
            Path home = Harness.newFolder();
            List<String> line = InstalledForm.installing(home).line();
            InstalledForm.at(home, Harness.command(Stream.concat(Stream.of(java.resolve("bin/java").toString()),
                    line.stream().skip(1)).toArray(String[]::new))).run().succeeded();
            assertArrayEquals(expected, Files.readAllBytes(InstalledForm.of(home).jar()), java.toString());
            tried++;
        }
        assertTrue(tried > 0, "there is the one of this run");
    }

    @Test
    void theJarRunsAndHasItsLicences() throws IOException {
        Path jar = ReleaseFiles.shared().file(JAR);
        Harness.Result result = Harness.command(InstalledForm.java(), "-jar", jar.toString(), "--version").run()
                .succeeded();
        assertEquals("ensure_image " + Version.TEXT + " (jar)\n", result.out());
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (String name : List.of("LICENSE", "NOTICE")) {
                assertEquals(Files.readString(Harness.projectFile(name)), new String(zip.getInputStream(
                        zip.getEntry("META-INF/licenses/ensure_image.jar/" + name)).readAllBytes()));
            }
        }
    }

    @Test
    void theChecksumsAreThoseOfTheFiles() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        Harness.Command check =
                Harness.command("sha256sum", "--check", "SHA256SUMS").in(files.checkout.resolve("dist"));
        assertEquals("COMMIT: OK\nensure_image.cdx.json: OK\nensure_image.jar: OK\njbang-catalog.json: OK\n",
                check.run().succeeded().out());
        assertEquals(Harness.command("git", "rev-parse", "HEAD").in(files.checkout).run().out(),
                Files.readString(files.file("COMMIT")));
    }

    // ---- What it is made of

    @Test
    void theSbomIsACycloneDxDocument() throws IOException {
        Path folder = Harness.newFolder();
        Programs.require("mvn", "maven");
        Harness.command("mvn", "-B", "-q", "-ntp", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                "-Dmdep.stripVersion", "-Dartifact=" + CYCLONEDX, "-DoutputDirectory=" + folder).run().succeeded();
        Map<String, String> schemas = new TreeMap<>();
        try (ZipFile jar = new ZipFile(folder.resolve("cyclonedx-core-java.jar").toFile())) {
            for (String name : List.of("bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schema.json")) {
                schemas.put(SCHEMAS + name, new String(jar.getInputStream(jar.getEntry(name)).readAllBytes()));
            }
        }
        JsonSchema schema = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V7,
                factory -> factory.schemaLoaders(loaders -> loaders.schemas(schemas)))
                .getSchema(schemas.get(SCHEMAS + "bom-1.6.schema.json"));
        String sbom = Files.readString(ReleaseFiles.shared().file(SBOM));
        assertEquals("[]", schema.validate(new ObjectMapper().readTree(sbom)).toString());
        for (String wrong : List.of(sbom.replace("\"BSD-3-Clause\"", "\"Go License\""),
                sbom.replace("SHA-256", "SHA-255"), sbom.replace("\"library\"", "\"librarian\""))) {
            assertFalse(schema.validate(new ObjectMapper().readTree(wrong)).isEmpty(), "control: not valid: " + wrong);
        }
    }

    @Test
    void theSbomHasEachLibraryWithItsLicenceAndTheChecksumOfItsJar() throws IOException {
        JsonNode sbom = new ObjectMapper().readTree(ReleaseFiles.shared().file(SBOM).toFile());
        Map<String, String> licences = new TreeMap<>();
        for (JsonNode each : sbom.get("components")) {
            String name = each.get("name").asText() + "-" + each.get("version").asText() + ".jar";
            licences.put(each.get("name").asText(), each.at("/licenses/0/license/id").asText());
            Path jar = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator)).map(Path::of)
                    .filter(path -> path.endsWith(name)).findFirst().orElseThrow();
            assertEquals(checksum(jar), each.at("/hashes/0/content").asText(), name);
        }
        assertEquals(Map.of("jackson-core", "Apache-2.0", "picocli", "Apache-2.0", "re2j", "BSD-3-Clause",
                "slf4j-api", "MIT", "slf4j-nop", "MIT", "zt-exec", "Apache-2.0"), licences);
        assertEquals(checksum(ReleaseFiles.shared().file(JAR)),
                sbom.at("/metadata/component/hashes/0/content").asText());
        String text = Files.readString(ReleaseFiles.shared().file(SBOM)).replaceAll("\\s", "");
        assertTrue(text.contains("{\"ref\":\"zt-exec@1.13.0\",\"dependsOn\":[\"slf4j-api@2.0.20\"]}"), text);
    }

    /** All that the jar has is ours, or of a library that the SBOM names. */
    @Test
    void nothingElseIsInTheJar() throws IOException {
        try (ZipFile zip = new ZipFile(ReleaseFiles.shared().file(JAR).toFile())) {
            assertEquals(List.of("META-INF", "com/fasterxml/jackson/core", "com/google/re2j", "ensureimage",
                    "org/slf4j", "org/zeroturnaround/exec", "picocli", "race-demo"),
                    zip.stream().map(entry -> entry.getName()).filter(name -> name.contains("/"))
                            .map(name -> name.replaceFirst(
                                    "^((?:com|org)/[^/]+(?:/(?:jackson/core|re2j|exec))?|[^/]+)/.*", "$1"))
                            .distinct().sorted().collect(Collectors.toList()));
        }
    }

    private static String checksum(Path file) {
        return Harness.command("sha256sum", file.toString()).run().succeeded().out().replaceAll(" .*\n", "");
    }

    // ---- Catalog and notes

    @Test
    void theCatalogLeadsToTheJarOfTheTag() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        Path home = Harness.newFolder();
        try (ReleaseFiles.Server server = files.serve()) {
            Path catalog = Harness.write(home.resolve("jbang-catalog.json"),
                    Files.readString(files.file("jbang-catalog.json"))
                            .replace(ReleaseFiles.SERVER + "/" + ReleaseFiles.REPOSITORY + "/releases/download",
                                    server.address()));
            for (String script : List.of("ensure_image", "race_repro", "with_docker")) {
                Harness.Result result = Harness.jbangw(script + "@" + catalog, "--version").env("HOME", home)
                        .without("XDG_CACHE_HOME", "JBANG_DIR", "JBANG_CACHE_DIR").in(home).run().succeeded();
                assertTrue(result.out().startsWith(script + " " + Version.TEXT), result.toString());
            }
        }
    }

    @Test
    void theNotesAreTheVersionsPartOfTheChangelog() throws IOException {
        String changes = Files.readString(Harness.projectFile("CHANGELOG.md"));
        String unreleased = changes.substring(changes.indexOf("## Unreleased\n") + "## Unreleased\n".length());
        assertEquals(unreleased.replaceFirst("(?s)\n## .*", "").strip(),
                Files.readString(ReleaseFiles.shared().file("notes.md")).strip());
    }

    @Test
    void aCheckoutThatIsNotReadyForItsTagIsTold() throws IOException {
        ReleaseFiles files = ReleaseFiles.shared();
        String folder = Harness.newFolder().toString();
        Harness.Result other = files.command("--tag", "v99.0.0", folder).run().expect(2);
        assertEquals("release: the tag is v99.0.0, but src/ensureimage/Version.java says " + Version.TEXT
                + ".\nSet it there, or tag v" + Version.TEXT + ".\n", other.err());
        Harness.Result empty = files.command(folder).run().expect(2); // nothing is left below Unreleased
        assertEquals("release: CHANGELOG.md says nothing below \"## Unreleased\".\n", empty.err());
        assertEquals(List.of(), InstalledForm.files(Path.of(folder)));
    }
}
