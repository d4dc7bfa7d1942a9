// SPDX-License-Identifier: Apache-2.0
package ensureimage.recipe;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** A stage of a Dockerfile: what it needs. */
final class Stage {
    /** Other stages. */
    final Set<Stage> stages = new HashSet<>();
    /** Patterns of paths, by the name of the context. */
    final SortedMap<String, SortedSet<String>> sources = new TreeMap<>();
    /** Images that it builds on or copies from, and of those the ones it builds on. */
    final SortedSet<String> images = new TreeSet<>();
    final SortedSet<String> parents = new TreeSet<>();
    /** Names of arguments that it declares. */
    final SortedSet<String> arguments = new TreeSet<>();
    /** What cannot be looked up. */
    final SortedSet<String> unknowable = new TreeSet<>();
    /** Instructions for what is built on it. */
    final List<Instruction> triggers = new ArrayList<>();
    /** Whether all that it needs is known; and if not, whether it is only not known which files. */
    boolean certain = true;
    boolean certainSources = true;

    private final Map<String, Value> variables = new HashMap<>();
    private Value otherwise = Value.UNSET;

    /** Whatever the builder would read. */
    void needsEverything() {
        certain = false;
    }

    /** Files of a context. */
    void needs(String context, String path) {
        sources.computeIfAbsent(context, name -> new TreeSet<>()).add(path);
    }

    /** Files of the main context, it is not known which. */
    void needsSomeFiles() {
        certainSources = false;
        needs(Coverage.MAIN, "/");
    }

    /** Begins with the variables of the stage that it is built on. */
    void inherit(Stage base) {
        variables.putAll(base.variables);
        otherwise = base.otherwise;
    }

    /** An image may bring any variable. */
    void inheritUnknown() {
        otherwise = Value.UNKNOWN;
    }

    Value variable(String name) {
        return name.equals("PATH") ? Value.UNKNOWN : variables.getOrDefault(name, otherwise);
    }

    void define(String name, Optional<String> value) {
        variables.put(name, value.map(Value::set).orElse(Value.UNKNOWN));
    }

    /** A variable was defined whose name is not known. */
    void forgetVariables() {
        variables.clear();
        otherwise = Value.UNKNOWN;
    }

    /** With all that is needed for it. */
    Set<Stage> reached() {
        Set<Stage> reached = new HashSet<>();
        List<Stage> open = new ArrayList<>(List.of(this));
        while (!open.isEmpty()) {
            Stage stage = open.remove(open.size() - 1);
            if (reached.add(stage)) {
                open.addAll(stage.stages);
            }
        }
        return reached;
    }
}
