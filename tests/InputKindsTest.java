// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.testing.Harness;
import ensureimage.testing.Workbench;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * More set-ups of public bug reports, on the engines of {@link InputsTest}: stages, variables, heredocs, layouts, bases with
 * triggers, files that may not be read, files that are made anew. What is true is what {@code docker build} makes of the same
 * folder, read from inside the image.
 */
class InputKindsTest {
    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String app = "kinds-" + id;

    @ParameterizedTest
    @EnumSource
    void aStageThatTheTargetDoesNotNeedIsNoInput(InputsTest.Where where) {
        Workbench bench = where.open();
        bench.write("Dockerfile", "FROM busybox AS base\nCOPY src /src\nFROM base AS test\nCOPY tests /tests\n"
                + "COPY not-there /x\nFROM base AS prod\nRUN echo prod > /prod\nFROM test AS last\n");
        bench.write("src/a", "1");
        bench.write("tests/t", "1");
        ensured(bench, "built", "--target", "prod", app + "=.");
        bench.ensure(app + "-last=.").expect(10); // control: the other stage does want that file
        bench.write("tests/t", "2");
        ensured(bench, "present", "--target", "prod", app + "=.");
        bench.write("src/a", "2");
        ensured(bench, "rebuilt", "--target", "prod", app + "=.");
        assertEquals("2", bench.cat(app, "/src/a"));
    }

    @ParameterizedTest
    @EnumSource
    void aBaseOfTheCollectionIsSeenThroughEveryFormOfVariable(InputsTest.Where where) {
        Workbench bench = where.open();
        List<String> forms = List.of("${V#v}", "${V%-slim}", "${V/-slim/}", "${V:?needed}", "${W:-1.2}", "${V:+1.2}");
        List<String> values = List.of("v1.2", "1.2-slim", "1.2-slim", "1.2", "1.2", "x");
        for (String content : List.of("one", "two")) {
            bench.write("images/b-" + id + "/1.2/Dockerfile", "FROM busybox\nRUN echo " + content + " > /base\n");
            for (int i = 0; i < forms.size(); i++) {
                bench.write("images/a" + i + "-" + id + "/Dockerfile", "ARG V=" + values.get(i) + "\nFROM b-" + id + ":"
                        + forms.get(i) + "\nRUN cp /base /app\n");
            }
            bench.ensure("--all").succeeded();
            for (int i = 0; i < forms.size(); i++) {
                assertEquals(content, bench.cat("a" + i + "-" + id, "/app"), forms.get(i));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCopyAfterWhatLooksLikeAHeredocCounts(InputsTest.Where where) {
        Workbench bench = where.open();
        List<String> lines = List.of("RUN echo \"usage: tool <<END reads\" > /u", "RUN printf '%s' 'see <<END' > /u",
                "RUN [\"sh\", \"-c\", \"echo a <<END b\"]", "CMD echo <<END", "LABEL a=\"x <<END y\"",
                "COPY <<END /generated\nCOPY nothing /\nEND");
        for (int i = 0; i < lines.size(); i++) {
            bench.write(i + "/Dockerfile",
                    "FROM busybox\n" + lines.get(i) + "\nCOPY conf /conf\nRUN cat <<END > /motd\n"
                            + "body\nEND\n");
            bench.write(i + "/conf", "one");
            ensured(bench, "built", app + i + "=" + i);
            bench.write(i + "/conf", "two");
            ensured(bench, "rebuilt", app + i + "=" + i);
            assertEquals("two", bench.cat(app + i, "/conf"), lines.get(i));
            assertEquals("body", bench.cat(app + i, "/motd"), "control: a heredoc is one: " + lines.get(i));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"WITNESS", "NO_WITNESS"}) // BuildKit on the classic store knows no layouts
    void aLayoutCountsByWhatItsNameMeansNow(InputsTest.Where where) {
        Workbench bench = where.open();
        bench.write("app/Dockerfile", "FROM mybase\nCOPY x /x\n");
        bench.write("app/x", "x");
        for (String form : List.of("layout", "layout:latest")) {
            String context = "mybase=oci-layout://" + bench.folder.resolve(form);
            layout(bench, form + "-one");
            ensured(bench, "built", app + form.length() + "=app", "--", "--build-context", context);
            ensured(bench, "present", app + form.length() + "=app", "--", "--build-context", context);
            layout(bench, form + "-two");
            ensured(bench, "rebuilt", app + form.length() + "=app", "--", "--build-context", context);
            assertEquals(form + "-two", bench.cat(app + form.length(), "/base"));
        }
    }

    private void layout(Workbench bench, String content) {
        bench.write("base/Dockerfile", "FROM scratch\nCOPY base /base\n");
        bench.write("base/base", content);
        bench.docker("build", "--tag", app + "-base", "base").succeeded();
        bench.command("mkdir", "-p", "layout").run().succeeded();
        bench.docker("save", "--output", "layout.tar", app + "-base").succeeded();
        bench.command("tar", "-xf", "layout.tar", "-C", "layout").run().succeeded();
    }

    @ParameterizedTest
    @EnumSource
    void aBaseThatGetsTriggersBringsTheirFilesIn(InputsTest.Where where) {
        Workbench bench = where.open();
        String base = app + "-base";
        bench.write("base/Dockerfile", "FROM busybox\n");
        bench.write("app/Dockerfile", "FROM " + base + "\nRUN echo hi > /app\n");
        bench.write("app/extra", "1");
        bench.docker("build", "--tag", base, "base").succeeded();
        ensured(bench, "built", app + "=app");
        bench.write("app/extra", "2");
        ensured(bench, "present", app + "=app"); // control: nothing copies it
        bench.write("base/Dockerfile", "FROM busybox\nONBUILD COPY extra /extra\n");
        bench.docker("build", "--tag", base, "base").succeeded();
        ensured(bench, "rebuilt", app + "=app");
        bench.write("app/extra", "3");
        ensured(bench, "rebuilt", app + "=app");
        assertEquals("3", bench.cat(app, "/extra"));
    }

    /** As a database's data beside the sources, of which the build wants nothing. */
    @ParameterizedTest
    @EnumSource
    void aFolderThatMayNotBeReadIsNoReasonToFailIfNothingUsesIt(InputsTest.Where where) throws IOException {
        Workbench bench = where.open();
        bench.write("data/PG_VERSION", "16");
        bench.write("app.py", "1");
        Files.setAttribute(bench.folder.resolve("data"), "unix:uid", 70);
        Files.setAttribute(bench.folder.resolve("data"), "unix:mode", 0700);
        List<String> unprivileged = List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search");
        List<String> texts = List.of("FROM busybox\nCOPY app.py /\n", "FROM busybox\nARG F=app.py\nCOPY $F /\n",
                "FROM busybox AS s-amd64\nFROM busybox AS s-arm64\nFROM s-${TARGETARCH}\nCOPY app.py /\n");
        for (int i = 0; i < texts.size(); i++) {
            bench.write("Dockerfile", texts.get(i));
            Harness.Result result = bench.ensuring(unprivileged, app + i + "=.").run().succeeded();
            assertTrue(result.out().startsWith("built "), result.toString());
        }
        bench.write("Dockerfile", "FROM busybox\nCOPY . /\n");
        assertNotEquals(0, bench.ensuring(unprivileged, app + "=.").run().status(), "control: it may not be read");
    }

    /** Each process writes the same file anew, as a generator does, and then wants the image. */
    @ParameterizedTest
    @EnumSource
    void theSameBytesWrittenAnewAreNoChange(InputsTest.Where where) throws IOException {
        Workbench bench = where.open();
        bench.write("Dockerfile", "FROM busybox\nRUN echo " + id + "\nCOPY gen /gen\n");
        bench.write("gen", "generated");
        Path generated = bench.folder.resolve("gen");
        Harness.together(4, i -> {
            try {
                Files.move(bench.write(".gen" + i, "generated"), generated, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return bench.ensuring(app + "=.");
        }).forEach(Harness.Result::succeeded);
        Object inode = Files.getAttribute(generated, "unix:ino");
        Files.move(bench.write("gen.new", "generated"), generated, StandardCopyOption.ATOMIC_MOVE);
        assertNotEquals(inode, Files.getAttribute(generated, "unix:ino"), "control: it is another file");
        ensured(bench, "present", app + "=.");
    }

    private static Harness.Result ensured(Workbench bench, String outcome, String... arguments) {
        Harness.Result result = bench.ensure(arguments).succeeded();
        assertTrue(result.out().startsWith(outcome + " "), outcome + " was expected: " + result);
        return result;
    }
}
