"""From received messages to a batch ready to be written: routed, decoded, checked, and every row accounted for. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
from chelu.codec import documents, gbt32960, jt808, tits0180_status
from chelu.codec.jt808_frame import MARK
from chelu.coop.catalogue import Direction, check
from chelu.errors import MalformedError, NotAllowedError
from chelu.messages import DropReason, Flag, Frames
from chelu.quality.timing import TimingLimits
from chelu.topics import Kind
from services.ingest.frames import Decode, Decoded, DecodedMessage, Opened, open_frames
from services.ingest.prepared import LAST_SEQUENCE, Prepared, Refusal
from services.ingest.quality import Memories
from services.ingest.roadside import read_roadside
from services.ingest.routes import Handling, Route, Routes
from services.ingest.streams import store_stream
from services.ingest.work import Indices, Rules, Work, add, begin, header, keep_whole, welcome

DecodeReports = Callable[[Frames], gbt32960.Decoded | jt808.Decoded]
COOPERATION, BASIC = "coop", "basic-status"
TABLE_STREAMS = {"bsm": "bsm", "participant": "rsm", "spat": "spat"}  # table → the topic's stream, under which it is accounted


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
    work = begin(messages, route, routes, is_backlog=is_backlog)
    handling = routes.handling[route]
    fits = _refuse_oversize(work, handling, rules.payload_bytes)
    fits &= _refuse_numbers(work, fits & (handling != Handling.IGNORE))
    for message in np.flatnonzero(fits & (handling == Handling.REFUSE)).tolist():
        found = work.route_of(message)
        work.refuse(message, found.refusal or DropReason.UNKNOWN_TOPIC, found.detail)
    memories = _frames(work, np.flatnonzero(fits & (handling == Handling.FRAMES)), decode, memories, rules)
    memories = read_roadside(work, np.flatnonzero(fits & (handling == Handling.ROADSIDE)), memories, rules)
    _documents(work, np.flatnonzero(fits & (handling == Handling.JSON)), rules.reports)
    _telemetry(work, np.flatnonzero(fits & (handling == Handling.TELEMETRY)), rules)
    _blobs(work, np.flatnonzero(fits & (handling == Handling.BYTES)), rules.reports)
    done = Prepared(messages, routes, route, work.frames, work.rows, work.tables, work.refusals, work.missing, work.asked)
    return done, memories


def _refuse_oversize(work: Work, handling: npt.NDArray[np.int8], most: int) -> npt.NDArray[np.bool_]:
    sizes = work.messages.stop - work.messages.start
    too_long = (sizes > most) & (handling != Handling.IGNORE)
    for message in np.flatnonzero(too_long).tolist():
        work.refuse(message, DropReason.OVERLONG, f"{sizes[message]} bytes where {most} are taken")
    return np.asarray(~too_long)


def _refuse_numbers(work: Work, candidates: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    good = work.messages.sequence <= LAST_SEQUENCE
    for message in np.flatnonzero(candidates & ~good).tolist():
        work.refuse(message, DropReason.OUT_OF_RANGE, f"a sequence number beyond {LAST_SEQUENCE}")
    return np.asarray(good)


def _frames(work: Work, chosen: Indices, decode: Decode, memories: Memories, rules: Rules) -> Memories:
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


def _streams(work: Work, decoded: Decoded, opened: Opened, memories: Memories, rules: Rules) -> Memories:
    after = dict(memories.streams)
    for table, rows in (("bsm", decoded.bsm), ("participant", decoded.participant), ("spat", decoded.spat)):
        if len(rows):
            heard_us = opened.frames.reference_us[rows["frame"]]
            after[table], missing = store_stream(work, table, rows, opened.frames, heard_us, after[table], rules)
            work.missing[TABLE_STREAMS[table]] = missing
    return Memories(after)


def _messages(work: Work, found: Sequence[DecodedMessage], opened: Opened, limits: TimingLimits) -> None:
    """MAP and RSI: whole frames with their reading beside them; the event time is the hearing time."""
    if not found:
        return
    frames = np.array([item.frame for item in found], np.int64)
    columns = header(work, opened.frames.source[frames], opened.frames.reference_us[frames], limits)
    payloads = [opened.frames.frame(item.frame) for item in found]
    add(work, "message", columns, kind=[item.kind for item in found], payload=payloads, value=[item.value for item in found])


def _documents(work: Work, chosen: Indices, limits: TimingLimits) -> None:
    good: list[int] = []
    bodies: list[dict[str, Any]] = []
    for message in chosen.tolist():
        route = work.route_of(message)
        if route.refusal is not None:
            work.refuse(message, route.refusal, route.detail)
            continue
        try:
            bodies.append(_document(work.messages.payload(message), route))
            good.append(message)
        except MalformedError as error:
            work.refuse(message, DropReason(error.reason), error.detail)
        except NotAllowedError as error:
            work.refuse(message, DropReason.OUT_OF_RANGE, str(error))
    if not good:
        return
    source = np.array(good, np.int32)
    arrival_us = work.messages.arrival_us[source]
    said = [documents.event_time_us(body) for body in bodies]
    time_us = np.array([arrival if at is None else at for at, arrival in zip(said, arrival_us.tolist(), strict=True)], np.int64)
    columns = header(work, source, time_us, limits)
    add(
        work,
        "report",
        columns,
        stream=[work.route_of(message).stream for message in good],
        topic=[work.messages.topic_of(message) for message in good],
        body=bodies,
    )


def _document(payload: bytes, route: Route) -> dict[str, Any]:
    """One document; NotAllowedError when it is of cooperation and none of its messages, MalformedError for a bad status."""
    body = documents.read_object(payload)
    if route.stream == COOPERATION:
        check(body, Direction.UP)
    if fault := _fault_of(route, body):
        raise MalformedError(DropReason.OUT_OF_RANGE, fault)
    return body


def _fault_of(route: Route, body: dict[str, Any]) -> str:
    """What is wrong with a roadside computer's status; nothing is known of what other documents should be."""
    is_status = route.stream in tits0180_status.FORMS and route.device is not None and route.device.kind is Kind.RSCU
    return tits0180_status.fault_of(route.stream, body) if is_status and ("rscuSn" in body or route.stream == BASIC) else ""


def _telemetry(work: Work, chosen: Indices, rules: Rules) -> None:
    """One frame of a vehicle a message: reports become rows, with all they say and the frame beside them; logins are kept."""
    messages, source = work.messages, welcome(work, chosen)
    start, stop = messages.start[source], messages.stop[source]
    is_jt808 = np.zeros(len(source), np.bool_)
    some = np.flatnonzero(stop > start)
    is_jt808[some] = messages.data[start[some]] == MARK[0]
    for decode, mine in ((gbt32960.decode, ~is_jt808), (jt808.decode, is_jt808)):
        if mine.any():
            _reports(work, source[mine], decode, rules)


def _reports(work: Work, source: npt.NDArray[np.int32], decode: DecodeReports, rules: Rules) -> None:
    messages = work.messages
    frames = Frames(messages.data, messages.start[source], messages.stop[source], messages.arrival_us[source], source)
    decoded = decode(frames)
    rejects = decoded.rejects
    for frame, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
        work.refuse(int(source[frame]), reason, detail)
    keep_whole(work, source[list(decoded.others)], rules.reports)
    rows = decoded.rows
    if not len(rows):
        return
    frame = rows["frame"]
    columns = header(work, source[frame], rows["time_us"], rules.streams["telemetry"].timing)
    columns["flags"] |= np.where(decoded.is_doubtful, np.int16(Flag.RANGE), np.int16(0))
    known = {name: column for name, column in rows.columns.items() if name not in columns and name != "frame"}
    add(work, "telemetry", {**known, **columns}, details=decoded.details(), frame=decoded.alone(frames))


def _blobs(work: Work, chosen: Indices, limits: TimingLimits) -> None:
    keep_whole(work, welcome(work, chosen), limits)
