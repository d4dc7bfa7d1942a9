// SPDX-License-Identifier: Apache-2.0
//SOURCES BaseImages.java
//SOURCES BaseReplaced.java
//SOURCES Builds.java
//SOURCES Cache.java
//SOURCES Checked.java
//SOURCES Claims.java
//SOURCES Details.java
//SOURCES Ensured.java
//SOURCES Expectation.java
//SOURCES Found.java
//SOURCES Freshness.java
//SOURCES Labels.java
//SOURCES Limits.java
//SOURCES Listener.java
//SOURCES Loop.java
//SOURCES MadeImage.java
//SOURCES ManyImages.java
//SOURCES Memory.java
//SOURCES NotEnsured.java
//SOURCES Notice.java
//SOURCES OneImage.java
//SOURCES OtherNames.java
//SOURCES Outcome.java
//SOURCES Plan.java
//SOURCES Planner.java
//SOURCES Policy.java
//SOURCES Rehearsal.java
//SOURCES Shared.java
//SOURCES SharedCourse.java
//SOURCES SharedImage.java
//SOURCES SharedInputs.java
//SOURCES SharedOffer.java
//SOURCES SharedRepository.java
//SOURCES Sharing.java
//SOURCES Seat.java
//SOURCES Signatures.java
//SOURCES SigningKeys.java
//SOURCES SingleFlight.java
//SOURCES Status.java
//SOURCES Tools.java
//SOURCES Version.java
//SOURCES Wave.java
//SOURCES Waves.java
//SOURCES Workplace.java
//SOURCES package-info.java
//SOURCES engine/Docker.java

package ensureimage;

import ensureimage.engine.BakeTargets;
import ensureimage.engine.BuildFiles;
import ensureimage.engine.Docker;
import ensureimage.engine.Processes;
import ensureimage.engine.EngineFacts;
import ensureimage.engine.EngineException;
import ensureimage.engine.Deadline;
import ensureimage.recipe.BuildOptions;
import ensureimage.recipe.BuilderKind;
import ensureimage.recipe.DefinedCollection;
import ensureimage.recipe.ImageCollection;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Ensures that a Docker engine holds images that were built from what their inputs are now: looks them up, builds what is
 * missing or stale, and takes a lost race for a success once the engine confirms it.
 *
 * <p>The rule it keeps: a message of {@code docker} only opens a question. The answer is always looked up in the engine,
 * by the fingerprint of the inputs that every image carries as a label. So there is no success without the right image,
 * and no failure because another process was faster.
 *
 * <p>Immutable; safe from many threads and processes. What it starts has ended when a method returns or throws; the end
 * of the JVM ends it too.
 */
public final class EnsureImage {
    private static final Duration MOMENT = Duration.ofSeconds(5);
    private final String command;
    private final Map<String, String> environment;
    private final Limits limits;
    private final Policy policy;
    private final Listener listener;
    private final Optional<Duration> longestWait;
    private final Optional<Sharing> sharing;

    private EnsureImage(String command, Map<String, String> environment, Limits limits, Policy policy,
            Listener listener, Optional<Duration> longestWait, Optional<Sharing> sharing) {
        this.command = command;
        this.environment = environment;
        this.limits = limits;
        this.policy = policy;
        this.listener = listener;
        this.longestWait = longestWait;
        this.sharing = sharing;
    }

    /** {@return one that uses the {@code docker} on PATH, with the environment of this process} */
    public static EnsureImage usingDocker() {
        return using("docker", System.getenv());
    }

    /**
     * {@return one that uses another client, or another environment}
     *
     * @param docker a name on PATH, or a path; podman will do
     * @param environment variables of the client, added to those of this process or in their place; they say which engine,
     *        and where the user's cache folder is
     */
    public static EnsureImage using(String docker, Map<String, String> environment) {
        Map<String, String> whole = new HashMap<>(Processes.inherited());
        whole.putAll(environment);
        return new EnsureImage(docker, Map.copyOf(whole), Limits.ordinary(), Policy.IF_STALE, Listener.NONE,
                Optional.empty(), Optional.empty());
    }

    /**
     * {@return the same within these limits}
     *
     * @param other in place of {@link Limits#ordinary()}
     */
    public EnsureImage with(Limits other) {
        return new EnsureImage(command, environment, other, policy, listener, longestWait, sharing);
    }

    /**
     * {@return the same by this policy}
     *
     * @param other in place of {@link Policy#IF_STALE}
     */
    public EnsureImage with(Policy other) {
        return new EnsureImage(command, environment, limits, other, listener, longestWait, sharing);
    }

    /**
     * {@return the same, and this listener hears what happens}
     *
     * @param other the one listener
     */
    public EnsureImage with(Listener other) {
        return new EnsureImage(command, environment, limits, policy, other, longestWait, sharing);
    }

    /**
     * {@return the same, but processes and threads of this machine that want the same image from the same inputs wait for
     * one builder} It saves work and changes no outcome.
     *
     * @param longest how long to wait before building all the same
     */
    public EnsureImage withSingleFlight(Duration longest) {
        return new EnsureImage(command, environment, limits, policy, listener, Optional.of(longest), sharing);
    }

    /**
     * {@return the same, but what is missing or stale is looked for in a registry before it is built, and offered to
     * others there after that} It saves work and changes no outcome: a registry that is no help costs a notice, never a
     * failure.
     *
     * @param through the repository, and how far it is used
     */
    public EnsureImage withSharing(Sharing through) {
        return new EnsureImage(command, environment, limits, policy, listener, longestWait, Optional.of(through));
    }

    /**
     * Ensures one image.
     *
     * @param recipe its reference, and what it is built from
     * @return the image, which the engine held, current, at some moment since the call
     * @throws NotEnsured if it could not be ensured, and why
     * @throws InterruptedException if this thread is interrupted, or docker was told to stop; nothing is left building
     */
    public Ensured ensure(Recipe recipe) throws NotEnsured, InterruptedException {
        try {
            return oneImage(recipe).ensure();
        } catch (BaseReplaced replaced) {
            throw replaced.unlessRetried();
        }
    }

    /**
     * Looks one image up and builds nothing.
     *
     * @param recipe its reference, and what it would be built from
     * @return whether it is current
     * @throws NotEnsured if that cannot be told, and why
     * @throws InterruptedException as for {@link #ensure}
     */
    public Status check(Recipe recipe) throws NotEnsured, InterruptedException {
        return oneImage(recipe).check(true).status();
    }

    /**
     * Ensures several images, each after those that it is built on. If one fails, only what is built on it is not tried;
     * without an engine, nothing is.
     *
     * @param members bases before what is built on them, as {@link ImageCollection} returns them
     * @return what became of each, in that order: {@link Ensured} or {@link NotEnsured}
     * @throws InterruptedException as for {@link #ensure}
     */
    public Map<Reference, Outcome> ensureAll(List<ImageCollection.Member> members) throws InterruptedException {
        return new ManyImages(tools(members.size()), ManyImages.Work.ENSURE, members, listener).run();
    }

    /**
     * Looks several images up and builds nothing. An image that is built on a stale one is stale, too.
     *
     * @param members as for {@link #ensureAll}
     * @return what was found of each, in that order: {@link Checked} or {@link NotEnsured}
     * @throws InterruptedException as for {@link #ensure}
     */
    public Map<Reference, Outcome> checkAll(List<ImageCollection.Member> members) throws InterruptedException {
        return new ManyImages(tools(members.size()), ManyImages.Work.CHECK, members, listener).run();
    }

    /**
     * Compares several images' inputs with those of what was shared last under the same names, and builds nothing: a
     * {@link Status.Missing} one was never shared, a {@link Status.Stale} one was shared from other inputs.
     *
     * @param members as for {@link #ensureAll}
     * @return what was found of each, in that order: {@link Checked} or {@link NotEnsured}
     * @throws IllegalStateException without {@link #withSharing}
     * @throws InterruptedException as for {@link #ensure}
     */
    public Map<Reference, Outcome> compareShared(List<ImageCollection.Member> members) throws InterruptedException {
        if (sharing.isEmpty()) {
            throw new IllegalStateException("nothing is shared");
        }
        return new ManyImages(tools(members.size()), ManyImages.Work.COMPARE, members, listener).run();
    }

    /**
     * The same as {@link #checkAll}, but docker build is not asked where only it can tell: such an image is
     * {@link Status.Uncertain}.
     *
     * @param members as for {@link #ensureAll}
     * @return as for {@link #checkAll}
     * @throws InterruptedException as for {@link #ensure}
     */
    public Map<Reference, Outcome> lookAtAll(List<ImageCollection.Member> members) throws InterruptedException {
        return new ManyImages(tools(members.size()), ManyImages.Work.LOOK, members, listener).run();
    }

    /**
     * {@return the kind of builder that {@code docker build} is expected to use; a build tells for sure}
     *
     * @param options of the build
     */
    public BuilderKind expectedBuilder(BuildOptions options) {
        Cache cache = Cache.open(environment);
        Docker docker = docker(cache);
        return new Memory(cache).builder(docker.identity(), docker.clientFacts(options.passThrough()).builder());
    }

    /**
     * What a bake file or a compose file defines, as docker's own tools read it.
     *
     * @param files which ones, and what of them
     * @param only images that are asked for by name; if there are none, all that the files' tool builds
     * @param options that go before those of the file
     * @return the images, each with what it is built from
     * @throws RecipeException if docker lacks the tool, does not take the file, or an image cannot be ensured
     * @throws EngineException if docker, or the engine that the file's platforms are compared with, does not answer
     * @throws InterruptedException as for {@link #ensure}
     */
    public DefinedCollection definitions(BuildFiles files, List<Reference> only, BuildOptions options)
            throws RecipeException, EngineException, InterruptedException {
        return BakeTargets.read(files, only, docker(Cache.open(environment)), options, expectedBuilder(options),
                new Deadline(limits.perImage()));
    }

    /**
     * {@return what the engine is}
     *
     * @param limit for all questions together
     * @throws EngineException if none answers
     * @throws InterruptedException as for {@link #ensure}
     */
    public EngineFacts engineFacts(Duration limit) throws EngineException, InterruptedException {
        return EngineFacts.ask(docker(Cache.open(environment)), new Deadline(limit));
    }

    private OneImage oneImage(Recipe recipe) {
        Tools tools = tools(1);
        return new OneImage(tools, Builds.apart(tools.docker()), recipe, listener);
    }

    /** @param images how many there are in this run; what several wait for, they build together */
    private Tools tools(int images) {
        Cache cache = Cache.open(environment);
        Docker docker = docker(cache);
        Optional<SingleFlight> flights = longestWait.map(wait -> new SingleFlight(cache.folder("flights"), wait));
        Freshness freshness = new Freshness(docker, cache);
        return new Tools(docker, freshness, new Planner(docker, freshness), policy, limits, flights,
                images > 1 ? Optional.empty() : Optional.of(new SingleFlight(cache.folder("flights"), MOMENT)),
                sharing.map(each -> new SharedRepository(docker, each)));
    }

    private Docker docker(Cache cache) {
        return new Docker(command, environment, cache::scratch);
    }
}
