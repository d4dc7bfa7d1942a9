// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * Watches the client that started its plugin. A docker that is told to end does not pass the signal on: it closes a socket
 * that the plugin is to watch, and waits for the plugin (docker/cli {@code cli-plugins/socket}). The socket has an abstract
 * name, which Java cannot connect to; the kernel's list says when it is gone.
 */
public final class ClientWatch {
    private static final String SOCKET = "DOCKER_CLI_PLUGIN_SOCKET";
    private static final Path LIST = Path.of("/proc/net/unix");
    private static final Duration PAUSE = Duration.ofMillis(200);

    private ClientWatch() {
    }

    /** Watches from now on, if docker has such a socket. @param gone what is to be done when docker is told to end */
    public static void start(Map<String, String> environment, Runnable gone) {
        String name = environment.getOrDefault(SOCKET, "");
        if (name.startsWith("@")) {
            Thread thread = new Thread(() -> watch(name, gone), "watches docker");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static void watch(String name, Runnable gone) {
        try {
            for (boolean seen = false;;) {
                Thread.sleep(PAUSE.toMillis());
                boolean there = Files.readString(LIST, StandardCharsets.ISO_8859_1).contains(name);
                if (seen && !there) {
                    gone.run();
                    return;
                }
                seen |= there;
            }
        } catch (IOException | InterruptedException e) {
            return; // not Linux, or another user's network
        }
    }
}
