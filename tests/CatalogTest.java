// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The scripts as they are started without a checkout: from an address, and as a jar. */
class CatalogTest {

    private static final List<String> SCRIPTS = List.of("ensure_image", "race_repro", "with_docker");

    @Test
    void everyAliasRunsFromAnAddressWithAnEmptyHome() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", CatalogTest::serve);
        server.start();
        try {
            String catalog = "http://127.0.0.1:" + server.getAddress().getPort() + "/jbang-catalog.json";
            Path home = Harness.newFolder();
            for (String script : SCRIPTS) {
                Harness.Result result = Harness.jbangw(script + "@" + catalog, "--version").env("HOME", home)
                        .without("XDG_CACHE_HOME", "JBANG_DIR", "JBANG_CACHE_DIR").in(home).run().succeeded();
                assertEquals(script + " " + Version.TEXT, result.out().strip().replace(" (script)", ""),
                        result.toString());
            }
        } finally {
            server.stop(0);
        }
    }

    /** Files of the checkout's root and images/: what an address of raw files has. */
    private static void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            Path root = Harness.root();
            Path file = root.resolve(exchange.getRequestURI().getPath().substring(1)).normalize();
            boolean there = file.startsWith(root) && Files.isRegularFile(file);
            byte[] content = there ? Files.readAllBytes(file) : new byte[0];
            exchange.sendResponseHeaders(there ? 200 : 404, there ? content.length : -1);
            if (there) {
                exchange.getResponseBody().write(content);
            }
        }
    }

    @Test
    void anExportedJarNeedsNoJbang() {
        Path jar = Harness.newFolder().resolve("ensure_image.jar");
        Harness.jbangw("export", "fatjar", "--output", jar.toString(), "ensure_image.java").run().succeeded();
        Workbench bench = Workbench.ofToday();
        bench.write("images/exported/Dockerfile", "FROM busybox\n");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Harness.Result result =
                bench.command(java, "-jar", jar.toString(), "--format", "json", "exported").run().succeeded();
        assertTrue(result.out().contains("\"outcome\":\"built\""), result.toString());
        assertEquals("exported:latest: building from images/exported\n", result.err());

        Harness.Result mistake = bench.command(java, "-jar", jar.toString(), "exported", "--format").run().expect(2);
        assertTrue(mistake.err().endsWith("\nSee: java -jar " + jar + " --help\n"), mistake.toString());
    }
}
