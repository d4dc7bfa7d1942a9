// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The options of a build that are inputs: part of what is built.
 *
 * @param arguments the build arguments with their values
 * @param hidden lines of values that no output may show, the longest first: those taken from the environment
 * @param target the stage to build; empty for the last one
 * @param platform to build for; empty for the builder's own
 * @param passThrough all other options of {@code docker build}, as they are
 */
public record BuildOptions(SortedMap<String, String> arguments, Set<String> hidden, Optional<String> target,
        Optional<String> platform, List<String> passThrough) {

    /** No options. */
    public static final BuildOptions NONE = new BuildOptions(Collections.emptySortedMap(), Set.of(), Optional.empty(),
            Optional.empty(), List.of());

    /** A shorter value is no secret, and hiding it would make the output unreadable. */
    private static final int SHORTEST_HIDDEN = 4;

    private static final String DEFAULT_PLATFORM = "DOCKER_DEFAULT_PLATFORM";

    /**
     * Options as on the command line.
     *
     * @param arguments {@code NAME=VALUE}, or {@code NAME} for its value in the environment, if it has one
     * @param passThrough further options of {@code docker build}; build arguments among them count as such
     * @param environment where values and defaults come from
     * @throws RecipeException {@link Flaw.ForbiddenOption}, {@link Flaw.SeveralPlatforms} or {@link Flaw.LostCharacters}
     */
    public static BuildOptions parse(List<String> arguments, Optional<String> target, Optional<String> platform,
            List<String> passThrough, Map<String, String> environment) throws RecipeException {
        List<String> all = new ArrayList<>(arguments);
        List<String> others = new ArrayList<>();
        for (InputOptions.Given option : InputOptions.parse(passThrough)) {
            if (option.effect() == InputTable.Effect.FORBIDDEN) {
                throw new RecipeException(new Flaw.ForbiddenOption(option.given()));
            } else if (option.effect() == InputTable.Effect.ARGUMENT && option.value().isPresent()) {
                all.add(option.value().get());
            } else {
                others.addAll(option.words());
            }
        }
        SortedMap<String, String> values = withValues(all, environment);
        for (Map.Entry<String, String> value : values.entrySet()) {
            Recipe.requireReadable(Flaw.What.BUILD_ARGUMENT, value.getKey(), value.getValue());
        }
        Set<String> hidden = all.stream().filter(argument -> argument.indexOf('=') < 0).map(values::get)
                .filter(Objects::nonNull).flatMap(String::lines).filter(line -> line.length() >= SHORTEST_HIDDEN)
                .sorted(Comparator.comparing(String::length).reversed()) // one may be a part of another
                .collect(Collectors.toCollection(LinkedHashSet::new));
        InputTable.variables(InputTable.Effect.ARGUMENT).stream()
                .filter(name -> !environment.getOrDefault(name, "").isEmpty())
                .forEach(name -> values.putIfAbsent(name, environment.get(name)));
        String byDefault = environment.getOrDefault(DEFAULT_PLATFORM, "");
        Optional<String> wanted = platform.isPresent() || byDefault.isEmpty() ? platform : Optional.of(byDefault);
        if (wanted.filter(name -> name.contains(",")).isPresent()) {
            throw new RecipeException(new Flaw.SeveralPlatforms(wanted.get()));
        }
        return new BuildOptions(values, hidden, target, wanted, List.copyOf(others));
    }

    private static SortedMap<String, String> withValues(List<String> arguments, Map<String, String> environment) {
        SortedMap<String, String> values = new TreeMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            String name = equals < 0 ? argument : argument.substring(0, equals);
            String value = equals < 0 ? environment.get(name) : argument.substring(equals + 1);
            if (value != null) {
                values.put(name, value);
            }
        }
        return values;
    }

    /** The options for what another image builds on: a target is that image's own. */
    public BuildOptions withoutTarget() {
        return new BuildOptions(arguments, hidden, Optional.empty(), platform, passThrough);
    }

    /** These options, and others that go before them where both say something. */
    public BuildOptions with(BuildOptions others) {
        SortedMap<String, String> all = new TreeMap<>(arguments);
        all.putAll(others.arguments);
        Set<String> allHidden = Stream.of(hidden, others.hidden).flatMap(Set::stream)
                .sorted(Comparator.comparing(String::length).reversed())
                .collect(Collectors.toCollection(LinkedHashSet::new));
        List<String> words = new ArrayList<>(passThrough);
        words.addAll(others.passThrough);
        return new BuildOptions(all, allHidden, others.target.or(() -> target), others.platform.or(() -> platform),
                List.copyOf(words));
    }

    /** Output of a build without the hidden values: BuildKit prints the commands with them put in. */
    public String redacted(String text) {
        String redacted = text;
        for (String value : hidden) {
            redacted = redacted.replace(value, "***");
        }
        return redacted;
    }

    /** The pass-through options that change the image, each in one word, whatever way it was given in. */
    List<String> counted() {
        List<String> counted = new ArrayList<>();
        for (InputOptions.Given option : InputOptions.parse(passThrough)) {
            boolean context = option.effect() == InputTable.Effect.CONTEXT && option.value()
                    .map(BuildOptions::context).filter(where -> where.kind() != NamedContext.Kind.FOLDER
                            && where.kind() != NamedContext.Kind.LAYOUT)
                    .isPresent();
            if (option.effect() == InputTable.Effect.COUNTS || context) {
                counted.add(option.toString());
            }
        }
        return counted;
    }

    /** The pass-through options whose effect no look-up can know: {@code --pull}. */
    public List<String> unknowable() {
        return InputOptions.parse(passThrough).stream().filter(each -> each.effect() == InputTable.Effect.ASKS)
                .map(InputOptions.Given::toString).distinct().toList();
    }

    /** Whether the build is given what no image should carry: {@code --secret}, {@code --ssh}. */
    public boolean givesSecrets() {
        return passes("--secret") || passes("--ssh");
    }

    /** Whether it is said where the build's cache comes from or goes to. */
    public boolean choosesCache() {
        return passes("--cache-from") || passes("--cache-to");
    }

    /** An option that is passed through. @param name the long one, with its dashes, whatever way it was given in */
    public record Passed(String name, Optional<String> value) {
    }

    /** The options that are passed through, one by one. */
    public List<Passed> passed() {
        return InputOptions.parse(passThrough).stream().map(option -> new Passed(option.name(), option.value()))
                .toList();
    }

    /** Whether an option is among those that are passed through, by its long name. */
    boolean passes(String option) {
        return InputOptions.parse(passThrough).stream().anyMatch(each -> each.name().equals(option));
    }

    /** What names mean instead of an image, by their shortest form; the last of a name counts. */
    Map<String, NamedContext> namedContexts() {
        Map<String, NamedContext> contexts = new HashMap<>();
        for (InputOptions.Given option : InputOptions.parse(passThrough)) {
            if (option.effect() == InputTable.Effect.CONTEXT) {
                option.value().filter(value -> value.indexOf('=') > 0).ifPresent(value -> contexts.put(
                        NamedContext.canonicalName(value.substring(0, value.indexOf('='))), context(value)));
            }
        }
        return contexts;
    }

    /** The folders that are named contexts, by the names of {@link #namedContexts}. */
    Map<String, Path> contextFolders() {
        Map<String, Path> folders = new TreeMap<>();
        namedContexts().forEach((name, context) -> {
            if (context.kind() == NamedContext.Kind.FOLDER) {
                folders.put(name, context.folder());
            }
        });
        return folders;
    }

    /** The same with other folders for these names. */
    BuildOptions withContextFolders(Map<String, Path> folders) {
        List<String> words = new ArrayList<>();
        for (InputOptions.Given option : InputOptions.parse(passThrough)) {
            String value = option.value().orElse("");
            String name = value.substring(0, Math.max(0, value.indexOf('=')));
            Optional<Path> other = option.effect() == InputTable.Effect.CONTEXT
                    ? Optional.ofNullable(folders.get(NamedContext.canonicalName(name)))
                    : Optional.empty();
            words.addAll(other.map(folder -> List.of("--build-context", name + "=" + folder)).orElse(option.words()));
        }
        return new BuildOptions(arguments, hidden, target, platform, List.copyOf(words));
    }

    /** The same with images in OCI layouts in place of those of these names. */
    BuildOptions withLayouts(Map<String, Path> layouts) {
        List<String> words = new ArrayList<>(passThrough);
        layouts.forEach((name, folder) -> words
                .addAll(List.of("--build-context", name + "=" + NamedContext.LAYOUT_PREFIX + folder)));
        return new BuildOptions(arguments, hidden, target, platform, List.copyOf(words));
    }

    private static NamedContext context(String value) {
        return NamedContext.parse(value.substring(value.indexOf('=') + 1));
    }
}
