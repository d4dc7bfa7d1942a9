package example;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;

/** The image that every fork of Gradle's test task asks for: each is a process of its own. */
final class AppImage {
    static final String ID = print(System.getenv().getOrDefault("ENSURE_IMAGE", "ensure_image"), "-q", "app-test");

    /** What a command prints in a container of the image. */
    static String run(String... command) {
        String[] line = new String[4 + command.length];
        System.arraycopy(new String[] {"docker", "run", "--rm", ID}, 0, line, 0, 4);
        System.arraycopy(command, 0, line, 4, command.length);
        return print(line);
    }

    private static String print(String... command) {
        try {
            Process process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
            String printed = new String(process.getInputStream().readAllBytes()).trim();
            if (process.waitFor() != 0) {
                throw new IllegalStateException(command[0] + " exited with status " + process.exitValue());
            }
            return printed;
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
