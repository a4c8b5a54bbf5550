"""Control loss warning (车辆失控预警, T/CSAE 53 application 8): one ahead skids, and its own systems say so.

ABS, traction or stability control at work (VehicleEventFlags). It may come to rest across the road: lanes beside and oncoming
hosts are warned, too. docs/applications/clw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.parameters import parameter
from services.inference.reports import Event
from services.inference.v2x.ahead import is_ahead, reaches_s
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import Switch, in_time_s
from services.inference.v2x.scene import Scene

NAME = "clw"
_SKIDS = Event.ABS | Event.TRACTION_CONTROL | Event.STABILITY_CONTROL


@dataclass(frozen=True, slots=True)
class ClwParameters(Switch):
    """Defaults and their sources; docs/applications/clw.md carries this as a table."""

    range_m: float = parameter(300.0, "m", "T/CSAE 53-2017, table: communication range", high=300.0)
    warn_s: float = parameter(4.0, "s", "until the host is where it is now; 3GPP TS 22.185: ample response time 4 s", high=10.0)
    hold_s: float = parameter(6.0, "s", "hysteresis", high=15.0)
    imminent_s: float = parameter(
        2.5, "s", "nothing is confirmed first: who skids may stand across the road in a second", high=10.0
    )
    most_aside_m: float = parameter(8.0, "m", "its lane and two beside: it may leave its own", high=20.0)
    least_speed_mps: float = parameter(3.0, "m/s", "manoeuvring is left to the driver", high=20.0)


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
