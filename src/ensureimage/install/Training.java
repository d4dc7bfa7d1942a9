// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a JVM runs once to learn the classes of a look-up: the command line, several times, as its user would call it. An
 * AOT cache loads all that it has at each start, so it gets the common command lines alone.
 */
public final class Training {
    private static final List<List<String>> LINES = List.of(List.of(), List.of("--quiet"), List.of("--check"));

    private Training() {
    }

    /** @param arguments the class of the command line, then the image, then the collection that it is in */
    public static void main(String... arguments) throws ReflectiveOperationException {
        List<List<String>> lines = new ArrayList<>();
        for (List<String> options : LINES) {
            lines.add(Stream.concat(options.stream(), Stream.of(arguments[1])).toList());
        }
        if (Runtime.version().feature() < ClassArchive.FIRST_WITH_AOT_CACHE) {
            lines.add(List.of("--format", "json", "--images", arguments[2], "--all"));
        }
        // By reflection: code in a package cannot name a class outside of all packages.
        Method execute = Class.forName(arguments[0]).getMethod("execute", String[].class);
        for (List<String> line : lines) {
            int status = (int) execute.invoke(null, (Object) line.toArray(String[]::new));
            if (status != 0) {
                throw new IllegalStateException(String.join(" ", line) + ": " + status);
            }
        }
    }
}
