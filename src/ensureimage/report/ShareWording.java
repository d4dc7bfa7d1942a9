// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Notice;
import ensureimage.Shared;
import ensureimage.recipe.Printable;
import java.util.Locale;
import java.util.regex.Pattern;

/** What is said of images that go through a registry. */
final class ShareWording {
    private static final double MILLION = 1e6;
    /** What docker says before the reason: what it was at, with the whole reference once or twice. */
    private static final Pattern BEFORE = Pattern.compile("(?:Error response from daemon: )?(?:unknown: )?"
            + "(?:failed to resolve reference \"[^\"]*\": )?(?:failed to do request: \\w+ \"[^\"]*\": )?");
    /** The same of cosign. */
    private static final Pattern BEFORE_COSIGN = Pattern.compile("(?:cosign: )?(?:signing \\[[^]]*\\]: )?"
            + "(?:signing digest: )?(?:getting keypair and token: )?");

    private ShareWording() {
    }

    /** A number of bytes: {@code 34 MB}, {@code 1.5 MB}. */
    static String size(long bytes) {
        double megabytes = bytes / MILLION;
        return String.format(Locale.ROOT, megabytes < 10 ? "%.1f MB" : "%.0f MB", megabytes);
    }

    /** How far a transfer is. */
    static String progress(long bytes, long whole) {
        return whole == 0 ? "" : size(bytes) + " of " + size(whole);
    }

    /** At the end of an outcome: {@code pulled 34 MB in 1.2 s}; nothing for what need not be told each time. */
    static String outcome(Shared shared) {
        String size = shared.bytes() == 0 ? "" : " " + size(shared.bytes());
        return switch (shared.action()) {
            case PULLED -> "pulled" + size + " in " + Wording.seconds(shared.took());
            case PUSHED -> "pushed" + size + " in " + Wording.seconds(shared.took());
            case MISSED, SKIPPED, UNAVAILABLE -> "";
        };
    }

    /** Why it is not shared; empty if there is nothing to explain. */
    static String reason(Shared shared) {
        return switch (shared.reason()) {
            case NONE -> "";
            case UNKNOWABLE -> "it has inputs that no look-up can know";
            case SECRETS -> "its build is given secrets";
            case NO_WITNESS -> "its builder does not report what it read (buildx before 0.29, or the legacy builder)";
            case PODMAN -> "podman is not supported";
            case ALREADY_THERE -> "the tag is there already and cannot be overwritten";
            case PUSHED_BY_ANOTHER -> "another process pushes it";
            case FOREIGN -> "the image under that tag was built from other inputs";
            case NO_KEY -> "there is no private key to sign it with";
            case UNSIGNED -> "it is not signed";
            case OTHER_KEY -> "its signature does not verify with " + Printable.escape(shared.detail());
            case COSIGN_FAILED ->
                "cosign: " + Printable.escape(BEFORE_COSIGN.matcher(shared.detail()).replaceFirst(""));
            case DENIED, FAILED -> Printable.escape(BEFORE.matcher(shared.detail()).replaceFirst(""));
            case SILENT -> "no answer in time";
        };
    }

    static String notAvailable(Notice.NotAvailable notice) {
        boolean denied = notice.shared().reason() == Shared.Reason.DENIED;
        return "warning: " + (denied ? "not allowed to share through " : "cannot share through ")
                + notice.shared().reference().replaceFirst(":[^:/]*$", "") + ": " + reason(notice.shared());
    }

    static String foreign(Notice.ForeignImage notice) {
        return "warning: " + notice.shared().reference() + " is not used: " + reason(notice.shared());
    }

    static String notShared(Notice.NotShared notice) {
        return "not shared: " + reason(notice.shared());
    }
}
