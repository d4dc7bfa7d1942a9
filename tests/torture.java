///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Tries to break the promise of ensure_image: load and faults on a real engine, and what came of it
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Harness.java
//SOURCES RegistryProxy.java
//SOURCES ../*.java
//SOURCES ../src/**/*.java

import ensureimage.EnsureImage;
import ensureimage.Ensured;
import ensureimage.Limits;
import ensureimage.Listener;
import ensureimage.NotEnsured;
import ensureimage.Notice;
import ensureimage.Sharing;
import ensureimage.Version;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Printable;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.report.ExitCode;
import ensureimage.report.Wording;
import ensureimage.testing.Harness;
import ensureimage.testing.ImageFiles;
import ensureimage.testing.RegistryProxy;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.EngineUnavailable;
import ensureimage.throwaway.ThrowawayEngine;
import ensureimage.throwaway.ThrowawayRegistry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Lets many builders want images at once while something breaks, round after round, and judges each answer by what the
 * engine then holds.
 *
 * <p>The rule it keeps: no answer is believed. Which inputs an image was built from is read from a file inside the image,
 * and every version of every folder has a text of its own.
 */
@Command(name = "torture", version = "torture " + Version.TEXT, mixinStandardHelpOptions = true,
        sortOptions = false, usageHelpAutoWidth = true,
        description = {"", "Lets many builders want images at once while something breaks, and counts false answers.",
            ""},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {" 0:nothing false, wrong, stale or left behind", " 2:bad usage", "10:something was",
            "69:no engine"})
final class torture implements Callable<Integer> {

    private static final int SOMETHING_WAS_FALSE = 10;

    @Option(names = "--minutes", paramLabel = "M", defaultValue = "10",
            description = "Start no round after so many minutes (default: ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(names = "--seed", paramLabel = "S", description = "Of all that is random (default: one of the day).")
    private Long seed;

    @Option(names = "--builders", paramLabel = "N", defaultValue = "64",
            description = "How many images are wanted at once (default: ${DEFAULT-VALUE}).")
    private int builders;

    @Option(names = "--processes", paramLabel = "PERCENT", defaultValue = "15",
            description = "Of the builders that are processes of their own where they are mixed with threads, which "
                    + "are cheaper (default: ${DEFAULT-VALUE}).")
    private int processes;

    @Option(names = "--engine", paramLabel = "VERSION", defaultValue = "26.1",
            description = "Docker version (default: ${DEFAULT-VALUE}).")
    private String version;

    @Option(names = "--store", paramLabel = "STORE", defaultValue = "containerd", description = "Its image store.")
    private EngineSpec.Store store;

    @Option(names = "--fault", paramLabel = "NAME",
            description = "Only these, of ${COMPLETION-CANDIDATES}; may be repeated. Those of the registry need --share.")
    private List<Fault> faults = List.of();

    @Option(names = "--share", description = "All builders share through a registry, which breaks, too.")
    private boolean share;

    @Spec
    private CommandSpec spec;

    public static void main(String... arguments) {
        int status = execute(arguments);
        Harness.closeAll();
        System.exit(status);
    }

    static int execute(String... arguments) {
        return new CommandLine(new torture()).setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, commandLine, ignored) -> {
                    if (!(e instanceof EngineUnavailable)) {
                        throw e;
                    }
                    commandLine.getErr().println("torture: " + e.getMessage());
                    return ExitCode.NO_ENGINE.status();
                })
                .execute(arguments);
    }

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        long first = seed != null ? seed : System.currentTimeMillis() / Duration.ofDays(1).toMillis();
        long end = System.nanoTime() + (long) (minutes * 60e9);
        Ledger ledger = new Ledger();
        List<Fault> from = faults.isEmpty()
                ? Arrays.stream(Fault.values()).filter(fault -> share || !fault.isOfRegistry()).toList()
                : faults;
        if (!share && from.stream().anyMatch(Fault::isOfRegistry)) {
            throw new CommandLine.ParameterException(spec.commandLine(), "that fault needs --share");
        }
        try (Stage stage = Stage.open(version, store, share)) {
            out.printf("Docker %s, %s store, seed %d%n", stage.engine.version(), store, first);
            for (int number = 0; number <= 1 || System.nanoTime() < end; number++) {
                Random random = new Random(first * 1_000_003 + number);
                Plan plan = Plan.of(number, first, from, random);
                out.println(new Round(stage, number, plan, builders, processes, random, ledger).play());
                ledger.news().forEach(out::println);
                out.flush();
            }
        }
        ledger.lines().forEach(out::println);
        out.flush();
        return ledger.isClean() ? 0 : SOMETHING_WAS_FALSE;
    }

    // ------------------------------------------------------------------------------------------- load and faults

    /** How many folders, tags and images the builders of a round want. */
    enum Load {
        PROCESSES(1, 1, 1), ONE_TAG(1, 1, 1), MANY_TAGS(4, 16, 1), SHARED_TAG(2, 1, 1), COLLECTION(4, 4, 4);

        /** Those whose builders are all processes of their own; in the others they are mixed with threads. */
        static final Set<Load> SEPARATE = Set.of(PROCESSES, COLLECTION);

        final int folders;
        final int tags;
        /** How many images one builder wants. */
        final int images;

        Load(int folders, int tags, int images) {
            this.folders = folders;
            this.tags = tags;
            this.images = images;
        }
    }

    /** What breaks, and which statuses besides 0 tell the truth about it. */
    enum Fault {
        TAG_REMOVED(75) {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 50, 400, () -> round.stage.docker("image", "rm", "--force",
                        round.someReference()));
            }
        },
        TAG_MOVED(75) {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 50, 400, () -> round.stage.docker("tag", "busybox", round.someReference()));
            }
        },
        PRUNED(75) {
            @Override
            void run(Round round) {
                round.repeat(PRUNES, 300, 2000, () -> {
                    round.stage.docker("builder", "prune", "--all", "--force");
                    round.stage.docker("image", "prune", "--force");
                });
            }
        },
        CONTEXT_EDITED(75) {
            @Override
            void run(Round round) {
                round.repeat(EDITS, 300, 3000, () -> round.someFolder().edit());
            }
        },
        BUILDER_KILLED {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 300, 1500, round::killSomeBuilder);
            }
        },
        ENGINE_KILLED(69, 75) {
            @Override
            void run(Round round) throws IOException, InterruptedException {
                round.pause(500, 6000);
                round.stage.killEngine();
                round.pause(100, 3000);
                round.stage.restartEngine();
            }
        },
        ENGINE_STOPPED(124) {
            @Override
            void run(Round round) throws IOException, InterruptedException {
                round.pause(500, 5000);
                round.stage.signalEngine("STOP");
                try {
                    round.pause(3000, 12_000);
                } finally {
                    round.stage.signalEngine("CONT");
                }
            }
        },
        DISK_FULL(10, 69, 75) {
            @Override
            void run(Round round) throws IOException, InterruptedException {
                round.pause(0, 3000);
                try {
                    round.stage.fillDisk();
                    round.pause(2000, 8000);
                } finally {
                    round.stage.makeRoom();
                    if (!round.stage.answersWithin(Duration.ofSeconds(20))) { // it does not always survive that
                        round.ledger.died();
                        round.stage.killEngine();
                        round.stage.restartEngine();
                    }
                }
            }
        },
        CACHE_SPOILED {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 50, 500, () -> round.stage.spoilCache(ThreadLocalRandom.current()));
            }
        },
        /** For half of the processes. */
        CLOCK_SET_BACK {
            @Override
            void run(Round round) {
                // they are started so
            }
        },
        REGISTRY_STOPPED {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 100, 1500, () -> {
                    round.stage.registry().proxy.goAway();
                    round.pauseQuietly(100, 2000);
                    round.stage.registry().proxy.heal();
                });
            }
        },
        REGISTRY_FULL {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 100, 1000, () -> {
                    round.stage.registry().fillDisk();
                    round.pauseQuietly(100, 2000);
                    round.stage.registry().makeRoom();
                });
            }
        },
        /** The images of this engine, too: so that they are looked for in the registry. */
        SHARED_TAGS_DELETED(75) {
            @Override
            void run(Round round) {
                round.repeat(ALWAYS, 50, 400, () -> {
                    round.stage.registry().deleteTags();
                    round.stage.docker("image", "rm", "--force", round.someReference());
                });
            }
        };

        // Without end, no builder would come to one.
        private static final int EDITS = 2;
        private static final int PRUNES = 10;
        private static final int ALWAYS = Integer.MAX_VALUE;
        static final Set<Fault> BREAK_NAMING = Set.of(ENGINE_KILLED, DISK_FULL);
        final Set<Integer> statuses;

        Fault(Integer... statuses) {
            this.statuses = Set.of(statuses);
        }

        boolean isOfRegistry() {
            return compareTo(REGISTRY_STOPPED) >= 0;
        }

        /** Breaks it; returns with all whole again, when the builders have ended at the latest. */
        abstract void run(Round round) throws IOException, InterruptedException;
    }

    /** What a round is: each fault alone first, then two together in every fourth; most races are in the others. */
    record Plan(Load load, List<Fault> faults) {

        static Plan of(int number, long seed, List<Fault> from, Random random) {
            List<Load> loads = List.of(Load.values());
            List<Fault> all = new ArrayList<>(from);
            if (number == 0) {
                return new Plan(Load.PROCESSES, List.of());
            }
            if (number <= all.size()) { // with the next seed, each meets another load
                return new Plan(loads.get((int) Math.floorMod(number + seed, (long) loads.size())),
                        List.of(all.get(number - 1)));
            }
            if (number % 4 != 0) {
                return new Plan(number % 2 == 0 ? Load.ONE_TAG : Load.SHARED_TAG, List.of());
            }
            Collections.shuffle(all, random);
            return new Plan(loads.get(random.nextInt(loads.size())), all.subList(0, Math.min(all.size(), 2)));
        }

        /** One builder in so many waits for others of the same inputs, and so does not race them. */
        int singleFlightOneIn() {
            return faults.isEmpty() ? 16 : 3;
        }

        /**
         * How long the slow step of a build takes; 0 is none. Builders that come during it join it. Then all export the same
         * image at once, where each waits half a second for the others on 26.1 (containerd/containerd#8790); the rounds
         * that are for races alone do without.
         */
        int seconds(Random random) {
            return load == Load.COLLECTION ? 3 : faults.isEmpty() ? 0 : random.nextInt(2);
        }

        /** Whether this exit status tells the truth, if something broke. */
        boolean allows(int status) {
            return status == 0 || faults.stream().anyMatch(fault -> fault.statuses.contains(status));
        }

        /** Whether what a tag leads to says nothing of what it led to a moment ago. */
        boolean tagsMove() {
            return load == Load.SHARED_TAG
                    || faults.stream().anyMatch(Set.of(Fault.TAG_MOVED, Fault.TAG_REMOVED, Fault.SHARED_TAGS_DELETED,
                            Fault.CONTEXT_EDITED, Fault.DISK_FULL, Fault.ENGINE_KILLED)::contains);
        }

        @Override
        public String toString() {
            return (load + " " + faults.stream().map(Fault::name).collect(Collectors.joining(" + ")))
                    .toLowerCase(Locale.ROOT)
                    .replace('_', ' ');
        }
    }

    /** A build context whose every version has a text of its own, and the time that each came. */
    static final class Folder {
        private static final AtomicInteger TEXTS = new AtomicInteger();
        final Path path;
        private final String name;
        private final Map<String, Long> since = new ConcurrentHashMap<>();
        private volatile String current;

        Folder(Path path, String base, int seconds) {
            this.path = path;
            this.name = path.getFileName().toString();
            Harness.write(path.resolve("Dockerfile"),
                    "FROM " + base + "\nCOPY content /content\n" + (seconds == 0 ? "" : "RUN sleep " + seconds + "\n"));
            edit();
        }

        /**
         * In place of the file as it was, at once: a half-written one would be an unknown version. Each folder has
         * texts of a length of its own: Docker 26.1 leaves a file out of a layer if one below has its size and time.
         */
        synchronized void edit() {
            String text = String.format(Locale.ROOT, "%s %05d%s", name, TEXTS.incrementAndGet(),
                    ".".repeat(name.charAt(name.length() - 1) - 'a'));
            Path aside = Harness.write(path.resolveSibling("." + name), text);
            since.put(text, System.nanoTime());
            try {
                Files.move(aside, path.resolve("content"), StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            current = text;
        }

        boolean hasHad(String text) {
            return since.containsKey(text);
        }

        /**
         * Whether it was this version at some time from {@code start} on: none that came before it replaced it
         * sooner.
         */
        boolean wasSince(String text, long start) {
            Long came = since.get(text);
            return came != null && since.values().stream().noneMatch(other -> other > came && other < start);
        }
    }

    // ---------------------------------------------------------------------------------------------- one round

    /**
     * An image as an answer names it.
     *
     * @param built whether the builder found none under the reference, and built and named this one
     */
    record Claim(String reference, Folder folder, String id, boolean built) {
    }

    /** What the file says in the image of a claim, and in the one that its tag leads to, as far as they are there. */
    record Held(Optional<String> image, Optional<String> tag) {
    }

    /** A build of a thread, from when it began until its image was named. */
    record Naming(String reference, long building, long naming) {
        /** Whether the other one was named between this build's begin and its naming. */
        boolean met(Naming other) {
            return other.reference.equals(reference) && other.naming > building && other.naming < naming;
        }
    }

    /** What a builder said in the end, and on the way. */
    record Answer(String who, int status, List<Claim> claims, String told, long start, boolean killed) {
        /** Whether docker said so. */
        boolean raced() {
            return told.contains(": already exists") || told.contains("lease does not exist");
        }
    }

    /** Builders that start together, with what breaks while they run. */
    static final class Round {
        private static final Duration HEALED = Duration.ofSeconds(60);
        private static final int ATTEMPTS = 5;
        final Stage stage;
        private final int number;
        private final Plan plan;
        private final int builders;
        private final int processes;
        private final Random random;
        private final Ledger ledger;
        private final List<Folder> folders = new ArrayList<>();
        private final Map<String, Folder> wanted = new TreeMap<>();
        private final Map<Harness.Running, AtomicBoolean> running = new ConcurrentHashMap<>();
        private final AtomicInteger left = new AtomicInteger();
        private final Queue<Naming> namings = new ConcurrentLinkedQueue<>();

        Round(Stage stage, int number, Plan plan, int builders, int processes, Random random, Ledger ledger) {
            this.stage = stage;
            this.number = number;
            this.plan = plan;
            this.builders = Math.max(2, builders / plan.load.images);
            this.processes = processes;
            this.random = random;
            this.ledger = ledger;
        }

        String play() throws Exception {
            prepare();
            long start = System.nanoTime();
            var pool = Executors.newCachedThreadPool();
            try {
                left.set(builders);
                List<Future<Answer>> answers = new ArrayList<>();
                for (int i = 0; i < builders; i++) {
                    answers.add(pool.submit(builder(i)));
                }
                List<Future<Void>> breaking = new ArrayList<>();
                for (Fault fault : plan.faults) {
                    ledger.injected(fault);
                    breaking.add(pool.submit(() -> {
                        fault.run(this);
                        return null;
                    }));
                }
                List<Answer> ended = new ArrayList<>();
                for (Future<Answer> answer : answers) {
                    ended.add(answer.get());
                }
                int races = races(ended);
                ledger.raced(races);
                for (Future<Void> fault : breaking) {
                    fault.get();
                }
                nextRunWorks();
                leaks();
                return String.format(Locale.ROOT, "round %d, %s: %d builders, %d raced, %.0f s; %s", number, plan,
                        builders, races, (System.nanoTime() - start) / 1e9, ledger.verdicts());
            } catch (ExecutionException e) {
                throw new IllegalStateException("round " + number + ", " + plan, e.getCause());
            } finally {
                pool.shutdownNow();
            }
        }

        /**
         * How often a builder met another one at the tag. A thread did if another named it while the thread built. Of
         * processes less is known: all that found the tag missing and built raced for it, but for the first, where no fault
         * takes names away. Where even that a name was given is not sure, only what docker said counts.
         */
        private int races(List<Answer> answers) {
            if (plan.faults.stream().anyMatch(Fault.BREAK_NAMING::contains)) {
                return (int) answers.stream().filter(Answer::raced).count();
            }
            List<Answer> processes = answers.stream().filter(answer -> answer.who.equals("process")).toList();
            int told = (int) processes.stream().filter(Answer::raced).count();
            int met = (int) namings.stream().filter(naming -> namings.stream().anyMatch(naming::met)).count();
            if (plan.faults.contains(Fault.TAG_REMOVED) || plan.faults.contains(Fault.SHARED_TAGS_DELETED)) {
                return met + told;
            }
            Map<String, Long> built = processes.stream().filter(answer -> !answer.raced())
                    .flatMap(answer -> answer.claims.stream()).filter(Claim::built)
                    .collect(Collectors.groupingBy(Claim::reference, Collectors.counting()));
            return met + told + built.values().stream().mapToInt(count -> count.intValue() - 1).sum();
        }

        private void prepare() {
            Path root = stage.work.resolve("round" + number);
            String prefix = "torture" + number;
            for (int i = 0; i < plan.load.folders; i++) {
                boolean dependent = plan.load == Load.COLLECTION && i > 0;
                String name = prefix + "-" + (char) ('a' + i);
                folders.add(
                        new Folder(root.resolve(name), dependent ? prefix + "-a" : "busybox", plan.seconds(random)));
            }
            for (int i = 0; i < plan.load.tags; i++) {
                Folder folder = folders.get(i % folders.size());
                wanted.put(plan.load == Load.COLLECTION ? folder.name + ":latest" : prefix + ":" + i, folder);
            }
        }

        /** One builder; its answer is judged at the moment it comes. */
        private Callable<Answer> builder(int i) {
            boolean collection = plan.load == Load.COLLECTION;
            boolean process = Load.SEPARATE.contains(plan.load) || random.nextInt(100) < processes;
            boolean single = random.nextInt(plan.singleFlightOneIn()) == 0;
            String reference = List.copyOf(wanted.keySet()).get(i % wanted.size());
            Folder folder = plan.load == Load.SHARED_TAG ? folders.get(i % 2) : wanted.get(reference);
            int timeout = plan.faults.contains(Fault.ENGINE_STOPPED) && random.nextBoolean() ? 8 : 170;
            return () -> {
                try {
                    Answer answer = process ? process(collection ? wanted : Map.of(reference, folder), collection,
                            single, timeout)
                            : thread(reference, folder, single, timeout);
                    judge(answer);
                    return answer;
                } finally {
                    left.decrementAndGet();
                }
            };
        }

        private Answer thread(String reference, Folder folder, boolean single, int timeout)
                throws InterruptedException {
            StringBuffer told = new StringBuffer();
            Listener listener = new Listener() {
                private long building;

                @Override
                public void step(Recipe recipe, Step step) {
                    if (step == Step.BUILDING) {
                        building = System.nanoTime();
                    } else if (step == Step.NAMING) {
                        namings.add(new Naming(reference, building, System.nanoTime()));
                    }
                }

                @Override
                public void output(Recipe recipe, String line) {
                    told.append(line).append('\n');
                }

                @Override
                public void notice(Recipe recipe, Notice notice) {
                    told.append(Wording.notice(notice)).append('\n');
                }
            };
            long start = System.nanoTime();
            EnsureImage ensure = EnsureImage.using(stage.engine.docker().toString(), stage.environment).with(listener)
                    .with(new Limits(ATTEMPTS, Duration.ofSeconds(timeout), 1));
            if (stage.repository().isPresent()) {
                ensure = ensure.withSharing(Sharing.through(stage.repository().get()).withAll());
            }
            Recipe recipe = Recipe.inFolder(Reference.find(reference).orElseThrow(), folder.path, BuildOptions.NONE);
            try {
                Ensured ensured = (single ? ensure.withSingleFlight(Duration.ofSeconds(20)) : ensure).ensure(recipe);
                return new Answer("thread", 0, List.of(new Claim(reference, folder, ensured.id(),
                        ensured.how() == Ensured.How.BUILT)), told.toString(), start, false);
            } catch (NotEnsured failure) {
                if (failure instanceof NotEnsured.BuildFailed build) {
                    build.output().forEach(line -> told.append(line).append('\n'));
                }
                return new Answer("thread", ExitCode.forOutcome(failure).status(), List.of(),
                        told + Wording.failure(failure).text(), start, false);
            }
        }

        private static final Pattern RESULT =
                Pattern.compile(
                        "\"reference\":\"([^\"]+)\",\"references\":\\[[^]]*],\"outcome\":\"([a-z-]+)\",\"id\":\"(sha256:[0-9a-f]{64})\"");

        private Answer process(Map<String, Folder> wanted, boolean all, boolean single, int timeout) {
            List<String> line = new ArrayList<>(List.of("--format", "json", "--verbose", "--timeout",
                    String.valueOf(timeout)));
            if (single) {
                line.addAll(List.of("--single-flight", "--wait", "20"));
            }
            stage.repository().ifPresent(share -> line.addAll(List.of("--share", share, "--share-all")));
            line.addAll(all ? List.of("--all", "--images", folders.get(0).path.getParent().toString())
                    : wanted.entrySet().stream().map(entry -> entry.getKey() + "=" + entry.getValue().path).toList());
            long start = System.nanoTime();
            AtomicBoolean killed = new AtomicBoolean();
            boolean late = plan.faults.contains(Fault.CLOCK_SET_BACK) && ThreadLocalRandom.current().nextBoolean();
            try (Harness.Running builder = Harness.script("ensure_image", line.toArray(String[]::new))
                    .startedBy(late ? new String[] {"faketime", "-f", "-1d"} : new String[0])
                    .env(stage.environment)
                    .env("NO_FAKE_STAT", "1")
                    .timeout(Duration.ofMinutes(5)).start()) {
                running.put(builder, killed);
                Harness.Result result = builder.await();
                running.remove(builder);
                List<Claim> claims = new ArrayList<>();
                for (Matcher match = RESULT.matcher(result.out()); match.find();) {
                    claims.add(new Claim(match.group(1), wanted.get(match.group(1)), match.group(3),
                            match.group(2).equals("built")));
                }
                return new Answer("process", result.status(), claims, result.out() + result.err(), start, killed.get());
            }
        }

        // ---- What faults use

        String someReference() {
            List<String> references = List.copyOf(wanted.keySet());
            return references.get(ThreadLocalRandom.current().nextInt(references.size()));
        }

        Folder someFolder() {
            return folders.get(ThreadLocalRandom.current().nextInt(folders.size()));
        }

        void killSomeBuilder() {
            running.entrySet().stream().skip(ThreadLocalRandom.current().nextInt(Math.max(1, running.size())))
                    .findFirst()
                    .ifPresent(entry -> {
                        entry.getValue().set(true);
                        ProcessHandle.of(entry.getKey().pid()).ifPresent(ProcessHandle::destroyForcibly);
                        ledger.killed();
                    });
        }

        void pauseQuietly(int least, int most) {
            try {
                pause(least, most);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        void pause(int least, int most) throws InterruptedException {
            Thread.sleep(ThreadLocalRandom.current().nextInt(least, most));
        }

        /** So many times, or until the builders have ended, with pauses of so many milliseconds. */
        void repeat(int times, int least, int most, Runnable what) {
            try {
                for (int i = 0; i < times && left.get() > 0; i++) {
                    pause(least, most);
                    what.run();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        // ---- What came of it

        private void judge(Answer answer) {
            ledger.answered(answer);
            if (answer.killed) {
                return;
            }
            if (!plan.allows(answer.status)) {
                ledger.book(Verdict.FALSE_FAILURE, number + ", " + plan + ": a " + answer.who + " exited with "
                        + answer.status
                        + ": " + last(answer.told));
            }
            if (answer.status == 10 && !answer.told.contains("no space left on device")) {
                ledger.book(Verdict.FALSE_FAILURE, number + ", " + plan + ": not because of the disk: "
                        + last(answer.told));
            }
            if (answer.status == 0) {
                for (Claim claim : answer.claims) {
                    judge(claim, answer);
                }
                if (answer.claims.isEmpty()) {
                    ledger.book(Verdict.FALSE_SUCCESS, number + ", " + plan + ": no image is named: "
                            + last(answer.told));
                }
            }
        }

        private void judge(Claim claim, Answer answer) {
            Held held = stage.held(claim);
            Optional<String> content = held.image;
            String what = number + ", " + plan + ": a " + answer.who + " wanted " + claim.folder.name + " as "
                    + claim.reference
                    + ", got " + claim.id + " with " + content;
            if (content.isEmpty()) {
                if (!plan.tagsMove() && !plan.faults.contains(Fault.PRUNED)) {
                    ledger.book(Verdict.FALSE_SUCCESS, what);
                }
                ledger.unknown(); // pruned, once another image of the same inputs had the tag
            } else if (!claim.folder.hasHad(content.get())) {
                ledger.book(Verdict.WRONG, what);
            } else if (!claim.folder.wasSince(content.get(), answer.start)) {
                ledger.book(Verdict.STALE, what);
            }
            if (!plan.tagsMove() && !held.tag.map(claim.folder::hasHad).orElse(false)) {
                ledger.book(Verdict.FALSE_SUCCESS, what + ", but the tag has " + held.tag);
            }
        }

        /** All is whole again: everything can be had, and is what is in the folders now. */
        private void nextRunWorks() {
            Harness.eventually("the engine answers", HEALED, stage::answers);
            for (Map.Entry<String, Folder> entry : wanted.entrySet()) {
                if (plan.load == Load.COLLECTION
                        || plan.load == Load.MANY_TAGS && !entry.getKey().matches(".*:\\d")) {
                    continue;
                }
                Answer answer = process(Map.of(entry.getKey(), entry.getValue()), false, true, 170);
                String current = entry.getValue().current;
                if (answer.status != 0) {
                    ledger.book(Verdict.FALSE_FAILURE, number + ", " + plan + ": the next run: " + last(answer.told));
                } else if (!stage.content(entry.getKey()).equals(Optional.of(current))) {
                    ledger.book(Verdict.STALE, number + ", " + plan + ": the next run: "
                            + stage.content(entry.getKey()));
                }
            }
        }

        private void leaks() {
            for (String leak : stage.leaks(plan.faults.contains(Fault.BUILDER_KILLED))) {
                ledger.book(Verdict.LEAK, number + ", " + plan + ": " + leak);
            }
        }

        /** The results of what failed, and the last lines. */
        private static String last(String text) {
            List<String> lines = text.lines().filter(line -> !line.isBlank() && !line.startsWith("\tat ")).toList();
            return Stream.concat(lines.stream().filter(line -> line.contains("\"outcome\":\"failed\"")),
                    lines.subList(Math.max(0, lines.size() - 4), lines.size()).stream())
                    .collect(Collectors.joining(" / "));
        }
    }

    // -------------------------------------------------------------------------------------------- the ground

    /** An image that the engine holds. */
    record Image(String id, String layers) {
    }

    /** The engine, what can be done to it, and what it holds. */
    static final class Stage implements AutoCloseable {
        private static final int DISK = 3000; // MB
        private static final Pattern SOCKET = Pattern.compile("unix:///proc/(\\d+)/root(/run/[0-9a-f]+)/docker.sock");
        final ThrowawayEngine engine;
        final Path work = Harness.newFolder();
        final Map<String, String> environment;
        private final Path cache = Harness.newFolder();
        private final String mark = "TORTURE=" + work;
        private final String anchor;
        private final String folder;
        /** By the layers that they are in. */
        private final Map<String, String> contents = new ConcurrentHashMap<>();
        /** Files that earlier rounds have left. */
        private final Set<Path> known = new HashSet<>();

        private final Optional<Registry> registry;

        private Stage(ThrowawayEngine engine, Optional<Registry> registry) {
            this.engine = engine;
            this.registry = registry;
            this.environment = new TreeMap<>(engine.environment());
            environment.putAll(Map.of("DOCKER_BUILDKIT", "1", "XDG_CACHE_HOME", cache.toString(), "TORTURE",
                    work.toString()));
            Matcher socket = SOCKET.matcher(environment.get("DOCKER_HOST"));
            if (!socket.matches()) {
                throw new IllegalStateException("not an engine whose processes can be reached: " + environment);
            }
            anchor = socket.group(1);
            folder = socket.group(2);
        }

        static Stage open(String version, EngineSpec.Store store, boolean share)
                throws EngineUnavailable, InterruptedException {
            Harness.machine().require("faketime", ThrowawayEngine.Progress.NONE);
            ThrowawayEngine engine = Harness.ownEngine(new EngineSpec(version, store, DISK));
            return new Stage(engine, share ? Optional.of(Registry.open(engine)) : Optional.empty());
        }

        @Override
        public void close() {
            engine.close();
            registry.ifPresent(Registry::close);
        }

        Optional<String> repository() {
            return registry.map(open -> open.proxy.address() + "/torture/ensured");
        }

        Registry registry() {
            return registry.orElseThrow();
        }

        Harness.Result docker(String... arguments) {
            return Harness.command(Stream.concat(Stream.of(engine.docker().toString()), Arrays.stream(arguments))
                    .toArray(String[]::new)).env(engine.environment()).run();
        }

        // ---- Ground truth

        /** What the engine holds of what an answer names, in one look-up. */
        Held held(Claim claim) {
            List<Image> found = images(claim.id, claim.reference);
            Optional<Image> image = found.stream().filter(one -> one.id.equals(claim.id)).findFirst();
            Optional<Image> tagged = found.stream().skip(image.isPresent() ? 1 : 0).findFirst();
            return new Held(image.flatMap(this::content), tagged.flatMap(this::content));
        }

        /** What the file says in the image that a tag leads to. */
        Optional<String> content(String reference) {
            return images(reference).stream().findFirst().flatMap(this::content);
        }

        /** All images of the same layers say the same. */
        private Optional<String> content(Image image) {
            return Optional.ofNullable(contents.computeIfAbsent(image.layers,
                    layers -> ImageFiles.read(image.id, "/content", engine.environment()).orElse(null)));
        }

        /** Those of them that are there, in the order of the names. */
        private List<Image> images(String... names) {
            String[] line = Stream.concat(Stream.of("image", "inspect", "--format", "{{.Id}} {{.RootFS.Layers}}"),
                    Arrays.stream(names)).toArray(String[]::new);
            return docker(line).out().lines().filter(found -> !found.isEmpty()).map(found -> found.split(" ", 2))
                    .map(found -> new Image(found[0], found[1])).toList();
        }

        /** What is left of builders, once there are none; those of killed ones may take the time that a build takes. */
        List<String> leaks(boolean killed) {
            List<String> leaks = new ArrayList<>();
            try {
                Harness.eventually("no process is left", Duration.ofSeconds(killed ? 60 : 15), () -> marked()
                        .isEmpty());
            } catch (AssertionError e) {
                marked().forEach(process -> leaks.add("a process: " + process.info().commandLine().orElse("?")));
            }
            docker("ps", "--all", "--quiet", "--filter", "label=" + ImageFiles.READER).out().lines()
                    .forEach(ours -> docker("rm", "--force", ours)); // the engine was killed while we read
            String containers = docker("ps", "--all", "--quiet").out().strip();
            if (!containers.isEmpty()) {
                leaks.add("containers: " + containers.replace('\n', ' '));
            }
            repository().filter(name -> !killed).ifPresent(name -> docker("images", "--all", "--digests").out().lines()
                    .filter(line -> line.startsWith(name))
                    .forEach(line -> leaks.add("an image is still named: " + line)));
            Stream.of("run", "flights", "manifests").flatMap(name -> files(cache.resolve("ensure_image").resolve(name)))
                    .filter(file -> !file.getParent().endsWith("manifests") || file.getFileName().toString()
                            .startsWith("."))
                    .filter(known::add).filter(file -> !killed).forEach(file -> leaks.add("a file: " + file));
            return leaks;
        }

        private List<ProcessHandle> marked() {
            return ProcessHandle.allProcesses().filter(process -> {
                try {
                    return Files.readString(Path.of("/proc/" + process.pid() + "/environ"), StandardCharsets.ISO_8859_1)
                            .contains(mark);
                } catch (IOException e) {
                    return false;
                }
            }).toList();
        }

        private static Stream<Path> files(Path folder) {
            try (Stream<Path> files = Files.list(folder)) {
                return files.toList().stream();
            } catch (IOException | UncheckedIOException e) {
                return Stream.of();
            }
        }

        // ---- What breaks

        void signalEngine(String signal) {
            for (ProcessHandle process : daemons()) {
                signal(process, signal);
                // What entered the namespaces for it stops with its child, but does not go on with it.
                process.parent().filter(parent -> signal.equals("CONT")).ifPresent(parent -> signal(parent, signal));
            }
        }

        private static void signal(ProcessHandle process, String signal) {
            Harness.command("kill", "-" + signal, String.valueOf(process.pid())).run();
        }

        void killEngine() {
            List<ProcessHandle> killed = daemons();
            signalEngine("KILL");
            Harness.eventually("the engine is dead", Duration.ofMinutes(1), // one that prunes waits for the disk
                    () -> killed.stream().noneMatch(ProcessHandle::isAlive));
        }

        /** As its own start script would: what the killed one has left is removed first. */
        void restartEngine() throws IOException {
            for (String left : List.of("/var/run/docker.pid", "/var/run/docker/containerd/containerd.pid")) {
                Files.deleteIfExists(inside(left));
            }
            ProcessBuilder dockerd = new ProcessBuilder("setsid", "nsenter", "--target", anchor, "--mount", "--pid",
                    "--net",
                    "--ipc", "--uts", "--", "/usr/sbin/dockerd", "--config-file", folder + "/daemon.json")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(engine.logFile().toFile()));
            dockerd.environment().keySet().retainAll(Set.of("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"));
            dockerd.environment().putAll(Map.of("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", "HOME", "/", "TMPDIR",
                    "/var/tmp"));
            dockerd.start();
            Harness.eventually("the engine is back", Duration.ofSeconds(60), this::answers);
        }

        boolean answers() {
            return docker("version").status() == 0;
        }

        boolean answersWithin(Duration limit) {
            try {
                Harness.eventually("the engine answers", limit, this::answers);
                return true;
            } catch (AssertionError e) {
                return false;
            }
        }

        /** dockerd and its containerd, of this engine. */
        private List<ProcessHandle> daemons() {
            return ProcessHandle.allProcesses().filter(process -> {
                try {
                    Path namespace = Path.of("/proc/" + process.pid() + "/ns/pid");
                    String name = Files.readString(Path.of("/proc/" + process.pid() + "/comm")).strip();
                    return Set.of("dockerd", "containerd").contains(name) && Files.readSymbolicLink(namespace)
                            .equals(Files.readSymbolicLink(Path.of("/proc/" + anchor + "/ns/pid")));
                } catch (IOException e) {
                    return false;
                }
            }).toList();
        }

        /** Nearly all of it at once, by reserving it, the rest to the last block. */
        void fillDisk() {
            Path filler = inside("/var/lib/docker/filler");
            long most = filler.getParent().toFile().getUsableSpace() - 8_000_000;
            Harness.command("fallocate", "--length", String.valueOf(Math.max(1, most)), filler.toString()).run();
            Harness.command("dd", "if=/dev/zero", "of=" + filler, "oflag=append", "conv=notrunc", "bs=4k",
                    "status=none").run();
        }

        void makeRoom() throws IOException {
            Files.deleteIfExists(inside("/var/lib/docker/filler"));
        }

        private Path inside(String path) {
            return Path.of("/proc/" + anchor + "/root" + path);
        }

        /** Deletes it, makes it read-only, gives it or its locks to another user, or fills it with garbage. */
        void spoilCache(Random random) {
            Path folder = cache.resolve("ensure_image");
            List<Path> shared = List.of(folder.resolve("flights"), folder.resolve("manifests"));
            try {
                switch (random.nextInt(5)) {
                    case 0 -> onAll(shared, "rm", "-rf");
                    case 1 -> {
                        Files.setAttribute(folder, "unix:uid", 65534);
                        Thread.sleep(100);
                        Files.setAttribute(folder, "unix:uid", 0);
                    }
                    case 2 -> {
                        for (Path file : files(folder.resolve("flights")).toList()) {
                            Files.setAttribute(file, "unix:uid", 65534);
                        }
                    }
                    case 3 -> { // even for root; not the folders that are deleted at the end, which would fail
                        onAll(shared, "chattr", "+i", folder.toString());
                        try {
                            Thread.sleep(500);
                        } finally {
                            onAll(shared, "chattr", "-i", folder.toString());
                        }
                    }
                    default -> {
                        for (Path each : shared) {
                            for (Path file : files(each).toList()) {
                                Files.writeString(file, "garbage " + random.nextLong());
                            }
                        }
                    }
                }
            } catch (IOException | UncheckedIOException e) {
                // it is gone at the moment
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static void onAll(List<Path> paths, String... command) {
            Harness.command(Stream.concat(Arrays.stream(command), paths.stream().map(Path::toString))
                    .toArray(String[]::new)).run();
        }
    }

    /** What the builders share through. */
    record Registry(ThrowawayRegistry real, RegistryProxy proxy) implements AutoCloseable {
        private static final int DISK = 200; // MB

        static Registry open(ThrowawayEngine engine) throws EngineUnavailable, InterruptedException {
            ThrowawayRegistry real = Harness.ownRegistry(DISK);
            RegistryProxy proxy = new RegistryProxy(real.port());
            engine.reach(proxy.port(), ThrowawayEngine.Progress.NONE);
            return new Registry(real, proxy);
        }

        private Path filler() {
            return real.storage().resolveSibling("filler");
        }

        void fillDisk() {
            Harness.command("dd", "if=/dev/zero", "of=" + filler(), "bs=64k", "status=none").run();
            Harness.command("dd", "if=/dev/zero", "of=" + filler(), "oflag=append", "conv=notrunc", "bs=4k",
                    "status=none").run();
        }

        void makeRoom() {
            try {
                Files.deleteIfExists(filler());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Some of them, as a registry's retention does it. */
        void deleteTags() {
            Path tags = real.storage().resolve("docker/registry/v2/repositories/torture/ensured/_manifests/tags");
            Stage.files(tags).filter(tag -> ThreadLocalRandom.current().nextBoolean())
                    .forEach(tag -> Harness.command("rm", "-rf", tag.toString()).run());
        }

        @Override
        public void close() {
            proxy.close();
            real.close();
        }
    }

    // --------------------------------------------------------------------------------------------- the figures

    /** What an answer can be besides true. */
    enum Verdict { FALSE_FAILURE, FALSE_SUCCESS, WRONG, STALE, LEAK }

    /** The figures of a run. */
    static final class Ledger {
        private final Map<Verdict, Integer> verdicts = new EnumMap<>(Verdict.class);
        private final List<String> news = new ArrayList<>();
        private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);
        private final Map<String, Integer> statuses = new HashMap<>();
        private int builders;
        private int races;
        private int killed;
        private int died;
        private int unknown;

        Ledger() {
            Arrays.stream(Verdict.values()).forEach(verdict -> verdicts.put(verdict, 0));
        }

        synchronized void answered(Answer answer) {
            builders++;
            statuses.merge(answer.killed ? "killed" : String.valueOf(answer.status), 1, Integer::sum);
        }

        synchronized void raced(int count) {
            races += count;
        }

        synchronized void injected(Fault fault) {
            faults.merge(fault, 1, Integer::sum);
        }

        synchronized void killed() {
            killed++;
        }

        synchronized void died() {
            died++;
        }

        /** An image that was gone before it could be looked at. */
        synchronized void unknown() {
            unknown++;
        }

        synchronized void book(Verdict verdict, String what) {
            verdicts.merge(verdict, 1, Integer::sum);
            news.add(name(verdict) + ": round " + Printable.escape(what));
        }

        /** What was found since this was asked last. */
        synchronized List<String> news() {
            List<String> told = List.copyOf(news);
            news.clear();
            return told;
        }

        synchronized boolean isClean() {
            return verdicts.values().stream().allMatch(count -> count == 0);
        }

        synchronized String verdicts() {
            return verdicts.entrySet().stream().map(entry -> name(entry.getKey()) + " " + entry.getValue())
                    .collect(Collectors.joining(", "));
        }

        synchronized List<String> lines() {
            List<String> lines = new ArrayList<>();
            lines.add("builders         " + builders + ", by status " + new TreeMap<>(statuses));
            lines.add("races            " + races);
            lines.add("faults           " + faults.entrySet().stream().map(entry -> name(entry.getKey()) + " "
                    + entry.getValue()).collect(Collectors.joining(", ")) + "; builders killed " + killed
                    + "; engines that did not survive " + died);
            lines.add("gone too soon    " + unknown);
            verdicts.forEach((verdict, count) -> lines.add(String.format(Locale.ROOT, "%-16s %d", name(verdict),
                    count)));
            return lines;
        }

        private static String name(Enum<?> constant) {
            return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }
}
