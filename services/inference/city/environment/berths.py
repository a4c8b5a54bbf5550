"""Berths of a port: whether they are full, or will be soon at the pace of the last hours, so that the next ship has to wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch
from chelu.quantities import by_name
from services.inference.city.environment.findings import Finding, Judged
from services.inference.city.environment.series import Grid, Names, rounds, slope
from services.inference.parameters import parameter
from services.inference.register import Device

APPLICATION = "berths"
OCCUPIED, TOTAL = by_name()["occupied_berths"].code, by_name()["total_berths"].code
_STEP_S, _LENGTH = 900, 96
_FEWEST = 4  # steps with a reading, for a pace


@dataclass(frozen=True, slots=True)
class BerthParameters:
    """`[site.berths]`; docs/city/environment.md has this as a table."""

    full_share: float = parameter(0.95, "1", "ours: of the berths, from which on the next ship waits", low=0.1, high=1.0)
    clear_share: float = parameter(0.85, "1", "hysteresis: over when no more than this share is, or will be, occupied", high=1.0)
    lead_s: float = parameter(10_800.0, "s", "ours: told when they will be full within so long; 0: not before", high=86_400.0)
    pace_window_s: float = parameter(
        14_400.0, "s", "over which the pace is measured, by least squares", low=3600.0, high=43_200.0
    )


@dataclass(frozen=True, slots=True)
class Quay:
    """Berths of a device: shares that are occupied now, and by the pace of the last hours at the end of the lead."""

    device: Device
    time_us: int
    occupied: float
    total: float
    soon: float


class BerthWatch:
    """Of all quays of a site. Owned by one thread."""

    def __init__(self, parameters: BerthParameters) -> None:
        self._p = parameters
        self._names, self._grid = Names(), Grid(_STEP_S, _LENGTH)
        self._total: dict[int, float] = {}
        self._newest: dict[int, tuple[int, float]] = {}  # by device: when, and how many are occupied

    def hear(self, rows: Batch, devices: Mapping[int, Device], standing: frozenset[str], fresh_us: int) -> list[Judged]:
        """Readings with their device's key; a verdict on each quay whose berths are known and were told after `fresh_us`.

        How many there are is measured, or the label `berths`. standing: devices of which it is told now.
        """
        rows = rows.take(np.isin(rows["quantity"], (OCCUPIED, TOTAL)) & np.isfinite(rows["value"]))
        if not len(rows):
            return []
        self._take(rows)
        found = []
        for key in np.unique(rows["device_key"]).tolist():
            quay = self._quay(key, devices.get(key))
            if quay is not None and quay.time_us >= fresh_us:
                found.append(judged(quay, self._p, is_standing=quay.device.device_id in standing))
        return found

    def _take(self, rows: Batch) -> None:
        for key, time_us, value in _in_order(rows, TOTAL):
            self._total[key] = value
            self._newest.setdefault(key, (time_us, float("nan")))
        for key, time_us, value in _in_order(rows, OCCUPIED):
            if time_us >= self._newest.get(key, (0, 0.0))[0]:
                self._newest[key] = time_us, value
        here = rows.take(rows["quantity"] == OCCUPIED)
        series, times_us = self._names.of(here), here["time_us"].astype(np.int64)
        for chosen in rounds(series, times_us):
            self._grid.add(series[chosen], times_us[chosen], here["value"][chosen].astype(np.float64))

    def _quay(self, key: int, device: Device | None) -> Quay | None:
        if device is None or key not in self._newest:
            return None
        time_us, occupied = self._newest[key]
        total = self._total.get(key, _berths(device))
        if not total > 0 or np.isnan(occupied):
            return None
        number = next(at for at, one in enumerate(self._names.keys) if one[0] == key)
        steps = round(self._p.pace_window_s / _STEP_S)
        pace = float(slope(self._grid.window(np.array([number]), steps), _STEP_S, _FEWEST)[0])
        soon = occupied + (0.0 if np.isnan(pace) else pace * self._p.lead_s)
        return Quay(device, time_us, occupied, total, min(max(soon, 0.0), total))


def judged(quay: Quay, parameters: BerthParameters, *, is_standing: bool) -> Judged:
    """Whether its berths are full, or will be."""
    device = quay.device
    now, soon = quay.occupied / quay.total, quay.soon / quay.total
    goes_on = is_standing and max(now, soon) > parameters.clear_share
    if max(now, soon) < parameters.full_share and not goes_on:
        return Judged(APPLICATION, device.device_id)
    is_full = now >= (parameters.clear_share if is_standing else parameters.full_share)
    hours = parameters.lead_s / 3600.0
    says = "berths are full: the next ship waits" if is_full else f"berths will be full within {hours:g} h at this pace"
    found = Finding(
        application=APPLICATION,
        subject=device.device_id,
        part="berths",
        kind="berths_full",
        severity="warning" if is_full else "info",
        value=now,
        bound=parameters.full_share,
        text=f"{device.device_id}: {says}",
        place=device.place,
        detail={"unit": "1", "is_full": is_full, "berths": quay.total},
    )
    return Judged(APPLICATION, device.device_id, [found])


def _in_order(rows: Batch, quantity: int) -> list[tuple[int, int, float]]:
    """Device key, time and value of a quantity's rows, oldest first."""
    here = rows.take(rows["quantity"] == quantity)
    order = np.argsort(here["time_us"], kind="stable")
    columns = (here[name][order].tolist() for name in ("device_key", "time_us", "value"))
    return list(zip(*columns, strict=True))


def _berths(device: Device) -> float:
    """By its label; NaN without one that is a number."""
    try:
        return float(device.labels.get("berths", ""))
    except ValueError:
        return float("nan")
