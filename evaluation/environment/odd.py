"""How often readings are called odd that are not, and how soon faults are, on simulated sensors of a site's surroundings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec.envelope import Envelope
from chelu.messages import OBSERVATION, filled
from chelu.quantities import by_name
from chelu.topics import Kind
from evaluation.environment.outlooks import START_US
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.environment.odd import WATCHED, OddWatch
from services.inference.register import Device
from simulators.surroundings.period import Floats, Period
from simulators.surroundings.scene import sensors

STEP_S = 1800
STEPS_A_DAY = 86_400 // STEP_S
DAYS, LEARN_DAYS, FAULT_DAYS = 24, 14, 0.5  # of each series; the fault begins in the day after those, and lasts so long
NONE, FROZEN, SHIFTED = "none", "frozen", "shifted"
DEVIATIONS = 5.0  # by which a shifted series is off


@dataclass(frozen=True, slots=True)
class Sensor:
    """One series, with the step at which its fault begins and that after which it is over."""

    quantity: str
    fault: str
    values: Floats
    begin: int
    end: int


def judge(count: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """False alarms of the series without a fault, and of each fault how many are told before it is over."""
    period = Period(START_US, DAYS * STEPS_A_DAY, STEP_S)
    every = [one for number in range(count) for one in _staged(period, seed + number)]
    begun = _raised(every, period, tell)
    false = Counter[str]()
    for one, steps in zip(every, begun, strict=True):
        false[one.quantity] += len(steps) if one.fault == NONE else 0
    whole = sum(one.fault == NONE for one in every)
    days = whole * (DAYS - AnomalyParameters().learn_days)
    found: dict[str, Any] = {
        "sites": count,
        "without a fault": {"series": whole, "told": false.total(), "told_a_day_and_series": round(false.total() / days, 4)},
    }
    for fault in (FROZEN, SHIFTED):
        delays = [
            next((at - one.begin for at in steps if one.begin <= at < one.end), np.inf)
            for one, steps in zip(every, begun, strict=True)
            if one.fault == fault
        ]
        known = [one * STEP_S / 3600.0 for one in delays if np.isfinite(one)]
        found[fault] = {"series": len(delays), "told": len(known), "hours_p50": float(np.median(known)) if known else None}
    return found | {"false_by_quantity": [f"{name} {number}" for name, number in false.most_common() if number]}


def _staged(period: Period, seed: int) -> Iterator[Sensor]:
    """Each watched quantity of a site as it is, frozen, and shifted."""
    every = {name: values for one in sensors(period, seed) for name, (_, values) in one.readings.items()}
    for number, (name, values) in enumerate(every.items()):
        if by_name()[name].code not in WATCHED:
            continue
        begin = LEARN_DAYS * STEPS_A_DAY + int(np.random.default_rng([seed, number]).integers(STEPS_A_DAY))
        end = begin + round(FAULT_DAYS * STEPS_A_DAY)
        frozen, shifted = values.copy(), values.copy()
        frozen[begin:end] = values[begin - 1]
        shifted[begin:end] += DEVIATIONS * np.std(values[:begin])
        for fault, made in ((NONE, values), (FROZEN, frozen), (SHIFTED, shifted)):
            yield Sensor(name, fault, made, begin, end)


def _raised(every: list[Sensor], period: Period, tell: Callable[[float], None]) -> list[list[int]]:
    """Of each series the steps at which something begins to be told."""
    watch, count = OddWatch(AnomalyParameters()), len(every)
    devices = {key: Device(key, str(key), Kind.SENSOR, "site", Envelope.AUTO, 0) for key in range(count)}
    code = np.array([by_name()[one.quantity].code for one in every], np.uint16)
    values = np.stack([one.values for one in every], axis=1)
    rows = filled(OBSERVATION, count, device_key=np.arange(count, dtype=np.int32)).with_columns(quantity=code)
    begun: list[list[int]] = [[] for _ in every]
    up = set[int]()
    for at, time_us in enumerate(period.time_us.tolist()):
        judged = watch.hear(rows.with_columns(time_us=np.full(count, time_us), value=values[at]), devices, 0)
        now = {int(one.subject) for one in judged if one.findings}
        for key in now - up:
            begun[key].append(at)
        up = now
        tell((at + 1) / period.steps)
    return begun
