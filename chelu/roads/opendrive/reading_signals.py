"""Signals of roads, and those that hold for further roads by reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chelu.roads.opendrive.model import Road, Signal
from chelu.xml_tree import Element

ORIENTATIONS = {"+", "-", "none"}


def signals(road: Element) -> tuple[Signal, ...]:
    """Those that stand at a road."""
    return tuple(_signal(one, road.needed("id")) for one in road.below("signals", "signal"))


def _signal(element: Element, road: str) -> Signal:
    return Signal(
        id=element.needed("id"),
        road=road,
        name=element.get("name", ""),
        s_m=element.number("s"),
        t_m=element.number("t"),
        height_m=element.number("zOffset", 0.0),
        is_dynamic=element.get("dynamic", "no") in {"yes", "true"},
        orientation=_orientation(element),
        country=element.get("country", ""),
        type=element.get("type", ""),
        subtype=element.get("subtype", ""),
        value=element.number("value", -1.0),
        unit=element.get("unit", ""),
        lanes=_validity(element),
    )


def _orientation(element: Element) -> str:
    value = element.get("orientation", "none")
    if value not in ORIENTATIONS:
        raise element.wrong(f"orientation = {value!r}: +, - or none")
    return value


def _validity(element: Element) -> tuple[tuple[int, int], ...]:
    return tuple((one.integer("fromLane"), one.integer("toLane")) for one in element.all("validity"))


def signal_references(root: Element, roads: Mapping[str, Road]) -> dict[str, Road]:
    """The roads, each with the signals that it has by reference too; ElementError for one of a signal that is not there."""
    known = {signal.id: signal for road in roads.values() for signal in road.signals}
    found = dict(roads)
    for element in (one for road in root.all("road") for one in road.below("signals", "signalReference")):
        own = element.parent.parent if element.parent is not None else None
        signal = known.get(element.needed("id"))
        if signal is None or own is None:
            raise element.wrong(f"id = {element.get('id')!r}: there is no such signal")
        road = found[own.needed("id")]
        also = replace(
            signal,
            road=road.id,
            s_m=element.number("s"),
            t_m=element.number("t"),
            orientation=_orientation(element),
            lanes=_validity(element),
        )
        found[road.id] = replace(road, signals=(*road.signals, also))
    return found
