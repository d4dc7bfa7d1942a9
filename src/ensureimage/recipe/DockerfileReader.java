// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Reads what a Dockerfile needs, as BuildKit does: {@code frontend/dockerfile/dockerfile2llb/convert.go}. Where it is not
 * certain, it says so, and the build needs everything.
 */
final class DockerfileReader {
    private static final Pattern KNOWN_FRONTEND =
            Pattern.compile("(docker\\.io/)?docker/dockerfile(-upstream)?([:@].*)?");
    private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w*");
    private static final Pattern URL = Pattern.compile("(?s)https?://.*");
    private static final Pattern GIT = Pattern.compile("(?is)(git|ssh)://.*|[\\w.-]+@[\\w.-]+:.*");
    private static final Pattern COMMIT = Pattern.compile("(?s).*#[0-9a-f]{40}(:.*)?");
    private static final Set<String> KNOWN_FLAGS = Set.of("from", "chown", "chmod", "link", "exclude", "parents",
            "checksum", "keep-git-dir", "unpack", "mount", "network", "security", "device");
    private static final Set<String> WITHOUT_FILES = Set.of("CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL",
            "MAINTAINER", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR");
    /** Makes an attestation of all files. */
    private static final String SCAN = "BUILDKIT_SBOM_SCAN_";

    private final Map<String, String> given;
    private final Optional<String> target;
    private final BuilderKind builder;
    private final Map<String, NamedContext> contexts;

    private final Map<String, Value> globals = new HashMap<>();
    private final List<Stage> stages = new ArrayList<>();
    private final Map<String, Stage> named = new HashMap<>();
    /** Those in whose place there is a named context: what they say is not done. */
    private final Set<Stage> replaced = new HashSet<>();
    /** What stands before the first stage, and counts for all. */
    private final Stage outside = new Stage();
    private char escape = '\\';

    DockerfileReader(BuildOptions options, BuilderKind builder) {
        this.given = options.arguments();
        this.target = options.target();
        this.builder = builder;
        this.contexts = options.namedContexts();
    }

    /** What the target needs, together. */
    Stage read(String text) {
        DockerfileLines lines = DockerfileLines.read(text);
        escape = lines.escape();
        frontend(given.containsKey("BUILDKIT_SYNTAX") ? Optional.of(ByteStrings.encode(given.get("BUILDKIT_SYNTAX")))
                : lines.frontend());
        boolean heredocs = builder == BuilderKind.PODMAN && text.contains("<<"); // some of its versions know them
        if (!lines.isCertain() || heredocs || given.keySet().stream().anyMatch(name -> name.startsWith(SCAN))) {
            outside.needsEverything();
        }
        lines.instructions().forEach(this::instruction);
        return together(reached());
    }

    private void frontend(Optional<String> image) {
        image.filter(name -> !KNOWN_FRONTEND.matcher(name.split(" ")[0]).matches()).ifPresent(name -> {
            outside.needsEverything();
            outside.unknowable.add("syntax=" + name);
        });
    }

    private Set<Stage> reached() {
        Optional<Stage> wanted = target.isEmpty() ? Optional.empty()
                : Optional.ofNullable(named.get(target.get().toLowerCase(Locale.ROOT)));
        int last = stages.size() - 1;
        int number = wanted.map(stages::indexOf).orElse(last);
        if (stages.isEmpty() || target.isPresent() && wanted.isEmpty()) {
            return new HashSet<>(stages);
        }
        Set<Stage> reached = builder == BuilderKind.BUILDKIT ? stages.get(number).reached()
                : new HashSet<>(stages.subList(0, number + 1));
        return reached.stream().allMatch(stage -> stage.certain) ? reached : new HashSet<>(stages);
    }

    private Stage together(Set<Stage> reached) {
        Stage all = outside;
        for (Stage stage : reached) {
            stage.sources.forEach((context, paths) -> paths.forEach(path -> all.needs(context, path)));
            all.images.addAll(stage.images);
            all.parents.addAll(stage.parents);
            all.arguments.addAll(stage.arguments);
            all.unknowable.addAll(stage.unknowable);
            all.triggers.addAll(stage.triggers);
            all.certain &= stage.certain;
            all.certainSources &= stage.certainSources;
        }
        return all;
    }

    // ---- Instructions

    private void instruction(Instruction instruction) {
        if (instruction.name().equals("FROM")) {
            from(instruction);
        } else if (!stages.isEmpty()) {
            Stage stage = stages.get(stages.size() - 1);
            if (!replaced.contains(stage)) {
                run(instruction, stage);
            }
        } else if (instruction.name().equals("ARG")) {
            Instruction.definitions(instruction.rest(), escape).forEach(this::globalArgument);
        } else {
            outside.needsEverything();
        }
    }

    private void globalArgument(String definition) {
        String[] pair = definition.split("=", 2);
        if (!NAME.matcher(pair[0]).matches()) {
            outside.needsEverything();
            return;
        }
        outside.arguments.add(pair[0]);
        if (given.containsKey(pair[0])) {
            globals.put(pair[0], Value.set(given.get(pair[0])));
        } else if (pair.length == 2) {
            globals.put(pair[0], expand(pair[1], this::global).map(Value::set).orElse(Value.UNKNOWN));
        }
    }

    private Value global(String name) {
        if (globals.containsKey(name)) {
            return globals.get(name);
        }
        return !InputTable.BY_PLATFORM.matcher(name).matches() ? Value.UNSET
                : given.containsKey(name) ? Value.set(given.get(name)) : Value.UNKNOWN;
    }

    private Optional<String> expand(String word, Function<String, Value> variables) {
        String text = ByteStrings.decode(word);
        return text.indexOf('\ufffd') >= 0 ? Optional.empty() : ShellWords.expand(text, escape, variables);
    }

    private void from(Instruction from) {
        List<String> words = from.words();
        Stage stage = new Stage();
        Optional<String> name = words.size() == 3 ? Optional.of(words.get(2).toLowerCase(Locale.ROOT))
                : Optional.empty();
        Optional<NamedContext> instead = name.flatMap(this::context);
        if (instead.isPresent()) {
            needs(stage, name.get(), instead.get(), "/");
            replaced.add(stage);
            stage.inheritUnknown();
        } else if (words.size() == 1 || words.size() == 3) {
            base(stage, words.get(0));
        } else {
            stage.needsEverything();
        }
        stages.add(stage);
        name.ifPresent(own -> named.put(own, stage));
    }

    private void base(Stage stage, String word) {
        Optional<String> known = expand(word, this::global).map(ByteStrings::encode)
                .filter(name -> !name.isEmpty());
        if (known.isEmpty()) {
            stage.needsEverything();
            stage.images.add(word);
            stage.parents.add(word);
            stage.inheritUnknown();
            return;
        }
        Stage other = named.get(known.get().toLowerCase(Locale.ROOT));
        if (other != null) {
            stage.stages.add(other);
            stage.inherit(other);
            other.triggers.forEach(trigger -> run(trigger, stage));
        } else if (!known.get().equals("scratch")) {
            stage.inheritUnknown();
            imageOrContext(stage, known.get(), "/");
            if (context(known.get()).isEmpty()) {
                stage.parents.add(known.get());
            }
        }
    }

    private void run(Instruction instruction, Stage stage) {
        switch (instruction.name()) {
            case "ARG" -> Instruction.definitions(instruction.rest(), escape).forEach(word -> argument(word, stage));
            case "ENV" -> environment(instruction, stage);
            case "ONBUILD" -> instruction.trigger().ifPresent(stage.triggers::add);
            case "COPY", "ADD" -> copy(instruction, stage);
            case "RUN" -> instruction.flags().forEach(flag -> {
                if (flag.startsWith("--mount=")) {
                    mount(flag.substring("--mount=".length()), stage);
                } else if (flag.equals("--mount") || !isKnown(flag)) {
                    stage.needsEverything();
                }
            });
            default -> {
                if (!WITHOUT_FILES.contains(instruction.name())) {
                    stage.needsEverything();
                }
            }
        }
    }

    private static boolean isKnown(String flag) {
        return KNOWN_FLAGS.contains(flag.substring(2).split("=", 2)[0]);
    }

    private void argument(String definition, Stage stage) {
        String[] pair = definition.split("=", 2);
        String name = pair[0];
        if (!NAME.matcher(name).matches() || name.startsWith(SCAN)) {
            stage.needsEverything();
            return;
        }
        stage.arguments.add(name);
        if (given.containsKey(name)) {
            stage.define(name, Optional.of(given.get(name)));
        } else if (pair.length == 2) {
            stage.define(name, expand(pair[1], stage::variable));
        } else if (global(name).state() != Value.State.UNSET) {
            stage.define(name, Optional.of(global(name)).filter(Value::isSet).map(Value::text));
        }
    }

    /** {@code NAME=VALUE …}, or the old form {@code NAME VALUE}; values are those from before the instruction. */
    private void environment(Instruction instruction, Stage stage) {
        List<String> words = Instruction.definitions(instruction.rest(), escape);
        Map<String, Optional<String>> defined = new HashMap<>();
        if (!words.isEmpty() && words.get(0).indexOf('=') < 0) {
            String[] pair = instruction.rest().split("[\t\u000b\f\r ]+", 2);
            words = List.of(pair[0] + "=" + (pair.length < 2 ? "" : pair[1]));
        }
        for (String word : words) {
            String[] pair = word.split("=", 2);
            if (!NAME.matcher(pair[0]).matches()) {
                stage.forgetVariables();
            }
            defined.put(pair[0], expand(pair.length < 2 ? "" : pair[1], stage::variable));
        }
        defined.forEach(stage::define);
    }

    // ---- What is copied, and mounted

    private void copy(Instruction copy, Stage stage) {
        if (copy.flags().stream().anyMatch(flag -> !isKnown(flag))) {
            stage.needsEverything();
        }
        if (copy.rest().startsWith("[") && JsonStrings.parse(copy.rest()).isEmpty()) {
            stage.needsSomeFiles();
        }
        List<String> words = copy.words();
        Optional<String> from = copy.flag("from").filter(name -> !name.isEmpty());
        for (String word : words.subList(0, Math.max(0, words.size() - 1))) {
            if (Instruction.heredoc(ByteStrings.decode(word)).isPresent()) {
                continue;
            }
            Optional<String> source = builder.hasBuildKitsVariables() || word.indexOf('$') < 0
                    ? expand(word, stage::variable).map(ByteStrings::encode)
                    : Optional.empty();
            if (from.isPresent()) {
                stage.certainSources &= source.isPresent();
                from(stage, from.get(), path(source));
            } else if (source.isEmpty()) {
                stage.needsSomeFiles();
                if (copy.name().equals("ADD")) {
                    stage.unknowable.add("ADD " + word);
                }
            } else if (!copy.name().equals("ADD") || !isRemote(copy, source.get(), stage)) {
                source(stage, source.get());
            }
        }
    }

    /** Whether a source is a URL. A URL or a git repository is noted, unless a checksum or commit says what is there. */
    private static boolean isRemote(Instruction add, String source, Stage stage) {
        boolean url = URL.matcher(source).matches();
        boolean git = GIT.matcher(source).matches();
        boolean immutable = add.flag("checksum").isPresent()
                || COMMIT.matcher(source).matches() && (git || source.contains(".git#"));
        if ((url || git) && !immutable) {
            stage.unknowable.add("ADD " + source);
        }
        return url; // anything else may be a file's name, too
    }

    private static void source(Stage stage, String source) {
        if (source.indexOf('\\') >= 0) { // for BuildKit it escapes in some places and not in others
            stage.needsSomeFiles();
        } else {
            stage.needs(Coverage.MAIN, path(Optional.of(source)));
        }
    }

    private static String path(Optional<String> source) {
        return source.filter(path -> path.indexOf('\\') < 0).map(path -> ByteStrings.cleanPath("/" + path)).orElse("/");
    }

    /** The number or name of a stage, a named context, or an image. */
    private void from(Stage stage, String name, String path) {
        Stage other = name.matches("\\d{1,6}") ? Integer.parseInt(name) >= stages.size() ? null
                : stages.get(Integer.parseInt(name)) : named.get(name.toLowerCase(Locale.ROOT));
        Optional<NamedContext> instead = context(name);
        if (other != null && instead.isPresent()) { // it stands for the stage, of which only this is needed
            needs(stage, name, instead.get(), path);
        } else if (other != null) {
            stage.stages.add(other);
        } else if (!name.equals("scratch")) {
            imageOrContext(stage, name, path);
        }
    }

    private Optional<NamedContext> context(String name) {
        return contexts.isEmpty() || name.equalsIgnoreCase("context") ? Optional.empty()
                : Optional.ofNullable(contexts.get(NamedContext.canonicalName(name)));
    }

    private void imageOrContext(Stage stage, String name, String path) {
        context(name).ifPresentOrElse(instead -> needs(stage, name, instead, path), () -> stage.images.add(name));
    }

    private static void needs(Stage stage, String name, NamedContext instead, String path) {
        switch (instead.kind()) {
            case FOLDER -> stage.needs(NamedContext.canonicalName(name), path);
            case LAYOUT -> stage.needs(NamedContext.canonicalName(name), "/");
            case IMAGE -> {
                stage.images.add(instead.where());
                stage.parents.add(instead.where());
            }
            case REMOTE -> stage.unknowable.add("--build-context " + name);
        }
    }

    private void mount(String fields, Stage stage) {
        Map<String, String> values = new HashMap<>(Map.of("type", "bind", "from", "", "source", ""));
        for (String field : fields.split(",")) {
            String[] pair = field.split("=", 2);
            String key = pair[0].toLowerCase(Locale.ROOT);
            Optional<String> value = builder.hasBuildKitsVariables() || field.indexOf('$') < 0
                    ? expand(pair.length < 2 ? "" : pair[1], stage::variable).map(ByteStrings::encode)
                    : Optional.empty();
            if (value.isPresent()) {
                values.put(key.equals("src") ? "source" : key, value.get());
            } else if (key.equals("source") || key.equals("src")) {
                stage.certainSources = false;
                values.put("source", "/");
            } else if (key.equals("type") || key.equals("from")) {
                stage.needsEverything();
            }
        }
        if (fields.indexOf('"') >= 0) { // a comma in it separates nothing
            stage.needsEverything();
        }
        String type = values.get("type").toLowerCase(Locale.ROOT);
        String from = values.get("from");
        if (!Set.of("bind", "cache", "tmpfs", "secret", "ssh").contains(type)) {
            stage.needsEverything();
        } else if (!from.isEmpty() && !type.equals("tmpfs")) {
            from(stage, from, path(Optional.of(values.get("source"))));
        } else if (type.equals("bind")) {
            source(stage, values.get("source"));
        } else if (type.equals("tmpfs")) { // takes nothing, but BuildKit then asks for the whole context (buildx 0.29)
            stage.needs(Coverage.MAIN, "/");
        }
    }
}
