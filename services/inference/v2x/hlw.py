"""Hazardous location warning (道路危险状况提示, T/CSAE 53 application 9): the host drives into a danger on the road.

The roadside tells of it: accidents, objects, people, water, ice, works, fog, as events of RSI messages and of roadside computers.
docs/applications/hlw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.rules import HlwParameters
from services.inference.events.kinds import Meaning
from services.inference.v2x.assessment import Assessment, about_things, level_of
from services.inference.v2x.reactions import in_time_s, on_level
from services.inference.v2x.roadside import keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "hlw"


def assess(scene: Scene, parameters: HlwParameters) -> list[Assessment]:
    """Findings for those who drive into an event, until they have left it."""
    p, hosts, holding = parameters, scene.hosts, scene.events.holding
    near = nearby(scene, Meaning.HAZARD, Meaning.WEATHER)
    near = near.where(hosts.speed_mps[near.host] >= p.least_speed_mps)
    if not len(near):
        return []
    warn_s = in_time_s(hosts, near.host, p.warn_s)
    warns = near.is_certain & (near.distance_m <= p.range_m) & (near.time_s <= warn_s)
    holds = (near.distance_m <= p.range_m * p.hold_share) & (near.time_s <= warn_s * p.hold_share)
    level = level_of(imminent=warns & (near.time_s <= p.imminent_s), warns=warns, holds=holds)
    way = np.maximum(near.distance_m, 0.1)
    required = np.where(near.is_inside, 0.0, on_level(hosts, near.host, hosts.speed_mps[near.host] ** 2 / (2.0 * way)))
    return [
        about_things(
            NAME, hosts, near.host, keys_of(holding, near.thing),
            level=level, ttc_s=near.time_s, required_mps2=required, distance_m=near.distance_m,
            subject=told_of(holding, near.thing),
        )
    ]  # fmt: skip
