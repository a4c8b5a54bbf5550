"""What a recording must be for a verdict on it to mean anything, whatever its scenario asks."""

from __future__ import annotations

from simulators.scenario.requirements import Validity

MOST_GAP_S = 0.5  # motion is straight between two samples: over more than that it would be made up
VALIDITY = (
    Validity.model_validate({"name": "nobody is out of the recording's sight", "metric": "sample_gap_s", "at_most": MOST_GAP_S}),
    Validity.model_validate({"name": "the recording's clock does not go back", "metric": "clock_steps", "at_most": 0}),
)
