// SPDX-License-Identifier: Apache-2.0

import ensureimage.EnsureImage;
import ensureimage.engine.EngineException;
import ensureimage.report.Wording;
import ensureimage.testing.ComposePlugin;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.throwaway.DebianRelease;
import ensureimage.throwaway.DebianRoot;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Where the benchmarks are played: a throwaway engine, a folder, and the programs that are compared. */
final class BenchStage implements AutoCloseable {

    /** For the bare JVM, as the installed form starts its own. */
    private static final List<String> QUICK =
            List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData");
    private static final Duration LIMIT = Duration.ofMinutes(15);
    /** Ways that several cases compare. */
    static final String INSTALLED = "ensure_image, installed";
    static final String BUILD = "docker build";
    static final String BAKE = "buildx bake";
    static final String BASE = "busybox";
    static final String LABEL = "bench";
    private static final String LABELS = "{{range $name, $value := .Config.Labels}}{{$name}}={{$value}} {{end}}";
    private static final String SCRIPT = "ensure_image.java";
    private static final String REGISTRY = "ENSURE_IMAGE_REGISTRY";

    final Path folder = Harness.newFolder();
    private final ThrowawayEngine engine;
    private final Map<String, String> environment;
    private final InstalledForm form = InstalledForm.shared();
    private final AtomicInteger count = new AtomicInteger();

    private BenchStage(ThrowawayEngine engine, Map<String, String> environment) {
        this.engine = engine;
        this.environment = environment;
    }

    /**
     * Starts the engine and makes what the ways need.
     *
     * @throws EngineUnavailable if no engine can be had here
     */
    static BenchStage open(String version, ThrowawayEngine.Progress progress)
            throws EngineUnavailable, IOException, InterruptedException {
        Harness.machine().require("time", progress);
        Harness.machine().require("git", progress);
        var engine = ThrowawayEngine.start(new EngineSpec(version, EngineSpec.Store.CONTAINERD),
                Harness.machine(), progress);
        try {
            Path config = Harness.newFolder();
            Map<String, String> environment = new TreeMap<>(engine.environment());
            Path plugins = Files.createDirectory(config.resolve("cli-plugins"));
            try (Stream<Path> own = Files.list(Path.of(environment.get("DOCKER_CONFIG"), "cli-plugins"))) {
                for (Path each : own.toList()) {
                    Files.copy(each, plugins.resolve(each.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
            ComposePlugin.of(version, progress).install(plugins);
            Files.createSymbolicLink(plugins.resolve("docker-ensure"), InstalledForm.shared().plugin());
            environment.put("DOCKER_CONFIG", config.toString());
            var stage = new BenchStage(engine, environment);
            stage.prepare(progress);
            return stage;
        } catch (Throwable e) {
            engine.close();
            throw e;
        }
    }

    /** With the user's cache, so that JBang is not fetched again; what runs from then on has a cache of its own. */
    private void prepare(ThrowawayEngine.Progress progress) throws IOException {
        Path cache = Files.createDirectories(cache().resolve("ensure_image"));
        Files.createSymbolicLink(cache.resolve("jbang"), usersCache().resolve("jbang"));
        environment.put("XDG_CACHE_HOME", cache().toString());
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        Path nothing = Files.createDirectory(folder.resolve("nothing")).resolve("Nothing.class");
        try (InputStream in = Nothing.class.getResourceAsStream("Nothing.class")) {
            Files.copy(in, nothing);
        }
    }

    @Override
    public void close() {
        engine.close();
    }

    /** The user's own, where JBang is, and what is fetched once. */
    private static Path usersCache() {
        return Harness.machine().cache().orElseThrow();
    }

    /** The user's cache folder of everything that runs here. */
    Path cache() {
        return folder.resolve("cache");
    }

    // ------------------------------------------------------------------------------------------ what is compared

    /** ensure_image as {@code --install} leaves it, on the Java of this run. */
    List<String> installed(String... arguments) {
        return line(List.of(form.launcher("ensure_image").toString()), List.of(arguments));
    }

    /** The same on another Java. @param home of it */
    List<String> installedOn(Path home, String... arguments) {
        return line(List.of("env", "JAVA_HOME=" + home), installed(arguments));
    }

    /** The same as docker's plugin. */
    List<String> plugin(String... arguments) {
        return line(docker("ensure"), List.of(arguments));
    }

    /** Other Javas of this machine, by their versions. */
    static Map<String, Path> otherJavas() throws IOException {
        Map<String, Path> homes = new TreeMap<>();
        try (Stream<Path> all = Files.list(Path.of("/usr/lib/jvm"))) {
            for (Path home : all.filter(each -> !Files.isSymbolicLink(each)).toList()) {
                String version = version(home.resolve("release"));
                if (!version.isEmpty() && Integer.parseInt(version) != Runtime.version().feature()) {
                    homes.put(version, home);
                }
            }
        } catch (NoSuchFileException e) {
            return homes;
        }
        return homes;
    }

    private static String version(Path release) throws IOException {
        return !Files.exists(release) ? ""
                : Files.readString(release).replaceFirst("(?s).*JAVA_VERSION=\"(\\d+).*", "$1");
    }

    List<String> jbangw(String... arguments) {
        return line(List.of(Harness.projectFile("jbangw").toString(), script().toString()), List.of(arguments));
    }

    /** Plain JBang: the one on PATH; else the jar that jbangw fetched, started as JBang's launcher starts it. */
    List<String> jbang(String... arguments) throws IOException {
        String program = "jbang";
        if (Harness.machine().find(program).isEmpty()) {
            Path launcher = folder.resolve(program);
            if (!Files.exists(launcher)) {
                Harness.program(launcher, """
                        export JBANG_RUNTIME_SHELL=bash JBANG_STDIN_NOTTY=true
                        output=$('%s' -classpath '%s'/*.jar dev.jbang.Main "$@")
                        status=$?
                        if [ $status -eq 255 ]; then eval "exec $output"; fi
                        echo "$output"
                        exit $status
                        """.formatted(java(), usersCache().resolve("jbang")));
            }
            program = launcher.toString();
        }
        return line(List.of(program, script().toString()), List.of(arguments));
    }

    /** A JVM that does nothing, with the same options. */
    List<String> bareJvm() {
        return line(jvm(), List.of("-cp", folder.resolve("nothing").toString(), "Nothing"));
    }

    List<String> docker(String... arguments) {
        return line(List.of(engine.docker().toString()), List.of(arguments));
    }

    /** A shell script of a user, with the client as {@code docker} on its PATH. */
    List<String> shell(String name, String text, String... arguments) throws IOException {
        Path script = folder.resolve(name + ".sh");
        if (!Files.exists(script)) {
            Harness.program(script, text);
        }
        return line(List.of(script.toString()), List.of(arguments));
    }

    private static List<String> jvm() {
        return line(List.of(java()), QUICK);
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private static Path script() {
        return Harness.projectFile(SCRIPT);
    }

    private static List<String> line(Collection<String> first, Collection<String> then) {
        return Stream.concat(first.stream(), then.stream()).toList();
    }

    // --------------------------------------------------------------------------------------------- running it

    /** A process under GNU time, which counts what a process and all it waited for have used. */
    record Launch(Harness.Command command, Path report) {

        Usage usage() throws IOException {
            List<String> lines = Files.readAllLines(report); // of a failed command, the first says so
            String[] words = lines.get(lines.size() - 1).split(" ");
            return new Usage(Double.parseDouble(words[0]) + Double.parseDouble(words[1]), Long.parseLong(words[2]));
        }
    }

    /** @param cpu in seconds; @param peak of the largest process, in kB */
    record Usage(double cpu, long peak) {
    }

    Launch launch(List<String> command) {
        return launch(command, folder);
    }

    Launch launch(List<String> command, Path in) {
        return launch(command, in, Map.of());
    }

    /** @param in where it runs; @param variables besides those of the stage */
    Launch launch(List<String> command, Path in, Map<String, String> variables) {
        Path report = folder.resolve("usage-" + count.incrementAndGet());
        List<String> line = line(List.of("time", "--output", report.toString(), "--format", "%U %S %M"), command);
        return new Launch(Harness.command(line.toArray(String[]::new)).in(in).env(environment).env(variables)
                .timeout(LIMIT), report);
    }

    /** The same command so many times, started together. */
    List<Launch> launches(int times, List<String> command) {
        return Stream.generate(() -> launch(command)).limit(times).toList();
    }

    /** Starts a registry beside the engine, and returns a repository's beginning there. */
    String startRegistry() throws EngineUnavailable, InterruptedException {
        if (!engine.environment().containsKey(REGISTRY)) {
            engine.startRegistry(ThrowawayEngine.Progress.NONE);
        }
        return engine.environment().get(REGISTRY) + "/bench-" + fresh();
    }

    /** What ensure_image keeps of earlier builds: a second machine has none of it. */
    void forgetLessons() throws IOException {
        try (Stream<Path> kept = Files.list(cache().resolve("ensure_image"))) {
            for (Path each : kept.filter(path -> !Files.isSymbolicLink(path)).toList()) {
                if (Files.isDirectory(each)) {
                    Harness.delete(each);
                } else {
                    Files.delete(each);
                }
            }
        }
    }

    /** Runs a command once, unmeasured, for what it leaves. */
    void once(List<String> command) {
        launch(command).command().run().succeeded();
    }

    /** Text that nothing here had before. */
    String fresh() {
        return "m" + count.incrementAndGet();
    }

    // -------------------------------------------------------------------------------------------- the engine

    Harness.Result run(String... arguments) {
        return Harness.command(docker(arguments).toArray(String[]::new)).env(environment).run();
    }

    /** That the engine holds these images with these labels: the Dockerfiles of the benchmarks write them. */
    BenchScene.Check holds(Map<String, Map<String, String>> images) {
        return outcome -> {
            var found = run(line(List.of("image", "inspect", "--format", LABELS), images.keySet())
                    .toArray(String[]::new));
            Iterator<String> lines = found.out().lines().iterator();
            for (var image : images.entrySet()) {
                List<String> labels = List.of((lines.hasNext() ? lines.next() : "").split(" "));
                for (var label : image.getValue().entrySet()) {
                    if (found.status() != 0 || !labels.contains(label.toString())) {
                        throw new BenchScene.Wrong(outcome.who() + ": " + image.getKey() + " is to have the label "
                                + label + ", but: " + found);
                    }
                }
            }
        };
    }

    BenchScene.Check holds(String image, String marker) {
        return holds(Map.of(image, Map.of(LABEL, marker)));
    }

    /** Besides, that ensure_image found them there: if it built, its time is that of something else. */
    static BenchScene.Check present(BenchScene.Check holds) {
        return outcome -> {
            for (var result : outcome.results()) {
                if (!result.out().lines().allMatch(line -> line.startsWith("present "))) {
                    throw new BenchScene.Wrong(outcome.who() + ": not all was present: " + result);
                }
            }
            holds.check(outcome);
        };
    }

    /** Writes a Dockerfile whose image carries the marker as its label. */
    static Path dockerfile(Path file, String base, String marker, String... steps) {
        return Harness.write(file, "FROM " + base + "\nLABEL " + LABEL + "=" + marker + "\n"
                + String.join("\n", steps) + "\n");
    }

    /** What was measured on, one line per fact. */
    Map<String, String> facts() throws EngineException, InterruptedException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("engine", Wording.facts(EnsureImage.using(engine.docker().toString(), environment)
                .engineFacts(Duration.ofMinutes(1)), environment));
        facts.put("compose", run("compose", "version", "--short").succeeded().out().strip());
        facts.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        facts.put("java", System.getProperty("java.runtime.version"));
        return facts;
    }
}
