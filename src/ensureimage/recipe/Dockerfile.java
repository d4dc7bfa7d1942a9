// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * What a Dockerfile says that the build of its target needs. Stages that the target does not need are left out, if the
 * builder leaves them out.
 */
public final class Dockerfile {
    private final byte[] content;
    private final List<FileStat> stats;
    private final Stage needs;
    private final Collection<String> contexts;

    private Dockerfile(byte[] content, List<FileStat> stats, BuildOptions options, BuilderKind builder) {
        this.content = content;
        this.stats = stats;
        this.needs = new DockerfileReader(options, builder).read(text());
        this.contexts = contexts(options);
    }

    /** Reads a content; never fails, whatever it is. */
    public static Dockerfile parse(byte[] content, BuildOptions options, BuilderKind builder) {
        return new Dockerfile(content, List.of(), options, builder);
    }

    static Dockerfile read(Recipe recipe, BuilderKind builder) {
        if (recipe.dockerfile() instanceof DockerfileSource.Given given) {
            return parse(given.content(), recipe.options(), builder);
        }
        Path file = ((DockerfileSource.InFile) recipe.dockerfile()).path();
        try {
            List<FileStat> before = List.of(FileStat.read(file), FileStat.read(file.toRealPath()));
            return new Dockerfile(Files.readAllBytes(file), before, recipe.options(), builder);
        } catch (IOException e) {
            throw new UnreadableFile(file, e);
        }
    }

    /** The main context, and those with files. */
    private static Collection<String> contexts(BuildOptions options) {
        List<String> names = new ArrayList<>(List.of(Coverage.MAIN));
        options.namedContexts().forEach((name, context) -> {
            if (context.kind() == NamedContext.Kind.FOLDER || context.kind() == NamedContext.Kind.LAYOUT) {
                names.add(name);
            }
        });
        return names;
    }

    /**
     * The prediction of what the build sees: never less than it does.
     *
     * @param triggered whether an image that it builds on, see {@link #parents}, may have ONBUILD instructions: they see
     *        whatever they like
     */
    public Coverage coverage(boolean triggered) {
        return !needs.certain || triggered ? Coverage.whole(contexts) : new Coverage(needs.sources, false);
    }

    /** Whether the build sees neither more nor less than {@code coverage(false)}. */
    public boolean isCertain() {
        return needs.certain && needs.certainSources;
    }

    /** Images that it builds on, copies from, or mounts, variables replaced; one with a variable that is not known has it. */
    public SortedSet<String> bases() {
        return Collections.unmodifiableSortedSet(needs.images);
    }

    /** Those of the {@link #bases} that it builds on, whose ONBUILD instructions it runs. */
    public SortedSet<String> parents() {
        return Collections.unmodifiableSortedSet(needs.parents);
    }

    /** Whether it has ONBUILD instructions, which see the context of what is built on its image. */
    public boolean triggers() {
        return !needs.triggers.isEmpty();
    }

    /**
     * What the build takes from places that cannot be looked up, so that only a build can tell whether it is the same: URLs
     * without checksum, branches of git repositories, remote named contexts, a foreign frontend. As written, for people.
     */
    public SortedSet<String> unknowable() {
        return Collections.unmodifiableSortedSet(needs.unknowable);
    }

    /**
     * Of these build arguments, those that the build sees.
     *
     * @param all whether every argument counts
     */
    public SortedMap<String, String> counted(SortedMap<String, String> arguments, boolean all) {
        SortedMap<String, String> counted = new TreeMap<>(arguments);
        if (!all && needs.certain) {
            counted.keySet().removeIf(
                    name -> !needs.arguments.contains(name) && !InputTable.alwaysCounts(name));
        }
        return counted;
    }

    byte[] content() {
        return content;
    }

    /** The content as a byte string. */
    String text() {
        return new String(content, StandardCharsets.ISO_8859_1);
    }

    /** Of the file and of what it links to, before it was read. */
    List<FileStat> stats() {
        return stats;
    }
}
