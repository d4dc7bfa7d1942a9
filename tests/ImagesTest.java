// SPDX-License-Identifier: Apache-2.0
//SOURCES Checkout.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Checkout;
import ensureimage.testing.Harness;
import ensureimage.testing.Programs;
import ensureimage.throwaway.EngineSpec;
import ensureimage.throwaway.ThrowawayEngine;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The two images of {@code images/} that test suites copy: built by ensure_image on a Debian made here, as there is no
 * registry to take Ubuntu from, and then used as their Dockerfiles say.
 */
class ImagesTest {

    private static final String BASE = "images-test-base";
    private static final String INSTALLER = "dependency-installer-test:ubuntu-24.04";
    private static final String INSTANCE = "provisioned-instance:latest";
    private static final String UNSET = Long.toString(0xFFFFFFFFL);
    private static final Duration SOON = Harness.SOON;

    private static ThrowawayEngine engine;

    private final List<Container> containers = new ArrayList<>();

    @BeforeAll
    static void buildBoth() {
        engine = Harness.engine("26.1", EngineSpec.Store.CONTAINERD);
        docker("import", debian().toString(), BASE).succeeded();
        var images = List.of(INSTALLER, INSTANCE);
        Harness.together(images.size(), i -> Harness
                .script("ensure_image", images.get(i), "--build-arg", "BASE=" + BASE, "--timeout", "1200")
                .env(engine.environment()).timeout(Duration.ofMinutes(21)))
                .forEach(result -> assertTrue(result.succeeded().out().startsWith("built "), result.toString()));
    }

    /**
     * A minimal Debian as a tar, with these packages besides. Its settings are those of the official images: no
     * translations, manuals, fsync.
     */
    static Path debian(String... others) {
        var packages = joined(new String[] {"apt"}, others); // mmdebstrap wants one at least
        var folder = Harness.newFolder();
        var tar = folder.resolve("debian.tar");
        Programs.require("mmdebstrap", "mmdebstrap", "debian-archive-keyring");
        // In a mount namespace, so that none of its mounts can be left behind.
        Harness.command("unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase",
                "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io",
                "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--essential-hook=mkdir -p \"$1/usr/share/man/man1\"", // alternatives go wrong without
                "--include=" + String.join(",", packages), "trixie", tar.toString())
                .env("TMPDIR", folder).timeout(Duration.ofMinutes(10)).run().succeeded();
        return tar;
    }

    @AfterEach
    void removeContainers() {
        containers.forEach(container -> docker("rm", "--force", container.id()).succeeded());
    }

    // ---- All of images/

    /** What a newcomer tries first. Nothing has to be made before. */
    @Test
    void aFreshCloneHasAllThatItsImagesNeed() throws IOException {
        var result = Harness.script("ensure_image", "--all", "--build-arg", "BASE=" + BASE).in(Checkout.copy())
                .env(engine.environment()).run().succeeded();
        assertEquals(List.of(INSTALLER, INSTANCE, "race-demo:latest"),
                result.out().lines().map(line -> line.split(" +")[1]).sorted().toList());
    }

    // ---- Both

    @ParameterizedTest
    @ValueSource(strings = {INSTALLER, INSTANCE})
    void nothingOfTheBuildIsLeft(String image) {
        var container = start("--user", "root", "--entrypoint", "sleep", image, "infinity");
        assertEquals("", container.sh("find /var/lib/apt/lists /var/cache/apt/archives -type f -size +0; "
                + "env | grep DEBIAN_FRONTEND || true").succeeded().out());
    }

    // ---- dependency-installer-test

    @Test
    void theInstallersUserIsNotRootAndMayUseSudoWithoutAPassword() {
        var result = start(INSTALLER).sh("id -un; pwd; sudo -n id -un").succeeded();
        assertEquals("tester\n/home/tester\nroot\n", result.out());
    }

    @Test
    void anInstallerCanInstallAPackage() {
        start(INSTALLER).sh("sudo apt-get update && sudo apt-get install --yes hello && hello").succeeded();
    }

    @Test
    void curlSpeaksHttpsAndTheCertificatesAreThere() {
        var container = start(INSTALLER);
        assertTrue(container.exec("curl", "--version").succeeded().out().matches("(?s).*\nProtocols: .*\\bhttps\\b.*"));
        var count = container.sh("grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt").succeeded().out();
        assertTrue(Integer.parseInt(count.strip()) > 50, count);
    }

    @Test
    void aCProgramIsCompiledAndRuns() {
        assertEquals("42\n", start(INSTALLER).sh("""
                printf '#include <stdio.h>\\nint main(void) { return printf("%%d\\\\n", 6 * 7) != 3; }\\n' >answer.c
                cc -Wall -Werror -o answer answer.c
                ./answer
                """).succeeded().out());
    }

    @Test
    void gpgVerifiesAGoodSignatureAndRefusesABadOne() {
        var container = start(INSTALLER);
        var verify = "gpg --no-default-keyring --keyring ./keyring.gpg --verify package.sig package";
        container.sh("""
                gpg --batch --quiet --passphrase '' --quick-generate-key maker@example.org
                gpg --export --armor maker@example.org | gpg --dearmor >keyring.gpg
                echo package >package && gpg --batch --detach-sign package
                """ + verify).succeeded();
        container.sh("echo other >>package; " + verify).expect(1);
    }

    // ---- provisioned-instance

    @Test
    void theUserLogsInWithAKeyAndMayUseSudoWithoutAPassword() {
        var client = startClient();
        var result = client.ssh(startMachine(client), "deployer", "id -un; pwd; sudo -n id -un").succeeded();
        assertEquals("deployer\n/home/deployer\nroot\n", result.out());
        var others = startMachine(startClient());
        assertRefused(client.ssh(others, "deployer", "true"));
    }

    @Test
    void aPasswordIsRefusedEvenIfItIsRight() {
        var client = startClient();
        client.sh("printf '#!/bin/sh\\necho right\\n' >/askpass; chmod +x /askpass").succeeded();
        var machine = startMachine(client);
        machine.sh("echo deployer:right | chpasswd").succeeded();
        String[] line = {"env", "SSH_ASKPASS=/askpass", "SSH_ASKPASS_REQUIRE=force", "ssh", "-o", "BatchMode=no", "-o",
            "PubkeyAuthentication=no"};
        assertRefused(client.ssh(line, machine, "deployer", "true"));
        machine.allow("PasswordAuthentication");
        client.ssh(line, machine, "deployer", "true").succeeded();
    }

    @Test
    void rootIsRefusedEvenWithAKey() {
        var client = startClient();
        var machine = startMachine(client);
        machine.sh("mkdir -p /root/.ssh; cp /home/deployer/.ssh/authorized_keys /root/.ssh/").succeeded();
        assertRefused(client.ssh(machine, "root", "true"));
        machine.allow("PermitRootLogin");
        client.ssh(machine, "root", "true").succeeded();
    }

    private static void assertRefused(Harness.Result result) {
        assertTrue(result.expect(255).err().contains("Permission denied (publickey)"), result.toString());
    }

    /** As it is under an engine that was started from a login; a second time only the privileged may set it. */
    @Test
    void theUserLogsInWhereTheAuditsLoginIsSetAlready() {
        var client = startClient();
        var machine = startMachine(client, "--entrypoint", "sh", INSTANCE, "-c",
                "echo 1 >/proc/self/loginuid; exec entrypoint.sh supervisord --nodaemon --user=root "
                        + "--configuration=/etc/supervisor/supervisord.conf");
        assertNotEquals(UNSET, machine.exec("cat", "/proc/1/loginuid").succeeded().out());
        client.ssh(machine, "deployer", "true").succeeded();
        machine.sh("sed -i '/pam_loginuid/s/optional/required/' /etc/pam.d/sshd").succeeded();
        var asPackaged = client.ssh(machine, "deployer", "true");
        assertNotEquals(0, asPackaged.status(), "control: as the package has it, it fails: " + asPackaged);
    }

    @Test
    void everyContainerMakesHostKeysOfItsOwnAndKeepsThem() {
        var unstarted = start("--entrypoint", "sleep", INSTANCE, "infinity");
        assertEquals("", unstarted.sh("ls /etc/ssh | grep ssh_host || true").succeeded().out());
        var one = startMachine(unstarted);
        var keys = one.hostKeys();
        assertNotEquals(keys, startMachine(unstarted).hostKeys());
        docker("restart", one.id()).succeeded();
        assertEquals(keys, one.hostKeys());
    }

    @Test
    void supervisorRestartsAnSshdThatDied() {
        var client = startClient();
        var machine = startMachine(client);
        var died = machine.exec("cat", "/run/sshd.pid").succeeded().out();
        machine.exec("kill", "-KILL", died.strip()).succeeded();
        Harness.eventually("sshd is back", SOON, () -> client.ssh(machine, "deployer", "true").status() == 0);
        assertNotEquals(died, machine.exec("cat", "/run/sshd.pid").succeeded().out());
    }

    @Test
    void theHealthIsThatOfSshd() {
        var machine = startMachine(startClient());
        machine.exec("supervisorctl", "stop", "sshd").succeeded();
        machine.awaitHealth("unhealthy");
        machine.exec("supervisorctl", "start", "sshd").succeeded();
        machine.awaitHealth("healthy");
    }

    @Test
    void dockerStopEndsItInOrder() {
        var machine = startMachine(startClient());
        docker("stop", "--time", "60", machine.id()).succeeded();
        assertEquals("0", machine.inspect("{{.State.ExitCode}}"), "137 if it had to be killed");
    }

    // ---- Helpers

    private static Harness.Result docker(String... arguments) {
        return Harness.command(joined(new String[] {engine.docker().toString()}, arguments))
                .env(engine.environment()).run();
    }

    private static String[] joined(String[] first, String... rest) {
        return Stream.concat(Arrays.stream(first), Arrays.stream(rest)).toArray(String[]::new);
    }

    /**
     * Starts a container; it is removed after the test. What the tests do in it as root must not reach the machine, so
     * first this reads whose files `docker exec` sees: under an engine that is only chrooted they are the machine's.
     */
    private Container start(String... arguments) {
        var id = docker(joined(new String[] {"run", "--detach"}, arguments)).succeeded().out().strip();
        var container = new Container(id);
        containers.add(container);
        var sees = docker("exec", "--workdir", "/", id, "cat", "/etc/hostname").out().strip();
        assertEquals(id.substring(0, 12), sees, "docker exec is outside the container: nothing else is run with it");
        return container;
    }

    /** A container to log in from, with a key of its own. */
    private Container startClient() {
        var client = start("--entrypoint", "sleep", INSTANCE, "infinity");
        client.exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519").succeeded();
        return client;
    }

    /** A provisioned machine that the client may log in to, ready. */
    private Container startMachine(Container client) {
        return startMachine(client, INSTANCE);
    }

    private Container startMachine(Container client, String... arguments) {
        var key = client.sh("cat /root/.ssh/id_ed25519.pub 2>/dev/null || true").succeeded().out();
        var machine = start(joined(new String[] {"--env", "AUTHORIZED_KEYS=" + key}, arguments));
        machine.awaitHealth("healthy");
        return machine;
    }

    private record Container(String id) {

        Harness.Result exec(String... command) {
            return docker(joined(new String[] {"exec", id}, command));
        }

        Harness.Result sh(String script) {
            return exec("sh", "-ec", script);
        }

        String inspect(String format) {
            return docker("inspect", "--format", format, id).succeeded().out().strip();
        }

        void awaitHealth(String health) {
            Harness.eventually("the container is " + health, SOON,
                    () -> inspect("{{.State.Health.Status}}").equals(health));
        }

        String hostKeys() {
            return sh("cat /etc/ssh/ssh_host_*.pub").succeeded().out();
        }

        /** Turns one of sshd's refusals off: what is refused with it, and works without it, is refused by it. */
        void allow(String setting) {
            sh("sed -i 's/^" + setting + " no$/" + setting + " yes/' /etc/ssh/sshd_config.d/10-provisioned.conf; "
                    + "supervisorctl restart sshd").succeeded();
        }

        Harness.Result ssh(Container machine, String user, String command) {
            return ssh(new String[] {"ssh", "-o", "BatchMode=yes"}, machine, user, command);
        }

        Harness.Result ssh(String[] ssh, Container machine, String user, String command) {
            var address = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
            return exec(joined(ssh, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                    "LogLevel=ERROR", "-o", "ConnectTimeout=20", user + "@" + address, command));
        }
    }
}
