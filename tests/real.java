///usr/bin/env jbang "$0" "$@" ; exit $?
// SPDX-License-Identifier: Apache-2.0
//DESCRIPTION Tries real Dockerfiles: whether --check says the same as docker build when one file changes
//JAVA 17+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Harness.java
//SOURCES RealDockerfile.java
//SOURCES StubImage.java
//SOURCES Workbench.java
//SOURCES ../*.java
//SOURCES ../src/**/*.java

import ensureimage.testing.Harness;
import ensureimage.testing.RealDockerfile;
import ensureimage.testing.StubImage;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Takes a folder of contexts with Dockerfiles, as they lie in real repositories. Their base images are replaced by a stub whose
 * shell does nothing. Then one file is changed at a time: docker build tells whether the build sees it, and {@code --check}
 * must say the same.
 *
 * <p>Run: {@code ./jbangw tests/real.java DIR}. Exit status: 0; 10 if a check said something else than docker build.
 */
@Command(name = "real", sortOptions = false, usageHelpAutoWidth = true, mixinStandardHelpOptions = true,
        description = "Tries real Dockerfiles: whether --check says the same as docker build when one file changes.")
class real implements Callable<Integer> {
    private static final int WRONG = 10;

    @Parameters(arity = "1..*", paramLabel = "DIR",
            description = "Folder of contexts: each folder in it is one, and every Dockerfile in that one is tried.")
    private List<Path> folders;

    @Option(names = "--engine", defaultValue = "28.5", description = "Docker version (default: ${DEFAULT-VALUE})")
    private String version;

    @Option(names = "--store", defaultValue = "containerd", description = "Image store (default: ${DEFAULT-VALUE})")
    private String store;

    @Option(names = "--changes", defaultValue = "8",
            description = "Most files to change per Dockerfile (default: ${DEFAULT-VALUE})")
    private int changes;

    public static void main(String[] args) {
        System.exit(execute(args));
    }

    static int execute(String... args) {
        return new CommandLine(new real()).execute(args);
    }

    @Override
    public Integer call() throws Exception {
        Workbench bench = new Workbench(version, EngineSpec.Store.valueOf(store.toUpperCase(Locale.ROOT)), "1",
                Harness.newFolder());
        return play(bench, folders, changes) ? 0 : WRONG;
    }

    /** Prints a line per Dockerfile and per wrong answer, and the sums. @return whether no answer was wrong */
    static boolean play(Workbench bench, List<Path> folders, int changes) throws IOException {
        StubImage stub = new StubImage(bench);
        int tried = 0;
        int refused = 0;
        List<RealDockerfile.Answer> answers = new ArrayList<>();
        for (Path folder : folders) {
            for (Path context : contexts(folder)) {
                for (Path dockerfile : dockerfiles(context)) {
                    RealDockerfile real = new RealDockerfile(bench, stub, context, context.relativize(dockerfile));
                    List<RealDockerfile.Answer> its = real.tryChanges(changes);
                    tried++;
                    refused += real.refusal().isPresent() ? 1 : 0;
                    answers.addAll(its);
                    System.out.println(real + ": " + real.refusal().map(why -> "docker build fails: " + why)
                            .orElse(its.size() + " changes"));
                    its.stream().filter(answer -> answer.kind() != RealDockerfile.Kind.RIGHT)
                            .forEach(answer -> System.out.println("  " + answer));
                }
            }
        }
        System.out.printf("%d Dockerfiles, of which docker build fails for %d; %d changes: %d false successes, "
                + "%d false failures, %d false stales%n", tried, refused, answers.size(),
                count(answers, RealDockerfile.Kind.FALSE_SUCCESS), count(answers, RealDockerfile.Kind.FALSE_FAILURE),
                count(answers, RealDockerfile.Kind.FALSE_STALE));
        return answers.size() == count(answers, RealDockerfile.Kind.RIGHT);
    }

    private static long count(List<RealDockerfile.Answer> answers, RealDockerfile.Kind kind) {
        return answers.stream().filter(answer -> answer.kind() == kind).count();
    }

    /** A folder that has a Dockerfile itself is one context; else each folder in it is. */
    private static List<Path> contexts(Path folder) throws IOException {
        try (Stream<Path> children = Files.list(folder)) {
            List<Path> all = children.sorted().toList();
            return all.stream().anyMatch(real::isDockerfile) ? List.of(folder)
                    : all.stream().filter(Files::isDirectory).toList();
        }
    }

    private static List<Path> dockerfiles(Path context) throws IOException {
        try (Stream<Path> files = Files.walk(context)) {
            return files.filter(real::isDockerfile).sorted().toList();
        }
    }

    private static boolean isDockerfile(Path file) {
        return Files.isRegularFile(file) && file.getFileName().toString()
                .matches("(?i)dockerfile|Dockerfile[.-](?!.*(?:ignore|md|txt|sh)$).*|.*\\.dockerfile");
    }
}
