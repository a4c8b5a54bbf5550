"""Documents of T/ITS 0180.1-2021 opened: what stands at the top of each, and the objects of their lists side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.documents import check_storable, parse_object
from chelu.codec.json_columns import Floats, Number, read_numbers
from chelu.codec.roadside import Asked
from chelu.codec.tits0180_answers import is_asked
from chelu.codec.wire_id import wire_number
from chelu.errors import MalformedError, NotAllowedError, OutOfRangeError
from chelu.messages import PARTICIPANT, Batch, DropReason, Frames, Rejects, empty

EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # 2000 … 2100: seconds or µs are told from milliseconds
MOST_ITEMS = 1024  # of one document: beyond, it is refused whole
LONGEST_TEXT = 128
KEPT = ("seqNum", "timeStamp")  # of a document, for its answer
DOCUMENT = "document"  # what a document is called in a sentence
Ints = npt.NDArray[np.int64]
Faults = dict[int, tuple[DropReason, str]]  # an object's place → why it is refused
Item = tuple[Any, str]  # an object of a list, and what it is called in a sentence

TIME = Number("time_ms", "timeStamp", EARLIEST_MS, LATEST_MS, is_required=True)
PLACE = (
    Number("longitude_deg", "longitude", -180, 180),
    Number("latitude_deg", "latitude", -90, 90),
    Number("elevation_m", "elevation", -500, 9000),
)
NEEDED_PLACE = (
    Number("longitude_deg", "longitude", -180, 180, is_required=True),
    Number("latitude_deg", "latitude", -90, 90, is_required=True),
    PLACE[2],
)
_NODE = re.compile(r"(?:([0-9]{1,5})[-_/:])?([0-9]{1,5})")


@dataclass(slots=True)
class Opened:
    """Documents (d,) with their frames, and the objects (n,) of their lists with the documents they are in.

    names: what each object is called in a sentence, such as ``ptcList[3]``.
    """

    documents: list[dict[str, Any]] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    of: list[int] = field(default_factory=list)
    refused: list[tuple[int, DropReason, str]] = field(default_factory=list)

    def add(self, frame: int, document: dict[str, Any], items: Iterable[Item]) -> None:
        """Take a document in with its objects."""
        number = len(self.documents)
        self.documents.append(document)
        self.frame.append(frame)
        for item, name in items:
            self.items.append(item)
            self.names.append(name)
            self.of.append(number)

    def refuse(self, frame: int, error: MalformedError) -> None:
        """A document that is not taken at all."""
        self.refused.append((frame, DropReason(error.reason), error.detail))

    @property
    def item_frame(self) -> Ints:
        """(n,) the frame of each object."""
        return np.array(self.frame, np.int64)[np.array(self.of, np.int64)] if self.of else np.empty(0, np.int64)

    def asked(self) -> tuple[Asked, ...]:
        """The documents that want an answer; one that could not be read at all gets none, since nobody knows whether it did."""
        found = zip(self.frame, self.documents, strict=True)
        return tuple(Asked(frame, {name: one.get(name) for name in KEPT}) for frame, one in found if is_asked(one))

    def rejects(self, faults: Iterable[tuple[int, DropReason, str]]) -> Rejects:
        """All that is refused: documents, and objects by (place, reason, sentence)."""
        frames = self.item_frame
        found = self.refused + [(int(frames[row]), reason, detail) for row, reason, detail in faults]
        index = np.array([frame for frame, _, _ in found], np.int64)
        return Rejects(index, tuple(reason for _, reason, _ in found), tuple(detail for _, _, detail in found))


def parsed(
    frames: Frames, frame: int, heads: Sequence[Number] = (TIME,), *, stamp: str = "timestamp"
) -> tuple[dict[str, Any], dict[str, float]]:
    """One document and the numbers at its top; MalformedError naming the first bad field.

    stamp: a further name of ``timeStamp``, which it has afterwards.
    """
    document = parse_object(frames.frame(frame))
    renamed(document, stamp, "timeStamp")
    renamed(document, "timestamp", "timeStamp")
    found = read_numbers([document], heads, names=[DOCUMENT])
    if found.faults:
        raise MalformedError(DropReason.OUT_OF_RANGE, found.faults[0])
    return document, {name: float(column[0]) for name, column in found.columns.items()}


def renamed(item: dict[str, Any], other: str, name: str) -> None:
    """The standard writes ``timeStamp`` and ``timestamp``: either is taken for the other."""
    if name not in item and other in item:
        item[name] = item.pop(other)


def list_of(document: dict[str, Any], *names: str) -> list[Any]:
    """The list that goes by one of these names, empty when it is absent; MalformedError for something else in its place."""
    for name in names:
        value = document.get(name)
        if isinstance(value, list):
            if len(value) > MOST_ITEMS:
                raise MalformedError(DropReason.OVERLONG, f"{name} has {len(value)} objects where {MOST_ITEMS} are taken")
            return value
        if value is not None:
            raise MalformedError(DropReason.UNDECODABLE, str(NotAllowedError(name, value, "a list")))
    return []


def serial_of(document: dict[str, Any], *, is_required: bool = True) -> str:
    """``rscuSn``; MalformedError when it is missing or no text."""
    value = document.get("rscuSn")
    if value is None and not is_required:
        return ""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20 else value
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TEXT:
        raise MalformedError(DropReason.UNDECODABLE, str(NotAllowedError("rscuSn", value, f"1 to {LONGEST_TEXT} characters")))
    return text


def node_of(value: object) -> tuple[int | None, int]:
    """Region (None: not said) and number of a crossing's id: ``12`` or ``7-12``; MalformedError for one that is no NodeID."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 65535 else value
    found = _NODE.fullmatch(text) if isinstance(text, str) else None
    numbers = [int(part) for part in found.groups() if part] if found else [65536]
    if max(numbers) > 65535:
        allowed = "a NodeID of YD/T 3709, 0 … 65535, or a region's and a node's as in 7-12"
        raise MalformedError(DropReason.OUT_OF_RANGE, str(NotAllowedError("crossId", value, allowed)))
    return (numbers[0] if len(numbers) == 2 else None), numbers[-1]


@lru_cache(maxsize=4096)
def number_of(serial: str) -> int:
    """The 8-byte id that stands for an RSCU's serial number."""
    return wire_number(serial)


def leftovers(item: Any, held: frozenset[str]) -> dict[str, Any]:
    """What an object says beyond the fields that columns hold; empty for most."""
    return {key: value for key, value in item.items() if key not in held and value is not None} if isinstance(item, dict) else {}


def unstorable(body: dict[str, Any], name: str) -> str:
    """A sentence when the database cannot hold this part of an object, else nothing."""
    try:
        check_storable(body)
    except MalformedError as error:
        return f"{name}: {error.detail}"
    return ""


def whole(column: Floats, dtype: str) -> npt.NDArray[Any]:
    """As integers; what is absent, or bad and about to be refused, is 0."""
    limits = np.iinfo(dtype)
    is_there = (column >= limits.min) & (column < float(limits.max) + 1)  # as floats: 2**63 is no int64
    return np.asarray(np.where(is_there, column, 0).astype(dtype))


def masked(name: str, column: Floats, dtype: str) -> dict[str, npt.NDArray[Any]]:
    """An optional integer column with its mask."""
    return {name: whole(column, dtype), f"{name}_valid": ~np.isnan(column)}


def micros(column_ms: Floats) -> Ints:
    """Milliseconds as whole µs; 0 for none."""
    return np.asarray(np.rint(np.where(np.abs(column_ms) < LATEST_MS * 2, column_ms, 0.0) * 1000), np.int64)


def too_early(column_ms: Floats, path: str, names: Sequence[str], faults: Faults) -> None:
    """Add a fault where a time that may be absent lies before 2000: it is not in milliseconds."""
    for row in np.flatnonzero(column_ms < EARLIEST_MS).tolist():
        said = str(OutOfRangeError(f"{names[row]}.{path}", float(column_ms[row]), EARLIEST_MS, LATEST_MS))
        faults.setdefault(row, (DropReason.OUT_OF_RANGE, said))


def nobody() -> Batch:
    """No participants."""
    return empty(PARTICIPANT).with_columns(frame=np.empty(0, np.int64))
