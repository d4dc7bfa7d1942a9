// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.install.Installation;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * How the program was started, as far as a JVM can tell.
 *
 * @param command as the user would type it
 * @param name of this way, for {@code --version}
 */
public record Form(String command, String name) {
    private static final String SCRIPT = "ensure_image";
    private static final String FILE = "ensure_image.java";
    private static final String NAME = "script"; // with JBang, however that was started

    /** Of this process. @param property of the JVM */
    public static Form detect(UnaryOperator<String> property, Map<String, String> environment) {
        String path = String.valueOf(property.apply("java.class.path"));
        return Installation.isPlugin(property) ? new Form("docker ensure", "docker plugin")
                : Installation.running(property).isPresent() ? new Form(SCRIPT, "installed")
                // Before jbangw's variable, which whatever a script starts inherits, too.
                : path.matches("[^:]*ensure_image[^:/]*\\.jar") ? new Form("java -jar " + path, "jar")
                : environment.containsKey("JBANGW_JBANG") ? new Form(wrapper(property, environment), NAME)
                : new Form(SCRIPT, NAME);
    }

    /** As it is typed in the working folder. */
    private static String wrapper(UnaryOperator<String> property, Map<String, String> environment) {
        String path = environment.getOrDefault("JBANGW_SCRIPT", FILE);
        if (!path.endsWith(FILE)) { // of a script that has started this one in another way
            return SCRIPT;
        }
        String place = path.substring(0, path.length() - FILE.length());
        for (String folder : List.of(environment.getOrDefault("PWD", ""), String.valueOf(property.apply("user.dir")))) {
            place = !folder.isEmpty() && place.startsWith(folder + "/") ? place.substring(folder.length() + 1) : place;
        }
        return OurLine.quoted(List.of((place.isEmpty() ? "./" : place) + "jbangw", place + FILE));
    }
}
