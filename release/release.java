///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Makes the files of a release: the jar, its checksums, its SBOM, a JBang catalog, the notes
//JAVA 17+
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES Library.java
//SOURCES Sbom.java
//SOURCES ../src/ensureimage/engine/Processes.java
//SOURCES ../src/ensureimage/engine/Deadline.java

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import ensureimage.engine.Processes;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * What the release workflow runs. Run it to check a release, too: two checkouts of a tag give the same bytes.
 *
 * <p>Run: {@code ./jbangw release/release.java --help}.
 */
@Command(name = "release", sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = "./jbangw release/release.java [OPTIONS] DIR",
        description = {"%nMakes the files of a release of this checkout in the folder DIR:", "",
            "  ensure_image.jar       the program", "  ensure_image.cdx.json  what it is made of (CycloneDX)",
            "  jbang-catalog.json     aliases for this release's jar", "  COMMIT                 what it is made from",
            "  SHA256SUMS             the checksums of the four",
            "  notes.md               the release's part of CHANGELOG.md%n"},
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {" 0:made", " 2:bad usage, or the checkout is not ready for this tag",
            "10:it could not be made"})
class release implements Callable<Integer> {
    static final int USAGE = 2;
    static final int FAILED = 10;
    private static final String JAR = "ensure_image.jar";
    private static final Duration LIMIT = Duration.ofMinutes(20);
    /** The class file format of Java 17: newer Javas run it, too. */
    private static final int JAVA_17 = 61;
    private static final Pattern VERSION = Pattern.compile("TEXT = \"([^\"]+)\"");
    private static final List<String> SCRIPTS = List.of("ensure_image", "race_repro", "with_docker");

    @Option(names = "--tag", paramLabel = "TAG",
            description = "The tag: v and the version. Without it, this is a rehearsal: the notes are those of Unreleased.")
    private Optional<String> tag = Optional.empty();

    @Option(names = "--repository", paramLabel = "URL", defaultValue = "https://github.com/OWNER/REPO",
            description = "Where the release will be. Default: ${DEFAULT-VALUE}")
    private String repository;

    @Option(names = "--commit", paramLabel = "SHA", description = "What it is made from. Default: git's HEAD")
    private Optional<String> commit = Optional.empty();

    @Parameters(paramLabel = "DIR")
    private Path folder;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help message and exit.")
    private boolean help;

    /** The checkout: that of the script that jbangw has started, else the working folder. */
    private final Path root = Optional.ofNullable(System.getenv("JBANGW_SCRIPT"))
            .map(script -> Path.of(script).toAbsolutePath().normalize().getParent().getParent())
            .orElse(Path.of("").toAbsolutePath());

    /** What the checkout must have, and has not. */
    private static final class NotReady extends Exception {
        private static final long serialVersionUID = 1;

        NotReady(String message) {
            super(message);
        }
    }

    public static void main(String... arguments) {
        System.exit(new CommandLine(new release()).setExecutionExceptionHandler((e, line, parsed) -> {
            System.err.println("release: " + e.getMessage());
            return e instanceof NotReady ? USAGE : FAILED;
        }).execute(arguments));
    }

    @Override
    public Integer call() throws NotReady, IOException, InterruptedException, TimeoutException {
        String version = version();
        String name = tag.orElse("v" + version);
        if (!name.equals("v" + version)) {
            throw new NotReady("the tag is " + name + ", but src/ensureimage/Version.java says " + version
                    + ".\nSet it there, or tag v" + version + ".");
        }
        String notes = notes(tag.isPresent() ? version : "Unreleased");
        String from = commit.isPresent() ? commit.get()
                : run(Map.of(), "git", "-C", root.toString(), "rev-parse", "HEAD").get(0);
        Path target = folder.toAbsolutePath();
        Files.createDirectories(target);
        Path jar = makeJar(target.resolve(JAR));
        Files.writeString(target.resolve("ensure_image.cdx.json"), sbom(version, checksum(jar)));
        Files.writeString(target.resolve("jbang-catalog.json"), catalog(repository + "/releases/download/" + name));
        Files.writeString(target.resolve("COMMIT"), from + "\n");
        Files.writeString(target.resolve("notes.md"), notes);
        StringBuilder sums = new StringBuilder();
        for (String file : List.of("COMMIT", "ensure_image.cdx.json", JAR, "jbang-catalog.json")) {
            sums.append(checksum(target.resolve(file))).append("  ").append(file).append('\n');
        }
        Files.writeString(target.resolve("SHA256SUMS"), sums);
        System.out.print(sums);
        return 0;
    }

    private String version() throws IOException, NotReady {
        Matcher version = VERSION.matcher(Files.readString(root.resolve("src/ensureimage/Version.java")));
        if (!version.find()) {
            throw new NotReady("no version in src/ensureimage/Version.java");
        }
        return version.group(1);
    }

    /** What CHANGELOG.md says below the heading of that version, up to the next one. */
    private String notes(String section) throws IOException, NotReady {
        List<String> lines = Files.readAllLines(root.resolve("CHANGELOG.md"));
        String heading = "## " + section;
        String notes = lines.stream().dropWhile(line -> !line.equals(heading) && !line.startsWith(heading + " "))
                .skip(1).takeWhile(line -> !line.startsWith("## ")).collect(Collectors.joining("\n")).strip();
        if (notes.isEmpty()) {
            throw new NotReady("CHANGELOG.md says nothing below \"" + heading + "\"." + (tag.isEmpty() ? ""
                    : "\nRename \"## Unreleased\" to \"" + heading + " - YYYY-MM-DD\"."));
        }
        return notes + "\n";
    }

    // ---- The jar, and what it is made of

    /** As a user's {@code --install} makes it. */
    private Path makeJar(Path target) throws IOException, InterruptedException, TimeoutException, NotReady {
        Path installed = Files.createTempDirectory("ensure_image-release-");
        try {
            run(Map.of("XDG_DATA_HOME", installed.toString(), "DOCKER_CONFIG", installed.resolve("docker").toString()),
                    jbangw(), root.resolve("ensure_image.java").toString(), "--install=" + installed.resolve("bin"));
            Path jar = installed.resolve("ensure_image").resolve(JAR);
            requireJava17(jar);
            return Files.copy(jar, target, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            try (Stream<Path> files = Files.walk(installed)) {
                for (Path file : files.sorted((one, other) -> other.compareTo(one)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private static void requireJava17(Path jar) throws IOException, NotReady {
        try (ZipFile zip = new ZipFile(jar.toFile());
                DataInputStream in = new DataInputStream(zip.getInputStream(zip.getEntry("ensure_image.class")))) {
            in.readInt();
            in.readUnsignedShort();
            int format = in.readUnsignedShort();
            if (format != JAVA_17) {
                throw new NotReady("the classes are of Java " + (format - JAVA_17 + 17) + ", and older Javas cannot run"
                        + " them.\nSet JAVA_HOME to a JDK 17.");
            }
        }
    }

    private String jbangw() {
        return root.resolve("jbangw").toString();
    }

    private String sbom(String version, String checksum) throws IOException, InterruptedException, TimeoutException {
        String answer = String.join("\n", run(Map.of(), jbangw(), "info", "tools",
                root.resolve("ensure_image.java").toString()));
        List<Library> libraries = new ArrayList<>();
        for (String jar : strings(answer, "resolvedDependencies")) {
            libraries.add(Library.read(Path.of(jar)));
        }
        List<String> direct = strings(answer, "dependencies").stream()
                .map(dependency -> dependency.substring(0, dependency.lastIndexOf(':'))).toList();
        return Sbom.of(version, libraries, direct, checksum);
    }

    /** The strings of an array of a JSON object. */
    private static List<String> strings(String json, String name) throws IOException {
        List<String> strings = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.START_ARRAY && name.equals(parser.currentName())) {
                    while (parser.nextToken() == JsonToken.VALUE_STRING) {
                        strings.add(parser.getText());
                    }
                    return strings;
                }
            }
        }
        throw new IOException("JBang tells no " + name + ": " + json);
    }

    /** @param address of the release's files */
    private static String catalog(String address) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeObjectFieldStart("aliases");
            for (String script : SCRIPTS) {
                json.writeObjectFieldStart(script);
                json.writeStringField("script-ref", address + "/" + JAR);
                json.writeStringField("main", script);
                json.writeEndObject();
            }
            json.writeEndObject();
            json.writeEndObject();
        }
        return text + "\n";
    }

    /** SHA-256, in hexadecimal digits. */
    static String checksum(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has it
        }
    }

    /** Returns what it printed. */
    private static List<String> run(Map<String, String> environment, String... line)
            throws IOException, InterruptedException, TimeoutException {
        Processes.Finished finished =
                new Processes.Command(List.of(line), environment, new byte[0]).run(LIMIT, ignored -> {});
        if (finished.status() != 0) {
            throw new IOException(String.join(" ", line) + " failed, exit status " + finished.status() + ":\n"
                    + String.join("\n", finished.err()));
        }
        return finished.out();
    }
}
