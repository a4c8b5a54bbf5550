"""From received messages to a batch ready to be written: routed, decoded, checked, and every row accounted for. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
from chelu.codec import documents, gbt32960, jt808
from chelu.codec.jt808_frame import MARK
from chelu.errors import MalformedError
from chelu.messages import STREAMS, Batch, DropReason, Flag, Frames
from chelu.quality.checks import Hearing, Limits
from chelu.quality.timing import TimingLimits, late, skewed
from services.ingest.frames import Decode, Decoded, DecodedMessage, Opened, is_absurd, open_frames
from services.ingest.prepared import LAST_SEQUENCE, Prepared, Refusal
from services.ingest.quality import Memories, check_stream
from services.ingest.routes import Handling, Route, Routes

Indices = npt.NDArray[np.intp]
DecodeReports = Callable[[Frames], gbt32960.Decoded | jt808.Decoded]
TABLE_STREAMS = {"bsm": "bsm", "participant": "rsm", "spat": "spat"}  # table → the topic's stream, under which it is accounted


@dataclass(frozen=True, slots=True)
class Rules:
    """Parameters of the pipeline; reports: limits of documents and of MAP, RSI and telemetry."""

    streams: Mapping[str, Limits]
    reports: TimingLimits
    payload_bytes: int = 1 << 20


@dataclass(slots=True)
class _Work:
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

    def route_of(self, message: int) -> Route:
        return self.routes.rows[int(self.route[message])]

    def refuse(self, message: int, reason: DropReason, detail: str) -> None:
        self.refusals.append(Refusal(message, reason, detail, self.messages.payload(message)))


def prepare(
    messages: Messages,
    route: npt.NDArray[np.int32],
    routes: Routes,
    *,
    decode: Decode,
    memories: Memories,
    rules: Rules,
    is_backlog: bool = False,
) -> tuple[Prepared, Memories]:
    """Work through messages in the order of their arrival; `route` (n,) are their rows of `routes`.

    is_backlog: the broker (or our spool) may have held these QoS 1 messages back, so an old hearing time says nothing against a
    clock. Messages with a sequence number may always have waited in their sender's spool, retained ones at the broker.
    """
    work = _begin(messages, route, routes, is_backlog=is_backlog)
    handling = routes.handling[route]
    fits = _refuse_oversize(work, handling, rules.payload_bytes)
    fits &= _refuse_numbers(work, fits & (handling != Handling.IGNORE))
    for message in np.flatnonzero(fits & (handling == Handling.REFUSE)).tolist():
        found = work.route_of(message)
        work.refuse(message, found.refusal or DropReason.UNKNOWN_TOPIC, found.detail)
    memories = _frames(work, np.flatnonzero(fits & (handling == Handling.FRAMES)), decode, memories, rules)
    _documents(work, np.flatnonzero(fits & (handling == Handling.JSON)), rules.reports)
    _telemetry(work, np.flatnonzero(fits & (handling == Handling.TELEMETRY)), rules)
    _blobs(work, np.flatnonzero(fits & (handling == Handling.BYTES)), rules.reports)
    done = Prepared(messages, routes, route, work.frames, work.rows, work.tables, work.refusals, work.missing)
    return done, memories


def _begin(messages: Messages, route: npt.NDArray[np.int32], routes: Routes, *, is_backlog: bool) -> _Work:
    total = len(messages)
    may_have_waited = (messages.sequence >= 0) | messages.retained
    if is_backlog:
        may_have_waited |= messages.qos > 0
    return _Work(
        messages=messages,
        routes=routes,
        route=route,
        may_have_waited=may_have_waited,
        frames=np.zeros(total, np.int64),
        rows=np.zeros(total, np.int64),
        tables={},
        refusals=[],
        missing={},
    )


def _refuse_oversize(work: _Work, handling: npt.NDArray[np.int8], most: int) -> npt.NDArray[np.bool_]:
    sizes = work.messages.stop - work.messages.start
    too_long = (sizes > most) & (handling != Handling.IGNORE)
    for message in np.flatnonzero(too_long).tolist():
        work.refuse(message, DropReason.OVERLONG, f"{sizes[message]} bytes where {most} are taken")
    return np.asarray(~too_long)


def _refuse_numbers(work: _Work, candidates: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    good = work.messages.sequence <= LAST_SEQUENCE
    for message in np.flatnonzero(candidates & ~good).tolist():
        work.refuse(message, DropReason.OUT_OF_RANGE, f"a sequence number beyond {LAST_SEQUENCE}")
    return np.asarray(good)


def _frames(work: _Work, chosen: Indices, decode: Decode, memories: Memories, rules: Rules) -> Memories:
    if not len(chosen):
        return memories
    opened = open_frames(work.messages, chosen, work.routes, work.route)
    work.frames += opened.found
    work.refusals += opened.refusals
    if not len(opened.frames):
        return memories
    decoded = decode(opened.frames)
    rejects = decoded.rejects
    for frame, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
        source = int(opened.frames.source[frame])
        work.refusals.append(Refusal(source, reason, detail, opened.frames.frame(frame)))
    _messages(work, decoded.messages, opened, rules.reports)
    return _streams(work, decoded, opened, memories, rules)


def _streams(work: _Work, decoded: Decoded, opened: Opened, memories: Memories, rules: Rules) -> Memories:
    after = dict(memories.streams)
    for table, rows in (("bsm", decoded.bsm), ("participant", decoded.participant), ("spat", decoded.spat)):
        if not len(rows):
            continue
        batch = _with_header(work, rows, opened)
        batch = _without_absurd(work, batch, opened)
        source = batch["message"]
        hearing = Hearing(opened.frames.reference_us[batch["frame"]], batch["arrival_us"], work.may_have_waited[source])
        checked = check_stream(table, batch, hearing, after[table], rules.streams[table])
        after[table] = checked.memory
        work.tables[table] = batch.with_columns(flags=checked.flags)
        work.rows += np.bincount(source, minlength=len(work.messages))
        work.missing[TABLE_STREAMS[table]] = int(checked.missing.sum())
    return Memories(after)


def _with_header(work: _Work, rows: Batch, opened: Opened) -> Batch:
    """The rows in the order of their frames, with what the header needs except `flags` and `batch_id`."""
    frame = rows["frame"]
    if np.any(frame[1:] < frame[:-1]):
        rows = rows.take(np.argsort(frame, kind="stable"))
    source = opened.frames.source[rows["frame"]]
    return rows.with_columns(
        message=source, arrival_us=work.messages.arrival_us[source], device_key=work.routes.device_key[work.route[source]]
    )


def _without_absurd(work: _Work, batch: Batch, opened: Opened) -> Batch:
    """Rows whose time no clock shows are refused: a SPAT's minute of the year may be anything."""
    absurd = is_absurd(batch["time_us"], batch["arrival_us"])
    if not absurd.any():
        return batch
    for row in np.flatnonzero(absurd).tolist():
        detail = f"the event time {batch['time_us'][row]} µs is outside 2000-01-01 … a day after its arrival"
        payload = opened.frames.frame(int(batch["frame"][row]))
        work.refusals.append(Refusal(int(batch["message"][row]), DropReason.OUT_OF_RANGE, detail, payload))
    return batch.take(~absurd)


def _messages(work: _Work, found: Sequence[DecodedMessage], opened: Opened, limits: TimingLimits) -> None:
    """MAP and RSI: whole frames with their reading beside them; the event time is the hearing time."""
    if not found:
        return
    frames = np.array([item.frame for item in found], np.int64)
    columns = _columns(work, opened.frames.source[frames], opened.frames.reference_us[frames], limits)
    payloads = [opened.frames.frame(item.frame) for item in found]
    _add(work, "message", columns, kind=[item.kind for item in found], payload=payloads, value=[item.value for item in found])


def _documents(work: _Work, chosen: Indices, limits: TimingLimits) -> None:
    good: list[int] = []
    bodies: list[dict[str, Any]] = []
    for message in chosen.tolist():
        route = work.route_of(message)
        if route.refusal is not None:
            work.refuse(message, route.refusal, route.detail)
            continue
        try:
            bodies.append(documents.read_object(work.messages.payload(message)))
            good.append(message)
        except MalformedError as error:
            work.refuse(message, DropReason(error.reason), error.detail)
    if not good:
        return
    source = np.array(good, np.int32)
    arrival_us = work.messages.arrival_us[source]
    said = [documents.event_time_us(body) for body in bodies]
    time_us = np.array([arrival if at is None else at for at, arrival in zip(said, arrival_us.tolist(), strict=True)], np.int64)
    columns = _columns(work, source, time_us, limits)
    _add(
        work,
        "report",
        columns,
        stream=[work.route_of(message).stream for message in good],
        topic=[work.messages.topic_of(message) for message in good],
        body=bodies,
    )


def _telemetry(work: _Work, chosen: Indices, rules: Rules) -> None:
    """One frame of a vehicle a message: reports become rows, with all they say and the frame beside them; logins are kept."""
    messages, source = work.messages, _welcome(work, chosen)
    start, stop = messages.start[source], messages.stop[source]
    is_jt808 = np.zeros(len(source), np.bool_)
    some = np.flatnonzero(stop > start)
    is_jt808[some] = messages.data[start[some]] == MARK[0]
    for decode, mine in ((gbt32960.decode, ~is_jt808), (jt808.decode, is_jt808)):
        if mine.any():
            _reports(work, source[mine], decode, rules)


def _reports(work: _Work, source: npt.NDArray[np.int32], decode: DecodeReports, rules: Rules) -> None:
    messages = work.messages
    frames = Frames(messages.data, messages.start[source], messages.stop[source], messages.arrival_us[source], source)
    decoded = decode(frames)
    rejects = decoded.rejects
    for frame, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
        work.refuse(int(source[frame]), reason, detail)
    _kept(work, source[list(decoded.others)], rules.reports)
    rows = decoded.rows
    if not len(rows):
        return
    frame = rows["frame"]
    columns = _columns(work, source[frame], rows["time_us"], rules.streams["telemetry"].timing)
    columns["flags"] |= np.where(decoded.is_doubtful, np.int16(Flag.RANGE), np.int16(0))
    known = {name: column for name, column in rows.columns.items() if name not in columns and name != "frame"}
    _add(work, "telemetry", {**known, **columns}, details=decoded.details(), frame=decoded.alone(frames))


def _blobs(work: _Work, chosen: Indices, limits: TimingLimits) -> None:
    _kept(work, _welcome(work, chosen), limits)


def _welcome(work: _Work, chosen: Indices) -> npt.NDArray[np.int32]:
    """Those of the messages whose routes refuse nothing; the others are refused."""
    good = []
    for message in chosen.tolist():
        route = work.route_of(message)
        if route.refusal is not None:
            work.refuse(message, route.refusal, route.detail)
        else:
            good.append(message)
    return np.array(good, np.int32)


def _kept(work: _Work, source: npt.NDArray[np.int32], limits: TimingLimits) -> None:
    """Whole payloads as they are; the event time is the arrival."""
    if not len(source):
        return
    columns = _columns(work, source, work.messages.arrival_us[source], limits)
    payloads = [work.messages.payload(message) for message in source.tolist()]
    kinds = [work.route_of(message).stream for message in source.tolist()]
    _add(work, "message", columns, kind=kinds, payload=payloads, value=[None] * len(source))


def _columns(
    work: _Work, source: npt.NDArray[np.int32], time_us: npt.NDArray[np.int64], limits: TimingLimits
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


def _add(work: _Work, table: str, columns: dict[str, npt.NDArray[Any]], **objects: Sequence[object]) -> None:
    for name, values in objects.items():
        columns[name] = np.empty(len(values), np.object_)
        columns[name][:] = list(values)
    batch = Batch(columns)
    if table in work.tables:
        earlier = work.tables[table]
        batch = Batch({name: np.concatenate([earlier[name], batch[name]]) for name in batch})
    work.tables[table] = batch


def every_table() -> tuple[str, ...]:
    """Tables a batch may have rows for."""
    return (*STREAMS, "message", "report")
