// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How much of its contexts a build sees, or a fingerprint covers.
 *
 * @param contexts patterns of paths by the name of the context, which is "" for the main one. A pattern is cleaned, begins
 *        with a slash, and covers what is below it; {@code /} is everything. As BuildKit's {@code local.followpaths}, as
 *        byte strings. A context without patterns is not there.
 * @param allArguments whether every build argument counts, also one that the Dockerfile does not declare
 */
public record Coverage(SortedMap<String, SortedSet<String>> contexts, boolean allArguments) {
    /** Sees no file. */
    public static final Coverage NONE = new Coverage(Collections.emptySortedMap(), false);
    /** The name of the main context. */
    public static final String MAIN = "";
    private static final String BUILDKITS_MAIN = "context";
    /** The URL of a git repository as BuildKit lists it among the paths: cleaned like one. */
    private static final Pattern GIT = Pattern.compile("(?:git|ssh|https?):/.*|git@[^/]+:.*");
    private static final String EVERYTHING = "/";
    private static final String ALL_ARGUMENTS = "*";
    private static final String WILDCARDS = "*?[\\";

    /** Leaves out what is covered already, so that there is one form of each coverage. */
    public Coverage {
        SortedMap<String, SortedSet<String>> distinct = new TreeMap<>();
        contexts.forEach((name, patterns) -> {
            SortedSet<String> needed = patterns.stream().filter(each -> patterns.stream()
                    .noneMatch(other -> !other.equals(each) && covers(other, each)))
                    .collect(Collectors.toCollection(TreeSet::new));
            if (!needed.isEmpty()) {
                distinct.put(name, Collections.unmodifiableSortedSet(needed));
            }
        });
        contexts = Collections.unmodifiableSortedMap(distinct);
    }

    /** Everything in these contexts, and every argument. */
    public static Coverage whole(Collection<String> contexts) {
        return new Coverage(new TreeMap<>(contexts.stream().distinct()
                .collect(Collectors.toMap(name -> name, name -> new TreeSet<>(Set.of(EVERYTHING))))), true);
    }

    /** Written out, as {@link #equals}: a record's own cost each start of a JVM some milliseconds. */
    @Override
    public int hashCode() {
        return 31 * contexts.hashCode() + Boolean.hashCode(allArguments);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Coverage coverage && allArguments == coverage.allArguments
                && contexts.equals(coverage.contexts);
    }

    /** The same as far as files are concerned. */
    public Coverage files() {
        return new Coverage(contexts, false);
    }

    /** The patterns of a context; none if it is not seen. */
    public SortedSet<String> patterns(String context) {
        return contexts.getOrDefault(context, Collections.emptySortedSet());
    }

    /** Whether nothing that the other one covers is missing. May say no where only matching names would tell. */
    public boolean covers(Coverage other) {
        return (allArguments || !other.allArguments) && other.contexts.entrySet().stream().allMatch(entry -> entry
                .getValue().stream().allMatch(pattern -> patterns(entry.getKey()).stream()
                        .anyMatch(own -> covers(own, pattern))));
    }

    private static boolean covers(String pattern, String other) {
        return pattern.equals(EVERYTHING) || pattern.equals(other)
                || other.startsWith(pattern + "/") && pattern.chars().noneMatch(c -> WILDCARDS.indexOf(c) >= 0);
    }

    /** What either of them covers. */
    public Coverage with(Coverage other) {
        SortedMap<String, SortedSet<String>> all = new TreeMap<>();
        for (Coverage each : new Coverage[] {this, other}) {
            each.contexts.forEach((name, patterns) -> all.computeIfAbsent(name, n -> new TreeSet<>()).addAll(patterns));
        }
        return new Coverage(all, allArguments || other.allArguments);
    }

    /**
     * What BuildKit said that it has seen, of arguments nothing.
     *
     * @param followPaths by the name of the context, which is {@code context} for the main one; empty for all of it
     */
    public static Coverage seen(Map<String, Optional<SortedSet<String>>> followPaths) {
        SortedMap<String, SortedSet<String>> contexts = new TreeMap<>();
        followPaths.forEach((name, paths) -> contexts.put(contextName(name),
                paths.isEmpty() ? new TreeSet<>(Set.of(EVERYTHING))
                        : paths.get().stream()
                                .filter(path -> !GIT.matcher(path).matches()) // which is a source of its own besides
                                .map(path -> ByteStrings.cleanPath("/" + ByteStrings.encode(path)))
                                .collect(Collectors.toCollection(TreeSet::new))));
        return new Coverage(contexts, false);
    }

    /** A context that has a name of BuildKit's own gets an underscore before it from buildx ({@code build/opt.go}). */
    private static String contextName(String name) {
        return name.equals(BUILDKITS_MAIN) ? MAIN
                : NamedContext.canonicalName(name.matches("_(context|dockerfile)") ? name.substring(1) : name);
    }

    /** The files that a builder said it has seen, and the arguments of this one. */
    public Coverage narrowedTo(Coverage seen) {
        return new Coverage(seen.contexts, allArguments);
    }

    /**
     * A text for a label, in printable ASCII without spaces: {@code *} if every argument counts, and {@code NAME=PATTERN,…}
     * for each context, all separated by semicolons.
     */
    public String text() {
        String files = contexts.entrySet().stream().map(entry -> ByteStrings.packed(entry.getKey()) + "="
                + entry.getValue().stream().map(ByteStrings::packed).collect(Collectors.joining(",")))
                .collect(Collectors.joining(";"));
        return !allArguments ? files : files.isEmpty() ? ALL_ARGUMENTS : ALL_ARGUMENTS + ";" + files;
    }

    /** Empty for anything that {@link #text} did not write. */
    public static Optional<Coverage> parse(String text) {
        if (!text.matches("[!-~]*") || text.matches(".*%(?![0-9A-F]{2}).*")) {
            return Optional.empty();
        }
        SortedMap<String, SortedSet<String>> contexts = new TreeMap<>();
        for (String part : text.split(";", -1)) {
            int equals = part.indexOf('=');
            if (equals >= 0) {
                contexts.put(ByteStrings.unpacked(part.substring(0, equals)),
                        Arrays.stream(part.substring(equals + 1).split(",", -1)).map(ByteStrings::unpacked)
                                .collect(Collectors.toCollection(TreeSet::new)));
            }
        }
        Coverage parsed = new Coverage(contexts, text.startsWith(ALL_ARGUMENTS));
        boolean clean = parsed.contexts.values().stream().flatMap(Collection::stream)
                .allMatch(pattern -> pattern.startsWith("/") && pattern.equals(ByteStrings.cleanPath(pattern)));
        return clean && parsed.text().equals(text) ? Optional.of(parsed) : Optional.empty();
    }
}
