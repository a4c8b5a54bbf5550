"""MCAP files (mcap.dev, specification of version 0) written from columns, a chunk at a time. Needs the package mcap.

A file is `opening`, whatever `Topics.add` and `chunk` give, and `closing`, one behind the other. Nothing is kept between them but
what they return, and the same messages give the same bytes, so that a file that was left half written can go on. Pure.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard
from mcap import records as mcap_records
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)
from mcap.writer import MCAP0_MAGIC

from chelu.errors import OutOfRangeError

LIBRARY = "chelu"
ENCODING, SCHEMA_ENCODING = "json", "jsonschema"
COMPRESSION, LEVEL = "zstd", 3
NS_PER_US = 1000
MOST_CHANNELS = 65_535
MESSAGE = np.dtype(
    [("opcode", "u1"), ("length", "<u8"), ("channel", "<u2"), ("sequence", "<u4"), ("log", "<u8"), ("publish", "<u8")]
)
ENTRY = np.dtype([("time", "<u8"), ("offset", "<u8")])
INDEX_HEAD = struct.Struct("<BQHI")  # of a message index: opcode, length, channel, bytes of its entries
FIXED_BYTES = MESSAGE.itemsize - 9  # of a message, behind its opcode and its length


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts that lie one behind the other: text i is ``data[start[i]:start[i + 1]]``; data (bytes,) uint8, start (n + 1,)."""

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        """These."""
        start = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)]).astype(np.int64)
        return cls(np.frombuffer(b"".join(texts), np.uint8), start)


@dataclass(slots=True)
class Topics:
    """The topics of a file: their numbers in it, and the schemas of what is said on them."""

    schemas: dict[str, Schema] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)

    def add(self, topic: str, schema: str, content: bytes) -> bytes:
        """The records that make a topic known, nothing for one that is; content: the JSON schema of that name."""
        if topic in self.channels:
            return b""
        if len(self.channels) == MOST_CHANNELS:
            raise OutOfRangeError("topics of a file", len(self.channels) + 1, 1, MOST_CHANNELS)
        made: list[McapRecord] = []
        if schema not in self.schemas:
            self.schemas[schema] = Schema(data=content, encoding=SCHEMA_ENCODING, id=len(self.schemas) + 1, name=schema)
            made.append(self.schemas[schema])
        self.channels[topic] = Channel(
            id=len(self.channels) + 1, topic=topic, message_encoding=ENCODING, metadata={}, schema_id=self.schemas[schema].id
        )
        return _written([*made, self.channels[topic]])

    def number(self, topic: str) -> int:
        """What messages on a topic bear."""
        return int(self.channels[topic].id)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk with its indexes, and what the end of the file says of it: its index record, and messages by channel."""

    content: bytes
    index: bytes
    counts: Mapping[int, int]
    span_us: tuple[int, int]


def opening(metadata: Mapping[str, Mapping[str, str]]) -> bytes:
    """The beginning of a file."""
    return MCAP0_MAGIC + _written([Header("", LIBRARY), *_metadata(metadata)])


def chunk(channel: npt.NDArray[np.uint16], time_us: npt.NDArray[np.int64], texts: Texts, at: int) -> Chunk:
    """Messages (n,) with n > 0, in this order, as a chunk that begins at byte `at` of the file."""
    time_ns = time_us.astype(np.uint64) * np.uint64(NS_PER_US)
    records, offsets = _messages(channel, time_ns, texts)
    span_us = int(time_us.min()), int(time_us.max())
    span_ns = span_us[0] * NS_PER_US, span_us[1] * NS_PER_US
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(records.data)
    content = _written([mcap_records.Chunk(COMPRESSION, packed, span_ns[1], span_ns[0], zlib.crc32(records.data), len(records))])
    entries = _entries(channel, time_ns, offsets)
    indexes = {number: _message_index(number, part.tobytes()) for number, part in entries.items()}
    lengths = np.cumsum([len(content), *map(len, indexes.values())]).tolist()
    index = ChunkIndex(
        chunk_length=len(content),
        chunk_start_offset=at,
        compression=COMPRESSION,
        compressed_size=len(packed),
        message_end_time=span_ns[1],
        message_index_length=lengths[-1] - len(content),
        message_index_offsets={number: at + length for number, length in zip(indexes, lengths[:-1], strict=True)},
        message_start_time=span_ns[0],
        uncompressed_size=len(records),
    )
    counts = {number: len(part) for number, part in entries.items()}
    return Chunk(b"".join([content, *indexes.values()]), _written([index]), counts, span_us)


def _entries(
    channel: npt.NDArray[np.uint16], time_ns: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]
) -> dict[int, npt.NDArray[Any]]:
    """Of each channel when its messages are, and where in the chunk."""
    order = np.argsort(channel, kind="stable")
    different, first = np.unique(channel[order], return_index=True)
    entries = np.empty(len(channel), ENTRY)
    entries["time"], entries["offset"] = time_ns[order], offsets[order]
    return dict(zip(different.tolist(), np.split(entries, first[1:]), strict=True))


@dataclass(frozen=True, slots=True)
class Told:
    """What the end of a file has to know of a chunk: as `Chunk` has it."""

    index: bytes
    counts: Mapping[int, int]
    span_us: tuple[int, int]


def closing(at: int, topics: Topics, chunks: Iterable[Told], metadata: Mapping[str, Mapping[str, str]]) -> Iterator[bytes]:
    """The end of a file, whose data ends at byte `at`, in pieces: what lets a reader find everything without reading all.

    chunks: all of the file's, gone through once; none is kept.
    """
    data_end = _written([DataEnd(0)])
    yield data_end
    summary, sums = _Summary(at + len(data_end)), _Sums()
    yield from summary.group(Opcode.SCHEMA, [_written(topics.schemas.values())])
    yield from summary.group(Opcode.CHANNEL, [_written(topics.channels.values())])
    yield from summary.group(Opcode.CHUNK_INDEX, map(sums.index, chunks))
    yield from summary.group(Opcode.STATISTICS, [_written([sums.statistics(topics, len(metadata))])])
    yield from summary.group(Opcode.METADATA_INDEX, [_written(_metadata_indexes(metadata))])
    yield summary.end() + MCAP0_MAGIC


@dataclass(slots=True)
class _Sums:
    """Messages by channel, and when, of the chunks whose indexes have been asked for."""

    chunks: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    span_us: tuple[int, int] | None = None

    def index(self, chunk: Told) -> bytes:
        self.chunks += 1
        for number, count in chunk.counts.items():
            self.counts[number] = self.counts.get(number, 0) + count
        first, last = self.span_us or chunk.span_us
        self.span_us = min(first, chunk.span_us[0]), max(last, chunk.span_us[1])
        return chunk.index

    def statistics(self, topics: Topics, metadata: int) -> Statistics:
        start_us, stop_us = self.span_us or (0, 0)
        return Statistics(
            attachment_count=0,
            channel_count=len(topics.channels),
            channel_message_counts=self.counts,
            chunk_count=self.chunks,
            message_count=sum(self.counts.values()),
            message_end_time=stop_us * NS_PER_US,
            message_start_time=start_us * NS_PER_US,
            metadata_count=metadata,
            schema_count=len(topics.schemas),
        )


class _Summary:
    """The summary as it is given out: how long each group of records was, and the check of all of it."""

    def __init__(self, start: int) -> None:
        self._start, self._where, self._check = start, start, 0
        self._offsets: list[SummaryOffset] = []

    def group(self, opcode: Opcode, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Records of one kind."""
        began = self._where
        for piece in pieces:
            yield self._counted(piece)
        if self._where > began:
            self._offsets.append(SummaryOffset(group_opcode=opcode, group_start=began, group_length=self._where - began))

    def end(self) -> bytes:
        """Where the groups are, and the footer."""
        where = self._where
        offsets = self._counted(_written(self._offsets))
        unchecked = self._counted(_written([Footer(self._start, where, 0)])[:-4])  # the check is of all before it
        return offsets + unchecked + self._check.to_bytes(4, "little")

    def _counted(self, piece: bytes) -> bytes:
        self._where += len(piece)
        self._check = zlib.crc32(piece, self._check)
        return piece


def _messages(
    channel: npt.NDArray[np.uint16], time_ns: npt.NDArray[np.uint64], texts: Texts
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Message records one behind the other, and where each begins: heads are put in their places, texts fill the rest."""
    head = np.zeros(len(texts), MESSAGE)
    head["opcode"], head["channel"], head["log"], head["publish"] = Opcode.MESSAGE, channel, time_ns, time_ns
    head["length"] = np.diff(texts.start) + FIXED_BYTES
    offsets = texts.start[:-1] - texts.start[0] + np.arange(len(texts)) * MESSAGE.itemsize
    places = offsets[:, None] + np.arange(MESSAGE.itemsize)
    is_text = np.ones(len(texts) * MESSAGE.itemsize + int(texts.start[-1] - texts.start[0]), np.bool_)
    is_text[places] = False
    records = np.empty(len(is_text), np.uint8)
    records[places] = head.view(np.uint8).reshape(len(texts), -1)
    records[is_text] = texts.data[texts.start[0] : texts.start[-1]]
    return records, offsets


def _message_index(channel: int, entries: bytes) -> bytes:
    return INDEX_HEAD.pack(Opcode.MESSAGE_INDEX, 2 + 4 + len(entries), channel, len(entries)) + entries


def _metadata(metadata: Mapping[str, Mapping[str, str]]) -> list[Metadata]:
    return [Metadata(name=name, metadata=dict(values)) for name, values in metadata.items()]


def _metadata_indexes(metadata: Mapping[str, Mapping[str, str]]) -> list[MetadataIndex]:
    """Where `opening` has put them."""
    found, where = list[MetadataIndex](), len(MCAP0_MAGIC) + len(_written([Header("", LIBRARY)]))
    for one in _metadata(metadata):
        length = len(_written([one]))
        found.append(MetadataIndex(offset=where, length=length, name=one.name))
        where += length
    return found


def _written(records: Iterable[Any]) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return bytes(builder.end())  # type: ignore[no-untyped-call]
