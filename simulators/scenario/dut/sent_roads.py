"""What a roadside unit sent of its road, held against it: MAP against its lanes and phases, RSI against its events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_time import minute_time_us
from chelu.codec.places import geodetic
from chelu.geo import LocalFrame
from chelu.road_events.message import RoadEvent
from chelu.roads import sumo
from chelu.roads.comparing import apart
from chelu.roads.mapdata.differences import differences
from chelu.roads.mapdata.intersections import NodeId, gathered, named
from simulators.map_message import map_frames
from simulators.scenario.dut.sent import Heard
from simulators.scenario.sumo_net import roads_of
from simulators.scenario.trace import Floats, Trace

Json = Mapping[str, Any]
SAME_M = 50.0  # what is told of farther from an event of its kind is another one, which is not there
KNOWN_S = 2.0  # until when, and how lately, an event must have been told
TICK_S = 0.1
MEASURES = ("map_errors", "missed_events", "ghost_events", "event_error_m")
_KINDS = {"rtes": ("rte_id", "event_type", "event_pos"), "rtss": ("rts_id", "sign_type", "sign_pos")}


@dataclass(frozen=True, slots=True)
class RoadTruth:
    """What there is to be told of a run's road. maps: frames that say it; events: with the places of the site's frame."""

    frame: LocalFrame
    events: tuple[RoadEvent, ...]
    maps: tuple[bytes, ...] = ()
    nodes: Mapping[NodeId, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: Trace, frame: LocalFrame, events: Sequence[RoadEvent]) -> RoadTruth:
        """One MAP for each signal, numbered as their SPAT is: a road without signals has none."""
        numbers = {name: number for number, name in enumerate(sorted(trace.lights), 1)}
        maps = tuple(map_frames(sumo.read(roads_of(trace, 0)), frame, numbers)) if numbers else ()
        return cls(frame, tuple(events), maps, gathered(cv2x.to_json(one) for one in maps).nodes)


@dataclass(frozen=True, slots=True)
class Item:
    """An event or sign as it was told once. path (k, 3): None where none was told; place likewise."""

    is_sign: bool
    number: int
    code: int
    text: str
    place: Floats | None
    path: Floats | None
    arrival_s: float


def measured_roads(heard: Heard, trace: Trace, truth: RoadTruth) -> dict[str, float]:
    """Of one run, by metric."""
    items, lasted_s = list(_items(heard, truth.frame)), float(trace.last[0]) * trace.step_s
    matched = [_matching(one, truth) for one in items]
    off = [off_m for row, off_m in matched if row >= 0]
    ghosts = {(one.is_sign, one.number) for one, (row, _) in zip(items, matched, strict=True) if row < 0}
    return {
        "map_errors": _map_errors(heard, truth),
        "missed_events": _missed(items, [row for row, _ in matched], len(truth.events), lasted_s),
        "ghost_events": float(len(ghosts)),
        "event_error_m": max(off) if off else np.nan,
    }


def _map_errors(heard: Heard, truth: RoadTruth) -> float:
    """Every thing counts once that any MAP tells otherwise than it is; NaN where there is none to tell, and none is told."""
    told, errors = set[NodeId](), set[str]()
    for value in {repr(one.value): one.value for one in heard.decoded.messages if one.kind == "map"}.values():
        sent = gathered([value]).nodes
        told |= set(sent)
        errors |= set(differences({at: truth.nodes[at] for at in sent if at in truth.nodes}, sent))
    errors |= {f"node {named(at)} is not sent" for at in truth.nodes if at not in told}
    return float(len(errors)) if truth.nodes or told else np.nan


def _items(heard: Heard, frame: LocalFrame) -> Iterator[Item]:
    """What holds when it arrives: what is over by then withdraws, and tells of nothing."""
    for message in heard.decoded.messages:
        if message.kind != "rsi":
            continue
        arrival_us = heard.arrival_us[message.frame]
        reference = message.value.get("reference_position") or {}
        for kind, (number, code, place) in _KINDS.items():
            for item in message.value.get(kind, ()):
                if not _is_over(item.get("time_details", {}), arrival_us):
                    paths = [
                        _local([geodetic(point, reference) for point in one["active_path"]], frame)
                        for one in item.get("reference_paths", ())
                    ]
                    yield Item(
                        is_sign=kind == "rtss",
                        number=int(item[number]),
                        code=int(item[code]),
                        text=_text(item.get("description")),
                        place=_local([geodetic(item[place], reference)], frame)[0] if item.get(place) else None,
                        path=np.concatenate(paths) if paths else None,
                        arrival_s=(arrival_us - heard.anchor_us) / 1e6,
                    )


def _is_over(details: Json, arrival_us: int) -> bool:
    if details.get("end_time") is None:
        return False
    minute, mark, now = (np.array([one], np.int64) for one in (details["end_time"], 0, arrival_us))
    return bool(minute_time_us(minute, mark, now)[0] < arrival_us)


def _text(description: Json | None) -> str:
    if not description:
        return ""
    if "textString" in description:
        return str(description["textString"])
    return bytes.fromhex(description["textGB2312"]).decode("gb2312", "replace")


def _local(places: Sequence[tuple[float, float, float]], frame: LocalFrame) -> Floats:
    latitude, longitude, elevation = np.array(places, np.float64).T
    return np.nan_to_num(frame.to_local(latitude, longitude, elevation), nan=np.inf)


def _matching(item: Item, truth: RoadTruth) -> tuple[int, float]:
    """Which event is told of (−1: none), and how far off."""
    found = [
        (_off_m(item, event, truth.frame), row)
        for row, event in enumerate(truth.events)
        if (event.is_sign, event.code, event.text) == (item.is_sign, item.code, item.text)
    ]
    near = [(off, row) for off, row in found if off[0] <= SAME_M]
    if not near:
        return -1, np.inf
    off, row = min(near)
    return row, max(off)


def _off_m(item: Item, event: RoadEvent, frame: LocalFrame) -> tuple[float, float]:
    """How far it begins from where it should, and how far its place and path are off at the most: inf where one is not told."""
    place = None if event.place is None else _places(event.place, frame=frame)[0]
    path = _places(*event.path, frame=frame) if event.path else None
    own, told = (_first(place, path), _first(item.place, item.path))
    begins = float(np.hypot(*(own - told)[:2])) if own is not None and told is not None else np.inf
    off = [begins]
    if place is not None:
        off.append(np.inf if item.place is None else float(np.hypot(*(item.place - place)[:2])))
    if path is not None:
        off.append(np.inf if item.path is None or not np.isfinite(item.path).all() else apart(path, item.path)[0])
    return begins, max(off)


def _first(place: Floats | None, path: Floats | None) -> Floats | None:
    return place if place is not None else None if path is None else np.asarray(path[0])


def _places(*points: Any, frame: LocalFrame) -> Floats:
    return _local([(one.latitude_deg, one.longitude_deg, one.elevation_m or 0.0) for one in points], frame)


def _missed(items: Sequence[Item], rows: Sequence[int], events: int, lasted_s: float) -> float:
    """Of all tenths of a second from KNOWN_S on, for each event: at which it had not been told within so long."""
    if not events:
        return np.nan
    ticks = np.arange(KNOWN_S, lasted_s + 1e-9, TICK_S)
    told = np.zeros((events, len(ticks)), np.bool_)
    for one, row in zip(items, rows, strict=True):
        if row >= 0:
            told[row] |= (one.arrival_s <= ticks) & (one.arrival_s > ticks - KNOWN_S)
    return float(1.0 - told.mean()) if len(ticks) else np.nan
