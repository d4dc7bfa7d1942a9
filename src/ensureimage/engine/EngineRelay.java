// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Between a client and its engine: hands every byte on, both ways, and lets a listener read what the engine answers. So it
 * is known how far a pull is: without a terminal the client prints nothing of that.
 */
final class EngineRelay implements AutoCloseable {
    private static final int BUFFER = 64 * 1024;
    private static final int LONGEST_LINE = 64 * 1024;

    private final Path engine;
    private final Consumer<String> lines;
    private final ServerSocketChannel server;
    private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

    /**
     * Listens until it is closed.
     *
     * @param address where clients reach it: a file that is not there yet, in a folder that only this user can enter
     * @param engine the engine's socket
     * @param lines gets each line that the engine answers and that begins with a brace, from several threads
     * @throws IOException if nothing can listen there, as when the path is too long
     */
    EngineRelay(Path address, Path engine, Consumer<String> lines) throws IOException {
        this.engine = engine;
        this.lines = lines;
        this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(address));
        } catch (IOException | IllegalArgumentException e) {
            server.close();
            throw new IOException(e);
        }
        start(this::accept);
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "relay");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel client = server.accept();
                open.add(client);
                SocketChannel upstream = SocketChannel.open(StandardProtocolFamily.UNIX);
                open.add(upstream);
                if (!server.isOpen()) { // it was closed before these two were known
                    close();
                }
                connect(client, upstream);
            }
        } catch (IOException e) {
            close(); // it is closed, or out of file descriptors: the client's call fails
        }
    }

    private void connect(SocketChannel client, SocketChannel upstream) {
        try {
            upstream.connect(UnixDomainSocketAddress.of(engine));
        } catch (IOException | IllegalArgumentException e) {
            end(client);
            end(upstream);
            return;
        }
        start(() -> copy(client, upstream, null));
        start(() -> {
            copy(upstream, client, new Lines());
            end(client);
            end(upstream);
        });
    }

    /** @param reader of what is copied, or null */
    private void copy(SocketChannel from, SocketChannel to, Lines reader) {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        try {
            while (from.read(buffer.clear()) >= 0) {
                buffer.flip();
                if (reader != null) {
                    reader.read(buffer.duplicate());
                }
                while (buffer.hasRemaining()) {
                    to.write(buffer);
                }
            }
            to.shutdownOutput();
        } catch (IOException e) {
            end(from);
            end(to);
        }
    }

    private void end(SocketChannel channel) {
        try {
            open.remove(channel);
            channel.close();
        } catch (IOException e) {
            // It is closed all the same.
        }
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            // The same.
        }
        open.forEach(this::end);
    }

    /** Between the engine's objects are the headers and chunk sizes of HTTP, each on lines of its own. */
    private final class Lines {
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();

        void read(ByteBuffer bytes) {
            while (bytes.hasRemaining()) {
                byte next = bytes.get();
                if (next != '\n') {
                    line.write(next);
                }
                if (next == '\n' || line.size() == LONGEST_LINE) {
                    String text = line.toString(StandardCharsets.UTF_8).strip();
                    line.reset();
                    if (text.startsWith("{")) {
                        lines.accept(text);
                    }
                }
            }
        }
    }
}
