"""How long before a port's berths are full that is told, and how often in vain: by the pace of the last hours, and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chelu.codec.envelope import Envelope
from chelu.messages import OBSERVATION, Batch, filled
from chelu.topics import Kind
from evaluation.environment.outlooks import START_US
from services.inference.city.environment.berths import OCCUPIED, BerthParameters, BerthWatch
from services.inference.register import Device
from simulators.surroundings import port
from simulators.surroundings.period import Floats, Period

STEP_S = 1800
STEPS_A_DAY = 86_400 // STEP_S
QUAY = Device(1, "quay", Kind.SENSOR, "port", Envelope.AUTO, 0, labels={"berths": str(port.BERTHS)})


@dataclass(slots=True)
class Count:
    """Times that all berths were taken, by how many seconds it was told before; times it was told, and those without."""

    full: int = 0
    leads_s: list[float] = field(default_factory=list)
    told: int = 0
    in_vain: int = 0


def judge(count: int, days: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """Both ways on the same ports."""
    usual = BerthParameters()
    ways = {"by the pace": usual, "when they are full": replace(usual, lead_s=0.0)}
    found = {name: Count() for name in ways}
    for number in range(count):
        period = Period(START_US, days * STEPS_A_DAY, STEP_S)
        occupied = port.occupied_berths(period, seed + number)
        for name, parameters in ways.items():
            _add(found[name], occupied, _told(occupied, period, parameters), round(usual.lead_s / STEP_S))
        tell((number + 1) / count)
    return {"ports": count, "days": days, **{name: _figures(one) for name, one in found.items()}}


def _told(occupied: Floats, period: Period, parameters: BerthParameters) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether it is told in each step (t,)."""
    watch, told = BerthWatch(parameters), np.zeros(len(occupied), np.bool_)
    for at, (time_us, ships) in enumerate(zip(period.time_us.tolist(), occupied.tolist(), strict=True)):
        standing = frozenset([QUAY.device_id]) if at and told[at - 1] else frozenset[str]()
        (judged,) = watch.hear(_reading(time_us, ships), {QUAY.key: QUAY}, standing, 0)
        told[at] = bool(judged.findings)
    return told


def _reading(time_us: int, ships: float) -> Batch:
    rows = filled(OBSERVATION, 1, device_key=np.array([QUAY.key], np.int32))
    return rows.with_columns(
        time_us=np.array([time_us]), quantity=np.array([OCCUPIED], np.uint16), value=np.array([ships], np.float64)
    )


def _add(count: Count, occupied: Floats, told: np.ndarray[Any, np.dtype[np.bool_]], lead: int) -> None:
    full = occupied >= port.BERTHS
    for at in np.flatnonzero(full & ~np.r_[False, full[:-1]]).tolist():
        before = np.flatnonzero(~told[: at + 1])
        since = int(before[-1]) + 1 if len(before) else 0
        count.full += 1
        count.leads_s.append(max(0.0, (at - since) * STEP_S))
    begins, ends = np.flatnonzero(told & ~np.r_[False, told[:-1]]), np.flatnonzero(told & ~np.r_[told[1:], False])
    count.told += len(begins)
    count.in_vain += sum(
        not full[begin : end + lead + 1].any() for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    )


def _figures(count: Count) -> dict[str, Any]:
    leads = np.array(count.leads_s or [0.0]) / 60.0
    return {
        "times_full": count.full,
        "told_before_percent": round(100.0 * float((leads > 0).mean()), 1),
        "minutes_before_p50": round(float(np.median(leads)), 1),
        "minutes_before_p90": round(float(np.quantile(leads, 0.9)), 1),
        "told": count.told,
        "told_in_vain": count.in_vain,
    }
