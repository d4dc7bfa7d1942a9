//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The engine's API at its Unix socket, for what is asked most: an answer takes a few milliseconds, where a start of
 * {@code docker} takes a tenth of a second.
 *
 * <p>The rule it keeps: it speaks only to the engine that {@code docker} would use, and what it does not understand is
 * no answer. Then {@code docker} is to be asked, which also has the words for what is wrong.
 *
 * @param path of the socket
 */
record EngineSocket(Path path) {
    /** The default of docker on Linux ({@code opts/hosts.go}). */
    private static final EngineSocket DEFAULT = new EngineSocket(Path.of("/var/run/docker.sock"));
    private static final String UNIX = "unix://";
    private static final byte[] ELF = {0x7f, 'E', 'L', 'F'};

    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] ([1-5]\\d\\d) .*");
    /** Others answer alike, but podman, for one, leaves out the ONBUILD instructions. */
    private static final String DOCKERS = "Server: Docker/";
    private static final String END_OF_HEAD = "\r\n\r\n";
    /** With no character that would have to be quoted, as only a registry's IPv6 address has. */
    private static final Pattern PLAIN = Pattern.compile("(?:GET|POST) [A-Za-z0-9._/:@?=&-]+");
    /** Of a version of the API that the engine does not have, not of an image. */
    private static final String NO_SUCH_PAGE = "page not found";
    private static final int MOST_BYTES = 16 << 20;
    private static final int BUFFER = 16 << 10;

    // ---- Whose it is

    /** The one that {@code docker} would use in this environment; empty if that is none, or cannot be told for sure. */
    static Optional<EngineSocket> of(String command, Map<String, String> environment) {
        String host = environment.getOrDefault("DOCKER_HOST", "");
        if (!command.equals("docker")) {
            return Optional.empty(); // another client may have another engine
        }
        try {
            return host.startsWith(UNIX + "/") ? Optional.of(new EngineSocket(Path.of(host.substring(UNIX.length()))))
                    : Optional.of(DEFAULT).filter(socket -> host.isEmpty() && isDefault(environment));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** Whether no context leads elsewhere, and {@code docker} is the program itself: a script may lead anywhere. */
    private static boolean isDefault(Map<String, String> environment) {
        String home = environment.getOrDefault("HOME", "");
        String folder = environment.getOrDefault("DOCKER_CONFIG", "");
        if (!environment.getOrDefault("DOCKER_CONTEXT", "").isEmpty() || home.isEmpty() && folder.isEmpty()) {
            return false;
        }
        Path config = (folder.isEmpty() ? Path.of(home, ".docker") : Path.of(folder)).resolve("config.json");
        try {
            return (!Files.exists(config) || !Files.readString(config).contains("currentContext"))
                    && isProgram(environment.getOrDefault("PATH", ""));
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean isProgram(String path) throws IOException {
        Optional<Path> docker = Stream.of(path.split(":")).map(folder -> Path.of(folder, "docker"))
                .filter(Files::isExecutable).findFirst();
        if (docker.isEmpty() || !docker.get().toRealPath().endsWith("docker")) {
            return false;
        }
        try (InputStream program = Files.newInputStream(docker.get())) {
            return Arrays.equals(program.readNBytes(ELF.length), ELF);
        }
    }

    // ---- What it is asked

    /**
     * What the engine holds under these names; without those that it says are not there, or not whole.
     *
     * @return empty if not all is understood
     */
    Optional<Map<String, Docker.Held>> images(Collection<String> names, Duration limit)
            throws TimeoutException, InterruptedException {
        List<String> asked = List.copyOf(names);
        List<Response> responses = ask(asked.stream().map(name -> "GET /images/" + name + "/json").toList(), limit);
        Map<String, Docker.Held> images = new HashMap<>();
        for (int i = 0; i < responses.size(); i++) {
            Optional<Docker.Held> image = responses.get(i).image();
            if (image.isPresent()) {
                images.put(asked.get(i), image.get());
            } else if (responses.get(i).error().filter(Docker::saysMissing).isEmpty()) {
                return Optional.empty();
            }
        }
        return Optional.of(images).filter(all -> !responses.isEmpty());
    }

    /** Gives an image the name, and ends as {@code docker tag} would; empty if the answer is not understood. */
    Optional<Processes.Finished> tag(String id, Reference reference, Duration limit)
            throws TimeoutException, InterruptedException {
        long start = System.nanoTime();
        List<Response> responses = ask(List.of("POST /images/" + id + "/tag?repo=" + reference.name() + "&tag="
                + reference.tag()), limit);
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        return responses.stream().findFirst().flatMap(response -> response.isCreated()
                ? Optional.of(new Processes.Finished(0, List.of(), List.of(), took))
                : response.error().map(line -> new Processes.Finished(1, List.of(), List.of(line), took)));
    }

    /** All at once; no response at all if there is one that is not understood. */
    private List<Response> ask(List<String> requests, Duration limit) throws TimeoutException, InterruptedException {
        if (!requests.stream().allMatch(request -> PLAIN.matcher(request).matches())) {
            return List.of();
        }
        try {
            List<Response> responses = exchange(requests, System.nanoTime() + limit.toNanos()).stream()
                    .flatMap(text -> Response.parse(text).stream()).toList();
            return responses.size() == requests.size() ? responses : List.of();
        } catch (ClosedByInterruptException e) {
            Thread.interrupted(); // as every method that throws the other exception does
            throw new InterruptedException();
        } catch (IOException e) {
            return List.of();
        }
    }

    private List<String> exchange(List<String> requests, long end)
            throws IOException, TimeoutException, InterruptedException {
        List<Exchange> all = new ArrayList<>();
        try (Selector selector = Selector.open()) {
            for (String request : requests) {
                all.add(Exchange.open(selector));
                all.get(all.size() - 1).send(path, request);
            }
            while (all.stream().anyMatch(each -> each.channel.isOpen())) {
                long left = end - System.nanoTime();
                if (left <= 0) {
                    throw new TimeoutException();
                }
                selector.select(Math.max(1, left / 1_000_000));
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                for (SelectionKey ready : selector.selectedKeys()) {
                    ((Exchange) ready.attachment()).receive();
                }
                selector.selectedKeys().clear();
            }
        } finally {
            for (Exchange each : all) {
                each.close();
            }
        }
        return all.stream().map(each -> each.response.toString(StandardCharsets.UTF_8)).toList();
    }

    /** One request and its response, on a connection of its own. By HTTP/1.0 both end together: nothing is to decode. */
    private record Exchange(SocketChannel channel, ByteArrayOutputStream response) implements Closeable {

        static Exchange open(Selector selector) throws IOException {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            Exchange exchange = new Exchange(channel, new ByteArrayOutputStream());
            channel.configureBlocking(false).register(selector, SelectionKey.OP_READ, exchange);
            return exchange;
        }

        void send(Path socket, String request) throws IOException {
            ByteBuffer bytes = StandardCharsets.US_ASCII.encode(
                    request + " HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
            if (!channel.connect(UnixDomainSocketAddress.of(socket)) || channel.write(bytes) < bytes.limit()) {
                throw new IOException("the engine is too busy");
            }
        }

        /** Takes what has come; closes the connection at its end. */
        void receive() throws IOException {
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
            int length = channel.read(buffer);
            if (length < 0) {
                close();
                return;
            }
            response.write(buffer.array(), 0, length);
            if (response.size() > MOST_BYTES) {
                throw new IOException("the answer is too long");
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    // ---- What it answers

    /** @param status by HTTP, such as {@code 200} */
    private record Response(String status, String body) {
        private static final JsonFactory JSON = new JsonFactory();

        static Optional<Response> parse(String text) {
            int end = text.indexOf(END_OF_HEAD);
            String[] head = text.substring(0, Math.max(0, end)).split("\r\n");
            Matcher status = STATUS.matcher(head[0]);
            boolean dockers = Arrays.stream(head).anyMatch(line -> line.startsWith(DOCKERS));
            return status.matches() && dockers
                    ? Optional.of(new Response(status.group(1), text.substring(end + END_OF_HEAD.length())))
                    : Optional.empty();
        }

        boolean isCreated() {
            return status.equals("201");
        }

        Optional<Docker.Held> image() {
            Map<String, String> values = status.equals("200") ? values() : Map.of();
            return Optional.ofNullable(values.get("/Id")).map(id -> new Docker.Held(id,
                    values.keySet().stream().noneMatch(name -> name.startsWith("/Config/"))
                            || values.containsKey("/Config/OnBuild/0"),
                    values.getOrDefault("/Config/Labels/" + Docker.LABEL, "")));
        }

        /** The line that docker would print. */
        Optional<String> error() {
            return Optional.ofNullable(status.compareTo("400") < 0 ? null : values().get("/message"))
                    .filter(message -> !message.equals(NO_SUCH_PAGE))
                    .map(message -> "Error response from daemon: " + message);
        }

        /** All values of the JSON text, by their JSON Pointers (RFC 6901); none if it is not whole. */
        private Map<String, String> values() {
            Map<String, String> values = new HashMap<>();
            try (JsonParser parser = JSON.createParser(body)) {
                for (JsonToken token; (token = parser.nextToken()) != null;) {
                    if (token.isScalarValue()) {
                        values.put(parser.getParsingContext().pathAsPointer().toString(), parser.getText());
                    }
                }
                return values;
            } catch (IOException e) {
                return Map.of();
            }
        }
    }
}
