// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.engine.BuildOutput;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * A log of GitHub Actions, in which a line can be a command: {@code ::error::} at its beginning, {@code ##[error]}
 * anywhere. See actions/runner, {@code ActionCommand.cs}.
 *
 * <p>Commands are stopped while another program's output is printed. That does not hold when another process of the
 * same step starts and stops them too, so lines are also changed where one could be a command.
 */
final class ActionsConsole extends Console {
    private final Map<String, String> environment;
    private String group = "";
    private String token;

    ActionsConsole(PrintWriter out, PrintWriter err, Map<String, String> environment) {
        super(out, err);
        this.environment = environment;
    }

    @Override
    void print(String line) {
        endGroup();
        super.print(disarm(line));
    }

    @Override
    void say(List<String> lines) {
        endGroup();
        super.say(lines.stream().map(ActionsConsole::disarm).toList());
    }

    @Override
    void quote(String title, List<String> lines) {
        if (!lines.isEmpty()) {
            beginGroup(title);
            super.quote(title, lines.stream().map(ActionsConsole::disarm).toList());
        }
    }

    @Override
    void annotate(Recipe recipe, ExitCode code, Message message, List<String> output) {
        endGroup();
        Map<String, String> properties = new LinkedHashMap<>();
        if (recipe.dockerfile() instanceof DockerfileSource.InFile file) {
            properties.put("file", fromWorkspace(file.path()));
        }
        BuildOutput.failedLine(output).ifPresent(line -> properties.put("line", line));
        properties.put("title", recipe.reference() + ": " + code.words());
        command("error", properties, BuildOutput.verdict(output).map(Printable::escape).orElse(message.text()));
    }

    @Override
    void close() {
        super.close();
        endGroup();
    }

    private void beginGroup(String title) {
        if (!title.equals(group)) {
            endGroup();
            group = title;
            token = UUID.randomUUID().toString();
            command("group", Map.of(), title);
            command("stop-commands", Map.of(), token);
        }
    }

    private void endGroup() {
        if (!group.isEmpty()) {
            group = "";
            command(token, Map.of(), "");
            command("endgroup", Map.of(), "");
        }
    }

    /** Prints a command, escaped as actions/toolkit does it. */
    private void command(String name, Map<String, String> properties, String data) {
        StringBuilder line = new StringBuilder("::" + name);
        properties.forEach((key, value) -> line.append(line.indexOf(" ") < 0 ? " " : ",").append(key).append('=')
                .append(escaped(value).replace(":", "%3A").replace(",", "%2C")));
        write(err(), List.of(line + "::" + escaped(data)));
    }

    private static String escaped(String text) {
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A");
    }

    /** What begins a command in the middle of a line, written so that JSON still means the same. */
    private static String disarm(String line) {
        return line.replace("##[", "##\\u005b");
    }

    private String fromWorkspace(Path file) {
        Path workspace = Path.of(environment.getOrDefault("GITHUB_WORKSPACE", "")).toAbsolutePath().normalize();
        Path whole = file.toAbsolutePath().normalize();
        return (whole.startsWith(workspace) ? workspace.relativize(whole) : whole).toString();
    }
}
