package ensureimage;

import ensureimage.engine.Docker;
import java.util.Optional;

/** What the work on one image needs; the same for all images of a run. */
record Tools(Docker docker, Freshness freshness, Planner planner, Policy policy, Limits limits,
        Optional<SingleFlight> flights, Optional<SharedRepository> repository) {
}
