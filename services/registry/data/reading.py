"""Rows of an export out of the database: a COPY a page, so that no connection waits for somebody who reads slowly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.messages import Batch, Stream
from chelu.store.reading import Output, batch_of, instant, rows_in, stream_outputs
from services.registry.data.pages import Place
from services.registry.data.plan import Plan, is_placed

INTERNAL = "batch_id"
FIRST = "SELECT (extract(epoch FROM min(r.time)) * 1000000)::bigint AS first FROM stream.{stream} AS r WHERE {where}"
COPY = """COPY (SELECT {columns} FROM stream.{stream} AS r WHERE {where}
    ORDER BY r.time, r.device_key FETCH FIRST %(limit)s ROWS WITH TIES) TO STDOUT (FORMAT BINARY)"""
AFTER = "(r.time, r.device_key) > ({after}, %(after_key)s)"


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the place behind them."""

    batch: Batch
    behind: Place

    @property
    def keys(self) -> list[int]:
        """The devices that its rows came from."""
        return [int(key) for key in np.unique(self.batch["device_key"])]


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of one stream that a plan takes."""

    stream: Stream
    plan: Plan
    limit: int

    def page(self, connection: Connection[DictRow], place: Place) -> Page | None:
        """The next page behind `place` that has rows, None behind the last."""
        while place.after_us < self.plan.to_us:
            if place.is_long:
                place = place.begun(self._first(connection, place), self.plan.to_us)
                continue
            batch = self._copy(connection, place)
            last = (int(batch["time_us"][-1]), int(batch["device_key"][-1])) if len(batch) else None
            place = place.behind(len(batch), last, limit=self.limit, end_us=self.plan.to_us)
            if len(batch):
                return Page(batch, place)
        return None

    def _first(self, connection: Connection[DictRow], place: Place) -> int | None:
        text = FIRST.format(stream=self.stream.name, where=self._where())
        row = connection.execute(text.encode(), self._parameters(place)).fetchone()
        return row["first"] if row else None

    def _copy(self, connection: Connection[DictRow], place: Place) -> Batch:
        columns = outputs(self.stream)
        text = COPY.format(columns=", ".join(each.sql for each in columns), stream=self.stream.name, where=self._where())
        copied = bytearray()
        with connection.cursor() as cursor, cursor.copy(text.encode(), self._parameters(place)) as copy:
            for piece in copy:
                copied += piece
        rows = rows_in(columns, copied)
        return batch_of(columns, in_one_order(rows, columns))

    def _where(self) -> str:
        conditions = [
            f"r.time >= {instant('after_us')}",
            f"r.time < {instant('stop_us')}",
            "r.batch_id <= %(last_batch)s",
            AFTER.format(after=instant("after_us")),
        ]
        if self.plan.keys_of(self.stream) is not None:
            conditions.append("r.device_key = ANY(%(devices)s)")
        if self.plan.area and is_placed(self.stream):
            conditions.append("r.latitude_deg BETWEEN %(south)s AND %(north)s AND r.longitude_deg BETWEEN %(west)s AND %(east)s")
        return " AND ".join(conditions)

    def _parameters(self, place: Place) -> dict[str, Any]:
        area, keys = self.plan.area, self.plan.keys_of(self.stream)
        return {
            "after_us": place.after_us,
            "after_key": place.after_key,
            "stop_us": place.stop_us(self.plan.to_us),
            "last_batch": self.plan.last_batch,
            "limit": self.limit,
            "devices": list(keys or ()),
            **({name: getattr(area, name) for name in ("south", "north", "west", "east")} if area else {}),
        }


def outputs(stream: Stream) -> tuple[Output, ...]:
    """The columns of a stream that leave the house; how ingest wrote them stays."""
    return tuple(each for each in stream_outputs(stream) if each.name != INTERNAL)


def in_one_order(rows: npt.NDArray[Any], columns: tuple[Output, ...]) -> npt.NDArray[Any]:
    """Rows (n,) in order of time and device, those that have both in common in the order of their bytes: always the same."""
    names = {each.name: f"value{index}" for index, each in enumerate(columns)}
    time, device = rows[names["time_us"]], rows[names["device_key"]]
    is_next = (time[1:] == time[:-1]) & (device[1:] == device[:-1])
    if not is_next.any():
        return rows
    tied = np.zeros(len(rows), np.bool_)
    tied[1:] |= is_next
    tied[:-1] |= is_next
    at = np.flatnonzero(tied)
    bytes_of = np.ascontiguousarray(rows[at]).view(f"S{rows.dtype.itemsize}")
    ordered = rows.copy()
    ordered[at] = rows[at[np.lexsort((bytes_of, device[at], time[at]))]]
    return ordered
