// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.ImageLayout;
import ensureimage.engine.ScratchSpace;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.PrivateCopy;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A private folder in which a build finds its inputs: through a link, or as a copy. Closing it deletes it. */
final class Workplace implements AutoCloseable {
    private final ScratchSpace.Folder folder;
    private final Plan plan;
    private final Recipe recipe;

    private Workplace(ScratchSpace.Folder folder, Plan plan, Recipe recipe) {
        this.folder = folder;
        this.plan = plan;
        this.recipe = recipe;
    }

    /**
     * For inputs that keep still. BuildKit sees the context through a link, whose name says where and what it is; else it
     * could take one context's files for another's (moby/moby#51518). Where no link can be made, that protection is lost.
     */
    static Workplace link(Docker docker, Plan plan) throws EngineException, RecipeException {
        ScratchSpace.Folder folder = docker.openScratch();
        Recipe original = plan.expected().recipe();
        if (plan.expected().builder() != BuilderKind.BUILDKIT) {
            return new Workplace(folder, plan, original);
        }
        try {
            Path link = Files.createSymbolicLink(folder.path().resolve(plan.fingerprint().transferName(original)),
                    original.context().toRealPath());
            return new Workplace(folder, plan, original.withContexts(link, Map.of()));
        } catch (IOException e) {
            return new Workplace(folder, plan, original);
        }
    }

    /** For inputs that are written to while they are built: what there is at this moment. Empty if no copy can be made. */
    static Optional<Workplace> copy(Docker docker, Plan plan) throws EngineException, RecipeException {
        ScratchSpace.Folder folder = docker.openScratch();
        Expectation expected = plan.expected();
        try {
            Recipe copy =
                    PrivateCopy.make(expected.recipe(), plan.labels().coverage(), expected.builder(), folder.path());
            Fingerprint inputs = Fingerprint.of(copy, plan.labels().coverage(), expected.surroundings());
            Recipe seen = copy;
            if (expected.builder() == BuilderKind.BUILDKIT) {
                Path link = Files.createSymbolicLink(folder.path().resolve(inputs.transferName(copy)), copy.context());
                seen = copy.withContexts(link, Map.of());
            }
            return Optional.of(new Workplace(folder, plan.with(inputs), seen));
        } catch (IOException e) {
            folder.close();
            return Optional.empty();
        }
    }

    /** The plan, with a label that is true of what is here. */
    Plan plan() {
        return plan;
    }

    /** What docker is to build. */
    Recipe recipe() {
        return recipe;
    }

    /**
     * What docker is to build with a builder of another driver, which does not see the engine's images: those of the
     * collection are handed to it as OCI layouts. One that cannot be handed over is left to docker, and its words.
     */
    Recipe recipeWithBases(Docker docker, Deadline deadline) throws EngineException, InterruptedException {
        Map<String, Path> layouts = new TreeMap<>();
        Map<String, HeldImage> held = docker.lookUp(recipe.bases().keySet(), deadline);
        for (Map.Entry<String, HeldImage> base : held.entrySet()) {
            Path layout = folder.path().resolve("base" + layouts.size());
            if (layout.toFile().mkdir() && ImageLayout.write(docker, base.getValue().id(), layout, deadline)) {
                layouts.put(base.getKey(), layout);
            }
        }
        return recipe.withLayouts(layouts);
    }

    @Override
    public void close() {
        folder.close();
    }
}
