"""How an export's rows are written: each page as bytes that stand behind those of the page before it, between a head and a tail.

What a format has to remember of a page until the tail comes back as bytes, so that another process can go on from there. Every
format gives the same bytes for the same pages, whether it was interrupted or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import pyarrow as pa
import pyarrow.csv as pacsv

from chelu.messages import Batch, Stream
from services.registry.data import arrow
from services.registry.data.mcap_format import Mcap
from services.registry.data.parquet_format import Parquet
from services.registry.data.remembered import Remembered


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    MCAP = "mcap"


class Encoder(Protocol):
    """Writes one file, its parts in order; `at` is the byte of the file at which a part begins. One thread."""

    def head(self) -> bytes:
        """The beginning."""
        ...

    def part(self, batch: Batch, devices: Mapping[int, str], at: int) -> tuple[bytes, bytes]:
        """A page's bytes, and what has to be remembered of it; devices: names by key. The page has at least one row."""
        ...

    def resume(self, remembered: Iterable[bytes]) -> None:
        """Before `part`: what was remembered of the parts before it."""
        ...

    def tail(self, at: int, remembered: Remembered) -> Iterator[bytes]:
        """The end, in pieces, by what was remembered of all parts."""
        ...


@dataclass(frozen=True, slots=True)
class Csv:
    """Comma-separated values (RFC 4180) with a line of names; what is not there is empty."""

    stream: Stream

    def head(self) -> bytes:
        names = [arrow.DEVICE_ID, *(each.name for each in arrow.columns_of(self.stream))]
        return (",".join(names) + "\n").encode()

    def part(self, batch: Batch, devices: Mapping[int, str], at: int) -> tuple[bytes, bytes]:  # noqa: ARG002 - wherever it stands
        columns = arrow.typed(self.stream, batch, devices)
        target = pa.BufferOutputStream()
        options = pacsv.WriteOptions(include_header=False, quoting_style="none")  # no value of ours has a comma or a quote
        pacsv.write_csv(pa.table(columns), target, options)
        return target.getvalue().to_pybytes(), b""

    def resume(self, remembered: Iterable[bytes]) -> None:
        """Nothing is remembered."""

    def tail(self, at: int, remembered: Remembered) -> Iterator[bytes]:  # noqa: ARG002 - there is none
        return iter(())


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A JSON object a line, as the read API writes them."""

    stream: Stream

    def head(self) -> bytes:
        return b""

    def part(self, batch: Batch, devices: Mapping[int, str], at: int) -> tuple[bytes, bytes]:  # noqa: ARG002 - wherever it stands
        return arrow.texts_of(arrow.json_texts(self.stream, batch, devices, end="\n")).data.tobytes(), b""

    def resume(self, remembered: Iterable[bytes]) -> None:
        """Nothing is remembered."""

    def tail(self, at: int, remembered: Remembered) -> Iterator[bytes]:  # noqa: ARG002 - there is none
        return iter(())


@dataclass(frozen=True, slots=True)
class Written:
    """A format's media type, the rows of a page that keep its memory within bounds, and its encoder of a stream's file."""

    media_type: str
    rows: int
    encoder: Callable[[Stream], Encoder]


FORMATS: Mapping[Format, Written] = {
    Format.CSV: Written("text/csv", 8_192, Csv),
    Format.NDJSON: Written("application/x-ndjson", 4_096, JsonLines),
    Format.PARQUET: Written("application/vnd.apache.parquet", 8_192, Parquet),
    Format.MCAP: Written("application/x-mcap", 4_096, Mcap),
}
