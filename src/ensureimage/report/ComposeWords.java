// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** A command line of docker compose, and what it is here: the images are ensured, and compose does the rest as before. */
final class ComposeWords {
    private static final Set<String> VALUED = Set.of("-f", "--file", "-p", "--project-name", "--profile", "--env-file",
            "--project-directory", "--ansi", "--parallel", "--progress");
    /** Those that change neither the images nor their names. */
    private static final Set<String> WITHOUT_EFFECT = Set.of("--ansi", "--parallel", "--progress", "--verbose",
            "--all-resources");
    private static final Set<String> BUILD_VALUED = Set.of("--build-arg", "--builder", "-m", "--memory", "--ssh",
            "--progress", "--provenance", "--sbom");
    private static final Set<String> PASSED_ON =
            Set.of("--builder", "-m", "--memory", "--ssh", "--provenance", "--sbom",
                    "--no-cache", "--pull");
    private static final Set<String> UP_VALUED = Set.of("--attach", "--no-attach", "--exit-code-from", "--pull",
            "--scale", "-t", "--timeout", "--wait-timeout");
    private static final Set<String> RUN_VALUED = Set.of("--cap-add", "--cap-drop", "--entrypoint", "-e", "--env",
            "--env-from-file", "-l", "--label", "--name", "-p", "--publish", "--pull", "-u", "--user", "-v",
            "--volume", "-w", "--workdir");
    private static final String BUILD = "build";
    private static final String RUN = "run";
    private static final String NO_BUILD = "--no-build";

    private final OurLine line;
    /** As the user starts it, with the options that are before the action. */
    private final List<String> compose;
    private final List<String> files = new ArrayList<>();
    private final List<String> services = new ArrayList<>();
    private final List<String> environmentFiles = new ArrayList<>();
    private final boolean repeatsValues;
    private boolean isReadable = true;

    /**
     * Begins to read.
     *
     * @param line of ours that is to be filled
     * @param compose the words before, such as {@code docker compose}
     * @param repeatsValues whether values that may be secrets can be repeated
     */
    ComposeWords(OurLine line, List<String> compose, boolean repeatsValues) {
        this.line = line;
        this.compose = new ArrayList<>(compose);
        this.repeatsValues = repeatsValues;
    }

    /** The same in this program's words; empty if that cannot be said. @param words what follows the name of compose */
    Optional<String> translate(List<String> words) {
        List<DockerWord> options = DockerWord.read(words, VALUED::contains, true);
        options.stream().filter(word -> !word.isArgument()).forEach(this::readOption);
        if (!environmentFiles.isEmpty()) {
            line.set("COMPOSE_ENV_FILES", String.join(",", environmentFiles));
        }
        int used = options.stream().mapToInt(word -> word.given().size()).sum();
        Optional<String> action = options.stream().filter(DockerWord::isArgument).findFirst()
                .flatMap(DockerWord::value);
        String text = act(action.orElse(BUILD), words.subList(used, words.size()));
        return Optional.of(text).filter(readable -> isReadable);
    }

    private void readOption(DockerWord word) {
        compose.addAll(word.given());
        switch (word.option()) {
            case "-f", "--file" -> word.value().filter(file -> !file.equals("-")).ifPresentOrElse(files::add,
                    () -> isReadable = false);
            case "-p", "--project-name" -> word.value().ifPresent(name -> line.set("COMPOSE_PROJECT_NAME", name));
            case "--env-file" -> word.value().ifPresent(environmentFiles::add);
            case "--compatibility" -> line.set("COMPOSE_COMPATIBILITY", "true");
            case "--profile" -> word.value().ifPresent(profile -> line.add("--profile", profile));
            default -> isReadable &= WITHOUT_EFFECT.contains(word.option());
        }
    }

    private String act(String action, List<String> words) {
        return switch (action) {
            case BUILD -> build(words);
            case "up", "create" -> start(action, DockerWord.read(words, UP_VALUED::contains, false), words);
            case RUN -> start(action, DockerWord.read(words, RUN_VALUED::contains, true), words);
            case "push" -> push(words);
            default -> { // it builds nothing
                isReadable = !isSecret(DockerWord.read(words, RUN_VALUED::contains, true));
                yield docker(action, words);
            }
        };
    }

    private String docker(String action, List<String> words) {
        return OurLine.quoted(Stream.of(compose, List.of(action), words).flatMap(List::stream).toList());
    }

    private String ours(List<String> options, Optional<String> then) {
        line.addFiles("--compose", files);
        line.add(services.toArray(String[]::new));
        line.add(options.toArray(String[]::new));
        return line.text(then);
    }

    private String push(List<String> words) {
        words.stream().filter(word -> !word.startsWith("-")).forEach(services::add);
        return ours(List.of(), Optional.of(docker("push", words)));
    }

    private String build(List<String> words) {
        List<String> options = new ArrayList<>();
        boolean isWithAll = false;
        boolean isPushed = false;
        for (DockerWord word : DockerWord.read(words, BUILD_VALUED::contains, false)) {
            String option = word.option();
            if (word.isArgument()) {
                services.addAll(word.given());
            } else if (PASSED_ON.contains(option)) {
                line.passOn(word.given());
            } else {
                isWithAll |= option.equals("--with-dependencies");
                isPushed |= option.equals("--push");
                options.addAll(ours(word));
            }
        }
        Optional<String> then = isPushed ? Optional.of(docker("push", services)) : Optional.empty();
        if (isWithAll) {
            services.clear();
        }
        return ours(options, then);
    }

    /** An option of the action {@code build}; some change nothing, for the classic builder alone has them. */
    private List<String> ours(DockerWord word) {
        return switch (word.option()) {
            case "--build-arg" -> word.value()
                    .map(value -> List.of("--build-arg", repeatsValues ? value : DockerWords.hidden(value)))
                    .orElse(List.of());
            case "-q", "--quiet" -> List.of("-q");
            case "--print" -> List.of("--dry-run");
            case "--progress", "--parallel", "--compress", "--force-rm", "--no-rm", "--with-dependencies", "--push" ->
                List.of();
            default -> {
                isReadable = false;
                yield List.of();
            }
        };
    }

    /**
     * Of services that are named, compose starts also those that they depend on: these it may have to build.
     */
    private String start(String action, List<DockerWord> read, List<String> words) {
        read.stream().filter(DockerWord::isArgument).flatMap(word -> word.given().stream()).forEach(services::add);
        List<String> rest = new ArrayList<>();
        int used = 0;
        for (DockerWord word : read) {
            used += word.given().size();
            if (!word.option().equals("--build") && !word.option().equals(NO_BUILD)) {
                rest.addAll(word.given());
            }
        }
        rest.addAll(words.subList(used, words.size()));
        boolean isComplete = services.isEmpty() || words.contains("--no-deps") || words.contains(NO_BUILD);
        if (!action.equals(RUN) && isComplete) {
            rest.add(0, NO_BUILD);
        }
        return isSecret(read) ? ours(List.of(), Optional.empty()) + ", and then docker compose " + action + " as before"
                : ours(List.of(), Optional.of(docker(action, rest)));
    }

    private boolean isSecret(List<DockerWord> words) {
        return !repeatsValues && words.stream().anyMatch(DockerWord::setsVariable);
    }
}
