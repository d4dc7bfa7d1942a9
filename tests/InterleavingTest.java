// SPDX-License-Identifier: Apache-2.0
//SOURCES BuilderModel.java
//SOURCES EngineAnswer.java
//SOURCES EngineCall.java
//SOURCES EngineModel.java
//SOURCES Harness.java
//SOURCES Interleavings.java
//SOURCES LoopRules.java
//SOURCES Promises.java
//SOURCES RaceModel.java

package ensureimage;

import static ensureimage.RaceModel.A;
import static ensureimage.RaceModel.B;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ensureimage.BuilderModel.Role;
import ensureimage.BuilderModel.Trait;
import ensureimage.EngineAnswer.Words;
import ensureimage.RaceModel.Kind;
import ensureimage.RaceModel.Other;
import ensureimage.engine.KnownLine.Meaning;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@link Loop}, played against a model of the engine through every interleaving of their steps. What real engines show is
 * in {@code NamingRaceTest}; here are the interleavings that have not happened yet.
 */
class InterleavingTest {
    private static final double MANY = 100_000;
    private static final int MISSING = EngineModel.NONE;
    private static final int FOREIGN = EngineModel.FOREIGN;

    /**
     * Those that race.
     *
     * @param tagged the image that has the tag at first
     * @param attempts that the next builder has
     */
    private record Race(String name, int tagged, int attempts, List<Role> builders, List<Other> others) {

        static Race of(String name, int tagged, int attempts) {
            return new Race(name, tagged, attempts, List.of(), List.of());
        }

        Race with(int inputs, Policy policy, LoopRules rules, Trait... traits) {
            List<Role> all = new ArrayList<>(builders);
            all.add(new Role(all.size() + 1, inputs, policy, attempts, rules, Set.of(traits)));
            return new Race(name, tagged, attempts, List.copyOf(all), others);
        }

        Race attempts(int those) {
            return new Race(name, tagged, those, builders, others);
        }

        Race with(int inputs, Trait... traits) {
            return with(inputs, Policy.IF_STALE, LoopRules.OURS, traits);
        }

        Race beside(Kind kind, int times) {
            List<Other> all = new ArrayList<>(others);
            all.add(new Other(kind, null, times));
            return new Race(name, tagged, attempts, builders, List.copyOf(all));
        }

        Interleavings.Result run() {
            long start = System.nanoTime();
            Interleavings.Result result = Interleavings.explore(RaceModel.of(EngineModel.holding(tagged),
                    builders.stream().map(BuilderModel::start).toList(), others, false));
            System.out.printf("%-55s %,12d states, %.1e interleavings, %.1f s%n", name, result.states(), result.count(),
                    (System.nanoTime() - start) / 1e9);
            return result;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Race> races() {
        int current = EngineModel.image(A, A, 0);
        int other = EngineModel.image(B, B, 0);
        return Stream.of(
                Race.of("two builders of a folder", MISSING, 3).with(A).with(A),
                Race.of("the same, a foreign image has the tag", FOREIGN, 3).with(A).with(A),
                Race.of("the same, each build makes another image", MISSING, 3).with(A, Trait.OWN_IMAGES)
                        .with(A, Trait.OWN_IMAGES),
                Race.of("the same, and the builds can fail", FOREIGN, 3).with(A, Trait.BREAKS).with(A, Trait.BREAKS),
                Race.of("two folders, one tag", MISSING, 3).with(A).with(B),
                Race.of("the same, the image of one has the tag", other, 3).with(A).with(B),
                Race.of("three builders of a folder", MISSING, 3).with(A).with(A).with(A),
                Race.of("the same, each build makes another image", MISSING, 2).with(A, Trait.OWN_IMAGES)
                        .with(A, Trait.OWN_IMAGES).with(A, Trait.OWN_IMAGES),
                Race.of("two builders of a folder, one of another", MISSING, 2).with(A).with(A).attempts(1).with(B),
                Race.of("the same with other attempts", MISSING, 1).with(A).with(A).attempts(2).with(B),
                Race.of("three builders that wait for each other", MISSING, 2).with(A, Trait.WAITS, Trait.BREAKS)
                        .with(A, Trait.WAITS).with(A, Trait.WAITS),
                Race.of("a folder, removed twice", MISSING, 2).with(A).with(A).beside(Kind.REMOVER, 2),
                Race.of("two folders, removed once", MISSING, 2).with(A).with(B).beside(Kind.REMOVER, 1),
                Race.of("a folder, pruned twice", MISSING, 3).with(A).with(A).beside(Kind.PRUNER, 2),
                Race.of("two folders, tagged once", MISSING, 2).with(A).with(B).beside(Kind.TAGGER, 1),
                Race.of("two folders, two naive builds", MISSING, 2).with(A).with(B).beside(Kind.NAIVE_BUILD, 2),
                Race.of("a builder among many", FOREIGN, 2).with(A).beside(Kind.TAGGER, 4).beside(Kind.REMOVER, 4),
                Race.of("a folder, edited", MISSING, 3).with(A).with(A).beside(Kind.EDITOR, 1),
                Race.of("the same, and the builds can fail", current, 2).with(A, Trait.BREAKS).with(A, Trait.BREAKS)
                        .beside(Kind.EDITOR, 1).beside(Kind.REMOVER, 1),
                Race.of("a folder, its base replaced", MISSING, 3).with(A, Trait.BASED).with(A, Trait.BASED)
                        .beside(Kind.EDITOR, 1),
                Race.of("a URL, what it leads to is edited", current, 2).with(A, Trait.ASKS).with(A, Trait.ASKS)
                        .beside(Kind.EDITOR, 1),
                Race.of("the same, removed once", current, 2).with(A, Trait.ASKS).with(A, Trait.ASKS)
                        .beside(Kind.EDITOR, 1).beside(Kind.REMOVER, 1),
                Race.of("a URL, and another folder", current, 2).with(A, Trait.ASKS).with(B).beside(Kind.EDITOR, 1),
                Race.of("a URL, three builders", current, 1).with(A, Trait.ASKS).with(A, Trait.ASKS).attempts(2)
                        .with(A, Trait.ASKS),
                Race.of("a misread folder, edited", MISSING, 2).with(A, Trait.MISREADS).with(A, Trait.MISREADS)
                        .beside(Kind.EDITOR, 1),
                Race.of("the same, removed once", current, 2).with(A, Trait.MISREADS).with(A, Trait.MISREADS)
                        .beside(Kind.EDITOR, 1).beside(Kind.REMOVER, 1),
                Race.of("a misread folder, builders wait for each other", MISSING, 2)
                        .with(A, Trait.MISREADS, Trait.WAITS).with(A, Trait.MISREADS, Trait.WAITS)
                        .beside(Kind.EDITOR, 1).beside(Kind.REMOVER, 1),
                Race.of("two folders, the engine is killed and starts again", MISSING, 3).with(A).with(B)
                        .beside(Kind.KILLER, 2),
                Race.of("two that always build, a current image has the tag", current, 2)
                        .with(A, Policy.ALWAYS, LoopRules.OURS, Trait.OWN_IMAGES)
                        .with(A, Policy.ALWAYS, LoopRules.OURS, Trait.OWN_IMAGES).beside(Kind.REMOVER, 1),
                Race.of("two machines' users of one engine share", MISSING, 2).with(A, Trait.SHARES).with(A,
                        Trait.SHARES),
                Race.of("the same, each build makes another image", FOREIGN, 2).with(A, Trait.SHARES, Trait.OWN_IMAGES)
                        .with(A, Trait.SHARES, Trait.OWN_IMAGES),
                Race.of("two folders, one tag, one shares", MISSING, 2).with(A, Trait.SHARES).with(B),
                Race.of("one shares, removed once", MISSING, 2).with(A, Trait.SHARES).with(A).beside(Kind.REMOVER, 1),
                Race.of("one shares, a folder, edited", MISSING, 2).with(A, Trait.SHARES).with(A).beside(Kind.EDITOR,
                        1),
                Race.of("one shares, waits and breaks", MISSING, 2)
                        .with(A, Trait.SHARES, Trait.WAITS, Trait.BREAKS).with(A, Trait.WAITS),
                Race.of("one shares, the engine is killed and starts again", MISSING, 2).with(A, Trait.SHARES).with(B)
                        .beside(Kind.KILLER, 2),
                Race.of("two that take any image, removed once", MISSING, 2).with(A, Policy.IF_MISSING, LoopRules.OURS)
                        .with(B, Policy.IF_MISSING, LoopRules.OURS).beside(Kind.REMOVER, 1));
    }

    @ParameterizedTest
    @MethodSource("races")
    void everyInterleavingKeepsThePromises(Race race) {
        Interleavings.Result result = race.run();
        assertEquals("", String.join("\n", result.counterexample()));
        assertTrue(result.count() >= MANY, () -> result.count() + " interleavings");
    }

    /** The checker proves itself: without a part of the loop it finds how a promise breaks, and tells it step by step. */
    @ParameterizedTest
    @CsvSource(delimiter = '|',
            textBlock = """
                    CLAIMED_IS_SUCCESS | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    NO_LOOK_BACK       | is given image A, which is gone already
                    STALE_IS_CURRENT   | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    EDITS_DO_NOT_COUNT | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    CLAIMED_IS_FAILURE | fails, but it has only lost a race
                    ENDS_EARLY         | gives up after 1 of 2 attempts
                    ENDS_NEVER         | builds more often than it may
                    LOOKS_FOR_EVER     | from here on it can go on for ever
                    FOREIGN_WILL_DO    | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    NEEDS_THE_REGISTRY | fails, but it has only lost a race
                    PULLS_FOR_EVER     | from here on it can go on for ever
                    """)
    void aLoopThatBreaksAPromiseIsFound(LoopRules rules, String fault) {
        Trait[] traits = rules.isAboutSharing() ? new Trait[] {Trait.SHARES} : new Trait[0];
        List<String> found = Race.of(rules.toString(), MISSING, 2).with(A, Policy.IF_STALE, rules, traits).with(B)
                .beside(Kind.EDITOR, 1).run().counterexample();
        System.out.println(String.join("\n", found));
        assertFalse(found.isEmpty(), "no counterexample");
        assertTrue(found.get(found.size() - 1).endsWith(fault), String.join("\n", found));
    }

    /** The same, of what a look-up cannot know: docker build is asked, and can say that the label covers too little. */
    @ParameterizedTest
    @CsvSource(delimiter = '|',
            textBlock = """
                    UNCERTAIN_IS_CURRENT | ASKS       | is given image A, which is not of its inputs
                    UNCERTAIN_ENDS       | ASKS       | is given image A, which is not of its inputs
                    SAME_IS_SUCCESS      | ASKS       | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    UNCOVERED_IS_NAMED   | MISREADS   | is given image a part of A (built from A), which is not of its inputs
                    UNCOVERED_IS_NAMED   | OWN_IMAGES | is told that the image is there, but since it asked or built last the tag has had none of its inputs
                    """)
    void aLoopThatTrustsWhatItCannotKnowIsFound(LoopRules rules, Trait trait, String fault) {
        List<String> found = Race.of(rules + ", " + trait, EngineModel.image(A, A, 0), 2)
                .with(A, Policy.IF_STALE, rules, trait).with(A, Policy.IF_STALE, rules, trait)
                .beside(Kind.EDITOR, 1).beside(Kind.REMOVER, 1).run().counterexample();
        System.out.println(String.join("\n", found));
        assertFalse(found.isEmpty(), "no counterexample");
        assertTrue(found.get(found.size() - 1).endsWith(fault), String.join("\n", found));
    }

    /** Each answer of the model is read by the product, most from a recorded transcript. */
    @ParameterizedTest
    @EnumSource
    void theProductReadsTheModelsAnswers(EngineAnswer.Words words) {
        EngineAnswer answer = new EngineAnswer(words, MISSING);
        assertEquals(switch (words) {
            case DONE -> Meaning.DONE;
            case MISSING, BROKEN, NOT_IN_REGISTRY, REGISTRY_AWAY -> Meaning.FAILED;
            case TAG_TAKEN, TAG_GONE, TAG_CHANGES, UNNAMED_TAKEN -> Meaning.CLAIMED;
            case HALF_GONE, CHANGED, ID_GONE, LOCKED, PRUNED -> Meaning.TEMPORARY;
            case AWAY -> Meaning.NO_ENGINE;
        }, answer.meaning());
        assertEquals(Set.of(Words.MISSING, Words.HALF_GONE, Words.CHANGED).contains(words), answer.saysMissing());
    }
}
