// SPDX-License-Identifier: Apache-2.0
//SOURCES Fleet.java
//SOURCES Gate.java

import static ensureimage.testing.Fleet.field;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.EnsureImage;
import ensureimage.Ensured;
import ensureimage.Listener;
import ensureimage.Shared;
import ensureimage.Sharing;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.Reference;
import ensureimage.testing.Fleet;
import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.ImageFiles;
import ensureimage.testing.RegistryProxy;
import ensureimage.testing.RegistryProxy.Fault;
import ensureimage.testing.RegistryProxy.Stage;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec.Store;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code --share} as its users see it: two machines, each a real engine with a cache of its own, and a real registry. A build
 * writes a random number into its image, so that it shows which build an image is from.
 */
class ShareTest {
    private final Fleet fleet = Fleet.open();
    private final String app = "share-" + UUID.randomUUID().toString().substring(0, 8);
    private final String number = ": " + app + "; head -c 20 /dev/urandom | od -An -tx1 > /number";
    private final Path folder = Harness.newFolder();
    private final Workbench one = fleet.machine("28.5", Store.CONTAINERD, folder);
    private final Workbench two = fleet.other("28.5", Store.CONTAINERD, folder);

    ShareTest() {
        one.write("images/" + app + "/Dockerfile", "FROM " + fleet.base + "\nRUN " + number + "\nCOPY f /f\n");
        one.write("images/" + app + "/f", "as it was");
    }

    @ParameterizedTest
    @CsvSource({"28.5, CONTAINERD", "28.5, CLASSIC", "26.1, CONTAINERD", "26.1, CLASSIC"})
    void whatOneMachineBuiltAnotherOnePulls(String version, Store store) {
        try (RegistryProxy registry = fleet.proxy()) {
            whatOneMachineBuiltAnotherOnePulls(fleet.other(version, store, folder), registry);
        }
    }

    private void whatOneMachineBuiltAnotherOnePulls(Workbench other, RegistryProxy registry) {
        String[] share = {"--share", registry.address() + "/" + app, "--format", "json", app};
        fleet.reach(one, registry.port());
        fleet.reach(other, registry.port());
        one.write("images/" + app + "/Dockerfile", "FROM " + fleet.base + "\nRUN " + number
                + "\nRUN head -c 3000000 /dev/urandom > /blob\nCOPY f /f\n");
        Harness.Result built = one.ensuring(share).run().succeeded();
        assertAll(built.toString(), () -> assertEquals("built", field(built, "outcome")),
                () -> assertEquals("pushed", field(built, "shared.action")));
        assertEquals("built", field(other.ensuring("--format", "json", app).run().succeeded(), "outcome"),
                "control: it would be built there");
        assertNotEquals(one.cat(app, "/number"), other.cat(app, "/number"), "control: by another build");
        other.docker("image", "rm", "--force", app, fleet.base).succeeded();

        registry.fail(Fault.SLOW, Stage.PULL); // or a layer may be there before the engine says how large it is
        Harness.Result pulled = other.ensuring(share).run().succeeded();
        assertAll(pulled.toString(), () -> assertEquals("pulled", field(pulled, "outcome")),
                () -> assertEquals("0", field(pulled, "builds")),
                () -> assertEquals("pulled", field(pulled, "shared.action")),
                () -> assertEquals(field(built, "shared.reference"), field(pulled, "shared.reference")),
                () -> assertEquals("null", field(pulled, "shared.reason")),
                () -> assertTrue(Double.parseDouble(field(pulled, "shared.seconds")) > 0),
                () -> assertTrue(Long.parseLong(field(pulled, "shared.bytes")) >= 3_000_000),
                () -> assertEquals(field(built, "fingerprint"), field(pulled, "fingerprint")),
                () -> assertEquals(one.cat(app, "/number"), other.cat(app, "/number")),
                () -> assertEquals(other.imageId(app), field(pulled, "id")),
                () -> assertFalse(other.docker("image", "ls").out().contains("/ensured"), "the extra name is dropped"));
    }

    @Test
    void aWarmLookUpDoesNotAskTheRegistry() {
        long before = fleet.requests();
        fleet.share(one, app);
        long after = fleet.requests();
        assertTrue(after > before, "control: requests are seen");
        Harness.Result again = fleet.share(one, app);
        assertAll(again.toString(), () -> assertEquals("present", field(again, "outcome")),
                () -> assertEquals("null", field(again, "shared")), () -> assertEquals(after, fleet.requests()));
    }

    @Test
    void anImageWhoseNameIsTakenWhileItIsPushedIsThereAtTheEnd() throws Exception {
        Listener taking = new Listener() {
            private boolean taken;

            @Override
            public void step(Recipe recipe, Step step) {
                if (step == Step.PUSHING && !taken) {
                    taken = true;
                    one.docker("tag", "busybox", app).succeeded();
                }
            }
        };
        Recipe recipe = Recipe.inFolder(Reference.parse(app), folder.resolve("images/" + app), BuildOptions.NONE);
        Ensured ensured = EnsureImage.using(one.client(), one.environment())
                .withSharing(Sharing.through(fleet.repository)).with(taking).ensure(recipe);
        assertEquals(2, ensured.builds(), "control: it was gone with the name that it was pushed under");
        assertEquals(ensured.id(), one.imageId(app));
        assertFalse(one.docker("image", "ls").out().contains(fleet.repository), "the extra names are dropped");
    }

    @Test
    void anEditIsBuiltOnceForBoth() {
        fleet.share(one, app);
        fleet.share(two, app);
        String before = two.cat(app, "/number");
        one.write("images/" + app + "/f", "edited");
        Harness.Result rebuilt = fleet.share(two, app);
        assertEquals("rebuilt", field(rebuilt, "outcome"), rebuilt.toString());
        assertEquals("edited", two.cat(app, "/f"));
        assertEquals(before, two.cat(app, "/number"), "its first steps come from the image that was shared last");
        Harness.Result pulled = fleet.share(one, app);
        assertEquals("pulled", field(pulled, "outcome"), pulled.toString());
        assertEquals("edited", one.cat(app, "/f"));
    }

    @Test
    void anotherImageUnderTheTagIsNotTakenAndIsReplaced() {
        String tag = field(fleet.share(one, app), "shared.reference");
        one.docker("tag", "busybox", tag).succeeded();
        one.docker("push", tag).succeeded();
        Harness.Result built = fleet.share(two, app);
        assertAll(built.toString(), () -> assertEquals("built", field(built, "outcome")),
                () -> assertTrue(built.err().contains("warning: " + tag + " is not used: "), built.err()),
                () -> assertEquals("as it was", two.cat(app, "/f")),
                () -> assertFalse(two.docker("image", "ls").out().contains("/ensured")));
        one.docker("image", "rm", "--force", app, tag).succeeded();
        assertEquals("pulled", field(fleet.share(one, app), "outcome"));
        assertEquals(two.cat(app, "/number"), one.cat(app, "/number"));
    }

    @Test
    void anImageForAnotherArchitectureIsNotTaken() {
        one.write("images/" + app + "/Dockerfile", "FROM scratch\nCOPY f /f\n");
        String tag = field(fleet.share(one, app), "shared.reference");
        String labels = one.docker("image", "inspect", app, "--format",
                "{{range $k, $v := .Config.Labels}}--label\n{{$k}}={{$v}}\n{{end}}").succeeded().out().strip();
        String[] words =
                ("build\n--platform\nlinux/arm64\n--tag\n" + tag + "\n--provenance=false\n" + labels + "\nimages/"
                        + app).split("\n");
        one.docker(words).succeeded();
        one.docker("push", tag).succeeded();
        Harness.Result built = fleet.share(two, app);
        assertEquals("built", field(built, "outcome"), built.toString());
        assertTrue(built.err().contains("is not used"), built.err());
        assertEquals("amd64", two.docker("image", "inspect", app, "--format", "{{.Architecture}}").out().strip());
    }

    @Test
    void aMachineThatHoldsAnotherImageUnderTheBasesNameBuilds() {
        fleet.share(one, app);
        two.write("other/Dockerfile", "FROM busybox\nRUN echo other > /other\n");
        two.docker("build", "--tag", fleet.base, "other").succeeded();
        Harness.Result built = fleet.share(two, app);
        assertEquals("built", field(built, "outcome"), built.toString());
        assertFalse(built.err().contains("warning"), built.err());
        one.docker("image", "rm", "--force", app).succeeded();
        assertEquals("built", field(fleet.share(one, app), "outcome"), "the one that was shared last is not its");
        for (Workbench machine : new Workbench[] {two, one, two}) {
            machine.docker("image", "rm", "--force", app).succeeded();
            assertEquals("pulled", field(fleet.share(machine, app), "outcome"), "from then on each finds its own");
            assertEquals(machine == two, ImageFiles.read(app, "/other", machine.environment())
                    .filter(text -> text.equals("other")).isPresent());
        }
    }

    @Test
    void whatABuildSeesBeyondThePredictionIsFoundByASecondTag() {
        String trigger = fleet.base.replace("/base:", "/trigger:");
        one.write("trigger/Dockerfile", "FROM " + fleet.base + "\nONBUILD COPY . /all\n");
        one.docker("build", "--tag", trigger, "--provenance=false", "trigger").succeeded();
        one.docker("push", trigger).succeeded();
        one.write("images/" + app + "/Dockerfile", "FROM " + trigger + "\nRUN " + number + "\nCOPY f /f\n");
        one.write("images/" + app + "/unforeseen", "one");
        fleet.share(one, app);
        one.write("images/" + app + "/unforeseen", "two");
        Harness.Result built = fleet.share(two, app);
        assertEquals("built", field(built, "outcome"), built.toString());
        assertEquals("two", two.cat(app, "/all/unforeseen"));
        one.write("images/" + app + "/unforeseen", "one");
        Harness.Result pulled = fleet.share(two, app);
        assertEquals("pulled", field(pulled, "outcome"), pulled.toString());
        assertEquals("one", two.cat(app, "/all/unforeseen"));
        assertEquals(one.cat(app, "/number"), two.cat(app, "/number"));
    }

    @Test
    void aCollectionIsSharedImageByImage() {
        one.write("images/" + app + "-on/Dockerfile", "FROM " + app + "\nRUN cp /number /second\n");
        fleet.share(one, app + "-on");
        Harness.Result pulled = fleet.share(two, app + "-on");
        assertEquals(2, pulled.out().lines().filter(line -> line.contains("\"outcome\":\"pulled\"")).count(),
                pulled.toString());
        assertEquals(one.cat(app, "/number"), two.cat(app + "-on", "/second"));
    }

    @Test
    void whatDiffersFromWhatWasSharedLastIsTold() {
        Harness.Result never = fleet.sharing(two, "--why-not-shared", app).run().expect(11);
        assertEquals("missing", field(never, "outcome"), never.toString());
        fleet.share(one, app);
        Harness.Result same = fleet.sharing(two, "--why-not-shared", app).run().succeeded();
        assertEquals("present", field(same, "outcome"), same.toString());
        one.write("images/" + app + "/f", "edited");
        Harness.Result differs = fleet.sharing(two, "--why-not-shared", app).run().expect(11);
        assertEquals("1 file changed (f)", field(differs, "why"), differs.toString());
        assertFalse(two.docker("image", "ls").out().contains("/ensured"), "nothing is left of it");
        two.ensuring("--why-not-shared", app).without("ENSURE_IMAGE_SHARE").run().expect(2);
    }

    @Test
    void theLibrarySharesToo() throws Exception {
        fleet.share(one, app);
        Recipe recipe = Recipe.inFolder(Reference.parse(app), folder.resolve("images").resolve(app), BuildOptions.NONE);
        Ensured pulled = EnsureImage.using(two.client(), two.environment())
                .withSharing(Sharing.through(fleet.repository).with(Sharing.Direction.PULL)).ensure(recipe);
        assertEquals(Ensured.How.PULLED, pulled.how());
        assertEquals(Shared.Action.PULLED, pulled.shared().orElseThrow().action());
        assertThrows(IllegalArgumentException.class, () -> Sharing.through("a:tag"));
    }

    // ---- What is shared

    @Test
    void whatIsOnlyPulledOrOnlyPushed() {
        assertEquals("missed", field(fleet.share(one, "--share-only", "pull", app), "shared.action"));
        assertEquals("built", field(fleet.share(two, app), "outcome"), "nothing was pushed");
        one.docker("image", "rm", "--force", app).succeeded();
        Harness.Result pushed = fleet.share(one, "--share-only=push", app);
        assertEquals("built", field(pushed, "outcome"), "nothing was pulled: " + pushed);
        assertEquals("pushed", field(pushed, "shared.action"), pushed.toString());
    }

    @Test
    void whatIsBuiltWithASecretIsNotSharedUnlessToldTo() {
        one.write("images/" + app + "/Dockerfile", "FROM " + fleet.base + "\nRUN --mount=type=secret,id=s true\n");
        one.write("secret", "hush");
        Harness.Result built = fleet.share(one, "-v", app, "--", "--secret", "id=s,src=secret");
        assertAll(built.toString(), () -> assertEquals("skipped", field(built, "shared.action")),
                () -> assertEquals("its build is given secrets", field(built, "shared.reason")),
                () -> assertTrue(built.err().contains(": not shared: its build is given secrets"), built.err()));
        assertFalse(fleet.share(one, "--force", app, "--", "--secret", "id=s,src=secret").err().contains("not shared"),
                "that is told only with --verbose");
        Harness.Result all = fleet.share(one, "--force", "--share-all", app, "--", "--secret", "id=s,src=secret");
        assertEquals("pushed", field(all, "shared.action"), all.toString());
    }

    @Test
    void whatNoLookUpCanKnowIsNotShared() {
        Harness.Result built = fleet.share(one, app, "--", "--pull");
        assertEquals("skipped", field(built, "shared.action"), built.toString());
        assertEquals("it has inputs that no look-up can know", field(built, "shared.reason"));
    }

    @Test
    void aBuilderThatDoesNotSayWhatItSawSharesOnlyIfToldTo() {
        Workbench old = fleet.machine("26.1", Store.CONTAINERD, folder);
        Harness.Result built = fleet.share(old, app);
        assertEquals("skipped", field(built, "shared.action"), built.toString());
        assertTrue(field(built, "shared.reason").startsWith("its builder does not report what it read"),
                built.toString());
        assertEquals("pushed", field(fleet.share(old, "--force", "--share-all", app), "shared.action"));
        assertEquals("pulled", field(fleet.share(two, app), "outcome"));
        assertEquals(old.cat(app, "/number"), two.cat(app, "/number"));
    }

    /** The engine fails between giving an image the registry's name and the push. */
    @Test
    void noNameOfTheRegistryStaysWhateverFails() throws IOException {
        Path log = folder.resolve("log");
        Path failing = one.client("echo \"$*\" >> " + log + "\ncase \"$*\" in *inspect*/ensured:*)\n"
                + "echo 'Error response from daemon: something is wrong' >&2; exit 1;; esac\n"
                + "exec " + one.client() + " \"$@\"\n");
        Harness.Result built = fleet.share(one, "--docker", failing.toString(), app);
        assertEquals("built", field(built, "outcome"), built.toString());
        assertTrue(Files.readString(log).matches("(?s).*\ntag \\S+ " + fleet.repository + ":.*inspect.*"),
                "control: it was named, and looked up: " + Files.readString(log));
        assertFalse(one.docker("image", "ls").out().contains(fleet.repository));
    }

    // ---- A registry that is no help

    @Test
    void aRegistryThatIsAwayCostsOneWarningForTheWholeRun() {
        for (String name : new String[] {"-b", "-c"}) {
            one.write("images/" + app + name + "/Dockerfile", "FROM busybox\nRUN " + number + "\n");
        }
        Harness.Result result = one.ensure("--share", "127.0.0.1:9/team/ensured", "--format", "json", "-j", "1", app,
                app + "-b", app + "-c").succeeded();
        assertEquals(1, result.err().lines().filter(line -> line.contains("warning: cannot share through")).count(),
                result.err());
        assertEquals(3, result.out().lines().filter(line -> line.contains("\"action\":\"unavailable\"")
                && line.contains("connection refused")).count(), result.toString());
    }

    @Test
    void aMistakeOnTheCommandLineIsUsage() {
        for (String[] words : new String[][] {{"--share", "a:tag"}, {"--share", "A b"},
            {"--share", "a", "--share-only", "x"}, {"--share", "a", "--share-timeout", "0"}}) {
            String[] line = Stream.concat(Arrays.stream(words),
                    Stream.of(app)).toArray(String[]::new);
            Harness.Result result = one.ensure(line).expect(2);
            assertEquals("", result.out());
        }
    }

    @Test
    void aPullThatHangsEndsWithItsCaller() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50,
                InetAddress.getByName("127.0.0.1"))) {
            fleet.reach(one, silent.getLocalPort());
            String hole = "127.0.0.1:" + silent.getLocalPort() + "/team/ensured";
            Harness.Result built = one.ensure("--share", hole, "--share-timeout", "2", "--format", "json", app)
                    .succeeded();
            assertEquals("no answer in time", field(built, "shared.reason"), built.toString());
            one.docker("image", "rm", "--force", app).succeeded();
            // A test run in the background may ignore the signal, and so would what it starts.
            try (Harness.Running waits = one.ensuring(List.of("env", "--default-signal=INT"), "--share", hole,
                    "--share-timeout", "600", app).start()) {
                Harness.eventually("it pulls", Harness.SOON, () -> pulls(waits) == 1);
                ProcessHandle pull = children(waits).findFirst().orElseThrow();
                waits.signal("INT");
                waits.await();
                Harness.eventually("the pull has ended", Harness.SOON, () -> !pull.isAlive());
            }
        }
    }

    private static long pulls(Harness.Running command) {
        return children(command).count();
    }

    private static Stream<ProcessHandle> children(Harness.Running command) {
        return ProcessHandle.of(command.pid()).stream().flatMap(ProcessHandle::descendants)
                .filter(child -> child.info().arguments().stream().flatMap(Arrays::stream)
                        .anyMatch("pull"::equals));
    }

    // ---- Many at once

    @Test
    void aMachineWaitsForTheOneThatBuilds() {
        try (Gate gate = Gate.before(one)) {
            List<Harness.Result> both =
                    Fleet.waitingFor(gate, fleet.sharing(one, "--docker", gate.client(), "--single-flight", app),
                            fleet.sharing(two, "--single-flight", app));
            assertEquals("pushed", field(both.get(0), "shared.action"), both.toString());
            assertEquals("pulled", field(both.get(1), "outcome"), both.toString());
            assertEquals(one.cat(app, "/number"), two.cat(app, "/number"));
        }
    }

    @Test
    void aMachineThatDiedIsNotWaitedForForEver() {
        try (Gate gate = Gate.before(one);
                Harness.Running first = fleet.sharing(one, "--docker", gate.client(), "--single-flight", app).start()) {
            gate.await(1);
            try (Harness.Running second = fleet.sharing(two, "--single-flight", app).start()) {
                Harness.eventually("it waits", Harness.SOON,
                        () -> second.err().contains("waiting for another machine, which is building it"));
                first.signal("KILL");
                Harness.Result built = second.await().succeeded();
                assertEquals("built", field(built, "outcome"), built.toString());
            }
        }
    }
}
