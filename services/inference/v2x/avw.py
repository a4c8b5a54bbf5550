"""Abnormal vehicle warning (异常车辆提醒, T/CSAE 53 application 7): one ahead stands or creeps and says that something is wrong.

Hazard lights, a flat tyre, disabled, airbag. docs/applications/avw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import AvwParameters
from services.inference.reports import Event, Lamp
from services.inference.v2x.ahead import is_ahead, reaches_s
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import in_time_s
from services.inference.v2x.scene import Scene

NAME = "avw"
_WRONG = Event.HAZARD_LIGHTS | Event.FLAT_TYRE | Event.DISABLED | Event.AIRBAG


def assess(scene: Scene, parameters: AvwParameters) -> list[Assessment]:
    """Findings for those who come to it."""
    p, tracks, views = parameters, scene.tracks, scene.views
    is_wrong = ((tracks.events & _WRONG) > 0) | ((tracks.lights & Lamp.HAZARD) > 0)
    views = views.where(
        is_wrong[views.other]
        & (tracks.speed_mps[views.other] <= p.creeps_mps)
        & (tracks.speed_mps[views.host] >= p.least_speed_mps)
        & is_ahead(scene, views, most_aside_m=max(p.hold_aside_m, p.most_aside_m), range_m=p.range_m)
    )
    concerns = is_ahead(scene, views, most_aside_m=p.most_aside_m, range_m=p.range_m)
    time = reaches_s(scene, views)
    level = level_of(
        imminent=np.zeros(len(views), np.bool_),
        warns=concerns & (time <= in_time_s(tracks, views.host, p.warn_s)),
        holds=time <= in_time_s(tracks, views.host, p.hold_s),
    )
    zero = np.zeros(len(views))
    return [assessment(NAME, tracks, views, level=level, ttc_s=time, required_mps2=zero, distance_m=views.gap_m)]
