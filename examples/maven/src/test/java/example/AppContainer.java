package example;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;

/** A container of the image that every fork of Surefire asks for. */
final class AppContainer extends GenericContainer<AppContainer> {

    AppContainer() throws IOException, InterruptedException {
        super(DockerImageName.parse(ensureImage("app-test")));
        withImagePullPolicy(image -> false); // an ID is in no registry
        withCommand("sleep", "600");
    }

    private static String ensureImage(String reference) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("ensure_image", "-q", reference).redirectError(Redirect.INHERIT).start();
        String id = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
        if (process.waitFor() != 0) {
            throw new IOException("ensure_image exited with status " + process.exitValue());
        }
        return id;
    }
}
