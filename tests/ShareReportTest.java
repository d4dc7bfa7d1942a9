// SPDX-License-Identifier: Apache-2.0
//SOURCES ReportScene.java

package ensureimage;

import static ensureimage.ReportScene.FULL;
import static ensureimage.ReportScene.ID;
import static ensureimage.ReportScene.JSON;
import static ensureimage.ReportScene.TEXT;
import static ensureimage.ReportScene.VERBOSE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.report.RunReport;
import ensureimage.report.Style;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of images that go through a registry. */
class ShareReportTest {
    private static final String TAG = "registry.example/team/ensured:0123";
    private static final Duration TOOK = Duration.ofMillis(1200);

    private final ReportScene scene = new ReportScene();

    private static Shared shared(Shared.Action action, Shared.Reason reason, String detail, long bytes) {
        return new Shared(TAG, action, reason, detail, TOOK, bytes);
    }

    private Ensured ensured(Ensured.How how, int builds, Shared shared) {
        return new Ensured(scene.app.recipe(), ID, how, ReportScene.FINGERPRINT, builds, Optional.of(shared),
                Duration.ofMillis(5000));
    }

    private void end(Style style, Ensured ensured) {
        try (RunReport report = scene.open(style)) {
            report.begin(List.of(scene.app));
            report.ended(scene.app, ensured);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            PULLED | 0 | PULLED      | 34000000 | pulled            app:1  ID  pulled 34 MB in 1.2 s
            PULLED | 0 | PULLED      |  1530000 | pulled            app:1  ID  pulled 1.5 MB in 1.2 s
            PULLED | 0 | PULLED      |        0 | pulled            app:1  ID  pulled in 1.2 s
            BUILT  | 1 | PUSHED      | 34000000 | built             app:1  ID  5.0 s, pushed 34 MB in 1.2 s
            BUILT  | 1 | MISSED      |        0 | built             app:1  ID  5.0 s
            BUILT  | 1 | SKIPPED     |        0 | built             app:1  ID  5.0 s
            BUILT  | 1 | UNAVAILABLE |        0 | built             app:1  ID  5.0 s
            """)
    void theOutcomeSaysWhatWentThroughTheRegistry(Ensured.How how, int builds, Shared.Action action, long bytes,
            String line) {
        end(TEXT, ensured(how, builds, shared(action, Shared.Reason.NONE, "", bytes)));
        assertEquals(line.replace("ID", ID) + "\n", scene.out());
    }

    @Test
    void jsonHasItAsData() {
        end(JSON, ensured(Ensured.How.BUILT, 1, shared(Shared.Action.UNAVAILABLE, Shared.Reason.DENIED, "denied", 7)));
        assertTrue(scene.out().contains("\"shared\":{\"reference\":\"" + TAG + "\",\"action\":\"unavailable\","
                + "\"reason\":\"denied\",\"seconds\":1.200,\"bytes\":7}"), scene.out());
        scene.clear();
        end(JSON, ReportScene.ensured(scene.app, Ensured.How.PRESENT));
        assertTrue(scene.out().contains("\"shared\":null"), scene.out());
    }

    @Test
    void troubleIsOneLineWithoutWhatDockerWasAt() {
        String line = "Error response from daemon: unknown: failed to resolve reference \"" + TAG + "\": failed to do "
                + "request: Head \"https://registry.example/v2/\": dial tcp: connection\u001b[31m refused";
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.app));
            report.notice(scene.app.recipe(), new Notice.NotAvailable(
                    shared(Shared.Action.UNAVAILABLE, Shared.Reason.FAILED, line, 0)));
            report.notice(scene.app.recipe(), new Notice.NotAvailable(
                    shared(Shared.Action.UNAVAILABLE, Shared.Reason.SILENT, "", 0)));
            report.ended(scene.app, ReportScene.built(scene.app));
        }
        assertEquals(
                """
                        app:1: warning: cannot share through registry.example/team/ensured: dial tcp: connection refused
                        app:1: warning: cannot share through registry.example/team/ensured: no answer in time
                        """,
                scene.err());
    }

    @Test
    void anImageWithoutTheRightSignatureIsOneLine() {
        String line = "signing [" + TAG
                + "]: signing digest: getting keypair and token: getting signer: reading\u001b[1m key";
        try (RunReport report = scene.open(TEXT)) {
            report.begin(List.of(scene.app));
            for (Shared.Reason reason : List.of(Shared.Reason.UNSIGNED, Shared.Reason.OTHER_KEY)) {
                report.notice(scene.app.recipe(),
                        new Notice.ForeignImage(shared(Shared.Action.MISSED, reason, "keys/cosign.pub", 0)));
            }
            report.notice(scene.app.recipe(), new Notice.NotAvailable(
                    shared(Shared.Action.UNAVAILABLE, Shared.Reason.COSIGN_FAILED, line, 0)));
            report.ended(scene.app, ReportScene.built(scene.app));
        }
        assertEquals("app:1: warning: " + TAG + " is not used: it is not signed\n"
                + "app:1: warning: " + TAG + " is not used: its signature does not verify with keys/cosign.pub\n"
                + "app:1: warning: cannot share through registry.example/team/ensured: cosign: getting signer: reading key\n",
                scene.err());
    }

    @Test
    void whyAnImageIsNotSharedIsADetail() {
        Notice notice = new Notice.NotShared(shared(Shared.Action.SKIPPED, Shared.Reason.SECRETS, "", 0));
        for (Style style : List.of(TEXT, VERBOSE)) {
            scene.clear();
            try (RunReport report = scene.open(style)) {
                report.begin(List.of(scene.app));
                report.notice(scene.app.recipe(), notice);
                report.ended(scene.app, ReportScene.built(scene.app));
            }
            assertEquals(style.verbose() ? "app:1: not shared: its build is given secrets\n" : "", scene.err());
        }
    }

    @Test
    void aTerminalShowsHowFarAPullIs() {
        try (RunReport report = scene.open(TEXT, FULL, Map.of())) {
            report.begin(List.of(scene.base, scene.app));
            report.step(scene.app.recipe(), Listener.Step.PULLING);
            report.transferred(scene.app.recipe(), 12_300_000, 34_000_000);
            report.ended(scene.base, ReportScene.built(scene.base));
            assertTrue(scene.err().contains(" s  12 MB of 34 MB"), scene.err());
            report.ended(scene.app, ReportScene.built(scene.app));
        }
    }
}
