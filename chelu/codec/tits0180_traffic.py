"""Traffic counted, T/ITS 0180.1-2021 tables 19 to 21: JSON → rows of `chelu.messages.TRAFFIC`, one for each flow and each lane.

The standard says that an entry holds a sequence of its flows (or lanes) and gives that sequence no name: flows may stand in
the entry's own object, one entry for each, or in a list within it under whatever name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chelu.codec.json_columns import Number, read_numbers
from chelu.codec.roadside import Decoded, Reading
from chelu.codec.roadside_reading import on_wgs84
from chelu.codec.tits0180_documents import (
    EARLIEST_MS,
    LATEST_MS,
    MOST_ITEMS,
    PLACE,
    TIME,
    Faults,
    Item,
    Opened,
    leftovers,
    list_of,
    masked,
    micros,
    nobody,
    node_of,
    parsed,
    serial_of,
    unstorable,
)
from chelu.errors import MalformedError
from chelu.messages import TRAFFIC, Batch, Column, DropReason, Frames, filled

FLOWS, LANES = ("directionFlowData", "flowType"), ("laneFlowData", "laneId")  # a list, and what marks its innermost objects
HEADS = (
    TIME,
    Number("period", "periodTime", 1, 6, is_required=True, is_whole=True),
    Number("started_ms", "startTime", EARLIEST_MS, LATEST_MS, is_required=True),
    Number("ended_ms", "endTime", EARLIEST_MS, LATEST_MS, is_required=True),
    Number("duration_s", "duration", 0, 1e9),
    Number("link_id", "linkId", 0, 2**32 - 1, is_whole=True),
)
NUMBERS = (
    *PLACE,
    Number("flow_type", "flowType", 1, 4, is_whole=True),
    Number("queue_m", "queueLength", 0, 1e5),
    Number("queue_vehicles", "queueCount", 0, 1e6, is_whole=True),
    Number("flow_pcu", "trafficFlow", 0, 1e6),
    Number("vehicles", "trafficNumber", 0, 1e6, is_whole=True),
    Number("wasted_s", "wasteTime", 0, 1e6),
    Number("congestion", "congestionLevel", 0, 3, is_whole=True),
)
FLOATS = ("elevation_m", "queue_m", "flow_pcu", "wasted_s")
CODES = {"flow_type": "u1", "queue_vehicles": "u4", "vehicles": "u4", "congestion": "u1"}
HELD = frozenset(spec.path for spec in NUMBERS)
HEAD_HELD = frozenset({*(spec.path for spec in HEADS if spec.path != "duration"), "rscuSn", FLOWS[0], LANES[0], "ack", "crossId"})


def read_traffic(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """``traffic/up`` documents, a payload each: `chelu.codec.roadside.Reader`."""
    opened, heads, flows = Opened(), list[dict[str, float]](), list[int]()
    for frame in range(len(frames)):
        try:
            document, numbers = parsed(frames, frame, HEADS)
            items = [list(_flat(list_of(document, name), name, marker)) for name, marker in (FLOWS, LANES)]
            numbers |= _checked_head(document, numbers, sum(map(len, items)))
            opened.add(frame, document, [*items[0], *items[1]])
            heads.append(numbers)
            flows.append(len(items[0]))
        except MalformedError as error:
            opened.refuse(frame, error)
    is_lane = [place >= flow for flow, total in zip(flows, _sizes(opened), strict=True) for place in range(total)]
    batch, faults = _batch(opened, heads, np.array(is_lane, np.bool_), readings)
    keep = np.ones(len(opened.items), np.bool_)
    keep[list(faults)] = False
    rejects = opened.rejects((row, *faults[row]) for row in sorted(faults))
    return Decoded(nobody(), (), rejects, {TRAFFIC.name: batch.take(keep)}, asked=opened.asked())


def _sizes(opened: Opened) -> list[int]:
    sizes: list[int] = np.bincount(np.array(opened.of, np.int64), minlength=len(opened.documents)).tolist()
    return sizes


def _checked_head(document: dict[str, Any], numbers: Mapping[str, float], items: int) -> dict[str, float]:
    """The crossing's numbers, where its id is one; MalformedError for what refuses the document."""
    serial_of(document)
    if items > MOST_ITEMS:
        raise MalformedError(DropReason.OVERLONG, f"{items} flows and lanes where {MOST_ITEMS} are taken")
    if numbers["ended_ms"] < numbers["started_ms"]:
        said = f"endTime = {numbers['ended_ms']:.0f} is before startTime = {numbers['started_ms']:.0f}"
        raise MalformedError(DropReason.OUT_OF_RANGE, said)
    if said := unstorable(leftovers(document, HEAD_HELD), "document"):
        raise MalformedError(DropReason.UNDECODABLE, said)
    if document.get("crossId") is None:
        return {"region": np.nan, "node": np.nan}
    region, node = node_of(document["crossId"])
    return {"region": np.nan if region is None else region, "node": node}


def _flat(entries: Sequence[Any], name: str, marker: str) -> Iterator[Item]:
    """The innermost objects with all that stands around them, and what each is called."""
    for place, entry in enumerate(entries):
        key = _inner(entry, marker)
        if not key:
            yield entry, f"{name}[{place}]"
            continue
        around = {other: value for other, value in entry.items() if other != key}
        for number, part in enumerate(entry[key]):
            yield ({**around, **part} if isinstance(part, dict) else part), f"{name}[{place}].{key}[{number}]"


def _inner(entry: Any, marker: str) -> str:
    """Under which name an entry holds a list of its flows or lanes; empty when it is one itself."""
    if not isinstance(entry, dict) or marker in entry:
        return ""
    lists = (key for key, value in entry.items() if isinstance(value, list) and any(isinstance(one, dict) for one in value))
    return next(lists, "")


def _batch(
    opened: Opened, heads: Sequence[Mapping[str, float]], is_lane: Column, readings: Sequence[Reading]
) -> tuple[Batch, Faults]:
    found = read_numbers(opened.items, NUMBERS, names=opened.names)
    faults: Faults = {row: (DropReason.OUT_OF_RANGE, said) for row, said in found.faults.items()}
    one, frame, of = found.columns, opened.item_frame, np.array(opened.of, np.int64)
    for row in np.flatnonzero(np.isnan(one["flow_type"]) & ~is_lane).tolist():
        faults.setdefault(row, (DropReason.OUT_OF_RANGE, f"{opened.names[row]}.flowType is missing"))
    latitude, longitude = on_wgs84(
        one["latitude_deg"], one["longitude_deg"], np.array([reading.is_gcj02 for reading in readings], np.bool_)[frame]
    )
    details = _details(opened, is_lane, faults)
    head = {name: np.array([numbers[name] for numbers in heads], np.float64)[of] for name in (heads[0] if heads else ())}
    if not head:
        return filled(TRAFFIC, 0).with_columns(frame=frame, details=details), faults
    columns: dict[str, Column] = {
        "frame": frame,
        "time_us": micros(head["time_ms"]),
        "period": head["period"].astype(np.uint8),
        "is_lane": is_lane,
        **{f"{name}_us": micros(head[f"{name}_ms"]) for name in ("started", "ended")},
        **{f"{name}_us_valid": np.ones(len(frame), np.bool_) for name in ("started", "ended")},
        **masked("region_id", head["region"], "u2"),
        **masked("intersection_id", head["node"], "u2"),
        **masked("link_id", head["link_id"], "i8"),
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        **{name: one[name] for name in FLOATS},
        **{key: value for name, dtype in CODES.items() for key, value in masked(name, one[name], dtype).items()},
    }
    return filled(TRAFFIC, len(frame), **columns).with_columns(details=details), faults


def _details(opened: Opened, is_lane: Column, faults: Faults) -> Column:
    """What the columns do not hold, of each object and of its document."""
    around = [leftovers(document, HEAD_HELD) for document in opened.documents]
    details = np.empty(len(opened.items), np.object_)
    for row, item in enumerate(opened.items):
        body, name = leftovers(item, HELD), opened.names[row]
        needed = ("branchId", "laneId") if is_lane[row] else ("branchId",)
        if missing := [key for key in needed if isinstance(item, dict) and key not in body]:
            faults.setdefault(row, (DropReason.OUT_OF_RANGE, f"{name}.{missing[0]} is missing"))
        elif said := unstorable(body, name):
            faults.setdefault(row, (DropReason.UNDECODABLE, said))
        details[row] = {**around[opened.of[row]], **body}
    return details
