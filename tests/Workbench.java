// SPDX-License-Identifier: Apache-2.0
//SOURCES ComposePlugin.java
package ensureimage.testing;

import ensureimage.engine.Docker;
import ensureimage.engine.EngineSocket;
import ensureimage.engine.ScratchSpace;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.RemoteBuilder;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A shared engine as one test uses it: commands run in the test's own folder, with a cache of its own, and its images
 * have names that no other test uses.
 */
public final class Workbench {

    /** A folder of this test's own. */
    public final Path folder;
    /** The user's cache folder of everything that runs here. */
    public final Path cache = Harness.newFolder();
    private final ThrowawayEngine engine;
    private final Map<String, String> environment;

    /** @param buildkit {@code 1} for BuildKit, {@code 0} for the legacy builder */
    public Workbench(String version, EngineSpec.Store store, String buildkit, Path folder) {
        this(Harness.engine(version, store), buildkit, folder);
    }

    /** The same on an engine of the test's own. */
    public Workbench(ThrowawayEngine engine, String buildkit, Path folder) {
        this.folder = folder;
        this.engine = engine;
        this.environment = new TreeMap<>(engine.environment());
        environment.put("DOCKER_BUILDKIT", buildkit);
        environment.put("XDG_CACHE_HOME", cache.toString());
    }

    /** The engine that most users of the containerd store have: BuildKit on 28.5. */
    public static Workbench ofToday() {
        return new Workbench("28.5", EngineSpec.Store.CONTAINERD, "1", Harness.newFolder());
    }

    public ThrowawayEngine engine() {
        return engine;
    }

    /** Gives its client the compose plugin of the Debian release of that engine; no other test sees it. */
    public Workbench withCompose(String version) {
        Path config = Harness.newFolder();
        try (Stream<Path> own = Files.list(Path.of(engine.environment().get("DOCKER_CONFIG"), "cli-plugins"))) {
            Path plugins = Files.createDirectory(config.resolve("cli-plugins"));
            for (Path each : own.toList()) {
                Files.copy(each, plugins.resolve(each.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
            }
            ComposePlugin.of(version, ThrowawayEngine.Progress.NONE).install(plugins);
        } catch (EngineUnavailable | IOException | InterruptedException e) {
            throw new AssertionError("no compose plugin", e);
        }
        environment.put("DOCKER_CONFIG", config.toString());
        return this;
    }

    public Map<String, String> environment() {
        return environment;
    }

    /**
     * Has docker build with the BuildKit of another engine, as a builder of the driver {@code remote}, until it is closed. That
     * builder does not see the images of this engine.
     */
    public RemoteBuilder buildElsewhere(String version, EngineSpec.Store store) {
        RemoteBuilder builder = new RemoteBuilder(Harness.engine(version, store));
        environment.put("BUILDX_CONFIG", Harness.newFolder().toString());
        docker("buildx", "create", "--name", "elsewhere", "--driver", "remote", builder.endpoint()).succeeded();
        environment.put("BUILDX_BUILDER", "elsewhere");
        return builder;
    }

    /** For commands that run jbangw: it finds here the JBang that was fetched for this run. */
    public Workbench withJbang() {
        try {
            Path fetched = Harness.machine().cache().orElseThrow().resolve("jbang");
            Path here = cache.resolve("ensure_image/jbang");
            if (Files.notExists(here) && Files.isDirectory(fetched)) {
                Files.createDirectories(here.getParent());
                Files.createSymbolicLink(here, fetched);
            }
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- ensure_image

    public Harness.Command ensuring(String... arguments) {
        return prepared(Harness.script("ensure_image", arguments));
    }

    public Harness.Command ensuring(List<String> starter, String... arguments) {
        return prepared(Harness.script("ensure_image", arguments).startedBy(starter.toArray(String[]::new)));
    }

    public Harness.Result ensure(String... arguments) {
        return ensuring(arguments).run();
    }

    // ---- docker

    public String client() {
        return engine.docker().toString();
    }

    /** The real client, which notes the arguments of each call in a line of the log. */
    public Path loggingClient(Path log) {
        return client("echo \"$*\" >> " + log + "\nexec " + client() + " \"$@\"\n");
    }

    /** A client of this test's own, by its shell script. */
    public Path client(String script) {
        return Harness.program(Harness.newFolder().resolve("docker"), script);
    }

    public Harness.Command command(String... line) {
        return prepared(Harness.command(line));
    }

    public Harness.Result docker(String... arguments) {
        return command(Stream.concat(Stream.of(client()), Stream.of(arguments)).toArray(String[]::new)).run();
    }

    /** In this JVM, for tests that must meet a builder at a certain step. */
    public Docker docker() {
        return new Docker(client(), environment, () -> new Scratch(Harness.newFolder()),
                EngineSocket.find("docker", environment));
    }

    /** It is removed at the end of the run, as every folder of a test. */
    private record Scratch(Path path) implements ScratchSpace.Folder {
        @Override
        public void close() {}
    }

    public String imageId(String reference) {
        return inspect(reference, "{{.Id}}");
    }

    public String label(String reference) {
        return inspect(reference, "{{index .Config.Labels \"" + Docker.LABEL + "\"}}");
    }

    private String inspect(String reference, String format) {
        return docker("image", "inspect", reference, "--format", format).succeeded().out().strip();
    }

    /** A file's content in an image. */
    public String cat(String image, String file) {
        return ImageFiles.read(image, file, environment).filter(text -> !text.equals(ImageFiles.NO_FILE)).orElseThrow(
                () -> new AssertionError("no " + file + " in " + image));
    }

    // ---- Files

    /** Writes a file of this test's folder. */
    public Path write(String name, String text) {
        return Harness.write(folder.resolve(name), text);
    }

    private Harness.Command prepared(Harness.Command command) {
        return command.in(folder).env(environment).env("B", "from the environment");
    }
}
