// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PushbackInputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A real registry that misbehaves: a proxy on 127.0.0.1 in front of it that lets one thing go wrong. One request per
 * connection.
 */
public final class RegistryProxy implements AutoCloseable {

    /** The tag that {@link Fault#FOREIGN} gives away in place of any other. */
    public static final String FOREIGN_TAG = "foreign";
    /** The first byte of a TLS connection; docker falls back to HTTP if that is refused in so many words. */
    private static final int TLS = 0x16;
    private static final int LOWEST_PORT = 20_000;
    private static final int FIRST_EPHEMERAL_PORT = 32_000; // see /proc/sys/net/ipv4/ip_local_port_range
    private static final int ATTEMPTS = 20;
    /** Longer than an engine waits until it tells how far it is: it does so ten times a second. */
    private static final Duration MOMENT = Duration.ofSeconds(1);
    private static final Pattern LENGTH = Pattern.compile("(?im)^content-length: *(\\d+)\\r?$");
    private static final Pattern TAG = Pattern.compile("/manifests/(?!sha256:)[^ /]+");

    /** Which requests a fault concerns. */
    public enum Stage {
        /** What asks for a manifest. */
        LOOK_UP("(?:GET|HEAD) /v2/.*/manifests/.*"),
        /** What fetches layers. */
        PULL("GET /v2/.*/blobs/.*"),
        /** What writes. */
        PUSH("(?:POST|PUT|PATCH) .*");

        private final Pattern requests;

        Stage(String requests) {
            this.requests = Pattern.compile(requests);
        }
    }

    /** What goes wrong. */
    public enum Fault {
        /** From then on nothing listens there any more. */
        AWAY,
        /** It accepts, and answers nothing. */
        SILENT,
        /** It sends the first half of a layer, and then nothing. */
        STALLS,
        /** It sends the first half of a layer, and the second one a moment later: time for an engine to tell of the first. */
        SLOW,
        STATUS_401("401 Unauthorized", "UNAUTHORIZED", "authentication required"),
        STATUS_403("403 Forbidden", "DENIED", "requested access to the resource is denied"),
        STATUS_405("405 Method Not Allowed", "UNSUPPORTED", "The operation is unsupported."),
        STATUS_429("429 Too Many Requests", "TOOMANYREQUESTS", "too many requests"),
        STATUS_500("500 Internal Server Error", "UNKNOWN", "unknown error"),
        STATUS_503("503 Service Unavailable", "UNAVAILABLE", "service unavailable"),
        /** It ends the connection: in the middle of a layer, if there is one. */
        CUT,
        /** A byte of what it sends is another one. */
        BROKEN,
        /** It answers every request with a page to log in. */
        PORTAL,
        /** It has another image under the tag. */
        FOREIGN,
        /** The tag is there already, as ECR words it. */
        IMMUTABLE("400 Bad Request", "TAG_INVALID",
                "The image tag 'tag' already exists in the 'team/ensured' repository"
                        + " and cannot be overwritten because the tag is immutable.");

        private final String status;
        private final String body;

        Fault() {
            this.status = "";
            this.body = "";
        }

        Fault(String status, String code, String message) {
            this.status = status;
            this.body = "{\"errors\":[{\"code\":\"%s\",\"message\":\"%s\"}]}".formatted(code, message);
        }
    }

    private final int upstream;
    private final int port;
    private final ExecutorService pool = Executors.newCachedThreadPool(task -> {
        var thread = new Thread(task, "registry proxy");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile ServerSocket server;
    private volatile Fault fault;
    private volatile Stage stage;
    private volatile boolean struck;

    /** @param upstream the real registry's port */
    public RegistryProxy(int upstream) {
        this.upstream = upstream;
        this.port = listenAnywhere();
    }

    /**
     * At a port that no connection of this machine gets as its own end: while nothing listens there, a client could connect
     * to itself, and keep it.
     */
    private int listenAnywhere() {
        for (int attempt = 0;; attempt++) {
            try {
                return listen(ThreadLocalRandom.current().nextInt(LOWEST_PORT, FIRST_EPHEMERAL_PORT));
            } catch (UncheckedIOException e) {
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    public int port() {
        return port;
    }

    /** What an image's name begins with. */
    public String address() {
        return "127.0.0.1:" + port;
    }

    /** From now on this goes wrong, and nothing else. */
    public void fail(Fault fault, Stage stage) {
        heal();
        this.stage = stage;
        this.fault = fault;
        if (fault == Fault.SILENT && stage == Stage.LOOK_UP) {
            struck = true;
        }
    }

    /** From now on all is well; forgets the requests. */
    public void heal() {
        fault = null;
        struck = false;
        hangUp();
        requests.clear();
        if (server.isClosed()) {
            listen(port);
        }
    }

    /** As at a stop of the registry; {@link #heal} starts it again. */
    public void goAway() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        hangUp();
    }

    /** The method and path of each since the last change. */
    public List<String> requests() {
        return List.copyOf(requests);
    }

    /** Whether the fault was met. */
    public boolean hasStruck() {
        return struck;
    }

    @Override
    public void close() {
        goAway();
        pool.shutdownNow();
    }

    // ---- Connections

    private int listen(int wanted) {
        try {
            var socket = new ServerSocket();
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted));
            server = socket;
            pool.execute(() -> acceptAll(socket));
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void acceptAll(ServerSocket socket) {
        try {
            while (true) {
                var client = socket.accept();
                open.add(client);
                pool.execute(() -> serve(client));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void hangUp() {
        open.forEach(RegistryProxy::close);
        open.clear();
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // it is
        }
    }

    private void serve(Socket client) {
        try (client) {
            var in = new PushbackInputStream(client.getInputStream());
            int first = in.read();
            if (first == TLS && !(fault == Fault.SILENT && stage == Stage.LOOK_UP)) {
                send(client, "HTTP/1.0 400 Bad Request\r\n\r\n");
            } else if (first == TLS) {
                hold(in);
            } else if (first >= 0) {
                in.unread(first);
                answer(head(in), in, client);
            }
        } catch (IOException e) {
            // the other side has had enough
        } finally {
            open.remove(client);
        }
    }

    private static String head(InputStream in) throws IOException {
        var head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("no request");
            }
            head.append((char) next);
        }
        return head.toString();
    }

    private void answer(String head, InputStream in, Socket client) throws IOException {
        var line = head.lines().findFirst().orElseThrow().replaceFirst(" HTTP/.*", "");
        requests.add(line);
        var what = fault;
        if (what == null || !stage.requests.matcher(line).matches() || isLetThrough(what, line)) {
            forward(head, in, client, Tampering.NONE);
            return;
        }
        struck = true;
        switch (what) {
            case AWAY -> goAway();
            case SILENT -> hold(in);
            case STALLS -> forward(head, in, client, Tampering.STALL);
            case SLOW -> forward(head, in, client, Tampering.PAUSE);
            case BROKEN -> forward(head, in, client, Tampering.FLIP);
            case CUT -> {
                if (stage == Stage.PULL) {
                    forward(head, in, client, Tampering.CUT);
                }
            }
            case FOREIGN -> forward(TAG.matcher(head).replaceFirst("/manifests/" + FOREIGN_TAG), in, client,
                    Tampering.NONE);
            case PORTAL -> refuse(head, in, client, "200 OK", "text/html", "<html><form>Log in</form></html>");
            default -> refuse(head, in, client, what.status, "application/json", what.body);
        }
    }

    /** What must go well for a fault to come where it is meant to. */
    private static boolean isLetThrough(Fault what, String line) {
        return what == Fault.IMMUTABLE && !line.matches("PUT .*/manifests/.*")
                || what == Fault.CUT && line.startsWith("POST");
    }

    /** Until the other side has had enough. */
    private static void hold(InputStream in) throws IOException {
        in.transferTo(OutputStream.nullOutputStream());
    }

    private static void refuse(String head, InputStream in, Socket client, String status, String type, String body)
            throws IOException {
        Matcher length = LENGTH.matcher(head);
        if (length.find()) { // what is left unread would reset the connection
            in.readNBytes(Integer.parseInt(length.group(1)));
        }
        send(client, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s".formatted(
                status, type, body.length(), status.startsWith("429") ? "Retry-After: 1\r\n" : "",
                head.startsWith("HEAD") ? "" : body));
        client.shutdownOutput();
        hold(in);
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    // ---- The way to the real one

    private enum Tampering {
        NONE, STALL, PAUSE, CUT, FLIP
    }

    private void forward(String head, InputStream in, Socket client, Tampering tampering) throws IOException {
        try (var registry = new Socket(InetAddress.getLoopbackAddress(), upstream)) {
            open.add(registry);
            send(registry, head.replaceAll("(?im)^(?:connection|accept-encoding):.*\\r\\n", "")
                    .replaceFirst("\\r\\n\\r\\n$", "\r\nConnection: close\r\n\r\n"));
            var rest = pool.submit(() -> pump(in, registry));
            var answer = registry.getInputStream();
            if (tampering == Tampering.NONE) {
                answer.transferTo(client.getOutputStream());
            } else {
                tamper(answer, client, rest, tampering);
            }
            open.remove(registry);
        }
    }

    /** The request's body, if there is one. */
    private static void pump(InputStream in, Socket registry) {
        try {
            in.transferTo(registry.getOutputStream());
        } catch (IOException e) {
            // it has answered
        }
    }

    /** @param rest ends when the other side has hung up */
    private static void tamper(InputStream answer, Socket client, Future<?> rest, Tampering tampering)
            throws IOException {
        send(client, head(answer));
        var body = answer.readAllBytes();
        int half = body.length / 2;
        var out = client.getOutputStream();
        out.write(body, 0, half);
        switch (tampering) {
            case FLIP -> {
                if (body.length > 0) {
                    body[half] ^= 1;
                }
                out.write(body, half, body.length - half);
            }
            case PAUSE -> {
                out.flush();
                for (long end = System.nanoTime() + MOMENT.toNanos(); System.nanoTime() < end;) {
                    Harness.pause();
                }
                out.write(body, half, body.length - half);
            }
            case STALL -> Harness.eventually("the other side has had enough", Harness.SOON, rest::isDone);
            default -> out.flush();
        }
    }
}
