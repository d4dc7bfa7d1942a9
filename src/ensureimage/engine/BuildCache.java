// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A build's cache in a registry. It changes nothing but the time that a build takes: BuildKit goes on without a cache that it
 * cannot read, and where it waits or fails for it, the build is made again without.
 *
 * @param inline whether the image is to carry its cache for others
 * @param from an image that carries one, by a tag or a digest
 * @param silence how long the registry may say nothing
 */
public record BuildCache(boolean inline, Optional<String> from, Duration silence) {
    /** None. */
    public static final BuildCache NONE = new BuildCache(false, Optional.empty(), Duration.ZERO);
    /** A step of a Dockerfile that failed by itself; any other failure may be the cache's. */
    private static final Pattern OWN_FAILURE = Pattern.compile(".*failed to solve: process \".*");

    /** As {@code docker build} of buildx takes them. */
    List<String> options() {
        List<String> options = new ArrayList<>();
        if (inline) {
            options.addAll(List.of("--cache-to", "type=inline"));
        }
        from.ifPresent(image -> options.addAll(List.of("--cache-from", "type=registry,ref=" + image)));
        return options;
    }

    /** The same, but it is only written. */
    BuildCache withoutSource() {
        return new BuildCache(inline, Optional.empty(), silence);
    }

    /** Whether a failed build might have succeeded without this cache. */
    boolean isSuspect(Processes.Finished build) {
        return from.isPresent() && build.status() != 0
                && !OWN_FAILURE.matcher(BuildOutput.lastLine(build.err())).matches();
    }

    /** Watches a build's plain output for what waits for a registry. What a step prints has the time after its number. */
    final class Watch {
        private static final Pattern BEGINS = Pattern.compile("#(\\d+) (?:importing cache manifest from "
                + "|sha256:[0-9a-f]{64} [^/]+ / ).*");
        private static final Pattern ENDS = Pattern.compile("#(\\d+) (?:DONE|ERROR|CACHED|extracting|"
                + "inferred cache manifest type|sha256:[0-9a-f]{64} .* done).*");
        private final Set<String> waiting = new HashSet<>();
        private long last = System.nanoTime();

        synchronized void read(String line) {
            last = System.nanoTime();
            Matcher ends = ENDS.matcher(line);
            Matcher begins = BEGINS.matcher(line);
            if (ends.matches()) {
                waiting.remove(ends.group(1));
            } else if (begins.matches()) {
                waiting.add(begins.group(1));
            }
        }

        /** How much time the registry has left. */
        synchronized Duration left() {
            return waiting.isEmpty() ? silence : silence.minusNanos(System.nanoTime() - last);
        }
    }
}
