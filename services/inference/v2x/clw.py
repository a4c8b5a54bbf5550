"""Control loss warning (车辆失控预警, T/CSAE 53 application 8): one ahead skids, and its own systems say so.

ABS, traction or stability control at work (VehicleEventFlags). It may come to rest across the road: lanes beside and oncoming
hosts are warned, too. docs/applications/clw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import ClwParameters
from services.inference.reports import Event
from services.inference.v2x.ahead import is_ahead, reaches_s
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import in_time_s
from services.inference.v2x.scene import Scene

NAME = "clw"
_SKIDS = Event.ABS | Event.TRACTION_CONTROL | Event.STABILITY_CONTROL


def assess(scene: Scene, parameters: ClwParameters) -> list[Assessment]:
    """Findings for those who come to it."""
    p, tracks, views = parameters, scene.tracks, scene.views
    views = views.where(
        ((tracks.events[views.other] & _SKIDS) > 0)
        & (tracks.speed_mps[views.host] >= p.least_speed_mps)
        & is_ahead(scene, views, most_aside_m=p.most_aside_m, range_m=p.range_m)
    )
    time = np.minimum(reaches_s(scene, views), views.gap_m / tracks.speed_mps[views.host])  # as if it stood: it may, soon
    level = level_of(
        imminent=time <= p.imminent_s,
        warns=time <= in_time_s(tracks, views.host, p.warn_s),
        holds=time <= in_time_s(tracks, views.host, p.hold_s),
    )
    required = tracks.speed_mps[views.host] ** 2 / (2.0 * views.gap_m)
    return [assessment(NAME, tracks, views, level=level, ttc_s=time, required_mps2=required, distance_m=views.gap_m)]
