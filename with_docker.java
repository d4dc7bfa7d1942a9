///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Runs a command with a private, throwaway, real Docker engine
//JAVA 17+
//RUNTIME_OPTIONS -XX:-UsePerfData
//DEPS info.picocli:picocli:4.7.7
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.zeroturnaround:zt-exec:1.13.0
//SOURCES src/ensureimage/throwaway/DebianEngine.java
//SOURCES src/ensureimage/throwaway/DindEngine.java

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.zeroturnaround.exec.ProcessExecutor;
import org.zeroturnaround.exec.stream.LogOutputStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/**
 * A throwaway real Docker engine around any command.
 *
 * <p>This file has the command line, what can be asked for, and what the kinds of engine share.
 */
@Command(name = "with_docker", version = "with_docker " + with_docker.VERSION, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        customSynopsis = {"with_docker [--engine VERSION] [--store containerd|classic] [--] COMMAND...",
            "       with_docker [OPTIONS] --shell"},
        description = {"%nRuns COMMAND with a private, throwaway, real Docker engine: DOCKER_HOST is set and a matching"
                + " `docker` is first on PATH. COMMAND's exit status is passed on. When it ends, the engine is gone with"
                + " all that was in it. The image `busybox` is there from the start.%n",
            "Needs root on Debian or Ubuntu, or a Docker, see below. The first start of a version unpacks Docker's"
                    + " Debian packages into $${XDG_CACHE_HOME:-~/.cache}/ensure_image/engines (about 450 MB, 20 s); delete"
                    + " that to get newer ones.%n",
            "COMMAND sees only its own processes and the engine's, and whatever it leaves running ends with it. The"
                    + " engine sees your home and the current folder, for bind mounts. It can reach the network, but is not"
                    + " reached from it: a published port is open on COMMAND's localhost alone.%n",
            "--engine dind:VERSION starts the engine in a privileged container of the image docker:VERSION-dind, on the"
                    + " Docker that you have; no root needed. COMMAND is an ordinary process then: it uses your `docker`, has"
                    + " the host's network, and finds published ports at $$TESTCONTAINERS_HOST_OVERRIDE.%n"},
        optionListHeading = "Options:%n",
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {"N:COMMAND's own; else", "2:usage", "69:no engine: it cannot be had here, or did not start",
            "126:COMMAND is not executable", "127:COMMAND was not found", "128+N:COMMAND was killed by signal N",
            "130:interrupted"})
class with_docker implements Callable<Integer> {

    /** That of the project. */
    static final String VERSION = "0.1.0";

    @Option(names = "--engine", paramLabel = "VERSION", defaultValue = "26.1",
            description = "Docker version: 20.10, 26.1 or 28.5; or dind[:VERSION]. Default: ${DEFAULT-VALUE}")
    private String version;

    @Option(names = "--store", paramLabel = "STORE",
            description = "Image store: ${COMPLETION-CANDIDATES}. Default: containerd, where the version has it")
    private Store store;

    @Option(names = "--disk", paramLabel = "MB",
            description = "Size of the engine's disk, of which only what is used is taken. Not for dind. Default: "
                    + Spec.DISK)
    private Integer disk;

    @Option(names = "--network", paramLabel = "NETWORK", defaultValue = "engine",
            description = "COMMAND's network: ${COMPLETION-CANDIDATES}. With `engine`, localhost has the ports that"
                    + " containers publish; with `host`, what else this machine has there. Default: ${DEFAULT-VALUE}")
    private Network network;

    @Option(names = "--shell", description = "Run a shell ($$SHELL, else sh) as COMMAND")
    private boolean shell;

    @Option(names = "--verbose", description = "Print the engine's log when it ends, and stack traces")
    private boolean verbose;

    @Parameters(paramLabel = "COMMAND", hidden = true)
    private List<String> command = List.of();

    @CommandLine.Spec
    private CommandSpec cli;

    public static void main(String... args) {
        System.exit(execute(args));
    }

    /** Runs the command line and returns the exit status; never ends the JVM. */
    static int execute(String... args) {
        return new CommandLine(new with_docker())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false) // an @word is COMMAND's
                .setStopAtPositional(true) // and so is every option after it
                .setParameterExceptionHandler((mistake, arguments) -> {
                    mistake.getCommandLine().getErr().println("with_docker: " + mistake.getMessage() + " (see --help)");
                    return 2;
                })
                .setExecutionExceptionHandler((failure, line, parsed) -> line.<with_docker>getCommand().report(failure))
                .execute(args);
    }

    @Override
    public Integer call() throws Failure, InterruptedException {
        if (shell == !command.isEmpty()) {
            throw new ParameterException(cli.commandLine(), shell ? "--shell takes no COMMAND" : "COMMAND is missing");
        }
        if (shell) {
            command = List.of(System.getenv().getOrDefault("SHELL", "/bin/sh"));
        }
        Spec spec;
        try {
            spec = new Spec(version, store == null ? Spec.stores(version).get(0) : store,
                    disk == null ? Spec.DISK : disk);
            if (spec.isDind() && disk != null) {
                throw new IllegalArgumentException("--disk is not for dind, which uses the disk of the current engine");
            }
        } catch (IllegalArgumentException e) {
            throw new ParameterException(cli.commandLine(), e.getMessage());
        }
        requireExecutable(command.get(0));
        var err = cli.commandLine().getErr();
        try (var engine = start(spec, new Console(err))) {
            int status = engine.run(command, network);
            if (verbose) {
                err.print(engine.log());
            }
            return status;
        }
    }

    /** Tells a mistake in COMMAND before the engine is started for it. */
    private static void requireExecutable(String program) throws Failure {
        var file = program.contains("/") ? Path.of(program) : Engine.Tools.find(program);
        if (program.equals("docker")) {
            return; // comes with the engine
        }
        if (file == null || !Files.exists(file)) {
            throw new Failure(127, program + ": command not found");
        }
        if (Files.isDirectory(file) || !Files.isExecutable(file)) {
            throw new Failure(126, program + ": not an executable file");
        }
    }

    private int report(Exception failure) {
        var err = cli.commandLine().getErr();
        if (Engine.AtExit.running) {
            return 130; // nobody waits for this; and it failed because it is being ended
        }
        if (verbose || !(failure instanceof Failure)) {
            failure.printStackTrace(err);
        } else {
            err.println("with_docker: " + failure.getMessage());
        }
        return failure instanceof Failure known ? known.status : Failure.NO_ENGINE;
    }

    // ---- what can be asked for ------------------------------------------------------------------------------------

    /** Where an engine keeps its images. */
    enum Store {
        CONTAINERD, CLASSIC;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Whose localhost and addresses a command has. */
    enum Network {
        ENGINE, HOST;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * The engine wanted.
     *
     * @param version 20.10, 26.1 or 28.5; or dind:V for the image docker:V-dind, or dind for a version of our choice
     * @param disk    size of its disk in MB; not for dind, which uses that of the current engine
     * @throws IllegalArgumentException if there is no such engine
     */
    record Spec(String version, Store store, int disk) {
        static final int DISK = 20_000;

        Spec {
            version = DindEngine.version(version).orElse(version);
            var stores = stores(version);
            if (!stores.contains(store)) {
                throw new IllegalArgumentException("Docker " + version + " has no " + store + " store, only "
                        + stores.get(0));
            }
            if (disk <= 0) {
                throw new IllegalArgumentException("a disk of " + disk + " MB is none");
            }
        }

        Spec(String version, Store store) {
            this(version, store, DISK);
        }

        boolean isDind() {
            return DindEngine.version(version).isPresent();
        }

        /** Those that a version has, as far as we know, the default first. */
        static List<Store> stores(String version) {
            return DindEngine.version(version).isPresent() ? List.of(Store.values())
                    : DebianEngine.Release.of(version).stores;
        }
    }

    /** Something that a user can understand and act on; the exit status says which kind. */
    static final class Failure extends Exception {
        static final int NO_ENGINE = 69;
        private static final long serialVersionUID = 1;

        final int status;

        Failure(int status, String message) {
            super(message);
            this.status = status;
        }

        static Failure noEngine(String message) {
            return new Failure(NO_ENGINE, message);
        }
    }

    /** Where a start tells what it does. */
    interface Progress {
        Progress NONE = new Progress() {
        };

        /** What is being done now, until the next step or {@link #done()}. */
        default void step(String what) {}

        /** What the user should know even afterwards. */
        default void notice(String what) {}

        default void done() {}
    }

    // ---- the life of an engine ------------------------------------------------------------------------------------

    /**
     * Starts an engine and returns it when it answers.
     *
     * @throws Failure if there can be none here, or it does not start; nothing is left of it then
     */
    static Engine start(Spec spec, Progress progress) throws Failure, InterruptedException {
        try {
            Engine engine = spec.isDind() ? DindEngine.prepare(spec, progress) : DebianEngine.prepare(spec, progress);
            engine.open(progress);
            return engine;
        } catch (IOException | UncheckedIOException e) {
            throw Failure.noEngine("cannot set up the engine: " + e);
        } finally {
            progress.done();
        }
    }

    /** A running engine. Whoever started it closes it; it ends with the JVM at the latest. */
    abstract static sealed class Engine implements AutoCloseable permits DebianEngine, DindEngine {
        static final Duration GRACE = Duration.ofSeconds(10);
        static final Duration READY = Duration.ofSeconds(60);

        private final Spec spec;
        private AtExit atExit;
        /** In the command's process group and nothing but that: a signal to the group ends it. */
        private Process canary;
        private Process launched;
        private ProcessHandle command;

        Engine(Spec spec) {
            this.spec = spec;
        }

        Spec spec() {
            return spec;
        }

        /** The full version, as in 26.1.5. */
        abstract String version();

        /** What to add to a process's environment for it to talk to this engine. */
        abstract Map<String, String> environment();

        /** The client to use. */
        abstract Path docker();

        /** Where dockerd prints. */
        abstract Path logFile();

        /** Brings it up until it answers and has busybox. */
        abstract void boot(Progress progress) throws Failure, IOException, InterruptedException;

        /** Starts a command in our terminal and process group. */
        abstract Process launch(List<String> arguments, Network network)
                throws Failure, IOException, InterruptedException;

        /** The command itself, once it is there. */
        abstract Optional<ProcessHandle> command(Process launched);

        /** Ends all that there is of it, and returns when it is gone. */
        abstract void takeDown();

        private void open(Progress progress) throws Failure, IOException, InterruptedException {
            atExit = new AtExit(this::end);
            try {
                boot(progress);
            } catch (Throwable e) {
                close();
                throw e;
            }
        }

        /** What dockerd has printed. */
        String log() {
            try {
                return Files.readString(logFile());
            } catch (IOException e) {
                return "(no log: " + e + ")";
            }
        }

        /**
         * Runs a command in our terminal and process group, so that Ctrl-C reaches it as if started directly.
         *
         * @return its exit status; 128 + N if signal N killed it
         */
        int run(List<String> arguments, Network network) throws Failure, InterruptedException {
            try {
                startCommand(arguments, network);
            } catch (IOException e) {
                throw Failure.noEngine("cannot run " + arguments.get(0) + ": " + e.getMessage());
            }
            try {
                return launched.waitFor();
            } finally {
                canary.destroy();
            }
        }

        /** Not while {@link #endCommand} looks whether there is one. */
        private synchronized void startCommand(List<String> arguments, Network network)
                throws Failure, IOException, InterruptedException {
            canary = new ProcessBuilder("cat").start();
            launched = launch(arguments, network);
            command = null;
            while (launched.isAlive() && command == null) {
                command = command(launched).orElse(null);
                Thread.sleep(1);
            }
        }

        /** Ends the engine with all that is in it, and returns when it is gone. */
        @Override
        public void close() {
            atExit.close();
        }

        private void end() {
            endCommand();
            takeDown();
        }

        /** If the command still runs, because we are told to end: lets it end in its own way. */
        private synchronized void endCommand() {
            if (command == null || !command.isAlive()) {
                return;
            }
            // If the whole group got a signal, as from Ctrl-C, the command is at it already. Else only we got it.
            if (!ended(canary.toHandle(), Duration.ofMillis(200)) || !ended(command, GRACE)) {
                command.destroy();
                ended(command, GRACE);
            }
        }

        /** Waits for that; false if it takes longer. */
        static boolean ended(ProcessHandle process, Duration limit) {
            try {
                process.onExit().get(limit.toMillis(), TimeUnit.MILLISECONDS);
                return true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // what follows does not wait either
            } catch (ExecutionException | TimeoutException e) {
                // not yet
            }
            return false;
        }

        // -- what the kinds of engine share

        /** @param folder in which the socket and the client's configuration are */
        static Map<String, String> environment(String folder) {
            var environment = new LinkedHashMap<String, String>();
            // These would overrule DOCKER_HOST, or belong to another engine. The client takes empty for unset.
            Stream.of("DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
                    "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_HOST").filter(name -> System.getenv(name) != null)
                    .forEach(name -> environment.put(name, ""));
            environment.put("DOCKER_HOST", "unix://" + folder + "/docker.sock");
            environment.put("DOCKER_CONFIG", folder + "/client/config");
            return environment;
        }

        /** Runs the client on this engine and returns its output. */
        String docker(String... arguments) throws Failure, InterruptedException {
            var line = Stream.concat(Stream.of(docker().toString()), Stream.of(arguments)).toList();
            return Tools.run(environment(), Tools.SHORT, line);
        }

        void awaitReady(Process dockerd, Path socket) throws Failure, InterruptedException {
            var deadline = Instant.now().plus(READY);
            while (!Tools.answers(socket)) {
                if (!dockerd.isAlive() || Instant.now().isAfter(deadline)) {
                    var what = dockerd.isAlive() ? "does not answer after " + READY.toSeconds() + " s"
                            : "ended with status " + dockerd.exitValue();
                    throw Failure.noEngine("dockerd " + what + "; its last lines:\n" + Tools.lastLines(log(), 10));
                }
                Thread.sleep(20);
            }
        }

        /** Something to be done once: when closed, or when the JVM is told to end before that. */
        static final class AtExit implements AutoCloseable {
            /** The JVM is being ended; what fails meanwhile fails because of that. */
            static volatile boolean running;

            private final Runnable action;
            private final Thread hook = new Thread(() -> {
                running = true;
                runOnce();
            });
            private boolean done;

            AtExit(Runnable action) {
                this.action = action;
                Runtime.getRuntime().addShutdownHook(hook);
            }

            private synchronized void runOnce() {
                if (!done) {
                    done = true;
                    action.run();
                }
            }

            @Override
            public void close() {
                runOnce();
                try {
                    Runtime.getRuntime().removeShutdownHook(hook);
                } catch (IllegalStateException e) {
                    // it runs already, and finds nothing to do
                }
            }
        }

        /** Small things around processes and files. */
        static final class Tools {
            static final String SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
            /** The user's, and what a user's may lack. */
            static final String PATH = System.getenv().getOrDefault("PATH", "") + ":" + SYSTEM_PATH;
            static final String OTHERWISE = "; or, on a machine that has Docker, --engine dind";
            private static final int LINE = 300;
            static final Duration SHORT = Duration.ofMinutes(1);
            static final Duration LONG = Duration.ofMinutes(20);

            static String run(Map<String, String> environment, Duration timeout, List<String> line)
                    throws Failure, InterruptedException {
                return run(environment, timeout, line, output -> {});
            }

            /** Runs a command to its end and returns its output. What it prints on failure is in the exception. */
            static String run(Map<String, String> environment, Duration timeout, List<String> line,
                    Consumer<String> lines) throws Failure, InterruptedException {
                var name = Path.of(line.get(line.indexOf("--") + 1)).getFileName(); // not nsenter, if it is that
                try {
                    var executor = new ProcessExecutor(line).environment("PATH", PATH).environment(environment)
                            .readOutput(true).redirectOutputAlsoTo(new LogOutputStream() {
                                @Override
                                protected void processLine(String output) {
                                    lines.accept(output);
                                }
                            });
                    var result = executor.timeout(timeout.toSeconds(), TimeUnit.SECONDS)
                            .closeTimeout(5, TimeUnit.SECONDS).execute();
                    if (result.getExitValue() != 0) {
                        throw Failure.noEngine(name + " failed with status " + result.getExitValue() + ": "
                                + lastLines(result.outputUTF8(), 5));
                    }
                    return result.outputUTF8();
                } catch (TimeoutException e) {
                    throw Failure.noEngine(name + " did not end within " + timeout.toSeconds() + " s");
                } catch (IOException e) {
                    throw Failure.noEngine("cannot run " + name + ": " + e.getMessage());
                }
            }

            /** Installs a Debian package, if the program of that name is not there. */
            static void require(String program, Progress progress) throws Failure, InterruptedException {
                if (find(program) != null) {
                    return;
                }
                if (find("apt-get") == null) {
                    throw Failure.noEngine(program + " is missing and there is no apt-get to install it: run this on"
                            + " Debian or Ubuntu" + OTHERWISE);
                }
                progress.step("installing " + program);
                for (var action : List.of(List.of("update"),
                        List.of("install", "--yes", "--no-install-recommends", program, "debian-archive-keyring"))) {
                    var line = new ArrayList<>(List.of("apt-get", "-o", "DPkg::Lock::Timeout=300"));
                    line.addAll(action);
                    run(Map.of("DEBIAN_FRONTEND", "noninteractive"), LONG, line);
                }
            }

            static Path find(String program) {
                return Stream.of(PATH.split(":")).map(folder -> Path.of(folder, program))
                        .filter(file -> Files.isRegularFile(file) && Files.isExecutable(file)).findFirst().orElse(null);
            }

            static String home() {
                return System.getenv().getOrDefault("HOME", System.getProperty("user.home"));
            }

            /** The user's home and the current folder, by all their names. */
            static Set<String> usersFolders() {
                return Stream.of(home(), System.getenv().getOrDefault("PWD", ""), System.getProperty("user.dir"))
                        .map(name -> Path.of("/").resolve(name).normalize()).filter(Files::isDirectory)
                        .map(Path::toString).collect(Collectors.toCollection(TreeSet::new));
            }

            /** Where this project keeps what it can make again. */
            static Path cache() {
                var xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
                var cache = xdg.startsWith("/") ? Path.of(xdg) : Path.of(home(), ".cache");
                return cache.resolve("ensure_image");
            }

            /** Whether a `cat`, behind whatever starts it, is there; false if it has ended. */
            static boolean echoes(Process cat) {
                try {
                    cat.getOutputStream().write('\n');
                    cat.getOutputStream().flush();
                    return cat.getInputStream().read() == '\n';
                } catch (IOException e) {
                    return false;
                }
            }

            /** Whether an engine listens at a socket. */
            static boolean answers(Path file) {
                try (var socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
                    socket.connect(UnixDomainSocketAddress.of(file));
                    socket.write(ByteBuffer.wrap("GET /_ping HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
                    var answer = ByteBuffer.allocate(12);
                    while (answer.hasRemaining() && socket.read(answer) >= 0) {
                    }
                    return new String(answer.array(), StandardCharsets.US_ASCII).endsWith(" 200");
                } catch (IOException e) {
                    return false; // not yet, or no more
                }
            }

            /** A file that this JVM has open and has deleted, as other processes reach it. */
            static String openFile(Path deleted) throws IOException {
                return list(Path.of("/proc/self/fd"), "").filter(descriptor -> {
                    try {
                        return Files.readSymbolicLink(descriptor).toString().equals(deleted + " (deleted)");
                    } catch (IOException e) {
                        return false; // closed meanwhile
                    }
                }).findFirst().orElseThrow(() -> new IOException("not open: " + deleted)).toString()
                        .replace("self", Long.toString(ProcessHandle.current().pid()));
            }

            /** The only child of a process. {@link ProcessHandle#children} goes through all processes instead. */
            static Optional<ProcessHandle> child(Process parent) {
                try {
                    var children = Path.of("/proc/%1$d/task/%1$d/children".formatted(parent.pid()));
                    var child = Files.readString(children).strip();
                    return child.isEmpty() ? Optional.empty() : ProcessHandle.of(Long.parseLong(child));
                } catch (IOException e) {
                    return parent.children().findFirst(); // this kernel does not have that file
                }
            }

            /** What is in a folder under names that begin so; nothing, if it cannot be read. */
            static Stream<Path> list(Path folder, String prefix) {
                try (var children = Files.list(folder)) {
                    return children.filter(path -> path.getFileName().toString().startsWith(prefix)).toList().stream();
                } catch (IOException | UncheckedIOException e) {
                    return Stream.of();
                }
            }

            static String lastLines(String text, int count) {
                var lines = text.lines().filter(line -> !line.isBlank())
                        .map(line -> line.length() <= LINE ? line : line.substring(0, LINE) + "...").toList();
                return String.join("\n", lines.subList(Math.max(0, lines.size() - count), lines.size()));
            }
        }
    }

    // ---- details --------------------------------------------------------------------------------------------------

    /** One live line on a terminal, a line a step elsewhere; on stderr, because stdout is COMMAND's. */
    static final class Console implements Progress {
        private static final String ERASE = "\r\033[K";

        private final PrintWriter err;
        private final boolean live = isTerminal();
        private final Instant since = Instant.now();
        private String step;

        Console(PrintWriter err) {
            this.err = err;
            if (live) {
                var clock = new Thread(this::tick);
                clock.setDaemon(true);
                clock.start();
            }
        }

        private static boolean isTerminal() {
            try {
                var stderr = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
                return stderr.matches("/dev/(pts/|tty|console).*");
            } catch (IOException e) {
                return false;
            }
        }

        @Override
        public synchronized void step(String what) {
            step = what;
            if (live) {
                draw();
            } else {
                notice(what);
            }
        }

        @Override
        public synchronized void notice(String what) {
            err.println((live ? ERASE : "") + "with_docker: " + what);
            err.flush();
        }

        @Override
        public synchronized void done() {
            step = null;
            if (live) {
                err.print(ERASE);
                err.flush();
            }
        }

        private synchronized void draw() {
            if (step != null) {
                err.print(ERASE + step + ", " + Duration.between(since, Instant.now()).toSeconds() + " s");
                err.flush();
            }
        }

        private void tick() {
            try {
                while (true) {
                    Thread.sleep(1000);
                    draw();
                }
            } catch (InterruptedException e) {
                // nobody does
            }
        }
    }
}
