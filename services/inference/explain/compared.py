"""Whether a replay raised the same warning: what was sent then, beside what would be sent now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = Mapping[str, Any]
_NUMBERS = {  # and what they may differ by: places go through degrees, and a model's batch has other neighbours
    "ttc_s": 0.02,
    "required_deceleration_mps2": 0.05,
    "distance_m": 0.05,
}
_EXACT = ("level", "event_time_us", "time_us")
_CAUSE = ("device_id", "vehicle_id", "message_count", "sec_mark_ms", "event_time_us")


class Verdict(StrEnum):
    """What became of the warning in the replay."""

    SAME = "the same warning at the same instant"
    OTHERWISE = "the same warning at the same instant, with other figures"
    ELSEWHEN = "the same warning at another instant"
    NOT_RAISED = "not raised"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not as it was sent."""

    field: str
    stored: Any
    replayed: Any


def verdict(stored: Json, replayed: Json | None) -> tuple[Verdict, Sequence[Difference]]:
    """Same instant: at the event time of the same messages, decided at the same time of the clock."""
    if replayed is None:
        return Verdict.NOT_RAISED, ()
    found = list(differences(stored, replayed))
    if any(one.field in {"event_time_us", "time_us"} for one in found):
        return Verdict.ELSEWHEN, found
    return (Verdict.OTHERWISE if found else Verdict.SAME), found


def differences(stored: Json, replayed: Json) -> Iterator[Difference]:
    """Field by field."""
    for name in _EXACT:
        if stored[name] != replayed[name]:
            yield Difference(name, stored[name], replayed[name])
    for name, tolerance in _NUMBERS.items():
        if not _is_near(stored[name], replayed[name], tolerance):
            yield Difference(name, stored[name], replayed[name])
    for name in _CAUSE:
        if stored["cause"][name] != replayed["cause"][name]:
            yield Difference(f"cause.{name}", stored["cause"][name], replayed["cause"][name])


def _is_near(one: float | None, two: float | None, tolerance: float) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, abs_tol=tolerance)
