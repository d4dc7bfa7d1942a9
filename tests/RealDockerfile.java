// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import ensureimage.EnsureImage;
import ensureimage.NotEnsured;
import ensureimage.Status;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** One Dockerfile with its context: what docker build sees of it, and what ensure_image says. */
public final class RealDockerfile {
    private static final int MOST_REPAIRS = 60;
    private static final Pattern NO_BASE = Pattern.compile("failed to resolve source metadata for (\\S+):");
    private static final Pattern NO_FILE =
            Pattern.compile("\"(/[^\"]*)\": not found|(?:lstat|open) (/\\S+): no such file");
    private static final Pattern FAILED_STEP = Pattern.compile("(?m)^ > \\[[^\\]]*\\] (.*):$");
    private static final Pattern NO_PROGRAM = Pattern.compile("exec: \"([^\"]+)\": ");
    private static final Pattern NO_USER =
            Pattern.compile("(?:unable to find (?:user|group)|can't find [ug]id for (?:user|group)) ([\\w-]+)");
    private static final Pattern STEP = Pattern.compile("#(\\d+) \\[[^\\]]*\\d+/\\d+\\] (?!FROM ).*");
    private static final Pattern DONE = Pattern.compile("#(\\d+) DONE .*");
    private static final Pattern CACHED = Pattern.compile("#(\\d+) CACHED");

    /** What came of a change. */
    public enum Kind {
        /** Both said the same. */
        RIGHT,
        /** The build sees it, and the check said that the image is current. */
        FALSE_SUCCESS,
        /** The build does not see it, and the check said that the image is stale. */
        FALSE_STALE,
        /** docker build works, and ensure_image failed. */
        FALSE_FAILURE
    }

    /** @param what was changed */
    public record Answer(Kind kind, String what) {
        @Override
        public String toString() {
            return kind + ": " + what;
        }
    }

    /** What a build by docker itself made. @param ran whether a step was not in the cache */
    private record Truth(Harness.Result result, String id, boolean ran) {
    }

    private final Workbench bench;
    private final StubImage stub;
    private final Path original;
    private final Path context;
    private final Path dockerfile;
    private final EnsureImage ensurer;
    private Optional<String> refusal = Optional.empty();

    /** @param dockerfile within the context */
    public RealDockerfile(Workbench bench, StubImage stub, Path context, Path dockerfile) throws IOException {
        this.bench = bench;
        this.stub = stub;
        this.original = context.resolve(dockerfile);
        this.context = Harness.newFolder().resolve("context-" + UUID.randomUUID());
        copy(context, this.context);
        this.dockerfile = this.context.resolve(dockerfile);
        this.ensurer = EnsureImage.using(bench.client(), bench.environment());
        String text = Files.readString(this.dockerfile);
        Files.writeString(this.dockerfile, text.replaceAll("@sha256:[0-9a-f]{64}", "") // no stub has that digest
                .replaceFirst("(?im)\\A((?:#.*\\n)*)#\\s*syntax\\s*=.*\\n", "$1")); // nor can another frontend be fetched
    }

    /** Why docker build fails, whatever the stub has. */
    public Optional<String> refusal() {
        return refusal;
    }

    @Override
    public String toString() {
        return original.toString();
    }

    /** Builds, then changes so many files, one at a time, and adds some. */
    public List<Answer> tryChanges(int most) throws IOException {
        Optional<Truth> first = buildWithRepairs();
        if (first.isEmpty()) {
            return List.of();
        }
        Truth before = build();
        if (before.ran || !before.id.equals(first.get().id)) {
            refusal = Optional.of("it makes another image each time");
            return List.of();
        }
        List<Answer> answers = new ArrayList<>();
        try {
            Recipe recipe = recipe();
            ensurer.ensure(recipe);
            for (Path file : candidates(most)) {
                answers.add(change(recipe, before, file));
            }
        } catch (NotEnsured | RecipeException e) {
            answers.add(new Answer(Kind.FALSE_FAILURE, e.toString()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
        return answers;
    }

    private Recipe recipe() throws RecipeException {
        return new Recipe(Reference.parse("real-" + UUID.randomUUID()), context,
                new DockerfileSource.InFile(dockerfile), BuildOptions.NONE, Collections.emptySortedMap());
    }

    private Answer change(Recipe recipe, Truth before, Path file) throws IOException, InterruptedException {
        boolean added = !Files.exists(file);
        byte[] content = added ? new byte[0] : Files.readAllBytes(file);
        FileTime time = added ? null : Files.getLastModifiedTime(file);
        String what = (added ? "added " : "changed ") + context.relativize(file);
        try {
            Files.write(file, "\nchanged\n".getBytes(), StandardOpenOption.APPEND, StandardOpenOption.CREATE);
            Truth truth = build();
            boolean seen = truth.ran || !truth.id.equals(before.id);
            boolean stale = !(ensurer.check(recipe) instanceof Status.Current);
            return new Answer(truth.result.status() != 0 || seen == stale ? Kind.RIGHT
                    : seen ? Kind.FALSE_SUCCESS : Kind.FALSE_STALE, what);
        } catch (NotEnsured e) {
            return new Answer(Kind.FALSE_FAILURE, what + ": " + e);
        } finally {
            if (added) {
                Files.delete(file);
            } else {
                Files.write(file, content);
                Files.setLastModifiedTime(file, time);
            }
        }
    }

    /** Existing files and new ones, in an order by chance that is the same each time. */
    private List<Path> candidates(int most) throws IOException {
        List<Path> files;
        Set<Path> folders = new HashSet<>();
        try (Stream<Path> all = Files.walk(context)) {
            files = new ArrayList<>(all.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
                    .filter(file -> !file.equals(dockerfile) && !file.toString().endsWith("ignore"))
                    .filter(file -> !context.relativize(file).startsWith(".git")).sorted().toList());
        }
        files.forEach(file -> folders.add(file.getParent()));
        List<Path> added = new ArrayList<>(folders.stream().sorted().map(folder -> folder.resolve("added.txt"))
                .filter(file -> !Files.exists(file)).toList());
        Collections.shuffle(files, new Random(1));
        Collections.shuffle(added, new Random(1));
        List<Path> some = new ArrayList<>(files.subList(0, Math.min(files.size(), most)));
        some.addAll(added.subList(0, Math.min(added.size(), (most + 2) / 3)));
        return some;
    }

    // ---- docker build

    private Optional<Truth> buildWithRepairs() throws IOException {
        for (int i = 0; i < MOST_REPAIRS; i++) {
            stub.provide();
            Truth truth = build();
            if (truth.result.status() == 0) {
                return Optional.of(truth);
            }
            if (!repair(truth.result.err())) {
                refusal = truth.result.err().lines().filter(line -> line.startsWith("ERROR")).reduce((a, b) -> b);
                return Optional.empty();
            }
        }
        refusal = Optional.of("too much is missing");
        return Optional.empty();
    }

    /** Gives the stub, or the context, what is missing. @return false if that is not it */
    private boolean repair(String err) throws IOException {
        Matcher base = NO_BASE.matcher(err);
        Matcher file = NO_FILE.matcher(err);
        Matcher program = NO_PROGRAM.matcher(err);
        Matcher user = NO_USER.matcher(err);
        Matcher step = FAILED_STEP.matcher(err);
        if (base.find()) {
            return stub.standFor(base.group(1).replaceFirst("@.*", ""));
        } else if (user.find()) {
            return stub.addUser(user.group(1));
        } else if (program.find()) {
            return stub.addProgram(program.group(1));
        } else if (file.find()) {
            String path = file.group(1) != null ? file.group(1) : file.group(2);
            boolean elsewhere = step.find() && step.group(1).matches("(?i).*(--from=|--mount=\\S*from=).*");
            return elsewhere ? stub.addPath(path) : addToContext(path);
        }
        return false;
    }

    /** A file that the Dockerfile wants and that was not handed over. */
    private boolean addToContext(String path) {
        Path file = context.resolve("." + path.replaceAll("[*?]+|\\[[^]]*\\]", "x")).normalize();
        if (!file.startsWith(context) || Files.exists(file) || Files.isRegularFile(file.getParent())) {
            return false;
        }
        Harness.write(file, "made for " + path + "\n");
        return true;
    }

    private Truth build() throws IOException {
        Path id = Harness.newFolder().resolve("id");
        Harness.Result result = bench.command(bench.client(), "build", "--progress=plain", "--iidfile", id.toString(),
                "--file", dockerfile.toString(), context.toString()).env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1").run();
        Set<String> steps = matches(STEP, result.err());
        steps.retainAll(matches(DONE, result.err()));
        steps.removeAll(matches(CACHED, result.err()));
        return new Truth(result, Files.exists(id) ? Files.readString(id).strip() : "", !steps.isEmpty());
    }

    private static Set<String> matches(Pattern pattern, String text) {
        Set<String> numbers = new HashSet<>();
        text.lines().map(pattern::matcher).filter(Matcher::matches).forEach(found -> numbers.add(found.group(1)));
        return numbers;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES,
                        LinkOption.NOFOLLOW_LINKS);
            }
        }
    }
}
