// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.EnsureImage;
import ensureimage.Version;
import ensureimage.engine.EngineException;
import ensureimage.engine.Processes;
import ensureimage.recipe.Printable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/** What {@code --version} says. */
public final class About {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private About() {
    }

    /** The name and the version of a script. */
    public static String version(String script) {
        return script + " " + Version.TEXT;
    }

    /** That, and how it was started. */
    public static String version(String script, Form form) {
        return version(script) + " (" + form.name() + ")";
    }

    /** That, and all that a report of a bug needs. @param docker the client */
    public static List<String> details(String script, Form form, String docker, Map<String, String> environment)
            throws InterruptedException {
        return List.of(version(script, form), "Java " + System.getProperty("java.runtime.version") + ", "
                + System.getProperty("os.name") + " " + System.getProperty("os.arch"), jbang(environment),
                engine(docker, environment));
    }

    /** What jbangw says that it is; else what is on PATH, for a JVM cannot tell what started it. */
    private static String jbang(Map<String, String> environment) throws InterruptedException {
        String known = environment.get("JBANGW_JBANG");
        if (known != null) {
            return "JBang " + Printable.escape(known) + ", through jbangw";
        }
        try {
            return new Processes.Command(List.of("jbang", "version"), Map.of(), new byte[0])
                    .run(LIMIT, line -> {}).out().stream().findFirst()
                    .map(version -> "JBang " + Printable.escape(version) + " on PATH").orElse("JBang ?");
        } catch (IOException | TimeoutException e) {
            return "JBang: none on PATH";
        }
    }

    private static String engine(String docker, Map<String, String> environment) throws InterruptedException {
        try {
            return Wording.facts(EnsureImage.using(docker, environment).engineFacts(LIMIT), environment);
        } catch (EngineException e) {
            return Wording.engine(e).text();
        }
    }
}
