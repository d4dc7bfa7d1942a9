///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Ensures that the engine holds a Docker image, builds it if missing or stale, also from many processes at once
//JAVA 17+
//MAIN ensure_image
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES src/ensureimage/report/RunReport.java
//SOURCES race_repro.java with_docker.java

import ensureimage.EnsureImage;
import ensureimage.Limits;
import ensureimage.Outcome;
import ensureimage.Sharing;
import ensureimage.install.ClassArchive;
import ensureimage.install.ClientWatch;
import ensureimage.install.Installation;
import ensureimage.install.NotInstalled;
import ensureimage.install.Places;
import ensureimage.install.PluginCall;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.report.About;
import ensureimage.report.Completion;
import ensureimage.report.ExitCode;
import ensureimage.report.Form;
import ensureimage.report.HelpText;
import ensureimage.report.InitText;
import ensureimage.report.InstallWording;
import ensureimage.report.Message;
import ensureimage.report.NameCompletion;
import ensureimage.report.Options;
import ensureimage.report.RunReport;
import ensureimage.report.Selection;
import ensureimage.report.StackTrace;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import ensureimage.report.UsageException;
import ensureimage.report.UsageWording;
import ensureimage.report.Wording;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line of {@link EnsureImage}: options, help, exit codes, and what is printed where. */
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

    private final Form form = Form.detect(System::getProperty, System.getenv());
    private final UsageWording wording = new UsageWording(form.command(), () -> Terminal.isUsers(System.getenv()));
    private Map<String, String> environment = System.getenv();
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
    public static int execute(String... arguments) {
        ClassArchive.forgetForeign(System::getProperty);
        ensure_image script = new ensure_image();
        return Installation.isPlugin(System::getProperty) ? Plugin.run(script, Arrays.asList(arguments))
                : script.execute(Arrays.asList(arguments));
    }

    private int execute(List<String> words) {
        int separator = words.indexOf("--");
        passThrough = separator < 0 ? List.of() : words.subList(separator + 1, words.size());
        given = separator < 0 ? words : words.subList(0, separator);
        return options.take(given) ? call() : Parser.run(this);
    }

    /** As {@code docker ensure}. */
    private static final class Plugin {
        static int run(ensure_image script, List<String> arguments) {
            try {
                PluginCall call = PluginCall.read(arguments, System.getenv());
                if (call.completes()) {
                    new Completion(new CommandLine(script).getCommandSpec()).answer(call.words())
                            .forEach(System.out::println);
                    return ExitCode.ENSURED.status();
                }
                ClientWatch.start(System.getenv(), () -> System.exit(ExitCode.INTERRUPTED.status()));
                script.environment = call.environment();
                script.options.others.docker = call.docker();
                script.options.output.verbose = call.debug();
                return script.execute(call.words());
            } catch (IOException e) {
                return script.fail(script.wording.certificates(e), ExitCode.USAGE);
            }
        }
    }

    /** All other command lines. */
    private static final class Parser {
        static int run(ensure_image script) {
            CommandLine parser = new CommandLine(script);
            HelpText.fill(parser, script.form.command(), script.given);
            return parser.setParameterExceptionHandler((e, ignored) -> script.fail(script.describe(e), ExitCode.USAGE))
                    .execute(script.given.toArray(String[]::new));
        }

        static ExitCode printCompletion(CommandLine parser) {
            parser.getOut().println(NameCompletion.script(AutoComplete.bash(NAME, parser),
                    parser.getCommandSpec().options().stream().filter(option -> option.arity().min() > 0)
                            .flatMap(option -> Stream.of(option.names()))));
            return ExitCode.ENSURED;
        }
    }

    private Message describe(ParameterException e) {
        String problem = Printable.escape(e.getMessage()).replaceFirst("^Error: ", "");
        return e instanceof UnmatchedArgumentException unmatched
                ? wording.unknownOption(problem, given, passThrough, unmatched.getSuggestions())
                : wording.mistake(problem, given, passThrough);
    }

    @Override
    public Integer call() {
        try {
            return (options.others.completion ? Parser.printCompletion(spec.commandLine())
                    : options.others.install.isPresent() || options.others.uninstall ? install()
                    : ensure()).status();
        } catch (NotInstalled e) {
            return fail(InstallWording.failure(e), ExitCode.USAGE);
        } catch (UsageException e) {
            return fail(e.message(), e.code());
        } catch (RecipeException e) {
            return fail(wording.flaw(e.flaw(), given, passThrough), ExitCode.USAGE);
        } catch (InterruptedException e) {
            return fail(new Message("interrupted"), ExitCode.INTERRUPTED);
        } catch (RuntimeException e) {
            int status = fail(wording.unexpected(e), ExitCode.BUG);
            if (options.output.verbose) {
                StackTrace.of(e).forEach(System.err::println);
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

    private ExitCode install() throws NotInstalled, InterruptedException {
        Optional<Path> folder = options.others.install.filter(name -> !name.isEmpty()).map(Path::of);
        Installation installation = new Installation(Places.find(environment, folder));
        if (options.others.uninstall) {
            InstallWording.removed(installation.uninstall(), environment).forEach(System.out::println);
            return ExitCode.ENSURED;
        }
        Optional<Path> script = Optional.ofNullable(System.getenv("JBANGW_SCRIPT")).map(Path::of);
        List<Path> launchers = installation.install(System::getProperty, script);
        InstallWording.installed(launchers).forEach(System.out::println);
        InstallWording.path(launchers, environment).forEach(System.err::println);
        return ExitCode.ENSURED;
    }

    private ExitCode ensure() throws UsageException, RecipeException, InterruptedException {
        if (options.others.init) {
            InitText.lines(wording, options.images).forEach(System.out::println);
            return ExitCode.ENSURED;
        }
        if (!options.others.names) {
            checkOptions();
        }
        if (options.output.verbose) {
            Installation.running(System::getProperty).flatMap(Installation::newerSource).map(InstallWording::newer)
                    .ifPresent(lines -> lines.forEach(System.err::println));
        }
        BuildOptions build = BuildOptions.parse(options.builtFrom.buildArguments, options.builtFrom.target,
                options.builtFrom.platform, passThrough, environment);
        EnsureImage docker = EnsureImage.using(options.others.docker, environment);
        if (options.others.names) {
            NameCompletion.names(options, docker, build).forEach(System.out::println);
            return ExitCode.ENSURED;
        }
        Selection selection = Selection.read(options, docker, build, dockerfile());
        Style style =
                new Style(wording.parseFormat(options.output.format), options.output.quiet, options.output.verbose,
                        options.when.view());
        try (RunReport report = RunReport.open(style, new PrintWriter(System.out, true),
                new PrintWriter(System.err, true), Terminal.detect(System.getenv()), System.getenv())) {
            report.remark(selection.remarks());
            return ensure(docker.with(options.when.policy()).with(report), selection.members(), report);
        }
    }

    private ExitCode ensure(EnsureImage docker, List<ImageCollection.Member> members, RunReport report)
            throws UsageException, InterruptedException {
        EnsureImage ensure = docker.with(new Limits(options.crowd.attempts,
                Duration.ofSeconds(options.crowd.timeoutSeconds), options.crowd.jobs));
        if (options.crowd.singleFlight) {
            ensure = ensure.withSingleFlight(Duration.ofSeconds(options.crowd.waitSeconds));
        }
        Optional<Sharing> sharing = options.shares.sharing(wording, environment);
        wording.requireSharing(options.when.whyNotShared, sharing.isPresent());
        if (sharing.isPresent()) {
            ensure = ensure.withSharing(sharing.get());
        }
        try {
            boolean tells = options.when.view() != Style.View.OUTCOME;
            ExitCode worst = worst((tells ? ensure.lookAtAll(members)
                    : options.when.check ? ensure.checkAll(members)
                    : options.when.whyNotShared ? ensure.compareShared(members)
                    : ensure.ensureAll(members)).values());
            return tells && worst == ExitCode.NOT_CURRENT ? ExitCode.ENSURED : worst;
        } catch (InterruptedException e) {
            report.interrupted();
            throw e;
        }
    }

    private static ExitCode worst(Collection<Outcome> outcomes) {
        return outcomes.stream().map(ExitCode::forOutcome).reduce(ExitCode.ENSURED, ExitCode::worse);
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
        wording.requireSensible(options, given, passThrough);
    }

    /** What {@code --version} prints: with {@code --verbose}, also what it runs on. */
    static final class VersionOption implements IVersionProvider {
        @Spec
        private CommandSpec spec;

        @Override
        public String[] getVersion() throws InterruptedException {
            ensure_image script = (ensure_image) spec.userObject();
            return script.options.output.verbose
                    ? About.details(NAME, script.form, script.options.others.docker, script.environment)
                            .toArray(String[]::new)
                    : new String[] {About.version(NAME, script.form)};
        }
    }
}
