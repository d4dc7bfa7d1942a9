// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One request to a Docker engine and its response, on a connection of its own. By HTTP/1.0 both end together: nothing is
 * to decode.
 */
record HttpExchange(SocketChannel channel, ByteArrayOutputStream received) implements Closeable {
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] ([1-5]\\d\\d) .*");
    /** Others answer alike, but podman, for one, leaves out the ONBUILD instructions. */
    private static final String DOCKERS = "Server: Docker/";
    private static final String END_OF_HEAD = "\r\n\r\n";
    private static final int MOST_BYTES = 16 << 20;
    private static final int BUFFER = 16 << 10;
    private static final int NANOS_PER_MILLISECOND = 1_000_000;

    /** @param status by HTTP, such as {@code 200} */
    record Response(String status, String body) {

        /** Empty for what is not the response of a Docker engine. */
        private static Optional<Response> parse(String text) {
            int end = text.indexOf(END_OF_HEAD);
            String[] head = text.substring(0, Math.max(0, end)).split("\r\n");
            Matcher status = STATUS.matcher(head[0]);
            boolean dockers = Arrays.stream(head).anyMatch(line -> line.startsWith(DOCKERS));
            return status.matches() && dockers
                    ? Optional.of(new Response(status.group(1), text.substring(end + END_OF_HEAD.length())))
                    : Optional.empty();
        }
    }

    /**
     * Sends all requests at once and waits for all responses.
     *
     * @param requests each without the version of the protocol, such as {@code GET /version}
     * @return in the order of the requests; empty if there is one that is not understood
     */
    static List<Response> exchangeAll(Path socket, List<String> requests, Duration limit)
            throws TimeoutException, InterruptedException {
        try {
            List<Response> responses = receiveAll(socket, requests, System.nanoTime() + limit.toNanos()).stream()
                    .flatMap(text -> Response.parse(text).stream()).toList();
            return responses.size() == requests.size() ? responses : List.of();
        } catch (ClosedByInterruptException e) {
            Thread.interrupted(); // as every method that throws the other exception does
            throw new InterruptedException();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static List<String> receiveAll(Path socket, List<String> requests, long end)
            throws IOException, TimeoutException, InterruptedException {
        List<HttpExchange> all = new ArrayList<>();
        try (Selector selector = Selector.open()) {
            for (String request : requests) {
                HttpExchange exchange = open(selector);
                all.add(exchange);
                exchange.send(socket, request);
            }
            while (all.stream().anyMatch(each -> each.channel.isOpen())) {
                long left = end - System.nanoTime();
                if (left <= 0) {
                    throw new TimeoutException();
                }
                selector.select(Math.max(1, left / NANOS_PER_MILLISECOND));
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                for (SelectionKey ready : selector.selectedKeys()) {
                    ((HttpExchange) ready.attachment()).receive();
                }
                selector.selectedKeys().clear();
            }
        } finally {
            for (HttpExchange each : all) {
                each.close();
            }
        }
        return all.stream().map(each -> each.received.toString(StandardCharsets.UTF_8)).toList();
    }

    private static HttpExchange open(Selector selector) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        HttpExchange exchange = new HttpExchange(channel, new ByteArrayOutputStream());
        channel.configureBlocking(false).register(selector, SelectionKey.OP_READ, exchange);
        return exchange;
    }

    private void send(Path socket, String request) throws IOException {
        ByteBuffer bytes = StandardCharsets.US_ASCII.encode(
                request + " HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
        if (!channel.connect(UnixDomainSocketAddress.of(socket)) || channel.write(bytes) < bytes.limit()) {
            throw new IOException("the engine is too busy");
        }
    }

    /** Takes what has come; closes the connection at its end. */
    private void receive() throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        int length = channel.read(buffer);
        if (length < 0) {
            close();
            return;
        }
        received.write(buffer.array(), 0, length);
        if (received.size() > MOST_BYTES) {
            throw new IOException("the answer is too long");
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
