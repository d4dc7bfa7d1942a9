// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.RepositoryScan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
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
            "--memory-swap", "--network", "--no-cache-filter", "--progress", "--provenance", "--sbom", "--secret",
            "--security-opt", "--shm-size", "--ssh", "--ulimit", "-c", "-m");
    private static final Set<String> FLAGS = Set.of("--compress", "--force-rm", "--load", "--no-cache",
            "--pull", "--rm", "--squash");
    /** Options of {@code docker run} without a value. */
    private static final Set<String> RUN_FLAGS = Set.of("-d", "--detach", "--disable-content-trust", "--init", "-i",
            "--interactive", "--no-healthcheck", "--oom-kill-disable", "--privileged", "-P", "--publish-all", "-q",
            "--quiet", "--read-only", "--rm", "--sig-proxy", "-t", "--tty", "--use-api-socket");
    /** Options of docker itself that lead to an engine, and the variables that do. */
    private static final Map<String, String> ENGINE = Map.of("-H", "DOCKER_HOST", "--host", "DOCKER_HOST", "-c",
            "DOCKER_CONTEXT", "--context", "DOCKER_CONTEXT", "--config", "DOCKER_CONFIG");
    private static final Set<String> CLIENTS = Set.of("docker", "podman");
    private static final Set<String> BEFORE = Set.of("buildx", "image", "builder");
    private static final Set<String> VERBS = Set.of("build", "compose", "bake", "up", "down", "pull", "push", "run",
            "help", "version", "list", "ls", "images", "inspect");
    private static final String BUILD = "build";
    private static final String COMPOSE = "compose";
    private static final String BUILD_ARGUMENT = "--build-arg";
    /** Stands, in a log, for a value that may be a secret. No build gets it: it is refused where it is pasted. */
    static final String HIDDEN = "...";

    private final String command;
    private final boolean repeatsValues;
    /** Docker's name, and options that are before its first word. */
    private final List<String> client = new ArrayList<>();
    /** Words before the verb, as in {@code docker image inspect}. */
    private final List<String> group = new ArrayList<>();
    private final Map<String, String> engine = new TreeMap<>();
    private List<String> afterVerb = List.of();
    private final List<String> names = new ArrayList<>();
    private final List<String> ours = new ArrayList<>();
    private final List<String> theirs = new ArrayList<>();
    private Optional<String> verb = Optional.empty();
    private Optional<String> file = Optional.empty();
    private Optional<String> folder = Optional.empty();
    private Optional<UrlContext> url = Optional.empty();
    private boolean isBuild;
    private boolean pushes;
    private boolean isReadable = true;

    private DockerWords(String command, boolean repeatsValues) {
        this.command = command;
        this.repeatsValues = repeatsValues;
    }

    /**
     * Reads a command line.
     *
     * @param command of ours, as the user types it
     * @param given what is before the {@code --}
     * @param after the rest
     * @param repeatsValues whether values that may be secrets are seen only by the user who typed them
     */
    static DockerWords read(String command, List<String> given, List<String> after, boolean repeatsValues) {
        DockerWords words = new DockerWords(command, repeatsValues);
        int next = words.readClient(given);
        boolean isDockers = !given.isEmpty() && CLIENTS.contains(given.get(0));
        words.verb = given.stream().skip(next).findFirst()
                .map(word -> word.equals("docker-compose") ? COMPOSE : word)
                .filter(word -> VERBS.contains(word) || isDockers && !word.startsWith("-"));
        List<String> rest = given.subList(words.verb.isEmpty() ? next : next + 1, given.size());
        words.afterVerb = after.isEmpty() ? rest
                : Stream.of(rest, List.of("--"), after).flatMap(List::stream).toList();
        words.read(rest);
        words.theirs.addAll(after);
        return words;
    }

    /** Whether an option belongs to {@code docker build}. */
    static boolean isOption(String option) {
        return VALUED.contains(option) || FLAGS.contains(option);
    }

    /** Reads docker's own name and options. @return how many words these are */
    private int readClient(List<String> given) {
        int next = 0;
        if (!given.isEmpty() && CLIENTS.contains(given.get(0))) {
            next = 1;
            for (DockerWord word : DockerWord.read(given.subList(1, given.size()), ENGINE::containsKey, true)) {
                if (word.isArgument() || !ENGINE.containsKey(word.option())) {
                    break;
                }
                word.value().ifPresent(value -> engine.put(ENGINE.get(word.option()), value));
                next += word.given().size();
            }
            client.addAll(given.subList(0, next));
        }
        while (next < given.size() && BEFORE.contains(given.get(next))) {
            group.add(given.get(next++));
        }
        return next;
    }

    private void read(List<String> words) {
        isBuild = verb.equals(Optional.of(BUILD))
                || words.stream().anyMatch(word -> TAG.contains(word.split("=", 2)[0]));
        Map<String, OptionSpec> known = CommandSpec.forAnnotatedObject(new Options()).optionsMap();
        for (DockerWord word : DockerWord.read(words, option -> takesValue(option, known), false)) {
            if (word.isArgument()) {
                readArgument(word.given().get(0));
            } else {
                readOption(word.option(), word.value(), known.containsKey(word.option()));
            }
        }
    }

    private static boolean takesValue(String option, Map<String, OptionSpec> known) {
        return TAG.contains(option) || VALUED.contains(option)
                || ELSEWHERE.contains(option) && !option.equals("--push")
                || known.containsKey(option) && known.get(option).arity().min() > 0;
    }

    private void readArgument(String word) {
        String[] pair = word.split("=", 2);
        Optional<UrlContext> behindName = pair.length == 2 ? UrlContext.find(pair[1]) : Optional.empty();
        Optional<UrlContext> context = UrlContext.find(word);
        if (word.equals("-")) { // the Dockerfile, for docker
            file = Optional.of(word);
        } else if (context.isPresent()) {
            url = context;
            folder = context.map(UrlContext::folder);
        } else if (behindName.isPresent()) {
            url = behindName;
            names.add(pair[0] + "=" + behindName.get().folder());
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
            value.map(text -> option.equals(BUILD_ARGUMENT) && !repeatsValues ? hidden(text) : text)
                    .ifPresent(list::add);
        } else {
            isReadable = false;
        }
    }

    /** It may be a secret. */
    static String hidden(String buildArgument) {
        return buildArgument.replaceFirst("(?s)=.*", "=" + HIDDEN);
    }

    private static boolean isFolder(String word) {
        return word.matches("\\.{1,2}/?|\\.{0,2}/.*") || word.contains("/") && UrlContext.isFolder(word);
    }

    /** What docker is asked to do, if a word says so. */
    Optional<String> verb() {
        return verb;
    }

    /** The build context, if one is named. */
    Optional<String> folder() {
        return folder;
    }

    /** A URL in the place of a build context. */
    Optional<UrlContext> url() {
        return url;
    }

    /** The same in this program's words; empty if that cannot be said. */
    Optional<String> translate() {
        OurLine line = new OurLine(command);
        engine.forEach(line::set);
        if (client.contains("podman")) {
            line.add("--docker", "podman");
        }
        return switch (verb.orElse(BUILD)) {
            case COMPOSE, "up", "down" -> new ComposeWords(line, docker(List.of(COMPOSE)), repeatsValues).translate(
                    Stream.concat(verb.filter(word -> !word.equals(COMPOSE)).stream(), afterVerb.stream()).toList());
            case "bake" -> BakeWords.translate(line, afterVerb);
            case "run" -> run(line);
            case "help" -> line("--help", List.of(), line);
            case "version" -> line("--version", List.of(), line);
            case "list", "ls", "images" -> line("--list", List.of(), line);
            case "inspect" -> line("--check", names, line);
            case BUILD, "push" -> Optional.of(build(line)).filter(text -> isReadable);
            default -> Optional.of(OurLine.quoted(docker(Stream.of(group, verb.stream().toList(), afterVerb)
                    .flatMap(List::stream).toList()))).filter(text -> mayBeRepeated());
        };
    }

    private Optional<String> line(String option, List<String> images, OurLine line) {
        line.add(option);
        images.forEach(line::add);
        return Optional.of(line.text()).filter(text -> isReadable);
    }

    // ---- What is docker's own

    /** A line of docker's, for the same engine. */
    private List<String> docker(List<String> words) {
        return Stream.concat(client.isEmpty() ? Stream.of("docker") : client.stream(), words.stream()).toList();
    }

    private boolean mayBeRepeated() {
        return repeatsValues || !verb.equals(Optional.of("login"))
                && DockerWord.read(afterVerb, Set.of("-e", "--env")::contains, false)
                        .stream().noneMatch(DockerWord::setsVariable);
    }

    /** With the image's ID in the place of its name. */
    private Optional<String> run(OurLine line) {
        List<DockerWord> words = DockerWord.read(afterVerb, option -> !RUN_FLAGS.contains(option), true);
        Optional<String> image = words.stream().filter(DockerWord::isArgument).findFirst().flatMap(DockerWord::value);
        if (image.isEmpty() || !repeatsValues && words.stream().anyMatch(DockerWord::setsVariable)) {
            return Optional.empty();
        }
        List<String> options = words.stream().filter(word -> !word.isArgument())
                .flatMap(word -> word.given().stream()).toList();
        List<String> inImage = afterVerb.subList(options.size() + 1, afterVerb.size());
        line.add("-q", image.get());
        List<String> start = Stream.concat(Stream.of("run"),
                options.isEmpty() && inImage.isEmpty() ? Stream.of("--rm") : options.stream()).toList();
        return Optional.of(OurLine.quoted(docker(start)) + " $(" + line.text() + ")"
                + (inImage.isEmpty() ? "" : " " + OurLine.quoted(inImage)));
    }

    // ---- docker build

    private String build(OurLine line) {
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
        named.forEach(name -> line.add(name.contains("=") ? name : name + folderOf));
        // Of a URL, the Dockerfile is named from there.
        file.map(name -> isStdin || url.isEmpty() ? name : url.get().folder() + "/" + name)
                .ifPresent(name -> line.add("-f", name));
        line.add(ours.toArray(String[]::new));
        line.passOn(theirs);
        return line.text(pushesAfter && !named.isEmpty()
                ? Optional.of(OurLine.quoted(docker(List.of("push", named.get(0).replaceFirst("=.*", "")))))
                : Optional.empty());
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
}
