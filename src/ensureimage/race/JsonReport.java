//DEPS com.fasterxml.jackson.core:jackson-core:2.21.8

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** For programs. The fields are described in docs/race-report.md. */
record RaceJson(RaceResults results) {
    private static final int SCHEMA = 1;

    String text() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeNumberField("schema", SCHEMA);
            engine(json);
            run(json);
            RaceResults.Telling telling = results.telling();
            json.writeObjectFieldStart("telling");
            json.writeStringField("strategy", telling.strategy().toString());
            json.writeStringField("scenario", telling.round().scenario().toString());
            json.writeNumberField("round", telling.round().number());
            json.writeEndObject();
            json.writeArrayFieldStart("cells");
            for (race_repro.Strategy strategy : results.plan().strategies()) {
                for (RaceResults.Cell cell : results.cells(strategy)) {
                    cell(json, cell);
                }
            }
            json.writeEndArray();
            json.writeArrayFieldStart("claims");
            for (RaceClaims.Claim claim : new RaceClaims(results).all()) {
                json.writeStartObject();
                json.writeStringField("id", claim.id());
                json.writeStringField("claim", claim.sentence());
                json.writeStringField("verdict", claim.verdict());
                json.writeStringField("figure", claim.figure());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("rounds");
            for (RaceResults.Round round : results.rounds()) {
                round(json, round);
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
        return text.append("\n").toString();
    }

    private void engine(JsonGenerator json) throws IOException {
        EngineFacts engine = results.engine();
        json.writeObjectFieldStart("engine");
        json.writeStringField("version", engine.version());
        json.writeStringField("store", engine.containerdStore() ? "containerd" : "classic");
        json.writeStringField("builder", engine.builder());
        json.writeBooleanField("canRace", engine.canRace());
        json.writeStringField("why", engine.why());
        json.writeEndObject();
    }

    private void run(JsonGenerator json) throws IOException {
        race_repro.Plan plan = results.plan();
        json.writeObjectFieldStart("run");
        json.writeStringField("version", ensure_image.VERSION);
        json.writeNumberField("builders", plan.builders());
        json.writeNumberField("rounds", results.roundsPlayed());
        json.writeStringField("as", plan.processes() ? "processes" : "threads");
        json.writeNumberField("stepSeconds", plan.stepSeconds());
        json.writeStringField("base", plan.base());
        json.writeNumberField("seed", plan.seed());
        seconds(json, "loneSeconds", results.lone());
        json.writeEndObject();
    }

    private static void cell(JsonGenerator json, RaceResults.Cell cell) throws IOException {
        json.writeStartObject();
        json.writeStringField("strategy", cell.strategy().toString());
        json.writeStringField("scenario", cell.scenario().toString());
        json.writeNumberField("rounds", cell.rounds().size());
        json.writeNumberField("answers", cell.runs().size());
        json.writeNumberField("lostRaces", cell.lost().count());
        json.writeNumberField("served", cell.served().count());
        json.writeNumberField("falseFailures", cell.count(RaceResults.Falsehood.FAILURE).count());
        json.writeNumberField("falseSuccesses", cell.falseSuccesses().count());
        json.writeNumberField("missing", cell.count(RaceResults.Falsehood.MISSING).count());
        json.writeNumberField("wrong", cell.count(RaceResults.Falsehood.WRONG).count());
        json.writeNumberField("stale", cell.count(RaceResults.Falsehood.STALE).count());
        json.writeNumberField("stepRuns", sum(cell, RaceResults.Round::stepRuns));
        json.writeNumberField("exports", sum(cell, round -> (long) round.exports()));
        json.writeNumberField("tagsLeft", sum(cell, round -> (long) round.left().tags()));
        json.writeNumberField("untaggedLeft", sum(cell, round -> (long) round.left().untagged()));
        seconds(json, "wallTimes", cell.wall());
        json.writeEndObject();
    }

    private static long sum(RaceResults.Cell cell, Function<RaceResults.Round, Long> count) {
        return cell.rounds().stream().mapToLong(count::apply).sum();
    }

    private void round(JsonGenerator json, RaceResults.Round round) throws IOException {
        json.writeStartObject();
        json.writeStringField("scenario", round.scenario().toString());
        List<race_repro.Strategy> readings = results.plan().strategies().stream()
                .filter(strategy -> strategy.procedure == round.procedure()).toList();
        json.writeArrayFieldStart("strategies");
        for (race_repro.Strategy strategy : readings) {
            json.writeString(strategy.toString());
        }
        json.writeEndArray();
        json.writeNumberField("round", round.number());
        seconds(json, "wallSeconds", round.wall());
        json.writeArrayFieldStart("before");
        for (RaceTrack track : round.before()) {
            json.writeStartObject();
            marks(json, track);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("builders");
        for (RaceResults.Run run : round.runs()) {
            builder(json, run, readings);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void builder(JsonGenerator json, RaceResults.Run run, List<race_repro.Strategy> readings)
            throws IOException {
        json.writeStartObject();
        json.writeObjectFieldStart("told");
        for (race_repro.Strategy strategy : readings) {
            json.writeStringField(strategy.toString(), strategy.tells(run.ended()) ? "there" : "failed");
        }
        json.writeEndObject();
        json.writeStringField("holds", run.held().name().toLowerCase(Locale.ROOT));
        json.writeStringField("handle", run.ended().handle());
        json.writeStringField("exported", run.track().id().orElse(null));
        if (run.track().race().isPresent()) {
            RaceTrack.Race race = run.track().race().get();
            json.writeObjectFieldStart("race");
            seconds(json, "at", race.at());
            json.writeBooleanField("naming", race.naming());
            json.writeStringField("line", race.line());
            json.writeEndObject();
        } else {
            json.writeNullField("race");
        }
        marks(json, run.track());
        json.writeEndObject();
    }

    private static void marks(JsonGenerator json, RaceTrack track) throws IOException {
        json.writeArrayFieldStart("marks");
        for (RaceTrack.Mark mark : track.marks()) {
            json.writeStartObject();
            json.writeStringField("phase", mark.phase().toString());
            seconds(json, "at", mark.at());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void seconds(JsonGenerator json, String name, double value) throws IOException {
        json.writeNumberField(name, BigDecimal.valueOf(value).setScale(3, RoundingMode.HALF_UP));
    }
}
