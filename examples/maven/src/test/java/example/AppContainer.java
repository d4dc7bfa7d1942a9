package example;

import ensureimage.EnsureImage;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import java.nio.file.Path;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;

/** A container of the image that every fork of Surefire asks for. */
final class AppContainer extends GenericContainer<AppContainer> {

    AppContainer() throws Exception {
        super(DockerImageName.parse(imageId("app-test")));
        withImagePullPolicy(image -> false); // an ID is in no registry
        withCommand("sleep", "600");
    }

    private static String imageId(String name) throws Exception {
        Path context = Path.of("images", name);
        Recipe recipe = Recipe.inFolder(Reference.parse(name), context, BuildOptions.NONE);
        return EnsureImage.usingDocker().ensure(recipe).id();
    }
}
