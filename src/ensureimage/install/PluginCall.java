// SPDX-License-Identifier: Apache-2.0
package ensureimage.install;

import ensureimage.engine.CacheFolder;
import ensureimage.engine.ClientConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * How docker starts its plugin: with its own command line, whole, so that its global options come first, then
 * {@code ensure}, then what is for the plugin (docker/cli {@code cli-plugins/manager}, {@code PluginRunCommand}). Docker
 * has read the options before, so they can be used.
 *
 * @param words what comes after {@code ensure}; {@code --help} for {@code docker help ensure}
 * @param completes whether docker asks for completions of the last word
 * @param debug whether docker's debug output is wanted
 * @param environment with what the options mean, in the variables that docker reads
 * @param docker the client that started it
 */
public record PluginCall(List<String> words, boolean completes, boolean debug, Map<String, String> environment,
        String docker) {
    private static final String NAME = "ensure";
    private static final String COMPLETE = "__complete"; // cobra's
    private static final String HELP = "--help";
    private static final String CLIENT = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";
    private static final String DOCKER = "docker";
    private static final String ON = "1";
    private static final String OFF = ""; // docker takes an empty variable for one that is not set
    private static final String HOST = "DOCKER_HOST";
    private static final String CONTEXT = "DOCKER_CONTEXT";
    private static final String CONFIG = "DOCKER_CONFIG";
    private static final String TLS = "DOCKER_TLS";
    private static final String TLS_VERIFY = "DOCKER_TLS_VERIFY";
    private static final String CERT_PATH = "DOCKER_CERT_PATH";
    private static final String DEFAULT_CONTEXT = "default";
    /** docker/cli {@code cli/flags/options.go}: options by their short forms. */
    private static final Map<Character, String> SHORT =
            Map.of('c', "context", 'H', "host", 'l', "log-level", 'D', "debug", 'v', "version", 'h', "help");
    private static final List<String> SWITCHES = List.of("debug", "tls", "tlsverify", "version", "help");
    /** The options that name files, and the names that these have in the folder of {@link #CERT_PATH}. */
    private static final Map<String, String> TLS_FILES =
            Map.of("tlscacert", "ca.pem", "tlscert", "cert.pem", "tlskey", "key.pem");

    /**
     * Reads it.
     *
     * @param arguments as docker gives them
     * @param environment of this process
     * @throws IOException if the certificates that the options name cannot be put together
     */
    public static PluginCall read(List<String> arguments, Map<String, String> environment) throws IOException {
        Map<String, String> options = new HashMap<>();
        int next = readOptions(arguments, options);
        List<String> words = new ArrayList<>(arguments.subList(next, arguments.size()));
        boolean completes = take(words, COMPLETE);
        boolean help = take(words, "help");
        take(words, NAME);
        if (help || isOn(options.get("help"))) {
            words = List.of(HELP);
        }
        boolean debug = isOn(options.get("debug")) || "debug".equals(options.get("log-level"));
        return new PluginCall(List.copyOf(words), completes, debug, lead(options, environment), client(environment));
    }

    private static boolean take(List<String> words, String first) {
        boolean there = !words.isEmpty() && words.get(0).equals(first);
        if (there) {
            words.remove(0);
        }
        return there;
    }

    // ---- Options before the word, as pflag reads them

    /** Returns where they end. */
    private static int readOptions(List<String> arguments, Map<String, String> options) {
        int i = 0;
        while (i < arguments.size() && arguments.get(i).startsWith("-") && arguments.get(i).length() > 1) {
            String word = arguments.get(i++);
            if (word.equals("--")) {
                break;
            }
            Optional<String> open = word.startsWith("--") ? readLong(word.substring(2), options)
                    : readShort(word.substring(1), options);
            if (open.isPresent() && i < arguments.size()) {
                options.put(open.get(), arguments.get(i++));
            }
        }
        return i;
    }

    /** Returns the option whose value is the next word. */
    private static Optional<String> readLong(String word, Map<String, String> options) {
        String[] parts = word.split("=", 2);
        if (parts.length == 2) {
            options.put(parts[0], parts[1]);
        } else if (SWITCHES.contains(parts[0])) {
            options.put(parts[0], "true");
        } else {
            return Optional.of(parts[0]);
        }
        return Optional.empty();
    }

    /** Several may stand in one word, and the value of the last. */
    private static Optional<String> readShort(String word, Map<String, String> options) {
        for (int i = 0; i < word.length(); i++) {
            String option = SHORT.getOrDefault(word.charAt(i), "");
            String rest = word.substring(i + 1);
            if (rest.startsWith("=")) {
                options.put(option, rest.substring(1));
                return Optional.empty();
            } else if (SWITCHES.contains(option)) {
                options.put(option, "true");
            } else if (rest.isEmpty()) {
                return Optional.of(option);
            } else {
                options.put(option, rest);
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** By Go's strconv.ParseBool. */
    private static boolean isOn(String value) {
        return value != null && List.of("1", "t", "T", "true", "TRUE", "True").contains(value);
    }

    // ---- What they mean

    /** Docker's own variables say the same, so that every docker below and the engine's socket are led by them. */
    private static Map<String, String> lead(Map<String, String> options, Map<String, String> environment)
            throws IOException {
        Map<String, String> all = new TreeMap<>(environment);
        String certificates = environment.getOrDefault(CERT_PATH, "").isEmpty()
                ? ClientConfig.folder(environment).map(Path::toString).orElse("")
                : environment.get(CERT_PATH);
        if (options.containsKey("config")) {
            all.put(CONFIG, options.get("config"));
        }
        if (options.containsKey("context")) {
            all.put(CONTEXT, options.get("context"));
            if (!options.get("context").equals(DEFAULT_CONTEXT)) {
                all.put(HOST, OFF); // it would be stronger
            }
        }
        if (options.containsKey("host")) {
            all.put(HOST, options.get("host"));
        }
        if (options.containsKey("tls")) {
            all.put(TLS, isOn(options.get("tls")) ? ON : OFF);
        }
        if (options.containsKey("tlsverify")) { // on or off, it turns TLS on
            all.put(TLS, ON);
            all.put(TLS_VERIFY, isOn(options.get("tlsverify")) ? ON : OFF);
        }
        if (!all.getOrDefault(TLS, "").isEmpty() || !all.getOrDefault(TLS_VERIFY, "").isEmpty()) {
            all.put(CERT_PATH, certificates); // by default they lie where the configuration was before the option
        }
        if (TLS_FILES.keySet().stream().anyMatch(options::containsKey)) {
            all.put(CERT_PATH, collect(options, Path.of(certificates), environment).toString());
        }
        return all;
    }

    /** The folder of links, by the names that docker expects, to the files that are used. It is made once. */
    private static Path collect(Map<String, String> options, Path others, Map<String, String> environment)
            throws IOException {
        Map<String, String> links = new TreeMap<>();
        TLS_FILES.forEach((option, name) -> links.put(name, options.containsKey(option)
                ? Path.of(withoutQuotes(options.get(option))).toAbsolutePath().toString()
                : others.resolve(name).toAbsolutePath().toString()));
        String key = UUID.nameUUIDFromBytes(links.toString().getBytes(StandardCharsets.UTF_8)).toString();
        Path folder = Files.createDirectories(CacheFolder.find(environment)
                .orElseThrow(() -> new IOException("neither XDG_CACHE_HOME nor HOME names a folder"))
                .resolve("certificates").resolve(key));
        for (Map.Entry<String, String> link : links.entrySet()) {
            try {
                Files.createSymbolicLink(folder.resolve(link.getKey()), Path.of(link.getValue()));
            } catch (FileAlreadyExistsException e) {
                continue; // of an earlier call
            }
        }
        return folder;
    }

    /** As docker does. */
    private static String withoutQuotes(String value) {
        return value.matches("(?s)'.*'|\".*\"") ? value.substring(1, value.length() - 1) : value;
    }

    /** What started this plugin: a name on PATH or a path. One that PATH leads to is asked for by its name. */
    private static String client(Map<String, String> environment) {
        String command = environment.getOrDefault(CLIENT, DOCKER);
        if (command.isEmpty() || !command.contains("/")) {
            return DOCKER;
        }
        for (String folder : environment.getOrDefault("PATH", "").split(":")) {
            Path found = Path.of(folder, DOCKER);
            if (Files.isExecutable(found)) {
                return isSame(found, Path.of(command)) ? DOCKER : command;
            }
        }
        return command;
    }

    private static boolean isSame(Path one, Path other) {
        try {
            return Files.isSameFile(one, other);
        } catch (IOException e) {
            return false;
        }
    }
}
