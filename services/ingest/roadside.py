"""JSON of roadsides → the rows that the air interface's messages become, and events and traffic, checked alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chelu.codec.roadside import Decoded, Remark
from chelu.messages import Frames
from services.ingest.prepared import Refusal
from services.ingest.quality import Memories
from services.ingest.streams import store_stream
from services.ingest.work import Indices, Rules, Work, add, header, welcome

CHECKED = ("participant", "spat")  # streams whose senders are followed


def read_roadside(work: Work, chosen: Indices, memories: Memories, rules: Rules) -> Memories:
    """The messages `chosen`, each read as its topic and its device say."""
    source = welcome(work, chosen)
    readers = {id(reader): reader for message in source.tolist() if (reader := work.route_of(message).reader)}
    for number, reader in readers.items():
        mine = np.array([message for message in source.tolist() if id(work.route_of(message).reader) == number], np.int32)
        messages, work.frames[mine] = work.messages, 1  # a document is what its sender counts
        frames = Frames(messages.data, messages.start[mine], messages.stop[mine], messages.arrival_us[mine], mine)
        decoded = reader(frames, [work.route_of(message).reading for message in mine.tolist()])
        memories = _store(work, decoded, frames, memories, rules)
    return memories


def _store(work: Work, decoded: Decoded, frames: Frames, memories: Memories, rules: Rules) -> Memories:
    _refuse(work, decoded, frames)
    after = dict(memories.streams)
    for table, rows in (("participant", decoded.participant), *decoded.others.items()):
        if not len(rows):
            continue
        if table in CHECKED:  # the sender's clock is all there is: it is held against the arrival
            after[table], _ = store_stream(work, table, rows, frames, rows["time_us"], after[table], rules)
        else:
            columns = header(work, frames.source[rows["frame"]], rows["time_us"], rules.streams[table].timing)
            others = {name: column for name, column in rows.columns.items() if name not in columns and name != "frame"}
            add(work, table, {**others, **columns})
    _messages(work, decoded, frames, rules)
    _remarks(work, decoded.remarks, frames)
    work.asked += [(int(frames.source[one.frame]), one.document) for one in decoded.asked]
    return Memories(after)


def _refuse(work: Work, decoded: Decoded, frames: Frames) -> None:
    """Of a message that is refused in many of its rows all share one payload."""
    payloads: dict[int, bytes] = {}
    rejects = decoded.rejects
    for frame, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
        payload = payloads.setdefault(frame, b"") or frames.frame(frame)
        payloads[frame] = payload
        work.refusals.append(Refusal(int(frames.source[frame]), reason, detail, payload))


def _messages(work: Work, decoded: Decoded, frames: Frames, rules: Rules) -> None:
    """Whole messages with their reading beside them, as an RSI of the air interface is kept; the event time is the arrival."""
    found = decoded.messages
    if not found:
        return
    frame = np.array([item.frame for item in found], np.int64)
    columns = header(work, frames.source[frame], frames.reference_us[frame], rules.reports)
    payloads = [frames.frame(item.frame) for item in found]
    add(work, "message", columns, kind=[item.kind for item in found], payload=payloads, value=[item.value for item in found])


def _remarks(work: Work, remarks: Sequence[Remark], frames: Frames) -> None:
    """What rows say beyond their columns, beside them: these are no rows of their own in the books."""
    if not remarks:
        return
    source = frames.source[np.array([remark.frame for remark in remarks], np.int64)]
    columns: dict[str, npt.NDArray[np.generic]] = {
        "message": source,
        "time_us": np.array([remark.time_us for remark in remarks], np.int64),
        "arrival_us": work.messages.arrival_us[source],
        "device_key": work.routes.device_key[work.route[source]],
        "flags": np.zeros(len(remarks), np.int16),
        "subject": np.array([remark.subject for remark in remarks], np.int64),
    }
    add(work, "remark", columns, stream=[one.stream for one in remarks], body=[one.body for one in remarks])
