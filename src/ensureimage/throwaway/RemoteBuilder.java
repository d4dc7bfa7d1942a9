// SPDX-License-Identifier: Apache-2.0
package ensureimage.throwaway;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The BuildKit of an engine as a builder of buildx's driver {@code remote}: what comes to a port of this machine goes to the
 * engine's socket, after the request that makes an HTTP/2 connection to BuildKit of it ({@code POST /grpc}).
 */
public final class RemoteBuilder implements AutoCloseable {
    private static final String UPGRADE =
            "POST /grpc HTTP/1.1\r\nHost: builder\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

    private final UnixDomainSocketAddress engine;
    private final ServerSocketChannel server;
    private final Set<ByteChannel> open = ConcurrentHashMap.newKeySet();

    /** It listens until it is closed; the engine is the caller's. */
    public RemoteBuilder(ThrowawayEngine engine) {
        this.engine = UnixDomainSocketAddress.of(engine.environment().get("DOCKER_HOST").substring("unix://".length()));
        try {
            this.server = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    /** As {@code docker buildx create --driver remote} takes it. */
    public String endpoint() {
        try {
            return "tcp://127.0.0.1:" + ((InetSocketAddress) server.getLocalAddress()).getPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void accept() throws IOException {
        while (true) {
            SocketChannel client = server.accept();
            SocketChannel builder = SocketChannel.open(StandardProtocolFamily.UNIX);
            open.add(client);
            open.add(builder);
            builder.connect(engine);
            write(builder, ByteBuffer.wrap(UPGRADE.getBytes(StandardCharsets.US_ASCII)));
            skipAnswer(builder);
            start(() -> copy(client, builder));
            start(() -> copy(builder, client));
        }
    }

    /** The head of the engine's answer, to its empty line. */
    private static void skipAnswer(SocketChannel builder) throws IOException {
        StringBuilder head = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (!head.toString().endsWith("\r\n\r\n") && builder.read(one.clear()) > 0) {
            head.append((char) one.get(0));
        }
        if (!head.toString().startsWith("HTTP/1.1 101 ")) {
            throw new IOException("no BuildKit: " + head);
        }
    }

    private static void copy(SocketChannel from, SocketChannel to) throws IOException {
        try (from; to) {
            ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
            while (from.read(buffer.clear()) >= 0) {
                write(to, buffer.flip());
            }
        }
    }

    private static void write(SocketChannel to, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            to.write(bytes);
        }
    }

    /** What a thread does until a connection is closed. */
    @FunctionalInterface
    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                return; // the connection is closed
            }
        }, "remote builder");
        thread.setDaemon(true);
        thread.start();
    }

    /** Cuts what is connected. */
    @Override
    public void close() {
        try {
            server.close();
            for (ByteChannel each : open) {
                each.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
