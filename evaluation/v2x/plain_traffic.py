"""Six instants in ordinary traffic: how often the plain way warns, and needlessly, of pairs on one deck within its range.

Counted in its favour: everything is exact and at once, heights tell decks apart, a warning of a pair is one for both, and it was
needed if either of them had to brake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from evaluation.v2x import recordings, traffic
from evaluation.v2x.actors import Ints
from evaluation.v2x.hindsight import Hindsight, Raised, Verdict
from evaluation.v2x.instants import Seen, warns
from evaluation.v2x.traffic import Traffic
from services.inference.reports import Participant, Reports

NAME = "six instants"
RANGE_M, DECK_M = 100.0, 2.5
_OVER_S = 1.0  # a pair that is not warned of for so long is warned of anew


def drive(tell: Callable[[float], None]) -> dict[str, Any]:
    """Its warnings, needless and unjudged ones in the recording that ships."""
    driven = traffic.read(recordings.shipped())
    warnings = list(raised(driven, tell))
    hindsight = Hindsight(driven.recording)
    both = (hindsight.verdicts(warnings), hindsight.verdicts([_turned(one) for one in warnings]))
    count = Counter(_of_both(*one) for one in zip(*both, strict=True))
    hours = driven.vehicle_hours
    return {
        "vehicle_hours": round(hours, 3),
        "raised": len(warnings),
        "false": count[Verdict.NEEDLESS],
        "unjudged": count[Verdict.UNJUDGED],
        "false_per_vehicle_hour": round(count[Verdict.NEEDLESS] / hours, 3),
    }


def raised(driven: Traffic, tell: Callable[[float], None] | None = None) -> Iterator[Raised]:
    """Each pair's warnings, when they begin."""
    warned_s: dict[int, float] = {}
    size_m, last_s = driven.recording.size_m, float(driven.recording.time_s[-1]) + 1e-9
    for at_s, reports in driven.instants():
        vehicle = reports.key.astype(np.int64) - 1
        one, two = _near(reports)
        seen = Seen(
            reports.xyz[:, :2], reports.speed_mps, reports.heading_deg,
            reports.acceleration_mps2, reports.yaw_rate_dps, size_m[vehicle],
        )  # fmt: skip
        hit = warns(seen, one, two)
        for first, second in zip(vehicle[one[hit]].tolist(), vehicle[two[hit]].tolist(), strict=True):
            pair = first * len(size_m) + second
            if at_s - warned_s.get(pair, -np.inf) > _OVER_S:
                yield Raised(NAME, first, second, at_s)
            warned_s[pair] = at_s
        if tell is not None:
            tell(at_s / last_s)


def _near(reports: Reports) -> tuple[Ints, Ints]:
    """Pairs within range on one deck, of which one is a vehicle."""
    pairs = cKDTree(reports.xyz[:, :2]).query_pairs(RANGE_M, output_type="ndarray").astype(np.int64)
    one, two = pairs[:, 0], pairs[:, 1]
    drives = reports.participant_type == int(Participant.MOTOR)
    kept = (drives[one] | drives[two]) & ~(np.abs(reports.xyz[one, 2] - reports.xyz[two, 2]) > DECK_M)
    return one[kept], two[kept]


def _turned(one: Raised) -> Raised:
    return Raised(one.application, one.other, one.host, one.at_s)


def _of_both(one: Verdict, two: Verdict) -> Verdict:
    """Needed if either needed it; unjudged if one of both cannot be judged."""
    found = {one, two}
    return next(which for which in (Verdict.NEEDED, Verdict.UNJUDGED, Verdict.NEEDLESS) if which in found)
