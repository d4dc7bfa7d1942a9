// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.Version;
import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * jbangw from outside, each test in a HOME of its own. No `jbang` of this machine is used: what the tests see on PATH
 * has none, or a pretended one.
 *
 * <p>Run: {@code ./jbangw tests/all.java JbangwTest}
 */
class JbangwTest {

    private static final int AT_ONCE = 8;
    private static final int UNAVAILABLE = 69;
    private static final int CONTROL_ROUNDS = 40;

    /** Prints its pid and its arguments; then what it is told to by the first one. */
    private static final String SCRIPT = """
            ///usr/bin/env jbang "$0" "$@" ; exit $?
            //JAVA 17+
            class Probe {
                public static void main(String[] args) throws Exception {
                    System.out.println("pid " + ProcessHandle.current().pid());
                    for (var argument : args) System.out.println("<" + argument + ">");
                    if (args.length == 0) return;
                    switch (args[0]) {
                        case "exit" -> System.exit(Integer.parseInt(args[1]));
                        case "cat" -> System.in.transferTo(System.out);
                        case "sleep" -> Thread.sleep(120_000);
                        case "jbang" -> System.out.println(System.getenv("JBANGW_JBANG"));
                    }
                }
            }
            """;

    private static final String WITH_DEPENDENCY = SCRIPT.replace("//JAVA",
            "//DEPS info.picocli:picocli:4.7.7\n//JAVA");

    private static Path tools;
    private static Path wrapper;
    /** A HOME where the script was run before, for tests that are about neither fetching nor building. */
    private static Path warm;
    private static Path warmScript;

    private Path home;
    private Path script;

    /** jbangw alone in a folder, as what lies beside it counts as a possible source; one fetch for all these tests. */
    @BeforeAll
    static void fetchOnce() throws IOException {
        Programs.require("busybox", "busybox-static");
        for (var program : List.of("ksh", "zsh", "shellcheck")) {
            Programs.require(program, program);
        }
        tools = toolsWithout("jbang");
        wrapper = Files.copy(Harness.projectFile("jbangw"), Harness.newFolder().resolve("jbangw"));
        warm = Harness.newFolder();
        warmScript = Harness.write(warm.resolve("work/Probe.java"), SCRIPT);
        jbangw(warm, warmScript).run().succeeded();
    }

    @BeforeEach
    void newHome() {
        home = Harness.newFolder();
        script = Harness.write(home.resolve("work/Probe.java"), SCRIPT);
    }

    // ---- Passing through

    @Test
    void arguments_arrive_as_they_were_given() {
        var odd =
                List.of("two words", "", "it's", "\"quoted\"", "$HOME `id` $(id)", "back\\slash\\", "*", "-x", "--help",
                        "line\nbreak\n", "ünïcode ✓", "a;b|c>d&", "!", "");
        var result = jbangw(warm, with(warmScript, odd)).run().succeeded();
        var expected = new StringBuilder();
        odd.forEach(argument -> expected.append('<').append(argument).append(">\n"));
        assertEquals(expected.toString(), withoutPid(result));
    }

    @Test
    void a_script_is_found_by_a_path_with_spaces_quotes_and_dollars() {
        var odd = Harness.write(home.resolve("it's a $HOME \"place\"/Probe.java"), SCRIPT);
        withJar();
        jbangw(home, odd, "a").run().succeeded();
        var relative = jbangw(home, "Probe.java", "a").in(odd.getParent()).run().succeeded();
        assertEquals("<a>\n", withoutPid(relative));
    }

    @Test
    void a_script_can_tell_which_jbang_runs_it() {
        var own = jbangw(warm, warmScript, "jbang").run().succeeded();
        assertTrue(withoutPid(own).matches("<jbang>\n\\d+\\.\\d+\\.\\d+\n"), own.toString());
        var path = pretendedJbang("0.140.0", "printenv JBANGW_JBANG >&2");
        assertEquals("0.140.0\n", jbangw(home, script).env("PATH", path).run().succeeded().err());
    }

    @Test
    void stdin_belongs_to_the_script() {
        withJar();
        var cold = jbangw(home, script, "cat").input("first\nsecond").run().succeeded();
        var warm = jbangw(home, script, "cat").input("first\nsecond").run().succeeded();
        assertAll(
                () -> assertEquals("<cat>\nfirst\nsecond", withoutPid(cold)),
                () -> assertEquals("<cat>\nfirst\nsecond", withoutPid(warm)));
    }

    @Test
    void the_exit_status_is_the_scripts_own() {
        for (var status : List.of(0, 1, 10, 69, 255)) {
            jbangw(warm, warmScript, "exit", status).run().expect(status);
        }
    }

    @Test
    void the_process_becomes_the_script_so_that_a_signal_reaches_it() {
        try (var running = jbangw(warm, warmScript, "sleep").start()) {
            Harness.eventually("the script runs", Harness.SOON, () -> running.out().contains("<sleep>"));
            assertTrue(running.out().contains("pid " + running.pid() + "\n"), running.out());
            running.signal("TERM");
            running.await().expect(128 + 15);
        }
    }

    @Test
    void a_script_that_does_not_compile_is_jbangs_error_each_time() {
        withJar();
        Harness.write(script, SCRIPT.replace("class Probe {", "class Probe { int x = \"text\";"));
        for (int i = 0; i < 2; i++) {
            var result = jbangw(home, script).run().expect(1);
            assertTrue(result.err().contains("incompatible types"), result::toString);
            assertEquals("", result.out());
        }
    }

    @Test
    void an_edit_shows_at_the_next_start() {
        withJar();
        jbangw(home, script, "a").run().succeeded();
        Harness.write(script, SCRIPT.replace("\"<\"", "\"edited <\""));
        assertEquals("edited <a>\n", withoutPid(jbangw(home, script, "a").run().succeeded()));
    }

    @Test
    void what_is_not_a_script_first_is_jbangs_own_business() {
        assertEquals("0.132.1\n", jbangw(warm, "version").run().succeeded().out());
        assertEquals("<a b>\n<it's>\n",
                withoutPid(jbangw(warm, "run", "-Dx=y", warmScript, "a b", "it's").run().succeeded()));
        jbangw(warm, "no-such.java").run().expect(2);
        var fromStdin = jbangw(warm, "-", "a").input(SCRIPT.replace("Probe", "Other")).run().succeeded();
        assertEquals("<a>\n", withoutPid(fromStdin));
    }

    @ParameterizedTest
    @ValueSource(strings = {"dash", "busybox sh", "bash --posix", "ksh", "zsh --emulate sh"})
    void any_posix_shell_will_do(String shell) {
        var line = new ArrayList<>(List.of(shell.split(" ")));
        line.addAll(List.of(wrapper.toString(), script.toString(), "a b", "", "it's"));
        withJar();
        for (int i = 0; i < 2; i++) {
            var result = at(home, Harness.command(line.toArray(String[]::new))).run().succeeded();
            assertEquals("<a b>\n<>\n<it's>\n", withoutPid(result));
        }
    }

    @Test
    void shellcheck_finds_nothing() {
        var result = Harness.command("shellcheck", "jbangw", ".ci/run").run();
        assertEquals("", result.out());
        result.succeeded();
    }

    // ---- Many at once

    /** As in containers that share a /tmp. The JVM would warn of a file that is in use, on stdout, where the answer is. */
    @Test
    void processes_of_the_same_number_print_their_answers_alone() {
        var script = Harness.projectFile("ensure_image.java").toString();
        for (var result : Harness.together(AT_ONCE, i -> Harness.jbangw(script, "--version")
                .startedBy("unshare", "--pid", "--fork", "--kill-child"))) {
            assertEquals("ensure_image " + Version.TEXT + " (script)\n", result.succeeded().out());
        }
    }

    @Test
    void many_at_once_on_an_empty_machine_all_succeed_where_plain_jbang_fails() {
        Harness.write(script,
                "//SOURCES Part.java\n" + WITH_DEPENDENCY);
        Harness.write(script.resolveSibling("Part.java"), "class Part { }\n");

        // Nothing there at all, not even for Maven, which goes by Java's notion of the home.
        var results = Harness.together(AT_ONCE, i -> jbangw(home, script, "builder " + i)
                .env("MAVEN_OPTS", "-Duser.home=" + home).timeout(Duration.ofMinutes(10)));
        for (int i = 0; i < AT_ONCE; i++) {
            assertEquals("<builder " + i + ">\n", withoutPid(results.get(i).succeeded()));
        }
        assertEquals(1, results.stream().filter(result -> result.err().contains("Building jar")).count(), "builds");

        var lost = 0;
        for (int round = 0; round < CONTROL_ROUNDS && lost == 0; round++) {
            var cache = Harness.newFolder();
            lost += Harness.together(AT_ONCE / 2, i -> plainJbang(script).env("JBANG_DIR", cache)).stream()
                    .filter(result -> result.status() != 255)
                    .count();
        }
        assertTrue(lost > 0, "control: plain JBang did not fail once in " + CONTROL_ROUNDS + " rounds");
    }

    @Test
    void a_warm_start_does_not_wait_for_the_lock() {
        try (var holder = holdLock(warm)) {
            assertEquals("<b>\n", withoutPid(jbangw(warm, warmScript, "b").run().succeeded()));
            assertTrue(holder.isAlive());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"flock", "perl"})
    void a_cold_start_waits_for_the_lock_until_its_holder_is_killed(String locker) {
        var path = locker.equals("flock") ? tools : toolsWithout("jbang", "flock");
        withJar();
        try (var holder = holdLock(home);
                var cold = jbangw(home, script, "a").env("PATH", path).start()) {
            Harness.eventually("it waits", Harness.SOON, () -> isRunning(locker, cold));
            assertFalse(cold.err().contains("Building jar"), cold.err());
            holder.signal("KILL");
            assertEquals("<a>\n", withoutPid(cold.await().succeeded()));
        }
    }

    /** What is built lies in JBang's cache, so that is what callers have to have in common. */
    @Test
    void callers_with_one_jbang_and_two_caches_build_one_after_the_other() throws IOException {
        var text = Files.readString(wrapper);
        var before = text.replace("lock \"$jbangs_cache/.jbangw.lock\"", "lock \"$cache/lock\"");
        assertNotEquals(text, before, "control: the lock was where the jar is");
        var old = Harness.newFolder().resolve("jbangw");
        Files.writeString(Files.copy(wrapper, old, StandardCopyOption.COPY_ATTRIBUTES), before);
        assertEquals(List.of(0, 1), two(old), "control: with that lock both build at once, and one fails");
        assertEquals(2, linesOf("building"), "control: they do");
        assertEquals(List.of(0, 0), two(wrapper));
        assertEquals(1, linesOf("building"), "the one that has waited does not build again");
    }

    /** The statuses of two callers, in order. A build ends when each of them builds or waits. */
    private List<Integer> two(Path wrapper) {
        newHome();
        var path = pretendedJbang("0.140.0", "echo >>$HOME/building; until [ -e $HOME/open ]; do sleep 0.1; done");
        try (var first = cached("one", wrapper, path).start()) {
            Harness.eventually("the first one builds", Harness.SOON, () -> linesOf("building") == 1);
            try (var second = cached("two", wrapper, path).start()) {
                Harness.eventually("the second one builds or waits", Harness.SOON,
                        () -> linesOf("building") == 2 || isRunning("flock", second));
                Harness.write(home.resolve("open"), "");
                return Stream.of(first.await(), second.await()).map(Harness.Result::status).sorted().toList();
            }
        }
    }

    private Harness.Command cached(String name, Path wrapper, String path) {
        return at(home, Harness.command(wrapper.toString(), script.toString())).env("PATH", path).env("XDG_CACHE_HOME",
                home.resolve(name));
    }

    private long linesOf(String file) throws IOException {
        return Files.exists(home.resolve(file)) ? Files.readAllLines(home.resolve(file)).size() : 0;
    }

    private static boolean isRunning(String program, Harness.Running caller) {
        return ProcessHandle.of(caller.pid()).stream().flatMap(ProcessHandle::descendants)
                .anyMatch(process -> process.info().command().orElse("").endsWith("/" + program));
    }

    // ---- A start without JBang

    @Test
    void once_built_a_script_starts_without_jbang() throws IOException {
        withJar();
        var command = jbangw(home, script, "a").env("PATH", toolsWithout("jbang", "mvn"));
        command.run().succeeded();
        Files.delete(jar(home));
        assertEquals("<a>\n", withoutPid(command.run().succeeded()));
        assertError("mvn", command.env("JBANG_CACHE_DIR", home.resolve("other")).run());
    }

    @ParameterizedTest
    @ValueSource(strings = {"//SOURCES parts/Part.java", "//SOURCES Part.java parts/Part.java"})
    void an_edit_of_a_source_in_another_folder_shows_at_the_next_start(String directive) {
        withJar();
        Harness.write(script, SCRIPT.replace("//JAVA 17+", "//JAVA 17+\n" + directive).replace("\"<\"", "Part.LEFT"));
        Harness.write(script.resolveSibling("Part.java"), "");
        var part = script.resolveSibling("parts/Part.java");
        for (var left : List.of("(", "[")) {
            Harness.write(part, "class Part { static final String LEFT = String.valueOf(\"" + left + "\"); }");
            assertEquals(left + "a>\n", withoutPid(jbangw(home, script, "a").run().succeeded()));
        }
    }

    @Test
    void an_edit_of_a_file_in_the_jar_shows_at_the_next_start() {
        withJar();
        Harness.write(script, SCRIPT.replace("//JAVA 17+", "//JAVA 17+\n//FILES left=res/left.txt").replace("\"<\"",
                "new String(Probe.class.getResourceAsStream(\"left\").readAllBytes())"));
        for (var left : List.of("(", "[")) {
            Harness.write(script.resolveSibling("res/left.txt"), left);
            assertEquals(left + "a>\n", withoutPid(jbangw(home, script, "a").run().succeeded()));
        }
    }

    @Test
    void a_library_that_is_gone_is_fetched_again() throws IOException {
        withJar();
        Harness.write(script, SCRIPT.replace("//JAVA 17+", "//JAVA 17+\n//DEPS org.slf4j:slf4j-api:2.0.20"));
        jbangw(home, script, "a").run().succeeded();
        Harness.command("rm", "-r", home.resolve(".m2/repository/org/slf4j").toString()).run().succeeded();
        assertEquals("<a>\n", withoutPid(jbangw(home, script, "a").run().succeeded()));
        assertTrue(Files.exists(home.resolve(".m2/repository/org/slf4j/slf4j-api/2.0.20/slf4j-api-2.0.20.jar")));
    }

    // ---- What is missing

    @Test
    void without_java_it_says_so() {
        var path = toolsWithout("jbang", "java", "javac");
        var result = jbangw(home, script).env("PATH", path).without("JAVA_HOME").run();
        assertError("no JDK", result);
    }

    @Test
    void a_java_without_compiler_is_no_jdk() {
        var path = toolsWithout("jbang", "javac");
        var result = jbangw(home, script).env("PATH", path).without("JAVA_HOME").run();
        assertError("no JDK", result);
    }

    @ParameterizedTest
    @ValueSource(strings = {"openjdk version \"16.0.2\" 2021-07-20", "java version \"1.8.0_392\"", "no version at all"})
    void a_java_that_is_too_old_is_refused(String version) {
        var old = Harness.newFolder();
        Harness.program(old.resolve("java"), "echo '" + version + "' >&2");
        Harness.program(old.resolve("javac"), "exit 1");
        var result = jbangw(withJar(), script).env("PATH", old + ":" + tools).without("JAVA_HOME").run();
        assertError("17 or newer", result);
    }

    @Test
    void without_maven_it_says_so() {
        var result = jbangw(home, script).env("PATH", toolsWithout("jbang", "mvn")).run();
        assertError("mvn", result);
    }

    @Test
    void without_network_it_says_what_maven_said() {
        Harness.write(home.resolve(".m2/settings.xml"), """
                <settings><mirrors><mirror>
                    <id>nowhere</id><mirrorOf>*</mirrorOf><url>http://127.0.0.1:1/</url>
                </mirror></mirrors></settings>
                """);
        var result = jbangw(home, script).env("MAVEN_OPTS", "-Duser.home=" + home).run();
        assertError("Maven could not fetch dev.jbang:jbang-cli", result);
        assertTrue(result.err().contains("nowhere"), result::toString);
    }

    /** In a network namespace of its own, where not even the loopback device is up. */
    @Test
    void once_cached_all_works_without_network() {
        Harness.write(script, WITH_DEPENDENCY);
        var control = jbangw(home, script, "cold").env("MAVEN_OPTS", "-Duser.home=" + home)
                .startedBy("unshare", "--net").run();
        assertError("Maven could not fetch", control);
        jbangw(home, script).run().succeeded();
        Harness.write(script, WITH_DEPENDENCY + "// edited\n");
        var built = jbangw(home, script, "built again").startedBy("unshare", "--net").run().succeeded();
        assertTrue(built.err().contains("Building jar"), built::toString);
        assertEquals("<built again>\n", withoutPid(built));
        assertEquals("<warm>\n", withoutPid(jbangw(home, script, "warm").startedBy("unshare", "--net").run()));
    }

    @Test
    void without_a_cache_that_can_be_written_it_says_so() {
        var file = Harness.write(home.resolve("file"), "");
        assertError("cannot write to the cache", jbangw(home, script).env("XDG_CACHE_HOME", file).run());
    }

    @Test
    void without_home_it_says_so() {
        assertError("HOME is not set", jbangw(home, script).without("HOME").run());
    }

    // ---- JBang's jar

    @Test
    void a_spoiled_jar_in_the_cache_is_fetched_again() throws IOException {
        Files.writeString(jar(withJar()), "spoiled", StandardOpenOption.APPEND);
        var result = jbangw(home, script, "a").run().succeeded();
        assertTrue(result.err().contains("wrong checksum"), result::toString);
        assertEquals(-1, Files.mismatch(jar(warm), jar(home)));
    }

    @Test
    void a_spoiled_jar_is_not_run_when_it_cannot_be_fetched_again() throws IOException {
        withJar();
        jbangw(home, script, "a").run().succeeded();
        Files.writeString(jar(home), "spoiled");
        Harness.write(script, SCRIPT + "// edited, so JBang is needed again\n");
        assertError("mvn", jbangw(home, script, "a").env("PATH", toolsWithout("jbang", "mvn")).run());
    }

    @Test
    void a_fetched_jar_with_another_checksum_is_refused_and_not_kept() {
        var maven = Harness.newFolder();
        Harness.program(maven.resolve("mvn"),
                """
                        for argument in "$@"; do
                            case $argument in
                                -DoutputDirectory=*) mkdir -p "${argument#*=}" && echo bad >"${argument#*=}/jbang-cli-0.132.1-all.jar" ;;
                            esac
                        done
                        """);
        assertError("not used", jbangw(home, script).env("PATH", maven + ":" + tools).run());
        assertFalse(Files.exists(jar(home)));
    }

    // ---- The jbang on PATH

    @ParameterizedTest
    @ValueSource(strings = {"0.132.1", "0.132.2", "0.133.0", "0.1000.0", "1.0.0"})
    void a_recent_jbang_on_path_is_used(String version) {
        var path = pretendedJbang(version, "");
        var result = jbangw(home, script, "a b", "it's").env("PATH", path).run().succeeded();
        assertEquals("jbang " + script + " <a b> <it's>\n", result.out());
        assertEquals(version + "\n", jbangw(home, "version").env("PATH", path).run().succeeded().out());
        assertFalse(Files.exists(jar(home)), "nothing is fetched");
    }

    @Test
    void the_options_for_jbangs_jvm_reach_only_a_jbang_that_keeps_them_from_the_script() {
        var print = "printenv JBANG_JAVA_OPTIONS >&2";
        assertEquals("", jbangw(home, script).env("PATH", pretendedJbang("0.134.9", print)).run().err());
        Harness.write(script, SCRIPT + "// edited\n");
        var options = jbangw(home, script).env("PATH", pretendedJbang("0.135.0", print)).run().succeeded().err();
        assertTrue(options.startsWith("-XX:"), options);
        Harness.write(script, SCRIPT + "// edited again\n");
        var own = jbangw(home, script).env("PATH", pretendedJbang("0.135.0", print)).env("JBANG_JAVA_OPTIONS", "-Dx=y")
                .run();
        assertEquals("-Dx=y\n", own.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.132.0", "0.99.5", "0.13.9", "unknown", ""})
    void an_old_jbang_on_path_is_not_used(String version) {
        var result = jbangw(warm, warmScript, "a").env("PATH", pretendedJbang(version, "")).run().succeeded();
        assertEquals("<a>\n", withoutPid(result));
    }

    @Test
    void a_jbang_on_path_is_asked_for_its_version_once_and_again_after_an_update() {
        var path = pretendedJbang("0.140.0", "");
        for (int i = 0; i < 3; i++) {
            jbangw(home, script).env("PATH", path).run().succeeded();
        }
        assertEquals(List.of("version", "build " + script, script.toString(), script.toString(), script.toString()),
                calls());
        pretendedJbang("0.100.0", "");
        assertEquals("<a>\n", withoutPid(jbangw(withJar(), script, "a").env("PATH", path).run().succeeded()));
    }

    @Test
    void a_jbang_on_path_that_is_jbangw_itself_is_not_used() throws IOException {
        var link = Harness.newFolder();
        Files.createSymbolicLink(link.resolve("jbang"), wrapper);
        var result = jbangw(warm, warmScript, "a").env("PATH", link + ":" + tools).run().succeeded();
        assertEquals("<a>\n", withoutPid(result));
    }

    @Test
    void an_edit_during_the_build_is_built_at_the_next_start() {
        // The pretended build edits the script, the first time.
        var path = pretendedJbang("0.140.0", "[ -e edited ] || { sleep 0.1; touch edited Probe.java; }");
        for (int i = 0; i < 3; i++) {
            jbangw(home, script).in(script.getParent()).env("PATH", path).run().succeeded();
        }
        assertEquals(2, calls().stream().filter(call -> call.startsWith("build ")).count(), calls()::toString);
    }

    @Test
    void a_new_source_beside_the_script_and_a_cleared_cache_are_built_under_the_lock() throws IOException {
        var path = pretendedJbang("0.140.0", "");
        var once = jbangw(home, script).env("PATH", path);
        once.run().succeeded();
        Harness.write(script.resolveSibling("New.java"), "class New { }");
        once.run().succeeded();
        assertEquals(2, calls().stream().filter(call -> call.startsWith("build ")).count(), calls()::toString);
        Harness.command("rm", "-r", home.resolve(".jbang/cache/jars").toString()).run().succeeded();
        once.run().succeeded();
        assertEquals(3, calls().stream().filter(call -> call.startsWith("build ")).count(), calls()::toString);
    }

    // ---- Helpers

    private static Harness.Command jbangw(Path home, Object... arguments) {
        var line = new ArrayList<>(List.of(wrapper.toString()));
        for (var argument : arguments) {
            line.add(argument.toString());
        }
        return at(home, Harness.command(line.toArray(String[]::new)));
    }

    /** In that HOME, with no `jbang` on PATH and none of the variables that lead JBang or the cache elsewhere. */
    private static Harness.Command at(Path home, Harness.Command command) {
        return command.env("HOME", home).env("PATH", tools).without("XDG_CACHE_HOME", "JBANG_DIR", "JBANG_CACHE_DIR",
                "JBANG_REPO", "JBANG_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "MAVEN_OPTS");
    }

    private Harness.Command plainJbang(Path script) {
        return at(home, Harness.command("java", "-jar", jar(home).toString(), "run", script.toString()));
    }

    /** The jar, and no archive of its classes, but a file in its place: to make one takes longer than most tests. */
    private Path withJar() {
        try {
            Files.createDirectories(jar(home).getParent());
            Files.copy(jar(warm), jar(home));
            Files.createFile(jar(home).resolveSibling(jar(home).getFileName() + ".jsa"));
            return home;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Path jar(Path home) {
        return home.resolve(".cache/ensure_image/jbang/jbang-0.132.1.jar");
    }

    private static Harness.Running holdLock(Path home) {
        var lock = Harness.write(home.resolve(".jbang/cache/.jbangw.lock"), "");
        var holder =
                Harness.command("flock", "--no-fork", lock.toString(), "sh", "-c", "echo held; exec sleep 120").start();
        Harness.eventually("the lock is held", Harness.SOON, () -> holder.out().contains("held"));
        return holder;
    }

    /** A `jbang` that notes its calls and prints its arguments; the PATH to find it by. */
    private String pretendedJbang(String version, String atBuild) {
        var folder = home.resolve("bin");
        Harness.program(folder.resolve("jbang"), """
                echo "$*" >>'%s'
                case ${1-} in
                    version) echo '%s' ;;
                    build) %s : ;;
                    *) printf jbang; printf ' %%s' "$1"; shift; printf ' <%%s>' "$@"; echo ;;
                esac
                """.formatted(home.resolve("calls"), version, atBuild.isEmpty() ? "" : atBuild + ";"));
        return folder + ":" + tools;
    }

    private List<String> calls() {
        try {
            return Files.readAllLines(home.resolve("calls"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A folder with links to every program on this machine's PATH but those. */
    private static Path toolsWithout(String... names) {
        Set<String> seen = new HashSet<>(List.of(names));
        var folder = Harness.newFolder();
        try {
            for (var entry : System.getenv("PATH").split(":")) {
                if (!Files.isDirectory(Path.of(entry))) {
                    continue;
                }
                try (var programs = Files.newDirectoryStream(Path.of(entry), Files::isExecutable)) {
                    for (var program : programs) {
                        if (seen.add(program.getFileName().toString())) {
                            Files.createSymbolicLink(folder.resolve(program.getFileName()), program.toAbsolutePath());
                        }
                    }
                }
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return folder;
    }

    private static void assertError(String part, Harness.Result result) {
        assertAll(
                () -> result.expect(UNAVAILABLE),
                () -> assertTrue(result.err().contains(part), result::toString),
                () -> assertEquals("", result.out()),
                () -> assertTrue(result.err().lines().count() <= 3, "short: " + result),
                () -> assertNotEquals(0, result.err().lines().count()));
    }

    private static String withoutPid(Harness.Result result) {
        return result.out().replaceFirst("^pid \\d+\n", "");
    }

    private static Object[] with(Path script, List<String> arguments) {
        List<Object> line = new ArrayList<>(List.of(script));
        line.addAll(arguments);
        return line.toArray();
    }
}
