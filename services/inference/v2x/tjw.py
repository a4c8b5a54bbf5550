"""Traffic jam warning (前方拥堵提醒, T/CSAE 53 application 15): the host drives towards the end of a jam.

The roadside tells of it (an event of congestion), or the site sees it in its own picture (`services.inference.city.jams`).
docs/applications/tjw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.events.kinds import Meaning
from services.inference.parameters import parameter
from services.inference.v2x.assessment import Assessment, about_things, level_of
from services.inference.v2x.reactions import Switch, in_time_s, on_level
from services.inference.v2x.roadside import Nearby, keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "tjw"


@dataclass(frozen=True, slots=True)
class TjwParameters(Switch):
    """Defaults and their sources; docs/applications/tjw.md carries this as a table."""

    range_m: float = parameter(150.0, "m", "T/CSAE 53-2017, table: communication range", high=500.0)
    warn_s: float = parameter(10.0, "s", "and in any case so long before the end of the jam, however fast the host", high=30.0)
    hold_share: float = parameter(1.2, "1", "hysteresis on range and time", low=1.0, high=3.0)
    imminent_s: float = parameter(2.5, "s", "so close nothing is confirmed first", high=10.0)
    least_speed_mps: float = parameter(5.0, "m/s", "slower, the host is in the jam or comes to it slowly", high=20.0)


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
