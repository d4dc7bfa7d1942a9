// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.RecipeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What docker's own completion is told about {@code docker ensure}, in the words of cobra's {@code __complete}. */
public final class Completion {
    private static final String NO_FILES = ":4"; // cobra's ShellCompDirectiveNoFileComp
    private static final String FILES = ":0"; // and ShellCompDirectiveDefault
    private static final String LATEST = ":latest";
    private final CommandSpec spec;

    /** @param spec with all options */
    public Completion(CommandSpec spec) {
        this.spec = spec;
    }

    /** The lines of the answer. @param words of the command line, the last one is to be completed */
    public List<String> answer(List<String> words) {
        String last = words.isEmpty() ? "" : words.get(words.size() - 1);
        List<String> before = words.subList(0, Math.max(0, words.size() - 1));
        Optional<OptionSpec> open = before.isEmpty() ? Optional.empty() : needsValue(before.get(before.size() - 1));
        if (before.contains("--")) {
            return List.of(FILES);
        }
        if (open.isPresent()) {
            return ofOption(open.get(), last);
        }
        if (last.startsWith("-")) {
            return offer(spec.options().stream().flatMap(option -> Arrays.stream(option.names()))
                    .filter(name -> name.startsWith("--")), last);
        }
        return last.contains("=") ? List.of(FILES) : offer(references(before), last);
    }

    private Optional<OptionSpec> needsValue(String word) {
        return spec.options().stream().filter(option -> List.of(option.names()).contains(word)
                && option.arity().min() > 0).findFirst();
    }

    private static List<String> ofOption(OptionSpec option, String last) {
        return option.paramLabel().equals("text|json") ? offer(Stream.of("text", "json"), last)
                : List.of("FILE", "DIR", "COMMAND").contains(option.paramLabel()) ? List.of(FILES)
                : List.of(NO_FILES);
    }

    private static List<String> offer(Stream<String> candidates, String prefix) {
        List<String> lines = new ArrayList<>(candidates.filter(each -> each.startsWith(prefix)).sorted().toList());
        lines.add(NO_FILES);
        return lines;
    }

    /** Of the collection; none if it cannot be read. */
    private static Stream<String> references(List<String> before) {
        int named = before.lastIndexOf("--images");
        String root = before.stream().filter(word -> word.startsWith("--images=")).findFirst()
                .map(word -> word.substring(word.indexOf('=') + 1))
                .orElse(named >= 0 && named + 1 < before.size() ? before.get(named + 1) : "images");
        try {
            return new ImageCollection(Path.of(root), BuildOptions.NONE, BuilderKind.BUILDKIT).allMembers().stream()
                    .map(member -> member.reference().toString())
                    .map(name -> name.endsWith(LATEST) ? name.substring(0, name.length() - LATEST.length()) : name);
        } catch (RecipeException | RuntimeException e) {
            return Stream.of();
        }
    }
}
