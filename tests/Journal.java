// SPDX-License-Identifier: Apache-2.0
package ensureimage.testing;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * What one test has done so far: the commands that it ran and what came of them, what it printed, the folders that it
 * made. The report of a failure is made of it. Threads that a test starts write to the journal of that test.
 */
public final class Journal implements AutoCloseable {

    private static final int MOST_COMMANDS = 200;
    private static final int MOST_CHARACTERS = 1 << 20; // of one output
    private static final InheritableThreadLocal<Journal> CURRENT = new InheritableThreadLocal<>();

    /**
     * A command that has ended.
     *
     * @param command as it can be pasted into a shell
     */
    public record Entry(String command, int status, String out, String err) {

        /** The beginning of what {@link Harness.Result#toString} says of it. */
        public String summary() {
            return "exit status " + status + " of " + command;
        }

        @Override
        public String toString() {
            return "$ " + command + "\nexit status " + status + "\n--- stdout\n" + out + "\n--- stderr\n" + err + "\n";
        }
    }

    private final Journal outer;
    private final Deque<Entry> entries = new ArrayDeque<>();
    private final StringBuilder printed = new StringBuilder();
    private final List<Path> folders = new ArrayList<>();
    private int forgotten;

    private Journal(Journal outer) {
        this.outer = outer;
    }

    /** A new one for this thread, and for the threads that it starts from now on. */
    public static Journal open() {
        Journal journal = new Journal(CURRENT.get());
        CURRENT.set(journal);
        return journal;
    }

    /** The one to write to; none outside of a test. */
    static Optional<Journal> current() {
        return Optional.ofNullable(CURRENT.get());
    }

    /** Goes on with the one that was there before. To be called by the thread that opened it. */
    @Override
    public void close() {
        CURRENT.set(outer);
    }

    synchronized void ran(Harness.Result result) {
        entries.add(new Entry(result.command(), result.status(), cut(result.out()), cut(result.err())));
        if (entries.size() > MOST_COMMANDS) { // a loop that waits
            entries.removeFirst();
            forgotten++;
        }
    }

    synchronized void made(Path folder) {
        folders.add(folder);
    }

    private synchronized void print(String text) {
        if (printed.length() < MOST_CHARACTERS) {
            printed.append(text);
        }
    }

    public synchronized List<Entry> entries() {
        return List.copyOf(entries);
    }

    public synchronized List<Path> folders() {
        return List.copyOf(folders);
    }

    /** What the test itself printed, of commands nothing. */
    public synchronized String printed() {
        return printed.toString();
    }

    /** All of it, for a file. */
    public synchronized String text() {
        StringBuilder text = new StringBuilder();
        if (forgotten > 0) {
            text.append(forgotten).append(" commands before these are not kept\n\n");
        }
        entries.forEach(entry -> text.append(entry).append('\n'));
        if (printed.length() > 0) {
            text.append("--- printed by the test\n").append(printed).append('\n');
        }
        return text.toString();
    }

    private static String cut(String text) {
        return text.length() <= MOST_CHARACTERS ? text
                : text.substring(0, MOST_CHARACTERS) + "\n(" + (text.length() - MOST_CHARACTERS) + " more characters)";
    }

    /** From now on, what a test prints goes to its journal. The stream that is returned still leads to the console. */
    public static PrintStream captureOutput() {
        PrintStream console = System.out;
        PrintStream routed = new PrintStream(new Routed(console), true, StandardCharsets.UTF_8);
        System.setOut(routed);
        System.setErr(routed);
        return console;
    }

    /** Leads to the current journal, else to the console. */
    private static final class Routed extends OutputStream {
        private final PrintStream console;

        Routed(PrintStream console) {
            this.console = console;
        }

        @Override
        public void write(int one) {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int length) {
            Journal journal = CURRENT.get();
            if (journal == null) {
                console.write(bytes, from, length);
            } else {
                journal.print(new String(bytes, from, length, StandardCharsets.UTF_8));
            }
        }
    }
}
