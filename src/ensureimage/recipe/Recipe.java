import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What an image is built from.
 *
 * @param bases the images of the collection that it is built on, with their fingerprints
 */
record Recipe(Reference reference, Path context, Source dockerfile, Options options,
        SortedMap<String, String> bases) {

    private static final char LOST = '\ufffd';

    /** A recipe from a folder that holds its Dockerfile. */
    static Recipe of(String reference, Path context, Options options) throws ensure_image.Failed {
        return new Recipe(Reference.parse(reference), context, new Source(context.resolve("Dockerfile"), null),
                options, new TreeMap<>());
    }

    /**
     * Java reads the command line and the environment by the locale's encoding. What is lost in that must not pass for
     * an input: two values would be the same.
     */
    static void requireReadable(String what, String text) throws ensure_image.Failed {
        if (text.indexOf(LOST) >= 0) {
            throw new ensure_image.Failed(ensure_image.ExitCode.USAGE,
                    what + " has characters that this locale does not "
                            + "have",
                    "Use a locale of UTF-8, such as LC_ALL=C.UTF-8.");
        }
    }

    Recipe on(SortedMap<String, String> others) {
        return new Recipe(reference, context, dockerfile, options, others);
    }

    /**
     * The options that are inputs: part of what is built.
     *
     * @param arguments the build arguments with their values
     * @param hidden lines of values that no output may show, the longest first: those taken from the environment
     */
    record Options(Map<String, String> arguments, Set<String> hidden, String target, String platform,
            List<String> passThrough) {
        static final Options NONE = new Options(Map.of(), Set.of(), null, null, List.of());

        /** A shorter value is no secret, and hiding it would make the output unreadable. */
        private static final int SHORTEST_HIDDEN = 4;

        /** What docker takes from the environment without being told: buildx {@code build/opt.go}, docker's own flags. */
        private static final Set<String> FROM_ENVIRONMENT = Set.of("SOURCE_DATE_EPOCH");
        private static final String DEFAULT_PLATFORM = "DOCKER_DEFAULT_PLATFORM";

        /** Not to be passed through: ours to set, or options of our own, so that there is one way to say it. */
        private static final Pattern OURS = Pattern.compile(
                "(-f|--(?:file|target|platform|iidfile|metadata-file))(?:=.*)?", Pattern.DOTALL);

        /**
         * As on the command line.
         *
         * @param arguments {@code NAME=VALUE}, or {@code NAME} for its value in the environment, if it has one
         */
        static Options of(List<String> arguments, String target, String platform, List<String> passThrough,
                Map<String, String> environment) throws ensure_image.Failed {
            List<String> all = new ArrayList<>(arguments);
            List<String> others = new ArrayList<>();
            for (int i = 0; i < passThrough.size(); i++) {
                String option = passThrough.get(i);
                Matcher ours = OURS.matcher(option);
                if (ours.matches()) {
                    throw ensure_image.Text.notToBePassed(ours.group(1));
                } else if (option.equals("--build-arg") && i + 1 < passThrough.size()) {
                    all.add(passThrough.get(++i));
                } else if (option.startsWith("--build-arg=")) {
                    all.add(option.substring("--build-arg=".length()));
                } else {
                    others.add(option);
                }
            }
            Map<String, String> values = withValues(all, environment);
            for (Map.Entry<String, String> value : values.entrySet()) {
                requireReadable("the build argument " + value.getKey(), value.getValue());
            }
            Set<String> hidden = all.stream().filter(argument -> argument.indexOf('=') < 0).map(values::get)
                    .filter(Objects::nonNull).flatMap(String::lines).filter(line -> line.length() >= SHORTEST_HIDDEN)
                    .sorted(Comparator.comparing(String::length).reversed()) // one may be a part of another
                    .collect(Collectors.toCollection(LinkedHashSet::new));
            FROM_ENVIRONMENT.stream().filter(name -> !environment.getOrDefault(name, "").isEmpty())
                    .forEach(name -> values.putIfAbsent(name, environment.get(name)));
            String byDefault = environment.getOrDefault(DEFAULT_PLATFORM, "");
            return new Options(values, hidden, target, platform != null || byDefault.isEmpty() ? platform : byDefault,
                    List.copyOf(others));
        }

        Options withoutTarget() {
            return new Options(arguments, hidden, null, platform, passThrough);
        }

        /** Output of a build without the hidden values: BuildKit prints the commands with them put in. */
        String redacted(String text) {
            String redacted = text;
            for (String value : hidden) {
                redacted = redacted.replace(value, "***");
            }
            return redacted;
        }

        private static Map<String, String> withValues(List<String> arguments, Map<String, String> environment) {
            Map<String, String> values = new TreeMap<>();
            for (String argument : arguments) {
                int equals = argument.indexOf('=');
                String name = equals < 0 ? argument : argument.substring(0, equals);
                String value = equals < 0 ? environment.get(name) : argument.substring(equals + 1);
                if (value != null) {
                    values.put(name, value);
                }
            }
            return values;
        }
    }

    /** Where a Dockerfile is: a file, or what came on stdin. */
    record Source(Path path, byte[] given) {
        static final String STDIN = "-";

        Fingerprints.Dockerfile read(Map<String, String> arguments) {
            return isStdin() ? Fingerprints.Dockerfile.of(null, given, arguments)
                    : Fingerprints.Dockerfile.read(path, arguments);
        }

        boolean isStdin() {
            return path.toString().equals(STDIN);
        }

        @Override
        public String toString() {
            return isStdin() ? "on stdin" : path.toString();
        }
    }
}
