"""Emergency vehicle warning (紧急车辆提醒, T/CSAE 53 application 16): one with siren or light bar on comes up to the host.

docs/applications/evw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import forward
from services.inference.parameters import parameter
from services.inference.reports import Floats
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import Switch, in_time_s
from services.inference.v2x.scene import Scene, Views

NAME = "evw"


@dataclass(frozen=True, slots=True)
class EvwParameters(Switch):
    """Defaults and their sources; docs/applications/evw.md carries this as a table."""

    warn_s: float = parameter(8.0, "s", "until the two are nearest: time to make way", high=20.0)
    hold_s: float = parameter(10.0, "s", "hysteresis", high=30.0)
    passes_m: float = parameter(30.0, "m", "how near it then comes; beyond, it is on another road", high=100.0)
    least_closing_mps: float = parameter(1.0, "m/s", "who follows it or stands beside it is not warned", high=20.0)


def assess(scene: Scene, parameters: EvwParameters) -> list[Assessment]:
    """Findings for those to whom it comes, from whichever side."""
    p, tracks, views = parameters, scene.tracks, scene.views
    views = views.where(tracks.is_responding[views.other])
    time, nearest, closing = _approach(scene, views)
    concerns = (closing >= p.least_closing_mps) & (nearest <= p.passes_m)
    none = np.zeros(len(views), np.bool_)
    level = level_of(
        imminent=none,
        warns=concerns & (time <= in_time_s(tracks, views.host, p.warn_s)),
        holds=concerns & (time <= in_time_s(tracks, views.host, p.hold_s)),
    )
    zero = np.zeros(len(views))
    return [assessment(NAME, tracks, views, level=level, ttc_s=time, required_mps2=zero, distance_m=nearest)]


def _approach(scene: Scene, views: Views) -> tuple[Floats, Floats, Floats]:
    """Seconds until both are nearest, how near that is, and how fast the distance shrinks now."""
    tracks = scene.tracks
    offset = tracks.xy[views.other, 0] - tracks.xy[views.host, 0]
    velocity = [forward(tracks.heading_deg[side, 0]) * tracks.speed_mps[side][:, None] for side in (views.other, views.host)]
    moves = velocity[0] - velocity[1]
    square = np.maximum(np.einsum("qk,qk->q", moves, moves), 1e-9)
    towards = -np.einsum("qk,qk->q", offset, moves)
    time = np.maximum(towards / square, 0.0)
    there = offset + time[:, None] * moves
    distance = np.maximum(np.hypot(offset[:, 0], offset[:, 1]), 1e-9)
    return time, np.hypot(there[:, 0], there[:, 1]), towards / distance
