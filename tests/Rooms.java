// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What breaks the rules of the house in the sources below a root; each method returns one sentence per breach. */
public final class Rooms {
    private static final String TOP = "ensureimage";
    private static final int MOST_LINES = 400;
    private static final int MOST_LINES_OF_A_SCRIPT = 300;
    private static final int MOST_ROOMS = 7;
    private static final int MOST_FRONTS_OF_A_SCRIPT = 3;

    /** By room, the ones that it may name. The name of the room that is the API is that of all. */
    public static final Map<String, Set<String>> MAY_NAME = Map.of(
            "recipe", Set.of(),
            "engine", Set.of("recipe"),
            TOP, Set.of("engine", "recipe"),
            "install", Set.of(TOP, "engine", "recipe"),
            "report", Set.of("install", TOP, "engine", "recipe"),
            "throwaway", Set.of(),
            "race", Set.of("report", "install", TOP, "engine", "recipe", "throwaway"));

    /** By script, the rooms that it may name. */
    public static final Map<String, Set<String>> SCRIPTS = Map.of(
            "ensure_image.java", Set.of("report", "install", TOP, "recipe"),
            "race_repro.java", Set.of("race", "throwaway", "report"),
            "with_docker.java", Set.of("throwaway", "report"));

    /** Single types besides, by room or script. */
    private static final Map<String, Set<String>> AND_THESE = Map.of(
            "throwaway", Set.of("engine.Processes"),
            "race_repro.java", Set.of("engine.CacheFolder"),
            "with_docker.java", Set.of("engine.CacheFolder", "engine.Processes", "recipe.Printable", TOP + ".Version"));

    /** By room, the file that lists all others. */
    private static final Map<String, String> FRONTS = Map.of("recipe", "Recipe.java", "engine", "Docker.java",
            TOP, "EnsureImage.java", "install", "Installation.java", "report", "RunReport.java", "throwaway",
            "ThrowawayEngine.java",
            "race", "Play.java");

    /** What a front lists of other rooms. */
    private static final Map<String, Set<String>> LISTED = Map.of("recipe", Set.of(),
            "engine", Set.of("recipe/Recipe.java"),
            TOP, Set.of("engine/Docker.java"),
            "install", Set.of("EnsureImage.java"),
            "report", Set.of("EnsureImage.java", "install/Installation.java"),
            "throwaway", Set.of("engine/Processes.java"),
            "race", Set.of("report/RunReport.java", "throwaway/ThrowawayEngine.java"));

    /** The scripts whose classes come along in the jar of another one, so that it installs them. */
    private static final Map<String, Set<String>> COMES_ALONG =
            Map.of("ensure_image.java", Set.of("race_repro.java", "with_docker.java"));

    private static final Pattern NAMED = Pattern.compile("\\b" + TOP + "\\.(?:([a-z]\\w*)\\.)?(\\w+|\\*)");
    private static final Pattern LIST = Pattern.compile("(?m)^//SOURCES +(.*\\S)");
    private static final Set<String> QUIET = Set.of("recipe", "engine", TOP, "throwaway");
    private static final Pattern AMBIENT = Pattern.compile("\\bSystem\\s*\\.\\s*(?:out|err|in|exit|getenv|getProperty"
            + "|setProperty|setOut|setErr|console)\\b|\\bExitCode\\b|\\b(?:exit|halt)\\(");
    /** The one place where the API takes what belongs to the process: its name says so. */
    private static final Pattern ALLOWED = Pattern.compile(
            "EnsureImage usingDocker\\(\\) \\{\\s*return using\\(\"\", System\\.getenv\\(\\)\\);\\s*}");

    private final Path root;
    private final List<Source> sources;
    private final Set<String> options;

    /** @param options of ours, that no room below the command line may name in a text */
    public Rooms(Path root, Set<String> options) {
        this.root = root;
        this.options = options;
        this.sources = read();
    }

    private record Source(Path file, String room, List<String> lines, JavaText java) {
        boolean isScript() {
            return room.isEmpty();
        }

        String name() {
            return file.getFileName().toString();
        }
    }

    private List<Source> read() {
        try (Stream<Path> scripts = Files.list(root); Stream<Path> below = Files.walk(root.resolve("src"))) {
            List<Source> all = new ArrayList<>();
            for (Path file : Stream.concat(scripts, below).filter(path -> path.toString().endsWith(".java")).sorted()
                    .toList()) {
                all.add(new Source(root.relativize(file), room(root.relativize(file)), Files.readAllLines(file),
                        JavaText.read(Files.readString(file))));
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Empty for a script. */
    private static String room(Path file) {
        return file.getNameCount() == 1 ? "" : file.getParent().getFileName().toString();
    }

    // ---- Arrows

    /** Names of other rooms, imported or written out, where they may not be. */
    public List<String> arrows() {
        List<String> wrong = new ArrayList<>();
        for (Source source : sources) {
            String who = source.isScript() ? source.name() : source.room();
            Set<String> rooms = source.isScript() ? SCRIPTS.getOrDefault(who, Set.of())
                    : MAY_NAME.getOrDefault(who, Set.of());
            for (MatchResult named : NAMED.matcher(source.java().code()).results().toList()) {
                String room = named.group(1) == null ? TOP : named.group(1);
                String type = room + "." + named.group(2);
                boolean own = room.equals(who) || type.equals(TOP + "." + who);
                if (!own && !rooms.contains(room) && !AND_THESE.getOrDefault(who, Set.of()).contains(type)
                        || named.group(2).equals("*")) {
                    wrong.add(source.file() + " names " + type);
                }
            }
        }
        return wrong.stream().distinct().toList();
    }

    // ---- //SOURCES

    /** Lists of sources that are not exactly what they must be, and cycles of them. */
    public List<String> lists() {
        List<String> wrong = new ArrayList<>();
        for (Source source : sources) {
            Set<String> listed = listed(source);
            boolean front = source.name().equals(FRONTS.get(source.room()));
            if (source.isScript()) {
                Set<String> fronts = FRONTS.entrySet().stream().map(each -> path(each.getKey(), each.getValue()))
                        .collect(Collectors.toSet());
                listed.removeAll(COMES_ALONG.getOrDefault(source.name(), Set.of()));
                if (listed.isEmpty() || listed.size() > MOST_FRONTS_OF_A_SCRIPT || !fronts.containsAll(listed)) {
                    wrong.add(source.file() + " must list one to three fronts, not " + listed);
                }
            } else {
                Set<String> expected = front ? expected(source) : Set.of();
                difference(expected, listed).forEach(file -> wrong.add(source.file() + " does not list " + file));
                difference(listed, expected).forEach(file -> wrong.add(source.file() + " lists " + file));
            }
        }
        Map<String, Set<String>> graph = sources.stream()
                .collect(Collectors.toMap(source -> source.file().toString(), this::listed));
        graph.keySet().stream().sorted().filter(file -> reaches(file, file, graph, new HashSet<>()))
                .forEach(file -> wrong.add(file + " is listed by what it lists"));
        return wrong;
    }

    private Set<String> expected(Source front) {
        Set<String> expected = sources.stream().filter(each -> each.room().equals(front.room()) && each != front)
                .map(each -> each.file().toString()).collect(Collectors.toCollection(TreeSet::new));
        LISTED.get(front.room()).forEach(other -> expected.add("src/" + TOP + "/" + other));
        return expected;
    }

    private static String path(String room, String file) {
        return "src/" + TOP + "/" + (room.equals(TOP) ? "" : room + "/") + file;
    }

    /** The files that a file lists, from the root. */
    private Set<String> listed(Source source) {
        Path folder = root.resolve(source.file()).getParent();
        return source.lines().stream().flatMap(line -> LIST.matcher(line).results())
                .flatMap(list -> Arrays.stream(list.group(1).split(" +")))
                .map(word -> root.relativize(folder.resolve(word).normalize()).toString())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> difference(Set<String> one, Set<String> other) {
        Set<String> left = new TreeSet<>(one);
        left.removeAll(other);
        return left;
    }

    private static boolean reaches(String from, String to, Map<String, Set<String>> graph, Set<String> seen) {
        return graph.getOrDefault(from, Set.of()).stream()
                .anyMatch(next -> next.equals(to) || seen.add(next) && reaches(next, to, graph, seen));
    }

    // ---- Sizes

    /** Files that are too long, scripts and packages that there are too many of, packages that do not say what they are. */
    public List<String> sizes() {
        List<String> wrong = new ArrayList<>();
        for (Source source : sources) {
            int most = source.isScript() ? MOST_LINES_OF_A_SCRIPT : MOST_LINES;
            if (source.lines().size() > most) {
                wrong.add(source.file() + " has " + source.lines().size() + " lines, more than " + most);
            }
        }
        Set<String> scripts = sources.stream().filter(Source::isScript).map(Source::name)
                .collect(Collectors.toCollection(TreeSet::new));
        if (!scripts.equals(SCRIPTS.keySet())) {
            wrong.add("the scripts are " + scripts);
        }
        Map<Path, Set<String>> packages = new TreeMap<>();
        sources.stream().filter(source -> !source.isScript()).forEach(source -> packages
                .computeIfAbsent(source.file().getParent(), folder -> new TreeSet<>()).add(source.name()));
        if (packages.size() > MOST_ROOMS) {
            wrong.add("there are " + packages.size() + " packages, more than " + MOST_ROOMS);
        }
        packages.forEach((folder, files) -> {
            if (!files.contains("package-info.java")) {
                wrong.add(folder + " has no package-info.java");
            }
        });
        return wrong;
    }

    // ---- What belongs to the process

    /** Streams, the environment, properties and exit codes below the command line, and names of its options. */
    public List<String> ambient() {
        List<String> wrong = new ArrayList<>();
        for (Source source : sources) {
            if (QUIET.contains(source.room())) {
                String code = ALLOWED.matcher(source.java().code()).replaceAll("");
                AMBIENT.matcher(code).results()
                        .forEach(found -> wrong.add(source.file() + " uses " + found.group().replaceAll("\\s", "")));
                source.java().texts().stream().flatMap(text -> Arrays.stream(text.split("[\\s=,']+")))
                        .filter(options::contains)
                        .forEach(option -> wrong.add(source.file() + " names the option " + option));
            }
        }
        return wrong;
    }
}
