///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Ensures that the engine holds a Docker image, builds it if missing or stale, also from many processes at once
//JAVA 17+
//MAIN ensure_image
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES src/ensureimage/report/RunReport.java
//COMPILE_OPTIONS -XDstringConcat=inline

import ensureimage.EnsureImage;
import ensureimage.Limits;
import ensureimage.Outcome;
import ensureimage.Sharing;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.report.About;
import ensureimage.report.ExitCode;
import ensureimage.report.FlawWording;
import ensureimage.report.HelpText;
import ensureimage.report.Message;
import ensureimage.report.Options;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import ensureimage.report.UsageException;
import ensureimage.report.UsageWording;
import ensureimage.report.Wording;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line of {@link EnsureImage}: options, help, exit codes, and who is told what. */
@Command(name = "ensure_image", versionProvider = ensure_image.VersionOption.class, sortOptions = false,
        usageHelpAutoWidth = true, exitCodeListHeading = "%nExit codes:%n", footerHeading = "%nExamples:%n")
public final class ensure_image implements Callable<Integer> {
    private static final String NAME = "ensure_image";
    private static final String STDIN = "-";
    private static final int BUG = 70; // as ExitCode.BUG, for when that class cannot be loaded

    @Mixin
    private final Options options = new Options();

    @Spec
    private CommandSpec spec;

    private final UsageWording wording = new UsageWording(command());
    private List<String> given = List.of();
    private List<String> passThrough = List.of();

    // ---- From the command line to the exit status

    public static void main(String... arguments) {
        System.setProperty("slf4j.provider", "org.slf4j.nop.NOPServiceProvider"); // to search for one takes long
        System.setProperty("slf4j.internal.verbosity", "WARN");
        int status = BUG;
        try {
            status = execute(arguments);
        } catch (Throwable e) { // too few file descriptors to load classes, for example
            System.err.println(e);
        } finally {
            System.exit(status);
        }
    }

    /** Runs the command line and returns its exit status; what follows {@code --} goes to {@code docker build}. */
    static int execute(String... arguments) {
        List<String> words = Arrays.asList(arguments);
        int separator = words.indexOf("--");
        ensure_image script = new ensure_image();
        script.passThrough = separator < 0 ? List.of() : words.subList(separator + 1, words.size());
        script.given = separator < 0 ? words : words.subList(0, separator);
        return script.options.take(script.given) ? script.call() : Parser.run(script);
    }

    /** All other command lines. */
    private static final class Parser {
        static int run(ensure_image script) {
            CommandLine parser = new CommandLine(script);
            parser.getCommandSpec().usageMessage().exitCodeList(ExitCode.descriptions())
                    .customSynopsis(HelpText.SYNOPSIS.toArray(String[]::new))
                    .description(HelpText.DESCRIPTION.toArray(String[]::new))
                    .footer(HelpText.EXAMPLES.toArray(String[]::new));
            return parser.setParameterExceptionHandler((e, ignored) -> script.fail(script.describe(e), ExitCode.USAGE))
                    .execute(script.given.toArray(String[]::new));
        }

        static ExitCode printCompletion(CommandLine parser) {
            parser.getOut().println(AutoComplete.bash(NAME, parser));
            return ExitCode.ENSURED;
        }
    }

    private Message describe(ParameterException e) {
        String problem = Printable.escape(e.getMessage()).replaceFirst("^Error: ", "");
        return e instanceof UnmatchedArgumentException unmatched
                ? wording.unknownOption(problem, given, unmatched.getSuggestions())
                : wording.mistake(problem);
    }

    @Override
    public Integer call() {
        try {
            return (options.others.completion ? Parser.printCompletion(spec.commandLine()) : ensure()).status();
        } catch (UsageException e) {
            return fail(e.message(), ExitCode.USAGE);
        } catch (RecipeException e) {
            return fail(FlawWording.flaw(e.flaw()), ExitCode.USAGE);
        } catch (InterruptedException e) {
            return fail(new Message("interrupted"), ExitCode.INTERRUPTED);
        } catch (RuntimeException e) {
            int status = fail(wording.unexpected(e), ExitCode.BUG);
            if (options.output.verbose) {
                e.printStackTrace();
            }
            return status;
        }
    }

    private int fail(Message message, ExitCode code) {
        PrintWriter err = new PrintWriter(System.err, true);
        err.println(Wording.error(NAME, message.text()));
        if (!message.hint().isEmpty()) {
            err.println(message.hint());
        }
        return code.status();
    }

    private ExitCode ensure() throws UsageException, RecipeException, InterruptedException {
        checkOptions();
        BuildOptions build = BuildOptions.parse(options.builtFrom.buildArguments, options.builtFrom.target,
                options.builtFrom.platform, passThrough, System.getenv());
        EnsureImage docker = EnsureImage.using(options.others.docker, System.getenv());
        ImageCollection collection = new ImageCollection(options.images, build, docker.expectedBuilder(build));
        List<ImageCollection.Member> members = options.all ? collection.allMembers()
                : collection.members(wanted(), dockerfile());
        Style style =
                new Style(wording.parseFormat(options.output.format), options.output.quiet, options.output.verbose);
        try (RunReport report = RunReport.open(style, new PrintWriter(System.out, true),
                new PrintWriter(System.err, true), Terminal.detect(System.getenv()), System.getenv())) {
            return ensure(docker.with(options.when.policy()).with(report), members, report);
        }
    }

    private ExitCode ensure(EnsureImage docker, List<ImageCollection.Member> members, RunReport report)
            throws UsageException, InterruptedException {
        EnsureImage ensure = docker.with(new Limits(options.crowd.attempts,
                Duration.ofSeconds(options.crowd.timeoutSeconds), options.crowd.jobs));
        if (options.crowd.singleFlight) {
            ensure = ensure.withSingleFlight(Duration.ofSeconds(options.crowd.waitSeconds));
        }
        Optional<Sharing> sharing = options.shares.sharing(wording, System.getenv());
        wording.requireSharing(options.when.whyNotShared, sharing.isPresent());
        if (sharing.isPresent()) {
            ensure = ensure.withSharing(sharing.get());
        }
        try {
            return worst((options.when.check ? ensure.checkAll(members)
                    : options.when.whyNotShared ? ensure.compareShared(members)
                    : ensure.ensureAll(members)).values());
        } catch (InterruptedException e) {
            report.interrupted();
            throw e;
        }
    }

    private static ExitCode worst(Collection<Outcome> outcomes) {
        return outcomes.stream().map(ExitCode::forOutcome).reduce(ExitCode.ENSURED, ExitCode::worse);
    }

    private List<ImageCollection.Wanted> wanted() throws RecipeException {
        List<ImageCollection.Wanted> wanted = new ArrayList<>();
        for (String argument : options.arguments) {
            wanted.add(ImageCollection.Wanted.parse(argument));
        }
        return wanted;
    }

    private Optional<DockerfileSource> dockerfile() throws UsageException {
        if (!options.builtFrom.file.equals(Optional.of(STDIN))) {
            return options.builtFrom.file.map(file -> new DockerfileSource.InFile(Path.of(file)));
        }
        try {
            return Optional.of(new DockerfileSource.Given(System.in.readAllBytes()));
        } catch (IOException e) {
            throw wording.unreadableStdin();
        }
    }

    private void checkOptions() throws UsageException, RecipeException {
        for (String argument : given) {
            Recipe.requireReadable(Flaw.What.ARGUMENT, argument);
        }
        wording.requireOneWay(options.all, options.arguments, options.builtFrom.buildArguments, passThrough);
        wording.requireOneImage(options.builtFrom.file.isPresent(), options.all, options.arguments);
        wording.requirePositive("--attempts", options.crowd.attempts);
        wording.requirePositive("--timeout", options.crowd.timeoutSeconds);
        wording.requirePositive("--jobs", options.crowd.jobs);
        wording.requirePositive("--wait", options.crowd.waitSeconds);
    }

    /** As the user would type it, as far as a JVM can tell. */
    private static String command() {
        String path = System.getProperty("java.class.path", "");
        return System.getenv("JBANGW_JBANG") != null ? "./jbangw ensure_image.java"
                : path.matches("[^:]*ensure_image[^:/]*\\.jar") ? "java -jar " + path
                : NAME;
    }

    /** What {@code --version} prints: with {@code --verbose}, also what it runs on. */
    static final class VersionOption implements IVersionProvider {
        @Spec
        private CommandSpec spec;

        @Override
        public String[] getVersion() throws InterruptedException {
            ensure_image script = (ensure_image) spec.userObject();
            return script.options.output.verbose
                    ? About.details(NAME, script.options.others.docker, System.getenv()).toArray(String[]::new)
                    : new String[] {About.version(NAME)};
        }
    }
}
