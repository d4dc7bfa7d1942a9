// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.EnsureImage;
import ensureimage.engine.BuildFiles;
import ensureimage.engine.EngineException;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DefinedCollection;
import ensureimage.recipe.Definition;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.FileKind;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The images that a command line means, whatever kind of collection they are of.
 *
 * @param members bases before what is built on them
 * @param remarks one line for each thing that a bake file or a compose file says and that is not done
 */
public record Selection(List<ImageCollection.Member> members, List<String> remarks) {

    /**
     * Reads the collection.
     *
     * @param dockerfile of the one image that is named; empty for the one in its folder
     * @throws RecipeException if the collection, or what is named, cannot be used
     * @throws UsageException if docker cannot be asked for it
     */
    public static Selection read(Options options, EnsureImage docker, BuildOptions build,
            Optional<DockerfileSource> dockerfile) throws UsageException, RecipeException, InterruptedException {
        if (options.areDefined()) {
            return defined(options, docker, build);
        }
        ImageCollection collection = new ImageCollection(options.images, build, docker.expectedBuilder(build));
        List<ImageCollection.Wanted> wanted = new ArrayList<>();
        for (String argument : options.arguments) {
            wanted.add(ImageCollection.Wanted.parse(argument));
        }
        return new Selection(wanted.isEmpty() ? collection.allMembers() : collection.members(wanted, dockerfile),
                List.of());
    }

    private static Selection defined(Options options, EnsureImage docker, BuildOptions build)
            throws UsageException, RecipeException, InterruptedException {
        FileKind kind = options.bake != null ? FileKind.BAKE : FileKind.COMPOSE;
        boolean byReference = options.arguments.stream().anyMatch(argument -> argument.matches(".*[:/].*"));
        List<Reference> references = new ArrayList<>();
        for (String argument : byReference ? options.arguments : List.<String>of()) {
            references.add(Reference.parse(argument));
        }
        BuildFiles files = new BuildFiles(kind, options.bake != null ? options.bake : options.compose,
                options.profiles, byReference ? List.of() : options.arguments);
        try {
            DefinedCollection collection = docker.definitions(files, references, build);
            return new Selection(collection.members(), remarks(collection));
        } catch (EngineException e) {
            throw new UsageException(Wording.engine(e), ExitCode.NO_ENGINE);
        }
    }

    private static List<String> remarks(DefinedCollection collection) {
        List<String> remarks = new ArrayList<>();
        collection.skipped().values().forEach(flaw -> remarks.add("left out: " + FlawWording.flaw(flaw).text()));
        for (Definition definition : collection.asked()) {
            for (Definition.Remark remark : definition.remarks()) {
                remarks.add(String.join(", ", definition.names()) + ": " + FileWording.remark(remark));
            }
        }
        return remarks;
    }
}
