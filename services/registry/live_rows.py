"""What can be watched live, and how a message becomes rows: streams by name, their topics, and decoding. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
from chelu.codec import cv2x, envelope
from chelu.codec.envelope import Envelope
from chelu.messages import STREAMS, Batch
from chelu.topics import PICTURE, TOPICS, Kind, Payload, Standard, Topic
from services.registry.json_rows import json_lines

TABLES = {"bsm": "bsm", "rsm": "participant", "spat": "spat"}  # a topic's stream → what its rows are called
HEADER = ("time_us", "arrival_us", "device_key")
PIECE_ROWS = 50  # an item has no more: a burst is thinned inside, too, and no frame gets long
STANDARD = "YD/T 3709-2020"  # the only wire layout that is decoded


@dataclass(frozen=True, slots=True)
class Source:
    """One topic of one device (or of a site: the picture) that somebody watches."""

    topic: str
    stream: str
    payload: Payload
    device_id: str = ""
    device_key: int = -1
    envelope: str = "auto"


@dataclass(slots=True)
class Item:
    """What one source said in one round. Its text is made once, whoever reads it."""

    source: Source
    rows: int
    batch: Batch | None = None  # decoded rows, or
    documents: Sequence[str] = ()  # JSON lines, or
    payload: bytes = b""  # passed on as it is
    _text: str | None = field(default=None, repr=False)

    def text(self) -> str:
        """JSON lines."""
        if self._text is None:
            self._text = "".join(self._lines())
        return self._text

    def _lines(self) -> Iterator[str]:
        if self.batch is None:
            yield from self.documents
        else:
            yield from json_lines(self.batch, {self.source.device_key: self.source.device_id})


@cache
def topics_by_stream() -> Mapping[str, tuple[Topic, ...]]:
    """The rows of the topic table that may be watched, by stream: what devices say, and what warns them.

    Retained topics are left out: only the first who subscribes would get what is retained.
    """
    found: dict[str, tuple[Topic, ...]] = {}
    for row in TOPICS:
        name = TABLES.get(row.stream, row.stream) if row.payload is Payload.FRAMES else row.stream
        is_said = row.from_device or row.stream == "warning"
        is_read = row.payload is Payload.JSON or (row.payload is Payload.FRAMES and name in STREAMS)
        if is_said and is_read and row.kinds and not row.retained and "/" not in name and row.standard is not Standard.OPENV2X:
            found[name] = (*found.get(name, ()), row)
    return dict(sorted(found.items()))


def streams_of(kind: Kind) -> list[str]:
    """What can be watched of a device of this kind."""
    return [name for name, rows in topics_by_stream().items() if any(kind in row.kinds for row in rows)]


def sources(stream: str, kind: Kind, device: Mapping[str, Any]) -> list[Source]:
    """The topics of one device that make up a stream."""
    return [
        Source(
            row.topic(kind, device["device_id"]),
            stream,
            row.payload,
            device["device_id"],
            device["device_key"],
            device["envelope"],
        )
        for row in topics_by_stream()[stream]
        if kind in row.kinds
    ]


def picture_source(site_id: str) -> Source:
    """The topic of a site's live picture."""
    return Source(PICTURE.format(site=site_id), "picture", Payload.COLUMNS)


def items(messages: Messages, watched: Mapping[str, Source]) -> tuple[list[Item], int]:
    """What the messages on watched topics say, in order by source, and how many of them could not be read."""
    numbers, place = np.unique(messages.topic, return_inverse=True)
    sources_ = [watched.get(messages.topics[number]) for number in numbers.tolist()]
    found, refused = list[Item](), 0
    framed = np.array([source is not None and source.payload is Payload.FRAMES for source in sources_], np.bool_)
    if framed.any():
        found, refused = _framed(messages.take(framed[place]), watched)
    for index, source in enumerate(sources_):
        if source is None or source.payload is Payload.FRAMES:
            continue
        part = messages.take(place == index)
        if source.payload is Payload.COLUMNS:
            found.extend(Item(source, 1, payload=part.payload(row)) for row in range(len(part)))
        else:
            lines = [line for row in range(len(part)) if (line := _document(source, part, row))]
            refused += len(part) - len(lines)
            pieces = [lines[start : start + PIECE_ROWS] for start in range(0, len(lines), PIECE_ROWS)]
            found += [Item(source, len(piece), documents=piece) for piece in pieces]
    return found, refused


def _framed(messages: Messages, watched: Mapping[str, Source]) -> tuple[list[Item], int]:
    """All frames are split and decoded together; then the rows of each topic are taken out of its stream's batch."""
    numbers, place = np.unique(messages.topic, return_inverse=True)
    mine = [watched[messages.topics[number]] for number in numbers.tolist()]
    codes = np.array([Envelope(source.envelope).code for source in mine], np.uint8)[place]
    is_bsm = np.array([source.stream == "bsm" for source in mine], np.bool_)[place]
    frames, rejects = envelope.split_columns(messages.data, messages.start, messages.stop, codes, is_bsm, messages.arrival_us)
    decoded = cv2x.decode(frames)
    batches = {"bsm": decoded.bsm, "participant": decoded.participant, "spat": decoded.spat}
    found = list[Item]()
    for name, batch in batches.items():
        message = frames.source[batch["frame"]] if len(batch) else np.empty(0, np.int32)
        for index in np.unique(place[message]).tolist():
            if mine[index].stream == name:
                chosen = np.flatnonzero(place[message] == index)
                pieces = (chosen[start : start + PIECE_ROWS] for start in range(0, len(chosen), PIECE_ROWS))
                found += [_item(mine[index], batch.take(rows), messages.arrival_us[message[rows]]) for rows in pieces]
    return found, len(rejects) + len(decoded.rejects)


def _item(source: Source, batch: Batch, arrival_us: npt.NDArray[np.int64]) -> Item:
    """With the read API's names in its order; what only ingest can know is missing."""
    columns = dict(batch.columns)
    del columns["frame"]
    key = np.full(len(batch), source.device_key, np.int32)
    head = {"time_us": columns.pop("time_us"), "arrival_us": arrival_us, "device_key": key}
    return Item(source, len(batch), Batch({**head, **columns}))


def _document(source: Source, messages: Messages, row: int) -> str | None:
    try:
        document = json.loads(messages.payload(row))
        said = {"device_id": source.device_id, "arrival_us": int(messages.arrival_us[row]), "stream": source.stream}
        return json.dumps({**said, "document": document}, allow_nan=False, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return None
