// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpServer;
import ensureimage.Version;
import ensureimage.testing.Checkout;
import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A release as the workflow makes it, of a clone that is ready for its tag. All tests share one. */
final class ReleaseFiles {
    static final String TAG = "v" + Version.TEXT;
    static final String REPOSITORY = "team/ensure_image";
    /** A server that does not exist. */
    static final String SERVER = "https://git.example";
    private static final String MAKE = "Make what is released";
    private static final Duration LIMIT = Duration.ofMinutes(20);

    private static final int SMALL = 100_000;

    /** The folder of JBang: what it keeps of these clones is removed with them. */
    private static final Path JBANG = Harness.newFolder();

    private static ReleaseFiles shared;

    /** The clone. */
    final Path checkout;

    private ReleaseFiles(Path checkout) {
        this.checkout = checkout;
    }

    static synchronized ReleaseFiles shared() throws IOException {
        if (shared == null) {
            ReleaseFiles made = new ReleaseFiles(ready());
            made.step(MAKE).run().succeeded();
            shared = made;
        }
        return shared;
    }

    /** A git repository of its own, whose CHANGELOG.md has the version that Version.java says. */
    private static Path ready() throws IOException {
        Path checkout = Checkout.copy();
        Path changes = checkout.resolve("CHANGELOG.md");
        Files.writeString(changes, Files.readString(changes).replace("\n## Unreleased\n",
                "\n## Unreleased\n\n## " + Version.TEXT + " - 2001-02-03\n"));
        Programs.require("git", "git");
        for (List<String> line : List.of(List.of("init", "--quiet"), List.of("add", "."),
                List.of("-c", "user.name=A", "-c", "user.email=a@git.example", "commit", "--quiet", "-m", "A"))) {
            Harness.command(Stream.concat(Stream.of("git", "-C", checkout.toString()), line.stream())
                    .toArray(String[]::new)).run().succeeded();
        }
        return checkout;
    }

    /** What is published, by its name. */
    Path file(String name) {
        return checkout.resolve("dist").resolve(name);
    }

    /** A step of the workflow, as in its job. */
    Harness.Command step(String name) throws IOException {
        return inJob(WorkflowsTest.bash(WorkflowsTest.run("workflows/release.yml", name)));
    }

    /** Where releases can be had, until it is closed. */
    record Server(HttpServer server) implements AutoCloseable {
        /** Of the folder that has a folder for each tag. */
        String address() {
            return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + REPOSITORY + "/releases/download";
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }

    Server serve() throws IOException {
        return serve(content -> content);
    }

    /** As if another jar had been put in its place. */
    Server serveWrongJar() throws IOException {
        return serve(content -> content.length < SMALL ? content : Arrays.copyOf(content, content.length + 1));
    }

    private Server serve(UnaryOperator<byte[]> change) throws IOException {
        Server server = new Server(
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0));
        String above = "/" + REPOSITORY + "/releases/download/" + TAG + "/";
        server.server.createContext(above, exchange -> {
            try (exchange) {
                Path file = file(exchange.getRequestURI().getPath().substring(above.length()));
                byte[] content = Files.exists(file) ? change.apply(Files.readAllBytes(file)) : new byte[0];
                exchange.sendResponseHeaders(Files.exists(file) ? 200 : 404, content.length == 0 ? -1 : content.length);
                exchange.getResponseBody().write(content);
            }
        });
        server.server.start();
        return server;
    }

    /** The command of the project, with these arguments. */
    Harness.Command command(String... arguments) {
        return inJob(Harness.command(Stream.concat(Stream.of("./jbangw", "release/release.java"), Stream.of(arguments))
                .toArray(String[]::new)));
    }

    private Harness.Command inJob(Harness.Command command) {
        Path java = java17();
        return command.in(checkout).timeout(LIMIT).env("TAG", TAG).env("GITHUB_SERVER_URL", SERVER)
                .env("GITHUB_REPOSITORY", REPOSITORY).env("JBANG_DIR", JBANG).env("JAVA_HOME", java)
                .env("PATH", java.resolve("bin") + ":" + System.getenv("PATH"));
    }

    /** The home of a JDK 17, by which releases are made; each newer one makes classes that it cannot run. */
    private static Path java17() {
        return Stream.of(Optional.of(Path.of(System.getProperty("java.home"))).filter(own -> feature() == 17),
                Optional.ofNullable(System.getenv("JAVA_HOME_17_X64")).map(Path::of), installed())
                .flatMap(Optional::stream).findFirst().orElseGet(() -> {
                    Programs.install("openjdk-17-jdk-headless");
                    return installed().orElseThrow();
                });
    }

    private static int feature() {
        return Runtime.version().feature();
    }

    private static Optional<Path> installed() {
        return homes().stream().filter(home -> home.getFileName().toString().contains("17")).findFirst();
    }

    /** The JDKs of the machine. */
    static List<Path> homes() {
        Path all = Path.of("/usr/lib/jvm");
        if (!Files.isDirectory(all)) {
            return List.of();
        }
        try (Stream<Path> homes = Files.list(all)) {
            return homes.filter(home -> !Files.isSymbolicLink(home))
                    .filter(home -> Files.isExecutable(home.resolve("bin/javac"))).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
