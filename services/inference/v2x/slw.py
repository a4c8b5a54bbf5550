"""Speed limit warning (限速预警, T/CSAE 53 application 10): the host is faster than it may be here, or than it will soon may be.

The limit is that of a sign of the roadside that holds where the host is (the lowest of several), else the road's own.
docs/applications/slw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.rules import SlwParameters
from services.inference.events.kinds import Meaning
from services.inference.reports import Floats, Ints
from services.inference.v2x.assessment import Assessment, Subject, about_things, level_of
from services.inference.v2x.reactions import on_level
from services.inference.v2x.roadside import Nearby, keys_of, nearby, told_of
from services.inference.v2x.scene import Scene

NAME = "slw"
_ROAD_KEY = 1 << 61  # limits of the road itself are things of their own: one for each limit


def assess(scene: Scene, parameters: SlwParameters) -> list[Assessment]:
    """Findings for those who are too fast here, and for those who are too fast for what lies ahead."""
    signs = nearby(scene, Meaning.SIGN)
    signs = signs.where(np.isfinite(scene.events.holding.limit_mps[signs.thing]))
    return [
        *_here(scene, signs.where(signs.is_inside), parameters),
        *_ahead(scene, signs.where(~signs.is_inside), parameters),
    ]


def _here(scene: Scene, signs: Nearby, p: SlwParameters) -> list[Assessment]:
    hosts, holding = scene.hosts, scene.events.holding
    chosen = _lowest(signs, holding.limit_mps[signs.thing], len(hosts))
    sign = np.full(len(hosts), -1, np.int64)
    sign[chosen >= 0] = signs.thing[chosen[chosen >= 0]]
    is_certain = chosen < 0
    is_certain[chosen >= 0] = signs.is_certain[chosen[chosen >= 0]]
    is_signed = sign >= 0
    road = scene.roads.limit_mps(hosts.slots)
    posted = np.full(len(hosts), np.nan)
    posted[is_signed] = holding.limit_mps[sign[is_signed]]
    limit = np.where(is_signed, posted, road)
    rows = np.flatnonzero(hosts.speed_mps > limit)  # NaN compares false: no limit, nobody to warn
    if not len(rows):
        return []
    over, allowed = (hosts.speed_mps - limit)[rows], limit[rows]
    level = level_of(
        imminent=is_certain[rows] & (over >= np.maximum(p.serious_share * allowed, p.tolerance_mps)),
        warns=is_certain[rows] & (over >= p.tolerance_mps),
        holds=over >= p.hold_mps,
    )
    none, sign = np.zeros(len(rows)), sign[rows]
    keys = np.where(
        sign >= 0, holding.key[np.maximum(sign, 0)] if len(holding) else 0, _ROAD_KEY + np.round(allowed * 100).astype(np.int64)
    )
    of_sign = told_of(holding, sign, limit_mps=allowed)

    def subject(row: int) -> Subject:
        if sign[row] >= 0:
            return of_sign(row)
        kmh = round(float(allowed[row]) * 3.6)
        return Subject("speed limit", f"road/{kmh}", (np.nan, np.nan, np.nan), {"limit_mps": round(float(allowed[row]), 2)})

    return [
        about_things(
            NAME, hosts, rows, keys, level=level, ttc_s=none, required_mps2=none, distance_m=none, subject=subject,
        )
    ]  # fmt: skip


def _ahead(scene: Scene, signs: Nearby, p: SlwParameters) -> list[Assessment]:
    """Who will still be too fast where a limit begins, unless he slows down more than by rolling out."""
    hosts, holding = scene.hosts, scene.events.holding
    signs = signs.where(signs.distance_m <= p.range_m)
    if not len(signs):
        return []
    speed, limit = hosts.speed_mps[signs.host], holding.limit_mps[signs.thing]
    allowed = limit + p.tolerance_mps
    along = np.maximum(speed**2 - allowed**2, 0.0) / (2.0 * np.maximum(signs.distance_m, 0.1))
    need = on_level(hosts, signs.host, along)
    never = np.zeros(len(signs), np.bool_)
    level = level_of(imminent=never, warns=signs.is_certain & (need >= p.ahead_mps2), holds=need >= p.ahead_mps2 * p.hold_share)
    return [
        about_things(
            NAME, hosts, signs.host, keys_of(holding, signs.thing),
            level=level, ttc_s=signs.time_s, required_mps2=need, distance_m=signs.distance_m,
            subject=told_of(holding, signs.thing, limit_mps=limit),
        )
    ]  # fmt: skip


def _lowest(signs: Nearby, limit_mps: Floats, hosts: int) -> Ints:
    """The row with the lowest limit for each host, −1 for none, sure ones before others: of what is written the last stays."""
    found = np.full(hosts, -1, np.int64)
    order = np.lexsort((-limit_mps, signs.is_certain))
    found[signs.host[order]] = order
    return found
