// SPDX-License-Identifier: Apache-2.0
package ensureimage.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@code docker compose config} prints, made into the targets that compose builds of it: docker/compose
 * {@code pkg/compose/build_bake.go}.
 *
 * @param config the project
 * @param version of compose, which is on each image
 */
record ComposeConfig(Map<String, Object> config, String version, Map<String, String> environment) {
    private static final String LABEL = "com.docker.compose.";
    private static final String SERVICE = "service:";

    /** In the form that bake prints. @param names of services; empty for all that are active */
    Map<String, Object> targets(List<String> names) {
        Map<String, Object> targets = new LinkedHashMap<>();
        List<Object> asked = new ArrayList<>();
        JsonTree.object(config, "services").forEach((name, each) -> {
            Map<String, Object> service = JsonTree.object(each);
            if (service.containsKey("build")) {
                targets.put(name, target(name, service, JsonTree.object(service, "build")));
                if (names.isEmpty() || names.contains(name)) {
                    asked.add(name);
                }
            }
        });
        return Map.of("group", Map.of("default", Map.of("targets", asked)), "target", targets);
    }

    private Map<String, Object> target(String name, Map<String, Object> service, Map<String, Object> build) {
        Map<String, Object> target = new LinkedHashMap<>();
        copy(build, target, Map.of("context", "context", "dockerfile", "dockerfile", "args", "args", "target", "target",
                "network", "network", "shm_size", "shm-size", "pull", "pull", "no_cache", "no-cache", "ssh", "ssh"));
        copy(build, target, Map.of("dockerfile_inline", "dockerfile-inline", "cache_from", "cache-from", "cache_to",
                "cache-to"));
        Map<String, Object> labels = new TreeMap<>(JsonTree.object(build, "labels"));
        labels.put(LABEL + "project", project());
        labels.put(LABEL + "service", name);
        labels.put(LABEL + "version", version);
        target.put("labels", labels);
        List<Object> tags = new ArrayList<>(JsonTree.list(build, "tags"));
        tags.add(JsonTree.text(service, "image").orElseGet(() -> project() + separator() + name));
        target.put("tags", tags);
        Map<String, Object> contexts = new LinkedHashMap<>();
        JsonTree.object(build, "additional_contexts").forEach((key, where) -> contexts.put(key,
                where.toString().startsWith(SERVICE) ? "target:" + where.toString().substring(SERVICE.length())
                        : where));
        target.put("contexts", contexts);
        target.put("platforms", platforms(service, build));
        target.put("secret", JsonTree.list(build, "secrets").stream().map(JsonTree::object).map(this::secret).toList());
        target.put("ulimits", ulimits(JsonTree.object(build, "ulimits")));
        Map<String, Object> hosts = new LinkedHashMap<>();
        JsonTree.list(build, "extra_hosts").forEach(host -> {
            String[] parts = host.toString().split("[=:]", 2);
            hosts.put(parts[0], parts[parts.length - 1]);
        });
        target.put("extra-hosts", hosts);
        target.put("entitlements", entitlements(build));
        target.put("attest", attestations(build));
        return target;
    }

    private static void copy(Map<String, Object> from, Map<String, Object> to, Map<String, String> names) {
        names.forEach((name, other) -> Optional.ofNullable(from.get(name)).ifPresent(value -> to.put(other, value)));
    }

    private String project() {
        return JsonTree.text(config, "name").orElse("");
    }

    private String separator() {
        return "true".equals(environment.get("COMPOSE_COMPATIBILITY")) ? "_" : "-";
    }

    /** The platform that the service runs on goes before those that it is built for, if it is built for several. */
    private List<?> platforms(Map<String, Object> service, Map<String, Object> build) {
        List<?> several = JsonTree.list(build, "platforms");
        return several.isEmpty() ? JsonTree.text(service, "platform")
                .or(() -> Optional.ofNullable(environment.get("DOCKER_DEFAULT_PLATFORM"))).map(List::of)
                .orElse(List.of()) : several;
    }

    private Object secret(Map<String, Object> used) {
        String source = JsonTree.text(used, "source").orElse("");
        Map<String, Object> defined = JsonTree.object(JsonTree.object(config, "secrets"), source);
        Map<String, Object> secret = new LinkedHashMap<>();
        secret.put("id", JsonTree.text(used, "target").orElse(source));
        JsonTree.text(defined, "file").ifPresent(file -> secret.putAll(Map.of("type", "file", "src", file)));
        JsonTree.text(defined, "environment")
                .ifPresent(variable -> secret.putAll(Map.of("type", "env", "env", variable)));
        return secret;
    }

    private static List<String> ulimits(Map<String, Object> ulimits) {
        List<String> words = new ArrayList<>();
        ulimits.forEach((name, limit) -> words.add(name + "=" + (limit instanceof String number ? number
                : JsonTree.object(limit).get("soft") + ":" + JsonTree.object(limit).get("hard"))));
        return words;
    }

    private static List<Object> entitlements(Map<String, Object> build) {
        List<Object> all = new ArrayList<>(JsonTree.list(build, "entitlements"));
        if (JsonTree.isTrue(build, "privileged")) {
            all.add("security.insecure");
        }
        return all;
    }

    private static List<String> attestations(Map<String, Object> build) {
        List<String> words = new ArrayList<>();
        for (String kind : List.of("provenance", "sbom")) {
            JsonTree.text(build, kind).ifPresent(value -> words.add("type=" + kind
                    + (value.equals("true") ? "" : value.equals("false") ? ",disabled=true" : "," + value)));
        }
        return words;
    }
}
