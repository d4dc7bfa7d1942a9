///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Runs a command with a private, throwaway, real Docker engine
//JAVA 17+
//MAIN with_docker
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES src/ensureimage/report/RunReport.java
//SOURCES src/ensureimage/throwaway/ThrowawayEngine.java

import ensureimage.Version;
import ensureimage.engine.CacheFolder;
import ensureimage.engine.Processes;
import ensureimage.recipe.Printable;
import ensureimage.report.ExitCode;
import ensureimage.report.StackTrace;
import ensureimage.report.Terminal;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.Machine;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** A throwaway real Docker engine around any command: the command line of {@link ThrowawayEngine}. */
@Command(name = "with_docker", version = "with_docker " + Version.TEXT, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = {"with_docker [--engine VERSION] [--store STORE] [--] COMMAND...",
            "       with_docker [OPTIONS] --shell"},
        description = {
            "%nRuns COMMAND with a private, throwaway, real Docker engine. DOCKER_HOST is set, and a matching"
                    + " `docker` is first on PATH. The exit status is COMMAND's. When COMMAND ends, the engine is removed"
                    + " with everything in it. The image `busybox` is there from the start.%n",
            "Needs root on Debian or Ubuntu, or a Docker, see below. The first start of a version unpacks Docker's"
                    + " Debian packages into $${XDG_CACHE_HOME:-~/.cache}/ensure_image/engines (about 450 MB, 20 s). Delete"
                    + " that folder to get newer packages.%n",
            "COMMAND sees only its own processes and the engine's. Whatever it leaves running ends with it. The engine"
                    + " sees your home and the current folder, for bind mounts. It can reach the network, but the network"
                    + " cannot reach it: a published port is open only on COMMAND's localhost.%n",
            "--engine dind:VERSION starts the engine in a privileged container of the image docker:VERSION-dind, on the"
                    + " Docker that you have. This needs no root. COMMAND is then an ordinary process: it uses your"
                    + " `docker` and the host's network, and finds published ports at $$TESTCONTAINERS_HOST_OVERRIDE.%n"},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {"N:the status of COMMAND, or one of these:", "2:usage error",
            "69:no engine: none can be started here, or it did not start",
            "70:a bug in this program: please report it", "126:COMMAND is not executable",
            "127:COMMAND was not found", "128+N:COMMAND was killed by signal N", "130:interrupted"})
class with_docker implements Callable<Integer> {

    @Option(names = "--engine", paramLabel = "VERSION", defaultValue = "26.1",
            description = "Docker version: 20.10, 26.1, 28.5 or dind[:VERSION]. Default: ${DEFAULT-VALUE}")
    private String version;

    @Option(names = "--store", paramLabel = "STORE",
            description = "Image store: ${COMPLETION-CANDIDATES}. Default: containerd, if the version has it")
    private Optional<EngineSpec.Store> store = Optional.empty();

    @Option(names = "--disk", paramLabel = "MB",
            description = "Maximum size of the engine's disk (allocated as needed). Not for dind. Default: "
                    + EngineSpec.DISK)
    private Optional<Integer> disk = Optional.empty();

    @Option(names = "--network", paramLabel = "NETWORK", defaultValue = "engine",
            description = "COMMAND's network: ${COMPLETION-CANDIDATES}. With `engine`, its localhost has the ports that"
                    + " containers publish. With `host`, it has the ports of this machine. Default: ${DEFAULT-VALUE}")
    private ThrowawayEngine.Network network;

    @Option(names = "--registry", description = "Start a registry beside the engine and set $$ENSURE_IMAGE_REGISTRY to"
            + " its address, 127.0.0.1:PORT. For dind, it is a container of the image registry:2")
    private boolean registry;

    @Option(names = "--reach", paramLabel = "PORT",
            description = "Open this port of the machine's 127.0.0.1 at the engine's, too: another engine's registry."
                    + " May be repeated. Not for dind")
    private List<Integer> reach = List.of();

    @Option(names = "--shell", description = "Run a shell ($$SHELL, else sh) as COMMAND")
    private boolean shell;

    @Option(names = "--verbose", description = "Print the engine's log when it ends, and stack traces")
    private boolean verbose;

    @Parameters(paramLabel = "COMMAND", hidden = true)
    private List<String> command = List.of();

    @CommandLine.Spec
    private CommandSpec cli;

    public static void main(String... arguments) {
        // What zt-exec logs with: to search for it takes as long as to start a process.
        System.setProperty("slf4j.provider", "org.slf4j.nop.NOPServiceProvider");
        System.setProperty("slf4j.internal.verbosity", "WARN");
        System.exit(execute(arguments));
    }

    /** Runs the command line and returns the exit status; never ends the JVM. */
    static int execute(String... arguments) {
        return new CommandLine(new with_docker())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false) // an @word is COMMAND's
                .setStopAtPositional(true) // and so is every option after it
                .setParameterExceptionHandler((mistake, words) -> {
                    mistake.getCommandLine().getErr().println("with_docker: " + mistake.getMessage() + " (see --help)");
                    return ExitCode.USAGE.status();
                })
                .setExecutionExceptionHandler((failure, line, parsed) -> line.<with_docker>getCommand().report(failure))
                .execute(arguments);
    }

    @Override
    public Integer call() throws NotRun, EngineUnavailable, InterruptedException {
        if (shell == !command.isEmpty()) {
            throw mistake(shell ? "--shell takes no COMMAND" : "COMMAND is missing");
        }
        var spec = spec();
        var line = shell ? List.of(machine().environment().getOrDefault("SHELL", "/bin/sh")) : command;
        requireExecutable(line.get(0), machine());
        var console = new Console(cli.commandLine().getErr());
        try (var engine = ThrowawayEngine.start(spec, machine(), console)) {
            if (registry) {
                engine.startRegistry(console);
            }
            for (int port : reach) {
                engine.reach(port, console);
            }
            int status = engine.run(line, network);
            if (verbose) {
                console.err.print(engine.log());
            }
            return status;
        }
    }

    private EngineSpec spec() {
        try {
            var spec = new EngineSpec(version, store.orElseGet(() -> EngineSpec.stores(version).get(0)),
                    disk.orElse(EngineSpec.DISK));
            if (spec.isDind() && disk.isPresent()) {
                throw mistake("--disk is not for dind, which uses the disk of the current engine");
            }
            reach.forEach(spec::requireReachable);
            return spec;
        } catch (IllegalArgumentException e) {
            throw mistake(e.getMessage());
        }
    }

    private ParameterException mistake(String message) {
        return new ParameterException(cli.commandLine(), message);
    }

    /** This machine and this process's user, for {@link ThrowawayEngine#start}. */
    static Machine machine() {
        Map<String, String> all = new TreeMap<>(System.getenv());
        all.putIfAbsent("HOME", System.getProperty("user.home")); // a service may have none
        all.keySet().removeIf(name -> name.startsWith("JBANGW_")); // they tell how this script was started
        return new Machine(all, CacheFolder.find(all), Path.of("").toAbsolutePath(), System.getProperty("os.arch"));
    }

    /** Tells a mistake in COMMAND before the engine is started for it. */
    private static void requireExecutable(String program, Machine machine) throws NotRun {
        if (program.equals("docker")) {
            return; // comes with the engine
        }
        var file = (program.contains("/") ? Optional.of(Path.of(program)) : machine.find(program))
                .filter(Files::exists).orElseThrow(() -> new NotRun(127, program + ": command not found"));
        if (Files.isDirectory(file) || !Files.isExecutable(file)) {
            throw new NotRun(126, program + ": not an executable file");
        }
    }

    // ---- failures -------------------------------------------------------------------------------------------------

    /** COMMAND cannot be run. */
    private static final class NotRun extends Exception {
        private static final long serialVersionUID = 1;
        final int status;

        NotRun(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    private int report(Exception fault) {
        if (fault instanceof InterruptedException || Processes.areEnding()) {
            return ExitCode.INTERRUPTED.status(); // what failed did so because it is being ended
        }
        var err = cli.commandLine().getErr();
        boolean known = fault instanceof NotRun || fault instanceof EngineUnavailable;
        if (verbose || !known) {
            StackTrace.of(fault).forEach(err::println);
        }
        print(fault instanceof EngineUnavailable e ? describe(e) : known ? fault.getMessage() : fault.toString(), err);
        return fault instanceof NotRun e ? e.status : (known ? ExitCode.NO_ENGINE : ExitCode.BUG).status();
    }

    /** What follows the first line is another program's, and could be a command in a log of GitHub Actions. */
    private static void print(String message, PrintWriter err) {
        var prefix = "with_docker: ";
        for (var line : message.lines().toList()) {
            err.println(prefix + Printable.escape(line));
            prefix = "| ";
        }
    }

    /** What is wrong and what to do about it, for users of --engine. */
    static String describe(EngineUnavailable failure) {
        var otherwise = "; or, on a machine that has Docker, --engine dind";
        return failure.getMessage() + switch (failure.reason()) {
            case NOT_LINUX -> otherwise;
            case NOT_ROOT -> ": use sudo" + otherwise;
            case NO_APT -> ": run this on Debian or Ubuntu" + otherwise;
            case NO_CACHE -> ": neither XDG_CACHE_HOME nor HOME names one";
            case CACHE_PATH_TOO_LONG -> ": set XDG_CACHE_HOME to a shorter one";
            case FAILED -> "";
        };
    }

    // ---- progress -------------------------------------------------------------------------------------------------

    /** One live line on a terminal, a line per step elsewhere; on stderr, because stdout is COMMAND's. */
    static final class Console implements ThrowawayEngine.Progress {
        private static final String ERASE = "\r\033[K";

        private final PrintWriter err;
        private final boolean live = Terminal.detect(System.getenv()).progress();
        private final Instant since = Instant.now();
        private Optional<String> step = Optional.empty();

        Console(PrintWriter err) {
            this.err = err;
            if (live) {
                var clock = new Thread(this::tick);
                clock.setDaemon(true);
                clock.start();
            }
        }

        @Override
        public synchronized void step(String what) {
            step = Optional.of(what);
            if (live) {
                draw();
            } else {
                notice(what);
            }
        }

        @Override
        public synchronized void notice(String what) {
            print((live ? ERASE : "") + "with_docker: " + Printable.escape(what) + System.lineSeparator());
        }

        @Override
        public synchronized void done() {
            step = Optional.empty();
            print(live ? ERASE : "");
        }

        private synchronized void draw() {
            step.ifPresent(
                    what -> print(ERASE + Printable.escape(what) + ", "
                            + Duration.between(since, Instant.now()).toSeconds() + " s"));
        }

        private void print(String text) {
            err.print(text);
            err.flush();
        }

        private void tick() {
            try {
                while (true) {
                    Thread.sleep(1000);
                    draw();
                }
            } catch (InterruptedException e) {
                // it ends
            }
        }
    }
}
