"""All of a site's surroundings together: readings of sensors in, what changed about its findings and the outlooks out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from chelu.codec.observations import QUALITIES
from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.quantities import by_name
from services.inference.city import findings as told
from services.inference.city.anomalies.parameters import AnomalyParameters
from services.inference.city.environment import berths, flood, gate, sight
from services.inference.city.environment.berths import BerthParameters, BerthWatch
from services.inference.city.environment.findings import Book, Entry, Finding, Judged
from services.inference.city.environment.flood import FloodParameters, FloodWatch, Water, road_heights
from services.inference.city.environment.foretelling import WATER_LEVEL, Foreteller, Told
from services.inference.city.environment.gate import GateParameters
from services.inference.city.environment.gates import GateWatch
from services.inference.city.environment.limits import LimitParameters, LimitWatch
from services.inference.city.environment.sight import SightParameters, SightWatch
from services.inference.city.environment.weighbridge import WeighbridgeParameters, WeighbridgeWatch
from services.inference.network import NetworkRoads
from services.inference.parameters import with_site_values
from services.inference.register import Device

VISIBILITY = by_name()["visibility"].code
FRESH_US = 3600 * 1_000_000  # what is older teaches, and tells nobody of anything
_BAD = QUALITIES.index("bad")


@dataclass(frozen=True, slots=True)
class EnvironmentParameters:
    """One table of the parameters' file each: ``[site.limits]``, ``[site.flood]`` and so on."""

    limits: LimitParameters = field(default_factory=LimitParameters)
    flood: FloodParameters = field(default_factory=FloodParameters)
    sight: SightParameters = field(default_factory=SightParameters)
    gate: GateParameters = field(default_factory=GateParameters)
    berths: BerthParameters = field(default_factory=BerthParameters)
    weighbridge: WeighbridgeParameters = field(default_factory=WeighbridgeParameters)
    anomalies: AnomalyParameters = field(default_factory=AnomalyParameters)


def parameters_of(values: Mapping[str, Mapping[str, Any]], where: str) -> EnvironmentParameters:
    """A site's, from its tables of the parameters' file; ConfigurationError for one out of bounds."""
    usual = EnvironmentParameters()
    return EnvironmentParameters(
        **{
            one.name: with_site_values(getattr(usual, one.name), values.get(one.name, {}), where=where)
            for one in fields(EnvironmentParameters)
        }
    )


class EnvironmentWatch:
    """Of one site. standing: what held when this process began. Owned by one thread."""

    def __init__(
        self, site_id: str, parameters: EnvironmentParameters, new_id: Callable[[], str], standing: Iterable[Entry] = ()
    ) -> None:
        self._p, self._book = parameters, Book(site_id, new_id, standing)
        self._limits, self._gates = LimitWatch(parameters.limits), GateWatch(parameters.gate)
        self._floods, self._sights = FloodWatch(parameters.flood), SightWatch(parameters.sight)
        self._berths, self._bridges = BerthWatch(parameters.berths), WeighbridgeWatch(parameters.weighbridge)
        self._foreteller = Foreteller()
        self._roads: NetworkRoads | None = None
        self._heights: Mapping[str, float] = {}

    def use(self, roads: NetworkRoads | None, frame: LocalFrame) -> None:
        """What the site drives on now."""
        if roads is not self._roads:
            self._roads = roads
            self._heights = {} if roads is None else road_heights(roads.network, frame.elevation_m)

    def hear(self, rows: Batch, devices: Mapping[int, Device], now_us: int) -> tuple[list[told.Finding], list[Told]]:
        """Readings with their device's key, and who each device is; what a sensor itself calls bad is left out."""
        rows = believed(rows)
        if not len(rows):
            return [], []
        mine = {key: devices[key] for key in np.unique(rows["device_key"]).tolist() if key in devices}
        fresh = rows.take(rows["time_us"] >= now_us - FRESH_US)
        foretold = self._foreteller.hear(rows, now_us)
        judged = [
            *self._limits.hear(fresh, mine),
            *self._flooded(fresh, mine, now_us),
            *self._seen(fresh, mine),
            *self._gates.hear(rows, mine, frozenset(self._standing(gate.APPLICATION)), now_us - FRESH_US),
            *self._berths.hear(rows, mine, frozenset(self._standing(berths.APPLICATION)), now_us - FRESH_US),
            *self._bridges.hear(fresh, mine),
        ]
        return [said for one in judged for said in self._book.note(one, now_us)], foretold

    def _flooded(self, rows: Batch, devices: Mapping[int, Device], now_us: int) -> list[Judged]:
        found: list[Judged] = []
        for key, time_us, level_m in _newest(rows, WATER_LEVEL):
            device = devices.get(key)
            roads, zero_m = ([], None) if device is None else (_words(device, "riverside"), _number(device, "zero_m"))
            if device is None or zero_m is None:
                continue
            told = self._foreteller.newest(key, WATER_LEVEL)
            lead_us = now_us + round(self._p.flood.lead_s * 1e6)
            soon, feared = (float("nan"),) * 2 if told is None else told.highest(lead_us)
            water = Water(device.device_id, device.place, time_us, level_m + zero_m, soon + zero_m, feared + zero_m)
            found += self._floods.judge(water, roads, self._heights, frozenset(self._standing(flood.APPLICATION)))
        return found

    def _seen(self, rows: Batch, devices: Mapping[int, Device]) -> list[Judged]:
        here = rows.take(rows["quantity"] == VISIBILITY)
        order = np.argsort(here["time_us"], kind="stable")
        last: dict[str, Judged] = {}
        standing = self._standing(sight.APPLICATION)
        for key, time_us, seen_m in zip(
            *(here[name][order].tolist() for name in ("device_key", "time_us", "value")), strict=True
        ):
            if (device := devices.get(key)) is None:
                continue
            name, held = device.device_id, standing.get(device.device_id)
            limit = sight.NO_LIMIT if held is None else int(held.detail.get("limit_kmh", sight.NO_LIMIT))
            last[name] = self._sights.judge(name, time_us, seen_m, self._known(_words(device, "roads")), device.place, limit)
        return list(last.values())

    def _known(self, roads: list[str]) -> list[str]:
        return [road for road in roads if road in self._heights]

    def _standing(self, application: str) -> dict[str, Finding]:
        """What holds of an application, by subject."""
        return {one.subject: one for one in self._book.holds if one.application == application}


def believed(rows: Batch) -> Batch:
    """Readings that have a value, and that the sensor itself does not call bad."""
    return rows.take(~(rows["quality_valid"] & (rows["quality"] == _BAD)) & np.isfinite(rows["value"]))


def _newest(rows: Batch, quantity: int) -> list[tuple[int, int, float]]:
    """Of each device the newest reading of a quantity: key, time, value."""
    here = rows.take(rows["quantity"] == quantity)
    order = np.argsort(here["time_us"], kind="stable")
    columns = (here[name][order].tolist() for name in ("device_key", "time_us", "value"))
    return list({key: (key, time_us, value) for key, time_us, value in zip(*columns, strict=True)}.values())


def _words(device: Device, label: str) -> list[str]:
    return device.labels.get(label, "").replace(",", " ").split()


def _number(device: Device, label: str) -> float | None:
    try:
        return float(device.labels[label])
    except (KeyError, ValueError):
        return None
