"""Where the time goes between a vehicle's message and the other's warning: the instants that each passed, as stages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.inference.reports import Floats

INSTANTS = ("sent_us", "read_us", "begun_us", "published_us", "received_us")
STAGES = (
    "broker, until inference has read it",
    "waits for its step, is decoded",
    "step: evaluated and told",
    "broker, until the client has it",
)
SLOWEST_PERCENT = 99.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A warning as it came: when its cause was sent, read and evaluated, and when the warning was there; wall µs."""

    warning_id: str
    sent_us: int
    read_us: int
    begun_us: int
    received_us: int


def passed(heard: Iterable[Heard], published_us: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """The instants (n, 5) in the order of `INSTANTS`; published_us: by warning. Warnings that it lacks are left out."""
    rows = [
        (one.sent_us, one.read_us, one.begun_us, published_us[one.warning_id], one.received_us)
        for one in heard
        if one.warning_id in published_us
    ]
    return np.array(rows, np.int64).reshape(-1, len(INSTANTS))


def stages(instants: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Of each stage its median and p99, and its means over all warnings and over their slowest hundredth; ms.

    The means of the stages add up to those of the whole, which comes last; percentiles do not.
    """
    took_ms = np.diff(instants, axis=1) / 1e3
    whole_ms = took_ms.sum(axis=1)
    is_slow = whole_ms >= np.percentile(whole_ms, SLOWEST_PERCENT)
    named = [*zip(STAGES, took_ms.T, strict=True), ("all", whole_ms)]
    return [{"stage": name, **_summary(column, is_slow)} for name, column in named]


def _summary(took_ms: Floats, is_slow: npt.NDArray[np.bool_]) -> dict[str, float]:
    middle, worst = np.percentile(took_ms, [50, 99])
    return {
        "p50_ms": float(middle),
        "p99_ms": float(worst),
        "mean_ms": float(took_ms.mean()),
        "slowest_ms": float(took_ms[is_slow].mean()),
    }
