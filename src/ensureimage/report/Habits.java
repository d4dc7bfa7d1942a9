// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.recipe.Flaw;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Reference;
import ensureimage.recipe.RepositoryScan;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Answers to what users of docker type by habit: the same in the words of this program, to be pasted. */
final class Habits {
    private static final String COMPOSE = "--compose";
    private static final String BAKE = "--bake";
    private static final Map<String, String> OTHER_NAMES = Map.of("--dockerfile", "--file FILE", "--context",
            "REF=DIR", "--json", "--format json", "--debug", "--verbose", "--rebuild", "--force", "--tags", "REF");
    private static final String TRY = "Try: ";
    /** Those that docker's tools take by themselves, and the option that reads them. */
    private static final SortedMap<String, String> FILES = new TreeMap<>(Map.of("compose.yaml", COMPOSE, "compose.yml",
            COMPOSE, "docker-compose.yaml", COMPOSE, "docker-compose.yml", COMPOSE, "docker-bake.hcl", BAKE,
            "docker-bake.json", BAKE));

    private final String command;
    private final List<String> given;
    private final List<String> after;
    private final boolean repeatsValues;

    /**
     * Begins to read a command line.
     *
     * @param command of ours, as the user types it
     * @param given what is before the {@code --}
     * @param after the rest
     * @param repeatsValues whether values that may be secrets are seen only by the user who typed them
     */
    Habits(String command, List<String> given, List<String> after, boolean repeatsValues) {
        this.command = command;
        this.given = given;
        this.after = after;
        this.repeatsValues = repeatsValues;
    }

    private DockerWords words() {
        return DockerWords.read(command, given, after, repeatsValues);
    }

    /** What is said of an option that there is not; empty if docker has none such either. */
    Optional<Message> option() {
        return command().or(this::optionOfBuild);
    }

    private Optional<Message> optionOfBuild() {
        List<String> options = given.stream().map(word -> word.split("=", 2)[0]).toList();
        Optional<String> tag = options.stream().filter(DockerWords.TAG::contains).findFirst();
        if (tag.isPresent()) {
            return Optional.of(new Message("there is no option " + tag.get() + ": the name comes first", hint()));
        }
        Optional<String> push = options.stream().filter(DockerWords.ELSEWHERE::contains).findFirst();
        if (push.isPresent()) {
            return Optional.of(
                    new Message("there is no option " + push.get() + ": the image goes into the engine", hint()));
        }
        Optional<String> build = options.stream().filter(DockerWords::isOption).findFirst();
        if (build.isPresent()) {
            return Optional.of(new Message("there is no option " + build.get()
                    + ": options for docker build go after a --", hint()));
        }
        return options.stream().filter(OTHER_NAMES::containsKey).findFirst()
                .map(name -> new Message("Unknown option: '" + name + "'", TRY + OTHER_NAMES.get(name)));
    }

    private String hint() {
        return hint(words());
    }

    private String hint(DockerWords words) {
        return words.translate().map(line -> TRY + line).orElse("See: " + command + " --help");
    }

    /**
     * What is said of a line that begins like one of docker's, but for a build by its options, or that has a URL for a
     * context; empty for any other, and if the first word names an image.
     */
    Optional<Message> command() {
        DockerWords words = words();
        boolean isBuild = words.verb().isEmpty() || words.verb().get().equals("build");
        if (isBuild && words.url().isPresent()) {
            return Optional.of(url(words, words.url().get()));
        }
        return words.verb().filter(verb -> !isBuild && !isName(given.get(0))).map(verb -> verb(words));
    }

    /** Of an image in the default collection, or of what a file defines. */
    private boolean isName(String word) {
        return Files.isDirectory(new Options().images.resolve(word))
                || given.stream().anyMatch(each -> each.matches("--(?:compose|bake)(?:=.*)?"));
    }

    private Message verb(DockerWords words) {
        return new Message("no image is named '" + Printable.escape(words.verb().orElseThrow())
                + "', and there are no commands", hint(words));
    }

    private Message url(DockerWords words, UrlContext url) {
        String what = "a URL cannot be the context, for nothing can be looked up there"
                + (url.isSecret() && !repeatsValues ? "" : ": '" + Printable.escape(url.url()) + "'");
        Optional<String> line = words.translate();
        String then = line.map(text -> ", and then: " + text).orElse("");
        Optional<String> fetch = url.fetch(repeatsValues);
        return new Message(what, line.isPresent() && fetch.isPresent() ? TRY + fetch.get() + " && " + line.get()
                : (url.isRepository() ? "Clone" : "Unpack") + " it into the folder "
                        + Printable.escape(url.root()) + then);
    }

    /** What is said of words that name no image; empty if they look like no habit. */
    Optional<Message> flaw(Flaw flaw) {
        Optional<Message> said = command();
        if (said.isPresent()) {
            return said;
        }
        if (flaw instanceof Flaw.NoContext none && !none.byConvention()) {
            return none.exists() ? dockerfileAsContext(none) : Optional.empty();
        }
        String word = flaw instanceof Flaw.NoContext none ? none.reference().name()
                : flaw instanceof Flaw.MalformedReference malformed ? malformed.text()
                : "";
        if (word.isEmpty()) {
            return Optional.empty();
        }
        DockerWords words = words();
        if (words.verb().isPresent() && !isName(given.get(0))) {
            return Optional.of(verb(words));
        }
        if (word.equals("-")) {
            return words.translate()
                    .map(line -> new Message("a Dockerfile on stdin is --file -, and it needs a name", TRY + line));
        }
        return words.folder().isPresent() && given.contains(words.folder().get()) ? folder(words)
                : file(word).or(() -> lowerCase(flaw));
    }

    private static Optional<Message> folder(DockerWords words) {
        return words.translate().map(line -> new Message("'" + Printable.escape(words.folder().orElseThrow())
                + "' is a folder: the name of the image comes first", TRY + line));
    }

    private Optional<Message> file(String word) {
        return isFile(word) ? Optional.of(new Message("'" + Printable.escape(word)
                + "' is a file: the name of the image comes first", TRY + named(Path.of(word), Optional.empty())))
                : Optional.empty();
    }

    private Optional<Message> dockerfileAsContext(Flaw.NoContext none) {
        return isFile(none.context().toString()) ? Optional.of(new Message("context not found: "
                + Printable.path(none.context()) + " is not a folder",
                TRY + named(none.context(), Optional.of(none.reference()))))
                : Optional.empty();
    }

    private String named(Path file, Optional<Reference> reference) {
        String folder = file.getParent() == null ? "." : Printable.path(file.getParent());
        return command + " " + reference.map(Reference::toString).orElseGet(() -> RepositoryScan.name(file)) + "="
                + folder + (file.endsWith("Dockerfile") ? "" : " -f " + Printable.path(file));
    }

    private static boolean isFile(String word) {
        try {
            return Files.isRegularFile(Path.of(word))
                    && word.toLowerCase(Locale.ROOT).matches("(?:.*[/.])?dockerfile(?:\\..*)?");
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /**
     * What is said of an image without a folder where a file of docker's, in the working folder, may define it; empty if
     * there is no such file, or the image is most likely another one.
     */
    Optional<Message> file(Flaw flaw) {
        Optional<String> file = FILES.keySet().stream().filter(name -> Files.isRegularFile(Path.of(name))).findFirst();
        Message plain = FlawWording.flaw(flaw);
        if (file.isPresent() && flaw instanceof Flaw.NoCollection) {
            return Optional.of(new Message(plain.text(), "To take all that " + file.get() + " builds: " + command + " "
                    + FILES.get(file.get())));
        }
        if (file.isEmpty() || !(flaw instanceof Flaw.NoContext none) || !none.byConvention() || none.exists()
                || none.nearest().isPresent()) {
            return Optional.empty();
        }
        return given.stream().filter(word -> Reference.find(word).equals(Optional.of(none.reference()))).findFirst()
                .map(name -> new Message(plain.text(), plain.hint() + ". Is it in " + file.get() + "? Try: " + command
                        + " " + FILES.get(file.get()) + " " + name));
    }

    private Optional<Message> lowerCase(Flaw flaw) {
        return flaw instanceof Flaw.MalformedReference malformed && malformed.why() == Flaw.Why.UPPER_CASE
                && Reference.find(malformed.text().toLowerCase(Locale.ROOT)).isPresent()
                        ? Optional.of(new Message(FlawWording.flaw(flaw).text(),
                                TRY + command + " " + malformed.text().toLowerCase(Locale.ROOT)))
                        : Optional.empty();
    }
}
