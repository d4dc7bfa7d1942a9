// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Sharing;
import ensureimage.SigningKeys;
import ensureimage.engine.Cosign;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Reference;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** What is said of a command line of ensure_image that cannot be used. */
public final class UsageWording {
    /** How this program was started, for something to paste. */
    private final String command;
    private final BooleanSupplier repeatsValues;

    /**
     * Words for one way to start it.
     *
     * @param command as the user would type it, such as {@code ensure_image}
     * @param repeatsValues whether values that may be secrets are seen only by the user who typed them
     */
    public UsageWording(String command, BooleanSupplier repeatsValues) {
        this.command = command;
        this.repeatsValues = repeatsValues;
    }

    private Habits habits(List<String> given, List<String> after) {
        return new Habits(command, given, after, repeatsValues.getAsBoolean());
    }

    /** Where to read on. */
    public String seeHelp() {
        return "See: " + command + " --help";
    }

    /**
     * An option that there is not.
     *
     * @param given all that is before the {@code --} @param after what follows it
     * @param suggestions options that may have been meant
     */
    public Message unknownOption(String problem, List<String> given, List<String> after, List<String> suggestions) {
        return habits(given, after).option().orElseGet(() -> new Message(problem,
                suggestions.isEmpty() ? seeHelp() : "Did you mean " + String.join(" or ", suggestions) + "?"));
    }

    /** What is wrong with the images that are named. @param given before the {@code --} @param after what follows it */
    public Message flaw(Flaw flaw, List<String> given, List<String> after) {
        Habits habits = habits(given, after);
        return habits.flaw(flaw).or(() -> habits.file(flaw)).orElseGet(() -> FlawWording.flaw(flaw));
    }

    /** Any other command line that cannot be read. @param given before the {@code --} @param after what follows it */
    public Message mistake(String problem, List<String> given, List<String> after) {
        return habits(given, after).command().orElseGet(() -> mistake(problem));
    }

    /** A command line, of any script, that cannot be read. */
    public Message mistake(String problem) {
        return new Message(Printable.escape(problem), seeHelp());
    }

    /** No image is named. */
    private Message noReference(Options options, List<String> passThrough) {
        Optional<String> lastBuildArgument =
                options.builtFrom.buildArguments.stream().reduce((before, last) -> last);
        if (!passThrough.isEmpty()) {
            return new Message("no reference: all that comes after the -- goes to docker build",
                    "Try: " + command + " REF -- OPTIONS");
        }
        if (lastBuildArgument.isPresent()) {
            String last = Printable.escape(DockerWords.hidden(lastBuildArgument.get()));
            return new Message("no reference: '" + last + "' is a build argument, for it comes after --build-arg",
                    "Try: " + command + " REF --build-arg NAME=VALUE");
        }
        String mode =
                options.when.check ? " --check" : options.when.why ? " --why" : options.when.dryRun ? " --dry-run" : "";
        return new Message("no reference: which image?", options.builtFrom.file.map(name -> "Try: " + command
                + " NAME=. -f " + Printable.escape(name)).orElse("Name one, or take all of images/: " + command + mode
                        + " --all. To see what is here: " + command + " --init"));
    }

    /** @throws UsageException if images are named neither or both by {@code --all} and by references */
    private void requireOneWay(Options options, List<String> passThrough) throws UsageException {
        boolean all = options.meansAll();
        if (options.arguments.isEmpty() && !all) {
            throw new UsageException(noReference(options, passThrough));
        }
        if (!options.arguments.isEmpty() && all) {
            throw new UsageException(new Message("--all names every image, but there are references too", seeHelp()));
        }
    }

    /**
     * Looks for what cannot be meant. @param given before the {@code --} @param after what follows it
     *
     * @throws UsageException if options do not go together, or their values have no meaning
     */
    public void requireSensible(Options options, List<String> given, List<String> after) throws UsageException {
        try {
            requireSensible(options, after);
        } catch (UsageException e) {
            throw habits(given, after).command().map(UsageException::new).orElse(e);
        }
    }

    private void requireSensible(Options options, List<String> passThrough) throws UsageException {
        requireOneCollection(options);
        requireValues(options.builtFrom.buildArguments);
        requireOneWay(options, passThrough);
        requireOneImage(options.builtFrom.file.isPresent(), options.all, options.arguments);
        requirePositive("--attempts", options.crowd.attempts);
        requirePositive("--timeout", options.crowd.timeoutSeconds);
        requirePositive("--jobs", options.crowd.jobs);
        requirePositive("--wait", options.crowd.waitSeconds);
    }

    /** @throws UsageException if there are several kinds of collection, or options that a file of docker's has itself */
    private void requireOneCollection(Options options) throws UsageException {
        if (!options.areDefined()) {
            if (!options.profiles.isEmpty()) {
                throw new UsageException(new Message("--profile goes with --compose", seeHelp()));
            }
            return;
        }
        String option = options.bake != null ? "--bake" : "--compose";
        if (options.bake != null && (options.compose != null || !options.profiles.isEmpty())) {
            throw new UsageException(new Message("--bake and "
                    + (options.compose != null ? "--compose" : "--profile") + " exclude each other", seeHelp()));
        }
        if (options.builtFrom.file.isPresent()) {
            throw new UsageException(new Message("--file names a Dockerfile, and with " + option
                    + " each image has its own",
                    "To name the file with the images: " + command + " " + option + "="
                            + Printable.escape(options.builtFrom.file.get())));
        }
        if (options.builtFrom.target.isPresent()) {
            throw new UsageException(new Message("--target names a stage, and with " + option
                    + " each image has its own", seeHelp()));
        }
        Optional<String> pair = options.arguments.stream().filter(each -> each.indexOf('=') >= 0).findFirst();
        if (pair.isPresent()) {
            throw new UsageException(new Message("REF=DIR does not go with " + option + ": '"
                    + Printable.escape(pair.get()) + "'", seeHelp()));
        }
    }

    /** @throws UsageException if a value is still what stands for one in our own hints */
    private void requireValues(List<String> buildArguments) throws UsageException {
        Optional<String> open =
                buildArguments.stream().filter(each -> each.endsWith("=" + DockerWords.HIDDEN)).findFirst();
        if (open.isPresent()) {
            String name = Printable.escape(open.get().replaceFirst("=.*", ""));
            throw new UsageException(new Message("the value of the build argument " + name + " is left out",
                    "Put it in place of the dots: --build-arg " + name + "=VALUE"));
        }
    }

    /** @throws UsageException if a Dockerfile is named for more than one image */
    private void requireOneImage(boolean fileGiven, boolean all, List<String> references) throws UsageException {
        if (fileGiven && (all || references.size() > 1)) {
            throw new UsageException(
                    new Message("--file names one Dockerfile, but there are several references"));
        }
    }

    /** @throws UsageException for a number below 1 */
    void requirePositive(String option, int number) throws UsageException {
        if (number < 1) {
            throw new UsageException(new Message(option + " takes a number from 1, not " + number));
        }
    }

    /** @throws UsageException if what was shared is asked for, and nothing says where */
    public void requireSharing(boolean asked, boolean shares) throws UsageException {
        if (asked && !shares) {
            throw new UsageException(new Message("--why-not-shared needs --share REPOSITORY", seeHelp()));
        }
    }

    /** @throws UsageException for an unknown {@code --share-only} */
    public Sharing.Direction parseDirection(String text) throws UsageException {
        return switch (text) {
            case "" -> Sharing.Direction.BOTH;
            case "pull" -> Sharing.Direction.PULL;
            case "push" -> Sharing.Direction.PUSH;
            default -> throw new UsageException(new Message("--share-only is pull or push, not '"
                    + Printable.escape(text) + "'", seeHelp()));
        };
    }

    /** What follows {@code cosign:}; empty if nothing does. @throws UsageException for any other {@code --share-verify} */
    String parseVerify(String text) throws UsageException {
        if (!text.isEmpty() && !text.matches("cosign:.+")) {
            throw new UsageException(new Message("--share-verify is cosign:KEY, not '" + Printable.escape(text) + "'",
                    "Try: --share-verify cosign:cosign.pub"));
        }
        return text.replaceFirst("^cosign:", "");
    }

    /** @throws UsageException if cosign is not there, or the public key */
    SigningKeys findKeys(String key, Map<String, String> environment) throws UsageException {
        if (!Cosign.isInstalled(environment)) {
            throw new UsageException(new Message("cosign is not installed, but it has to verify what is pulled",
                    "Install cosign 2 or 3. To see whether it works: cosign version"));
        }
        SigningKeys keys = SigningKeys.find(key, environment);
        Optional<SigningKeys.Flaw> flaw = keys.flaw(environment);
        if (flaw.isPresent()) {
            throw new UsageException(unusableKey(flaw.get(), keys, Printable.escape(keys.publicKey())));
        }
        return keys;
    }

    private static Message unusableKey(SigningKeys.Flaw flaw, SigningKeys keys, String name) {
        return switch (flaw) {
            case NO_FILE -> new Message("no public key: " + name, keys.privateKey().filter(own -> own.endsWith(".key"))
                    .map(own -> "Write it: cosign public-key --key " + Printable.escape(own) + " > " + name)
                    .orElse("To make a pair of keys, cosign.pub and cosign.key: cosign generate-key-pair"));
            case NO_VARIABLE -> new Message("no public key: the variable " + name.replaceFirst("^env://", "")
                    + " is not set", "Set it: export " + name.replaceFirst("^env://", "") + "=\"$(cat cosign.pub)\"");
            case PRIVATE -> new Message("not a public key but a private one: " + name,
                    "To get the public one: cosign public-key --key " + name);
        };
    }

    /** @throws UsageException if that is no repository, as with a tag */
    public void requireRepository(String text) throws UsageException {
        if (Reference.find(text + ":tag").isEmpty()) {
            throw new UsageException(new Message("no repository: '" + Printable.escape(text) + "'",
                    "Try: --share HOST/NAME, without a tag"));
        }
    }

    /** @throws UsageException for an unknown {@code --format} */
    public Style.Format parseFormat(String text) throws UsageException {
        for (Style.Format format : Style.Format.values()) {
            if (format.name().toLowerCase(Locale.ROOT).equals(text)) {
                return format;
            }
        }
        throw new UsageException(new Message("--format is text or json, not '" + Printable.escape(text) + "'",
                seeHelp()));
    }

    /** {@code --init} in a folder that cannot be listed. */
    public UsageException unreadableFolder() {
        return new UsageException(new Message("cannot read the working folder"));
    }

    /** {@code --file -}, and stdin fails. */
    public UsageException unreadableStdin() {
        return new UsageException(new Message("cannot read the Dockerfile from stdin"));
    }

    /** What docker's TLS options name cannot be put together. */
    public Message certificates(Exception e) {
        return new Message("cannot use the certificates of docker's options: " + Printable.escape(e),
                "Put ca.pem, cert.pem and key.pem into one folder and set DOCKER_CERT_PATH to it.");
    }

    /** A bug. */
    public Message unexpected(Throwable e) {
        return new Message("unexpected: " + Printable.escape(e), seeHelp());
    }
}
