"""A batch on its way through the pipeline, and what every kind of payload does with it: rows added, rows refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
from chelu.messages import Batch, DropReason, Flag, concatenate
from chelu.quality.checks import Limits
from chelu.quality.timing import TimingLimits, late, skewed
from services.ingest.frames import is_absurd
from services.ingest.prepared import Refusal
from services.ingest.routes import Route, Routes

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Rules:
    """Parameters of the pipeline; reports: limits of documents and of MAP, RSI and telemetry."""

    streams: Mapping[str, Limits]
    reports: TimingLimits
    payload_bytes: int = 1 << 20


@dataclass(slots=True)
class Work:
    """A batch on its way through."""

    messages: Messages
    routes: Routes
    route: npt.NDArray[np.int32]
    may_have_waited: npt.NDArray[np.bool_]
    frames: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    tables: dict[str, Batch]
    refusals: list[Refusal]
    missing: dict[str, int]
    asked: list[tuple[int, Mapping[str, Any]]]

    def route_of(self, message: int) -> Route:
        return self.routes.rows[int(self.route[message])]

    def refuse(self, message: int, reason: DropReason, detail: str) -> None:
        self.refusals.append(Refusal(message, reason, detail, self.messages.payload(message)))


def begin(messages: Messages, route: npt.NDArray[np.int32], routes: Routes, *, is_backlog: bool) -> Work:
    """With nothing done yet; is_backlog: see `services.ingest.pipeline.prepare`."""
    total = len(messages)
    may_have_waited = (messages.sequence >= 0) | messages.retained
    if is_backlog:
        may_have_waited |= messages.qos > 0
    return Work(
        messages=messages,
        routes=routes,
        route=route,
        may_have_waited=may_have_waited,
        frames=np.zeros(total, np.int64),
        rows=np.zeros(total, np.int64),
        tables={},
        refusals=[],
        missing={},
        asked=[],
    )


def welcome(work: Work, chosen: Indices) -> npt.NDArray[np.int32]:
    """Those of the messages whose routes refuse nothing; the others are refused."""
    good = []
    for message in chosen.tolist():
        route = work.route_of(message)
        if route.refusal is not None:
            work.refuse(message, route.refusal, route.detail)
        else:
            good.append(message)
    return np.array(good, np.int32)


def keep_whole(work: Work, source: npt.NDArray[np.int32], limits: TimingLimits) -> None:
    """Whole payloads as they are; the event time is the arrival."""
    if not len(source):
        return
    columns = header(work, source, work.messages.arrival_us[source], limits)
    payloads = [work.messages.payload(message) for message in source.tolist()]
    kinds = [work.route_of(message).stream for message in source.tolist()]
    add(work, "message", columns, kind=kinds, payload=payloads, value=[None] * len(source))


def header(
    work: Work, source: npt.NDArray[np.int32], time_us: npt.NDArray[np.int64], limits: TimingLimits
) -> dict[str, npt.NDArray[Any]]:
    """The header of rows of low rate; a time that no clock shows is replaced by the arrival and flagged."""
    arrival_us = work.messages.arrival_us[source]
    absurd = is_absurd(time_us, arrival_us)
    time_us = np.where(absurd, arrival_us, time_us)
    clock = absurd | skewed(time_us, time_us, arrival_us, work.may_have_waited[source], limits)
    flags = np.where(clock, int(Flag.CLOCK), 0) | np.where(late(time_us, arrival_us, limits), int(Flag.LATE), 0)
    np.add.at(work.rows, source, 1)
    return {
        "message": source,
        "time_us": time_us,
        "arrival_us": arrival_us,
        "device_key": work.routes.device_key[work.route[source]],
        "flags": flags.astype(np.int16),
    }


def add(work: Work, table: str, columns: dict[str, npt.NDArray[Any]], **objects: Sequence[object]) -> None:
    """Rows of a header's columns, and of objects (n,) each."""
    for name, values in objects.items():
        columns[name] = np.empty(len(values), np.object_)
        columns[name][:] = list(values)
    put(work, table, Batch(columns))


def put(work: Work, table: str, batch: Batch) -> None:
    """Rows behind those that the table has already."""
    work.tables[table] = concatenate([work.tables[table], batch]) if table in work.tables else batch
