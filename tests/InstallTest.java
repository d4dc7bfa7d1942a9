// SPDX-License-Identifier: Apache-2.0
//SOURCES InstalledForm.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.InstalledForm;
import ensureimage.testing.Programs;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The installed form: it gets into its place, starts with whatever Java there is, and goes away whole. No engine is needed. */
class InstallTest {
    private static final String VERSION = "ensure_image " + Version.TEXT + " (installed)\n";
    private static final Path JAVA = Path.of(InstalledForm.java());
    private static final List<String> COMMANDS = List.of("ensure_image", "race_repro", "with_docker");
    private static final String ANOTHER_USER = "65534";
    private static final int MOMENTS = 6;

    private static void isWhole(Harness.Result result) {
        result.succeeded();
        assertEquals(VERSION, result.out(), result.toString());
        assertEquals("", result.err(), result.toString());
    }

    // ---- In its place

    @Test
    void eachCommandRuns() {
        InstalledForm form = InstalledForm.shared();
        isWhole(form.command("ensure_image", "--version").run());
        for (String command : COMMANDS) {
            Harness.Result result = form.command(command, "--version").run().succeeded();
            assertTrue(result.out().startsWith(command + " " + Version.TEXT), result.toString());
            assertEquals("", result.err(), result.toString());
        }
        assertEquals(List.of(".docker/cli-plugins/docker-ensure", ".local/bin/ensure_image", ".local/bin/race_repro",
                ".local/bin/with_docker"),
                InstalledForm.files(form.home).stream().filter(file -> !file.startsWith(".local/share/")).toList());
        assertEquals(3, form.note(JAVA).size(), "there is an archive from the start: " + form.note(JAVA));
    }

    @Test
    void theLauncherIsForAnyShell() {
        for (String program : List.of("ksh", "zsh", "shellcheck")) {
            Programs.require(program, program);
        }
        Programs.require("busybox", "busybox-static");
        InstalledForm form = InstalledForm.shared();
        Harness.command("shellcheck", form.launcher("ensure_image").toString()).run().succeeded();
        for (List<String> shell : List.of(List.of("busybox", "sh"), List.of("ksh"), List.of("zsh", "--emulate", "sh"),
                List.of("bash", "--posix"))) {
            isWhole(form.command("ensure_image", "--version").startedBy(shell.toArray(String[]::new)).run());
        }
    }

    @Test
    void theJarAloneInstallsForAnotherUserInAHomeWithASpace() throws IOException {
        Path place = Harness.newFolder();
        Path jar = Files.copy(InstalledForm.shared().jar(), place.resolve("ensure_image.jar"));
        Path home = Files.createDirectories(place.resolve("it's a home"));
        for (Path each : List.of(place, home)) {
            Harness.command("chown", ANOTHER_USER, each.toString()).run().succeeded();
        }
        Harness.Result result = asAnotherUser(InstalledForm.at(home,
                Harness.command(InstalledForm.java(), "-jar", jar.toString(), "--install")).in(place)).run()
                .succeeded();
        assertEquals(4, result.out().lines().filter(line -> line.startsWith("installed  " + home)).count(),
                result.toString());
        assertTrue(result.err().contains("export PATH=\"" + home + "/.local/bin:$PATH\""), result.toString());
        isWhole(asAnotherUser(InstalledForm.at(home,
                Harness.command(home.resolve(".local/bin/ensure_image").toString(), "--version")).in(place)).run());
    }

    private static Harness.Command asAnotherUser(Harness.Command command) {
        return command.startedBy("setpriv", "--reuid", ANOTHER_USER, "--regid", ANOTHER_USER, "--clear-groups");
    }

    @Test
    void aHomeThatCannotBeWrittenToIsToldAndLeftAlone() throws IOException {
        Path place = Harness.newFolder();
        Path jar = Files.copy(InstalledForm.shared().jar(), place.resolve("ensure_image.jar"));
        Path home = Files.createDirectories(place.resolve("home"));
        Harness.command("chmod", "755", place.toString(), home.toString()).run().succeeded();
        Harness.Result result = asAnotherUser(InstalledForm.at(home,
                Harness.command(InstalledForm.java(), "-jar", jar.toString(), "--install")).in(place)).run().expect(2);
        assertEquals("", result.out(), result.toString());
        assertTrue(result.err().startsWith("ensure_image: cannot write " + home), result.toString());
        assertTrue(result.err().contains("\nName a folder that you can write to: --install=DIR"), result.toString());
        assertEquals(List.of(), InstalledForm.files(home));
    }

    @Test
    void aFileThatItDidNotInstallIsNotOverwritten() throws IOException {
        Path home = Harness.newFolder();
        Path foreign = Harness.write(home.resolve(".local/bin/with_docker"), "#!/bin/sh\necho mine\n");
        Harness.Result result = InstalledForm.installing(home).run().expect(2);
        assertTrue(result.err().contains(foreign + " exists, and was not installed by ensure_image"),
                result.toString());
        assertEquals(List.of(".local/bin/with_docker"), InstalledForm.files(home));
        assertEquals("#!/bin/sh\necho mine\n", Files.readString(foreign));
    }

    @Test
    void whatWasInstalledIsRemovedWholeAndTheCacheIsNamed() throws IOException {
        Path home = Harness.newFolder();
        InstalledForm form = InstalledForm.copyIn(home);
        Path elsewhere = home.resolve("bin");
        form.command("ensure_image", "--install=" + elsewhere).run().succeeded();
        isWhole(InstalledForm.at(home, Harness.command(elsewhere.resolve("ensure_image").toString(), "--version"))
                .run());
        Path cache = Files.createDirectories(home.resolve(".cache/ensure_image"));
        Harness.Result result = form.command("ensure_image", "--uninstall").run().succeeded();
        List<String> lines = result.out().lines().toList();
        assertEquals(7, lines.stream().filter(line -> line.startsWith("removed    " + home)).count(),
                result.toString());
        assertEquals(List.of("kept       " + cache + "  the cache, to remove it: rm -rf " + cache),
                lines.subList(7, lines.size()));
        assertEquals(List.of(), InstalledForm.files(home).stream().filter(file -> !file.startsWith(".cache")).toList());
        Harness.Result again = InstalledForm.at(home, Harness.script("ensure_image", "--uninstall")).run().expect(2);
        assertTrue(again.err().startsWith("ensure_image: nothing is installed in " + home), again.toString());
    }

    @Test
    void aChangeOfWhatItWasInstalledFromIsToldWithVerbose() throws IOException {
        Path home = Harness.newFolder();
        Path checkout = Harness.newFolder();
        Path script = Harness.write(checkout.resolve("ensure_image.java"), "");
        Path below = Harness.write(checkout.resolve("src/ensureimage/Version.java"), "");
        InstalledForm form = InstalledForm.copyIn(home);
        InstalledForm.installing(home).env("JBANGW_SCRIPT", script).run().succeeded();
        Harness.Command verbose = form.command("ensure_image", "-v", "--check", "no-such-image").in(checkout);
        assertFalse(verbose.run().err().contains("has changed"), "control: nothing has");
        Files.setLastModifiedTime(below, FileTime.from(Instant.now().plusSeconds(60)));
        assertTrue(verbose.run().err().startsWith("ensure_image: " + script + " has changed since it was installed."
                + " Install it again:\n    cd " + checkout + " && ./jbangw ensure_image.java --install\n"));
        assertFalse(form.command("ensure_image", "--check", "no-such-image").in(checkout).run().err()
                .contains("has changed"));
    }

    // ---- Whatever Java there is

    @Test
    void anUpdatedJavaIsNoticedAndItsArchiveMadeAgain() {
        InstalledForm form = InstalledForm.copyIn(Harness.newFolder());
        List<String> made = form.note(JAVA);
        Path note = form.archives().resolve(JAVA.toString().replace('/', '_'));
        Harness.write(note, made.get(0) + "\n" + made.get(1) + "\n17.0.1+1 Somebody\n");
        isWhole(form.command("ensure_image", "--version").run());
        assertEquals(List.of(), form.note(JAVA), "it is to be made again");
        isWhole(form.command("ensure_image", "--version").run());
        assertEquals(made, form.note(JAVA));
    }

    @Test
    void anArchiveThatIsNoneIsNoFailure() {
        InstalledForm form = InstalledForm.copyIn(Harness.newFolder());
        Path archive = form.archives().resolve(JAVA.toString().replace('/', '_') + "." + form.note(JAVA).get(1));
        Harness.program(archive, "exit\n");
        isWhole(form.command("ensure_image", "--version").run());
    }

    @Test
    void aJavaThatIsGoneIsReplacedByTheNextOne() throws IOException {
        InstalledForm form = InstalledForm.shared();
        Path bin = Harness.newFolder();
        for (String program : List.of("sh", "env")) {
            Files.createSymbolicLink(bin.resolve(program), Path.of("/bin", program));
        }
        Path broken = Harness.program(Harness.newFolder().resolve("bin/java"), "exit 1\n").getParent().getParent();
        Harness.Command nothing = form.command("ensure_image", "--version").env("JAVA_HOME", broken).env("PATH", bin);
        Harness.Result none = nothing.run().expect(69);
        assertEquals("", none.out());
        assertEquals("ensure_image: no Java 17 or newer in JAVA_HOME, on PATH or in " + form.home + "/.jbang.\n"
                + "Install one, or set JAVA_HOME to it.\n", none.err());
        Path jbang = Harness.newFolder();
        Files.createSymbolicLink(jbang.resolve("currentjdk"), Path.of(System.getProperty("java.home")));
        isWhole(nothing.env("JBANG_DIR", jbang).run());
        Files.createSymbolicLink(bin.resolve("java"), JAVA);
        isWhole(nothing.without("JBANG_DIR", "JAVA_HOME").run());
    }

    /** Only on a machine that has several. */
    @Test
    void eachJavaOfTheMachineHasItsOwnArchive() throws IOException {
        InstalledForm form = InstalledForm.shared();
        List<Path> homes = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/usr/lib/jvm"), "*")) {
            all.forEach(home -> homes.add(home));
        }
        int tried = 0;
        for (Path home : homes) {
            Path java = home.resolve("bin/java");
            if (Files.isExecutable(java) && !Files.isSymbolicLink(home)) {
                isWhole(form.command("ensure_image", "--version").env("JAVA_HOME", home).run());
                isWhole(form.command("ensure_image", "--version").env("JAVA_HOME", home).run());
                assertTrue(List.of("aot", "jsa").contains(form.note(java).get(1)), java + ": " + form.note(java));
                tried++;
            }
        }
        assertTrue(tried > 0, "there is the one of this run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Dnothing=at.all", "-XX:+UseG1GC", "-XX:+UseParallelGC", "-Xmx64m"})
    void optionsOfTheEnvironmentNeitherStopItNorReachStdout(String option) {
        Harness.Result result =
                InstalledForm.shared().command("ensure_image", "--version").env("JAVA_TOOL_OPTIONS", option).run();
        assertEquals(VERSION, result.succeeded().out(), result.toString());
        assertEquals("Picked up JAVA_TOOL_OPTIONS: " + option + "\n", result.err());
    }

    @Test
    void sixteenFirstStartsAllSucceed() throws IOException {
        InstalledForm form = InstalledForm.copyIn(Harness.newFolder());
        List<String> made = form.note(JAVA);
        for (String file : InstalledForm.files(form.archives())) {
            Files.delete(form.archives().resolve(file));
        }
        Harness.together(16, i -> form.command("ensure_image", "--version")).forEach(InstallTest::isWhole);
        assertEquals(made, form.note(JAVA));
    }

    // ---- Killed

    /** A kill at whatever moment: the moments differ from run to run, what holds after each does not. */
    @Test
    void anInstallationThatIsKilledLeavesOneThatWorks() throws IOException {
        Path home = Harness.newFolder();
        InstalledForm form = InstalledForm.copyIn(home);
        Path launcher = form.launcher("race_repro");
        String text = Files.readString(launcher);
        // With the lock held no archive is made: that takes most of the time, and is not what is killed here.
        try (FileChannel channel = FileChannel.open(form.archives().resolve("lock"), StandardOpenOption.WRITE)) {
            channel.lock();
            boolean ended = false;
            for (int moment = 0; !ended && moment < MOMENTS; moment++) {
                Files.write(form.jar(), new byte[] {0}, StandardOpenOption.APPEND); // of an older version
                Harness.program(launcher, text.replace("#!/bin/sh\n", ""));
                Harness.write(launcher, text + "# old\n");
                ended = killed(home, form, moment);
                Harness.Result result = form.command("ensure_image", "--version").run().succeeded();
                assertEquals(VERSION, result.out(), result.toString());
                form.command("race_repro", "--version").run().succeeded();
            }
        }
        InstalledForm.installing(home).run().succeeded();
        isWhole(form.command("ensure_image", "--version").run());
        assertEquals(text, Files.readString(launcher));
        assertEquals(List.of(), InstalledForm.files(home).stream().filter(file -> file.endsWith(".new")).toList());
    }

    /** Installs, and kills that so many moments after it began to write. Returns whether it had ended. */
    private static boolean killed(Path home, InstalledForm form, int moments) throws IOException {
        Path list = form.home.resolve(".local/share/ensure_image/launchers");
        FileTime before = Files.getLastModifiedTime(list);
        try (Harness.Running install = InstalledForm.installing(home).start()) {
            Harness.eventually("it writes", Harness.SOON,
                    () -> !Files.getLastModifiedTime(list).equals(before) || !install.isAlive());
            for (int i = 0; i < moments && install.isAlive(); i++) {
                Harness.pause();
            }
            boolean ended = !install.isAlive();
            if (!ended) {
                install.signal("KILL");
            }
            return ended;
        }
    }
}
