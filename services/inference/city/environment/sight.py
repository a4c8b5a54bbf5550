"""From how far one sees to how fast one may drive: steps of the speed limit on the roads that a visibility sensor speaks for.

The steps are those of the road traffic safety law's regulations (2017, article 81: below 200 m 60 km/h, below 100 m 40, below
50 m 20), which hold on expressways; here on whichever roads the sensor's label ``roads`` names. Nothing wavers: a limit is
raised only when the sight has been better than its step by a margin, and for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.city.environment.findings import Finding, Judged
from services.inference.parameters import parameter

APPLICATION = "sight"
FOG, SPEED_LIMIT = 305, 85  # GB/T 29100; the index of GB 5768.2
STEPS: tuple[tuple[float, int], ...] = ((50.0, 20), (100.0, 40), (200.0, 60))  # sight below, m → limit, km/h
NO_LIMIT = 0


@dataclass(frozen=True, slots=True)
class SightParameters:
    """`[site.sight]`; docs/city/environment.md has this as a table."""

    clear_share: float = parameter(1.25, "1", "hysteresis: a step ends when one sees so many times as far", low=1.0, high=5.0)
    lasting_s: float = parameter(60.0, "s", "worse sight counts when it has lasted so long", high=3600.0)
    clear_s: float = parameter(600.0, "s", "better sight counts when it has lasted so long", high=7200.0)
    fog_radius_m: float = parameter(500.0, "m", "around the sensor, fog is told of", low=50.0, high=5000.0)
    tells_roads: float = parameter(1.0, "0 or 1", "0: an alarm alone, and a person gives the road events", high=1.0)


@dataclass(slots=True)
class _Seen:
    """What a sensor's readings have led to: the limit that holds, and since when another one is due."""

    limit_kmh: int = NO_LIMIT
    due_kmh: int = NO_LIMIT
    since_us: int = 0


def limit_of(sight_m: float, share: float = 1.0) -> int:
    """The limit at this sight, `NO_LIMIT` where there is none; share: of the steps' bounds."""
    return next((limit for below, limit in STEPS if sight_m < below * share), NO_LIMIT)


class SightWatch:
    """The visibility sensors of a site. Owned by one thread."""

    def __init__(self, parameters: SightParameters) -> None:
        self._p = parameters
        self._of: dict[str, _Seen] = {}

    def judge(
        self, sensor: str, time_us: int, sight_m: float, roads: Sequence[str], place: tuple[float, float, float] | None,
        standing_kmh: int = NO_LIMIT,
    ) -> Judged:  # fmt: skip
        """The limit after this reading; standing_kmh: what holds by the book, for a sensor that is not known yet."""
        seen = self._of.setdefault(sensor, _Seen(standing_kmh, standing_kmh))
        self._step(seen, time_us, sight_m)
        if seen.limit_kmh == NO_LIMIT:
            return Judged(APPLICATION, sensor)
        return Judged(APPLICATION, sensor, [self._finding(sensor, seen.limit_kmh, sight_m, roads, place)])

    def _step(self, seen: _Seen, time_us: int, sight_m: float) -> None:
        wanted = self._wanted(seen.limit_kmh, sight_m)
        if wanted == seen.limit_kmh:
            seen.due_kmh = wanted
            return
        if wanted != seen.due_kmh:
            seen.due_kmh, seen.since_us = wanted, time_us
        patience_s = self._p.lasting_s if _strictness(wanted) > _strictness(seen.limit_kmh) else self._p.clear_s
        if time_us - seen.since_us >= patience_s * 1e6:
            seen.limit_kmh = wanted

    def _wanted(self, limit_kmh: int, sight_m: float) -> int:
        """The step that this sight asks for, now that `limit_kmh` holds."""
        down, up = limit_of(sight_m), limit_of(sight_m, self._p.clear_share)
        if _strictness(down) > _strictness(limit_kmh):
            return down
        return up if _strictness(up) < _strictness(limit_kmh) else limit_kmh

    def _finding(
        self, sensor: str, limit_kmh: int, sight_m: float, roads: Sequence[str], place: tuple[float, float, float] | None
    ) -> Finding:
        bound = next(below for below, limit in STEPS if limit == limit_kmh)
        detail = {
            "unit": "m",
            "limit_kmh": limit_kmh,
            "road_events": self._events(limit_kmh, roads, place) if self._p.tells_roads else [],
        }
        return Finding(
            application=APPLICATION,
            subject=sensor,
            part=f"{limit_kmh} km/h",
            kind="visibility",
            severity="major",
            value=sight_m,
            bound=bound,
            text=f"{sensor}: one sees less than {bound:g} m, so {limit_kmh} km/h",
            place=place,
            detail=detail,
        )

    def _events(self, limit_kmh: int, roads: Sequence[str], place: tuple[float, float, float] | None) -> list[dict[str, object]]:
        common = {"source": "detection"}
        events: list[dict[str, object]] = [
            {"sort": "sign", "code": SPEED_LIMIT, "road": road, "text": f"{limit_kmh} km/h", **common} for road in roads
        ]
        if place is not None:
            where = dict(zip(("latitude_deg", "longitude_deg"), place, strict=False))
            radius = float(np.round(self._p.fog_radius_m, 1))
            events.append({"sort": "event", "code": FOG, "place": where, "radius_m": radius, "text": "fog", **common})
        return events


def _strictness(limit_kmh: int) -> float:
    return 0.0 if limit_kmh == NO_LIMIT else 1.0 / limit_kmh
