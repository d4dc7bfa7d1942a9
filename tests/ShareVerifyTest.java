// SPDX-License-Identifier: Apache-2.0
//SOURCES Fleet.java
//SOURCES Gate.java
//SOURCES Signer.java

import static ensureimage.testing.Fleet.field;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Fleet;
import ensureimage.testing.Gate;
import ensureimage.testing.Harness;
import ensureimage.testing.Signer;
import ensureimage.testing.Workbench;
import ensureimage.throwaway.EngineSpec.Store;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code --share-verify}: two machines, each a real engine, a real registry, and the real cosign. Who pushes can put any image
 * under a tag; it is taken only if it is signed. A build writes a random number into its image, so that it shows which build an
 * image is from.
 */
class ShareVerifyTest {
    private static Signer signer;
    private static Path keys;

    private final Fleet fleet = Fleet.open();
    private final String app = "verify-" + UUID.randomUUID().toString().substring(0, 8);
    private final Path folder = Harness.newFolder();
    private final Workbench one = fleet.machine("28.5", Store.CONTAINERD, folder);
    private final Workbench two = fleet.other("28.5", Store.CONTAINERD, folder);

    ShareVerifyTest() {
        one.write("images/" + app + "/Dockerfile", "FROM " + fleet.base + "\nRUN : " + app
                + "; head -c 20 /dev/urandom | od -An -tx1 > /number\nCOPY f /f\n");
        one.write("images/" + app + "/f", "as it was");
    }

    @BeforeAll
    static void makeKeys() {
        signer = new Signer("28.5");
        keys = signer.makeKeys();
    }

    private Harness.Command verifying(Signer by, Workbench machine, Path key, String... words) {
        return by.before(fleet.sharing(machine, Stream.concat(Stream.of("--share-verify", "cosign:" + key),
                Stream.of(words)).toArray(String[]::new)), machine);
    }

    private Harness.Result verify(Workbench machine, String... words) {
        return verifying(signer, machine, keys, words).run().succeeded();
    }

    private void forget(Workbench machine) {
        machine.docker("image", "rm", "--force", app).succeeded();
    }

    private static List<String> warnings(Harness.Result result) {
        return result.err().lines().filter(line -> line.contains("warning: ")).toList();
    }

    // ---- What is signed

    /** Each version of cosign verifies what the other one has signed. Versions are those of the engine of the same release. */
    @ParameterizedTest
    @CsvSource({"28.5, CONTAINERD, 28.5, 26.1", "28.5, CLASSIC, 26.1, 28.5", "26.1, CONTAINERD, 26.1, 26.1",
        "26.1, CLASSIC, 28.5, 28.5"})
    void whatOneMachineSignedAnotherOnePulls(String version, Store store, String signs, String verifies)
            throws IOException {
        Signer by = new Signer(signs);
        Harness.Result built = verifying(by, one, keys, app).run().succeeded();
        assertAll(built.toString(), () -> assertEquals("pushed", field(built, "shared.action")),
                () -> assertEquals(List.of(), warnings(built)),
                () -> assertTrue(by.verifies(field(built, "shared.reference"), keys), "control: it is signed"));
        Workbench other = fleet.other(version, store, folder);
        Harness.Result pulled = verifying(new Signer(verifies), other, Signer.without(keys), app).run().succeeded();
        assertAll(pulled.toString(), () -> assertEquals("pulled", field(pulled, "outcome")),
                () -> assertEquals("null", field(pulled, "shared.reason")),
                () -> assertEquals(List.of(), warnings(pulled)),
                () -> assertEquals(one.cat(app, "/number"), other.cat(app, "/number")),
                () -> assertFalse(other.docker("image", "ls").out().contains(fleet.repository),
                        "the extra name is dropped"));
    }

    @Test
    void theKeysCanBeInVariables() throws IOException {
        Harness.Result built =
                variables(one).env("COSIGN_PRIVATE_KEY", Files.readString(keys.resolveSibling("cosign.key")))
                        .run().succeeded();
        assertEquals("pushed", field(built, "shared.action"), built.toString());
        assertEquals("pulled", field(variables(two).run().succeeded(), "outcome"));
    }

    private Harness.Command variables(Workbench machine) throws IOException {
        return signer.before(fleet.sharing(machine, app), machine).env("COSIGN_PUBLIC_KEY", Files.readString(keys))
                .env("ENSURE_IMAGE_SHARE_VERIFY", "cosign:env://COSIGN_PUBLIC_KEY");
    }

    @Test
    void aWarmLookUpAsksNeitherTheRegistryNorCosign() {
        verify(one, app);
        long before = fleet.requests();
        Path broken = Harness.newFolder();
        Harness.program(broken.resolve("cosign"), "touch " + broken + "/started; exit 1\n");
        Harness.Result again = fleet.sharing(one, "--share-verify", "cosign:" + keys, app)
                .env("PATH", broken + ":" + one.environment().get("PATH")).run().succeeded();
        assertEquals("present", field(again, "outcome"), again.toString());
        assertEquals(before, fleet.requests());
        assertFalse(Files.exists(broken.resolve("started")));
    }

    @Test
    void anEditIsBuiltFromTheSignedImageThatWasSharedLast() {
        verify(one, app);
        verify(two, app);
        String before = two.cat(app, "/number");
        one.write("images/" + app + "/f", "edited");
        Harness.Result rebuilt = verify(two, app);
        assertEquals("rebuilt", field(rebuilt, "outcome"), rebuilt.toString());
        assertEquals("edited", two.cat(app, "/f"));
        assertEquals(before, two.cat(app, "/number"), "its first steps are those of that image");
        assertEquals("pulled", field(verify(one, app), "outcome"));
    }

    @Test
    void aMachineWaitsForTheOneThatBuilds() {
        try (Gate gate = Gate.before(one)) {
            List<Harness.Result> both = Fleet.waitingFor(gate,
                    verifying(signer, one, keys, "--docker", gate.client(), "--single-flight", app),
                    verifying(signer, two, keys, "--single-flight", app));
            assertEquals("pushed", field(both.get(0), "shared.action"), both.toString());
            assertEquals("pulled", field(both.get(1), "outcome"), both.toString());
            assertEquals(one.cat(app, "/number"), two.cat(app, "/number"));
        }
    }

    // ---- What is not

    /** Not pulled but built, with one warning; from then on the tag has an image that can be trusted. */
    private void isRefused(String reason) {
        assertEquals("pulled", field(fleet.share(two, app), "outcome"), "control: else it is taken");
        String bad = two.cat(app, "/number");
        forget(two);
        Harness.Result onlyPulls = verify(two, "--share-only", "pull", app);
        String tag = field(onlyPulls, "shared.reference");
        assertAll(onlyPulls.toString(), () -> assertEquals("built", field(onlyPulls, "outcome")),
                () -> assertEquals("missed", field(onlyPulls, "shared.action")),
                () -> assertEquals(reason, field(onlyPulls, "shared.reason")),
                () -> assertEquals(List.of(app + ":latest: warning: " + tag + " is not used: " + reason),
                        warnings(onlyPulls)),
                () -> assertEquals("as it was", two.cat(app, "/f")),
                () -> assertNotEquals(bad, two.cat(app, "/number")),
                () -> assertFalse(two.docker("image", "ls").out().contains(fleet.repository)));
        forget(two);
        Harness.Result built = verify(two, app);
        assertAll(built.toString(), () -> assertEquals("built", field(built, "outcome")),
                () -> assertEquals("pushed", field(built, "shared.action")),
                () -> assertEquals(tag, field(built, "shared.reference")),
                () -> assertEquals(1, warnings(built).size()));
        forget(one);
        Harness.Result pulled = verify(one, app);
        assertEquals("pulled", field(pulled, "outcome"), pulled.toString());
        assertEquals(two.cat(app, "/number"), one.cat(app, "/number"));
    }

    @Test
    void anUnsignedImageIsNotTakenAndIsReplaced() {
        fleet.share(one, app);
        isRefused("it is not signed");
    }

    @Test
    void anImageThatIsSignedByAnotherKeyIsNotTakenAndIsReplaced() {
        verifying(signer, one, signer.makeKeys(), app).run().succeeded();
        isRefused("its signature does not verify with " + keys);
    }

    @Test
    void aTagThatWasMovedToAnUnsignedBuildOfTheSameInputsIsNotTaken() {
        String tag = field(verify(one, app), "shared.reference");
        imitate(tag);
        one.docker("push", tag).succeeded();
        one.docker("image", "rm", tag).succeeded();
        isRefused("it is not signed");
    }

    /** Makes another image of the same inputs, with the same labels, on the machine that has built the first one. */
    private void imitate(String tag) {
        String labels = one.docker("image", "inspect", app, "--format",
                "{{range $k, $v := .Config.Labels}}--label\n{{$k}}={{$v}}\n{{end}}").succeeded().out().strip();
        one.docker(("build\n--no-cache\n--tag\n" + tag + "\n--provenance=false\n" + labels + "\nimages/" + app)
                .split("\n")).succeeded();
    }

    /** After cosign has verified the tag, and before docker fetches it. */
    @Test
    void aTagThatIsMovedWhileItIsPulledIsNotTaken() {
        String tag = field(verify(one, app), "shared.reference");
        imitate(tag);
        Path moving = two.client("if [ \"$1\" = pull ]; then DOCKER_HOST=" + one.environment().get("DOCKER_HOST") + " "
                + one.client() + " push " + tag + " >&2; fi\nexec " + two.client() + " \"$@\"\n");
        Harness.Result built = verify(two, "--share-only", "pull", "--docker", moving.toString(), app);
        one.docker("image", "rm", tag).succeeded();
        assertAll(built.toString(), () -> assertEquals("built", field(built, "outcome")),
                () -> assertEquals("it is not signed", field(built, "shared.reason")),
                () -> assertEquals(1, warnings(built).size()),
                () -> assertFalse(two.docker("image", "ls").out().contains(fleet.repository)));
        String own = two.cat(app, "/number");
        forget(two);
        assertEquals("pulled", field(fleet.share(two, app), "outcome"), "control: it was moved, and else it is taken");
        assertNotEquals(own, two.cat(app, "/number"));
        assertNotEquals(one.cat(app, "/number"), two.cat(app, "/number"), "control: it is not the signed one");
    }

    @Test
    void stepsOfAnUnsignedImageAreNotTaken() {
        String other = app + "-b";
        one.write("images/" + other + "/Dockerfile", "FROM " + fleet.base + "\nRUN : " + other
                + "; head -c 20 /dev/urandom | od -An -tx1 > /number\nCOPY f /f\n");
        one.write("images/" + other + "/f", "as it was");
        fleet.share(one, app, other);
        one.write("images/" + app + "/f", "edited");
        one.write("images/" + other + "/f", "edited");
        assertEquals("built", field(fleet.share(two, other), "outcome"));
        assertEquals(one.cat(other, "/number"), two.cat(other, "/number"), "control: else they are");
        assertEquals("built", field(verify(two, app), "outcome"));
        assertEquals("edited", two.cat(app, "/f"));
        assertNotEquals(one.cat(app, "/number"), two.cat(app, "/number"));
    }

    // ---- What cannot be signed

    @Test
    void withoutAPrivateKeyNothingIsPushed() throws IOException {
        Path key = Signer.without(keys);
        Harness.Result built = verifying(signer, one, key, "-v", app).run().succeeded();
        assertAll(built.toString(), () -> assertEquals("skipped", field(built, "shared.action")),
                () -> assertEquals("there is no private key to sign it with", field(built, "shared.reason")),
                () -> assertTrue(built.err().contains(": not shared: there is no private key to sign it with"),
                        built.err()),
                () -> assertEquals(List.of(), warnings(built)));
        forget(one);
        assertFalse(verifying(signer, one, key, app).run().succeeded().err().contains("not shared"),
                "that is told only with --verbose");
        assertEquals("built", field(fleet.share(two, app), "outcome"), "nothing was pushed");
    }

    @ParameterizedTest
    @CsvSource({"26.1", "28.5"})
    void whatCannotBeSignedIsNotPushedUnderItsTag(String version) {
        Signer by = new Signer(version);
        one.write("images/" + app + "-b/Dockerfile", "FROM busybox\nCOPY . /\n");
        for (String password : new String[] {"wrong", ""}) {
            Harness.Command sharing =
                    verifying(by, one, keys, "-j", "1", app, app + "-b").env("COSIGN_PASSWORD", password);
            Harness.Result built =
                    (password.isEmpty() ? sharing.without("COSIGN_PASSWORD") : sharing).run().succeeded();
            assertAll(built.toString(), () -> assertEquals("unavailable", field(built, "shared.action")),
                    () -> assertEquals(List.of(app + ":latest: warning: cannot share through " + fleet.repository
                            + ": cosign: getting signer: reading key: decrypt: encrypted: decryption failed"),
                            warnings(built)));
            one.docker("image", "rm", "--force", app, app + "-b").succeeded();
        }
        assertEquals("built", field(fleet.share(two, app), "outcome"), "nothing is under its tag");
    }

    @Test
    void aPrivateKeyOfAnotherPairIsTold() throws IOException {
        Path mixed = Signer.without(keys);
        Files.copy(signer.makeKeys().resolveSibling("cosign.key"), mixed.resolveSibling("cosign.key"));
        Harness.Result built = verifying(signer, one, mixed, app).run().succeeded();
        assertEquals("its signature does not verify with " + mixed, field(built, "shared.reason"), built.toString());
        assertEquals(1, warnings(built).size(), built.err());
        assertEquals("built", field(fleet.share(two, app), "outcome"), "nothing is under its tag");
    }

    // ---- Cosign and its keys

    @Test
    void withoutCosignNothingIsDone() {
        Harness.Command command = fleet.sharing(one, "--share-verify", "cosign:" + keys, app)
                .env("PATH", Path.of(one.client()).getParent());
        Harness.Result result = command.run().expect(2);
        assertEquals("ensure_image: cosign is not installed, but it has to verify what is pulled\n"
                + "Install cosign 2 or 3. To see whether it works: cosign version\n", result.err());
        assertEquals("", result.out());
        one.docker("image", "inspect", app).expect(1);
        assertEquals("built", field(fleet.sharing(one, app).env("PATH", Path.of(one.client()).getParent()).run()
                .succeeded(), "outcome"), "control: else there is no need for it");
    }

    @Test
    void aKeyThatCannotBeUsedIsUsage() throws IOException {
        Path lone = Files.copy(keys.resolveSibling("cosign.key"), Harness.newFolder().resolve("team.key"));
        Path disguised = Files.copy(lone, lone.resolveSibling("team.pem"));
        for (String[] row : new String[][] {
            {"notation:x", "--share-verify is cosign:KEY, not 'notation:x'\nTry: --share-verify cosign:cosign.pub\n"},
            {"cosign:", "--share-verify is cosign:KEY, not 'cosign:'\nTry: --share-verify cosign:cosign.pub\n"},
            {"cosign:nosuch.pub", "no public key: nosuch.pub\nTo make a pair of keys, cosign.pub and cosign.key: "
                    + "cosign generate-key-pair\n"},
            {"cosign:" + lone,
                "no public key: " + lone.resolveSibling("team.pub") + "\nWrite it: cosign public-key --key "
                        + lone + " > " + lone.resolveSibling("team.pub") + "\n"},
            {"cosign:" + disguised, "not a public key but a private one: " + disguised
                    + "\nTo get the public one: cosign public-key --key " + disguised + "\n"},
            {"cosign:env://NO_SUCH_KEY", "no public key: the variable NO_SUCH_KEY is not set\n"
                    + "Set it: export NO_SUCH_KEY=\"$(cat cosign.pub)\"\n"}}) {
            Harness.Result result =
                    signer.before(fleet.sharing(one, "--share-verify", row[0], app), one).run().expect(2);
            assertEquals("ensure_image: " + row[1], result.err());
            assertEquals("", result.out());
        }
        one.docker("image", "inspect", app).expect(1);
    }

    @Test
    void aKeyThatCosignCannotReadCostsOneWarningAndNothingIsTaken() {
        one.write("images/" + app + "-b/Dockerfile", "FROM busybox\nCOPY . /\n");
        one.write("cosign.pub", "no key\n");
        fleet.share(two, app, app + "-b");
        Harness.Result built =
                verifying(signer, one, folder.resolve("cosign.pub"), "-j", "1", app, app + "-b").run().succeeded();
        assertEquals(2, built.out().lines().filter(line -> line.contains("\"outcome\":\"built\"")).count(),
                built.toString());
        assertEquals(1, warnings(built).size(), built.err());
        assertTrue(warnings(built).get(0).contains(": cosign: "), built.err());
    }

    @Test
    void aRegistryThatIsAwayCostsOneWarningInDockersWords() {
        one.write("images/" + app + "-b/Dockerfile", "FROM busybox\nCOPY . /\n");
        Harness.Result built = verify(one, "--share", "127.0.0.1:9/team/ensured", "-j", "1", app, app + "-b");
        assertEquals(1, warnings(built).size(), built.err());
        assertTrue(warnings(built).get(0).endsWith("connection refused"), built.err());
    }

    @Test
    void aCosignThatHangsEndsInTimeAndWithItsCaller() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
            fleet.reach(one, silent.getLocalPort());
            String hole = "127.0.0.1:" + silent.getLocalPort() + "/team/ensured";
            String[] line = {"--share", hole, "--share-verify", "cosign:" + keys, "--format", "json", app};
            Harness.Result built =
                    signer.before(one.ensuring(with(line, "--share-timeout", "2")), one).run().succeeded();
            assertEquals("no answer in time", field(built, "shared.reason"), built.toString());
            assertEquals(1, warnings(built).size(), built.err());
            forget(one);
            // A test run in the background may ignore the signal, and so would what it starts.
            try (Harness.Running waits = signer.before(one.ensuring(List.of("env", "--default-signal=INT"),
                    with(line, "--share-timeout", "600")), one).start()) {
                Harness.eventually("it verifies", Harness.SOON, () -> verifications(waits).count() == 1);
                ProcessHandle cosign = verifications(waits).findFirst().orElseThrow();
                waits.signal("INT");
                waits.await().expect(130);
                Harness.eventually("cosign has ended", Harness.SOON, () -> !cosign.isAlive());
            }
        }
    }

    private static String[] with(String[] line, String... more) {
        return Stream.of(line, more).flatMap(Stream::of).toArray(String[]::new);
    }

    private static Stream<ProcessHandle> verifications(Harness.Running command) {
        return ProcessHandle.of(command.pid()).stream().flatMap(ProcessHandle::descendants)
                .filter(child -> child.info().arguments().stream().flatMap(Stream::of).anyMatch("verify"::equals));
    }
}
