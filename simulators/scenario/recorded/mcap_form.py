"""Recordings as MCAP: a run as `chelu scenario run` writes it, or what the registry kept of the streams around an event."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mcap.exceptions import McapError
from mcap.reader import McapReader, make_reader

from chelu.geo import LocalFrame
from simulators.scenario.recorded.rows import Recorded, UnreadableRecordingError, samples_of, warnings_of
from simulators.scenario.recorded.tables import local
from simulators.scenario.trace import Floats, Ints

ACTORS, WARNINGS, LIGHTS = "/actors/", "/warnings", "/lights"
STREAMS = {"/chelu/bsm": "vehicle_id", "/chelu/participant": "participant_id"}  # and what tells their speakers apart
FRAME, WARNED = "frame site", "warnings"  # metadata; the latter of a run in which warnings could come, though none may have
_CAPTURED = (
    "time_us",
    "latitude_deg",
    "longitude_deg",
    "elevation_m",
    "heading_deg",
    "speed_mps",
    "acceleration_longitudinal_mps2",
    "arrival_us",
)
Row = Mapping[str, Any]


def read(path: Path, origin: LocalFrame | None) -> list[Recorded]:
    """The one recording in the file. origin: else that of the site, as a capture has it."""
    try:
        with path.open("rb") as file:
            reader = make_reader(file)
            rows = _rows(reader)
            about = {record.name: record.metadata for record in reader.iter_metadata()}
    except (OSError, McapError, ValueError) as error:
        raise UnreadableRecordingError(str(path), f"it is no whole MCAP file ({error})") from None
    own = list(_own(rows))
    columns = _columns(own) if own else local(_columns(list(_captured(rows))), str(path), origin or _frame(about))
    warnings = warnings_of(rows.get(WARNINGS, ())) if WARNINGS in rows or WARNED in about else None
    return [Recorded(str(path), samples_of(columns, str(path)), warnings, _lights(rows.get(LIGHTS, ())))]


def _rows(reader: McapReader) -> Mapping[str, list[Row]]:
    """The JSON documents by topic, in the file's order; those that are no objects, and other encodings, are left out."""
    found: dict[str, list[Row]] = defaultdict(list)
    for _, channel, message in reader.iter_messages(log_time_order=False):
        wanted = channel.topic.startswith(ACTORS) or channel.topic in {WARNINGS, LIGHTS, *STREAMS}
        if wanted and channel.message_encoding == "json":
            document = json.loads(message.data)
            if isinstance(document, dict):
                found[channel.topic].append(document)
    return found


def _own(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    for topic, documents in rows.items():
        if topic.startswith(ACTORS):
            yield from ({**document, "actor": topic.removeprefix(ACTORS)} for document in documents)


def _captured(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    for topic, key in STREAMS.items():
        for document in rows.get(topic, ()):
            found = {name: document.get(name) for name in _CAPTURED}
            yield {**found, "acceleration_mps2": found.pop("acceleration_longitudinal_mps2"), "actor": str(document.get(key))}


def _columns(rows: Sequence[Row]) -> Mapping[str, Any]:
    names = list(dict.fromkeys(name for row in rows[:1] for name in row)) if rows else []
    names = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    return {
        name: np.array([row.get(name) or "" for row in rows], np.str_)
        if name == "actor"
        else np.array([np.nan if row.get(name) is None else row[name] for row in rows])
        for name in names
    }


def _lights(rows: Sequence[Row]) -> Mapping[str, tuple[Floats, Ints]]:
    by_signal: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in rows:
        by_signal[str(row["signal"])].append((float(row["time_s"]), int(row["light"])))
    return {
        name: (np.array([time_s for time_s, _ in shown]), np.array([light for _, light in shown], np.int64))
        for name, shown in by_signal.items()
    }


def _frame(about: Mapping[str, Mapping[str, str]]) -> LocalFrame | None:
    if FRAME not in about:
        return None
    return LocalFrame(*(float(about[FRAME][name]) for name in ("latitude_deg", "longitude_deg", "elevation_m")))
