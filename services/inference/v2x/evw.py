"""Emergency vehicle warning (紧急车辆提醒, T/CSAE 53 application 16): one with siren or light bar on comes up to the host.

docs/applications/evw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import EvwParameters
from services.inference.v2x.assessment import Assessment, between, level_of
from services.inference.v2x.scene import Scene

NAME = "evw"


def assess(scene: Scene, parameters: EvwParameters) -> list[Assessment]:
    """Findings for those to whom it comes, from whichever side."""
    p, found = parameters, scene.coming
    # Heights that were carried far are off for seconds: only what the host's own messages confirm raises a warning.
    concerns = found.is_heard & found.is_level & (found.closing_mps >= p.least_closing_mps) & (found.nearest_m <= p.passes_m)
    level = level_of(
        imminent=np.zeros(len(found), np.bool_),
        warns=concerns & (found.time_s <= p.warn_s + found.haste_s),
        holds=(found.closing_mps > 0) & (found.nearest_m <= p.hold_passes_m) & (found.time_s <= p.hold_s + found.haste_s),
    )
    zero = np.zeros(len(found))
    return [
        between(NAME, found.host, found.other, level=level, ttc_s=found.time_s, required_mps2=zero, distance_m=found.nearest_m)
    ]
