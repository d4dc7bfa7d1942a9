// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.DefinedCollection;
import ensureimage.recipe.Definition;
import ensureimage.recipe.FileKind;
import ensureimage.recipe.Fingerprint;
import ensureimage.recipe.Flaw;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The images that docker's own tools say that a file defines: {@link BuildFiles} in the words of the recipe room. */
public final class BakeTargets {
    private static final String TARGET = "target:";
    private static final String SERVICE_LABEL = "com.docker.compose.service";

    private final BuildFiles files;
    private final Map<String, Object> targets;
    private final Set<String> asked = new LinkedHashSet<>();
    private final Map<String, Flaw> skipped = new LinkedHashMap<>();
    /** By name of a target, the name of the one that it is the same as; its own if it is the first. */
    private final Map<String, String> first = new LinkedHashMap<>();

    private BakeTargets(BuildFiles files, Map<String, Object> printed) {
        this.files = files;
        this.targets = JsonTree.object(printed, "target");
        Map<String, Object> groups = JsonTree.object(printed, "group");
        addTargets("default", groups, new LinkedHashSet<>());
        if (files.kind() == FileKind.COMPOSE) { // which prints them in another order each time
            List<String> sorted = asked.stream().sorted().toList();
            asked.clear();
            asked.addAll(sorted);
        }
    }

    /**
     * Reads files.
     *
     * @param only images that are asked for by name; if there are none, all that the files' tool builds
     * @param options of the caller, which go before those of the files
     * @param builder that is to build the images
     * @throws RecipeException if docker lacks the tool or does not take the files, or an image cannot be ensured
     */
    public static DefinedCollection read(BuildFiles files, List<Reference> only, Docker docker, BuildOptions options,
            BuilderKind builder, Deadline deadline) throws RecipeException, EngineException, InterruptedException {
        BakeTargets targets = new BakeTargets(files, files.read(docker, deadline));
        targets.findEqual();
        if (!only.isEmpty()) {
            targets.narrow(only);
        }
        return targets.collection(docker, options, builder, deadline);
    }

    /** Leaves out what has none of these names: whatever is wrong with that does not count. */
    private void narrow(List<Reference> only) throws RecipeException {
        List<String> known = new ArrayList<>();
        Set<String> wanted = new LinkedHashSet<>();
        Set<Reference> missing = new LinkedHashSet<>(only);
        for (String name : asked) {
            for (String tag : TargetOptions.tags(JsonTree.object(targets.get(name)))) {
                Reference reference = Reference.parse(tag);
                known.add(reference.toString());
                missing.remove(reference);
                if (only.contains(reference)) {
                    wanted.add(name);
                }
            }
        }
        for (Reference reference : missing) {
            throw new RecipeException(new Flaw.NotDefined(files.kind(), reference.toString(), known));
        }
        asked.retainAll(wanted);
    }

    /** A group's members are targets or groups; a group and a target may have one name, and then the target counts. */
    private void addTargets(String name, Map<String, Object> groups, Set<String> seen) {
        for (Object each : JsonTree.list(JsonTree.object(groups, name), "targets")) {
            String member = each.toString();
            if (targets.containsKey(member)) {
                asked.add(member);
            } else if (seen.add(member)) {
                addTargets(member, groups, seen);
            }
        }
    }

    private DefinedCollection collection(Docker docker, BuildOptions options, BuilderKind builder, Deadline deadline)
            throws RecipeException, EngineException, InterruptedException {
        Map<String, Definition> definitions = new LinkedHashMap<>();
        for (String name : needed()) {
            Map<String, Object> target = new LinkedHashMap<>(JsonTree.object(targets.get(name)));
            target.put("contexts", contexts(target));
            List<Reference> references = references(first.get(name));
            if (first.get(name).equals(name)) {
                TargetOptions reader = new TargetOptions(files.kind(), name, target, docker.environment());
                definitions.put(name, reader.define(names(name), references, options,
                        asked.contains(name) ? TargetOptions.Role.ASKED : TargetOptions.Role.BASE,
                        () -> docker.platform(deadline)));
            }
        }
        return new DefinedCollection(files.kind(), List.copyOf(definitions.values()), asked, skipped, builder);
    }

    /** Services that share an image have it defined several times: those that differ in nothing but the name are one. */
    private void findEqual() {
        Map<Object, String> seen = new LinkedHashMap<>();
        targets.forEach((name, target) -> {
            List<String> tags = TargetOptions.tags(JsonTree.object(target));
            Map<String, Object> what = new LinkedHashMap<>(JsonTree.object(target));
            what.put("labels", new LinkedHashMap<>(JsonTree.object(what, "labels")));
            JsonTree.object(what, "labels").remove(SERVICE_LABEL);
            first.put(name, tags.isEmpty() ? name : seen.computeIfAbsent(what, any -> name));
        });
    }

    private List<String> names(String name) {
        return first.entrySet().stream().filter(each -> each.getValue().equals(name)).map(Map.Entry::getKey).toList();
    }

    /** Those that were asked for and are images, and what they are built on, which need no name of their own. */
    private Set<String> needed() throws RecipeException {
        Set<String> needed = new LinkedHashSet<>();
        for (String name : asked) {
            Map<String, Object> target = JsonTree.object(targets.get(name));
            Flaw flaw = TargetOptions.whyNoImage(files.kind(), name, target);
            if (flaw == null) {
                addWithBases(name, needed);
            } else if (files.names().contains(name)) {
                throw new RecipeException(flaw);
            } else {
                skipped.put(name, flaw);
            }
        }
        return needed;
    }

    private void addWithBases(String name, Set<String> needed) {
        if (needed.add(first.get(name))) {
            JsonTree.object(JsonTree.object(targets.get(name)), "contexts").values().stream().map(Object::toString)
                    .filter(where -> where.startsWith(TARGET)).map(where -> where.substring(TARGET.length()))
                    .filter(targets::containsKey).forEach(base -> addWithBases(base, needed));
        }
    }

    /** A context that is another target is that one's image. */
    private Map<String, Object> contexts(Map<String, Object> target) throws RecipeException {
        Map<String, Object> contexts = new LinkedHashMap<>();
        for (Map.Entry<String, Object> each : JsonTree.object(target, "contexts").entrySet()) {
            String where = each.getValue().toString();
            String base = where.startsWith(TARGET) ? where.substring(TARGET.length()) : "";
            contexts.put(each.getKey(), targets.containsKey(base)
                    ? "docker-image://" + references(first.get(base)).get(0)
                    : where);
        }
        return contexts;
    }

    /** Compose names the service's image last; containers are run by it, so it comes first here. */
    private List<Reference> references(String name) throws RecipeException {
        List<Reference> references = new ArrayList<>();
        for (String tag : TargetOptions.tags(JsonTree.object(targets.get(name)))) {
            references.add(files.kind() == FileKind.COMPOSE ? 0 : references.size(), Reference.parse(tag));
        }
        return references.isEmpty() ? List.of(ownName(name)) : references.stream().distinct().toList();
    }

    /** Of a target that has none and that others are built on: only an image with a name can be built on. */
    private static Reference ownName(String name) throws RecipeException {
        String place = Fingerprint.key(Path.of("").toAbsolutePath().toString(), name).substring(0, 12);
        return Reference.parse(
                "ensure-image/" + name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-") + ":" + place);
    }
}
