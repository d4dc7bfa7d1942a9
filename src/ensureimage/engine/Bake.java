// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * Several builds by one {@code docker buildx bake}: one client, one session, one transfer of a context that several
 * share. The images have no names.
 */
public final class Bake {
    /** Else what is outside the working folder is not read (buildx 0.20 and later). */
    private static final Map<String, String> READ_ALL_FOLDERS = Map.of("BUILDX_BAKE_ENTITLEMENTS_FS", "0");

    private Bake() {
    }

    /**
     * One of the builds.
     *
     * @param recipe whose context is a symbolic link with a name that no other folder's link has: BuildKit could take one
     *        folder's files for another's (moby/moby#51518), and in a bake more often than in builds apart
     * @param labels for the image
     * @param listener gets the lines of its steps, as {@code docker build} prints them
     */
    public record Target(Recipe recipe, Map<String, String> labels, Consumer<String> listener) {
    }

    /**
     * A bake that has ended.
     *
     * @param meaning of its last line
     * @param line the last one; not to be trusted
     * @param built for each target what it made; empty if that is not known, and for all if one failed: the builds of the
     *        others were stopped then
     * @param failed the target that failed, if that can be told
     * @param begun whether BuildKit has begun with any of it; else there may be no such command
     */
    public record Result(KnownLine.Meaning meaning, String line, List<Optional<Docker.Built>> built,
            OptionalInt failed, boolean begun) {
    }

    /** Whether this can be built so; else it takes a {@code docker build} of its own. */
    public static boolean canHold(Recipe recipe) {
        return Files.isSymbolicLink(recipe.context()) && BakeFile.canHold(recipe);
    }

    /** The builder that an option of the recipe names. All targets of a bake must have the same. */
    public static Optional<String> builder(Recipe recipe) {
        return BakeFile.builder(recipe);
    }

    /**
     * Runs one. A bake that failed is a result, too, and no exception.
     *
     * @param targets at least one, all of them by one builder; each {@link #canHold can be built so}
     * @param exported is told of each target whose image is in the engine, by its place in the list, from another thread
     */
    public static Result run(Docker docker, List<Target> targets, Deadline deadline, IntConsumer exported)
            throws EngineException, InterruptedException {
        try (ScratchSpace.Folder folder = docker.openScratch()) {
            Map<String, Target> named = new LinkedHashMap<>();
            Map<String, Path> contexts = new TreeMap<>();
            for (Target target : targets) {
                String name = target.recipe().reference().toString().replaceAll("[^A-Za-z0-9_-]", "_") + "-"
                        + named.size();
                named.put(name, target);
                contexts.put(name, link(target.recipe().context(), folder.path()));
            }
            List<String> names = List.copyOf(named.keySet());
            Path metadata = folder.path().resolve("metadata"); // has values of build arguments, as that of a build
            List<String> line = new ArrayList<>(List.of("buildx"));
            builder(targets.get(0).recipe()).ifPresent(builder -> line.addAll(List.of("--builder", builder)));
            line.addAll(List.of("bake", "--file", "-", "--load", "--metadata-file", metadata.toString()));
            BakeProgress progress = new BakeProgress(names, targets, exported);
            Processes.Finished process =
                    run(docker, deadline, line, BakeFile.write(named, contexts), progress::accept);
            return result(process, progress, names, BakeMetadata.read(metadata));
        }
    }

    private static Processes.Finished run(Docker docker, Deadline deadline, List<String> line, byte[] file,
            Consumer<String> progress) throws EngineException, InterruptedException {
        try {
            return docker.run(deadline, line, variables(docker), file, progress);
        } catch (EngineException e) { // in the words of a build apart
            throw e.kind() == EngineException.Kind.TIMED_OUT
                    ? new EngineException(EngineException.Kind.TIMED_OUT, "build", "")
                    : e;
        }
    }

    /** A link of the same name here; one for all that share a context, so that it is transferred once. */
    private static Path link(Path context, Path folder) {
        Path link = folder.resolve("contexts").resolve(context.getFileName());
        try {
            Path target = Files.readSymbolicLink(context);
            Files.createDirectories(link.getParent());
            if (!Files.isSymbolicLink(link)) {
                Files.createSymbolicLink(link, target);
            }
            return Files.readSymbolicLink(link).equals(target) ? link : context;
        } catch (IOException e) {
            return context;
        }
    }

    /** {@code docker build} takes the engine's own builder where bake would take the one in use. */
    private static Map<String, String> variables(Docker docker) {
        Map<String, String> variables = new TreeMap<>(Docker.FOR_BUILDS);
        variables.putAll(READ_ALL_FOLDERS);
        ClientFacts.builderOfBuilds(docker.environment()).ifPresent(name -> variables.put("BUILDX_BUILDER", name));
        return variables;
    }

    private static Result result(Processes.Finished process, BakeProgress progress, List<String> names,
            Map<String, BakeMetadata> metadata) {
        String verdict = BuildOutput.lastLine(process.err());
        String line = BakeProgress.withoutTarget(verdict);
        List<Optional<Docker.Built>> built = new ArrayList<>();
        for (String name : names) {
            BakeMetadata told = metadata.get(name);
            List<String> ids = told == null || process.status() != 0 ? List.of() : told.ids().toList();
            built.add(ids.isEmpty() ? Optional.empty()
                    : Optional.of(new Docker.Built(new Processes.Finished(0, List.of(), List.of(), process.took()), ids,
                            told.witness(), Optional.of(BuilderKind.BUILDKIT), Optional.empty())));
        }
        KnownLine.Meaning meaning = process.status() == 0 ? KnownLine.Meaning.DONE : KnownLine.read(line);
        return new Result(meaning, line, built, progress.failed(verdict), progress.hasBegun());
    }
}
