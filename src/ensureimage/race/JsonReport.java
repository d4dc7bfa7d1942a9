// SPDX-License-Identifier: Apache-2.0
package ensureimage.race;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import ensureimage.Version;
import ensureimage.engine.EngineFacts;
import ensureimage.report.Wording;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** For programs. The fields are described in docs/race-report.md. */
record JsonReport(Results results) {
    static final int SCHEMA = 2;

    String text() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            json.writeStartObject();
            json.writeNumberField("schema", SCHEMA);
            writeEngine(json);
            writeRun(json);
            writeExample(json);
            json.writeArrayFieldStart("cells");
            for (Strategy strategy : results.plan().strategies()) {
                for (Cell cell : results.cells(strategy)) {
                    writeCell(json, cell);
                }
            }
            json.writeEndArray();
            json.writeArrayFieldStart("claims");
            for (Claims.Claim claim : new Claims(results).all()) {
                writeClaim(json, claim);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("rounds");
            for (Round round : results.rounds()) {
                writeRound(json, round);
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter throws none
        }
        return text.append("\n").toString();
    }

    private void writeEngine(JsonGenerator json) throws IOException {
        EngineFacts engine = results.engine();
        json.writeObjectFieldStart("engine");
        json.writeStringField("version", engine.version());
        json.writeStringField("store", Words.store(engine));
        json.writeStringField("builder", Wording.builder(engine));
        json.writeBooleanField("canRace", Words.canRace(engine));
        json.writeStringField("why", Wording.tagRace(engine));
        json.writeEndObject();
    }

    private void writeRun(JsonGenerator json) throws IOException {
        Plan plan = results.plan();
        json.writeObjectFieldStart("run");
        json.writeStringField("version", Version.TEXT);
        json.writeNumberField("builders", plan.builders());
        json.writeNumberField("rounds", results.roundsPlayed());
        json.writeStringField("as", plan.jvm().isPresent() ? "processes" : "threads");
        json.writeNumberField("stepSeconds", plan.stepSeconds());
        json.writeStringField("base", plan.base());
        json.writeNumberField("seed", plan.seed());
        writeSeconds(json, "loneSeconds", results.lone());
        json.writeEndObject();
    }

    private void writeExample(JsonGenerator json) throws IOException {
        Reading example = results.example();
        json.writeObjectFieldStart("telling");
        json.writeStringField("strategy", example.strategy().toString());
        json.writeStringField("scenario", example.round().scenario().toString());
        json.writeNumberField("round", example.round().number());
        json.writeEndObject();
    }

    private static void writeClaim(JsonGenerator json, Claims.Claim claim) throws IOException {
        json.writeStartObject();
        json.writeStringField("id", claim.id());
        json.writeStringField("claim", claim.sentence());
        json.writeStringField("verdict", claim.verdict());
        json.writeStringField("figure", claim.figure());
        json.writeEndObject();
    }

    private static void writeCell(JsonGenerator json, Cell cell) throws IOException {
        json.writeStartObject();
        json.writeStringField("strategy", cell.strategy().toString());
        json.writeStringField("scenario", cell.scenario().toString());
        json.writeNumberField("rounds", cell.rounds().size());
        json.writeNumberField("answers", cell.runs().size());
        json.writeNumberField("lostRaces", cell.lost().count());
        json.writeNumberField("served", cell.served().count());
        json.writeNumberField("falseFailures", cell.count(Falsehood.FAILURE).count());
        json.writeNumberField("falseSuccesses", cell.falseSuccesses().count());
        json.writeNumberField("missing", cell.count(Falsehood.MISSING).count());
        json.writeNumberField("wrong", cell.count(Falsehood.WRONG).count());
        json.writeNumberField("stale", cell.count(Falsehood.STALE).count());
        json.writeNumberField("stepRuns", sum(cell, Round::stepRuns));
        json.writeNumberField("exports", sum(cell, round -> (long) round.exports()));
        json.writeNumberField("tagsLeft", sum(cell, round -> (long) round.left().tags()));
        json.writeNumberField("untaggedLeft", sum(cell, round -> (long) round.left().untagged()));
        writeSeconds(json, "wallTimes", cell.wall());
        json.writeEndObject();
    }

    private static long sum(Cell cell, Function<Round, Long> count) {
        return cell.rounds().stream().mapToLong(count::apply).sum();
    }

    private void writeRound(JsonGenerator json, Round round) throws IOException {
        json.writeStartObject();
        json.writeStringField("scenario", round.scenario().toString());
        List<Strategy> readings = results.plan().readings(round.procedure());
        json.writeArrayFieldStart("strategies");
        for (Strategy strategy : readings) {
            json.writeString(strategy.toString());
        }
        json.writeEndArray();
        json.writeNumberField("round", round.number());
        writeSeconds(json, "wallSeconds", round.wall());
        json.writeArrayFieldStart("before");
        for (Track track : round.before()) {
            json.writeStartObject();
            writeMarks(json, track);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("builders");
        for (Run run : round.runs()) {
            writeBuilder(json, run, readings);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeBuilder(JsonGenerator json, Run run, List<Strategy> readings)
            throws IOException {
        json.writeStartObject();
        json.writeObjectFieldStart("told");
        for (Strategy strategy : readings) {
            json.writeStringField(strategy.toString(), strategy.reportsSuccess(run.ending()) ? "there" : "failed");
        }
        json.writeEndObject();
        json.writeStringField("holds", run.truth().name().toLowerCase(Locale.ROOT));
        json.writeStringField("handle", run.ending().handle());
        json.writeStringField("exported", run.track().id().orElse(null));
        if (run.track().race().isPresent()) {
            Track.Race race = run.track().race().get();
            json.writeObjectFieldStart("race");
            writeSeconds(json, "at", race.at());
            json.writeBooleanField("naming", race.naming());
            json.writeStringField("line", race.line());
            json.writeEndObject();
        } else {
            json.writeNullField("race");
        }
        writeMarks(json, run.track());
        json.writeEndObject();
    }

    private static void writeMarks(JsonGenerator json, Track track) throws IOException {
        json.writeArrayFieldStart("marks");
        for (Track.Mark mark : track.marks()) {
            json.writeStartObject();
            json.writeStringField("phase", mark.phase().toString());
            writeSeconds(json, "at", mark.at());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void writeSeconds(JsonGenerator json, String name, double value) throws IOException {
        json.writeNumberField(name, BigDecimal.valueOf(value).setScale(3, RoundingMode.HALF_UP));
    }
}
