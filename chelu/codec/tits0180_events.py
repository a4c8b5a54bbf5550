"""Traffic events of T/ITS 0180.1-2021 (tables 17 and 18): JSON → rows of `chelu.messages.EVENT` with all else beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chelu.codec.json_columns import Number, read_numbers
from chelu.codec.roadside import Decoded, Reading
from chelu.codec.roadside_reading import moving
from chelu.codec.tits0180_documents import (
    EARLIEST_MS,
    LATEST_MS,
    NEEDED_PLACE,
    Faults,
    Opened,
    leftovers,
    list_of,
    masked,
    micros,
    nobody,
    parsed,
    serial_of,
    too_early,
    unstorable,
    whole,
)
from chelu.codec.tits0180_participants import SOURCE_OF
from chelu.errors import MalformedError, NotAllowedError
from chelu.messages import EVENT, Batch, Column, DropReason, Frames, filled

LARGEST_ID = 2**53  # beyond, a number in JSON is not exact everywhere
NUMBERS = (
    Number("event_id", "eventId", -LARGEST_ID, LARGEST_ID, is_whole=True),
    Number("event_type", "eventType", 0, 65535, is_required=True, is_whole=True),
    Number("source", "sourceType", 0, 8, is_whole=True),
    Number("started_ms", "startTime", 0, LATEST_MS, unavailable=0),
    Number("ended_ms", "endTime", 0, LATEST_MS, unavailable=0),
    *NEEDED_PLACE,
    Number("speed_mps", "speed", 0, 300),
    Number("speed_confidence", "speedConfidence", 0, 7, is_whole=True),
    Number("heading_deg", "heading", 0, 360),
    Number("heading_confidence", "headingConfidence", 0, 7, is_whole=True),
    Number("event_confidence", "eventConfidence", 0, 255),
    Number("link_id", "linkId", 0, 2**32 - 1, is_whole=True),
    Number("lane_id", "laneId", 0, 255, is_whole=True),
)
HELD = frozenset({spec.path for spec in NUMBERS} - {"sourceType", "eventConfidence"})


def read_events(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """``event/up`` documents, a payload each: `chelu.codec.roadside.Reader`."""
    opened, times = Opened(), list[float]()
    for frame in range(len(frames)):
        try:
            document, numbers = parsed(frames, frame)
            serial_of(document)
            events = list_of(document, "eventList")
            opened.add(frame, document, [(item, f"eventList[{place}]") for place, item in enumerate(events)])
            times.append(numbers["time_ms"])
        except MalformedError as error:
            opened.refuse(frame, error)
    batch, faults = _batch(opened, np.array(times, np.float64), readings)
    keep = np.ones(len(opened.items), np.bool_)
    keep[list(faults)] = False
    rejects = opened.rejects((row, *faults[row]) for row in sorted(faults))
    return Decoded(nobody(), (), rejects, {EVENT.name: batch.take(keep)}, asked=opened.asked())


def _batch(opened: Opened, times_ms: npt.NDArray[np.float64], readings: Sequence[Reading]) -> tuple[Batch, Faults]:
    found = read_numbers(opened.items, NUMBERS, names=opened.names)
    faults: Faults = {row: (DropReason.OUT_OF_RANGE, said) for row, said in found.faults.items()}
    one, frame, of = found.columns, opened.item_frame, np.array(opened.of, np.int64)
    for path, name in (("startTime", "started_ms"), ("endTime", "ended_ms")):
        too_early(one[name], path, opened.names, faults)
    involved, details = _details(opened, faults)
    source = masked("source", one["source"], "u1")
    columns: dict[str, Column] = {
        "frame": frame,
        "time_us": micros(times_ms)[of] if len(of) else np.empty(0, np.int64),
        **masked("event_id", one["event_id"], "i8"),
        **masked("event_type", one["event_type"], "u2"),
        "source": SOURCE_OF[np.minimum(source["source"], len(SOURCE_OF) - 1)],
        "source_valid": source["source_valid"],
        **_instant("started_us", one["started_ms"]),
        **_instant("ended_us", one["ended_ms"]),
        **moving(one, frame, readings),
        "elevation_m": one["elevation_m"],
        **{key: value for name in CODES for key, value in masked(name, one[name], "u1").items()},
        **masked("link_id", one["link_id"], "i8"),
        "participants": whole(involved, "u2"),
    }
    return filled(EVENT, len(frame), **columns).with_columns(details=details), faults


CODES = ("speed_confidence", "heading_confidence", "event_confidence", "lane_id")


def _instant(name: str, column_ms: npt.NDArray[np.float64]) -> dict[str, Column]:
    return {name: micros(column_ms), f"{name}_valid": np.asarray(column_ms >= EARLIEST_MS)}


def _details(opened: Opened, faults: Faults) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]:
    """How many participants each event names, and all that the columns do not hold."""
    involved, details = np.zeros(len(opened.items)), np.empty(len(opened.items), np.object_)
    for row, item in enumerate(opened.items):
        body, name = leftovers(item, HELD), opened.names[row]
        named = body.get("ptcList", [])
        if not isinstance(named, list):
            faults.setdefault(row, (DropReason.UNDECODABLE, str(NotAllowedError(f"{name}.ptcList", named, "a list"))))
        elif said := unstorable(body, name):
            faults.setdefault(row, (DropReason.UNDECODABLE, said))
        else:
            involved[row] = len(named)
        details[row] = body
    return involved, details
