// SPDX-License-Identifier: Apache-2.0

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectUniqueId;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.platform.commons.support.ReflectionSupport;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The tests of this run's own jar, and which of them are meant. */
final class TestSelection {

    /** A name or a pattern that means no test. */
    static final class NoSuchTest extends Exception {
        private static final long serialVersionUID = 1;

        NoSuchTest(String message) {
            super(message);
        }
    }

    /**
     * The tests of one class that are meant.
     *
     * @param tests their unique IDs in JUnit, by {@code CLASS#METHOD}; those of parameters are not counted
     * @param alone whether nothing else may run beside it, because it looks at the whole machine
     */
    record Part(String name, Map<String, List<String>> tests, boolean alone) {

        Part {
            tests = new LinkedHashMap<>(tests);
        }

        List<DiscoverySelector> selectors() {
            return tests.values().stream().flatMap(List::stream).<DiscoverySelector>map(id -> selectUniqueId(id))
                    .toList();
        }

        /** What of it is meant; empty if nothing is. */
        private Optional<Part> where(Predicate<String> meant) {
            Map<String, List<String>> chosen = new TreeMap<>(tests);
            chosen.keySet().removeIf(meant.negate());
            return chosen.isEmpty() ? Optional.empty() : Optional.of(new Part(name, chosen, alone));
        }
    }

    private TestSelection() {
    }

    /** All tests of the classes {@code *Test}, by class. */
    static List<Part> everything() {
        return parts(selectClasspathRoots(Set.of(jar())), ".*Test");
    }

    /** Those that {@code CLASS} or {@code CLASS#METHOD} names; a class may have any name here. */
    static List<Part> named(Collection<String> names) throws NoSuchTest {
        Map<String, Part> classes = new LinkedHashMap<>();
        Map<String, Part> found = new LinkedHashMap<>();
        for (String name : names) {
            String[] words = name.split("#", 2);
            if (!classes.containsKey(words[0])) {
                classes.put(words[0], ofClass(words[0]));
            }
            Part part = classes.get(words[0]);
            if (words.length == 2) {
                part = part.where(test -> test.endsWith("#" + words[1]))
                        .orElseThrow(() -> new NoSuchTest("no test " + words[1]
                                + " in " + words[0]));
            }
            found.merge(part.name(), part, TestSelection::both);
        }
        return List.copyOf(found.values());
    }

    /** @param name with or without its package */
    private static Part ofClass(String name) throws NoSuchTest {
        Class<?> type = ReflectionSupport.findAllClassesInClasspathRoot(jar().toUri(), found -> true,
                found -> found.equals(name) || simple(found).equals(name)).stream().findFirst()
                .orElseThrow(() -> new NoSuchTest("no test class " + name + " in tests/"));
        return parts(List.of(selectClass(type)), ".*").stream().findFirst()
                .orElseThrow(() -> new NoSuchTest("no test in class " + name));
    }

    /** Without the package: that is how the classes are called here. */
    private static String simple(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static Part both(Part one, Part other) {
        Map<String, List<String>> tests = new TreeMap<>(one.tests);
        tests.putAll(other.tests);
        return new Part(one.name, tests, one.alone);
    }

    /**
     * Those of which {@code CLASS#METHOD} has the text of a pattern in it, in either case, where {@code *} stands for any
     * characters and {@code ?} for one.
     */
    static List<Part> matching(List<Part> parts, Collection<String> patterns) throws NoSuchTest {
        for (String pattern : patterns) {
            if (where(parts, glob(pattern)).isEmpty()) {
                throw new NoSuchTest("no test is like " + pattern + "; --list shows them all");
            }
        }
        return where(parts, patterns.stream().map(TestSelection::glob).reduce(Predicate::or).orElseThrow());
    }

    private static Predicate<String> glob(String pattern) {
        String expression = Arrays.stream(pattern.toLowerCase(Locale.ROOT).split("(?<=[*?])|(?=[*?])"))
                .map(piece -> piece.equals("*") ? ".*" : piece.equals("?") ? "." : Pattern.quote(piece))
                .collect(Collectors.joining());
        Pattern compiled = Pattern.compile(expression, Pattern.DOTALL);
        return test -> compiled.matcher(test.toLowerCase(Locale.ROOT)).find();
    }

    /** Those of the classes and {@code CLASS#METHOD}s of an earlier run; what there is no more is left out. */
    static List<Part> among(List<Part> parts, Collection<String> ids) {
        return where(parts, test -> ids.contains(test) || ids.contains(test.replaceFirst("#.*", "")));
    }

    private static List<Part> where(List<Part> parts, Predicate<String> meant) {
        return parts.stream().flatMap(part -> part.where(meant).stream()).toList();
    }

    // ---- JUnit

    private static List<Part> parts(List<? extends DiscoverySelector> selectors, String classNames) {
        TestPlan plan = LauncherFactory.create().discover(LauncherDiscoveryRequestBuilder.request()
                .selectors(selectors).filters(ClassNameFilter.includeClassNamePatterns(classNames)).build());
        Map<String, Map<String, List<String>>> classes = new TreeMap<>();
        plan.getRoots().forEach(engine -> collect(plan, engine, classes));
        return classes.entrySet().stream()
                .map(each -> new Part(simple(each.getKey()), each.getValue(), isAlone(each.getKey())))
                .sorted(Comparator.comparing(Part::name)).toList();
    }

    private static void collect(TestPlan plan, TestIdentifier test, Map<String, Map<String, List<String>>> classes) {
        if (test.getSource().orElse(null) instanceof MethodSource method) {
            classes.computeIfAbsent(method.getClassName(), name -> new TreeMap<>())
                    .computeIfAbsent(id(method), name -> new ArrayList<>()).add(test.getUniqueId());
        } else {
            plan.getChildren(test).forEach(child -> collect(plan, child, classes));
        }
    }

    /** {@code CLASS#METHOD} of a test, {@code CLASS} of a class. */
    static String id(TestIdentifier test) {
        Object source = test.getSource().orElse(null);
        return source instanceof MethodSource method ? id(method)
                : source instanceof ClassSource type ? simple(type.getClassName()) : "";
    }

    private static String id(MethodSource method) {
        return simple(method.getClassName()) + "#" + method.getMethodName();
    }

    private static boolean isAlone(String name) {
        try {
            return Class.forName(name, false, TestSelection.class.getClassLoader()).isAnnotationPresent(Isolated.class);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path jar() {
        try {
            return Path.of(TestSelection.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * What JUnit is asked to run.
     *
     * @param seed of the order of the methods; without one they run by their names
     */
    static LauncherDiscoveryRequest request(List<DiscoverySelector> selectors, Optional<Long> seed) {
        LauncherDiscoveryRequestBuilder request = LauncherDiscoveryRequestBuilder.request().selectors(selectors)
                .configurationParameter("junit.jupiter.testmethod.order.default",
                        "org.junit.jupiter.api.MethodOrderer$" + (seed.isPresent() ? "Random" : "MethodName"))
                // Only against a hang: every process that a test starts has its own, shorter bound.
                .configurationParameter("junit.jupiter.execution.timeout.default", "15 m")
                .configurationParameter("jqwik.database", "") // properties have fixed seeds: nothing to remember
                .configurationParameter("jqwik.reporting.onlyfailures", "true");
        seed.ifPresent(number -> request.configurationParameter("junit.jupiter.execution.order.random.seed",
                number.toString()));
        return request.build();
    }
}
