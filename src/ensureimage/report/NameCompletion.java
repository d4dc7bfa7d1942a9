// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.EnsureImage;
import ensureimage.engine.BuildFiles;
import ensureimage.engine.EngineException;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DefinedCollection;
import ensureimage.recipe.Definition;
import ensureimage.recipe.FileKind;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a shell completes a command line with: options by picocli's script, and the names of the collection's images. */
public final class NameCompletion {
    private static final String WITH_NAMES =
            """

                    # The names of the collection: asked of the command itself, with the options that are on the line.
                    _ensure_image_with_names() {
                      _complete_ensure_image "$@"
                      local line="${COMP_LINE:0:$COMP_POINT}"
                      local word="${line##*[[:space:]]}"
                      case "$word" in -*) return ;; esac
                      local rest="${line%"$word"}" each="" last=""
                      local -a typed
                      typed=()
                      while [ -n "$rest" ]; do
                        each="${rest%%[[:space:]]*}"
                        if [ -n "$each" ]; then
                          typed+=("$each")
                          last="$each"
                        fi
                        case "$rest" in *[[:space:]]*) rest="${rest#*[[:space:]]}" ;; *) rest="" ;; esac
                      done
                      case "$last" in
                        VALUED)
                          return ;;
                      esac
                      # What is before a colon is no part of the word that readline replaces.
                      local kept=""
                      case "$COMP_WORDBREAKS" in *:*) case "$word" in *:*) kept="${word%"${word##*:}"}" ;; esac ;; esac
                      local name
                      while IFS= read -r name; do
                        case "$name" in "$word"*) COMPREPLY+=("${name#"$kept"}") ;; esac
                      done < <("${typed[@]}" --names 2>/dev/null)
                    }
                    complete -F _ensure_image_with_names -o default ensure_image
                    """;

    private NameCompletion() {
    }

    /**
     * The script for bash and zsh.
     *
     * @param options picocli's part of it
     * @param valued the names of the options after which comes a value, not a name
     */
    public static String script(String options, Stream<String> valued) {
        return options + WITH_NAMES.replace("VALUED", valued.collect(Collectors.joining("|")));
    }

    /**
     * All that can be named on a command line with these options, sorted.
     *
     * @throws RecipeException if there is no such collection
     */
    public static List<String> names(Options options, EnsureImage docker, BuildOptions build)
            throws UsageException, RecipeException, InterruptedException {
        List<String> names = new ArrayList<>();
        if (options.areDefined()) {
            FileKind kind = options.bake != null ? FileKind.BAKE : FileKind.COMPOSE;
            try {
                DefinedCollection collection = docker.definitions(new BuildFiles(kind,
                        options.bake != null ? options.bake : options.compose, options.profiles, List.of()), List.of(),
                        build);
                for (Definition definition : collection.asked()) {
                    names.addAll(definition.names());
                    DefinedCollection.references(definition).forEach(reference -> names.add(reference.toString()));
                }
            } catch (EngineException e) {
                throw new UsageException(Wording.engine(e), ExitCode.NO_ENGINE);
            }
        } else {
            for (Reference reference : new ImageCollection(options.images, build, docker.expectedBuilder(build))
                    .references()) {
                names.add(reference.tag().equals("latest") ? reference.name() : reference.toString());
            }
        }
        return names.stream().distinct().sorted().toList();
    }
}
