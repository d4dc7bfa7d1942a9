// SPDX-License-Identifier: Apache-2.0
package ensureimage.report;

import ensureimage.Checked;
import ensureimage.Ensured;
import ensureimage.Outcome;
import ensureimage.Status;
import java.util.Optional;

/** The images that the user named, for {@code docker run}: only those that hold what was asked for. */
record IdResults() implements Results {

    @Override
    public Optional<String> ended(ImageCourse course, Outcome outcome) {
        return course.member.asked() ? id(outcome) : Optional.empty();
    }

    @Override
    public Optional<String> failed(ImageCourse course, ExitCode code, Message message, boolean several) {
        return Optional.empty();
    }

    /** Empty for an image that is missing or stale: its ID is no result. */
    static Optional<String> id(Outcome outcome) {
        if (outcome instanceof Ensured ensured) {
            return Optional.of(ensured.id());
        }
        return outcome instanceof Checked checked && checked.status() instanceof Status.Current current
                ? Optional.of(current.id())
                : Optional.empty();
    }
}
