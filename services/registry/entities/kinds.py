"""The kinds of entities, after FIWARE's smart data models (https://smartdatamodels.org): names, properties, units. Pure.

Properties and their units follow the table of quantities: who measures something new there gives it here, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from chelu.conversion import conversion
from chelu.quantities import QUANTITIES

DEVICE, ROAD_SEGMENT, TRAFFIC_FLOW = "Device", "RoadSegment", "TrafficFlowObserved"


@dataclass(frozen=True, slots=True)
class Property:
    """One of an entity: its name, unit, the column or expression that it is in, and what Chelu calls it."""

    name: str
    unit: str
    expression: str
    source: str


@dataclass(frozen=True, slots=True)
class EntityKind:
    """One kind. view: in schema ``open``, with a row an entity; '' for what is not in the database's columns."""

    name: str
    about: str
    view: str
    properties: tuple[Property, ...]
    is_measured: bool = True  # by a sensor, at a time


_ABOUT = {
    "WeatherObserved": "what weather stations measured; the level of a stream is its streamGauge",
    "AirQualityObserved": "particles and gases",
    "NoiseLevelObserved": "sound levels",
    "WaterQualityObserved": "what is in the water, and how warm it is",
    "CrowdFlowObserved": "people that pass or are there",
    "OffStreetParking": "parking spots, as gates count them",
}
_TRAFFIC = (
    Property("intensity", "1/h", "flow_vph", "flow_vph"),
    Property("averageVehicleSpeed", "km/h", "mean_speed_mps * 3.6", "mean_speed_mps"),
    Property("density", "1/km", "density_vpkm", "density_vpkm"),
    Property("queueLength", "m", "queue_m", "queue_m"),
    Property("travelTime", "s", "travel_time_s", "travel_time_s"),
    Property("levelOfService", "1", "service", "service"),
    Property("congestionIndex", "1", "index", "index"),
)


@cache
def kinds() -> Mapping[str, EntityKind]:
    """All of them, by name."""
    measured = {name: _measured(name, about) for name, about in _ABOUT.items()}
    others = (
        EntityKind(TRAFFIC_FLOW, "traffic on road segments, by minute", _view(TRAFFIC_FLOW), _TRAFFIC, is_measured=False),
        EntityKind(DEVICE, "the register's devices", _view(DEVICE), (), is_measured=False),
        EntityKind(ROAD_SEGMENT, "the roads that each site drives on now", "", (), is_measured=False),
    )
    return {**measured, **{one.name: one for one in others}}


def _measured(name: str, about: str) -> EntityKind:
    found = []
    for one in QUANTITIES:
        kind, _, of = one.model.partition(".")
        if kind == name:
            scale = conversion(one.usual_unit, one)
            value = f"(avg(value) FILTER (WHERE quantity = {one.code}) - {scale.offset!r}) / {scale.factor!r}"
            found.append(Property(of, one.usual_unit, value, one.name))
    return EntityKind(name, about, _view(name), tuple(found))


def codes(kind: EntityKind) -> list[int]:
    """The quantities of a kind that sensors measure."""
    names = {one.source for one in kind.properties}
    return [one.code for one in QUANTITIES if one.name in names and one.model.startswith(kind.name + ".")]


def _view(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
