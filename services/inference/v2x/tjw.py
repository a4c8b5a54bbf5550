"""Traffic jam warning (前方拥堵提醒, T/CSAE 53 application 15): the host drives towards the end of a jam.

The roadside tells of it (an event of congestion), or the site sees it in its own picture (`services.inference.city.jams`).
docs/applications/tjw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.rules import TjwParameters
from services.inference.events.kinds import Meaning
from services.inference.v2x.assessment import Assessment, about_things, level_of
from services.inference.v2x.reactions import in_time_s, on_level
from services.inference.v2x.roadside import Nearby, keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "tjw"


def assess(scene: Scene, parameters: TjwParameters) -> list[Assessment]:
    """Findings for those who come to a jam, each of the nearest; who is in one is not told of it, nor of the next."""
    p, hosts, holding = parameters, scene.hosts, scene.events.holding
    near = nearby(scene, Meaning.CONGESTION)
    if not len(near):
        return []
    near = _nearest(near, len(hosts))
    near = near.where(~near.is_inside & (hosts.speed_mps[near.host] >= p.least_speed_mps))
    warn_s = in_time_s(hosts, near.host, p.warn_s)
    warns = near.is_certain & ((near.distance_m <= p.range_m) | (near.time_s <= warn_s))
    holds = (near.distance_m <= p.range_m * p.hold_share) | (near.time_s <= warn_s * p.hold_share)
    level = level_of(imminent=warns & (near.time_s <= p.imminent_s), warns=warns, holds=holds)
    required = on_level(hosts, near.host, hosts.speed_mps[near.host] ** 2 / (2.0 * np.maximum(near.distance_m, 0.1)))
    return [
        about_things(
            NAME, hosts, near.host, keys_of(holding, near.thing),
            level=level, ttc_s=near.time_s, required_mps2=required, distance_m=near.distance_m,
            subject=told_of(holding, near.thing),
        )
    ]  # fmt: skip


def _nearest(near: Nearby, hosts: int) -> Nearby:
    """One row for each host: written far to near, the nearest stays."""
    row = np.full(hosts, -1, np.int64)
    order = np.argsort(-near.distance_m, kind="stable")
    row[near.host[order]] = order
    chosen = np.zeros(len(near), np.bool_)
    chosen[row[row >= 0]] = True
    return near.where(chosen)
