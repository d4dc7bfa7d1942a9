// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A socket that answers as an engine that holds one image, which is current: so that a look-up can be run where there is
 * no engine, for the JVM to learn its classes. No result of it is ever told to a user.
 */
public final class Rehearsal implements Closeable {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String NAME = "rehearsal";
    private static final String ID = "sha256:" + "0".repeat(64);
    private static final String PLATFORM = "\"Os\":\"linux\",\"Arch\":\"amd64\",\"Architecture\":\"amd64\"";
    private static final int LONGEST_REQUEST = 8 << 10;

    private final Path folder;
    private final ServerSocketChannel server;
    private final Map<String, String> environment;
    private volatile Map<String, String> labels = Map.of();

    private Rehearsal(Path folder, ServerSocketChannel server, Map<String, String> environment) {
        this.folder = folder;
        this.server = server;
        this.environment = environment;
    }

    /**
     * Opens it.
     *
     * @param folder an empty one; the image is then in its {@code images/}
     * @return the socket, which answers until it is closed
     * @throws IOException if something cannot be written, or there is no such socket
     * @throws InterruptedException if this thread is interrupted
     */
    public static Rehearsal open(Path folder) throws IOException, InterruptedException {
        Path context = Files.createDirectories(folder.resolve("images").resolve(NAME));
        Files.writeString(context.resolve("Dockerfile"), "FROM base:1 AS tools\nRUN true\n"
                + "FROM base:1\nARG VERSION=1\nCOPY --from=tools /tool /tool\nCOPY file *.txt /app/\nRUN cat /app/file\n");
        Files.writeString(context.resolve(".dockerignore"), "**/*.tmp\n!kept.tmp\n");
        Files.writeString(context.resolve("file"), "content\n");
        Path socket = folder.resolve("socket");
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(socket));
            Map<String, String> environment = new TreeMap<>();
            for (String folders : new String[] {"HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"}) {
                environment.put(folders, folder.toString());
            }
            environment.put("DOCKER_HOST", "unix://" + socket);
            environment.put("DOCKER_BUILDKIT", "1");
            Rehearsal rehearsal = new Rehearsal(folder, server, environment);
            Thread thread = new Thread(rehearsal::answerAll, "rehearsal");
            thread.setDaemon(true);
            thread.start();
            rehearsal.labels = rehearsal.labelsOf(Recipe.inFolder(Reference.parse(NAME), context,
                    BuildOptions.NONE));
            return rehearsal;
        } catch (EngineException | RecipeException e) {
            server.close();
            throw new IOException(e);
        }
    }

    /** {@return the image, as a command line names it with its folder} */
    public String image() {
        return NAME + "=" + collection().resolve(NAME);
    }

    /** {@return the collection that it is in} */
    public Path collection() {
        return folder.resolve("images");
    }

    /** {@return what leads a process to this engine, and to no configuration of the user} */
    public Map<String, String> environment() {
        return environment;
    }

    private Map<String, String> labelsOf(Recipe recipe)
            throws EngineException, RecipeException, InterruptedException {
        Cache cache = Cache.open(environment);
        Docker docker = new Docker("docker", environment, cache::scratch);
        Freshness freshness = new Freshness(docker, cache);
        Deadline deadline = new Deadline(LIMIT);
        return new Planner(docker, freshness).plan(freshness.find(recipe, Policy.IF_STALE, deadline), false, deadline)
                .labels().values();
    }

    private void answerAll() {
        try {
            while (true) {
                try (SocketChannel client = server.accept()) {
                    answer(client);
                }
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void answer(SocketChannel client) throws IOException {
        ByteBuffer request = ByteBuffer.allocate(LONGEST_REQUEST);
        while (client.read(request) > 0 && !text(request).endsWith("\r\n\r\n")) {
            // more to come
        }
        String own = labels.entrySet().stream().map(label -> "\"" + label.getKey() + "\":\"" + label.getValue() + "\"")
                .collect(Collectors.joining(",", "{", "}"));
        String name = text(request).contains("/" + NAME + ":") ? NAME + ":latest" : "base:1";
        String body = "{\"Id\":\"" + ID + "\",\"RepoTags\":[\"" + name + "\"],\"RepoDigests\":[\"base@" + ID + "\"],"
                + PLATFORM + ",\"Config\":{\"Labels\":" + own + "}}";
        ByteBuffer response = StandardCharsets.UTF_8.encode("HTTP/1.0 200 OK\r\nServer: Docker/0\r\n\r\n" + body);
        while (response.hasRemaining()) {
            client.write(response);
        }
    }

    private static String text(ByteBuffer bytes) {
        return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
    }

    /** The socket answers no more; the folder is the caller's. */
    @Override
    public void close() throws IOException {
        server.close();
    }
}
