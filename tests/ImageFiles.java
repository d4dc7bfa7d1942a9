// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import ensureimage.engine.EngineSocket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What files in images say. They are copied out of a container that never runs: docker can lose what a short one prints
 * (moby/moby#27289). It is done by the engine's API at its Unix socket: tests read many files, and {@code docker} would have to
 * be started three times for each.
 */
public final class ImageFiles {

    /** The label of containers that only serve to read a file. */
    public static final String READER = "ensure_image.test=reader";
    /** In place of the content of a file that an image does not have. */
    public static final String NO_FILE = "no such file";

    private static final String API = "/v1.41"; // of Docker 20.10 and later
    private static final String END_OF_HEAD = "\r\n\r\n";
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] (\\d+) ");
    private static final Pattern ID = Pattern.compile("\"Id\":\"([0-9a-f]+)\"");
    private static final int CREATED = 201;
    private static final int OK = 200;
    private static final int TAR_BLOCK = 512;
    private static final int TAR_SIZE = 124;
    private static final int TAR_SIZE_LENGTH = 11;
    private static final int BUFFER = 1 << 14;

    private final Path socket;

    private ImageFiles(Path socket) {
        this.socket = socket;
    }

    /**
     * What a file in an image says, without the blanks around, or {@link #NO_FILE}; empty if there is no image, or no engine.
     *
     * @param environment tells the engine: {@code DOCKER_HOST}
     */
    public static Optional<String> read(String image, String file, Map<String, String> environment) {
        ImageFiles engine = new ImageFiles(EngineSocket.find("docker", environment).orElseThrow().path());
        try {
            return engine.read(image, file);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private Optional<String> read(String image, String file) throws IOException {
        String[] label = READER.split("=");
        Response created = ask("POST /containers/create", String.format(
                "{\"Image\": \"%s\", \"Cmd\": [\"none\"], \"Labels\": {\"%s\": \"%s\"}, "
                        + "\"HostConfig\": {\"NetworkMode\": \"none\"}}",
                image, label[0], label[1]));
        Matcher id = ID.matcher(created.text());
        if (created.status != CREATED || !id.find()) {
            return Optional.empty();
        }
        try {
            Response archive = ask("GET /containers/" + id.group(1) + "/archive?path="
                    + URLEncoder.encode(file, StandardCharsets.UTF_8), "");
            if (archive.text().contains("Could not find the file")) {
                return Optional.of(NO_FILE);
            }
            return archive.status == OK ? Optional.of(archive.firstFile().strip()) : Optional.empty();
        } finally {
            ask("DELETE /containers/" + id.group(1) + "?force=1", "");
        }
    }

    /** By HTTP/1.0 a response ends with its connection. */
    private Response ask(String request, String json) throws IOException {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            channel.write(StandardCharsets.UTF_8.encode(request.replaceFirst(" ", " " + API)
                    + " HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: "
                    + json.getBytes(StandardCharsets.UTF_8).length + END_OF_HEAD + json));
            ByteArrayOutputStream received = new ByteArrayOutputStream();
            ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
            while (channel.read(buffer.clear()) >= 0) {
                received.write(buffer.array(), 0, buffer.position());
            }
            return Response.of(received);
        }
    }

    private record Response(int status, byte[] body) {

        static Response of(ByteArrayOutputStream received) throws IOException {
            String text = received.toString(StandardCharsets.ISO_8859_1); // a character is a byte
            Matcher status = STATUS.matcher(text);
            int end = text.indexOf(END_OF_HEAD);
            if (end < 0 || !status.lookingAt()) {
                throw new IOException("no response: " + text);
            }
            return new Response(Integer.parseInt(status.group(1)),
                    text.substring(end + END_OF_HEAD.length()).getBytes(StandardCharsets.ISO_8859_1));
        }

        String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        /** What the first file of a tar archive says. */
        String firstFile() {
            String size = new String(body, TAR_SIZE, TAR_SIZE_LENGTH, StandardCharsets.US_ASCII);
            return new String(body, TAR_BLOCK, Integer.parseInt(size, 8), StandardCharsets.UTF_8);
        }
    }
}
