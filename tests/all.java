///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Runs the tests: all, or the named classes and methods.
//JAVA 17+
//DEPS org.junit.platform:junit-platform-console-standalone:1.14.4
//SOURCES Harness.java
//SOURCES Workbench.java
//SOURCES *Test.java
//SOURCES ../*.java
//SOURCES ../src/**/*.java

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * The test runner. Every {@code tests/*Test.java} is compiled in, together with the scripts under test.
 *
 * <p>Run: {@code ./jbangw tests/all.java [CLASS[#METHOD] ...]}. Exit status: 0 if at least one test ran and none failed,
 * 10 if one failed or none ran, 2 for a name that is not there.
 */
class all {

    static final int FAILED = 10;
    static final int USAGE = 2;
    /** Held, or its level is forgotten. It tells that there is no database, each time. */
    private static final Logger LIBRARY = Logger.getLogger("net.jqwik");

    public static void main(String... args) {
        System.exit(execute(args));
    }

    static int execute(String... names) {
        List<Part> parts = new ArrayList<>();
        try {
            for (var name : names) {
                parts.addAll(named(name));
            }
        } catch (NoSuchTest e) {
            System.err.println("all: " + e.getMessage());
            return USAGE;
        }
        LIBRARY.setLevel(Level.WARNING);
        var report = new Report(System.out);
        try {
            run(parts.isEmpty() ? everything() : parts, report);
        } finally {
            Harness.closeAll();
        }
        return report.finish() ? 0 : FAILED;
    }

    /**
     * A test class, or a part of one.
     *
     * @param alone whether nothing else may run beside it, because it looks at the whole machine
     */
    private record Part(DiscoverySelector selector, boolean alone) {

        Part(DiscoverySelector selector, Class<?> type) {
            this(selector, type.isAnnotationPresent(Isolated.class));
        }

        void run(Report report) {
            LauncherFactory.create().execute(request(List.of(selector)), report);
        }
    }

    /** Two at a time, for most of the time a test waits for an engine; then those that run alone. */
    private static void run(List<Part> parts, Report report) {
        var pool = Executors.newFixedThreadPool(2);
        try {
            var running = parts.stream().filter(part -> !part.alone())
                    .map(part -> CompletableFuture.runAsync(() -> part.run(report), pool)).toList();
            running.forEach(CompletableFuture::join);
            parts.stream().filter(Part::alone).forEach(part -> part.run(report));
        } finally {
            pool.shutdownNow();
        }
    }

    private static LauncherDiscoveryRequest request(List<? extends DiscoverySelector> selectors) {
        return LauncherDiscoveryRequestBuilder.request()
                .selectors(selectors)
                .filters(ClassNameFilter.includeClassNamePatterns(".*Test"))
                .configurationParameter("junit.jupiter.testmethod.order.default",
                        "org.junit.jupiter.api.MethodOrderer$MethodName")
                // Only against a hang: every process that a test starts has its own, shorter bound.
                .configurationParameter("junit.jupiter.execution.timeout.default", "15 m")
                .configurationParameter("jqwik.database", "") // properties have fixed seeds: nothing to remember
                .configurationParameter("jqwik.reporting.onlyfailures", "true")
                .build();
    }

    /** All test classes of this script's own jar. */
    private static List<Part> everything() {
        try {
            var jar = Path.of(all.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            var plan = LauncherFactory.create().discover(request(selectClasspathRoots(Set.of(jar))));
            return plan.getRoots().stream().flatMap(engine -> plan.getChildren(engine).stream())
                    .flatMap(test -> test.getSource().stream()).map(ClassSource.class::cast)
                    .<Class<?>>map(ClassSource::getJavaClass).distinct().sorted(Comparator.comparing(Class::getName))
                    .map(type -> new Part(selectClass(type), type)).toList();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The tests that {@code CLASS} or {@code CLASS#METHOD} names. */
    private static List<Part> named(String name) throws NoSuchTest {
        var parts = name.split("#", 2);
        Class<?> type;
        try {
            type = Class.forName(parts[0], false, all.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            throw new NoSuchTest("no test class " + parts[0] + " in tests/");
        }
        if (parts.length == 1) {
            return List.of(new Part(selectClass(type), type));
        }
        var methods = Arrays.stream(type.getDeclaredMethods())
                .filter(method -> !method.isSynthetic() && method.getName().equals(parts[1]))
                .map(method -> new Part(selectMethod(type, method), type))
                .toList();
        if (methods.isEmpty()) {
            throw new NoSuchTest("no method " + parts[1] + " in " + parts[0]);
        }
        return methods;
    }

    private static class NoSuchTest extends Exception {
        private static final long serialVersionUID = 1;

        NoSuchTest(String message) {
            super(message);
        }
    }

    /** Prints one line a test as it ends; failures in full, and the count, at the end. */
    static class Report implements TestExecutionListener {

        private static final int FRAMES = 12;
        private static final int WIDTH = 160;

        private record Failure(String name, String rerun, Throwable cause) {
        }

        private final PrintStream out;
        private final Map<String, Long> started = new HashMap<>();
        private final List<Failure> failures = new ArrayList<>();
        private int passed;
        private int skipped;

        Report(PrintStream out) {
            this.out = out;
        }

        @Override
        public synchronized void executionStarted(TestIdentifier test) {
            started.put(test.getUniqueId(), System.nanoTime());
        }

        @Override
        public synchronized void executionSkipped(TestIdentifier test, String reason) {
            skipped++;
            line("skip", test, " (" + reason + ")");
        }

        @Override
        public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
            var cause = result.getThrowable();
            switch (result.getStatus()) {
                case SUCCESSFUL -> {
                    if (test.isTest()) {
                        passed++;
                        line("ok", test, "");
                    }
                }
                case ABORTED -> {
                    skipped++;
                    line("skip", test, cause.map(e -> " (" + firstLine(e) + ")").orElse(""));
                }
                case FAILED -> {
                    // Also a container: a @BeforeAll that throws, a class that cannot be loaded.
                    failures.add(new Failure(name(test), rerun(test), cause.orElse(null)));
                    line("FAIL", test, cause.map(e -> ": " + firstLine(e)).orElse(""));
                }
            }
        }

        /** Prints the end of the report. True if tests ran and none failed. */
        synchronized boolean finish() {
            for (var failure : failures) {
                out.printf("%nFAIL %s%n", failure.name());
                if (failure.cause() != null) {
                    print("", failure.cause());
                }
                if (!failure.rerun().isEmpty()) {
                    out.println("  again: ./jbangw tests/all.java '" + failure.rerun() + "'");
                }
            }
            out.println();
            if (passed + failures.size() == 0) {
                out.println("No test ran.");
            }
            out.printf("%d passed, %d failed, %d skipped%n", passed, failures.size(), skipped);
            out.flush();
            return failures.isEmpty() && passed > 0;
        }

        private void line(String outcome, TestIdentifier test, String detail) {
            var start = started.remove(test.getUniqueId());
            var seconds = start == null ? 0 : (System.nanoTime() - start) / 1e9;
            out.printf("%-4s %6.1f s  %s%s%n", outcome, seconds, name(test), detail);
            out.flush();
        }

        private static String name(TestIdentifier test) {
            var display = printable(test.getDisplayName());
            return method(test)
                    .map(method -> {
                        var sentence = method.getClassName() + ": " + words(method.getMethodName());
                        // One run of a parameterised test is called "[1] …".
                        return display.startsWith("[") ? sentence + " " + display : sentence;
                    })
                    .orElse(display);
        }

        private static Optional<MethodSource> method(TestIdentifier test) {
            return test.getSource().filter(MethodSource.class::isInstance).map(MethodSource.class::cast);
        }

        /** {@code aNameLikeThis} or {@code a_name_like_this} as a sentence. */
        private static String words(String name) {
            return name.replace('_', ' ')
                    .replaceAll("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ")
                    .toLowerCase(Locale.ROOT);
        }

        /** On one line, and not a long one. */
        private static String printable(String text) {
            var line = text.strip().replaceAll("\\p{Cntrl}", "?");
            return line.length() <= WIDTH ? line : line.substring(0, WIDTH - 1) + "…";
        }

        private static String rerun(TestIdentifier test) {
            return method(test)
                    .map(method -> method.getClassName() + "#" + method.getMethodName())
                    .or(() -> test.getSource().filter(ClassSource.class::isInstance)
                            .map(source -> ((ClassSource) source).getClassName()))
                    .orElse("");
        }

        private static String firstLine(Throwable e) {
            return printable(String.valueOf(e.getMessage()).lines().findFirst().orElse(e.getClass().getSimpleName()));
        }

        /** The message in full; of the stack, the frames that are the project's (its classes have no package). */
        private void print(String prefix, Throwable e) {
            out.println("  " + prefix + e.toString().replace("\n", "\n  "));
            Arrays.stream(e.getStackTrace())
                    .filter(frame -> frame.getClassName().indexOf('.') < 0 && !frame.getClassName().equals("all"))
                    .limit(FRAMES)
                    .forEach(frame -> out.println("    at " + frame));
            if (e.getCause() != null && e.getCause() != e) {
                print("caused by ", e.getCause());
            }
            for (var hidden : e.getSuppressed()) {
                print("and ", hidden);
            }
        }
    }
}
