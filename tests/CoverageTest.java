// SPDX-License-Identifier: Apache-2.0

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.recipe.Coverage;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** How much a fingerprint covers: comparing, adding, and the text on the label. */
class CoverageTest {

    @Test
    void moreCoversLess() {
        for (String[] pair : new String[][] {{"/", "/a"}, {"/a", "/a"}, {"/a", "/a/b"}, {"/a", "/a/*.txt"},
            {"/a /b", "/b"}, {"/*.txt", "/*.txt"}, {"/", ""}}) {
            assertTrue(main(pair[0]).covers(main(pair[1])), pair[0] + " covers " + pair[1]);
        }
        for (String[] pair : new String[][] {{"/a", "/"}, {"/a", "/ab"}, {"/a/b", "/a"}, {"/*", "/*/a"}, {"", "/a"},
            {"/a", "/b"}, {"/[a]", "/[a]/b"}, {"/a\\", "/a\\/b"}}) {
            assertFalse(main(pair[0]).covers(main(pair[1])), pair[0] + " does not cover " + pair[1]);
        }
        Coverage named = coverage(Map.of("e", "/a"), false);
        assertFalse(main("/").covers(named));
        assertFalse(named.covers(main("/a")));
        assertTrue(named.with(main("/b")).covers(named));
        assertTrue(Coverage.whole(Set.of("", "e")).covers(named));
        assertFalse(main("/").covers(coverage(Map.of("", "/"), true)), "every argument is more");
        assertTrue(coverage(Map.of("", "/"), true).covers(main("/")));
    }

    @Test
    void thereIsOneFormOfEachCoverage() {
        assertEquals(main("/a"), main("/a /a/b /a/*"));
        assertEquals(main("/"), main("/ /b"));
        assertEquals(Coverage.NONE, main(""));
        assertEquals(main("/a /b"), main("/a").with(main("/b")));
        assertEquals(coverage(Map.of("e", "/x"), true),
                Coverage.whole(Set.of("", "e")).narrowedTo(coverage(Map.of("e", "/x"), false)), "arguments stay");
    }

    @Test
    void itSurvivesBeingWrittenOnALabel() {
        for (Coverage coverage : List.of(Coverage.NONE, main("/"), main("/a /b*/[c]"), Coverage.whole(Set.of("")),
                coverage(Map.of("", "/a", "team/app:1", "/x /y"), true), coverage(Map.of(), true),
                coverage(Map.of("e", "/a,b;c=d%41\u00ff\"\n\t*"), false))) {
            String text = coverage.text();
            assertTrue(text.matches("[!-~]*"), text);
            assertEquals(Optional.of(coverage), Coverage.parse(text));
        }
        assertEquals("=/", main("/").text());
        assertEquals("*;=/a,/b;e=/x", coverage(Map.of("", "/b /a", "e", "/x"), true).text());
        for (String garbage : List.of("x", "=", "=a", "=/a/", "=/a,", "=/a;=/b", "=/%zz", "=/%4", "*;", ";", "=/b,/a",
                "=/a,/a/b", "= /a", "=/\u00e9", "e=/a;=/b", "**", "=/%61")) {
            assertEquals(Optional.empty(), Coverage.parse(garbage), garbage);
        }
    }

    private static Coverage main(String patterns) {
        return coverage(Map.of("", patterns), false);
    }

    private static Coverage coverage(Map<String, String> contexts, boolean allArguments) {
        TreeMap<String, SortedSet<String>> all = new TreeMap<>();
        contexts.forEach((name, patterns) -> all.put(name, Arrays.stream(patterns.split(" ", -1))
                .filter(pattern -> !pattern.isEmpty()).collect(Collectors.toCollection(TreeSet::new))));
        return new Coverage(all, allArguments);
    }
}
