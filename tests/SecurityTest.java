// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ensureimage.testing.Workbench;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing that a user names is taken for an option, a command or a place elsewhere; on a real engine. */
class SecurityTest {

    private final String app = "security-" + UUID.randomUUID().toString().substring(0, 8);
    private Workbench bench;

    @BeforeEach
    void openABench() {
        bench = Workbench.ofToday();
    }

    /** {@code -} would be the context on stdin, the others a place in the network, options, or commands to a shell. */
    @ParameterizedTest
    @ValueSource(strings = {"-", "--help", "github.com/x", "$(touch pwned);touch pwned", "a\nb'\"\\", "="})
    void aFolderOfAnyNameIsAFolder(String name) throws IOException {
        bench.write(name + "/file", name);
        bench.write(name + "/Dockerfile", "FROM busybox\nCOPY file /file\n");
        bench.ensure(app + "=" + name).succeeded();
        assertEquals(name, bench.docker("run", "--rm", app, "cat", "/file").succeeded().out());
        bench.write("context/file", "context");
        bench.ensure(app + "=context", "--file=./" + name + "/Dockerfile").succeeded();
        assertEquals("context", bench.cat(app, "/file"));
        assertFalse(Files.exists(bench.folder.resolve("pwned")));
    }

    @Test
    void noValueIsTakenForAnOptionOrACommand() throws IOException {
        Path log = bench.folder.resolve("log");
        Path client = bench.client("for word; do printf '%s\\0' \"$word\"; done >> " + log + "\nexec "
                + bench.client() + " \"$@\"\n");
        bench.write("Dockerfile", "FROM busybox AS one\nARG A\nARG B\nRUN echo \"$A\" \"$B\" > /args\n");
        bench.ensure(app + "=.", "--docker", client.toString(), "--build-arg=A=--help", "--build-arg=B=$(touch /pwned)")
                .succeeded();
        assertEquals("--help $(touch /pwned)", bench.cat(app, "/args"));
        bench.ensure(app + "=.", "--docker", client.toString(), "--target=--push").expect(10);
        bench.ensure(app + "=.", "--docker", client.toString(), "--platform=--push").expect(10);
        bench.ensure(app + "=.", "--build-arg=--label=stolen=x").succeeded();
        assertEquals("", bench.docker("image", "inspect", app, "--format", "{{index .Config.Labels \"stolen\"}}")
                .succeeded().out().strip());
        String options = Files.readString(log);
        assertEquals(-1, options.indexOf("\0--help\0"), "A's value is no word of its own");
    }
}
