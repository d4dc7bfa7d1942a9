// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Docker;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Change;
import ensureimage.recipe.ImageCollection.Member;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import ensureimage.report.RunReport;
import ensureimage.report.Style;
import ensureimage.report.Terminal;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A report that is told of a made-up run, and what it prints. */
final class ReportScene {

    static final String ID = "sha256:" + "1".repeat(64);
    static final String FINGERPRINT = "v1:" + "2".repeat(64);
    static final Terminal NONE = new Terminal(false, false, false);
    static final Terminal FULL = new Terminal(true, true, true);
    static final Style TEXT = new Style(Style.Format.TEXT, false, false);
    static final Style VERBOSE = new Style(Style.Format.TEXT, false, true);
    static final Style QUIET = new Style(Style.Format.TEXT, true, false);
    static final Style JSON = new Style(Style.Format.JSON, false, false);
    static final Map<String, String> ACTIONS = Map.of("GITHUB_ACTIONS", "true");
    private static final Duration TOOK = Duration.ofMillis(1500);
    private static final int STATUS = 9;

    final Member app = member("app:1", "images/app/1", true);
    final Member base = member("base:1", "images/base/1", false);
    final Member other = member("other:1", "other", true);
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    /** On a terminal that can be drawn over both streams come to one screen. */
    RunReport open(Style style, Terminal terminal, Map<String, String> environment) {
        return RunReport.open(style, new PrintWriter(terminal.progress() ? err : out), new PrintWriter(err), terminal,
                environment);
    }

    RunReport open(Style style) {
        return open(style, NONE, Map.of());
    }

    String out() {
        return out.toString();
    }

    String err() {
        return err.toString();
    }

    void clear() {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
    }

    // ---- Images

    static Member member(String reference, String folder, boolean asked) {
        try {
            return member(Recipe.inFolder(Reference.parse(reference), Path.of(folder), BuildOptions.NONE), asked);
        } catch (RecipeException e) {
            throw new AssertionError(e);
        }
    }

    static Member member(Recipe recipe, boolean asked) {
        return new Member(recipe, asked);
    }

    // ---- What becomes of them

    static Notice building(Member member, Change... stale) {
        return new Notice.Building(stale.length == 0 ? Optional.empty() : Optional.of(List.of(stale)),
                member.recipe().context(), 1, 5);
    }

    static Ensured built(Member member) {
        return ensured(member, Ensured.How.BUILT);
    }

    static Ensured ensured(Member member, Ensured.How how) {
        return new Ensured(member.recipe(), ID, how, FINGERPRINT, 1, Optional.empty(), TOOK);
    }

    static Checked stale(Member member, Change... why) {
        return new Checked(member.recipe(), new Status.Stale(ID, List.of(why)), FINGERPRINT, TOOK, Optional.empty());
    }

    static NotEnsured failed(Member member, String... output) {
        return failed(member, NotEnsured.BuildFailed.Stage.BUILDING, output);
    }

    static NotEnsured failed(Member member, NotEnsured.BuildFailed.Stage stage, String... output) {
        return new NotEnsured.BuildFailed(member.recipe(), stage, STATUS, TOOK, List.of(output));
    }

    /** What is said of {@link #failed}. */
    static String failure(Member member) {
        return "build failed: " + described(member) + ", after 1.5 s, docker's exit status " + STATUS;
    }

    static String described(Member member) {
        String folder = member.recipe().context().toString();
        return member.reference() + " (Dockerfile " + folder + "/Dockerfile, context " + folder + ")";
    }

    static NotEnsured noEngine(Member member) {
        Docker docker = new Docker("docker", Map.of(), () -> {
            throw new IOException("nothing is built here");
        }, Optional.empty());
        return new NotEnsured.NoEngine(member.recipe(), docker.failure("Cannot connect to the Docker daemon at "
                + "unix:///x/docker.sock. Is the docker daemon running?"));
    }

    static NotEnsured notTried(Member member, NotEnsured because) {
        return new NotEnsured.NotTried(member.recipe(), Optional.of(because));
    }

    static NotEnsured unusable(Member member, RecipeException flaw) {
        return new NotEnsured.UnusableRecipe(member.recipe(), flaw);
    }
}
