"""What a recording must be for a verdict on it to mean anything, whatever its scenario asks."""

from __future__ import annotations

from simulators.scenario.requirements import Validity

MOST_GAP_S = 0.5  # motion is straight between two samples: over more than that it would be made up
TRUTH_HZ = 50.0  # what a run on the track is measured with
VALIDITY = (
    Validity.model_validate({"name": "nobody is out of the recording's sight", "metric": "sample_gap_s", "at_most": MOST_GAP_S}),
    Validity.model_validate({"name": "the recording's clock does not go back", "metric": "clock_steps", "at_most": 0}),
)
TRACK = (
    Validity.model_validate({"name": "the run on the track was done", "metric": "aborted", "at_most": 0}),
    Validity.model_validate(
        {"name": "the truth was logged often enough", "metric": "sample_rate_hz", "at_least": TRUTH_HZ - 0.5}
    ),
)
