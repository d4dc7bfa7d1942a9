// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.Definition;
import ensureimage.recipe.DockerfileSource;
import ensureimage.recipe.FileKind;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One target of a bake file as {@code docker build} takes it. The members are those that buildx 0.13 and 0.29 print
 * ({@code bake/bake.go}).
 *
 * @param name of the target
 * @param target as bake prints it; contexts that are targets are replaced
 */
record TargetOptions(FileKind kind, String name, Map<String, Object> target, Map<String, String> environment) {
    private static final String IN_WORKING_FOLDER = "cwd://";
    private static final String IMAGE_OUTPUTS = "docker|image|registry";

    /** In comma-separated values, of which one with a comma in it is quoted as a whole. */
    private static final Pattern OUTPUT_NAME = Pattern.compile("(?:^|,)(?:\"name=([^\"]*)\"|name=([^,]*))");

    /** Why a target is there. */
    enum Role { ASKED, BASE }

    /** What the engine builds for by itself, for a target with several platforms. */
    @FunctionalInterface
    interface OwnPlatform {
        String ask() throws EngineException, InterruptedException;
    }

    /** Why a target makes no image that could be looked up; null if it makes one. */
    static Flaw whyNoImage(FileKind kind, String name, Map<String, Object> target) {
        String call = JsonTree.text(target, "call").orElse("build");
        if (!call.equals("build")) {
            return new Flaw.UnusableDefinition(kind, name, Flaw.Unusable.NO_IMAGE, call);
        }
        List<String> outputs = outputs(target);
        if (!outputs.isEmpty() && outputs.stream().noneMatch(type -> type.matches(IMAGE_OUTPUTS))) {
            return new Flaw.UnusableDefinition(kind, name, Flaw.Unusable.NO_IMAGE, outputs.get(0));
        }
        return tags(target).isEmpty()
                ? new Flaw.UnusableDefinition(kind, name, Flaw.Unusable.NO_NAME, "")
                : null;
    }

    /** The names of the image: its tags, or else those that an output gives it, {@code type=docker,name=app:1}. */
    static List<String> tags(Map<String, Object> target) {
        List<String> tags = JsonTree.list(target, "tags").stream().map(Object::toString).toList();
        return !tags.isEmpty() ? tags
                : JsonTree.list(target, "output").stream().map(TargetOptions::csv)
                        .filter(text -> text.matches("(?s)(?:.*,)?type=(?:" + IMAGE_OUTPUTS + ")(?:,.*)?"))
                        .map(OUTPUT_NAME::matcher).filter(Matcher::find)
                        .flatMap(name -> Arrays
                                .stream((name.group(1) != null ? name.group(1) : name.group(2)).split(",")))
                        .distinct().toList();
    }

    /** The types; a path alone is a folder, and a dash an archive. */
    private static List<String> outputs(Map<String, Object> target) {
        return JsonTree.list(target, "output").stream().map(TargetOptions::csv).map(text -> text.equals("-") ? "tar"
                : text.matches("(?s)(?:.*,)?type=.*") ? text.replaceFirst("(?s)(?:.*,)?type=([^,]*).*", "$1")
                : "local").toList();
    }

    /** An item of a list: a text of comma-separated values, or an object of the same. */
    private static String csv(Object item) {
        Map<String, Object> values = new TreeMap<>(JsonTree.object(item));
        return values.isEmpty() ? String.valueOf(item)
                : values.entrySet().stream().map(each -> quoted(each.getKey() + "=" + each.getValue()))
                        .collect(Collectors.joining(","));
    }

    private static String quoted(String field) {
        return field.matches("(?s)[^,\"\n\r]*") ? field : "\"" + field.replace("\"", "\"\"") + "\"";
    }

    /**
     * The image.
     *
     * @param options of the caller, which go before these
     * @throws RecipeException {@link Flaw.UnusableDefinition}
     */
    Definition define(List<String> names, List<Reference> references, BuildOptions options, Role role, OwnPlatform own)
            throws RecipeException, EngineException, InterruptedException {
        List<Definition.Remark> remarks = new ArrayList<>();
        Optional<String> platform = options.platform().isPresent() ? options.platform() : platform(remarks, own);
        List<String> arguments = JsonTree.object(target, "args").entrySet().stream()
                .map(each -> each.getKey() + "=" + each.getValue()).toList();
        BuildOptions all =
                BuildOptions.parse(arguments, JsonTree.text(target, "target"), platform, words(), environment)
                        .with(options);
        if (role == Role.ASKED) {
            addRemarks(remarks);
        }
        Path context = context();
        return new Definition(names, new Recipe(references.get(0), context, dockerfile(context), all,
                Collections.emptySortedMap()), references.subList(1, references.size()), remarks);
    }

    private Path context() throws RecipeException {
        String where = JsonTree.text(target, "context").orElse(".");
        if (Definition.isRemote(where)) {
            throw unusable(Flaw.Unusable.REMOTE_CONTEXT, where);
        }
        Path context = local(where);
        if (!Files.isDirectory(context)) {
            throw unusable(Flaw.Unusable.NO_CONTEXT, where);
        }
        return context;
    }

    private static Path local(String where) {
        return Path.of(where.startsWith(IN_WORKING_FOLDER) ? where.substring(IN_WORKING_FOLDER.length()) : where);
    }

    private DockerfileSource dockerfile(Path context) throws RecipeException {
        Optional<String> inline = JsonTree.text(target, "dockerfile-inline");
        if (inline.isPresent()) {
            return new DockerfileSource.Given(inline.get().getBytes(StandardCharsets.UTF_8));
        }
        String given = JsonTree.text(target, "dockerfile").orElse("Dockerfile");
        Path file = given.startsWith(IN_WORKING_FOLDER) ? local(given) : context.resolve(given);
        Path lower = file.resolveSibling("dockerfile");
        if (file.endsWith("Dockerfile") && !Files.isRegularFile(file) && Files.isRegularFile(lower)) {
            return new DockerfileSource.InFile(lower); // as docker does
        }
        if (!Files.isRegularFile(file)) {
            throw unusable(Flaw.Unusable.NO_DOCKERFILE, file.toString());
        }
        return new DockerfileSource.InFile(file);
    }

    /** Of several platforms the engine's own, else the first: an engine's image store holds what one machine runs. */
    private Optional<String> platform(List<Definition.Remark> remarks, OwnPlatform own)
            throws EngineException, InterruptedException {
        List<String> platforms = JsonTree.list(target, "platforms").stream().map(Object::toString).toList();
        if (platforms.size() < 2) {
            return platforms.stream().findFirst();
        }
        String engines = own.ask();
        String one = platforms.stream().filter(each -> Platform.resolve(each, engines).equals(engines)).findFirst()
                .orElse(platforms.get(0));
        remarks.add(new Definition.Remark(Definition.Kind.ONE_PLATFORM, one));
        return Optional.of(one);
    }

    private void addRemarks(List<Definition.Remark> remarks) {
        List<String> outputs = JsonTree.list(target, "output").stream().map(TargetOptions::csv).toList();
        if (outputs.stream().anyMatch(text -> text.matches("(?s)(?:.*,)?(?:type=registry|push=true).*"))) {
            remarks.add(new Definition.Remark(Definition.Kind.NOT_PUSHED, ""));
        }
        outputs(target).stream().filter(type -> !type.matches(IMAGE_OUTPUTS)).distinct()
                .forEach(type -> remarks.add(new Definition.Remark(Definition.Kind.NOT_WRITTEN, type)));
        if (JsonTree.list(target, "cache-to").stream().map(TargetOptions::csv)
                .anyMatch(text -> !text.contains("type=inline"))) {
            remarks.add(new Definition.Remark(Definition.Kind.CACHE_EXPORT, ""));
        }
        if (JsonTree.isTrue(target, "no-cache") || !JsonTree.list(target, "no-cache-filter").isEmpty()) {
            remarks.add(new Definition.Remark(Definition.Kind.NO_CACHE, ""));
        }
    }

    /** All that docker build has an option for. */
    private List<String> words() throws RecipeException {
        List<String> words = new ArrayList<>();
        addAll(words, "--label", "=", "labels");
        addAll(words, "--build-context", "=", "contexts");
        addAll(words, "--add-host", ":", "extra-hosts");
        for (String[] each : new String[][] {{"--annotation", "annotations"}, {"--attest", "attest"},
            {"--cache-from", "cache-from"}, {"--cache-to", "cache-to"}, {"--allow", "entitlements"},
            {"--ulimit", "ulimits"}, {"--no-cache-filter", "no-cache-filter"}, {"--secret", "secret"}}) {
            // Compose prints some of them in another order each time, and none has a meaning.
            JsonTree.list(target, each[1]).stream().map(TargetOptions::csv).sorted()
                    .forEach(item -> words.addAll(List.of(each[0], item)));
        }
        JsonTree.list(target, "ssh").forEach(item -> words.addAll(List.of("--ssh", ssh(item))));
        JsonTree.text(target, "network").ifPresent(network -> words.addAll(List.of("--network", network)));
        JsonTree.text(target, "shm-size").ifPresent(size -> words.addAll(List.of("--shm-size", size)));
        if (JsonTree.isTrue(target, "pull")) {
            words.add("--pull");
        }
        if (JsonTree.isTrue(target, "no-cache")) {
            words.add("--no-cache");
        }
        requireSecrets();
        return words;
    }

    private void addAll(List<String> words, String option, String separator, String member) {
        new TreeMap<>(JsonTree.object(target, member)).forEach((key, value) -> words.addAll(List.of(option,
                key + separator + (value.toString().startsWith(IN_WORKING_FOLDER) ? local(value.toString()) : value))));
    }

    /** Compose writes {@code default=} where no path is given. */
    private static String ssh(Object item) {
        Map<String, Object> values = JsonTree.object(item);
        if (values.isEmpty()) {
            return item.toString().replaceFirst("=$", "");
        }
        String paths = JsonTree.list(values, "paths").stream().map(Object::toString).collect(Collectors.joining(","));
        return values.getOrDefault("id", "default") + (paths.isEmpty() ? "" : "=" + paths);
    }

    /** docker build takes a variable that is not there for an empty secret. */
    private void requireSecrets() throws RecipeException {
        for (Object item : JsonTree.list(target, "secret")) {
            String text = csv(item);
            if (text.matches("(?s)(?:.*,)?type=env(?:,.*)?")) {
                String variable = text.replaceFirst("(?s).*?(?:^|,)(?:env|src|source)=([^,]*).*", "$1");
                String named = variable.equals(text) ? text.replaceFirst("(?s)(?:.*,)?id=([^,]*).*", "$1") : variable;
                if (!environment.containsKey(named)) {
                    throw unusable(Flaw.Unusable.NO_SECRET, named);
                }
            }
        }
    }

    private RecipeException unusable(Flaw.Unusable why, String detail) {
        return new RecipeException(new Flaw.UnusableDefinition(kind, name, why, detail));
    }
}
