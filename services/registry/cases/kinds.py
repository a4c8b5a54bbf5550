"""Kinds of cases: which signs make them up, how near and how soon signs belong together, when they are over by themselves. Pure.

A new kind is an entry here and a line in docs/city/board.md (a test compares them). A sign of a kind that no entry names makes a
case of kind ``other``, which only the same thing joins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.registry.alarms.kinds import HEALTH, QUALITY, TRACK, Severity

OTHER = "other"


@dataclass(frozen=True, slots=True)
class CaseKind:
    """One kind.

    signs: kinds of signs that are of it; radius_m: how far from the case another sign may be, 0: the same thing only; joining_s:
    how long after the sign before; over_s: so long after its last sign has ended it is resolved. storm: when so many cases of the
    kind had a sign within five minutes, more are of the same fault and join the newest; 0: they never do.
    """

    name: str
    about: str
    severity: Severity
    signs: tuple[str, ...]
    radius_m: float
    joining_s: float
    over_s: float = 60.0
    storm: int = 0


_ALL = (
    CaseKind(
        "obstruction",
        "something stands or lies on the road: an accident, a breakdown, debris",
        Severity.MAJOR,
        ("stopped_vehicle", "debris", "accident", "breakdown"),
        radius_m=80,
        joining_s=900,
    ),
    CaseKind("wrong_way", "somebody drives against the traffic", Severity.CRITICAL, ("wrong_way",), radius_m=1000, joining_s=300),
    CaseKind(
        "congestion",
        "traffic stands, or will soon",
        Severity.WARNING,
        ("sudden_queue", "congestion_ahead", "jam"),
        radius_m=300,
        joining_s=1800,
        over_s=300,
    ),
    CaseKind(
        "flood",
        "water where there should be none, or soon",
        Severity.MAJOR,
        ("flood", "water_level", "standing_water"),
        radius_m=500,
        joining_s=3600,
        over_s=900,
    ),
    CaseKind(
        "weather",
        "fog, rain, ice or wind that traffic has to mind",
        Severity.WARNING,
        ("visibility", "rain", "ice", "wind"),
        radius_m=2000,
        joining_s=3600,
        over_s=900,
    ),
    CaseKind("air", "air that is bad to breathe", Severity.WARNING, ("air_quality",), radius_m=2000, joining_s=3600, over_s=900),
    CaseKind(
        "crowd",
        "more people, trucks or ships than there is room for",
        Severity.WARNING,
        ("crowd", "truck_queue", "berths_full"),
        radius_m=200,
        joining_s=1800,
    ),
    CaseKind(
        "load", "a truck that weighs more than it may", Severity.WARNING, ("overweight",), radius_m=0, joining_s=3600, over_s=900
    ),
    CaseKind(
        "signal",
        "traffic lights that are dark, or show what they should not",
        Severity.MAJOR,
        ("dark_signal", "signal_fault"),
        radius_m=60,
        joining_s=3600,
    ),
    CaseKind(
        "device",
        "a device that is silent, late or wrong",
        Severity.WARNING,
        (
            *(kind.name for kind in HEALTH),
            QUALITY,
            "sensor_fault",
            "sensor_silent",
            "sensor_clock",
            "sensors_disagree",
            "anomaly",
        ),
        radius_m=0,
        joining_s=3600,
        storm=20,
    ),
    CaseKind(
        "track", "safety on the test track", Severity.CRITICAL, tuple(kind.name for kind in TRACK), radius_m=100, joining_s=300
    ),
    CaseKind(OTHER, "what is of no other kind", Severity.INFO, (OTHER,), radius_m=0, joining_s=3600),
)
KINDS: Mapping[str, CaseKind] = {kind.name: kind for kind in _ALL}
_OF_SIGN = {sign: kind for kind in _ALL for sign in kind.signs}
# What people call what they see; the rest is found by machines.
REPORTABLE = (
    *("accident", "breakdown", "debris", "wrong_way", "jam", "flood", "standing_water", "ice", "visibility"),
    *("air_quality", "crowd", "dark_signal", "signal_fault", OTHER),
)


def kind_of(sign: str) -> CaseKind:
    """The kind of case that a sign is of."""
    return _OF_SIGN.get(sign, KINDS[OTHER])
