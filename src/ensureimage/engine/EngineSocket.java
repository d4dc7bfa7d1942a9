// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.Reference;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
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
public record EngineSocket(Path path) {
    /** The default of docker on Linux ({@code opts/hosts.go}). */
    private static final EngineSocket DEFAULT = new EngineSocket(Path.of("/var/run/docker.sock"));
    private static final String UNIX = "unix://";
    private static final byte[] ELF = {0x7f, 'E', 'L', 'F'};

    /** Of a version of the API that the engine does not have, not of an image. */
    private static final String NO_SUCH_PAGE = "page not found";
    private static final String OK = "200";
    private static final String CREATED = "201";
    private static final String FIRST_ERROR = "400";
    /** With no character that would have to be quoted, as only a registry's IPv6 address has. */
    private static final Pattern PLAIN = Pattern.compile("(?:GET|POST|DELETE) [A-Za-z0-9._/:@?=&-]+");

    // ---- Finding it

    /** The one that {@code docker} would use in this environment; empty if that is none, or cannot be told for sure. */
    public static Optional<EngineSocket> find(String command, Map<String, String> environment) {
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
        if (!environment.getOrDefault("DOCKER_CONTEXT", "").isEmpty() || ClientConfig.folder(environment).isEmpty()) {
            return false;
        }
        try {
            return ClientConfig.read(environment).currentContext().isEmpty()
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

    // ---- Asking it

    /**
     * What the engine holds under these names; without those that it says are not there, or not whole.
     *
     * @return empty if not all is understood
     */
    public Optional<Map<String, HeldImage>> images(Collection<String> names, Duration limit)
            throws TimeoutException, InterruptedException {
        List<String> asked = List.copyOf(names);
        List<HttpExchange.Response> responses =
                ask(asked.stream().map(name -> "GET /images/" + name + "/json").toList(), limit);
        Map<String, HeldImage> images = new HashMap<>();
        for (int i = 0; i < responses.size(); i++) {
            Optional<HeldImage> image = image(responses.get(i));
            if (image.isPresent()) {
                images.put(asked.get(i), image.get());
            } else if (error(responses.get(i)).filter(KnownLine::saysMissing).isEmpty()) {
                return Optional.empty();
            }
        }
        return Optional.of(images).filter(all -> !responses.isEmpty());
    }

    /** What the engine builds for by itself, such as {@code linux/amd64}; empty if that is not understood. */
    public Optional<String> platform(Duration limit) throws TimeoutException, InterruptedException {
        return ask(List.of("GET /version"), limit).stream().filter(response -> response.status().equals(OK))
                .map(response -> HeldImage.values(response.body()))
                .map(values -> Platform.join(values.getOrDefault("/Os", ""), values.getOrDefault("/Arch", ""), ""))
                .filter(platform -> !platform.isEmpty()).findFirst();
    }

    /** Gives an image the name, and ends as {@code docker tag} would; empty if the answer is not understood. */
    public Optional<Processes.Finished> tag(String id, Reference reference, Duration limit)
            throws TimeoutException, InterruptedException {
        long start = System.nanoTime();
        List<HttpExchange.Response> responses =
                ask(List.of("POST /images/" + id + "/tag?repo=" + reference.name() + "&tag="
                        + reference.tag()), limit);
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        return responses.stream().findFirst().flatMap(response -> response.status().equals(CREATED)
                ? Optional.of(new Processes.Finished(0, List.of(), List.of(), took))
                : error(response).map(line -> new Processes.Finished(1, List.of(), List.of(line), took)));
    }

    /** Takes these names from their images; empty if the answers are not understood. */
    Optional<Boolean> untag(Collection<String> names, Duration limit) throws TimeoutException, InterruptedException {
        return ask(names.stream().map(name -> "DELETE /images/" + name).toList(), limit).isEmpty() ? Optional.empty()
                : Optional.of(true);
    }

    /** All at once; no response at all if there is one that is not understood. */
    private List<HttpExchange.Response> ask(List<String> requests, Duration limit)
            throws TimeoutException, InterruptedException {
        return requests.stream().allMatch(request -> PLAIN.matcher(request).matches())
                ? HttpExchange.exchangeAll(path, requests, limit)
                : List.of();
    }

    private static Optional<HeldImage> image(HttpExchange.Response response) {
        return response.status().equals(OK) ? HeldImage.parse(response.body()) : Optional.empty();
    }

    /** The line that docker would print. */
    private static Optional<String> error(HttpExchange.Response response) {
        return Optional.of(response).filter(failed -> failed.status().compareTo(FIRST_ERROR) >= 0)
                .map(failed -> HeldImage.values(failed.body()).get("/message"))
                .filter(message -> !message.equals(NO_SUCH_PAGE))
                .map(message -> "Error response from daemon: " + message);
    }
}
