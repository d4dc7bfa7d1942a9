package ensureimage.install;

import java.lang.reflect.Method;

/** What a JVM runs once to learn the classes of a look-up: the command line, several times, as its user would call it. */
public final class Training {

    private Training() {
    }

    /** @param arguments the class of the command line, then the image, then the collection that it is in */
    public static void main(String... arguments) throws ReflectiveOperationException {
        String image = arguments[1];
        String[][] lines = {{image}, {"-q", image}, {"--check", image},
            {"--format", "json", "--images", arguments[2], "--all"}};
        // By reflection: code in a package cannot name a class outside of all packages.
        Method execute = Class.forName(arguments[0]).getMethod("execute", String[].class);
        for (String[] line : lines) {
            int status = (int) execute.invoke(null, (Object) line);
            if (status != 0) {
                throw new IllegalStateException(String.join(" ", line) + ": " + status);
            }
        }
    }
}
