// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What of the inputs is kept to say why an image is stale. Of contents and values there are only digests; those of arguments,
 * options and lines, which may hold secrets, have 16 bits: enough to see that one changed, too few to guess it from.
 *
 * @param parts by kind, what is known of each name
 */
public record Manifest(Map<Part, SortedMap<String, String>> parts) {
    private static final String HEAD = "ensure_image manifest 2\n";
    private static final int SHORT = 4; // hexadecimal digits

    /** A kind of input; the first letter stands for it in the text. */
    public enum Part {
        /** Digests of files, by path. */
        FILES,
        /** Fingerprints of images of the collection, by name. */
        BASES,
        /** Short digests of the Dockerfile's lines, by number from 1. */
        LINES,
        /** Short digests of build arguments, by name. */
        ARGUMENTS,
        /** Short digests of options, by name. */
        OPTIONS,
        /** Short digests of {@link Surroundings#facts}, by name. */
        SURROUNDINGS,
        /** Values of the settings below. */
        WANTED
    }

    static final String DOCKERFILE = "dockerfile";
    static final String TARGET = "target";
    static final String PLATFORM = "platform";
    static final String BUILDER = "builder";
    static final String COVERAGE = "coverage";
    static final String IGNORE_RULES = "ignore rules";

    /** All parts are there, if only empty. */
    public Manifest {
        Map<Part, SortedMap<String, String>> all = new EnumMap<>(Part.class);
        for (Part part : Part.values()) {
            all.put(part, parts.getOrDefault(part, new TreeMap<>()));
        }
        parts = all;
    }

    /** Digests of the files that the build sees, by path, a byte string as in {@link Change.FilesChanged}. */
    public SortedMap<String, String> files() {
        return parts.get(Part.FILES);
    }

    static String shortened(String value) {
        return new Digest().add(value).hex().substring(0, SHORT);
    }

    static SortedMap<String, String> lines(String dockerfile) {
        SortedMap<String, String> lines = new TreeMap<>();
        String[] all = dockerfile.split("\n", -1);
        for (int i = 0; i < all.length; i++) {
            lines.put(String.valueOf(i + 1), shortened(all[i]));
        }
        return lines;
    }

    /** A text that {@link #parse} reads, and that shows whether it is whole. */
    public String text() {
        StringBuilder text = new StringBuilder(HEAD);
        parts.forEach((part, values) -> values.forEach((name, value) -> text.append(part.name().charAt(0)).append(' ')
                .append(ByteStrings.packed(name)).append(' ').append(ByteStrings.packed(value)).append('\n')));
        return text + "= " + new Digest().add(text.toString()).hex() + "\n";
    }

    /** Empty for anything that {@link #text} did not write, whole. */
    public static Optional<Manifest> parse(String text) {
        int end = text.lastIndexOf("= ");
        if (!text.startsWith(HEAD) || end < HEAD.length()
                || !text.substring(end).equals("= " + new Digest().add(text.substring(0, end)).hex() + "\n")) {
            return Optional.empty();
        }
        Map<Part, SortedMap<String, String>> parts = new EnumMap<>(Part.class);
        Part[] kinds = Part.values();
        for (String line : text.substring(HEAD.length(), end).split("\n")) {
            String[] words = line.split(" ", -1);
            for (Part part : kinds) {
                if (words.length == 3 && words[0].charAt(0) == part.name().charAt(0)) {
                    parts.computeIfAbsent(part, p -> new TreeMap<>()).put(ByteStrings.unpacked(words[1]),
                            ByteStrings.unpacked(words[2]));
                }
            }
        }
        return Optional.of(new Manifest(parts));
    }

    /** What differs, each cause on its own; empty if nothing does of what is kept. */
    public static List<Change> changes(Manifest before, Manifest now) {
        List<Change> changes = new ArrayList<>();
        if (differs(before, now, DOCKERFILE)) {
            changes.add(new Change.DockerfileChanged(firstLine(before, now)));
        }
        if (differs(before, now, TARGET)) {
            changes.add(new Change.TargetChanged(wanted(before, TARGET), wanted(now, TARGET)));
        }
        if (differs(before, now, PLATFORM)) {
            changes.add(new Change.PlatformChanged(wanted(before, PLATFORM), wanted(now, PLATFORM)));
        }
        if (differs(before, now, BUILDER)) {
            changes.add(new Change.BuilderChanged(builder(before), builder(now)));
        }
        names(before, now, Part.ARGUMENTS).ifPresent(names -> changes.add(new Change.ArgumentsChanged(names)));
        names(before, now, Part.OPTIONS).ifPresent(names -> changes.add(new Change.OptionsChanged(names)));
        names(before, now, Part.SURROUNDINGS).ifPresent(names -> changes.add(new Change.SurroundingsChanged(names)));
        differences(before, now, Part.BASES)
                .forEach((how, names) -> changes.add(new Change.BasesChanged(how, names)));
        differences(before, now, Part.FILES)
                .forEach((how, names) -> changes.add(new Change.FilesChanged(how, names)));
        if (differs(before, now, IGNORE_RULES)) {
            changes.add(new Change.IgnoreRulesChanged());
        }
        if (differs(before, now, COVERAGE)) {
            changes.add(new Change.CoverageChanged());
        }
        return List.copyOf(changes);
    }

    private static Optional<String> wanted(Manifest manifest, String name) {
        return Optional.ofNullable(manifest.parts.get(Part.WANTED).get(name)).filter(value -> !value.isEmpty());
    }

    private static BuilderKind builder(Manifest manifest) {
        return BuilderKind.valueOf(wanted(manifest, BUILDER).orElse(BuilderKind.BUILDKIT.name()));
    }

    private static boolean differs(Manifest before, Manifest now, String name) {
        return !wanted(before, name).equals(wanted(now, name));
    }

    private static OptionalInt firstLine(Manifest before, Manifest now) {
        SortedMap<String, String> old = before.parts.get(Part.LINES);
        SortedMap<String, String> lines = now.parts.get(Part.LINES);
        for (int i = 1; i <= Math.max(old.size(), lines.size()); i++) {
            String number = String.valueOf(i);
            if (!lines.getOrDefault(number, "").equals(old.getOrDefault(number, ""))) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }

    private static Optional<List<String>> names(Manifest before, Manifest now, Part part) {
        List<String> names = differences(before, now, part).values().stream().flatMap(List::stream).sorted().toList();
        return names.isEmpty() ? Optional.empty() : Optional.of(names);
    }

    private static Map<Change.How, List<String>> differences(Manifest before, Manifest now, Part part) {
        SortedMap<String, String> old = before.parts.get(part);
        SortedMap<String, String> current = now.parts.get(part);
        Map<Change.How, List<String>> found = new TreeMap<>();
        SortedSet<String> names = new TreeSet<>(old.keySet());
        names.addAll(current.keySet());
        for (String name : names) {
            Change.How how = !current.containsKey(name) ? Change.How.REMOVED
                    : !old.containsKey(name) ? Change.How.ADDED : Change.How.CHANGED;
            if (!current.getOrDefault(name, "").equals(old.get(name))) {
                found.computeIfAbsent(how, h -> new ArrayList<>()).add(name);
            }
        }
        return found;
    }
}
