// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A folder as a build sees it: nothing outside it, links followed as if it were the root, ignored files out.
 *
 * @param mustBeReadable whether a folder that may not be read is a flaw; otherwise it is as if it were empty
 * @param moment at which it is looked at
 */
record ContextTree(ContextNode root, IgnoreFile ignore, boolean mustBeReadable, Moment moment) {
    /** Of a path still to go: a link like {@code a -> a/a} makes it longer and longer. */
    private static final int MOST_NAMES = 255;

    static ContextTree in(Path folder, IgnoreFile ignore, boolean mustBeReadable, Moment moment) {
        try {
            Path real = folder.toRealPath();
            return new ContextTree(new ContextNode(Optional.empty(), "", real, FileStat.read(real), ignore.start()),
                    ignore, mustBeReadable, moment);
        } catch (IOException e) {
            throw new UnreadableFile(folder, e);
        }
    }

    /** Everything that copying a source can see, by path. */
    Map<String, ContextNode> covered(String source) {
        Map<String, ContextNode> covered = new HashMap<>();
        resolve(root, List.of(source.substring(1).split("/")), new HashSet<>(), found -> addBelow(found, covered));
        covered.remove(root.path());
        return covered;
    }

    /** The node at the end of a path, if there is one, after the links on the way. */
    List<ContextNode> walk(String path) {
        List<ContextNode> found = new ArrayList<>();
        resolve(root, List.of(path), new HashSet<>(), found::add);
        return found;
    }

    /** A node and what it holds. An ignored folder counts if something below it does not: BuildKit makes it then. */
    private void addBelow(ContextNode top, Map<String, ContextNode> covered) {
        Map<String, ContextNode> below = covered.isEmpty() ? covered : new HashMap<>();
        if (!top.decision().excluded()) {
            below.put(top.path(), top);
        }
        for (List<ContextNode> folders = List.of(top); !folders.isEmpty();) {
            List<List<ContextNode>> level = folders.parallelStream().map(this::children).toList();
            folders = new ArrayList<>();
            for (List<ContextNode> children : level) {
                for (ContextNode child : children) {
                    if (child.stat().isFolder()) {
                        folders.add(child);
                    }
                    ContextNode node = child;
                    while (!child.decision().excluded() && below.putIfAbsent(node.path(), node) == null
                            && node != top) {
                        node = node.above().orElseThrow();
                    }
                }
            }
        }
        if (below != covered) {
            covered.putAll(below);
        }
    }

    /**
     * Goes along a path, passing on the links on the way and what is at its end, if that exists. BuildKit sometimes
     * cleans a link's target before following it and sometimes not, so both ways are gone.
     */
    private void resolve(ContextNode at, List<String> rest, Set<List<String>> passed, Consumer<ContextNode> found) {
        if (at.stat().isLink()) {
            found.accept(at);
            List<String> step = new ArrayList<>(List.of(at.path()));
            step.addAll(rest);
            if (step.size() > MOST_NAMES || !passed.add(step)) {
                return;
            }
            String target = at.target();
            for (String way : Set.copyOf(List.of(target, ByteStrings.cleanPath(target)))) {
                List<String> onward = new ArrayList<>();
                for (String name : way.split("/")) {
                    onward.add("/" + name); // the slash: a name, never a wildcard
                }
                onward.addAll(rest);
                resolve(target.startsWith("/") ? root : at.above().orElseThrow(), onward, passed, found);
            }
        } else if (rest.isEmpty()) {
            found.accept(at);
        } else if (rest.get(0).matches("(?s)[^/]*[*?\\[].*")) {
            IgnorePattern pattern = IgnorePattern.parse(rest.get(0));
            // what they mean in ignore files only
            boolean any = !pattern.isCertain() || rest.get(0).matches("(?s)!.*|.*\\^.*");
            for (ContextNode child : children(at)) {
                if (any || pattern.matches(child.name())) {
                    resolve(child, rest.subList(1, rest.size()), passed, found);
                }
            }
        } else {
            next(at, rest.get(0).replace("/", ""))
                    .ifPresent(next -> resolve(next, rest.subList(1, rest.size()), passed, found));
        }
    }

    private Optional<ContextNode> next(ContextNode at, String name) {
        return switch (name) {
            case "", "." -> Optional.of(at);
            case ".." -> Optional.of(at.above().orElse(root));
            default -> child(at, Moment.Child.look(ByteStrings.resolve(at.file(), name)));
        };
    }

    private List<ContextNode> children(ContextNode folder) {
        if (!folder.stat().isFolder() || folder.decision().pruned()) {
            return List.of();
        }
        Moment.Listing listing = moment.list(folder.file());
        List<ContextNode> children = new ArrayList<>(listing.children().size());
        for (Moment.Child each : listing.children()) {
            child(folder, each).ifPresent(children::add);
        }
        if (listing.failure().isPresent()) {
            IOException cause = listing.failure().get();
            boolean expected = cause instanceof AccessDeniedException && !mustBeReadable;
            if (!folder.decision().excluded() && !expected) {
                throw new UnreadableFile(folder.file(), cause);
            }
        }
        return children;
    }

    /** Empty if it does not exist, or no longer. */
    private Optional<ContextNode> child(ContextNode folder, Moment.Child child) {
        if (child.failure() == null) {
            FileStat stat = child.stat();
            String path = folder.inside(ByteStrings.nameOf(child.file()));
            return Optional.of(new ContextNode(Optional.of(folder), path, child.file(), stat,
                    ignore.judge(path, stat.isFolder(), folder.decision())));
        }
        if (child.failure() instanceof AccessDeniedException && mustBeReadable) {
            throw new UnreadableFile(child.file(), child.failure());
        }
        return Optional.empty();
    }
}
