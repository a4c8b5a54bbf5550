"""Readings that are odd for their time of day, of every sensor that has a usual: spikes, shifts, drifts, frozen values.

The detector is `services.inference.city.anomalies`; here it meets the stream of observations. What counters of traffic say is
judged by traffic state; what has no usual value, or goes round a circle, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from chelu.conversion import conversion
from chelu.messages import Batch
from chelu.quantities import QUANTITIES, Field, by_code
from services.inference.city import findings as said
from services.inference.city.anomalies.detector import AnomalyDetector, Change, Kind
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.anomalies.telling import told as sentence
from services.inference.city.environment.findings import Book, Entry, Finding, Judged
from services.inference.city.environment.series import Names, rounds
from services.inference.city.environment.watch import FRESH_US, believed
from services.inference.register import Device
from services.inference.reports import Floats, Ints

APPLICATION = "anomalies"
BLOCK = 256  # series of one detector: its arrays do not grow
_DAY_US = 86_400_000_000
# What rains or clouds now and then, jumps by its nature, only grows, or turns round: no time of day has a usual value of it.
# Sight, queues and berths have applications of their own.
WITHOUT_USUAL = frozenset(
    {
        "wind_direction", "precipitation", "precipitation_rate", "snow_height", "ponding_depth", "road_water_film",
        "road_ice_fraction", "visibility", "vehicle_weight", "gate_opening", "gate_entries", "gate_exits", "waiting_trucks",
        "occupied_berths", "total_berths", "lamp_level", "filling_level", "electric_energy",
    }
)  # fmt: skip
WATCHED = tuple(one.code for one in QUANTITIES if one.field is not Field.TRAFFIC and one.name not in WITHOUT_USUAL)


class AnomalyWatch:
    """Of one site, and what is told of it. standing: what held when this process began. Owned by one thread."""

    def __init__(
        self, site_id: str, parameters: AnomalyParameters, new_id: Callable[[], str], standing: Iterable[Entry] = ()
    ) -> None:
        self._odd = OddWatch(parameters)
        self._book = Book(site_id, new_id, [one for one in standing if one.finding.application == APPLICATION])

    def hear(self, rows: Batch, devices: Mapping[int, Device], now_us: int) -> list[said.Finding]:
        """Readings with their device's key, and who each device is; what changed."""
        judged = self._odd.hear(believed(rows), devices, now_us - FRESH_US)
        return [told for one in judged for told in self._book.note(one, now_us)]


class OddWatch:
    """Of all series of a site. Owned by one thread. What it has learned ends with the process."""

    def __init__(self, parameters: AnomalyParameters) -> None:
        self._p, self._names = parameters, Names()
        self._blocks: list[AnomalyDetector] = []
        self._first_us: dict[int, int] = {}  # by device, of its first reading
        self._up: dict[int, Mapping[str, Any]] = {}  # by series, the last word of its alarm

    def hear(self, rows: Batch, devices: Mapping[int, Device], fresh_us: int) -> list[Judged]:
        """Readings with their device's key; a verdict on each sensor known long enough that said something after `fresh_us`."""
        rows = rows.take(np.isin(rows["quantity"], WATCHED) & np.isfinite(rows["value"]))
        if not len(rows):
            return []
        series, time_us = self._names.of(rows), rows["time_us"].astype(np.int64)
        while len(self._blocks) * BLOCK < len(self._names):
            self._blocks.append(AnomalyDetector(BLOCK, self._p))
        for chosen in rounds(series, time_us):
            self._step(series[chosen], time_us[chosen], rows["value"][chosen].astype(np.float64))
        return self._told(rows["device_key"], time_us, devices, fresh_us)

    def _step(self, series: Ints, time_us: Ints, values: Floats) -> None:
        """One reading of each series."""
        block = series // BLOCK
        for number in np.unique(block).tolist():
            mine = block == number
            changes = self._blocks[number].update(series[mine] - number * BLOCK, time_us[mine], values[mine])
            for row in range(len(changes)):
                alarm = {name: changes[name][row].item() for name in changes}
                at = int(alarm["series"]) + number * BLOCK
                if alarm["change"] >= Change.CLEARED:
                    self._up.pop(at, None)
                else:
                    self._up[at] = alarm

    def _told(self, key: Ints, time_us: Ints, devices: Mapping[int, Device], fresh_us: int) -> list[Judged]:
        """An own start is no news: who is younger than `learn_days` is not judged, and what stood of him stays."""
        found: dict[int, list[Finding]] = {}
        for one in np.unique(key).tolist():
            newest_us = int(time_us[key == one].max())
            first_us = self._first_us.setdefault(one, int(time_us[key == one].min()))
            if one in devices and newest_us >= fresh_us and newest_us - first_us >= self._p.learn_days * _DAY_US:
                found[one] = []
        keys = self._names.keys
        for number, alarm in self._up.items():
            device, code, channel = keys[number]
            if device in found:
                found[device].append(self._finding(devices[device], code, channel, alarm))
        return [Judged(APPLICATION, devices[one].device_id, each) for one, each in found.items()]

    def _finding(self, device: Device, code: int, channel: int, alarm: Mapping[str, Any]) -> Finding:
        quantity = by_code()[code]
        scale = conversion(quantity.usual_unit, quantity)
        usual = {name: (alarm[name] - scale.offset) / scale.factor for name in ("value", "usual")}
        spread = {name: alarm[name] / scale.factor for name in ("amount", "deviation")}
        kind, where = Kind(int(alarm["kind"])), f", channel {channel - 1}" if channel else ""
        part = f"{quantity.name}{where}"
        return Finding(
            application=APPLICATION,
            subject=device.device_id,
            part=part,
            kind="anomaly",
            severity="info" if kind is Kind.SPIKE else "warning",
            value=usual["value"],
            bound=usual["usual"],
            text=sentence({**alarm, **usual, **spread}, f"{device.device_id}: {part}", quantity.usual_unit, self._p),
            place=device.place,
            detail={
                "quantity": quantity.name,
                "unit": quantity.usual_unit,
                "odd": kind.name.lower(),
                "began_us": alarm["since_us"],
            },
        )
