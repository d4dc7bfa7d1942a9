// SPDX-License-Identifier: Apache-2.0
package ensureimage;

import ensureimage.engine.Deadline;
import ensureimage.engine.Docker;
import ensureimage.engine.EngineException;
import ensureimage.engine.HeldImage;
import ensureimage.engine.RegistryTransfers;
import ensureimage.recipe.Manifest;
import ensureimage.recipe.Recipe;
import ensureimage.recipe.RecipeException;
import ensureimage.recipe.Reference;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * The list of inputs of what was shared last, kept in the registry beside it, to say why another machine's are not the same. It
 * is in the labels of an image without files, which every registry takes.
 */
final class SharedInputs {
    private static final String PART = Docker.LABELS + "part.";
    private static final int PART_LENGTH = 50_000; // Linux allows a word of a command line 128 kB
    private static final int MOST_PARTS = 3; // some thousand files
    private static final int MOST_BYTES = 16 << 20; // unpacked

    private final SharedRepository repository;
    private final Tools tools;
    private final Recipe recipe;
    private final Listener listener;

    SharedInputs(SharedRepository repository, Tools tools, Recipe recipe, Listener listener) {
        this.repository = repository;
        this.tools = tools;
        this.recipe = recipe;
        this.listener = listener;
    }

    /** As labels; empty if they are too many. */
    static Optional<Map<String, String>> pack(Plan built) {
        StringBuilder text = new StringBuilder();
        new TreeMap<>(built.labels().values()).forEach((name, value) -> text.append(name).append('=').append(value)
                .append('\n'));
        text.append('\n').append(built.fingerprint().manifest().text());
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream zipped = new GZIPOutputStream(bytes)) {
            zipped.write(text.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            return Optional.empty();
        }
        String word = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.toByteArray());
        Map<String, String> parts = new HashMap<>();
        for (int from = 0; from < word.length(); from += PART_LENGTH) {
            parts.put(PART + parts.size(), word.substring(from, Math.min(word.length(), from + PART_LENGTH)));
        }
        return Optional.of(parts).filter(all -> all.size() <= MOST_PARTS);
    }

    /** The same from labels; empty for anything that {@link #pack} did not write. */
    private static Optional<String> unpack(Map<String, String> labels) {
        StringBuilder word = new StringBuilder();
        for (int i = 0; labels.containsKey(PART + i); i++) {
            word.append(labels.get(PART + i));
        }
        try (GZIPInputStream text = new GZIPInputStream(
                new ByteArrayInputStream(Base64.getUrlDecoder().decode(word.toString())))) {
            return Optional.of(new String(text.readNBytes(MOST_BYTES), StandardCharsets.UTF_8));
        } catch (IOException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** How the inputs here differ from those of what was shared last. Nothing is built. */
    Checked compare() throws NotEnsured, InterruptedException {
        Deadline deadline = new Deadline(tools.limits().perImage());
        try {
            listener.step(recipe, Listener.Step.PULLING);
            Found found = tools.freshness().find(recipe, Policy.IF_STALE, deadline);
            Reference tag = repository.inputs(recipe, tools.freshness().wantedPlatform(recipe, deadline));
            Optional<HeldImage> shared = fetch(tag, deadline);
            Found compared = shared.isEmpty() ? found : tools.freshness().compare(found, shared.get(), deadline);
            Status status = shared.isEmpty() ? new Status.Missing()
                    : compared.isStale() ? new Status.Stale("", compared.why())
                    : new Status.Current("");
            return new Checked(recipe, status, tools.planner().plan(found, false, deadline).labels().fingerprint(),
                    deadline.elapsed(), Optional.empty());
        } catch (EngineException e) {
            throw NotEnsured.by(e, recipe, deadline);
        } catch (RecipeException e) {
            throw new NotEnsured.UnusableRecipe(recipe, e);
        }
    }

    /** An image with the labels of the one that was shared; what it was made of is known here from now on. */
    private Optional<HeldImage> fetch(Reference tag, Deadline deadline) throws EngineException, InterruptedException {
        RegistryTransfers.End end = repository.transfers().pull(tag, deadline, (bytes, whole) -> {});
        if (!(end instanceof RegistryTransfers.Done)) {
            if (!(end instanceof RegistryTransfers.NotThere)) {
                listener.notice(recipe, new Notice.NotAvailable(Shared.failed(tag, end)));
            }
            return Optional.empty();
        }
        HeldImage held = tools.docker().lookUp(List.of(tag.toString()), deadline).get(tag.toString());
        tools.docker().untag(List.of(tag.toString()), deadline);
        Optional<String> text = Optional.ofNullable(held).flatMap(image -> unpack(image.labels()));
        if (text.isEmpty()) {
            return Optional.empty();
        }
        String[] halves = text.get().split("\n\n", 2);
        SortedMap<String, String> labels = new TreeMap<>();
        halves[0].lines().map(line -> line.split("=", 2)).filter(pair -> pair.length == 2)
                .forEach(pair -> labels.put(pair[0], pair[1]));
        HeldImage like = new HeldImage(held.id(), held.names(), false, labels, "", List.of(), 0);
        Manifest.parse(halves[halves.length - 1])
                .ifPresent(manifest -> tools.freshness().memory().keep(like.fingerprint(), manifest));
        return Optional.of(like);
    }
}
