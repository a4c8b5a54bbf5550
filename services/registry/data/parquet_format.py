"""Exports as Parquet: a row group a page, and a footer that is put together from what was remembered of each.

Of each page pyarrow writes a whole file, from which the row group is taken; what the file's footer says of it is moved to where
it stands in the export, and remembered. So a footer needs no page again, and who writes it holds none. Fields have the numbers of
parquet.thrift (github.com/apache/parquet-format).
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from chelu.messages import Batch, Stream
from services.registry.data import arrow, thrift
from services.registry.data.remembered import Remembered
from services.registry.data.thrift import Elements, Field, Struct

MAGIC = b"PAR1"
END_BYTES = len(MAGIC) + 4  # behind a footer: its length and the magic
COMPRESSION = "zstd"
# FileMetaData
ROWS, ROW_GROUPS = 3, 4
# RowGroup; its ordinal has 16 bits, and is only for encryption
COLUMNS, GROUP_OFFSET, ORDINAL = 1, 5, 7
# ColumnChunk: file_offset, meta_data, offset_index_offset, column_index_offset
CHUNK_OFFSETS, CHUNK_METADATA = (2, 4, 6), 3
PAGE_OFFSETS = (9, 10, 11, 14)  # ColumnMetaData: data, index, dictionary, Bloom filter


@dataclass(frozen=True, slots=True)
class Parquet:
    """Columns with their types and units (version 2.6 of the format, zstd)."""

    stream: Stream

    def head(self) -> bytes:
        return MAGIC

    def part(self, batch: Batch, devices: Mapping[int, str], at: int) -> tuple[bytes, bytes]:
        content = self._file(arrow.table(self.stream, batch, devices))
        stop = len(content) - END_BYTES - int.from_bytes(content[-END_BYTES : -len(MAGIC)], "little")
        footer = thrift.read(bytes(content[stop:-END_BYTES]))
        (group,) = thrift.value_of(footer, ROW_GROUPS).values
        return bytes(content[len(MAGIC) : stop]), thrift.write(_moved(group, at - len(MAGIC)))

    def resume(self, remembered: Iterable[bytes]) -> None:
        """A page needs nothing of those before it."""

    def tail(self, at: int, remembered: Remembered) -> Iterator[bytes]:  # noqa: ARG002 - offsets are from the file's beginning
        """The footer in pieces: the groups' parts of it are of the size of the rest of what is in memory."""
        head, rest = self._around(remembered)
        length = 0
        for piece in itertools.chain([head], remembered.each, [rest]):
            length += len(piece)
            yield piece
        yield length.to_bytes(4, "little") + MAGIC

    def _around(self, remembered: Remembered) -> tuple[bytes, bytes]:
        """What of a footer stands before its row groups, and behind them."""
        footer = thrift.read(bytes(self._file(None)[len(MAGIC) : -END_BYTES]))
        before = tuple(field for field in footer if field.number < ROW_GROUPS)
        behind = tuple(field for field in footer if field.number > ROW_GROUPS)
        head = thrift.write(thrift.changed(before, ROWS, lambda _: remembered.rows))[:-1]  # without the end of a struct
        groups = bytes([ROW_GROUPS - before[-1].number << 4 | thrift.LIST]) + thrift.list_head(thrift.STRUCT, remembered.parts)
        rest = thrift.write((Field(ROW_GROUPS, thrift.TRUE, None), *behind))[1:]  # numbers count on from the field before
        return head + groups, rest

    def _file(self, table: pa.Table | None) -> memoryview:
        """A file of its own with one row group, or none."""
        target = io.BytesIO()
        with pq.ParquetWriter(target, arrow.schema(self.stream), compression=COMPRESSION) as writer:
            if table is not None:
                writer.write_table(table, row_group_size=len(table))
        return target.getbuffer()


def _moved(group: Struct, by: int) -> Struct:
    """A row group that stands so many bytes further behind."""
    whole = tuple(field for field in group if field.number != ORDINAL)
    whole = thrift.changed(
        whole, COLUMNS, lambda columns: Elements(columns.type, tuple(_chunk(one, by) for one in columns.values))
    )
    return thrift.changed(whole, GROUP_OFFSET, lambda offset: offset + by)


def _chunk(chunk: Struct, by: int) -> Struct:
    inner = thrift.changed(chunk, CHUNK_METADATA, lambda metadata: _shifted(metadata, PAGE_OFFSETS, by))
    return _shifted(inner, CHUNK_OFFSETS, by)


def _shifted(struct: Struct, numbers: Sequence[int], by: int) -> Struct:
    """Offsets moved; one that is 0 is none."""
    return tuple(Field(one.number, one.type, one.value + by) if one.number in numbers and one.value else one for one in struct)
