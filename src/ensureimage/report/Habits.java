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

/** Answers to what users of docker type by habit: the same in the words of this program, to be pasted. */
final class Habits {
    private static final Map<String, String> OTHER_NAMES = Map.of("--dockerfile", "--file FILE", "--context",
            "REF=DIR", "--json", "--format json", "--debug", "--verbose", "--rebuild", "--force", "--tags", "REF");
    private static final String TRY = "Try: ";

    private final String command;
    private final List<String> given;
    private final List<String> after;

    /** @param command of ours, as the user types it @param given what is before the {@code --} @param after the rest */
    Habits(String command, List<String> given, List<String> after) {
        this.command = command;
        this.given = given;
        this.after = after;
    }

    /** What is said of an option that there is not; empty if docker has none such either. */
    Optional<Message> option() {
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
        return DockerWords.read(command, given, after).translate().map(line -> TRY + line)
                .orElse("See: " + command + " --help");
    }

    /** What is said of words that name no image; empty if they look like no habit. */
    Optional<Message> flaw(Flaw flaw) {
        if (flaw instanceof Flaw.NoContext none && !none.byConvention()) {
            return none.exists() ? dockerfileAsContext(none) : Optional.empty();
        }
        String word = flaw instanceof Flaw.NoContext none ? none.reference().name()
                : flaw instanceof Flaw.MalformedReference malformed ? malformed.text()
                : "";
        if (word.isEmpty()) {
            return Optional.empty();
        }
        DockerWords words = DockerWords.read(command, given, after);
        if (words.verb().isPresent()) {
            return words.translate().map(line -> new Message("no image is named '" + words.verb().get()
                    + "', and there are no commands", TRY + line));
        }
        if (word.equals("-")) {
            return words.translate()
                    .map(line -> new Message("a Dockerfile on stdin is --file -, and it needs a name", TRY + line));
        }
        if (word.matches("(?:https?|git|ssh)://.*|git@.*")) {
            return Optional.of(new Message("a repository cannot be the context: '" + Printable.escape(word) + "'",
                    "Clone it, and name the folder: " + command + " NAME=DIR"));
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

    private Optional<Message> lowerCase(Flaw flaw) {
        return flaw instanceof Flaw.MalformedReference malformed && malformed.why() == Flaw.Why.UPPER_CASE
                && Reference.find(malformed.text().toLowerCase(Locale.ROOT)).isPresent()
                        ? Optional.of(new Message(FlawWording.flaw(flaw).text(),
                                TRY + command + " " + malformed.text().toLowerCase(Locale.ROOT)))
                        : Optional.empty();
    }
}
