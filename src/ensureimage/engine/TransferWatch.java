// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Watches a pull or push by what the engine tells of it, an object per step of a layer: how much has come, and since when
 * nothing has.
 */
final class TransferWatch {
    /** What the engine says of a layer once the registry has nothing more to do with it. */
    private static final Set<String> HERE = Set.of("Download complete", "Already exists", "Pull complete", "Extracting",
            "Verifying Checksum", "Pushed", "Layer already exists");
    /** Before the name of the repository that has the layer already. */
    private static final String MOUNTED = "Mounted from ";

    private final RegistryTransfers.Progress progress;
    private final Map<String, String> said = new HashMap<>(); // by layer
    private final Map<String, Long> done = new HashMap<>(); // bytes by layer
    private final Map<String, Long> whole = new HashMap<>();
    private final Map<String, String> states = new HashMap<>();
    private long last = System.nanoTime();
    private boolean answered;

    TransferWatch(RegistryTransfers.Progress progress) {
        this.progress = progress;
    }

    /** Reads one object of the engine's, a JSON text. */
    synchronized void read(String json) {
        Map<String, String> values = HeldImage.values(json);
        String id = values.getOrDefault("/id", "");
        String status = values.getOrDefault("/status", "");
        if (status.isEmpty() || isRetry(status) || json.equals(said.put(id, json))) {
            return; // 28.5 says ten times a second where it is, also if that is where it was
        }
        last = System.nanoTime();
        states.put(id, status);
        if (status.equals("Downloading") || status.equals("Pushing")) {
            done.merge(id, number(values, "/progressDetail/current"), Math::max);
            whole.merge(id, number(values, "/progressDetail/total"), Math::max);
        } else if (isHere(status) && done.containsKey(id)) {
            done.merge(id, whole.get(id), Math::max);
        }
        progress.moved(bytes(), whole.values().stream().mapToLong(each -> each).sum());
    }

    private static long number(Map<String, String> values, String name) {
        String text = values.getOrDefault(name, "");
        return text.matches("\\d{1,18}") ? Long.parseLong(text) : 0;
    }

    /** Reads a line of docker's own. */
    synchronized void readLine(String line) {
        if (!isRetry(line.replaceFirst("^[0-9a-f]{12}: ", ""))) {
            last = System.nanoTime();
            answered = answered || !line.startsWith("The push refers to "); // that comes before anything is asked
        }
    }

    /** Whether a line has come that tells of an answer of the registry. */
    synchronized boolean isAnswered() {
        return answered;
    }

    /** Of the classic store, which counts the seconds down until it tries a push again. */
    private static boolean isRetry(String status) {
        return status.startsWith("Retrying in ");
    }

    /** How many bytes of layers the engine has told of. */
    synchronized long bytes() {
        return done.values().stream().mapToLong(each -> each).sum();
    }

    /** How long nothing has come from the registry; zero while the engine works on what came. */
    synchronized Duration silence() {
        boolean local = states.values().stream().anyMatch(TransferWatch::isHere) && states.entrySet().stream()
                .filter(each -> !each.getKey().isEmpty() && isLayer(each.getKey()))
                .allMatch(each -> isHere(each.getValue()));
        return local ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - last);
    }

    private static boolean isHere(String status) {
        return HERE.contains(status) || status.startsWith(MOUNTED);
    }

    /** A layer's short digest; else it is the tag. */
    private static boolean isLayer(String id) {
        return id.matches("[0-9a-f]{12}");
    }
}
