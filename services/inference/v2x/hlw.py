"""Hazardous location warning (道路危险状况提示, T/CSAE 53 application 9): the host drives into a danger on the road.

The roadside tells of it: accidents, objects, people, water, ice, works, fog, as events of RSI messages and of roadside computers.
docs/applications/hlw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.events.kinds import Meaning
from services.inference.parameters import parameter
from services.inference.v2x.assessment import Assessment, about_things, level_of
from services.inference.v2x.reactions import Switch, in_time_s, on_level
from services.inference.v2x.roadside import keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "hlw"


@dataclass(frozen=True, slots=True)
class HlwParameters(Switch):
    """Defaults and their sources; docs/applications/hlw.md carries this as a table."""

    range_m: float = parameter(300.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    warn_s: float = parameter(8.0, "s", "until the host is there: time to slow down gently, 2 m/s² from 16 m/s", high=20.0)
    hold_share: float = parameter(1.2, "1", "hysteresis: a warning stays up to so much of range and time", low=1.0, high=3.0)
    imminent_s: float = parameter(2.5, "s", "so close nothing is confirmed first", high=10.0)
    least_speed_mps: float = parameter(2.0, "m/s", "who creeps sees it", high=20.0)


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
