"""Documents of T/ITS 0180.1 made wrong, and what must be true of their reading whatever they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from random import Random
from typing import Any

import numpy as np

from chelu.codec.json_columns import Number
from chelu.codec.roadside import AS_WRITTEN, Decoded, Reader, Reading
from chelu.codec.tits0180_events import NUMBERS as EVENTS
from chelu.codec.tits0180_events import read_events
from chelu.codec.tits0180_lamps import GROUPS, PHASES, read_lamps
from chelu.codec.tits0180_participants import CHECKED, read_participants
from chelu.codec.tits0180_participants import NUMBERS as PARTICIPANTS
from chelu.codec.tits0180_traffic import NUMBERS as TRAFFICS
from chelu.codec.tits0180_traffic import read_traffic
from chelu.messages import EVENT, PARTICIPANT, SPAT, TRAFFIC, Batch, Stream, frames_of
from evaluation.fuzz.must import must
from evaluation.fuzz.strange import STRANGE, damaged

ALONE = 500  # one document of so many is read by itself, too
REFERENCE_US = 1_700_000_000_000_000
MS = REFERENCE_US // 1000
READINGS = (AS_WRITTEN, Reading(is_heading_mirrored=True, is_gcj02=True), Reading(speed_factor=0.5, phase_rule="entry"))
# Stream of the topic → reader, table, definition, the lists of its documents and what stands in them.
FORMS: Mapping[str, tuple[Reader, Stream, Mapping[str, tuple[Number, ...]]]] = {
    "participant": (read_participants, PARTICIPANT, {"ptcList": (*PARTICIPANTS, *CHECKED)}),
    "lamp": (read_lamps, SPAT, {"lampRealInfos": PHASES, "Lamplist": GROUPS}),
    "event": (read_events, EVENT, {"eventList": EVENTS}),
    "traffic": (read_traffic, TRAFFIC, {"directionFlowData": TRAFFICS, "laneFlowData": TRAFFICS}),
}
NAMES = tuple(FORMS)
_SORT = re.compile(r"is missing|is outside|is not allowed: [a-zA-Z ]+|is before|objects where|NUL|nested|JSON")


def frames(random: Random, count: int) -> list[bytes]:
    """Documents of every kind, a third of them sound; the others with strange values, or damaged as text."""
    return [damaged(random, _document(random)) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> list[str]:
    """Read a batch by every reader; returns what each document was taken for, or why not. AssertionError when that is wrong."""
    frames = frames_of(batch, REFERENCE_US)
    readings = [READINGS[len(payload) % len(READINGS)] for payload in batch]
    taken, refused = dict[int, str](), dict[tuple[str, int], str]()
    for name, (reader, stream, _) in FORMS.items():
        decoded = reader(frames, readings)
        rows, rejects = rows_of(decoded, stream), decoded.rejects
        taken |= dict.fromkeys(set(rows["frame"].tolist()), name)
        for frame, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
            must(bool(detail), "every refusal has a sentence")
            refused.setdefault((name, frame), f"{reason}: {name} {_sort_of(detail)}")
        _check_rows(rows, stream)
        _check_storable(decoded, rows)
        for index in range(0, len(batch), ALONE):
            at = min(len(batch) - 1, index + random.randrange(ALONE))
            alone = rows_of(reader(frames_of([batch[at]], REFERENCE_US), [readings[at]]), stream)
            _must_be_same(rows.take(rows["frame"] == at), alone, stream, batch[at])
    return [taken.get(frame) or refused.get((_form_of(payload), frame), "no rows") for frame, payload in enumerate(batch)]


def _sort_of(detail: str) -> str:
    """What is wrong, without where and with which value."""
    found = _SORT.search(detail)
    return found.group() if found else "something else"


def _form_of(payload: bytes) -> str:
    """Which stream's document it set out to be."""
    lists = {name: forms[2] for name, forms in FORMS.items()}
    return next((name for name, keys in lists.items() if any(f'"{key}"'.encode() in payload for key in keys)), NAMES[0])


def rows_of(decoded: Decoded, stream: Stream) -> Batch:
    """A reader's rows of its own stream."""
    return decoded.participant if stream is PARTICIPANT else decoded.others[stream.name]


def _check_rows(rows: Batch, stream: Stream) -> None:
    types = {name: column.dtype for name, column in rows.columns.items() if name not in {"frame", "details"}}
    must(types == stream.dtypes(), f"rows have the columns of {stream.name}")
    must(bool((np.diff(rows["frame"]) >= 0).all()), "rows are in the order of their documents")
    with np.errstate(invalid="ignore"):
        for name, low, high in (
            ("heading_deg", 0, 360),
            ("latitude_deg", -90.1, 90.1),
            ("speed_mps", 0, 300),
            ("likely_end_s", 0, 2e5),
        ):
            if name in rows.columns:
                must(not bool(((rows[name] < low) | (rows[name] > high)).any()), f"{name} is within {low} … {high}")
    for name, column in rows.columns.items():
        must(column.dtype.kind != "f" or not bool(np.isinf(column).any()), f"{name} is finite")


def _check_storable(decoded: Decoded, rows: Batch) -> None:
    """What goes into the database as JSON can be written as such, in UTF-8 and without NUL."""
    bodies = [remark.body for remark in decoded.remarks] + (rows["details"].tolist() if "details" in rows.columns else [])
    text = json.dumps(bodies, ensure_ascii=False, allow_nan=False).encode()
    must(b"\\u0000" not in text.replace(b"\\\\", b""), "no text holds NUL")


def _must_be_same(mine: Batch, alone: Batch, stream: Stream, payload: bytes) -> None:
    for name in stream.dtypes():
        same = np.array_equal(mine[name], alone[name], equal_nan=mine[name].dtype.kind == "f")
        must(same, f"neighbours change nothing in {name}: {payload!r}")


def _document(random: Random) -> dict[str, Any]:
    name = NAMES[random.randrange(len(NAMES))]
    found: dict[str, Any] = {"timeStamp": MS + random.randrange(1000), "rscuSn": "R1", "ack": random.random() < 0.2}
    if name in {"lamp", "traffic"}:
        found["crossId"] = random.choice(["12", "7-12", "65535"])
    if name == "traffic":
        found |= {"periodTime": random.randint(1, 6), "startTime": MS - 60_000, "endTime": MS}
    for key, specs in FORMS[name][2].items():
        found[key] = [_item(random, specs) for _ in range(random.choice([0, 1, 2, 4]))]
    return found


def _item(random: Random, specs: tuple[Number, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"branchId": "E1", "laneId": "2"} if specs is TRAFFICS else {}
    for spec in specs:
        if spec.is_required or random.random() < 0.6:
            low, high = (MS - 1000, MS) if spec.high > 1e12 else (int(np.ceil(spec.low)), int(spec.high))
            found[spec.path] = random.randint(low, high)
    if random.random() < 0.2:
        found["license"] = deepcopy(random.choice(STRANGE))
    return found
