// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import ensureimage.Version;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What starts the installed form: a script for any POSIX sh, one text for all commands and for the docker plugin. It goes
 * by its name, and does without any other process: each takes a millisecond.
 */
final class Launcher {
    /** Properties that the launcher gives the JVM: what it is, and the note that it went by. */
    static final String FORM = "ensure_image.form";
    static final String HOME = "ensure_image.home";
    static final String NOTE = "ensure_image.note";
    static final String MADE_BY = "ensure_image.made_by";
    /** The value of {@link #FORM} for the plugin. */
    static final String PLUGIN = "plugin";

    /**
     * For a short life: the quick compiler, one collector thread, no file for jstat; and no log, which would go to
     * stdout, where the image ID is. An archive is used only with the options that it was made with.
     */
    static final List<String> JVM_OPTIONS = List.of("-XX:+IgnoreUnrecognizedVMOptions", "-Xlog:disable",
            "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData");

    private static final String SIGN = "# Installed by ensure_image.";
    private static final String TEXT =
            """
                    #!/bin/sh
                    @SIGN@ One text for its commands and for `docker ensure`: it goes by its own name.
                    #
                    # Exit status: the program's own, or 69 if there is no Java for it.

                    # -nt is in every sh of Linux and macOS, and in POSIX since 2024:
                    # shellcheck disable=SC3013

                    home=@HOME@
                    jar=$home/ensure_image.jar

                    main=ensure_image
                    form=installed
                    case ${0##*/} in
                        race_repro | with_docker) main=${0##*/} ;;
                        docker-ensure)
                            form=@PLUGIN@
                            # docker asks each plugin, at each `docker --help` too: no JVM for that.
                            if [ "${1-}" = docker-cli-plugin-metadata ]; then
                                printf '%s\\n' '@METADATA@'
                                exit
                            fi
                            ;;
                    esac

                    if ! [ -r "$jar" ]; then
                        printf '%s\\n' "${0##*/}: $jar is missing: the installation is not whole." \\
                            'Install it again, or remove this file.' >&2
                        exit 69
                    fi

                    # A second choice of a collector would be an error.
                    collector=-XX:+UseSerialGC
                    case ${JAVA_TOOL_OPTIONS-}${JDK_JAVA_OPTIONS-}${_JAVA_OPTIONS-} in
                        *-XX:+Use*GC*) collector=-XX:-UsePerfData ;;
                    esac

                    # The note on a Java: its path, which kind of archive there is for it, and the runtime that made it.
                    read_note() { # JAVA
                        { read -r of && read -r kind && read -r made; } 2>/dev/null <"$note" &&
                            [ "$of" = "$1" ] && ! [ "$jar" -nt "$note" ] && { [ "$kind" = none ] || [ -f "$note.$kind" ]; }
                    }

                    name_note() { # JAVA: a file's name of its path
                        set -f
                        IFS=/
                        # shellcheck disable=SC2086
                        set -- $1
                        IFS=_
                        note="$home/java/$*"
                        unset IFS
                        set +f
                    }

                    # Whether it can run the program; one that is too old cannot.
                    try() { # JAVA
                        [ -x "$1" ] && ! [ -d "$1" ] || return 1
                        name_note "$1"
                        if ! read_note "$1"; then
                            if [ -w "$home/java" ]; then
                                "$1" @OPTIONS@ "$collector" -cp "$jar" @ARCHIVER@ "$home" "$1" "${note##*/}" \\
                                    </dev/null >/dev/null 2>&1 || return 1
                            fi
                            read_note "$1" || kind=none made=
                        fi
                        java=$1
                        case $kind in
                            aot) archive=-XX:AOTCache=$note.aot ;;
                            jsa) archive=-XX:SharedArchiveFile=$note.jsa ;;
                            *) archive=-XX:-UsePerfData ;;
                        esac
                    }

                    # As jbangw finds it; then what JBang has fetched.
                    find_java() {
                        if [ -n "${JAVA_HOME-}" ] && try "$JAVA_HOME/bin/java"; then return; fi
                        if found=$(command -v java) && try "$found"; then return; fi
                        jbang=${JBANG_DIR:-${HOME-}/.jbang}
                        for each in "$jbang/currentjdk" "${JBANG_CACHE_DIR:-$jbang/cache}/jdks"/*; do
                            if try "$each/bin/java"; then return; fi
                        done
                        printf '%s\\n' "${0##*/}: no Java 17 or newer in JAVA_HOME, on PATH or in $jbang." \\
                            'Install one, or set JAVA_HOME to it.' >&2
                        exit 69
                    }

                    find_java
                    exec "$java" @OPTIONS@ "$collector" "$archive" "-D@FORM_OF@=$form" "-D@HOME_OF@=$home" "-D@NOTE_OF@=$note" \\
                        "-D@MADE_BY_OF@=$made" -cp "$jar" "$main" "$@"
                    """;

    private Launcher() {
    }

    /** The text, for the installed form that lies here. */
    static String text(Path home) {
        List<String> options = JVM_OPTIONS.stream().filter(option -> !option.endsWith("SerialGC")).toList();
        return TEXT.replace("@SIGN@", SIGN).replace("@METADATA@", metadata()).replace("@PLUGIN@", PLUGIN)
                .replace("@OPTIONS@", String.join(" ", options)).replace("@ARCHIVER@", ClassArchive.class.getName())
                .replace("@FORM_OF@", FORM).replace("@HOME_OF@", HOME).replace("@NOTE_OF@", NOTE)
                .replace("@MADE_BY_OF@", MADE_BY).replace("@HOME@", quote(home.toString()));
    }

    /** By docker/cli {@code cli-plugins/metadata}: docker takes no plugin without these. */
    private static String metadata() {
        return "{\"SchemaVersion\":\"0.1.0\",\"Vendor\":\"ensure_image\",\"Version\":\"" + Version.TEXT
                + "\",\"ShortDescription\":\"Build an image if it is missing or stale, also many at once\"}";
    }

    private static String quote(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }

    /** Whether a file is a launcher, of any version. */
    static boolean is(Path file) {
        try {
            return Files.isRegularFile(file)
                    && Files.readString(file, StandardCharsets.ISO_8859_1).contains("\n" + SIGN);
        } catch (IOException e) {
            return false;
        }
    }
}
