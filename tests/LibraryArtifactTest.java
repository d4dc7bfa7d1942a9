// SPDX-License-Identifier: Apache-2.0
//SOURCES LibraryArtifact.java

package ensureimage.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** The library as others get it: an artifact of Maven. No engine is needed. */
class LibraryArtifactTest {

    private static final List<String> KINDS = List.of(".jar", "-sources.jar", "-javadoc.jar");
    private static final List<String> ROOMS = List.of("ensureimage", "ensureimage/engine", "ensureimage/recipe");
    /** What of the engine's room the API shows. */
    private static final Set<String> SHOWN = Set.of("BuildFiles", "EngineException", "EngineFacts");
    private static final Pattern DEPENDENCY = Pattern.compile("<groupId>(.*)</groupId>\\s*"
            + "<artifactId>(.*)</artifactId>\\s*<version>(.*)</version>");
    private static final Pattern DEPS = Pattern.compile("(?m)^//DEPS (\\S+)$");

    @Test
    void itHoldsTheApiAndTheRoomsBelowIt() throws IOException {
        assertEquals(new TreeSet<>(ROOMS), folders(".jar", "class"));
        assertEquals(new TreeSet<>(ROOMS), folders("-sources.jar", "java"));
        assertTrue(entries("-javadoc.jar").stream().anyMatch(name -> name.endsWith("/EnsureImage.html")));
        for (String kind : List.of(".jar", "-sources.jar")) {
            assertTrue(entries(kind).contains("META-INF/LICENSE"), kind);
        }
    }

    private static Set<String> folders(String kind, String extension) throws IOException {
        return entries(kind).stream().filter(name -> name.endsWith("." + extension))
                .map(name -> name.substring(0, name.lastIndexOf('/'))).collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<String> entries(String kind) throws IOException {
        try (ZipFile jar = new ZipFile(LibraryArtifact.shared().file(kind).toFile())) {
            return jar.stream().map(ZipEntry::getName).toList();
        }
    }

    @Test
    void theSameSourcesMakeTheSameBytesInAnyFolder() throws IOException {
        LibraryArtifact installed = LibraryArtifact.shared();
        Path checkout = Checkout.copy();
        installed.maven(checkout, "package").run().succeeded();
        for (String kind : KINDS) {
            Path again = checkout.resolve("target").resolve(LibraryArtifact.name(kind));
            assertEquals(-1, Files.mismatch(installed.file(kind), again), kind);
        }
    }

    /** What is written twice is the same: JBang reads the one, Maven the other. */
    @Test
    void itsPomSaysWhatTheSourcesSay() throws IOException {
        String pom = Files.readString(LibraryArtifact.shared().file(".pom"));
        List<MatchResult> named = DEPENDENCY.matcher(pom).results().toList();
        assertEquals("io.github.ensure-image:ensure-image:" + Version.TEXT, coordinates(named.get(0)));
        Set<String> deps = new TreeSet<>();
        for (String room : ROOMS) {
            try (Stream<Path> files = Files.list(Harness.projectFile("src/" + room))) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    DEPS.matcher(Files.readString(file)).results().forEach(line -> deps.add(line.group(1)));
                }
            }
        }
        assertEquals(deps, named.stream().skip(1).map(LibraryArtifactTest::coordinates)
                .collect(Collectors.toCollection(TreeSet::new)));
    }

    private static String coordinates(MatchResult found) {
        return found.group(1) + ":" + found.group(2) + ":" + found.group(3);
    }

    // ---- What its users rely on

    /** A sentence that says what is returned, or what a parameter is for, needs no tag in the room below. */
    @Test
    void whatIsPublicIsDocumented() throws IOException {
        Path sample = Harness.write(Harness.newFolder().resolve("Sample.java"),
                "/** A sample. */\npublic class Sample {\n    /** One. */\n    public Sample() {}\n"
                        + "    public int number() { return 1; }\n    /** A text. */\n"
                        + "    public String text() { return null; }\n}\n");
        assertEquals(List.of("no comment", "no @return"), undocumented(List.of(sample), "").stream()
                .map(found -> found.replaceFirst(".*: ", "")).toList(), "control");
        List<Path> sources = new ArrayList<>();
        for (String room : ROOMS) {
            try (Stream<Path> files = Files.list(Harness.projectFile("src/" + room))) {
                files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        assertEquals(List.of(), undocumented(sources, "ensureimage,ensureimage.recipe,ensureimage.engine")
                .stream().filter(found -> !isBelow(found, "recipe") || !found.matches("(?s).* no @(param|return).*"))
                .filter(found -> !isBelow(found, "engine")
                        || SHOWN.stream().anyMatch(type -> found.contains("/" + type + ".java")))
                .toList());
    }

    private static boolean isBelow(String found, String room) {
        return found.contains("ensureimage/" + room + "/");
    }

    private static List<String> undocumented(List<Path> sources, String packages) throws IOException {
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        List<String> options = new ArrayList<>(List.of("-Xdoclint:all/protected", "-proc:none", "-Xmaxwarns", "1000",
                "-Xmaxerrs", "1000", "-classpath", System.getProperty("java.class.path"), "-d",
                Harness.newFolder().toString()));
        if (!packages.isEmpty()) {
            options.add("-Xdoclint/package:" + packages);
        }
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, null)) {
            javac.getTask(null, files, found, options, null, files.getJavaFileObjectsFromPaths(sources)).call();
        }
        return found.getDiagnostics().stream()
                .map(each -> each.getSource().getName() + ":" + each.getLineNumber() + ": " + each.getMessage(null))
                .toList();
    }

    /** Two registries of what is under way, for the end of the JVM and for threads that wait for each other; no settings. */
    @Test
    void whatAllCallersOfAJvmHaveInCommonIsKnown() throws Exception {
        assertEquals(Set.of("Sample.counter", "Sample.list", "Sample.reference"), changeable(Sample.class),
                "control: such fields are found");
        Set<String> found = new TreeSet<>();
        for (String name : entries(".jar")) {
            if (name.endsWith(".class") && !name.endsWith("-info.class")) {
                found.addAll(changeable(Class.forName(name.replace('/', '.').replaceFirst("\\.class$", ""))));
            }
        }
        assertEquals(Set.of("Open.FOLDERS", "Open.ending", "Here.FLIGHTS"), found);
    }

    private static final class Sample {
        static final String TEXT = "";
        static final List<String> CONSTANT = List.of();
        static final List<String> list = new ArrayList<>();
        static final AtomicReference<String> reference = new AtomicReference<>();
        static int counter;
    }

    private static Set<String> changeable(Class<?> type) throws IllegalAccessException {
        Set<String> found = new TreeSet<>();
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                field.setAccessible(true);
                if (!Modifier.isFinal(field.getModifiers()) || isChangeable(field.get(null))) {
                    found.add(type.getSimpleName() + "." + field.getName());
                }
            }
        }
        return found;
    }

    private static boolean isChangeable(Object value) {
        return value.getClass().getName().startsWith("java.util.concurrent.")
                || (value instanceof Collection || value instanceof Map)
                        && !value.getClass().getName().matches("java\\.util\\.(ImmutableCollections|Collections)\\$.*");
    }
}
