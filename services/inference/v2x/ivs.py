"""In-vehicle signage (车内标牌, T/CSAE 53 application 14): the host is shown each sign of the roadside once, where it holds.

docs/applications/ivs.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.rules import IvsParameters
from services.inference.events.kinds import Meaning
from services.inference.v2x.assessment import Assessment, about_things, level_of
from services.inference.v2x.roadside import keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "ivs"


def assess(scene: Scene, parameters: IvsParameters) -> list[Assessment]:
    """Findings for those whom a sign is for, from shortly before it holds until it no longer does."""
    p, hosts, holding = parameters, scene.hosts, scene.events.holding
    near = nearby(scene, Meaning.SIGN)
    if not len(near):
        return []
    shows = near.is_certain & (near.distance_m <= p.range_m) & (hosts.speed_mps[near.host] >= p.least_speed_mps)
    level = level_of(imminent=np.zeros(len(near), np.bool_), warns=shows, holds=near.distance_m <= p.range_m * p.hold_share)
    return [
        about_things(
            NAME, hosts, near.host, keys_of(holding, near.thing),
            level=level, ttc_s=near.time_s, required_mps2=np.zeros(len(near)), distance_m=near.distance_m,
            subject=told_of(holding, near.thing, limit_mps=holding.limit_mps[near.thing]),
        )
    ]  # fmt: skip
