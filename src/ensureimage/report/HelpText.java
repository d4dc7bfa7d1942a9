package ensureimage.report;

import java.util.List;

/** What the help of ensure_image says around its options. */
public final class HelpText {
    /** How it is called. */
    public static final List<String> SYNOPSIS = List.of(
            "ensure_image [OPTIONS] REF[=DIR]... [-- DOCKER BUILD OPTIONS...]",
            "       ensure_image [OPTIONS] --all [-- DOCKER BUILD OPTIONS...]");

    /** What it does. */
    public static final List<String> DESCRIPTION = List.of("",
            "Ensures that the engine holds the image REF, built from what is in its folder now: "
                    + "builds it if it is missing or stale. Safe to run many times at once: a build that loses the race for the tag succeeds "
                    + "too.",
            "");

    /** Some calls, each with what it does. */
    public static final List<String> EXAMPLES = List.of(
            "  ensure_image app-test:1                     from images/app-test/1/",
            "  ensure_image app-test=docker/test           from docker/test/",
            "  ensure_image app-test=. -f test.Dockerfile  from another Dockerfile",
            "  ensure_image --all                          everything in images/, bases first",
            "  IMAGE=$(ensure_image -q app-test)           the image ID, for docker run",
            "  ensure_image --check app-test               tells what is stale and why",
            "  ensure_image app-test -- --network host     options for docker build",
            "  source <(ensure_image --completion)         completion, for bash and zsh");

    private HelpText() {
    }
}
