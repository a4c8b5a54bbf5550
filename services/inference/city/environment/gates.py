"""The gates of a site while it runs: who came and who was let in by half hour, and the plan that follows. Owned by one thread.

A gate that counts nobody but weighs every truck on its weighbridge has let in whom it weighed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chelu.messages import Batch
from chelu.quantities import by_name
from services.inference.city.environment import gate
from services.inference.city.environment.findings import Judged
from services.inference.city.environment.gate import SLOT_S, SLOTS_A_DAY, SLOTS_AHEAD, GateParameters
from services.inference.city.environment.series import Grid
from services.inference.register import Device
from services.inference.reports import Floats

ENTRIES, WAITING, WEIGHT = (by_name()[name].code for name in ("gate_entries", "waiting_trucks", "vehicle_weight"))
_DAYS = 7
_LENGTH = _DAYS * SLOTS_A_DAY
_ONE = np.zeros(1, np.int64)
_SLOT_US = SLOT_S * 1_000_000
_LONGEST_US = 2 * _SLOT_US  # a gate that was silent for longer begins anew


@dataclass(slots=True)
class _Gate:
    """rate: vehicles let in a second; waiting: how many wait, both by slot. counted_us: when its last count ended.

    weighed: by slot, how many were on the weighbridge.
    """

    rate: Grid = field(default_factory=lambda: Grid(SLOT_S, _LENGTH))
    waiting: Grid = field(default_factory=lambda: Grid(SLOT_S, _LENGTH))
    weighed: Counter[int] = field(default_factory=Counter)
    counted_us: int = 0
    queue: float = float("nan")
    queue_us: int = 0


class GateWatch:
    """Of all gates of a site."""

    def __init__(self, parameters: GateParameters) -> None:
        self._p = parameters
        self._gates: dict[int, _Gate] = {}

    def hear(self, rows: Batch, devices: Mapping[int, Device], standing: frozenset[str], fresh_us: int) -> list[Judged]:
        """Readings with their device's key; a verdict on each gate that has said lately, after `fresh_us`, how many wait.

        standing: gates of which a queue is told now.
        """
        rows = rows.take(np.isin(rows["quantity"], (ENTRIES, WAITING, WEIGHT)) & np.isfinite(rows["value"]))
        found = []
        for key in np.unique(rows["device_key"]).tolist():
            one, device = self._gates.setdefault(key, _Gate()), devices.get(key)
            self._take(one, rows.take(rows["device_key"] == key))
            if device is not None and one.queue_us >= fresh_us:
                judged = self._judge(device, one, is_standing=device.device_id in standing)
                found += [judged] if judged is not None else []
        return found

    def _take(self, one: _Gate, rows: Batch) -> None:
        order = np.argsort(rows["time_us"], kind="stable")
        columns = (rows[name][order].tolist() for name in ("time_us", "quantity", "value"))
        for time_us, quantity, value in zip(*columns, strict=True):
            if quantity == WAITING:
                one.waiting.add(_ONE, np.array([time_us]), np.array([value]))
                if time_us >= one.queue_us:
                    one.queue, one.queue_us = value, time_us
                continue
            if quantity == WEIGHT:
                one.weighed[time_us // _SLOT_US] += 1
                continue
            lasted_us = time_us - one.counted_us
            if one.counted_us and 0 < lasted_us <= _LONGEST_US:
                middle_us = time_us - lasted_us // 2
                one.rate.add(_ONE, np.array([middle_us]), np.array([value / (lasted_us / 1e6)]))
            one.counted_us = max(one.counted_us, time_us)

    def _judge(self, device: Device, one: _Gate, *, is_standing: bool) -> Judged | None:
        """None while it is not known what the gate can serve."""
        slot = one.queue_us // _SLOT_US
        served, waited = self._by_slot(one, slot - 1)
        capacity = gate.capacity_of(served, waited, _capacity(device))
        if not capacity > 0:
            return None
        began = np.concatenate([[np.nan], waited[:-1]])
        came = np.maximum(served + waited - began, 0.0)
        advice = gate.advise(one.queue, gate.arrivals_ahead(came, SLOTS_AHEAD), capacity, self._p)
        return gate.judged(device, advice, slot * _SLOT_US, self._p, is_standing=is_standing)

    @staticmethod
    def _by_slot(one: _Gate, last: int) -> tuple[Floats, Floats]:
        until = np.array([last])
        if not len(one.rate.last):
            return _weighed(one.weighed, last), one.waiting.window(_ONE, _LENGTH, until)[0]
        served = one.rate.window(_ONE, _LENGTH, until)[0] * SLOT_S
        return served, one.waiting.window(_ONE, _LENGTH, until)[0]


def _weighed(weighed: Counter[int], last: int) -> Floats:
    """How many were weighed in each of the slots up to one; NaN until the first that was heard whole; older ones go."""
    for slot in [one for one in weighed if one <= last - _LENGTH]:
        del weighed[slot]
    slots = range(last - _LENGTH + 1, last + 1)
    first = min(weighed, default=last + 1)
    return np.array([float(weighed[one]) if one > first else np.nan for one in slots])


def _capacity(device: Device) -> float:
    """By its label, a slot; NaN without one that is a number."""
    text = device.labels.get("capacity_per_h", "")
    try:
        return float(text) * SLOT_S / 3600.0
    except ValueError:
        return float("nan")
