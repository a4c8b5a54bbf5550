"""A page of a stored stream: which rows it has, and the COPY by which they are read back into columns (`chelu.store.reading`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from chelu.messages import Batch, Field, Stream
from chelu.store import reading
from chelu.store.reading import Output, instant, outputs_of, stream_outputs
from chelu.store.schema import column_of

WINDOW_US = 1_000_000
WHOSE = {"bsm": "vehicle_id", "participant": "participant_id"}  # by stream, the column that says which road user a row is of
COMMITTED = Field("committed_us", "i8", "µs", "when the row's batch was durable, UTC", optional=True)


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: [from_us, to_us) of event time, one device or all, from behind a (time, device) on, at most about `limit`.

    whose: a road user's number in the stream's column of that name (`WHOSE`); None: everybody's.
    """

    from_us: int
    to_us: int
    limit: int
    device_key: int | None = None
    after: tuple[int, int] | None = None
    whose: int | None = None

    def windows(self, width_us: int = WINDOW_US) -> Iterator[tuple[int, int]]:
        """The page's time cut up, each piece eight times as long as the one before it.

        Rows lie in the table about as they came, and its index says which blocks hold which times, but not their order: a piece
        is what has to be sorted, so it should hold about a page's rows, however many there are a second. One device's rows come
        in order from the index over device and time: they are one piece.
        """
        start_us = max(self.from_us, self.after[0] if self.after else 0)
        if self.device_key is not None and start_us < self.to_us:
            yield start_us, self.to_us
            return
        while start_us < self.to_us:
            stop_us = min(self.to_us, start_us + width_us)
            yield start_us, stop_us
            start_us, width_us = stop_us, width_us * 8

    def parameters(self) -> dict[str, object]:
        """What `copy_sql` is executed with."""
        after_us, after_key = self.after or (self.from_us, -1)
        return {
            "from_us": self.from_us,
            "to_us": self.to_us,
            "limit": self.limit,
            "device_key": self.device_key,
            "after_us": after_us,
            "after_key": after_key,
            "whose": self.whose,
        }


@cache
def outputs(stream: Stream) -> tuple[Output, ...]:
    """The columns of a stream as they are read back: header, the stream's own, when committed."""
    return (*stream_outputs(stream), *outputs_of(column_of(COMMITTED), "batch", np.dtype(COMMITTED.dtype)))


@cache
def copy_sql(stream: Stream) -> str:
    """The COPY that reads one page. A page ends with all rows of its last (time, device), so that the next one loses none."""
    columns = ", ".join(output.sql for output in outputs(stream))
    whose = f"AND (%(whose)s::bigint IS NULL OR r.{WHOSE[stream.name]} = %(whose)s)" if stream.name in WHOSE else ""
    return f"""COPY (SELECT {columns} FROM stream.{stream.name} AS r LEFT JOIN stream.batch USING (batch_id)
        WHERE r.time >= {instant("from_us")} AND r.time < {instant("to_us")}
          AND (r.time, r.device_key) > ({instant("after_us")}, %(after_key)s)
          AND (%(device_key)s::integer IS NULL OR r.device_key = %(device_key)s) {whose}
        ORDER BY r.time, r.device_key FETCH FIRST %(limit)s ROWS WITH TIES) TO STDOUT (FORMAT BINARY)"""  # noqa: S608 - names of ours


def read(stream: Stream, copied: bytes) -> Batch:
    """The batch in the bytes of a COPY of `copy_sql`; MalformedError when their length is not that of whole rows."""
    return reading.read(outputs(stream), copied)


def read_nothing(stream: Stream) -> Batch:
    """The batch of an empty COPY."""
    return read(stream, reading.NOTHING)


def cursor(batch: Batch) -> tuple[int, int]:
    """The (time, device) that a batch ends with."""
    return int(batch["time_us"][-1]), int(batch["device_key"][-1])
