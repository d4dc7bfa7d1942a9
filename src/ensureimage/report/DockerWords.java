// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Printable;
import ensureimage.recipe.RepositoryScan;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** A command line that is, as a whole or in parts, one of docker's; and what it is here. */
final class DockerWords {
    static final Set<String> TAG = Set.of("-t", "--tag");
    static final Set<String> ELSEWHERE = Set.of("--push", "-o", "--output");
    /** Options of {@code docker build} (buildx 0.29, and the legacy builder's) that people try here. */
    private static final Set<String> VALUED = Set.of("--add-host", "--allow", "--annotation", "--attest",
            "--build-context", "--builder", "--cache-from", "--cache-to", "--cgroup-parent", "--cpu-period",
            "--cpu-quota", "--cpu-shares", "--cpuset-cpus", "--cpuset-mems", "--isolation", "--label", "--memory",
            "--network", "--no-cache-filter", "--progress", "--secret", "--security-opt", "--shm-size", "--ssh",
            "--ulimit");
    private static final Set<String> FLAGS = Set.of("--compress", "--force-rm", "--load", "--no-cache", "--provenance",
            "--pull", "--rm", "--sbom", "--squash");
    private static final Set<String> BEFORE = Set.of("docker", "podman", "buildx", "image");
    private static final Set<String> VERBS = Set.of("build", "compose", "bake", "up", "down", "pull", "push", "run",
            "help", "version", "list", "ls", "images", "inspect");
    private static final String BUILD = "build";
    private static final String COMPOSE = "compose";
    private static final String BUILD_ARGUMENT = "--build-arg";
    private static final String NAME = "NAME";
    /** Stands for a value that may be a secret. No build gets it: it is refused where it is pasted. */
    static final String HIDDEN = "...";
    /** With these docker builds in any case. */
    private static final Set<String> ANEW = Set.of("--no-cache", "--no-cache-filter", "--pull");

    private final String command;
    private final List<String> names = new ArrayList<>();
    private final List<String> ours = new ArrayList<>();
    private final List<String> theirs = new ArrayList<>();
    private Optional<String> verb = Optional.empty();
    private Optional<String> file = Optional.empty();
    private Optional<String> folder = Optional.empty();
    private boolean isBuild;
    private boolean pushes;
    private boolean isReadable = true;

    private DockerWords(String command) {
        this.command = command;
    }

    /** @param command of ours, as the user types it @param given what is before the {@code --} @param after the rest */
    static DockerWords read(String command, List<String> given, List<String> after) {
        DockerWords words = new DockerWords(command);
        int next = 0;
        while (next < given.size() && BEFORE.contains(given.get(next))) {
            next++;
        }
        if (next < given.size() && given.get(next).equals("docker-compose")) {
            words.verb = Optional.of(COMPOSE);
        } else if (next < given.size() && VERBS.contains(given.get(next))) {
            words.verb = Optional.of(given.get(next));
        }
        words.read(given.subList(words.verb.isEmpty() ? next : next + 1, given.size()));
        words.theirs.addAll(after);
        return words;
    }

    /** Whether an option belongs to {@code docker build}. */
    static boolean isOption(String option) {
        return VALUED.contains(option) || FLAGS.contains(option);
    }

    private void read(List<String> words) {
        isBuild = verb.equals(Optional.of(BUILD))
                || words.stream().anyMatch(word -> TAG.contains(word.split("=", 2)[0]));
        Map<String, OptionSpec> known = CommandSpec.forAnnotatedObject(new Options()).optionsMap();
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            if (!word.startsWith("-") || word.equals("-")) {
                readArgument(word);
                continue;
            }
            String[] parts = word.split("=", 2);
            boolean takes = TAG.contains(parts[0]) || VALUED.contains(parts[0])
                    || ELSEWHERE.contains(parts[0]) && !parts[0].equals("--push")
                    || known.containsKey(parts[0]) && known.get(parts[0]).arity().min() > 0;
            Optional<String> value = parts.length == 2 ? Optional.of(parts[1])
                    : takes && i + 1 < words.size() ? Optional.of(words.get(++i)) : Optional.empty();
            readOption(parts[0], value, known.containsKey(parts[0]));
        }
    }

    private void readArgument(String word) {
        if (word.equals("-")) { // the Dockerfile, for docker
            file = Optional.of(word);
        } else if (isFolder(word) || isBuild && folder.isEmpty()) {
            folder = Optional.of(word);
        } else {
            names.add(word);
        }
    }

    private void readOption(String option, Optional<String> value, boolean isOurs) {
        if (TAG.contains(option)) {
            value.ifPresent(names::add);
        } else if (ELSEWHERE.contains(option)) {
            pushes = true;
        } else if (option.equals("-f") || option.equals("--file")) {
            file = value;
        } else if (isOption(option) || isOurs) {
            List<String> list = isOurs ? ours : theirs;
            list.add(option);
            value.map(text -> option.equals(BUILD_ARGUMENT) ? hidden(text) : text).ifPresent(list::add);
        } else {
            isReadable = false;
        }
    }

    /** It may be a secret. */
    static String hidden(String buildArgument) {
        return buildArgument.replaceFirst("(?s)=.*", "=" + HIDDEN);
    }

    private static boolean isFolder(String word) {
        try {
            return word.matches("\\.{1,2}/?|\\.{0,2}/.*") || word.contains("/") && Files.isDirectory(Path.of(word));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /** What docker is asked to do, if a word says so. */
    Optional<String> verb() {
        return verb;
    }

    /** The build context, if one is named. */
    Optional<String> folder() {
        return folder;
    }

    /** The same in this program's words; empty if it has options of neither. */
    Optional<String> translate() {
        return isReadable ? Optional.of(switch (verb.orElse(BUILD)) {
            case COMPOSE, "up", "down" -> defined("--compose", List.of(BUILD, "up", "down", "pull", "create"));
            case "bake" -> defined("--bake", List.of());
            case "help" -> command + " --help";
            case "version" -> command + " --version";
            case "list", "ls", "images" -> command + " --list";
            case "inspect" -> command + " --check " + names();
            case "pull" -> "docker pull " + names();
            case "run" -> "docker run --rm $(" + command + " -q " + names() + ")";
            default -> build();
        }) : Optional.empty();
    }

    private String names() {
        return names.isEmpty() ? NAME : String.join(" ", names.stream().map(DockerWords::quoted).toList());
    }

    private String defined(String option, List<String> actions) {
        boolean isUp = verb.orElse("").equals("up") || names.contains("up");
        List<String> line = new ArrayList<>(List.of(command, option + file.map(name -> "=" + quoted(name)).orElse("")));
        names.stream().filter(name -> !actions.contains(name)).map(DockerWords::quoted).forEach(line::add);
        addTheirs(line);
        return String.join(" ", line) + (isUp ? " && docker compose up --no-build" : "");
    }

    private String build() {
        boolean isStdin = file.equals(Optional.of("-"));
        boolean pushesAfter = pushes || verb.equals(Optional.of("push"));
        Optional<String> given = folder.or(() -> verb.equals(Optional.of(BUILD)) || names.isEmpty()
                && !ours.contains("--all") && !ours.contains("-a") ? Optional.of(".") : Optional.empty());
        Optional<String> reference = names.isEmpty() && file.isEmpty()
                ? given.flatMap(dir -> inCollection(Path.of(dir)))
                : Optional.empty();
        List<String> named = !names.isEmpty() ? names
                : reference.or(() -> given.map(dir -> RepositoryScan.name(Path.of(dir).resolve("Dockerfile")))).stream()
                        .toList();
        String folderOf = reference.isPresent() ? "" : given.map(dir -> "=" + dir).orElse("");
        List<String> line = new ArrayList<>(List.of(command));
        named.forEach(name -> line.add(quoted(name.contains("=") ? name : name + folderOf)));
        file.ifPresent(name -> line.addAll(List.of("-f", isStdin ? name : quoted(name))));
        ours.stream().map(DockerWords::quoted).forEach(line::add);
        addTheirs(line);
        return String.join(" ", line) + (pushesAfter && !named.isEmpty()
                ? " && docker push " + quoted(named.get(0).replaceFirst("=.*", ""))
                : "");
    }

    private void addTheirs(List<String> line) {
        if (theirs.stream().anyMatch(ANEW::contains) && !ours.contains("--force")) {
            line.add("--force");
        }
        if (!theirs.isEmpty()) {
            line.add("--");
            theirs.stream().map(DockerWords::quoted).forEach(line::add);
        }
    }

    /** The reference that names a folder of the default collection. */
    private static Optional<String> inCollection(Path folder) {
        Path path = folder.normalize();
        Path images = new Options().images;
        if (!path.startsWith(images) || path.equals(images) || !Files.isRegularFile(path.resolve("Dockerfile"))) {
            return Optional.empty();
        }
        Path below = images.relativize(path);
        return Optional.of(below.getNameCount() == 1 ? below.toString()
                : below.getParent().toString().replace('\\', '/') + ":" + below.getFileName());
    }

    private static String quoted(String word) {
        String printable = Printable.escape(word);
        return printable.matches("[\\w./@%+,:=-]+") ? printable : "'" + printable.replace("'", "'\\''") + "'";
    }
}
