"""The joining rule: which case a sign belongs to. Pure.

A sign joins the nearest case of its kind and site that is not closed, where either both are at the same spot (a lane, a device …)
or the sign's place is within the kind's radius on the same deck, and the case had its last sign within the kind's time. Where
many cases of a kind come at once they have one cause (a broker that is away, a power cut), and the rest joins the newest.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.registry.alarms.kinds import Severity
from services.registry.cases.kinds import kind_of

Place = tuple[float, float, float | None]  # latitude, longitude in °, elevation in m
DECK_M = 4.0  # decks lie five metres apart and more
METRES_A_DEGREE = 111_320.0
STORM_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Something that somebody or something saw. source_id: what the source calls it; spot: road, device … that it is at."""

    source: str
    source_id: str
    kind: str
    site_id: str
    severity: Severity
    at: datetime.datetime
    place: Place | None = None
    spot: str = ""
    text: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that a sign may join."""

    case_id: int
    kind: str
    site_id: str
    spot: str
    place: Place | None
    last_sign: datetime.datetime


def case_of(sign: Sign, candidates: Sequence[Candidate]) -> int | None:
    """The case that the sign belongs to; None: it is one of its own."""
    kind = kind_of(sign.kind)
    fitting = (
        (_distance_m(sign, one), -one.case_id)
        for one in candidates
        if one.site_id == sign.site_id
        and one.kind == kind.name
        and abs((sign.at - one.last_sign).total_seconds()) <= kind.joining_s
    )
    best = min((found for found in fitting if found[0] <= kind.radius_m), default=None)
    return _in_storm(sign, candidates) if best is None else -best[1]


def distance_m(one: Place, other: Place) -> float:
    """In the plane, over distances of a site; infinite between decks."""
    if one[2] is not None and other[2] is not None and abs(one[2] - other[2]) > DECK_M:
        return math.inf
    east = (other[1] - one[1]) * METRES_A_DEGREE * math.cos(math.radians(one[0]))
    return math.hypot(east, (other[0] - one[0]) * METRES_A_DEGREE)


def _in_storm(sign: Sign, candidates: Sequence[Candidate]) -> int | None:
    kind = kind_of(sign.kind)
    lately = [
        one.case_id
        for one in candidates
        if (one.site_id, one.kind) == (sign.site_id, kind.name) and abs((sign.at - one.last_sign).total_seconds()) <= STORM_S
    ]
    return max(lately) if 0 < kind.storm <= len(lately) else None


def _distance_m(sign: Sign, case: Candidate) -> float:
    if sign.spot and sign.spot == case.spot:
        return 0.0
    return distance_m(sign.place, case.place) if sign.place and case.place else math.inf
