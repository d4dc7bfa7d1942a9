// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Limits;
import ensureimage.Policy;
import ensureimage.Sharing;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.Stack;
import java.util.regex.Pattern;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The options of ensure_image, as picocli fills them in; each says in its description what it means. */
public final class Options {
    private static final Map<String, String> SHORT = Map.of("-q", "--quiet", "-v", "--verbose", "-a", "--all");
    private static final Set<String> EXCLUSIVE = Set.of("--check", "--if-missing", "--force");
    private static final Set<String> FLAGS = Set.of("--quiet", "--verbose", "--all", "--single-flight");

    @Parameters(arity = "0..*", paramLabel = "REF[=DIR]",
            description = "Image reference, NAME[:TAG]. DIR is its build context; by default REF names it: "
                    + "images/NAME/TAG/, else images/NAME/ if the tag is 'latest' or that folder holds the Dockerfile.")
    public List<String> arguments = List.of();

    @Option(names = {"-a", "--all"}, description = "Ensure every image of the collection.")
    public boolean all;

    @Option(names = "--images", paramLabel = "DIR",
            description = "Read the collection from the folders in DIR (default: ${DEFAULT-VALUE}). An image that is "
                    + "built FROM another image of the collection is built after that image, and becomes stale with it.")
    public Path images = Path.of("images");

    @Option(names = "--bake", paramLabel = "FILE", arity = "0..*", preprocessor = FileNames.class,
            description = "Read the collection from bake files (default: those of docker buildx bake). REF is then a "
                    + "target, a group or an image; without REF, the default group.")
    public List<Path> bake;

    @Option(names = "--compose", paramLabel = "FILE", arity = "0..*", preprocessor = FileNames.class,
            description = "Read the collection from compose files (default: those of docker compose). REF is then a "
                    + "service or an image; without REF, all with a build.")
    public List<Path> compose;

    @Option(names = "--profile", paramLabel = "NAME",
            description = "With --compose: use this profile; may be repeated.")
    public List<String> profiles = List.of();

    @ArgGroup(validate = false, heading = "%nWhat it is built from:%n")
    public final BuiltFrom builtFrom = new BuiltFrom();

    @ArgGroup(exclusive = true, heading = "%nWhen it is built (default: if it is missing or stale):%n")
    public When when = new When();

    @ArgGroup(validate = false, heading = "%nMany at once:%n")
    public final Crowd crowd = new Crowd();

    @ArgGroup(validate = false, heading = "%nSharing between machines:%n")
    public final Shares shares = new Shares();

    @ArgGroup(validate = false, heading = "%nWhat is printed:%n")
    public final Output output = new Output();

    @ArgGroup(validate = false, heading = "%nOther options:%n")
    public final Others others = new Others();

    /** Whether the images are those of a bake file or a compose file. */
    public boolean areDefined() {
        return bake != null || compose != null;
    }

    /** Whether no image is named, and none has to be. */
    public boolean meansAll() {
        return all || arguments.isEmpty() && (areDefined() || when.list);
    }

    /**
     * Takes the files after an option: one that is joined to it by an equals sign, and all words that end like such a
     * file. So the next word can be a target or a service.
     */
    static final class FileNames implements IParameterPreprocessor {
        static final Pattern FILE = Pattern.compile(".*\\.(?:hcl|json|ya?ml)");

        @Override
        public boolean preprocess(Stack<String> words, CommandSpec command, ArgSpec option, Map<String, Object> info) {
            List<Path> known = option.getValue();
            List<Path> files = new ArrayList<>(known == null ? List.of() : known);
            boolean joined = "=".equals(info.get("separator")) && !words.isEmpty();
            if (joined) {
                files.add(Path.of(words.pop()));
            }
            while (!words.isEmpty() && FILE.matcher(words.peek()).matches()) {
                files.add(Path.of(words.pop()));
            }
            option.setValue(files);
            return true;
        }
    }

    /** What an image is built from. */
    public static final class BuiltFrom {
        @Option(names = {"-f", "--file"}, paramLabel = "FILE",
                description = "Read this Dockerfile (default: DIR/Dockerfile), or stdin if FILE is -.")
        public Optional<String> file = Optional.empty();

        @Option(names = "--build-arg", paramLabel = "NAME[=VALUE]",
                description = "Set a build argument, without VALUE from the environment; may be repeated.")
        public List<String> buildArguments = List.of();

        @Option(names = "--target", paramLabel = "STAGE", description = "Build this stage of the Dockerfile.")
        public Optional<String> target = Optional.empty();

        @Option(names = "--platform", paramLabel = "OS/ARCH", description = "Build for this platform.")
        public Optional<String> platform = Optional.empty();
    }

    /** When an image is built. */
    public static final class When {
        @Option(names = "--check",
                description = "Build nothing: report what is missing or stale, and why; exit 11 if anything is.")
        public boolean check;

        @Option(names = "--list",
                description = "Build nothing: list the images (without REF, all) with state, age, size, folder "
                        + "and base.")
        public boolean list;

        @Option(names = "--why", description = "Build nothing: list the inputs, and what changed.")
        public boolean why;

        @Option(names = "--dry-run", description = "Build nothing: list what would be built, and why.")
        public boolean dryRun;

        @Option(names = "--if-missing", description = "Build only if the tag is missing; do not compare inputs.")
        public boolean ifMissing;

        @Option(names = "--force", description = "Build even if the image is current.")
        public boolean force;

        @Option(names = "--why-not-shared",
                description = "Build nothing: compare the inputs with those that --share pushed last, and list what "
                        + "differs; exit 11 if anything does.")
        public boolean whyNotShared;

        /** What is told of each image. */
        public Style.View view() {
            return list ? Style.View.LIST : why ? Style.View.WHY : dryRun ? Style.View.PLAN : Style.View.OUTCOME;
        }

        /** What the other three come to. */
        public Policy policy() {
            return force ? Policy.ALWAYS : ifMissing ? Policy.IF_MISSING : Policy.IF_STALE;
        }
    }

    /** How many things happen at once, and for how long. */
    public static final class Crowd {
        @Option(names = {"-j", "--jobs"}, paramLabel = "N",
                description = "Ensure at most N images at once (default: all that BuildKit can build together, else "
                        + "one per processor).")
        public int jobs = Limits.UNLIMITED;

        @Option(names = "--attempts", paramLabel = "N",
                description = "Maximum number of builds after lost races or temporary failures (default: "
                        + "${DEFAULT-VALUE}).")
        public int attempts = 5;

        @Option(names = "--timeout", paramLabel = "SECONDS",
                description = "Limit the time for one image, with all attempts and waits (default: ${DEFAULT-VALUE}).")
        public int timeoutSeconds = 300;

        @Option(names = "--single-flight",
                description = "Let one process on this machine build; processes that want the "
                        + "same image from the same inputs wait for it. With --share: one process of all machines. Saves work, "
                        + "changes no outcome.")
        public boolean singleFlight;

        @Option(names = "--wait", paramLabel = "SECONDS",
                description = "With --single-flight: wait at most this long, then build anyway (default: "
                        + "${DEFAULT-VALUE}).")
        public int waitSeconds = 120;
    }

    /** What goes through a registry. */
    public static final class Shares {
        private static final String VARIABLE = "ENSURE_IMAGE_SHARE";
        private static final String VERIFY_VARIABLE = "ENSURE_IMAGE_SHARE_VERIFY";

        @Option(names = "--share", paramLabel = "REPOSITORY",
                description = "Pull the image that another machine has built from the same inputs; else build it and push "
                        + "it, as REPOSITORY:HASH (default: $" + VARIABLE + "). A registry that fails costs a "
                        + "warning, never a failure.")
        public Optional<String> repository = Optional.empty();

        @Option(names = "--share-only", paramLabel = "pull|push", description = "Only pull, or only push.")
        public String only = "";

        @Option(names = "--share-verify", paramLabel = "cosign:KEY",
                description = "Pull only what is signed by KEY, a file or a URI as for cosign's --key, and sign what is "
                        + "pushed (default: $" + VERIFY_VARIABLE + "). Needs cosign.")
        public Optional<String> verify = Optional.empty();

        @Option(names = "--share-timeout", paramLabel = "SECONDS",
                description = "Give up on a registry that is silent for so long (default: ${DEFAULT-VALUE}).")
        public int timeoutSeconds = 10;

        @Option(names = "--share-all", description = "Share also images with inputs that no look-up can know, with "
                + "secrets, or from a builder that does not report what it saw.")
        public boolean all;

        /**
         * What they come to; empty if nothing is shared.
         *
         * @throws UsageException if they make no sense
         */
        public Optional<Sharing> sharing(UsageWording wording, Map<String, String> environment)
                throws UsageException {
            Sharing.Direction direction = wording.parseDirection(only);
            wording.requirePositive("--share-timeout", timeoutSeconds);
            String key = wording.parseVerify(verify.orElse(environment.getOrDefault(VERIFY_VARIABLE, "")));
            String through = repository.orElse(environment.getOrDefault(VARIABLE, ""));
            if (through.isEmpty()) {
                return Optional.empty();
            }
            wording.requireRepository(through);
            Sharing sharing = Sharing.through(through).with(direction).withSilence(Duration.ofSeconds(timeoutSeconds));
            if (!key.isEmpty()) {
                sharing = sharing.withKeys(wording.findKeys(key, environment));
            }
            return Optional.of(all ? sharing.withAll() : sharing);
        }
    }

    /** What is printed. */
    public static final class Output {
        @Option(names = {"-q", "--quiet"}, description = "Print only the image IDs, one per line.")
        public boolean quiet;

        @Option(names = "--format", paramLabel = "text|json",
                description = "With json: print one object per image, each on its own line.")
        public String format = "text";

        @Option(names = {"-v", "--verbose"}, description = "Print the output of every build, and stack traces.")
        public boolean verbose;
    }

    /** The rest. */
    public static final class Others {
        @Option(names = "--docker", paramLabel = "COMMAND",
                description = "Use this docker command line client, or podman (default: ${DEFAULT-VALUE}).")
        public String docker = "docker";

        @Option(names = "--init",
                description = "Find Dockerfiles, compose and bake files. Print what ensures their images, and lines "
                        + "for a Makefile, CI and pytest. Writes no file.")
        public boolean init;

        @Option(names = "--names", hidden = true, description = "Print what can be named: for the completion.")
        public boolean names;

        @Option(names = "--completion", description = "Print the completion script for bash and zsh.")
        public boolean completion;

        @Option(names = "--install", paramLabel = "DIR", arity = "0..1", fallbackValue = "",
                description = "Install the commands ensure_image, race_repro and with_docker into DIR (default: "
                        + "~/.local/bin), and the plugin for 'docker ensure'. They start faster than the script.")
        public Optional<String> install = Optional.empty();

        @Option(names = "--uninstall", description = "Remove what --install has installed.")
        public boolean uninstall;

        @Option(names = {"-h", "--help", HelpPages.ALL}, usageHelp = true,
                description = "Show the options that are used most, or all.")
        public boolean help;

        @Option(names = {"-V", "--version"}, versionHelp = true,
                description = "Print the version; with -v, what bug reports need.")
        public boolean version;
    }

    /**
     * Takes a command line that has only references and flags; returns false for any other. It spares picocli, whose
     * loading takes longer than all else of a run in which nothing changed.
     */
    public boolean take(List<String> line) {
        Set<String> flags = new HashSet<>();
        List<String> references = new ArrayList<>();
        for (String word : line) {
            if (!word.isEmpty() && !word.startsWith("-") && !word.startsWith("@")) {
                references.add(word);
                continue;
            }
            String flag = SHORT.getOrDefault(word, word);
            boolean alone = FLAGS.contains(flag)
                    || EXCLUSIVE.contains(flag) && flags.stream().noneMatch(EXCLUSIVE::contains);
            if (!alone || !flags.add(flag)) {
                return false;
            }
        }
        arguments = references;
        all = flags.contains("--all");
        when.check = flags.contains("--check");
        when.ifMissing = flags.contains("--if-missing");
        when.force = flags.contains("--force");
        crowd.singleFlight = flags.contains("--single-flight");
        output.quiet = flags.contains("--quiet");
        output.verbose |= flags.contains("--verbose");
        return true;
    }
}
